/* SPDX-License-Identifier: Apache-2.0 */
/* run/relay.h - the user's terminal and pipes, between launcher and payload
 *
 * No descriptor of the caller's terminal ever goes inside: a payload with one could read
 * keystrokes and change modes. With -t the child opens a pty of its own devpts and sends
 * the outer end; without -t each of stdin (with -i), stdout and stderr that is a terminal
 * is replaced by a pipe whose other end is relayed here. What is not a terminal is passed
 * as it is.
 */
#ifndef RUN_RELAY_H
#define RUN_RELAY_H

#include <stdbool.h>
#include <sys/epoll.h>

#include "base/err.h"

struct relay;

/**
 * relay_new() - Decide what the child gets as fds 0 to 2
 * @terminal:	-t; @interactive: -i (else the child's stdin is /dev/null)
 * @child_fds:	out: owned by the caller, who passes them to the child (CLOEXEC); -1 with @terminal
 */
NODISCARD int relay_new(struct relay **out, bool terminal, bool interactive, int child_fds[3], struct err *e);

/* -t: takes the pty's outer end (owned), puts the caller's terminal (where stdin is one and -i)
 * in raw mode, copies the window's size. */
NODISCARD int relay_console(struct relay *r, int console_fd, struct err *e);

/* The descriptors to poll, added to @epoll_fd with data.u64 = tag | index. */
NODISCARD int relay_watch(struct relay *r, int epoll_fd, unsigned tag, struct err *e);

/* One event: copies what can be copied without blocking. */
void relay_event(struct relay *r, unsigned index, unsigned events);

void relay_resize(struct relay *r);	/* SIGWINCH */
void relay_suspend(struct relay *r);	/* before the launcher stops itself (SIGTSTP) ... */
void relay_resume(struct relay *r);	/* ... and after SIGCONT: raw again, size again */

/* After the payload's end: everything it wrote before is delivered (what a surviving writer
 * could still write is not waited for: at most until the pipes and the pty are empty). */
void relay_drain(struct relay *r);

/* Restores the terminal; safe to call twice; frees. */
void relay_free(struct relay *r);

/* Restores the terminal from any process that still has the descriptors (the keeper, after
 * the launcher was killed by SIGKILL): async-signal-safe. */
void relay_emergency_restore(void);
/* The terminal's descriptor that the keeper must keep, or -1. */
int relay_tty_fd(const struct relay *r);

#endif
