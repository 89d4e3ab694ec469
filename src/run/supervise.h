/* SPDX-License-Identifier: Apache-2.0 */
/* run/supervise.h - one run, as the files of the supervisor share it
 *
 *   run/run.c        the faces: foreground, dry, create and start; another try where a rung asks for it
 *   run/setup.c      from the spec to the plan, the directories, the filter and the streams
 *   run/supervise.c  the clone, the meeting points, the end
 *   run/wait.c       signals and streams while the payload runs
 */
#ifndef RUN_SUPERVISE_H
#define RUN_SUPERVISE_H

#include "run/fuse.h"
#include "run/internal.h"
#include "run/procview.h"
#include "run/relay.h"
#include "run/run.h"
#include "run/share.h"
#include "spec/control_exec.h"
#include "steps/cgroup.h"

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
	struct image_hold image;
	struct cgroup_box cgroup;
	struct procview procview;
	struct sweeper sweeper;
	int signal_fd;
	bool is_recorded, is_settled;
	bool is_created;	/* 'go' comes over the control socket */
	int control_fd;		/* until the payload runs, then the door has it */
	struct door door;	/* where exec is asked for */
	struct control_exec execs;
	int ready_fd;		/* create: tells the first process "created" or the error */
	pid_t parent;		/* --die-with-parent: who started us; else 0 */
	int share_fd;		/* where the namespaces are asked for */
	struct share_answer share;
	uint64_t started_us;	/* CLOCK_MONOTONIC */
	bool is_shared;		/* share.fds are filled in */
	const struct run_end *end;	/* once it has ended badly, for the state; borrowed */
};

/* run/setup.c: the path of a program of lichen's own; owned */
char *helper_path(const char *name);
/* run/setup.c: everything before the clone; on -1 run_finish() takes back what was made */
NODISCARD int run_prepare(struct run *r, struct err *e);
/* The same without making anything but the plan (--dry-run). */
NODISCARD int run_make_plan(struct run *r, struct err *e);

/* run/supervise.c: walks the plan up to exec. @conn: create's connection of `start`, to be answered. */
NODISCARD int run_walk(struct run *r, int *conn, struct err *e);
NODISCARD int run_wait(struct run *r, struct run_end *end, struct err *e);
/* run/supervise.c: the clone, also of what joins a sandbox (run/exec_inside.c). */
NODISCARD int run_clone(struct run *r, const struct step *s, struct err *e);
/* run/setup.c: the filter of r->spec; r->store is open */
NODISCARD int run_choose_filter(struct run *r, struct err *e);
/* run/setup.c: for real root, whose pipes belong to nobody inside */
void run_give_pipes(struct run *r);
/* run/run.c: what a run is before anything of it is known */
void run_init(struct run *r, struct spec *s);
/* Ends what runs, removes what was made, releases everything; after any of the above. */
void run_finish(struct run *r);
/* Where the walk failed because fuse-overlayfs did: @e says so then. */
void run_explain_fuse(struct run *r, struct err *e);
/* create: tells the first process the id, or @e. */
void run_tell_ready(struct run *r, const struct err *e);
/* The definition on disk, once (ctx.beside). */
NODISCARD int run_record(void *arg, struct err *e);

#endif
