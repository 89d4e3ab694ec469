/* SPDX-License-Identifier: Apache-2.0 */
/* run/internal.h - what the files of this room share */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "host/facts.h"
#include "plan/plan.h"
#include "run/handshake.h"
#include "run/inmap.h"
#include "steps/cgroup.h"
#include "steps/ctx.h"
#include "store/images.h"
#include "store/store.h"

struct relay;
struct image_hold;

/* run/table.c: step kind -> function */
step_fn *step_function(enum step_kind kind);

/* run/table.c: one step with its rungs; sets c->rung_taken. */
NODISCARD int walk_step(struct ctx *c, size_t index, struct err *e);

/* run/child.c: walks the child's steps; returns only on failure, with the exit status. */
int child_main(struct ctx *c);

/* run/stage.c: the child is born in the cgroup that the step reads, where it reads one; and the
 * error of a clone that failed (errno). */
struct sys_clone_args;
void clone_into(const struct ctx *c, const struct step *s, struct sys_clone_args *args);
int clone_explain(const struct step *s, struct err *e);

/* run/stage.c: whether a plan has steps of that place; and what takes the clone's place then.
 * @child runs in the child and returns its exit status; *@pid is a child of the caller. */
bool stage_is_needed(const struct plan *p);
NODISCARD int stage_clone(struct ctx *c, const struct step *s, int (*child)(void *), void *arg, pid_t *pid, int *pidfd,
			  struct err *e);

/**
 * join_resolve() - Open what is joined, prove that it is the caller's, find its user namespace
 * @st:	asked for sandboxes by name; NULL: container: is an error (there is no store)
 * Sets s->ns[] to what will be done: a namespace that the other has from the host is the
 * host's, and the user namespace follows the owner of what is joined. Fills in->joined,
 * and the maps where a user namespace is joined.
 * Errors:	SPEC: not a namespace, not the caller's, of several owners; SYS; STATE: no such sandbox
 */
NODISCARD int join_resolve(struct plan_input *in, struct spec *s, const struct facts *f, struct store *st,
			   struct err *e);

/* run/ids.c: whose subordinate ranges are used, before anything looks at them */
NODISCARD int ids_prepare(const struct spec *s, struct facts *f, struct err *e);
/* Says what to do about ranges that are lacking, in an error that is filled already; evaluates to -1. */
int ids_hint(const struct facts *f, struct err *e);
/* The maps that are asked for by --userns, --uidmap, --gidmap and --groups. 1: in->uids, gids,
 * how and owner are set; 0: nothing is asked for, the usual choice holds; -1 with @e. */
NODISCARD int ids_wished(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);

/* run/tree.c: which processes are of a run that has no pid namespace of its own */
#define RUN_MARK "LICHEN_RUN="
enum tree_spared { SPARED_KEEPER, SPARED_SERVER, SPARED_SWEEPER, SPARED_MAX };
struct tree {
	pid_t top;		/* pid 1, or the payload; 0: it has ended */
	pid_t adopter;		/* who inherits orphans: children of it are of the run; 0: nobody */
	int mount_ns_fd;	/* the run's own; -1: there is none. Open, or its number would be another's soon */
	const char *mark;	/* the value of RUN_MARK in the environment; NULL: there are namespaces */
	pid_t spared[SPARED_MAX];	/* never; 0: none */
};
void tree_end(const struct tree *t);	/* kills them all, and waits */
void tree_reap(const struct tree *t, pid_t child);	/* those of our children that ended, but @child */

/* run/keeper.c; @tree: NULL where the run has a pid namespace of its own, whose end is pid 1's */
struct kept_cgroup {
	struct cgroup_box *box;
	const struct id_map *uids, *gids;
};
NODISCARD int keeper_start(pid_t *keeper, int child_pidfd, int tty_fd, const struct tree *tree, const struct kept_cgroup *cgroup,
			   struct err *e);
void keeper_end(pid_t keeper);	/* when there is nothing left to end */

/* run/layer.c */
struct layer {
	char *dir;		/* where upper and work lie; owned */
	bool is_kept;		/* the user's, who keeps it */
	bool in_memory;		/* a tmpfs of the sandbox is mounted there */
	int lock_fd;		/* of a directory that is kept, or -1 */
};

/* @rd: NULL where nothing is to be made (--dry-run). Errors: STATE where another sandbox
 * has the directory that is to be kept, HOST where it cannot hold a layer. */
NODISCARD int layer_choose(struct layer *l, const struct spec *s, const struct run_dir *rd, uid_t uid, struct err *e);
void layer_release(struct layer *l);
/* After fuse-overlayfs has ended, which tells nobody that its disk was full. */
void layer_check_room(const struct layer *l);
/* run/mend.c; @upper: of a kept layer that nobody uses now, with the rights to read and change all of it; the @n lowers are
 * LOWERS/1 (the topmost), LOWERS/2 ... */
void layer_mend(const char *upper, const char *lowers, size_t n);
/* run/sweeper.c */
struct sweeper {
	pid_t pid;		/* 0: none, or it has been waited for */
	int pidfd, said;	/* said: a file in memory */
};

/* Starts it where there is something beside the run @own; failures are warnings. */
void sweeper_start(struct sweeper *s, struct store *st, const char *own);
/* Whether it has ended now, and is waited for: what it said is kept. */
bool sweeper_reap(struct sweeper *s);
/* Waits for it for a moment, passes on what it said, and leaves it alone otherwise. */
void sweeper_end(struct sweeper *s);

/* run/inmap.c: the same as in_map(), and the caller stays who it is, with every capability inside: what is made is the caller's. */
store_in_map_fn in_map_as_caller;

/* The same without waiting, for what executes another program there. */
struct in_map_job {
	pid_t pid;	/* a child of ours, which the caller waits for */
	int sock;
};
NODISCARD int in_map_start(struct in_map_job *j, const struct id_map *uids, const struct id_map *gids,
			   int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e);
/* Waits until @fn has returned or executed a program (or its process has died): its error, else 0. */
NODISCARD int in_map_said(struct in_map_job *j, struct err *e);
void in_map_kill(struct in_map_job *j);	/* and waits for it */

/* A process of ours that stays inside and starts others there: newuidmap and newgidmap run once for all of them. It reads
 * nothing but our own words, and has no descriptor but ours and what is handed on. */
struct in_map_server {
	struct in_map_job job;	/* pid 0: there is none */
	int sock;
};
enum { IN_MAP_FDS = 2 };
/* In the new process; @fds are its own. Returns only where it fails, with its exit status. */
typedef int in_map_begin_fn(const void *arg, const int *fds, size_t n);
/* @arg: what it points to is as it was at this call */
NODISCARD int in_map_serve(struct in_map_server *s, const struct id_map *uids, const struct id_map *gids, in_map_begin_fn *fn,
			   const void *arg, struct err *e);
/* @fds stay the caller's. Return: a child of the caller, who waits for it; -1 */
NODISCARD pid_t in_map_server_start(struct in_map_server *s, const int *fds, size_t n, struct err *e);
void in_map_server_end(struct in_map_server *s);

/* run/attrs.c: limits and scores beyond what this machine gives; ERR_HOST, ERR_SYS.
 * @is_dry: nothing of the launcher's own is changed. */
NODISCARD int attrs_check(const struct spec *s, bool is_dry, struct err *e);

/* run/hosts.c: both owned by the caller */
char *hosts_text(const struct spec *s, const char *hostname);
char *resolv_text(const struct spec *s);

/* run/cgroup.c: whether something needs a cgroup; without, one is made only where it costs nobody anything. */
bool cgroup_is_wanted(const struct spec *s);
/* Which cgroup, whether by ourselves or by systemd, and whether the limits can be
 * had at all; nothing is made. Errors: HOST where what is asked for is not delegated to us; SPEC
 * where a limit is beyond the machine or the level above. */
NODISCARD int cgroup_choose(struct plan_cgroup *out, const struct spec *s, const struct facts *f, const char *helper,
			    struct err *e);
/* The same for whatever else wants a cgroup: @s has its limits, and who is to make it; @what names it in errors
 * ("groups"), NULL: nothing needs one. Names are the caller's. 0: there is no way, and none is needed. */
struct cgroups;
NODISCARD int cgroup_ways(struct plan_cgroup *out, const struct cgroups *g, const struct spec *s, const struct facts *f,
			  const char *helper, const char *what, struct err *e);
/* Says why there is no cgroup v2; -1. */
int cgroup_no_tree(const struct cgroups *g, const char *what, struct err *e);
/* The same rules for limits of what exists: @dir is the directory that holds it. */
NODISCARD int limits_check_host(const struct spec_limits *l, const char *mount, const char *dir, struct err *e);

/* run/prepare.c */
NODISCARD int prepare_input(struct plan_input *in, struct spec *s, const struct facts *f, const struct run_dir *rd,
			    struct store *st, struct image_hold *hold, struct err *e);
/* run/image.c: what a run holds of its image */
struct image_hold {
	struct images store;
	bool is_open, names_them;	/* names_them: spec.root.lowers are ours */
	struct layer_use *layers;
	size_t n;
	int lock;		/* of the record; -1 */
	const struct imager_view *view;	/* borrowed; NULL */
};
/**
 * image_take() - The image's layers for in->uids and in->gids, into spec.root.lowers; unpacked where they are not there
 * @is_dry:	they are only named
 * What was given before stays. Errors: STATE where there is no such image; as imager_use()
 */
NODISCARD int image_take(struct image_hold *h, const struct plan_input *in, struct spec *s, const struct facts *f,
			 const struct store *st, bool is_dry, struct err *e);
void image_release(struct image_hold *h, struct spec *s);
/* run/prepare.c: the maps where nothing is asked for; of a directory, in->owner says whose it is. */
NODISCARD int ids_usual(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);
/* run/root.c */
NODISCARD int root_find(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);
/* run/layers.c: an image's layers, once the ids are chosen: what lies below an opaque top is cut off, whose they are, whether
 * they are there */
NODISCARD int image_look(struct plan_input *in, struct spec *s, const struct facts *f, bool is_dry, struct err *e);
/* The copy rung of an image: made inside its id map, where all of it can be read, of files that are the caller's. */
NODISCARD int image_copy(const struct plan_input *in, const struct spec *s, const char *dst, const char *owners, struct err *e);
/* run/bins.c: a root of programs: which files, and the texts that it has of its own */
NODISCARD int bins_find(struct plan_input *in, const struct spec *s, struct err *e);
void bins_texts(struct plan_input *in, const struct spec *s);
/* run/sources.c: opens what is to be mounted and nobody has opened yet; makes what the run
 * itself has to give (files of --file, upper directories). @rd: NULL in a dry run. */
/* run/own.c: lichen's own files, where a volume or a shared namespace would show them: in->own_masks.
 * After sources_look(). */
void own_cover(struct plan_input *in, const struct spec *s, const struct store *st, uid_t uid);

/* run/volumes.c: the places of named volumes, which are made where they are missing and stay locked; before sources_look().
 * @makes: false in a dry run. @st: NULL: nothing is looked for */
NODISCARD int volumes_take(struct spec *s, const struct plan_input *in, struct store *st, bool makes, struct err *e);

NODISCARD int sources_look(struct plan_input *in, struct spec *s, const struct run_dir *rd, struct err *e);
/* run/devices.c: the same for devices, and whether the payload will be able to open them. */
NODISCARD int devices_look(const struct plan_input *in, struct spec *s, const struct facts *f, struct err *e);
NODISCARD int root_skeleton(struct plan_input *in, const struct spec *s, struct err *e);

#endif
