/* SPDX-License-Identifier: Apache-2.0 */
/* run/supervise.c - the supervisor: clones, walks its steps, waits, cleans up
 *
 * Theory of operation. In a foreground run the launcher itself is the supervisor:
 *
 *    launcher == supervisor --clone3--> child (pid 1 inside) --exec--> payload
 *         |  \--fork--> keeper: kills pid 1 when the launcher is gone
 *         |
 *         +-- epoll: signals (forwarded), pidfd of pid 1, terminal and pipes (relay)
 *
 * For create and start the supervisor is a process forked before the clone, which waits
 * for 'start' on the control socket before it passes 'go'. What the child does alone is
 * used: state, configuration and keeper are made while it assembles the root.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/sys.h"
#include "run/autopsy.h"
#include "run/control.h"
#include "run/supervise.h"
#include "run/wait.h"
#include "spec/oci.h"

/* ---- the clone and what is done meanwhile ---- */

static int be_child(void *arg)
{
	struct run *r = arg;
	struct ctx *c = &r->ctx;

	/* the locks are the supervisor's alone; its end of the socket must show its death */
	auto_close(&r->dir.lock_fd);
	auto_close(&r->dir.data_fd);
	hs_close(&r->hs);
	auto_close(&r->signal_fd);
	c->hs = &r->child_hs;
	for (size_t i = 0; i < 3; i++)
		c->stdio[i] = r->child_stdio[i];
	return child_main(c);
}

static void on_fuse(void *arg, size_t step, const int *fds)
{
	struct run *r = arg;
	AUTO_FREE char *helper = NULL;

	if (step >= r->plan.n || r->plan.v[step].kind != STEP_PROC_LIMITS) {
		fuse_serve(&r->fuse, &r->ctx, step, fds);
		return;
	}
	helper = helper_path("lichen-proc");
	procview_serve(&r->procview, &r->ctx, helper, fds);
}

int run_clone(struct run *r, const struct step *s, struct err *e)
{
	int pidfd = -1;
	struct sys_clone_args args = {
		.flags = s->u.clone_flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid;

	if (hs_pair(&r->hs, &r->child_hs, e) < 0)
		return -1;
	r->hs.on_fuse = on_fuse;
	r->hs.on_fuse_arg = r;
	if (stage_is_needed(&r->plan)) {
		if (stage_clone(&r->ctx, s, be_child, r, &pid, &pidfd, e) < 0)
			return -1;
	} else {
		clone_into(&r->ctx, s, &args);
		/* without namespaces no clone3, which old containers' filters answer with ENOSYS */
		pid = s->u.clone_flags || s->reads[0] ? sys_clone3(&args) : fork();
		if (pid < 0)
			return clone_explain(s, e);
		if (pid == 0)
			_exit(be_child(r));
	}
	hs_close(&r->child_hs);
	for (size_t i = 0; i < 3; i++)
		auto_close(&r->child_stdio[i]);
	r->ctx.child_pid = pid;
	if (pidfd < 0)
		pidfd = sys_pidfd_open(pid, 0);
	if (pidfd < 0) {
		err_sys(e, "pidfd_open", NULL, "holding on to the child");
		kill(pid, SIGKILL); /* our own child, not yet waited for */
		return -1;
	}
	ctx_put(&r->ctx, s->writes[0], pidfd);
	return 0;
}

static void add_rungs(const struct run *r, struct strv *out)
{
	for (size_t i = 0; i < r->plan.n && i < sizeof(r->ctx.rung_taken); i++) {
		const struct step *s = &r->plan.v[i];
		const char *name = s->rungs[r->ctx.rung_taken[i]].name;

		if (name && s->kind == STEP_IDMAP)
			strv_addf(out, "ids=%s", name);
		else if (name && s->kind == STEP_OVERLAY)
			strv_addf(out, "overlay=%s", name);
		else if (name && s->kind == STEP_CGROUP)
			strv_addf(out, "cgroup=%s", name);
		else if (name && s->kind == STEP_INIT_LOAD)
			strv_addf(out, "init=%s", name);
	}
	if (r->in.takes_copy)
		strv_add(out, "overlay=copy");
}

static int write_state(struct run *r, const char *status, struct err *e)
{
	struct run_state st = { .status = str_dup(status), .pid = r->ctx.child_pid, .supervisor = getpid() };
	size_t map = 0;
	int rc;

	while (map < r->plan.n && r->plan.v[map].kind != STEP_IDMAP)
		map++;
	st.pid_start = pid_start_time(st.pid);
	if (map < r->plan.n && r->ctx.rung_taken[map] == 1) {
		id_map_copy(&st.uids, &r->in.single_uids);
		id_map_copy(&st.gids, &r->in.single_gids);
	} else {
		id_map_copy(&st.uids, &r->in.uids);
		id_map_copy(&st.gids, &r->in.gids);
	}
	add_rungs(r, &st.rungs);
	if (r->cgroup.box)
		st.cgroup = str_dup(r->cgroup.box);
	if (r->end) {
		st.has_ended = true;
		st.exit_status = r->end->status;
		st.oom_killed = r->end->oom_killed;
		st.cause = str_dup(r->end->cause);
	}
	rc = store_write_state(&r->dir, r->spec, &st, e);
	run_state_fini(&st);
	return rc;
}

/* The definition on disk, once: before any file of a subordinate id can exist, since only
 * its map can remove such files after a kill. */
int run_record(void *arg, struct err *e)
{
	AUTO_BUF struct buf json = { 0 };
	struct run *r = arg;
	const struct id_map uids = r->spec->uids, gids = r->spec->gids;

	if (r->is_recorded)
		return 0;
	r->is_recorded = true;
	/* the maps are of this run alone: another one may follow, with others */
	r->spec->uids = r->in.uids;
	r->spec->gids = r->in.gids;
	oci_write(r->spec, &json);
	r->spec->uids = uids;
	r->spec->gids = gids;
	return store_write_config(&r->dir, json.s, json.len, e);
}

static bool shares_pids(const struct spec *s)
{
	return s->ns[NS_PID].mode != NS_PRIVATE;
}

/* What the payload may leave behind where it has no pid namespace of its own. */
static struct tree rest_of(const struct run *r)
{
	return (struct tree){ .adopter = getpid(), .mount_ns_fd = ctx_fd(&r->ctx, SLOT_MOUNTNS), .mark = spec_is_bare(r->spec) ? r->dir.id : NULL,
			      .spared = { [SPARED_KEEPER] = r->keeper, [SPARED_SERVER] = r->fuse.pid,
					  [SPARED_SWEEPER] = r->sweeper.pid } };
}

/* The namespaces as they were made, before the payload exists. The child is not waited
 * for, so its number is its own. Where it is closed to us for now (a map by newuidmap, a
 * joined user namespace) this is done earlier, or after exec. */
static void take_namespaces(struct run *r)
{
	if (r->is_shared)
		return;
	r->is_shared = share_open(r->ctx.child_pid, r->spec, r->share.fds) == 0;
	/* one of its own later would be another */
	if (r->is_shared && ctx_fd(&r->ctx, SLOT_MOUNTNS) >= 0) {
		close(r->share.fds[NS_MOUNT]);
		r->share.fds[NS_MOUNT] = fcntl(ctx_fd(&r->ctx, SLOT_MOUNTNS), F_DUPFD_CLOEXEC, 0);
	}
	r->share.pid = r->ctx.child_pid;
	for (size_t t = 0; t < NS_TYPES; t++)
		r->share.host[t] = r->spec->ns[t].mode == NS_HOST;
}

/* What must stand before the payload may begin. In a foreground run all of it is done
 * beside the child, which assembles the root. */
static int settle(struct run *r, const char *status, struct err *e)
{
	const struct kept_cgroup cgroup = { &r->cgroup, &r->in.uids, &r->in.gids };
	struct tree tree = rest_of(r);

	if (r->is_settled)
		return 0;
	r->is_settled = true;
	tree.top = r->ctx.child_pid;
	tree.adopter = 0;
	if (!r->is_created && keeper_start(&r->keeper, ctx_fd(&r->ctx, SLOT_CHILD), relay_tty_fd(r->relay),
					   shares_pids(r->spec) ? &tree : NULL, &cgroup, e) < 0)
		return -1;
	take_namespaces(r);
	if (!r->is_created && (share_listen(&r->dir, &r->share_fd, e) < 0 || control_listen(&r->dir, &r->control_fd, e) < 0))
		return -1;
	return run_record(r, e) < 0 ? -1 : write_state(r, status, e);
}

void run_tell_ready(struct run *r, const struct err *e)
{
	struct err none = { 0 };

	if (r->ready_fd >= 0) {
		int rc;

		/* success carries the id */
		str_copy(none.what, sizeof(none.what), r->dir.id ? r->dir.id : "");
		rc = fd_send(r->ready_fd, e ? e : &none, sizeof(none), NULL, 0);

		(void)rc; /* who waits is gone */
	}
	auto_close(&r->ready_fd);
}

/* One meeting point, with what belongs around it. */
static int meet(struct run *r, const struct step *s, int *conn, struct err *e)
{
	if (s->u.meet == HS_IDS_MAPPED) {
		take_namespaces(r); /* it becomes root inside next, and closed to us */
		if (run_record(r, e) < 0)
			return -1;
	}
	if ((s->u.meet == HS_GO || (s->u.meet == HS_ROOT_READY && !r->is_created)) &&
	    settle(r, r->is_created ? "created" : "running", e) < 0)
		return -1;
	if (s->u.meet == HS_GO && parent_has_ended(r->parent))
		return err_set(e, ERR_PEER, "the process that started lichen has ended");
	if (s->u.meet == HS_GO && r->is_created) {
		run_tell_ready(r, NULL);
		sweeper_start(&r->sweeper, &r->store, r->dir.id);
		if (control_wait_start(r->control_fd, r->signal_fd, ctx_fd(&r->ctx, SLOT_CHILD), conn, e) < 0 ||
		    write_state(r, "running", e) < 0 || share_listen(&r->dir, &r->share_fd, e) < 0)
			return -1;
	}
	if (hs_pass(&r->ctx, s, e) < 0)
		return -1;
	if (s->u.meet == HS_GO && !r->is_created) /* beside the child's last steps */
		sweeper_start(&r->sweeper, &r->store, r->dir.id);
	if (s->u.meet == HS_ROOT_READY && r->spec->process.terminal) {
		int console = ctx_fd(&r->ctx, SLOT_CONSOLE);

		ctx_put(&r->ctx, SLOT_CONSOLE, -1);
		return relay_console(r->relay, console, e);
	}
	return 0;
}

int run_walk(struct run *r, int *conn, struct err *e)
{
	for (size_t i = 0; i < r->plan.n; i++) {
		const struct step *s = &r->plan.v[i];
		int rc = 0;

		if (s->kind == STEP_MEET)
			rc = meet(r, s, conn, e);
		else if (s->kind == STEP_CLONE)
			rc = run_clone(r, s, e);
		else if (s->place == AT_SUPERVISOR)
			rc = walk_step(&r->ctx, i, e);
		if (rc < 0)
			return -1;
	}
	if (hs_wait_exec(&r->hs, &r->ctx, e) < 0)
		return -1;
	take_namespaces(r);
	return 0;
}

/* Whatever it died of is told, and stands in the state for whoever finds it there. */
static int look_into(struct run *r, const struct wait *w, struct run_end *end, struct err *e)
{
	AUTO_FREE char *helper = end->status ? helper_path("lichen-seccomp") : NULL;
	const struct autopsy_facts f = { .status = end->status, .signal = w->end_signal, .pid = w->pid, .helper = helper,
					 .uids = &r->in.uids, .started_us = r->started_us,
					 .has_timed_out = w->has_timed_out,
					 .was_ours = w->forwarded || w->is_asked || w->has_timed_out || parent_has_ended(w->parent) };

	autopsy(end, r->spec, &r->cgroup, &f);
	if (!end->cause)
		return 0;
	r->end = end;
	if (write_state(r, "stopped", e) < 0) {	/* a full disk does not change how it ended */
		log_err(e);
		err_clear(e);
	}
	return 0;
}

/* From here on lichen exec is answered: what it joins is whole, and the payload's. */
static int open_door(struct run *r, struct err *e)
{
	r->execs = (struct control_exec){ .id = r->dir.id, .ns = r->share.fds, .lichen_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC) };
	if (r->execs.lichen_fd < 0)
		return err_sys(e, "open", "/proc/self/exe", "keeping the program for lichen exec");
	return door_open(&r->door, fd_take(&r->control_fd), e);
}

int run_wait(struct run *r, struct run_end *end, struct err *e)
{
	struct wait w = { .spec = r->spec, .pid = r->ctx.child_pid, .pidfd = ctx_fd(&r->ctx, SLOT_CHILD),
			  .signal_fd = r->signal_fd, .share_fd = r->share_fd, .share = &r->share, .parent = r->parent,
			  .relay = r->relay, .fuse = &r->fuse, .sweeper = &r->sweeper, .box = r->cgroup.box, .door = &r->door, .execs = &r->execs };
	struct tree rest = rest_of(r);

	w.rest = shares_pids(r->spec) ? &rest : NULL;

	if (open_door(r, e) < 0 || wait_for_end(&w, &end->status, e) < 0)
		return -1;
	r->ctx.child_pid = 0;
	return look_into(r, &w, end, e);
}

/* ---- the end ---- */

void run_finish(struct run *r)
{
	bool has_served, is_gone;
	struct err e;

	stop_disarm();
	if (r->ctx.child_pid > 0) {
		int pidfd = ctx_fd(&r->ctx, SLOT_CHILD);

		sys_pidfd_send_signal(pidfd, SIGKILL);
		while (waitpid(r->ctx.child_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	control_exec_end(&r->execs);
	share_answer_fini(&r->share); /* its mount namespace would keep the mounts */
	if (r->ctx.fds && shares_pids(r->spec)) {
		struct tree rest = rest_of(r);

		tree_end(&rest);
		ctx_put(&r->ctx, SLOT_MOUNTNS, -1); /* it would keep the mounts */
	}
	if (r->relay)
		relay_free(r->relay);
	if (shares_pids(r->spec)) { /* nor must the keeper */
		keeper_end(r->keeper);
		r->keeper = 0;
	}
	procview_end(&r->procview);
	has_served = r->fuse.err_fd >= 0;
	fuse_end(&r->fuse);
	if (has_served)
		layer_check_room(&r->layer);
	is_gone = cgroup_end(&r->cgroup, &r->in.uids, &r->in.gids, in_map);
	if (r->has_dir) {
		const struct id_map *u = &r->in.uids, *g = &r->in.gids;

		if (r->in.single_uids.n && r->ctx.fds)
			for (size_t i = 0; i < r->plan.n; i++)
				if (r->plan.v[i].kind == STEP_IDMAP && r->ctx.rung_taken[i] == 1)
					u = &r->in.single_uids, g = &r->in.single_gids;
		/* else nobody would know of the cgroup any more: the next sweep removes both */
		if (is_gone && store_remove(&r->dir, u, g, in_map, &e) < 0) {
			err_wrap(&e, "cleaning up after %.12s", r->dir.id);
			log_err(&e);
		}
		run_dir_fini(&r->dir);
	}
	layer_release(&r->layer);
	image_release(&r->image, r->spec);
	if (r->has_store)
		store_close(&r->store);
	sweeper_end(&r->sweeper);
	keeper_end(r->keeper);
	hs_close(&r->hs);
	for (short i = 0; r->ctx.fds && i < r->plan.n_slots; i++)
		auto_close(&r->ctx.fds[i]);
	free(r->ctx.fds);
	free(r->compiled);
	auto_close(&r->signal_fd);
	auto_close(&r->control_fd);
	auto_close(&r->share_fd);
	door_close(&r->door);
	auto_close(&r->execs.lichen_fd);
	plan_fini(&r->plan);
	plan_input_fini(&r->in);
	facts_fini(&r->facts);
}

/* A root that nobody serves any more fails with ENOTCONN at whatever step comes next. */
void run_explain_fuse(struct run *r, struct err *e)
{
	struct pollfd p = { .fd = r->fuse.pidfd, .events = POLLIN };
	struct err why;

	if (r->fuse.pid && e->errnum == ENOTCONN && poll(&p, 1, 1000) > 0 && fuse_explain(&r->fuse, &why) < 0) {
		str_copy(why.op, sizeof(why.op), "fuse");
		*e = why;
	}
}
