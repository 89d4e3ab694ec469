/* SPDX-License-Identifier: Apache-2.0 */
/* run/run.c - the ways to run a sandbox: in the foreground, dry, by create and start */

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/autopsy.h"
#include "run/control.h"
#include "run/run.h"
#include "run/supervise.h"

enum { USEC_PER_SEC = 1000000, NSEC_PER_USEC = 1000 };

void run_init(struct run *r, struct spec *s)
{
	struct timespec now = { 0 };

	*r = (struct run){ .spec = s, .signal_fd = -1, .control_fd = -1, .ready_fd = -1,
			   .hs = { .sock = -1 }, .child_hs = { .sock = -1 }, .child_stdio = { -1, -1, -1 },
			   .fuse = { .pidfd = -1, .err_fd = -1 }, .procview = { .said = -1 }, .layer = { .lock_fd = -1 }, .image = { .lock = -1 },
			   .dir = { .lock_fd = -1, .data_fd = -1 }, .share_fd = -1, .door = { .listen_fd = -1, .poll_fd = -1 },
			   .execs = { .lichen_fd = -1 },
			   .sweeper = { .pidfd = -1, .said = -1 } };
	for (size_t t = 0; t < NS_TYPES; t++)
		r->share.fds[t] = -1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	r->started_us = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/* @parent: whose end is ours, too; 0: nobody's */
static int run_once(struct spec *s, const struct imager_view *view, pid_t parent, struct run_end *end, struct err *e)
{
	const size_t n_env = s->process.env.n;
	struct run r;
	int conn = -1, rc;

	run_init(&r, s);
	r.parent = parent;
	r.image.view = view;
	rc = run_prepare(&r, e);
	if (rc == 0)
		rc = run_walk(&r, &conn, e);
	if (rc < 0) {
		run_explain_fuse(&r, e);
		autopsy_start(&r.cgroup, e);
	}
	if (rc == 0)
		rc = run_wait(&r, end, e);
	run_finish(&r);
	/* HOSTNAME was this run's; another one has another */
	while (s->process.env.n > n_env)
		auto_free(&s->process.env.v[--s->process.env.n]);
	return rc;
}

/* One of newuidmap and newgidmap failed after the other had done its part. */
static bool is_half_mapped(const struct spec *s, const struct err *e)
{
	return s->ids == IDS_AUTO && str_eq(e->op, "idmap");
}

/* The errnos by which the kernel says that its overlay cannot do this tree. */
static bool wants_copy(const struct spec *s, const struct err *e)
{
	return s->overlay == OVERLAY_AUTO && spec_has_tree(s) && !s->root.readonly && str_eq(e->op, "overlay") &&
	       (e->errnum == EINVAL || e->errnum == EPERM || e->errnum == ENODEV || e->errnum == EOPNOTSUPP ||
		e->errnum == EXDEV || e->errnum == ELOOP);
}

/* ... or that fuse-overlayfs, the rung behind it, is not to be had. */
static bool lacks_fuse(const struct spec *s, const struct err *e)
{
	return s->overlay == OVERLAY_AUTO && spec_has_tree(s) && !s->root.layer && str_eq(e->op, "fuse");
}

int run_foreground(struct spec *s, const struct imager_view *view, struct run_end *end, struct err *e)
{
	const pid_t parent = s->die_with_parent ? getppid() : 0;
	AUTO_FREE char *below = NULL;

	if (run_once(s, view, parent, end, e) == 0)
		return 0;
	if (is_half_mapped(s, e)) {
		log_warn("%s; this run has one id only", e->what);
		s->ids = IDS_SINGLE;
		err_clear(e);
		if (run_once(s, view, parent, end, e) == 0)
			return 0;
	}
	if (!wants_copy(s, e) && !lacks_fuse(s, e))
		return err_wrap(e, "cannot run %s", s->process.args.n ? s->process.args.v[0] : "it");
	if (s->root.kind == ROOT_DIR && mounts_below(s->root.path, &below))
		log_warn("%s is mounted below %s, which the kernel's overlay refuses: the tree is copied for this run",
			 below, s->root.path);
	else
		log_warn("neither the kernel's overlay nor fuse-overlayfs takes %s (%s: %s): the tree is copied for this run",
			 spec_tree_name(s), e->path, err_errno_name(e->errnum));
	s->overlay = OVERLAY_COPY;
	if (run_once(s, view, parent, end, e) < 0)
		return err_wrap(e, "cannot run %s", s->process.args.n ? s->process.args.v[0] : "it");
	return 0;
}

/* Whether the plan depends on the store: an image is found, a sandbox that is joined asked, a volume has its place. */
static bool needs_store(const struct spec *s)
{
	if (s->root.kind == ROOT_IMAGE)
		return true;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].volume)
			return true;
	for (size_t t = 0; t < NS_TYPES; t++)
		if (s->ns[t].mode == NS_PATH && s->ns[t].container)
			return true;
	return false;
}

int run_dry(struct spec *s, bool json, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };
	struct run r;
	int rc;

	run_init(&r, s);
	rc = facts_read(&r.facts, true, e);
	if (rc == 0)
		rc = spec_check(s, e);
	if (rc == 0)
		rc = attrs_check(s, true, e);
	if (rc == 0)
		rc = ids_prepare(s, &r.facts, e);
	if (rc == 0 && needs_store(s)) {
		rc = store_open(&r.store, r.facts.uid, r.facts.home, e);
		r.has_store = rc == 0;
	}
	if (rc == 0)
		rc = run_make_plan(&r, e);
	if (rc == 0) {
		if (json)
			plan_print_json(&r.plan, &out);
		else
			plan_print_text(&r.plan, &out);
		if (fd_write_all(STDOUT_FILENO, out.s, out.len) < 0)
			rc = err_sys(e, "write", "standard output", "printing the plan");
	}
	run_finish(&r);
	return rc;
}

/* ---- create and start ---- */

/* The surviving process: walks as far as 'go', waits for it, then for the end. */
static int supervise_created(struct run *r)
{
	struct err e;
	struct run_end end = { 0 };
	int conn = -1, rc;

	setsid();
	rc = run_prepare(r, &e);
	if (rc == 0)
		rc = control_listen(&r->dir, &r->control_fd, &e);
	if (rc == 0)
		rc = run_walk(r, &conn, &e);
	run_tell_ready(r, rc < 0 ? &e : NULL);
	control_answer(&conn, rc < 0 ? &e : NULL);
	if (rc == 0)
		rc = run_wait(r, &end, &e);
	run_finish(r);
	return rc < 0 ? err_status(&e) : end.status;
}

int run_create(struct spec *s, char **id, struct err *e)
{
	struct hs ours, theirs;
	struct run r;
	struct err answer;
	pid_t pid;

	run_init(&r, s);
	pid = hs_fork(&ours, &theirs, "starting the supervisor", e);
	if (pid < 0)
		return -1;
	if (pid == 0) {
		r.is_created = true;
		r.ready_fd = theirs.sock;
		_exit(supervise_created(&r));
	}
	if (fd_recv(ours.sock, &answer, sizeof(answer), NULL, NULL) != (ssize_t)sizeof(answer)) {
		hs_close(&ours);
		return err_set(e, ERR_PEER, "the supervisor died before it had created the sandbox");
	}
	hs_close(&ours);
	answer.file = NULL;
	if (answer.kind != ERR_NONE) {
		*e = answer;
		waitpid(pid, NULL, 0);
		return -1;
	}
	*id = str_dup(answer.what);
	return 0;
}

int run_start(const char *ref, struct err *e)
{
	struct facts f = { 0 };
	struct store st = { 0 };
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	int rc = facts_read(&f, false, e);

	if (rc == 0)
		rc = store_open(&st, f.uid, f.home, e);
	if (rc == 0) {
		rc = store_find(&st, ref, &rd, e);
		if (rc == 0)
			rc = control_say_start(&rd, e);
		run_dir_fini(&rd);
		store_close(&st);
	}
	facts_fini(&f);
	return rc;
}
