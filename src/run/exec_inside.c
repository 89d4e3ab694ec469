/* SPDX-License-Identifier: Apache-2.0 */
/* run/exec_inside.c - lichen __exec: joins a sandbox with a plan of its own, and waits for the command
 *
 * Started by the supervisor (spec/control_exec.h) as the caller, outside of the sandbox: its memory and its processes are not
 * the sandbox's, and it can tell who asked what became of the command whatever ends that. What it joins it gets as descriptors.
 */

#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/supervise.h"
#include "run/update.h"
#include "spec/control_msg.h"
#include "spec/exec_request.h"
#include "spec/idwish.h"
#include "spec/oci.h"

enum { GRACE_MS = 2000, LINE_MAX_LEN = 1024 };

struct inside {
	struct run r;
	struct spec spec;
	struct run_state state;
	int conn;		/* -1: nobody listens any more */
	int flags;		/* enum exec_flags */
	int console;		/* the pty's outer end; -1 */
	bool is_hung_up;	/* who asked is gone: the command is to end */
};

/* ---- words to who asked ---- */

static void tell(struct inside *x, enum control_kind kind, int a, const int *fds, size_t n_fds)
{
	const struct control_msg m = { .version = CONTROL_VERSION, .kind = kind, .a = a };
	int rc = x->conn >= 0 ? fd_send(x->conn, &m, sizeof(m), fds, n_fds) : 0;

	(void)rc; /* who asked is gone, which is seen later */
}

static void tell_line(enum log_level level, const char *text, void *arg)
{
	struct {
		struct control_msg head;
		char text[LINE_MAX_LEN];
	} m = { .head = { .version = CONTROL_VERSION, .kind = CTL_LOG, .a = (int)level } };
	const struct inside *x = arg;
	int rc;

	str_copy(m.text, sizeof(m.text), text);
	rc = x->conn >= 0 ? fd_send(x->conn, &m, sizeof(m.head) + strlen(m.text) + 1, NULL, 0) : 0;
	(void)rc; /* a word less */
}

/* ---- what is to be done ---- */

static int take_fds(struct inside *x, struct err *e)
{
	const char *has = getenv("LICHEN_EXEC_NS"), *flags = getenv("LICHEN_EXEC_FLAGS");
	const unsigned long mask = has ? strtoul(has, NULL, 10) : 0;
	struct plan_input *in = &x->r.in;
	struct stat st;
	int next = EXEC_NS_FD;

	in->has_joined = true;
	for (size_t t = 0; t < NS_TYPES; t++)
		in->joined[t] = -1;
	if (!has || !flags || fstat(EXEC_CONN_FD, &st) < 0 || !S_ISSOCK(st.st_mode) || fcntl(EXEC_REQUEST_FD, F_GETFD) < 0)
		return err_set(e, ERR_USAGE, "__exec is what a supervisor runs, for 'lichen exec'");
	x->conn = EXEC_CONN_FD;
	x->flags = (int)strtol(flags, NULL, 10);
	for (int i = 0; i < 3; i++)
		x->r.child_stdio[i] = EXEC_STDIO_FD + i;
	for (size_t t = 0; t < NS_TYPES; t++)
		if (mask >> t & 1)
			in->joined[t] = next++;
	for (int fd = EXEC_CONN_FD; fd < next; fd++)
		if (fd_cloexec(fd, true) < 0)
			return err_sys(e, "fcntl", NULL, "taking descriptor %d", fd);
	unsetenv("LICHEN_EXEC_NS");
	unsetenv("LICHEN_EXEC_FLAGS");
	return 0;
}

/* All that the sandbox has of its own is joined, and nothing else is. */
static void join_all(struct spec *s, const int joined[NS_TYPES])
{
	for (size_t t = 0; t < NS_TYPES; t++) {
		s->ns[t].mode = joined[t] >= 0 ? NS_PATH : NS_HOST;
		str_set(&s->ns[t].container, NULL);
		str_set(&s->ns[t].path, "its own");
	}
}

static int read_request(struct spec *s, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct spec rq;
	size_t len;
	int rc;

	if (fd_read_file(EXEC_REQUEST_FD, "", OCI_MAX_BYTES, &text, &len) < 0)
		return err_sys(e, "read", "request", "reading what is asked for");
	close(EXEC_REQUEST_FD);
	spec_init(&rq);
	rc = oci_read(text, len, OCI_TRUSTED, &rq, NULL, e); /* from our own user, or it would not be here */
	if (rc == 0)
		rc = exec_request_lay(s, &rq, e);
	spec_fini(&rq);
	return rc;
}

/* Who the command is where nobody says it, as at the start (run/ids.c). */
static int find_own(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	enum userns_wish kind;
	int64_t uid, gid;

	if (userns_wish_parse(s->userns, &kind, &uid, &gid, e) < 0)
		return -1;
	in->has_own = kind != USERNS_PLAIN && !f->is_root;
	if (kind == USERNS_KEEP_ID) {
		in->own_uid = uid >= 0 ? (uint32_t)uid : f->uid;
		in->own_gid = gid >= 0 ? (uint32_t)gid : f->gid;
	}
	in->home = str_dup(f->home);
	return 0;
}

/* Where the first process is now, which may be deeper than it was put: NULL where it is not in @box. */
static char *group_of(pid_t pid, const char *box)
{
	AUTO_FREE char *file = str_fmt("/proc/%d/cgroup", (int)pid), *text = NULL;
	const char *top = strrchr(box, '/'), *at;

	while (top > box && top[-1] != '/')
		top--;
	if (fd_read_file(AT_FDCWD, file, 1 << 16, &text, NULL) < 0)
		return NULL;
	at = str_starts(text, "0::") ? text : strstr(text, "\n0::");	/* behind version 1's, where there are both */
	at = at ? strstr(at, top) : NULL;
	if (!at)
		return NULL;
	text[at - text + (ptrdiff_t)strcspn(at, "\n")] = '\0';
	return !strstr(at, "..") ? str_fmt("%s%s", box, at + strlen(top)) : NULL;
}

/* The directory of the cgroup for the command; NULL: the sandbox has none. Owned. */
static char *find_cgroup(const struct run_dir *rd, const struct run_state *state)
{
	AUTO_FREE char *dir = store_cgroup_of(rd), *box = dir ? str_fmt("%s/box", dir) : NULL;
	AUTO_FREE char *inner = box ? str_fmt("%s/inner", box) : NULL, *now = NULL;

	if (!box || access(box, F_OK) < 0)
		return NULL;
	if (access(inner, F_OK) < 0)
		return ptr_take(&box);
	now = group_of(state->pid, box);
	return now ? ptr_take(&now) : ptr_take(&inner);
}

static int find_sandbox(struct inside *x, const char *id, struct err *e)
{
	struct run *r = &x->r;

	if (facts_read(&r->facts, false, e) < 0 || store_open(&r->store, r->facts.uid, r->facts.home, e) < 0)
		return -1;
	r->has_store = true;
	if (store_find(&r->store, id, &r->dir, e) < 0 || store_read_state(&r->dir, &x->state, e) < 0)
		return -1;
	return run_read_config(&r->dir, &x->spec, e);
}

static int prepare(struct inside *x, const char *id, struct err *e)
{
	struct run *r = &x->r;
	struct plan_input *in = &r->in;

	if (find_sandbox(x, id, e) < 0)
		return -1;
	join_all(&x->spec, in->joined);
	if (read_request(&x->spec, e) < 0 || find_own(in, &x->spec, &r->facts, e) < 0)
		return -1;
	in->is_exec = true;
	in->is_root = r->facts.is_root;
	in->how = IDMAP_JOINED;
	id_map_copy(&in->uids, &x->state.uids);
	id_map_copy(&in->gids, &x->state.gids);
	in->exec_cgroup = find_cgroup(&r->dir, &x->state);
	if (plan_build(&r->plan, r->spec, in, e) < 0 || plan_check(&r->plan, e) < 0)
		return -1;
	r->ctx = (struct ctx){ .spec = r->spec, .plan = &r->plan, .in = in, .place = AT_SUPERVISOR, .hs = &r->hs };
	r->ctx.fds = mem_alloc((size_t)r->plan.n_slots * sizeof(int));
	for (short i = 0; i < r->plan.n_slots; i++)
		r->ctx.fds[i] = -1;
	if (run_choose_filter(r, e) < 0)
		return -1;
	if (r->facts.is_root && in->uids.n && in->gids.n)
		run_give_pipes(r);
	return 0;
}

/* ---- the walk ---- */

static int meet(struct inside *x, const struct step *s, struct err *e)
{
	struct run *r = &x->r;

	if (hs_pass(&r->ctx, s, e) < 0)
		return -1;
	if (s->u.meet != HS_ROOT_READY)
		return 0;
	/* we keep one: of what is detached nobody else has it */
	x->console = ctx_fd(&r->ctx, SLOT_CONSOLE);
	ctx_put(&r->ctx, SLOT_CONSOLE, -1);
	tell(x, CTL_CONSOLE, 0, &x->console, 1);
	return 0;
}

static int walk(struct inside *x, struct err *e)
{
	struct run *r = &x->r;

	for (size_t i = 0; i < r->plan.n; i++) {
		const struct step *s = &r->plan.v[i];
		int rc = 0;

		if (s->kind == STEP_MEET)
			rc = meet(x, s, e);
		else if (s->kind == STEP_CLONE)
			rc = run_clone(r, s, e);
		else if (s->place == AT_SUPERVISOR)
			rc = walk_step(&r->ctx, i, e);
		if (rc < 0)
			return -1;
		/* held, they would keep the sandbox's mounts beyond its end */
		for (size_t t = 0; s->kind == STEP_CLONE && t < NS_TYPES; t++)
			auto_close(&r->in.joined[t]);
	}
	return hs_wait_exec(&r->hs, &r->ctx, e);
}

/* ---- the wait ---- */

/* As from a keyboard where it is one: a shell and what it waits for. The command leads its session, and is not waited for yet. */
static void send_signal(const struct inside *x, int sig)
{
	const pid_t pid = x->r.ctx.child_pid;

	if (sig < 1 || sig > SIGRTMAX)
		return;
	if ((sig == SIGINT || sig == SIGQUIT || sig == SIGHUP) && !x->spec.process.terminal && kill(-pid, sig) == 0)
		return;
	sys_pidfd_send_signal(ctx_fd(&x->r.ctx, SLOT_CHILD), sig);
}

/* As a terminal that is closed, to those in it; what takes no notice is killed after a moment. */
static void hang_up(struct inside *x)
{
	const pid_t pid = x->r.ctx.child_pid;

	auto_close(&x->conn);
	if (x->flags & EXEC_DETACHED)
		return;
	x->is_hung_up = true;
	auto_close(&x->console);
	(void)kill(-pid, SIGHUP);
	(void)kill(-pid, SIGCONT);
	sys_pidfd_send_signal(ctx_fd(&x->r.ctx, SLOT_CHILD), SIGHUP);
	sys_pidfd_send_signal(ctx_fd(&x->r.ctx, SLOT_CHILD), SIGCONT);
}

static void hear(struct inside *x)
{
	struct control_msg m = { 0 };
	ssize_t n = fd_recv(x->conn, &m, sizeof(m), NULL, NULL);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	if (n != (ssize_t)sizeof(m) || m.version != CONTROL_VERSION)
		hang_up(x);
	else if (m.kind == CTL_SIGNAL)
		send_signal(x, m.a);
}

/* Nobody sees it, but a full terminal would stop the command. */
static void discard(struct inside *x)
{
	char buf[4096];
	ssize_t n = read(x->console, buf, sizeof(buf));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		auto_close(&x->console);
}

/* Until the command has ended, which is not waited for yet. */
static void watch(struct inside *x)
{
	const int pidfd = ctx_fd(&x->r.ctx, SLOT_CHILD);

	for (;;) {
		const bool is_alone = x->conn < 0 && x->console >= 0;
		struct pollfd p[3] = { { .fd = pidfd, .events = POLLIN }, { .fd = x->conn, .events = POLLIN },
				       { .fd = is_alone ? x->console : -1, .events = POLLIN } };
		int n = poll(p, 3, x->is_hung_up ? GRACE_MS : -1);

		if (n == 0) {
			(void)kill(-x->r.ctx.child_pid, SIGKILL);
			sys_pidfd_send_signal(pidfd, SIGKILL);
			x->is_hung_up = false;
		}
		if (n > 0 && p[0].revents)
			return;
		if (n > 0 && p[1].revents)
			hear(x);
		if (n > 0 && p[2].revents)
			discard(x);
	}
}

static int wait_for_it(struct inside *x, struct err *e)
{
	siginfo_t si = { 0 };
	int flags = x->console >= 0 ? fcntl(x->console, F_GETFL) : -1;

	if (flags >= 0 && fcntl(x->console, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_sys(e, "fcntl", NULL, "keeping the terminal");
	if (x->flags & EXEC_DETACHED)
		auto_close(&x->conn);
	watch(x);
	if (waitid(P_PID, (id_t)x->r.ctx.child_pid, &si, WEXITED) < 0)
		return err_sys(e, "waitid", "command", "waiting for the command");
	x->r.ctx.child_pid = 0;
	tell(x, CTL_ENDED, si.si_code == CLD_EXITED ? si.si_status : EXIT_SIGNAL + si.si_status, NULL, 0);
	return 0;
}

/* ---- the whole ---- */

static void finish(struct inside *x)
{
	struct run *r = &x->r;

	if (r->ctx.child_pid > 0) {
		sys_pidfd_send_signal(ctx_fd(&r->ctx, SLOT_CHILD), SIGKILL);
		while (waitpid(r->ctx.child_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	log_set_sink(NULL, NULL);
	auto_close(&x->console);
	auto_close(&x->conn);
	hs_close(&r->hs);
	for (short i = 0; r->ctx.fds && i < r->plan.n_slots; i++)
		auto_close(&r->ctx.fds[i]);
	free(r->ctx.fds);
	free(r->compiled);
	plan_fini(&r->plan);
	plan_input_fini(&r->in);
	run_dir_fini(&r->dir);
	if (r->has_store)
		store_close(&r->store);
	facts_fini(&r->facts);
	run_state_fini(&x->state);
	spec_fini(&x->spec);
}

int run_exec_inside(const char *id, int *status, struct err *e)
{
	struct inside x = { .conn = -1, .console = -1 };
	int rc;

	spec_init(&x.spec);
	run_init(&x.r, &x.spec);
	rc = take_fds(&x, e);
	if (rc == 0) {
		log_set_level(x.flags & EXEC_DEBUG ? LOG_LEVEL_DEBUG : x.flags & EXEC_VERBOSE ? LOG_LEVEL_INFO : LOG_LEVEL_WARN);
		log_set_sink(tell_line, &x);
		rc = prepare(&x, id, e);
	}
	if (rc == 0)
		rc = walk(&x, e);
	if (rc == 0) {
		tell(&x, CTL_BEGUN, x.r.ctx.child_pid, NULL, 0);
		rc = wait_for_it(&x, e);
	}
	if (rc < 0 && x.conn >= 0) {
		control_tell_error(x.conn, e);
		*status = err_status(e);
		rc = 0;
	}
	finish(&x);
	return rc;
}
