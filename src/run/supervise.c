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
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "run/control.h"
#include "run/fuse.h"
#include "run/internal.h"
#include "run/relay.h"
#include "run/run.h"
#include "run/share.h"
#include "run/wait.h"
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
	struct sweeper sweeper;
	int signal_fd;
	bool is_recorded, is_settled;
	bool is_created;	/* 'go' comes over the control socket */
	int control_fd;
	int ready_fd;		/* create: tells the first process "created" or the error */
	pid_t parent;		/* --die-with-parent: who started us; else 0 */
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
	if (s->u.meet == HS_GO && parent_has_ended(r->parent))
		return err_set(e, ERR_PEER, "the process that started lichen has ended");
	if (s->u.meet == HS_GO && r->is_created) {
		tell_ready(r, NULL);
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

static int wait_payload(struct run *r, int *status, struct err *e)
{
	struct wait w = { .spec = r->spec, .pid = r->ctx.child_pid, .pidfd = ctx_fd(&r->ctx, SLOT_CHILD),
			  .signal_fd = r->signal_fd, .share_fd = r->share_fd, .share = &r->share, .parent = r->parent,
			  .keeper = r->keeper, .relay = r->relay, .fuse = &r->fuse };

	if (wait_for_end(&w, status, e) < 0)
		return -1;
	r->ctx.child_pid = 0;
	return 0;
}

/* ---- the end ---- */

static void finish(struct run *r)
{
	struct err e;

	stop_disarm();
	if (r->ctx.child_pid > 0) {
		int pidfd = ctx_fd(&r->ctx, SLOT_CHILD);

		sys_pidfd_send_signal(pidfd, SIGKILL);
		while (waitpid(r->ctx.child_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (r->ctx.fds && spec_is_bare(r->spec) && r->has_dir)
		tree_end_children(r->keeper);
	else if (r->spec->ns[NS_PID].mode != NS_PRIVATE)
		tree_kill_rest(r->keeper, r->fuse.pid);
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
	sweeper_end(&r->sweeper);
	keeper_wait(r->keeper);
	hs_close(&r->hs);
	for (short i = 0; r->ctx.fds && i < r->plan.n_slots; i++)
		auto_close(&r->ctx.fds[i]);
	free(r->ctx.fds);
	free(r->compiled);
	auto_close(&r->signal_fd);
	auto_close(&r->control_fd);
	auto_close(&r->share_fd);
	share_answer_fini(&r->share);
	plan_fini(&r->plan);
	plan_input_fini(&r->in);
	facts_fini(&r->facts);
}

static void run_init(struct run *r, struct spec *s)
{
	*r = (struct run){ .spec = s, .signal_fd = -1, .control_fd = -1, .ready_fd = -1, .keeper = 0,
			   .hs = { .sock = -1 }, .child_hs = { .sock = -1 }, .child_stdio = { -1, -1, -1 },
			   .fuse = { .pidfd = -1, .err_fd = -1 }, .layer = { .lock_fd = -1 },
			   .dir = { .lock_fd = -1, .data_fd = -1 }, .share_fd = -1,
			   .sweeper = { .pidfd = -1, .said = -1 } };
	for (size_t t = 0; t < NS_TYPES; t++)
		r->share.fds[t] = -1;
}

/* Pipes of real root belong to nobody inside: to root inside now, so that the child can give
 * them to the payload's user (steps/process.c). */
static void give_pipes(struct run *r)
{
	for (size_t i = 0; i < N_ELEMS(r->child_stdio); i++) {
		struct statfs fs;

		if (r->child_stdio[i] >= 0 && fstatfs(r->child_stdio[i], &fs) == 0 && fs.f_type == PIPEFS_MAGIC &&
		    fchown(r->child_stdio[i], r->in.uids.v[0].outside, r->in.gids.v[0].outside) < 0)
			log_debug("a pipe cannot be given to root inside: %s", strerror(errno));
	}
}

static int prepare(struct run *r, struct err *e)
{
	struct spec *s = r->spec;
	bool needs_ranges = s->ids != IDS_SINGLE && (s->root.kind == ROOT_DIR || s->ids == IDS_RANGE || geteuid() == 0 ||
						     s->userns || s->uidmap || s->gidmap || s->groups == GROUPS_DROP ||
						     s->process.groups);

	if (facts_read(&r->facts, needs_ranges, e) < 0)
		return -1;
	if (spec_check(s, e) < 0 || attrs_check(s, false, e) < 0 || ids_prepare(s, &r->facts, e) < 0 || signals_take(&r->signal_fd, e) < 0)
		return -1;
	if (r->parent && parent_bind(r->parent, e) < 0)
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
	if (relay_new(&r->relay, s->process.terminal, s->process.interactive, r->child_stdio, e) < 0)
		return -1;
	if (r->facts.is_root && s->process.user && r->in.uids.n && r->in.gids.n)
		give_pipes(r);
	return 0;
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
		rc = wait_payload(&r, status, e);
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
		rc = wait_payload(r, &status, &e);
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
