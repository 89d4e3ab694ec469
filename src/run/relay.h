/* SPDX-License-Identifier: Apache-2.0 */
/* run/relay.h - the user's terminal and pipes, between launcher and payload
 *
 * No descriptor of the caller's goes inside but pipes and /dev/null: a payload with a
 * terminal's could read keystrokes and change modes, with a file's open the file anew for
 * what it is not open for, with a socket's reach the caller's network. With -t the child
 * opens a pty of its own devpts and sends the outer end; without -t each of stdin (with -i),
 * stdout and stderr that is anything else is replaced by a pipe whose other end is relayed
 * here. Where stdout and stderr are the same, one pipe serves both, in the order of writing.
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

/* After SIGCONT that followed a stop which we could not see (SIGSTOP): raw again where we are in the foreground. */
void relay_continued(struct relay *r);

/* After the payload's end: the terminal is restored, and everything it wrote before is
 * delivered (what a surviving writer could still write is not waited for: at most until the
 * pipes and the pty are empty). A slow reader is waited for, once a signal asks us to end
 * (before: @is_asked; or meanwhile, base/stop.h) only for a moment. */
void relay_drain(struct relay *r, bool is_asked);

/* Whether some of the output could not be written (a full disk), which was warned of. */
bool relay_has_lost(const struct relay *r);

/* Restores the terminal; safe to call twice; frees. */
void relay_free(struct relay *r);

/* Restores the terminal from any process that still has the descriptors (the keeper, after
 * the launcher was killed by SIGKILL): async-signal-safe. */
void relay_emergency_restore(void);
/* The terminal's descriptor that the keeper must keep, or -1. */
int relay_tty_fd(const struct relay *r);

#endif
