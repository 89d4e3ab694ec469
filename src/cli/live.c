/* SPDX-License-Identifier: Apache-2.0 */
/* cli/live.c - a block of lines that is drawn anew in its place */

#include "cli/live.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"
#include "base/str.h"

/* The first two are of the window. */
static const int SIGNALS[] = { SIGWINCH, SIGTSTP, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
enum { WINDOW_SIGNALS = 2 };

/* ECMA-48, which every terminal of today knows. */
#define ERASE_LINE  "\x1b[K"	/* from the cursor on */
#define ERASE_BELOW "\x1b[J"
#define PLAIN	    "\x1b[0m"

static void look_at_window(struct live *l)
{
	enum { USUAL_WIDTH = 80, USUAL_HEIGHT = 24 };
	struct winsize ws;

	if (ioctl(l->fd, TIOCGWINSZ, &ws) < 0 || !ws.ws_col || !ws.ws_row)
		ws = (struct winsize){ .ws_col = USUAL_WIDTH, .ws_row = USUAL_HEIGHT };
	/* with a character in the last column terminals differ in where the cursor is then */
	l->width = ws.ws_col > 1 ? (size_t)ws.ws_col - 1 : 1;
	l->height = ws.ws_row;
}

static int open_with(struct live *l, int fd, size_t n_signals, struct err *e)
{
	const char *term = getenv("TERM");
	sigset_t set;

	*l = (struct live){ .fd = fd, .signals = -1, .keys = -1 };
	if (!isatty(fd) || str_eq(term, "dumb"))
		return 0;
	sigemptyset(&set);
	for (size_t i = 0; i < n_signals; i++)
		sigaddset(&set, SIGNALS[i]);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signals < 0)
		return err_sys(e, "signalfd", NULL, "cannot watch for signals");
	sigprocmask(SIG_BLOCK, &set, &l->mask);
	l->is_terminal = true;
	look_at_window(l);
	return 0;
}

int live_open(struct live *l, int fd, struct err *e)
{
	return open_with(l, fd, N_ELEMS(SIGNALS), e);
}

int live_open_beside(struct live *l, int fd, struct err *e)
{
	return open_with(l, fd, WINDOW_SIGNALS, e);
}

/* ---- drawing ---- */

/* The bytes of "ESC [ 1 ; 31 m" at @s; 0: it is none. */
static size_t colour_len(const char *s)
{
	size_t n;

	if (s[0] != '\x1b' || s[1] != '[')
		return 0;
	n = 2 + strspn(s + 2, "0123456789;");
	return s[n] == 'm' ? n + 1 : 0;
}

/* The first @width characters of a line of @len bytes. Colours take no room, and end with the line. */
static void add_cut(struct buf *out, const char *line, size_t len, size_t width)
{
	bool is_coloured = false;
	size_t columns = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = colour_len(line + i);
		if (n) {
			is_coloured = true;
		} else {
			n = 1;
			columns += ((unsigned char)line[i] & 0xc0) != 0x80;
			if (columns > width)
				break;
		}
		buf_addn(out, line + i, n);
	}
	if (is_coloured && columns > width)
		buf_add(out, PLAIN);
}

static size_t lines_of(const char *text)
{
	size_t n = 0;

	for (const char *s = text; *s; s++)
		n += *s == '\n' || !s[1];
	return n;
}

/* Goes up again; @rows lines from the first to the one where the cursor is. */
static void add_up(struct buf *out, size_t rows)
{
	if (rows > 1)
		buf_addf(out, "\x1b[%zuA", rows - 1);
	buf_add(out, "\r");
}

static void add_block(struct live *l, const char *text, struct buf *out)
{
	size_t lines = lines_of(text), shown = lines > l->height ? l->height - 1 : lines;

	buf_add(out, "\r");
	for (size_t i = 0; i < shown; i++) {
		size_t len = strcspn(text, "\n");

		buf_add(out, i ? "\n" : "");
		add_cut(out, text, len, l->width);
		buf_add(out, ERASE_LINE);
		text += len + (text[len] == '\n');
	}
	if (shown < lines) {
		AUTO_FREE char *more = str_fmt("(%zu more)", lines - shown);

		buf_add(out, shown ? "\n" : "");
		add_cut(out, more, strlen(more), l->width);
		buf_add(out, ERASE_LINE);
		shown++;
	}
	buf_add(out, ERASE_BELOW);
	add_up(out, shown);
	l->rows = shown;
}

int live_draw(struct live *l, const char *text, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	if (l->is_terminal)
		add_block(l, text, &out);
	else
		buf_add(&out, text);
	/* all at once: nothing is seen, and no signal comes, between its parts */
	if (out.len && fd_write_all(l->fd, out.s, out.len) < 0)
		return err_sys(e, "write", "standard output", "cannot print");
	return 0;
}

/* From the block's first line to the one below it; no block is there any more. */
static void leave(struct live *l)
{
	AUTO_BUF struct buf out = { 0 };

	if (!l->rows)
		return;
	if (l->rows > 1)
		buf_addf(&out, "\x1b[%zuB", l->rows - 1);
	buf_add(&out, "\n");
	(void)!fd_write_all(l->fd, out.s, out.len);
	l->rows = 0;
}

/* ---- keys ---- */

/* From the background a terminal is not read, and setting its mode would stop us. */
static bool is_foreground(int fd)
{
	return tcgetpgrp(fd) == getpgrp();
}

static void keys_on(struct live *l)
{
	struct termios mode;

	if (l->keys < 0 || l->has_keys || !is_foreground(l->keys) || tcgetattr(l->keys, &l->mode) < 0)
		return;
	mode = l->mode;
	mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	mode.c_cc[VMIN] = 1;
	mode.c_cc[VTIME] = 0;
	l->has_keys = tcsetattr(l->keys, TCSANOW, &mode) == 0;
}

static void keys_off(struct live *l)
{
	if (l->has_keys && is_foreground(l->keys))
		(void)!tcsetattr(l->keys, TCSANOW, &l->mode);
	l->has_keys = false;
}

void live_take_keys(struct live *l, int fd)
{
	if (!l->is_terminal || !isatty(fd))
		return;
	l->keys = fd;
	keys_on(l);
}

int live_key(struct live *l)
{
	unsigned char c;

	if (l->has_keys && is_foreground(l->keys) && read(l->keys, &c, 1) == 1)
		return c;
	/* the terminal is gone, or not ours to read any more */
	keys_off(l);
	l->keys = -1;
	return -1;
}

/* ---- waiting ---- */

/* The next signal that is there; 0: none. */
static int next_signal(const struct live *l)
{
	struct signalfd_siginfo info;

	if (l->signals < 0 || read(l->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

static enum live_event on_signal(struct live *l, int sig)
{
	switch (sig) {
	case SIGTSTP:
		leave(l);
		keys_off(l);
		kill(getpid(), SIGSTOP);
		look_at_window(l);
		return LIVE_REDRAW;
	case SIGWINCH:
		look_at_window(l);
		return LIVE_REDRAW;
	default:
		l->sig = sig;
		return LIVE_ENDED;
	}
}

enum live_event live_wait(struct live *l, int timeout_ms, int fd)
{
	struct pollfd p[3] = { { .fd = l->signals, .events = POLLIN }, { .fd = fd, .events = POLLIN },
			       { .fd = -1, .events = POLLIN } };
	int n, sig;

	/* we may have come to the foreground since the last time */
	keys_on(l);
	if (l->has_keys && is_foreground(l->keys))
		p[2].fd = l->keys;
	/* a stop and its end interrupt it; somebody else's SIGCONT is none of ours */
	do
		n = poll(p, N_ELEMS(p), timeout_ms);
	while (n < 0 && errno == EINTR);
	sig = next_signal(l);
	if (sig)
		return on_signal(l, sig);
	if (n > 0 && p[2].revents)
		return LIVE_KEY;
	return n > 0 && p[1].revents ? LIVE_INPUT : LIVE_TIME;
}

int live_status(const struct live *l)
{
	return l->sig ? EXIT_SIGNAL + l->sig : 0;
}

void live_close(struct live *l)
{
	if (!l->is_terminal)
		return;
	leave(l);
	keys_off(l);
	auto_close(&l->signals);
	sigprocmask(SIG_SETMASK, &l->mask, NULL);
	if (l->sig == SIGINT)
		stop_die_of(l->sig);
	l->is_terminal = false;
}
