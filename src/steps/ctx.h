/* SPDX-License-Identifier: Apache-2.0 */
/* steps/ctx.h - what steps fill and read while a plan is walked
 *
 * One per process: the child inherits a copy at the clone, and from then on slots
 * travel only through meeting points. Slot descriptors are CLOEXEC and owned by ctx.
 */
#ifndef STEPS_CTX_H
#define STEPS_CTX_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"

struct hs;
struct cgroup_box;

/* What fuse-overlayfs is given: the descriptor it serves, the namespaces it works in. */
enum { FUSE_DEVICE, FUSE_USERNS, FUSE_MNTNS, FUSE_REPORT, FUSE_FDS };

struct ctx_user {		/* SLOT_USER, written by STEP_USER */
	uid_t uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t n_groups;
	char home[4096];
};

struct ctx {
	const struct spec *spec;
	const struct plan *plan;
	const struct plan_input *in;
	enum place place;
	int *fds;		/* per slot, -1: not written */
	struct ctx_user user;
	struct hs *hs;
	pid_t child_pid;	/* supervisor: in its own pid namespace */
	int timens_fd;		/* stage: timens_offsets, opened before it is closed to ptrace; 0: not opened */
	int stdio[3];		/* child: what becomes fds 0 to 2; with a terminal ignored */
	const struct sock_filter *filter;	/* loaded by STEP_SECCOMP; NULL: none */
	unsigned short n_filter;
	uint64_t kernel_caps;	/* child: what the kernel knows, found by STEP_CAPS_BOUND */
	unsigned char rung_taken[STEPS_MAX];		/* per step, for the state and --verbose */
	/* supervisor: done beside the tools that write the id map, before any file of a
	 * subordinate id can exist: the map must be on disk for the sweep; NULL: nothing */
	int (*beside)(void *arg, struct err *e);
	void *beside_arg;
	bool is_final;		/* set by a step: no rung behind this failure can mend it */
	/* child: has fuse-overlayfs started, for the step of this index; its end comes on the pipe
	 * whose writing end is fds[FUSE_REPORT]: nothing where it runs, else a struct err */
	int (*ask_fuse)(struct ctx *c, size_t step, const int *fds);
	bool keeps_bound;	/* no namespaces: the bounding set cannot be shrunk, and does not count */
	struct cgroup_box *cgroup;	/* supervisor: what STEP_CGROUP made; borrowed from the run */
	int console;		/* no namespaces: the pty's inner end */
	bool groups_settable;	/* false under a gid map that denies setgroups */
};

/* A step's function: @rung is the index into step->rungs. On failure errno of the failing
 * call stands in e->errnum. */
typedef int step_fn(struct ctx *c, const struct step *s, size_t rung, struct err *e);

/* steps/mount.c */
step_fn step_private, step_open, step_tree, step_idtree, step_attach, step_newfs, step_setattr,
	step_mount;
/* steps/stack.c */
step_fn step_lowers;
/* steps/overlay.c */
step_fn step_overlay, step_own, step_layer, step_layers;
/* steps/copy.c: the copy itself is made before the clone, by run/prepare */
step_fn step_copy_fix;
/* steps/fill.c */
step_fn step_fill;
/* steps/files.c */
step_fn step_symlink, step_dir, step_file, step_mask, step_readonly, step_devices, step_console;
/* steps/join.c: in the stage, before the clone */
step_fn step_enter, step_join, step_outer;
/* steps/ns.c */
step_fn step_idmap, step_root_id, step_loopback, step_hostname, step_pivot;
/* steps/procview.c */
step_fn step_proc_limits;
/* steps/cgroup.c */
step_fn step_cgroup, step_limit, step_delegate;
/* steps/user.c: reads the root's own passwd and group, never through NSS */
step_fn step_user, step_set_user;
/* steps/process.c */
step_fn step_cwd, step_rlimits, step_stdio, step_no_new_privs, step_deathsig, step_verify, step_exec;
/* steps/attrs.c */
step_fn step_oom, step_sysctl, step_domainname, step_umask, step_personality;
/* steps/init.c */
step_fn step_init_load, step_init;
/* steps/caps.c: through libcap-ng */
step_fn step_caps_bound, step_caps;
/* steps/landlock.c */
step_fn step_landlock;
/* steps/filter.c */
step_fn step_seccomp;

/* The slot's descriptor (borrowed); an unwritten slot is a bug that plan_check() excludes. */
static inline int ctx_fd(const struct ctx *c, short slot)
{
	return c->fds[slot];
}

/* steps/files.c: errno of @op, which was to make the place @path inside, and why it may be. -1. */
int place_error(const char *op, const char *path, const char *what, struct err *e);

/* Moves @fd into the slot. */
static inline void ctx_put(struct ctx *c, short slot, int fd)
{
	c->fds[slot] = fd;
}

#endif
