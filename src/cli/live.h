/* SPDX-License-Identifier: Apache-2.0 */
/* cli/live.h - a block of lines that is drawn anew in its place, as of `stats`
 *
 *	AUTO_LIVE struct live l;
 *
 *	if (live_open(&l, STDOUT_FILENO, e) < 0)
 *		return -1;
 *	do {
 *		... render for l.width columns ...
 *		if (live_draw(&l, text.s, e) < 0)
 *			return -1;
 *	} while (live_wait(&l, 1000, -1) != LIVE_ENDED);
 *	*status = live_status(&l);
 *
 * On a terminal the cursor rests at the block's first line: there it stays when a window that gets
 * narrower wraps the lines anew, so that what is drawn next covers all of them. The cursor is not
 * hidden, and what stood above the block is not touched. At the end, and where
 * the process is stopped (Ctrl-Z), the cursor goes below the block. Elsewhere blocks are written
 * one after the other. Keys are taken only where live_take_keys() asks for them.
 */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/err.h"

struct live {
	int fd;			/* borrowed */
	bool is_terminal;
	size_t width, height;	/* what a block may have, in characters and lines; 0: not a terminal, no limit */
	size_t rows;		/* of the block that is there; 0: none */
	int signals;		/* signalfd; -1: not a terminal */
	sigset_t mask;		/* of before */
	int keys;		/* the terminal whose keys come one by one; borrowed; -1 */
	bool has_keys;		/* it is in the mode for that */
	struct termios mode;	/* of before */
	int sig;		/* the signal that ended it; 0: none */
};

enum live_event {
	LIVE_TIME,	/* the time is over */
	LIVE_REDRAW,	/* the window has changed, or the process was stopped: draw at once */
	LIVE_INPUT,	/* the descriptor has something */
	LIVE_KEY,	/* live_key() has one */
	LIVE_ENDED,	/* somebody asked for the end */
};

/**
 * live_open() - Begin
 * @fd:		where blocks go; a terminal, unless TERM is "dumb", is drawn on
 *
 * On a terminal SIGWINCH, SIGTSTP and the signals that ask for the end are blocked until
 * live_close(), and come out of live_wait(); elsewhere they act as ever.
 * Errors:	SYS
 */
NODISCARD int live_open(struct live *l, int fd, struct err *e);

/* The same where somebody else waits, and looks for the signals that ask for the end himself: these are left alone,
 * and live_wait() with a timeout of 0 only sees to the window and to Ctrl-Z. */
NODISCARD int live_open_beside(struct live *l, int fd, struct err *e);

/**
 * live_draw() - Put a block where the last one is
 * @text:	lines, each ended by a newline; printable, but for colours (ESC [ ... m)
 *
 * On a terminal lines are cut at its width; where there are too many, the last one says so.
 * Errors:	SYS
 */
NODISCARD int live_draw(struct live *l, const char *text, struct err *e);

/* Waits for @timeout_ms (-1: for ever), for @fd or a key to be readable (-1: no @fd), or for a signal. */
enum live_event live_wait(struct live *l, int timeout_ms, int fd);

/* From now on the keys of the terminal @fd, which live_wait() may be given, come one by one and are not
 * shown, while we are in its foreground; the signals of Ctrl-C and Ctrl-Z stay. Does nothing where blocks
 * are not drawn, or @fd is no terminal. */
void live_take_keys(struct live *l, int fd);

/* The next key, behind LIVE_KEY; -1: none, and none will come. */
int live_key(struct live *l);

/* The exit status behind LIVE_ENDED, 128+n; 0 where it was not asked for. */
int live_status(const struct live *l);

/* The last block stays, the cursor is below it. Of SIGINT the process will die in the end
 * (base/stop.h), as whoever waits for it expects. */
void live_close(struct live *l);

#define AUTO_LIVE __attribute__((cleanup(live_close)))

#endif
