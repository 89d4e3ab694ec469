/* SPDX-License-Identifier: Apache-2.0 */
/* run/wait.h - from exec to the payload's end: signals, terminal and pipes, exit status */
#ifndef RUN_WAIT_H
#define RUN_WAIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "run/fuse.h"
#include "run/internal.h"
#include "run/relay.h"
#include "run/share.h"
#include "spec/control_exec.h"
#include "spec/spec.h"

struct wait {
	const struct spec *spec;
	pid_t pid;		/* pid 1 inside: the payload, or its init */
	int pidfd, signal_fd;	/* borrowed */
	const char *box;	/* the cgroup that can be paused; borrowed; NULL */
	bool has_said_paused;
	int share_fd;		/* where the namespaces are asked for; borrowed */
	struct share_answer *share;
	struct door *door;	/* where exec is asked for, and what came of it */
	struct control_exec *execs;
	pid_t parent;		/* --die-with-parent: who started us; else 0 */
	struct sweeper *sweeper;
	struct tree *rest;	/* what the payload may leave behind; NULL: it has a pid namespace of its own */
	struct relay *relay;
	struct fuse *fuse;
	int timer_fd;		/* --timeout; wait_for_end()'s own */
	bool has_timed_out;
	bool is_interrupted;	/* SIGINT has come */
	bool is_asked;		/* HUP, INT, QUIT or TERM has come */
	int end_signal;		/* that killed pid 1; 0: it exited */
	int forwarded;		/* the last terminating signal that was forwarded */
};

/* Blocks all signals but those of our own faults; they are read from @signal_fd (owned by the caller), and
 * looked for by whoever waits meanwhile (base/stop.h). */
NODISCARD int signals_take(int *signal_fd, struct err *e);

/* --die-with-parent: asks for a signal of our own at the parent's death. After signals_take().
 * Errors: PEER where it is dead already. */
NODISCARD int parent_bind(pid_t parent, struct err *e);
/* As SIGTSTP does by itself: in a process group that nobody could continue it has no effect. */
void stop_self(void);
bool parent_has_ended(pid_t parent);	/* false where there is none to die with (0) */

/**
 * wait_for_end() - Forward signals and relay stdio until the payload has ended; it is waited for
 * @status:	its own, 128+n for a signal, 124 where its time was over
 */
NODISCARD int wait_for_end(struct wait *w, int *status, struct err *e);

#endif
