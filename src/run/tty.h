/* SPDX-License-Identifier: Apache-2.0 */
/* run/tty.h - the mode of the user's terminal: raw while the payload has it, restored afterwards */
#ifndef RUN_TTY_H
#define RUN_TTY_H

#include <stdbool.h>

#include "base/err.h"

/* Remembers the mode of the terminal on descriptor 0, in memory that processes forked later share. */
NODISCARD int tty_keep(struct err *e);
/* Restores it, and forgets. */
void tty_forget(void);

NODISCARD int tty_enter_raw(void);	/* -1: errno */
void tty_leave_raw(void);
bool tty_is_ours(void);			/* we are in the terminal's foreground */
int tty_fd(void);			/* -1: none is kept */

/* From any process that has the descriptor; async-signal-safe. */
void tty_emergency_restore(void);

#endif
