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
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "run/control.h"
#include "run/fuse.h"
#include "run/internal.h"
#include "run/relay.h"
#include "run/run.h"
#include "run/share.h"
#include "spec/oci.h"
#include "steps/seccomp.h"

struct run {
	struct spec *spec;
	struct facts facts;
	struct store store;
	struct run_dir dir;
	bool has_store, has_dir;
	struct plan_input in;
	struct plan plan;
	struct ctx ctx;
	struct hs hs, child_hs;
	struct relay *relay;
	int child_stdio[3];
	struct sock_filter *compiled;	/* owned; NULL where the filter is built in */
	pid_t keeper;
	struct fuse fuse;
	struct layer layer;
	int signal_fd;
	bool is_recorded, is_settled;
	bool is_created;	/* 'go' comes over the control socket */
	int control_fd;
	int ready_fd;		/* create: tells the first process "created" or the error */
	int forwarded;		/* the last terminating signal that was forwarded */
	pid_t parent;		/* --die-with-parent: who started us; else 0 */
	int timer_fd;		/* --timeout; else -1 */
	bool has_timed_out;
	int share_fd;		/* where the namespaces are asked for */
	struct share_answer share;
	bool is_shared;		/* share.fds are filled in */
};

/* ---- before the clone ---- */

static char *helper_path(const char *name)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	AUTO_FREE char *built = NULL;

	/* from the build tree: the helpers lie beside the program */
	if (n > 0) {
		exe[n] = '\0';
		*strrchr(exe, '/') = '\0';
		built = str_fmt("%s/helpers/%s", exe, name);
		if (access(built, X_OK) == 0)
			return ptr_take(&built);
	}
	return str_fmt("%s/%s", LICHEN_LIBEXECDIR, name);
}

static char *profile_path(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n > 0) {
		AUTO_FREE char *built = NULL;

		exe[n] = '\0';
		*strrchr(exe, '/') = '\0';
		built = str_fmt("%s/data/seccomp-default.json", exe);
		if (access(built, R_OK) == 0)
			return ptr_take(&built);
	}
	return str_dup(LICHEN_DATADIR "/seccomp-default.json");
}

/* Compiled by the helper where it is not in the cache; owned by @r afterwards. */
static int compile_filter(struct run *r, uint64_t caps, struct err *e)
{
	struct spec *s = r->spec;
	bool is_foreign = s->seccomp == SECCOMP_PROFILE;
	AUTO_FREE char *helper = helper_path("lichen-seccomp");
	AUTO_FREE char *profile = is_foreign ? str_dup(s->seccomp_profile) : profile_path();
	struct seccomp_request rq = { .caps = caps, .helper = helper, .profile = profile, .cache_dir = r->store.data_dir,
				      .is_foreign = is_foreign, .sha256 = is_foreign ? s->seccomp_sha256 : NULL };
	unsigned short n;

	free(ptr_take(&r->compiled));
	if (seccomp_compile(&rq, &r->compiled, &n, e) < 0)
		return -1;
	if (is_foreign && !s->seccomp_sha256)
		s->seccomp_sha256 = str_dup(rq.digest);
	r->ctx.filter = r->compiled;
	r->ctx.n_filter = n;
	return 0;
}

static int choose_filter(struct run *r, struct err *e)
{
	const struct spec *s = r->spec;
	const struct seccomp_variant *v = &SECCOMP_TERMINAL;
	uint64_t caps = s->process.caps.bounding;

	/* a program without capabilities makes a user namespace in which it has them all */
	if (s->nested)
		caps |= UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_SYS_CHROOT;
	if (s->seccomp == SECCOMP_PROFILE)
		v = NULL;
	else if (!s->privileged && s->seccomp == SECCOMP_DEFAULT)
		v = seccomp_pick(caps);
	if (!v)
		return compile_filter(r, caps, e);
	r->ctx.filter = v->insns;
	r->ctx.n_filter = v->n_insns;
	return 0;
}

static int record(void *arg, struct err *e);
static void on_fuse(void *arg, size_t step, const int *fds);

/* Whether the run writes more than its state: a writable layer, a copy. */
static bool has_layer(const struct spec *s)
{
	return s->root.kind == ROOT_DIR ? !s->root.readonly : s->root.cow;
}

static int make_plan(struct run *r, struct err *e)
{
	if (has_layer(r->spec) && layer_choose(&r->layer, r->spec, r->has_dir ? &r->dir : NULL, r->facts.uid, e) < 0)
		return -1;
	if (prepare_input(&r->in, r->spec, &r->facts, r->has_dir ? &r->dir : NULL,
			  r->has_store ? &r->store : NULL, e) < 0)
		return -1;
	r->in.is_created = r->is_created;
	r->in.layer_dir = str_dup(r->layer.dir);
	r->in.layer_in_memory = r->layer.in_memory;
	if (r->spec->process.init)
		r->in.init_path = helper_path("lichen-init");
	if (r->in.init_path && r->spec->process.init_by_default && access(r->in.init_path, R_OK) < 0) {
		log_info("init: none, %s is not installed", r->in.init_path);
		r->spec->process.init = false;
	}
	if (plan_build(&r->plan, r->spec, &r->in, e) < 0 || plan_check(&r->plan, e) < 0)
		return -1;
	r->ctx = (struct ctx){ .spec = r->spec, .plan = &r->plan, .in = &r->in, .place = AT_SUPERVISOR, .hs = &r->hs };
	r->ctx.fds = mem_alloc((size_t)r->plan.n_slots * sizeof(int));
	for (short i = 0; i < r->plan.n_slots; i++)
		r->ctx.fds[i] = -1;
	r->ctx.ask_fuse = hs_ask_fuse;
	r->ctx.beside = record;
	r->ctx.beside_arg = r;
	return 0;
}

/* A directory that root inside owns: as real root, no longer root when it uses it. */
static int make_dir(struct run *r, const char *top, const char *name, mode_t mode, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/%s", top, name);

	if (mkdir(path, mode) < 0 && (errno != EEXIST || !r->layer.is_kept))
		return err_sys(e, "mkdir", path, "making the place of the writable layer");
	if (r->facts.is_root && chown(path, r->in.uids.v[0].outside, r->in.gids.v[0].outside) < 0)
		return err_sys(e, "chown", path, "giving the writable layer to root inside");
	return 0;
}

/* The mount points that a read-only root lacks, as a layer above it. */
static int make_skeleton(struct run *r, struct err *e)
{
	const struct strv *lists[] = { &r->in.skeleton_dirs, &r->in.skeleton_files };
	AUTO_FREE char *path = str_fmt("%s/skeleton", r->dir.data);
	AUTO_CLOSE int root = -1;

	if (make_dir(r, r->dir.data, "skeleton", 0755, e) < 0)
		return -1;
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; root >= 0 && i < N_ELEMS(lists); i++)
		for (size_t k = 0; k < lists[i]->n; k++) {
			AUTO_CLOSE int fd = path_target_in(root, lists[i]->v[k], i == 0);

			if (fd < 0 || (r->facts.is_root && fchownat(fd, "", r->in.uids.v[0].outside, r->in.gids.v[0].outside,
								    AT_EMPTY_PATH) < 0))
				return err_sys(e, "mkdir", lists[i]->v[k], "making the mount points that the root lacks");
		}
	return root < 0 ? err_sys(e, "open", path, "making the mount points that the root lacks") : 0;
}

/* Directories that only some plans need. */
static int make_dirs(struct run *r, struct err *e)
{
	if (has_layer(r->spec) && !r->in.takes_copy && !r->layer.in_memory &&
	    (make_dir(r, r->layer.dir, "upper", r->in.top_mode, e) < 0 || make_dir(r, r->layer.dir, "work", 0755, e) < 0))
		return -1;
	if (r->in.owner == OWNER_ROOT_IDMAP && make_dir(r, r->dir.data, "lower", 0755, e) < 0)
		return -1;
	if (r->in.skeleton_dirs.n || r->in.skeleton_files.n)
		return make_skeleton(r, e);
	return 0;
}

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
	auto_close(&r->timer_fd);
	c->hs = &r->child_hs;
	for (size_t i = 0; i < 3; i++)
		c->stdio[i] = r->child_stdio[i];
	return child_main(c);
}

static int do_clone(struct run *r, const struct step *s, struct err *e)
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
		/* without namespaces no clone3, which old containers' filters answer with ENOSYS */
		pid = s->u.clone_flags ? sys_clone3(&args) : fork();
		if (pid < 0)
			return err_sys(e, s->u.clone_flags ? "clone3" : "fork", s->object, "making the namespaces");
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
	rc = store_write_state(&r->dir, r->spec, &st, e);
	run_state_fini(&st);
	return rc;
}

/* The definition on disk, once: before any file of a subordinate id can exist, since only
 * its map can remove such files after a kill. */
static int record(void *arg, struct err *e)
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

/* The namespaces as they were made, before the payload exists. The child is not waited
 * for, so its number is its own. Where it is closed to us for now (a map by newuidmap, a
 * joined user namespace) this is done earlier, or after exec. */
static void take_namespaces(struct run *r)
{
	if (r->is_shared)
		return;
	r->is_shared = share_open(r->ctx.child_pid, r->spec, r->share.fds) == 0;
	r->share.pid = r->ctx.child_pid;
	for (size_t t = 0; t < NS_TYPES; t++)
		r->share.host[t] = r->spec->ns[t].mode == NS_HOST;
}

/* What must stand before the payload may begin. In a foreground run all of it is done
 * beside the child, which assembles the root. */
static int settle(struct run *r, const char *status, struct err *e)
{
	bool is_bare = spec_is_bare(r->spec);

	if (r->is_settled)
		return 0;
	r->is_settled = true;
	if (!r->is_created &&
	    keeper_start(&r->keeper, ctx_fd(&r->ctx, SLOT_CHILD), relay_tty_fd(r->relay), is_bare ? r->ctx.child_pid : 0,
			 r->dir.id, e) < 0)
		return -1;
	take_namespaces(r);
	if (!r->is_created && share_listen(&r->dir, &r->share_fd, e) < 0)
		return -1;
	return record(r, e) < 0 ? -1 : write_state(r, status, e);
}

static void tell_ready(struct run *r, const struct err *e)
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

/* ---- --die-with-parent ---- */

/* One that nobody else sends: PDEATHSIG comes when the parent's thread ends, which need not be
 * the end of its process. */
static int parent_signal(void)
{
	return SIGRTMAX;
}

/* All signals are blocked by now, so that the signal is found in wait_for_end(). Whoever died
 * before the prctl() is found by the comparison with what getppid() said before. */
static int bind_parent(const struct run *r, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)parent_signal(), 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting the parent-death signal");
	return getppid() == r->parent ? 0 : err_set(e, ERR_PEER, "the process that started lichen has ended");
}

static bool parent_is_gone(const struct run *r)
{
	return r->parent && getppid() != r->parent;
}

/* One meeting point, with what belongs around it. */
static int meet(struct run *r, const struct step *s, int *conn, struct err *e)
{
	if (s->u.meet == HS_IDS_MAPPED) {
		take_namespaces(r); /* it becomes root inside next, and closed to us */
		if (record(r, e) < 0)
			return -1;
	}
	if ((s->u.meet == HS_GO || (s->u.meet == HS_ROOT_READY && !r->is_created)) &&
	    settle(r, r->is_created ? "created" : "running", e) < 0)
		return -1;
	if (s->u.meet == HS_GO && parent_is_gone(r))
		return err_set(e, ERR_PEER, "the process that started lichen has ended");
	if (s->u.meet == HS_GO && r->is_created) {
		tell_ready(r, NULL);
		store_sweep(&r->store, in_map);
		if (control_wait_start(r->control_fd, r->signal_fd, ctx_fd(&r->ctx, SLOT_CHILD), conn, e) < 0 ||
		    write_state(r, "running", e) < 0 || share_listen(&r->dir, &r->share_fd, e) < 0)
			return -1;
	}
	if (hs_pass(&r->ctx, s, e) < 0)
		return -1;
	if (s->u.meet == HS_GO && !r->is_created) /* beside the child's last steps */
		store_sweep(&r->store, in_map);
	if (s->u.meet == HS_ROOT_READY && r->spec->process.terminal) {
		int console = ctx_fd(&r->ctx, SLOT_CONSOLE);

		ctx_put(&r->ctx, SLOT_CONSOLE, -1);
		return relay_console(r->relay, console, e);
	}
	return 0;
}

static int walk(struct run *r, int *conn, struct err *e)
{
	for (size_t i = 0; i < r->plan.n; i++) {
		const struct step *s = &r->plan.v[i];
		int rc = 0;

		if (s->kind == STEP_MEET)
			rc = meet(r, s, conn, e);
		else if (s->kind == STEP_CLONE)
			rc = do_clone(r, s, e);
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

static void on_fuse(void *arg, size_t step, const int *fds)
{
	struct run *r = arg;

	fuse_serve(&r->fuse, &r->ctx, step, fds);
}

/* ---- signals and the wait ---- */

static const int TERMINATING[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };

static int stop_signal(const struct spec *s)
{
	return s->stop_signal ? signal_from_name(s->stop_signal) : SIGTERM;
}

/* Whether pid 1 has a handler for @sig or ignores it: as pid 1 of its namespace it would
 * not die of the default action. */
static bool has_disposition(pid_t pid, int sig)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/status", pid);
	AUTO_FREE char *text = NULL;
	static const char *const keys[] = { "\nSigCgt:\t", "\nSigIgn:\t" };

	if (fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return true;
	for (size_t i = 0; i < N_ELEMS(keys); i++) {
		const char *p = strstr(text, keys[i]);

		if (p && (strtoull(p + strlen(keys[i]), NULL, 16) >> (sig - 1)) & 1)
			return true;
	}
	return false;
}

/* What ends a process that does nothing about it: the usual ones, and whatever somebody has
 * chosen as the stop signal. */
static bool is_terminating(const struct run *r, int sig)
{
	static const int harmless[] = { SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < N_ELEMS(TERMINATING); i++)
		if (sig == TERMINATING[i])
			return true;
	for (size_t i = 0; i < N_ELEMS(harmless); i++)
		if (sig == harmless[i])
			return false;
	return r->spec->stop_signal && sig == stop_signal(r->spec);
}

/* lichen-init passes it on to the payload, on which default actions work. */
static void send_signal(struct run *r, int sig)
{
	int pidfd = ctx_fd(&r->ctx, SLOT_CHILD);

	/* only pid 1 of a namespace does not die of a signal by default */
	if (!r->spec->process.init && r->spec->ns[NS_PID].mode == NS_PRIVATE && is_terminating(r, sig) && !has_disposition(r->ctx.child_pid, sig)) {
		r->forwarded = sig;
		sig = SIGKILL;
	}
	sys_pidfd_send_signal(pidfd, sig);
}

static void forward(struct run *r, int sig)
{
	int pidfd = ctx_fd(&r->ctx, SLOT_CHILD);

	switch (sig) {
	case SIGCHLD:
	case SIGPIPE:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
		return;
	case SIGWINCH:
		relay_resize(r->relay);
		return;
	case SIGTSTP:
		sys_pidfd_send_signal(pidfd, r->spec->process.init ? SIGTSTP : SIGSTOP);
		relay_suspend(r->relay);
		raise(SIGSTOP);
		relay_resume(r->relay);
		sys_pidfd_send_signal(pidfd, SIGCONT);
		return;
	case SIGTERM:
		send_signal(r, stop_signal(r->spec));
		return;
	default:
		/* of the parent's threads one has ended, not the process */
		if (sig != parent_signal() || !r->parent)
			send_signal(r, sig);
	}
}

static void take_signal(struct run *r, const struct signalfd_siginfo *si)
{
	/* orphans of the payload, adopted for want of a pid namespace; one signal may stand for many */
	if (si->ssi_signo == SIGCHLD && spec_is_bare(r->spec))
		tree_reap(r->ctx.child_pid, r->keeper);
	forward(r, (int)si->ssi_signo);
}

/* ---- --timeout ---- */

enum { STATUS_TIMEOUT = 124, GRACE_MS = 10000, MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000 };

static int set_timer(struct run *r, uint64_t ms, struct err *e)
{
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)(ms / MSEC_PER_SEC),
					      .tv_nsec = (long)(ms % MSEC_PER_SEC) * NSEC_PER_MSEC } };

	if (r->timer_fd < 0)
		r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer_fd < 0 || timerfd_settime(r->timer_fd, 0, &t, NULL) < 0)
		return err_sys(e, "timerfd_settime", NULL, "setting the time limit");
	return 0;
}

/* The first time the payload is asked to end, the second time it is ended. */
static void time_is_over(struct run *r)
{
	struct err e;
	uint64_t times;

	if (read(r->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	if (r->has_timed_out) {
		sys_pidfd_send_signal(ctx_fd(&r->ctx, SLOT_CHILD), SIGKILL);
		return;
	}
	r->has_timed_out = true;
	log_warn("the time limit is over after %g s: %s is sent", (double)r->spec->timeout_ms / MSEC_PER_SEC,
		 signal_name(stop_signal(r->spec)));
	send_signal(r, stop_signal(r->spec));
	if (set_timer(r, GRACE_MS, &e) < 0)
		sys_pidfd_send_signal(ctx_fd(&r->ctx, SLOT_CHILD), SIGKILL);
}

enum { TAG_SIGNAL = 1 << 16, TAG_CHILD = 2 << 16, TAG_RELAY = 3 << 16, TAG_FUSE = 4 << 16,
       TAG_TIMER = 5 << 16, TAG_SHARE = 6 << 16, TAG_MASK = 0xff << 16 };

static int watch(int ep, int fd, unsigned tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void fuse_ended(struct run *r, int ep)
{
	struct err e;

	epoll_ctl(ep, EPOLL_CTL_DEL, r->fuse.pidfd, NULL);
	if (fuse_explain(&r->fuse, &e) == 0)
		return;
	err_hint(&e, "what the sandbox reads and writes fails from now on with ENOTCONN");
	log_err(&e);
}

/* PF_FORKNOEXEC of the kernel, in field 9 of /proc/PID/stat: forked, and nothing executed since. */
enum { NEVER_EXECUTED = 0x40 };

/* A profile of the user's may refuse what the last steps need, the words of an error included.
 * Asked of the zombie. */
static bool is_never_executed(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/stat", pid);
	AUTO_FREE char *text = NULL;
	unsigned flags;
	const char *p;

	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & NEVER_EXECUTED);
}

/* Without a pid namespace of its own nothing ends what the payload leaves running: as
 * subreaper we are its parent then. Again and again, as they may fork meanwhile. */
static void kill_rest(const struct run *r)
{
	AUTO_FREE char *path = str_fmt("/proc/self/task/%d/children", (int)getpid());
	bool is_any = r->spec->ns[NS_PID].mode != NS_PRIVATE;

	while (is_any) {
		AUTO_FREE char *text = NULL;
		int pid, len;

		is_any = false;
		if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
			return;
		for (const char *s = text; sscanf(s, "%d%n", &pid, &len) == 1; s += len) {
			/* our own child, not yet waited for */
			if (pid == r->keeper || pid == r->fuse.pid || kill(pid, SIGKILL) < 0)
				continue;
			is_any = true;
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
}

static int wait_for_end(struct run *r, int *status, struct err *e)
{
	AUTO_CLOSE int ep = epoll_create1(EPOLL_CLOEXEC);
	siginfo_t si = { 0 };
	bool has_ended = false;

	if (ep < 0 || watch(ep, r->signal_fd, TAG_SIGNAL) < 0 || watch(ep, ctx_fd(&r->ctx, SLOT_CHILD), TAG_CHILD) < 0 ||
	    watch(ep, r->share_fd, TAG_SHARE) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching the payload");
	if (r->fuse.pidfd >= 0 && watch(ep, r->fuse.pidfd, TAG_FUSE) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching fuse-overlayfs");
	if (relay_watch(r->relay, ep, TAG_RELAY, e) < 0)
		return -1;
	if (r->spec->timeout_ms && (set_timer(r, r->spec->timeout_ms, e) < 0 || watch(ep, r->timer_fd, TAG_TIMER) < 0))
		return err_sys(e, "epoll_ctl", NULL, "watching the time limit");
	while (!has_ended) {
		struct epoll_event ev[8];
		int n;

		if (parent_is_gone(r))
			sys_pidfd_send_signal(ctx_fd(&r->ctx, SLOT_CHILD), SIGKILL);
		n = epoll_wait(ep, ev, 8, -1);
		for (int i = 0; i < n; i++) {
			unsigned tag = (unsigned)ev[i].data.u64 & TAG_MASK;
			struct signalfd_siginfo si2;

			if (tag == TAG_RELAY)
				relay_event(r->relay, (unsigned)ev[i].data.u64 & 0xffff, ev[i].events);
			else if (tag == TAG_SIGNAL && read(r->signal_fd, &si2, sizeof(si2)) == (ssize_t)sizeof(si2))
				take_signal(r, &si2);
			else if (tag == TAG_TIMER)
				time_is_over(r);
			else if (tag == TAG_CHILD)
				has_ended = true;
			else if (tag == TAG_FUSE)
				fuse_ended(r, ep);
			else if (tag == TAG_SHARE)
				share_serve(r->share_fd, &r->share);
		}
	}
	if (r->spec->seccomp == SECCOMP_PROFILE && is_never_executed(r->ctx.child_pid)) {
		err_set(e, ERR_SPEC, "the seccomp profile %s refuses what the start itself needs", r->spec->seccomp_profile);
		return err_hint(e, "execve, exit_group, and what comes before: read, write, close, openat, fstat, prctl, capget, sendmsg, mmap, brk");
	}
	if (waitid(P_PID, (id_t)r->ctx.child_pid, &si, WEXITED) < 0)
		return err_sys(e, "waitid", "payload", "waiting for the payload");
	r->ctx.child_pid = 0;
	kill_rest(r);
	relay_drain(r->relay);
	*status = r->has_timed_out	   ? STATUS_TIMEOUT
		: si.si_code == CLD_EXITED ? si.si_status
		: r->forwarded		   ? EXIT_SIGNAL + r->forwarded
					   : EXIT_SIGNAL + si.si_status;
	return 0;
}

static int block_signals(struct run *r, struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return err_sys(e, "sigprocmask", NULL, "taking over signals");
	r->signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signal_fd < 0)
		return err_sys(e, "signalfd", NULL, "taking over signals");
	return 0;
}

/* ---- the end ---- */

static void finish(struct run *r)
{
	struct err e;

	if (r->ctx.child_pid > 0) {
		int pidfd = ctx_fd(&r->ctx, SLOT_CHILD);

		sys_pidfd_send_signal(pidfd, SIGKILL);
		while (waitpid(r->ctx.child_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r->ctx.fds && spec_is_bare(r->spec) && r->has_dir)
		tree_end_children(r->keeper);
	else
		kill_rest(r);
	if (r->relay)
		relay_free(r->relay);
	fuse_end(&r->fuse);
	if (r->has_dir) {
		const struct id_map *u = &r->in.uids, *g = &r->in.gids;

		if (r->in.single_uids.n && r->ctx.fds)
			for (size_t i = 0; i < r->plan.n; i++)
				if (r->plan.v[i].kind == STEP_IDMAP && r->ctx.rung_taken[i] == 1)
					u = &r->in.single_uids, g = &r->in.single_gids;
		if (store_remove(&r->dir, u, g, in_map, &e) < 0) {
			err_wrap(&e, "cleaning up after %.12s", r->dir.id);
			log_err(&e);
		}
		run_dir_fini(&r->dir);
	}
	layer_release(&r->layer);
	if (r->has_store)
		store_close(&r->store);
	keeper_wait(r->keeper);
	hs_close(&r->hs);
	for (short i = 0; r->ctx.fds && i < r->plan.n_slots; i++)
		auto_close(&r->ctx.fds[i]);
	free(r->ctx.fds);
	free(r->compiled);
	auto_close(&r->signal_fd);
	auto_close(&r->timer_fd);
	auto_close(&r->control_fd);
	auto_close(&r->share_fd);
	share_answer_fini(&r->share);
	plan_fini(&r->plan);
	plan_input_fini(&r->in);
	facts_fini(&r->facts);
}

static void run_init(struct run *r, struct spec *s)
{
	*r = (struct run){ .spec = s, .signal_fd = -1, .timer_fd = -1, .control_fd = -1, .ready_fd = -1, .keeper = 0,
			   .hs = { .sock = -1 }, .child_hs = { .sock = -1 }, .child_stdio = { -1, -1, -1 },
			   .fuse = { .pidfd = -1, .err_fd = -1 }, .layer = { .lock_fd = -1 },
			   .dir = { .lock_fd = -1, .data_fd = -1 }, .share_fd = -1 };
	for (size_t t = 0; t < NS_TYPES; t++)
		r->share.fds[t] = -1;
}

static int prepare(struct run *r, struct err *e)
{
	struct spec *s = r->spec;
	bool needs_ranges = s->ids != IDS_SINGLE && (s->root.kind == ROOT_DIR || s->ids == IDS_RANGE || geteuid() == 0 ||
						     s->userns || s->uidmap || s->gidmap || s->groups == GROUPS_DROP ||
						     s->process.groups);

	if (facts_read(&r->facts, needs_ranges, e) < 0)
		return -1;
	if (spec_check(s, e) < 0 || attrs_check(s, false, e) < 0 || ids_prepare(s, &r->facts, e) < 0 || block_signals(r, e) < 0)
		return -1;
	if (r->parent && bind_parent(r, e) < 0)
		return -1;
	if (store_open(&r->store, r->facts.uid, r->facts.home, e) < 0)
		return -1;
	r->has_store = true;
	if (store_create(&r->store, s->name, has_layer(s) || spec_has_scratch(s) ? RUN_ON_DISK : RUN_IN_MEMORY, &r->dir, e) < 0)
		return -1;
	r->has_dir = true;
	str_set(&s->id, r->dir.id);
	if (s->ns[NS_PID].mode != NS_PRIVATE && prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "taking over what the payload leaves running");
	if (make_plan(r, e) < 0 || make_dirs(r, e) < 0 || choose_filter(r, e) < 0)
		return -1;
	return relay_new(&r->relay, s->process.terminal, s->process.interactive, r->child_stdio, e);
}

/* A root that nobody serves any more fails with ENOTCONN at whatever step comes next. */
static void explain_fuse(struct run *r, struct err *e)
{
	struct pollfd p = { .fd = r->fuse.pidfd, .events = POLLIN };
	struct err why;

	if (r->fuse.pid && e->errnum == ENOTCONN && poll(&p, 1, 1000) > 0 && fuse_explain(&r->fuse, &why) < 0) {
		str_copy(why.op, sizeof(why.op), "fuse");
		*e = why;
	}
}

/* @parent: whose end is ours, too; 0: nobody's */
static int run_once(struct spec *s, pid_t parent, int *status, struct err *e)
{
	const size_t n_env = s->process.env.n;
	struct run r;
	int conn = -1, rc;

	run_init(&r, s);
	r.parent = parent;
	rc = prepare(&r, e);
	if (rc == 0)
		rc = walk(&r, &conn, e);
	if (rc < 0)
		explain_fuse(&r, e);
	if (rc == 0)
		rc = wait_for_end(&r, status, e);
	finish(&r);
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
	return s->overlay == OVERLAY_AUTO && s->root.kind == ROOT_DIR && !s->root.readonly && str_eq(e->op, "overlay") &&
	       (e->errnum == EINVAL || e->errnum == EPERM || e->errnum == ENODEV || e->errnum == EOPNOTSUPP ||
		e->errnum == EXDEV || e->errnum == ELOOP);
}

/* ... or that fuse-overlayfs, the rung behind it, is not to be had. */
static bool lacks_fuse(const struct spec *s, const struct err *e)
{
	return s->overlay == OVERLAY_AUTO && s->root.kind == ROOT_DIR && !s->root.layer && str_eq(e->op, "fuse");
}

int run_foreground(struct spec *s, int *status, struct err *e)
{
	const pid_t parent = s->die_with_parent ? getppid() : 0;
	AUTO_FREE char *below = NULL;

	if (run_once(s, parent, status, e) == 0)
		return 0;
	if (is_half_mapped(s, e)) {
		log_warn("%s; this run has one id only", e->what);
		s->ids = IDS_SINGLE;
		err_clear(e);
		if (run_once(s, parent, status, e) == 0)
			return 0;
	}
	if (!wants_copy(s, e) && !lacks_fuse(s, e))
		return err_wrap(e, "cannot run %s", s->process.args.n ? s->process.args.v[0] : "it");
	if (mounts_below(s->root.path, &below))
		log_warn("%s is mounted below %s, which the kernel's overlay refuses: the tree is copied for this run",
			 below, s->root.path);
	else
		log_warn("neither the kernel's overlay nor fuse-overlayfs takes %s (%s: %s): the tree is copied for this run",
			 s->root.path, e->path, err_errno_name(e->errnum));
	s->overlay = OVERLAY_COPY;
	if (run_once(s, parent, status, e) < 0)
		return err_wrap(e, "cannot run %s", s->process.args.n ? s->process.args.v[0] : "it");
	return 0;
}

static bool joins_container(const struct spec *s)
{
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
	/* a sandbox that is joined must be asked */
	if (rc == 0 && joins_container(s)) {
		rc = store_open(&r.store, r.facts.uid, r.facts.home, e);
		r.has_store = rc == 0;
	}
	if (rc == 0)
		rc = make_plan(&r, e);
	if (rc == 0) {
		if (json)
			plan_print_json(&r.plan, &out);
		else
			plan_print_text(&r.plan, &out);
		if (fd_write_all(STDOUT_FILENO, out.s, out.len) < 0)
			rc = err_sys(e, "write", "standard output", "printing the plan");
	}
	finish(&r);
	return rc;
}

/* ---- create and start ---- */

/* The surviving process: walks as far as 'go', waits for it, then for the end. */
static int supervise_created(struct run *r)
{
	struct err e;
	int conn = -1, status = 0, rc;

	setsid();
	rc = prepare(r, &e);
	if (rc == 0)
		rc = control_listen(&r->dir, &r->control_fd, &e);
	if (rc == 0)
		rc = walk(r, &conn, &e);
	tell_ready(r, rc < 0 ? &e : NULL);
	control_answer(&conn, rc < 0 ? &e : NULL);
	auto_close(&r->control_fd);
	if (rc == 0)
		rc = wait_for_end(r, &status, &e);
	finish(r);
	return rc < 0 ? err_status(&e) : status;
}

int run_create(struct spec *s, char **id, struct err *e)
{
	struct hs ours, theirs;
	struct run r;
	struct err answer;
	pid_t pid;

	run_init(&r, s);
	if (hs_pair(&ours, &theirs, e) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		err_sys(e, "fork", NULL, "starting the supervisor");
		hs_close(&ours);
		hs_close(&theirs);
		return -1;
	}
	if (pid == 0) {
		hs_close(&ours);
		r.is_created = true;
		r.ready_fd = theirs.sock;
		_exit(supervise_created(&r));
	}
	hs_close(&theirs);
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
