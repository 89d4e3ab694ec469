/* SPDX-License-Identifier: Apache-2.0 */
/* run/exec.h - a command more in a sandbox that runs
 *
 *   lichen exec (run/exec.c) ── request ──► supervisor (spec/control_exec.h) ── fork, execveat ──► lichen __exec (run/exec_inside.c)
 *        │ relays streams and signals                                                                    │ a plan of its own:
 *        └────────────────── the connection: console, begun, ended ──────────────────────────────────────┤
 *                                                              the sandbox's cgroup and namespaces: stage ┴─► the command
 */
#ifndef RUN_EXEC_H
#define RUN_EXEC_H

#include <stdbool.h>

#include "base/err.h"
#include "spec/spec.h"

struct exec_wish {
	const char *ref;	/* id, prefix or name */
	const struct spec *rq;	/* spec/exec_request.h */
	bool is_detached;	/* the command stays, and nobody waits for it */
};

/**
 * run_exec() - Run a command in a sandbox, relay its streams, wait for it
 * @status:	the command's own, 128+n for a signal; 0 where it is detached
 * Errors:	STATE: no such sandbox, none that runs, paused; PEER: its supervisor ended; whatever kept the command from being run
 */
NODISCARD int run_exec(const struct exec_wish *w, int *status, struct err *e);

/* lichen __exec: started by a supervisor, with descriptors as spec/control_msg.h says. What fails is told to who asked. */
NODISCARD int run_exec_inside(const char *id, int *status, struct err *e);

#endif
