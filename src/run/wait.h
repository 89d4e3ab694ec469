/* SPDX-License-Identifier: Apache-2.0 */
/* run/wait.h - from exec to the payload's end: signals, terminal and pipes, exit status */
#ifndef RUN_WAIT_H
#define RUN_WAIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "run/fuse.h"
#include "run/relay.h"

struct wait {
	pid_t pid;		/* the payload's, pid 1 inside */
	int pidfd, signal_fd;	/* borrowed */
	struct relay *relay;
	struct fuse *fuse;
	bool has_terminal;	/* -t */
	bool is_interrupted;	/* SIGINT has come */
	bool is_asked;		/* HUP, INT, QUIT or TERM has come */
	int forwarded;		/* the last terminating signal that was forwarded */
};

/* Blocks all signals but those of our own faults; they are read from @signal_fd (owned by the caller), and
 * looked for by whoever waits meanwhile (base/stop.h). */
NODISCARD int signals_take(int *signal_fd, struct err *e);

/**
 * wait_for_end() - Forward signals and relay stdio until the payload has ended; it is waited for
 * @status:	its own, 128+n for a signal
 */
NODISCARD int wait_for_end(struct wait *w, int *status, struct err *e);

#endif
