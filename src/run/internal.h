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
/* The maps that are asked for by --userns, --uidmap, --gidmap and --groups. 1: in->uids, gids,
 * how and owner are set; 0: nothing is asked for, the usual choice holds; -1 with @e. */
NODISCARD int ids_wished(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);

/* run/keeper.c */
NODISCARD int keeper_start(pid_t *keeper, int child_pidfd, int tty_fd, struct err *e);
void keeper_wait(pid_t keeper);

/* run/inmap.c: see store_in_map_fn */
store_in_map_fn in_map;

/* run/prepare.c */
NODISCARD int prepare_input(struct plan_input *in, struct spec *s, const struct facts *f, const struct run_dir *rd,
			    struct store *st, struct err *e);
/* run/root.c */
NODISCARD int root_find(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);
NODISCARD int root_skeleton(struct plan_input *in, const struct spec *s, struct err *e);

#endif
