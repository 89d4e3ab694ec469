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

/* run/inmap.c: see store_in_map_fn */
store_in_map_fn in_map;

/* run/prepare.c */
NODISCARD int prepare_input(struct plan_input *in, struct spec *s, const struct facts *f, const struct run_dir *rd,
			    struct err *e);
/* run/root.c */
NODISCARD int root_find(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e);
/* run/sources.c: opens what is to be mounted and nobody has opened yet; makes what the run
 * itself has to give (files of --file, upper directories). @rd: NULL in a dry run. */
NODISCARD int sources_look(struct plan_input *in, struct spec *s, const struct run_dir *rd, struct err *e);
/* run/devices.c: the same for devices, and whether the payload will be able to open them. */
NODISCARD int devices_look(const struct plan_input *in, struct spec *s, const struct facts *f, struct err *e);
NODISCARD int root_skeleton(struct plan_input *in, const struct spec *s, struct err *e);

#endif
