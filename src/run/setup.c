/* SPDX-License-Identifier: Apache-2.0 */
/* run/setup.c - what the supervisor makes ready before the clone: plan, directories, filter, streams */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/path.h"
#include "run/supervise.h"
#include "run/wait.h"
#include "steps/seccomp.h"

char *helper_path(const char *name)
{
	AUTO_FREE char *beside = str_fmt("helpers/%s", name);
	char *built = path_built(beside);

	return built ? built : str_fmt("%s/%s", LICHEN_LIBEXECDIR, name);
}

static char *profile_path(void)
{
	char *built = path_built("data/seccomp-default.json");

	return built ? built : str_dup(LICHEN_DATADIR "/seccomp-default.json");
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

int run_choose_filter(struct run *r, struct err *e)
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

/* Whether the run writes more than its state: a writable layer, a copy. */
static bool has_layer(const struct spec *s)
{
	return spec_has_tree(s) ? !s->root.readonly : s->root.cow;
}

int run_make_plan(struct run *r, struct err *e)
{
	AUTO_FREE char *helper = NULL;

	if (has_layer(r->spec) && layer_choose(&r->layer, r->spec, r->has_dir ? &r->dir : NULL, r->facts.uid, e) < 0)
		return -1;
	if (prepare_input(&r->in, r->spec, &r->facts, r->has_dir ? &r->dir : NULL,
			  r->has_store ? &r->store : NULL, &r->image, e) < 0)
		return -1;
	/* systemd is asked only for what is wanted */
	helper = cgroup_is_wanted(r->spec) ? helper_path("lichen-scope") : NULL;
	if (cgroup_choose(&r->in.cgroup, r->spec, &r->facts, helper, e) < 0)
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
	r->cgroup.rd = r->has_dir ? &r->dir : NULL;
	r->ctx.cgroup = &r->cgroup;
	r->ctx.fds = mem_alloc((size_t)r->plan.n_slots * sizeof(int));
	for (short i = 0; i < r->plan.n_slots; i++)
		r->ctx.fds[i] = -1;
	r->ctx.ask_fuse = hs_ask_fuse;
	r->ctx.beside = run_record;
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

/* Pipes of real root belong to nobody inside: to root inside now, so that the child can give
 * them to the payload's user (steps/process.c). */
void run_give_pipes(struct run *r)
{
	for (size_t i = 0; i < N_ELEMS(r->child_stdio); i++) {
		struct statfs fs;

		if (r->child_stdio[i] >= 0 && fstatfs(r->child_stdio[i], &fs) == 0 && fs.f_type == PIPEFS_MAGIC &&
		    fchown(r->child_stdio[i], r->in.uids.v[0].outside, r->in.gids.v[0].outside) < 0)
			log_debug("a pipe cannot be given to root inside: %s", strerror(errno));
	}
}

int run_prepare(struct run *r, struct err *e)
{
	struct spec *s = r->spec;
	bool needs_ranges = s->ids != IDS_SINGLE && (spec_has_tree(s) || s->ids == IDS_RANGE || geteuid() == 0 ||
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
	if (run_make_plan(r, e) < 0 || make_dirs(r, e) < 0 || run_choose_filter(r, e) < 0)
		return -1;
	if (relay_new(&r->relay, s->process.terminal, s->process.interactive, r->child_stdio, e) < 0)
		return -1;
	if (r->facts.is_root && s->process.user && r->in.uids.n && r->in.gids.n)
		run_give_pipes(r);
	return 0;
}

