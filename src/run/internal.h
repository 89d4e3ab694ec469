/* SPDX-License-Identifier: Apache-2.0 */
/* run/internal.h - what the files of this room share */
#ifndef RUN_INTERNAL_H
#define RUN_INTERNAL_H

#include "host/facts.h"
#include "plan/plan.h"
#include "run/handshake.h"
#include "steps/ctx.h"
#include "store/store.h"

struct relay;

/* run/table.c: step kind -> function */
step_fn *step_function(enum step_kind kind);

/* run/table.c: one step with its rungs; sets c->rung_taken. */
NODISCARD int walk_step(struct ctx *c, size_t index, struct err *e);

/* run/child.c: walks the child's steps; returns only on failure, with the exit status. */
int child_main(struct ctx *c);

/* run/keeper.c */
NODISCARD int keeper_start(pid_t *keeper, int child_pidfd, int tty_fd, struct err *e);
void keeper_wait(pid_t keeper);

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

/* run/sweeper.c */
struct sweeper {
	pid_t pid;		/* 0: none, or it has been waited for */
	int pidfd, said;	/* said: a file in memory */
};

/* Starts it where there is something beside the run @own; failures are warnings. */
void sweeper_start(struct sweeper *s, struct store *st, const char *own);
/* Waits for it for a moment, passes on what it said, and leaves it alone otherwise. */
void sweeper_end(struct sweeper *s);

/* run/inmap.c: see store_in_map_fn */
store_in_map_fn in_map;

/* run/prepare.c */
NODISCARD int prepare_input(struct plan_input *in, struct spec *s, const struct facts *f, const struct run_dir *rd,
			    struct err *e);
/* run/root.c */
NODISCARD int root_find(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);
NODISCARD int root_skeleton(struct plan_input *in, const struct spec *s, struct err *e);

#endif
