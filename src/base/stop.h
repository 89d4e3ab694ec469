/* SPDX-License-Identifier: Apache-2.0 */
/* base/stop.h - a signal that asks us to end, while something else is waited for
 *
 * The supervisor has its signals blocked, and reads them once the payload runs. What waits
 * before that (for the child, for a tool, in the copy of a tree) waits here, so that such a
 * signal ends it. The signal stays pending: every wait behind it ends, too.
 */
#ifndef BASE_STOP_H
#define BASE_STOP_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

/* Whether the default action of @sig is to end the process. */
bool stop_ends(int sig);

/* From now on those of the blocked signals @blocked that end a process are looked for. -1: errno. */
NODISCARD int stop_arm(const sigset_t *blocked);
/* No longer: what is cleaned up is cleaned up whatever comes. */
void stop_disarm(void);
bool stop_is_armed(void);

/* The pending signal that asks us to end; 0: none, or not armed. */
int stop_pending(void);

/**
 * stop_poll() - Wait for @events of one descriptor
 * Return: >0 where there are some (errors too), 0 after @timeout_ms (-1: never), -1 where there are
 * none and such a signal is pending: the end of a handshake that has come is no longer stopped
 */
int stop_poll(int fd, short events, int timeout_ms);

/* Fills @e for the pending signal, kind SIGNAL; evaluates to -1. */
int stop_err(struct err *e, const char *when);

/* The signal by which the process is to end after all its work, as whom it took over for
 * did (a shell's loop stops only then); 0: by exit(3). */
void stop_die_of(int sig);
int stop_death(void);

#endif
