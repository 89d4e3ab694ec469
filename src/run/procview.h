/* SPDX-License-Identifier: Apache-2.0 */
/* run/procview.h - the process that serves --proc-limits: lichen-proc */
#ifndef RUN_PROCVIEW_H
#define RUN_PROCVIEW_H

#include "base/err.h"
#include "steps/ctx.h"

struct procview {
	pid_t pid;	/* 0: none was started, or it has been waited for */
	int said;	/* a file in memory: what it printed on stderr; -1 */
};

/* Starts it when the child asks (handshake.h); @fds: FUSE_FDS of the child's, borrowed. What fails is
 * told to the child, who waits, on fds[FUSE_REPORT]. @helper: the program. */
void procview_serve(struct procview *v, const struct ctx *c, const char *helper, const int *fds);
/* It has nothing to write back: ended at once. Says what it said, where it said something. */
void procview_end(struct procview *v);

#endif
