/* SPDX-License-Identifier: Apache-2.0 */
/* spec/control_exec.h - a supervisor's part in `lichen exec`: fork, execute lichen, reap; base/ and the C library only
 *
 * The supervisor never waits for any of it. What it executes is lichen itself by a descriptor of the file that started the
 * sandbox, as the hidden verb __exec, with descriptors as spec/control_msg.h says, /dev/null as its standard streams, no signal
 * blocked or ignored, and the supervisor's environment and LICHEN_EXEC_NS and LICHEN_EXEC_FLAGS.
 */
#ifndef SPEC_CONTROL_EXEC_H
#define SPEC_CONTROL_EXEC_H

#include <sys/types.h>

#include "base/door.h"
#include "base/err.h"
#include "spec/spec.h"

struct control_exec {
	const char *id;		/* the sandbox's; borrowed */
	int lichen_fd;		/* the program, O_PATH; borrowed */
	const int *ns;		/* [NS_TYPES], -1: the sandbox has none of its own; borrowed */
	pid_t *pids;		/* not yet reaped; owned */
	size_t n;
};

/**
 * control_exec_serve() - Answer one caller of the door
 * @msg:	its packet, @c->len bytes
 * Takes the caller: where it asked for an exec, its connection goes to the new process. Whatever is wrong is told to the caller.
 */
void control_exec_serve(struct control_exec *x, const void *msg, struct door_caller *c);

void control_exec_reap(struct control_exec *x);	/* on SIGCHLD: those that have ended */
/* When the sandbox has ended: theirs have ended with it, and they have a moment to tell; then they are killed. Frees. */
void control_exec_end(struct control_exec *x);

/* Tells who is at the other end that it failed; never waits. */
void control_tell_error(int conn, const struct err *e);

#endif
