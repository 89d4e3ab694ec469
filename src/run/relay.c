/* SPDX-License-Identifier: Apache-2.0 */
/* run/relay.c - the user's terminal and pipes, between launcher and payload
 *
 * A flow copies from one descriptor to another through a buffer of its own, so that a slow
 * reader stops only its own writer and never the launcher. The caller's open file
 * descriptions are shared with the shell and keep their flags: a terminal is opened anew
 * (a description of our own, O_NONBLOCK), everything else is asked by poll(2) before each
 * call and written in pieces of at most PIPE_BUF. No input is ever a regular file: with -t
 * -i it is a terminal, and without -t what is no terminal is handed to the child.
 */

#include "run/relay.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"

enum {
	FLOW_CAP = 64 << 10,	/* bytes under way in one direction */
	PUMP_ROUNDS = 8,	/* then the other descriptors get their turn */
	TTY_PIECE = 256,	/* a blocking terminal's: POLLOUT promises little */
	PTY_HOLDS = 64 << 10,	/* more than the kernel keeps in a pty */
	STUCK_MS = 200,		/* how often a stuck drain looks for a signal */
	FIRST_FREE = 3,		/* our descriptors are never 0 to 2 */
};

enum { FLOW_IN, FLOW_OUT, FLOW_ERR, N_FLOWS };

struct end {
	int fd;			/* owned; -1: closed */
	size_t piece;		/* most bytes of one call */
	bool asks;		/* may block: poll before each call */
	bool watched;		/* registered with epoll, for .events */
	bool always;		/* epoll refuses it (a regular file, /dev/null): always ready */
	uint32_t events;
};

struct flow {
	struct end in, out;
	bool open;
	char *buf;		/* FLOW_CAP bytes */
	size_t head, len;
};

struct relay {
	bool terminal, interactive;
	bool raw;		/* the terminal is ours to put in raw mode */
	int size_fd;		/* the caller's descriptor whose window is copied, or -1 */
	int epoll_fd;		/* borrowed; -1: not watched */
	unsigned tag;
	struct flow flows[N_FLOWS];
};

/* What relay_emergency_restore() needs. In shared memory: the keeper may be forked before
 * raw mode is entered, and must not restore what the launcher has restored already. */
struct tty_state {
	int fd;
	volatile sig_atomic_t active;
	struct termios saved, raw;
};

static struct tty_state *tty_state;

/* ---- the terminal's mode ---- */

/* tcsetattr(3) with SIGTTOU blocked (works from the background too) or not blocked (a
 * background process is stopped until it is in the foreground, as job control has it). */
static int tty_set(int fd, const struct termios *t, int how)
{
	sigset_t ttou, old;
	int rc, saved;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	sigprocmask(how, &ttou, &old);
	rc = tcsetattr(fd, TCSANOW, t);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return rc;
}

static int tty_enter_raw(void)
{
	struct termios now;

	tty_state->raw = tty_state->saved;
	cfmakeraw(&tty_state->raw);
	tty_state->active = 1;
	if (tty_set(tty_state->fd, &tty_state->raw, SIG_UNBLOCK) < 0) {
		tty_state->active = 0;
		return -1;
	}
	if (tcgetattr(tty_state->fd, &now) == 0)
		tty_state->raw = now;
	return 0;
}

static void tty_leave_raw(void)
{
	if (!tty_state || !tty_state->active)
		return;
	(void)tty_set(tty_state->fd, &tty_state->saved, SIG_BLOCK);
	tty_state->active = 0;
}

void relay_emergency_restore(void)
{
	struct termios now;
	int saved = errno;

	/* A shell that has set its own modes since is left alone. */
	if (tty_state && tty_state->active && tcgetattr(tty_state->fd, &now) == 0 &&
	    now.c_iflag == tty_state->raw.c_iflag && now.c_oflag == tty_state->raw.c_oflag &&
	    now.c_lflag == tty_state->raw.c_lflag)
		tty_leave_raw();
	errno = saved;
}

int relay_tty_fd(const struct relay *r)
{
	return r && r->raw && tty_state ? tty_state->fd : -1;
}

/* ---- descriptors ---- */

/* Out of the way of 0 to 2, where the caller had closed one of them. Consumes @fd. */
static int fd_high(int fd)
{
	int high, saved;

	if (fd < 0 || fd >= FIRST_FREE)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
	saved = errno;
	close(fd);
	errno = saved;
	return high;
}

static int null_open(int flags)
{
	return fd_high(open("/dev/null", flags | O_CLOEXEC));
}

static int nonblock_set(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static bool fd_ready(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, timeout_ms) > 0;	/* an error is "ready": the call tells which */
}

/* An end of ours: a pipe or the pty. */
static struct end end_own(int fd)
{
	return (struct end){ .fd = fd, .piece = FLOW_CAP };
}

/* An end at the caller's stdio @n; .fd is -1 with errno where it failed. */
static struct end end_caller(int n, bool is_tty)
{
	int flags = (n == STDIN_FILENO ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct end end = { .fd = -1, .piece = is_tty ? TTY_PIECE : PIPE_BUF, .asks = true };
	char path[FD_PATH_MAX];
	unsigned pty;

	/* The outer end of a pty is no terminal to open anew: that would make another pty. */
	if (is_tty && ioctl(n, TIOCGPTN, &pty) < 0)
		end.fd = fd_high(open(fd_path(n, path), flags | O_CLOEXEC));
	if (end.fd >= 0) {
		end.piece = FLOW_CAP;
		end.asks = n == STDIN_FILENO;	/* with VMIN 0, "nothing yet" reads as end of file */
		return end;
	}
	end.fd = fcntl(n, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (end.fd < 0 && errno == EBADF)
		end.fd = null_open(n == STDIN_FILENO ? O_RDONLY : O_WRONLY);
	return end;
}

/* ---- epoll ---- */

/* Registers, changes or removes @end so that exactly @events (0: only errors) are waited for. */
static int end_watch(struct relay *r, struct end *end, unsigned index, bool on, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = (uint64_t)(r->tag | index) };
	int op;

	if (r->epoll_fd < 0 || end->fd < 0 || end->always || (!on && !end->watched))
		return 0;
	if (on && end->watched && end->events == events)
		return 0;
	op = !on ? EPOLL_CTL_DEL : end->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(r->epoll_fd, op, end->fd, &ev) < 0) {
		if (errno != EPERM)
			return -1;
		end->always = true;
		return 0;
	}
	end->watched = on;
	end->events = events;
	return 0;
}

static void end_close(struct relay *r, struct end *end)
{
	/* Others may have the description open, so that close(2) would leave it registered. */
	(void)end_watch(r, end, 0, false, 0);
	auto_close(&end->fd);
	end->watched = false;
}

/* ---- flows ---- */

static void flow_open(struct flow *f, struct end in, struct end out)
{
	*f = (struct flow){ .in = in, .out = out, .open = true, .buf = mem_alloc(FLOW_CAP) };
}

static void flow_close(struct relay *r, struct flow *f)
{
	if (!f->open)
		return;
	end_close(r, &f->in);
	end_close(r, &f->out);
	auto_free(&f->buf);
	f->head = f->len = 0;
	f->open = false;
}

static bool to_child(const struct relay *r, const struct flow *f)
{
	return f == &r->flows[FLOW_IN];
}

/* Nobody reads what @f writes: whoever writes into it is to notice. */
static void flow_break(struct relay *r, struct flow *f)
{
	if (r->terminal && !to_child(r, f))
		flow_close(r, &r->flows[FLOW_IN]);	/* the pty's other descriptor */
	flow_close(r, f);
}

/* Nothing more comes in; what is buffered still goes out. */
static void flow_eof(struct relay *r, struct flow *f)
{
	struct termios t;

	if (r->terminal && to_child(r, f)) {
		if (tcgetattr(f->out.fd, &t) == 0 && f->head + f->len < FLOW_CAP)
			f->buf[f->head + f->len++] = (char)t.c_cc[VEOF];
	} else if (r->terminal) {
		flow_close(r, &r->flows[FLOW_IN]);
	}
	end_close(r, &f->in);
}

/* A read from the background with SIGTTIN blocked fails with EIO: be stopped, as others are. */
static ssize_t read_in_foreground(int fd, char *buf, size_t n)
{
	sigset_t ttin, old;
	pid_t owner = tcgetpgrp(fd);
	ssize_t got;
	int saved;

	if (owner < 0 || owner == getpgrp()) {
		errno = EIO;
		return -1;
	}
	sigemptyset(&ttin);
	sigaddset(&ttin, SIGTTIN);
	sigprocmask(SIG_UNBLOCK, &ttin, &old);
	got = read(fd, buf, n);
	saved = errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = saved;
	return got;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One read of at most @max bytes. Return: how many; 0 where there is nothing now, or no room. */
static size_t flow_fill(struct relay *r, struct flow *f, size_t max)
{
	size_t room;
	ssize_t n;

	if (f->in.fd < 0)
		return 0;
	if (f->head && f->head + f->len == FLOW_CAP) {
		memmove(f->buf, f->buf + f->head, f->len);
		f->head = 0;
	}
	room = min_size(min_size(FLOW_CAP - f->head - f->len, f->in.piece), max);
	if (!room || (f->in.asks && !fd_ready(f->in.fd, POLLIN, 0)))
		return 0;
	n = read(f->in.fd, f->buf + f->head + f->len, room);
	if (n < 0 && errno == EIO && to_child(r, f))
		n = read_in_foreground(f->in.fd, f->buf + f->head + f->len, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {	/* EIO of the pty: its inner side is closed */
		flow_eof(r, f);
		return 0;
	}
	f->len += (size_t)n;
	return (size_t)n;
}

/* Writes until the buffer is empty or the reader slow. Return: how many bytes went. */
static size_t flow_flush(struct relay *r, struct flow *f)
{
	size_t done = 0;
	ssize_t n;

	while (f->open && f->len) {
		if (f->out.asks && !fd_ready(f->out.fd, POLLOUT, 0))
			break;
		n = write(f->out.fd, f->buf + f->head, min_size(f->len, f->out.piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN))
			break;
		if (n < 0) {
			if (errno != EPIPE && errno != EIO && !to_child(r, f))
				log_warn("the payload's output cannot be written: %s", strerror(errno));
			flow_break(r, f);
			break;
		}
		f->head += (size_t)n;
		f->len -= (size_t)n;
		done += (size_t)n;
	}
	if (!f->len)
		f->head = 0;
	return done;
}

static int flow_watch(struct relay *r, struct flow *f)
{
	unsigned index = 2 * (unsigned)(f - r->flows);

	if (!f->open)
		return 0;
	if (end_watch(r, &f->in, index, f->len < FLOW_CAP, EPOLLIN) < 0)
		return -1;
	/* The child's end is watched for errors even while there is nothing to write, so that
	 * no input is taken for one who has closed it. */
	return end_watch(r, &f->out, index + 1, f->len || to_child(r, f), f->len ? EPOLLOUT : 0);
}

static void flow_pump(struct relay *r, struct flow *f)
{
	for (int i = 0; i < PUMP_ROUNDS && f->open; i++) {
		size_t got = flow_fill(r, f, FLOW_CAP);

		if (!(flow_flush(r, f) || got))
			break;
	}
	if (f->open && f->in.fd < 0 && !f->len)
		flow_close(r, f);
}

/* ---- making it ---- */

/* What the caller's descriptor @n is. EBADF: closed. */
enum stdio_kind { STDIO_ERROR = -1, STDIO_CLOSED, STDIO_TTY, STDIO_OTHER };

static enum stdio_kind stdio_kind(int n, struct err *e)
{
	static const char *const NAMES[] = { "stdin", "stdout", "stderr" };
	struct stat st;

	if (fstat(n, &st) < 0) {
		if (errno == EBADF)
			return STDIO_CLOSED;
		err_sys(e, "fstat", NAMES[n], "cannot look at %s", NAMES[n]);
		return STDIO_ERROR;
	}
	if (S_ISDIR(st.st_mode)) {	/* openat(2) relative to it would lead out of the sandbox */
		err_set(e, ERR_USAGE, "%s is a directory", NAMES[n]);
		err_hint(e, "a directory's descriptor would give the sandbox access to it; "
			    "redirect %s to a file, or mount the directory", NAMES[n]);
		return STDIO_ERROR;
	}
	if (!S_ISCHR(st.st_mode))
		return STDIO_OTHER;
	if (isatty(n))
		return STDIO_TTY;
	return errno == EBADF ? STDIO_CLOSED : STDIO_OTHER;	/* EBADF: O_PATH */
}

/* Puts a pipe between the terminal @n and the child. */
static int pipe_between(struct relay *r, int n, int *child_fd, struct err *e)
{
	bool input = n == STDIN_FILENO;
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	struct end end;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "cannot make a pipe for the payload");
	ours = fd_high(p[input ? 1 : 0]);
	theirs = fd_high(p[input ? 0 : 1]);
	if (ours < 0 || theirs < 0 || nonblock_set(ours) < 0)
		return err_sys(e, "fcntl", NULL, "cannot make a pipe for the payload");
	/* /dev/stdout is to be opened by any user of the sandbox; only its processes can. */
	(void)fchmod(theirs, 0666);
	end = end_caller(n, true);
	if (end.fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate the terminal's descriptor");
	if (input)
		flow_open(&r->flows[n], end, end_own(fd_take(&ours)));
	else
		flow_open(&r->flows[n], end_own(fd_take(&ours)), end);
	*child_fd = fd_take(&theirs);
	return 0;
}

static int plain_new(struct relay *r, int child_fds[3], struct err *e)
{
	for (int n = 0; n < N_FLOWS; n++) {
		enum stdio_kind kind = STDIO_CLOSED;

		if (n != STDIN_FILENO || r->interactive)
			kind = stdio_kind(n, e);
		if (kind == STDIO_ERROR)
			return -1;
		if (kind == STDIO_TTY) {
			if (pipe_between(r, n, &child_fds[n], e) < 0)
				return -1;
			continue;
		}
		if (kind == STDIO_OTHER)
			child_fds[n] = fcntl(n, F_DUPFD_CLOEXEC, FIRST_FREE);
		else
			child_fds[n] = null_open(n == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		if (child_fds[n] < 0)
			return err_sys(e, kind == STDIO_OTHER ? "fcntl" : "open",
				       kind == STDIO_OTHER ? NULL : "/dev/null",
				       "cannot prepare descriptor %d of the payload", n);
	}
	return 0;
}

static int terminal_new(struct relay *r, struct err *e)
{
	void *page;

	for (int n = 2; n >= 0; n--)
		if (isatty(n))
			r->size_fd = n;
	if (!r->interactive)
		return 0;
	if (r->size_fd != STDIN_FILENO) {
		err_set(e, ERR_USAGE, "stdin is not a terminal");
		return err_hint(e, "leave out -t, or start lichen from a terminal");
	}
	page = mmap(NULL, sizeof(*tty_state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return err_sys(e, "mmap", NULL, "cannot remember the terminal's mode");
	tty_state = page;
	r->raw = true;
	tty_state->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (tty_state->fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate the terminal's descriptor");
	if (tcgetattr(tty_state->fd, &tty_state->saved) < 0)
		return err_sys(e, "tcgetattr", NULL, "cannot read the terminal's mode");
	return 0;
}

int relay_new(struct relay **out, bool terminal, bool interactive, int child_fds[3], struct err *e)
{
	struct relay *r = mem_alloc(sizeof(*r));

	r->terminal = terminal;
	r->interactive = interactive;
	r->size_fd = r->epoll_fd = -1;
	*out = NULL;
	for (int n = 0; n < N_FLOWS; n++) {
		child_fds[n] = -1;
		r->flows[n].in.fd = r->flows[n].out.fd = -1;
	}
	if ((terminal ? terminal_new(r, e) : plain_new(r, child_fds, e)) < 0) {
		for (int n = 0; n < N_FLOWS; n++)
			auto_close(&child_fds[n]);
		relay_free(r);
		return -1;
	}
	*out = r;
	return 0;
}

int relay_console(struct relay *r, int console_fd, struct err *e)
{
	AUTO_CLOSE int console = fd_high(console_fd);
	AUTO_CLOSE int again = -1;
	struct end in, out;

	if (console < 0 || nonblock_set(console) < 0)
		return err_sys(e, "fcntl", NULL, "cannot take the sandbox's terminal");
	out = end_caller(STDOUT_FILENO, isatty(STDOUT_FILENO));
	if (out.fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate stdout");
	flow_open(&r->flows[FLOW_OUT], end_own(fd_take(&console)), out);
	relay_resize(r);
	if (r->raw) {
		again = fcntl(r->flows[FLOW_OUT].in.fd, F_DUPFD_CLOEXEC, FIRST_FREE);
		if (again < 0)
			return err_sys(e, "fcntl", NULL, "cannot take the sandbox's terminal");
		in = end_caller(STDIN_FILENO, true);
		if (in.fd < 0)
			return err_sys(e, "fcntl", NULL, "cannot duplicate stdin");
		flow_open(&r->flows[FLOW_IN], in, end_own(fd_take(&again)));
		if (tty_enter_raw() < 0)
			return err_sys(e, "tcsetattr", NULL, "cannot put the terminal in raw mode");
	}
	return r->epoll_fd < 0 ? 0 : relay_watch(r, r->epoll_fd, r->tag, e);
}

int relay_watch(struct relay *r, int epoll_fd, unsigned tag, struct err *e)
{
	r->epoll_fd = epoll_fd;
	r->tag = tag;
	for (int n = 0; n < N_FLOWS; n++)
		if (flow_watch(r, &r->flows[n]) < 0)
			return err_sys(e, "epoll_ctl", NULL, "cannot watch the payload's descriptors");
	return 0;
}

/* ---- running it ---- */

void relay_event(struct relay *r, unsigned index, unsigned events)
{
	struct flow *f;

	if (index >= 2 * N_FLOWS)
		return;
	f = &r->flows[index / 2];
	if (!f->open)
		return;
	if (index % 2 && to_child(r, f) && (events & (EPOLLERR | EPOLLHUP)))
		flow_break(r, f);	/* the child's stdin is closed */
	else
		flow_pump(r, f);
	for (int n = 0; n < N_FLOWS; n++)
		if (flow_watch(r, &r->flows[n]) < 0)
			flow_break(r, &r->flows[n]);
}

void relay_resize(struct relay *r)
{
	struct winsize ws;

	if (r->terminal && r->size_fd >= 0 && r->flows[FLOW_OUT].in.fd >= 0 &&
	    ioctl(r->size_fd, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(r->flows[FLOW_OUT].in.fd, TIOCSWINSZ, &ws);
}

void relay_suspend(struct relay *r)
{
	if (r->raw)
		tty_leave_raw();
}

void relay_resume(struct relay *r)
{
	if (r->raw && r->flows[FLOW_IN].open)
		(void)tty_enter_raw();
	relay_resize(r);
}

/* Waits for a slow reader. false: a signal that ends the launcher has come instead. */
static bool wait_writable(const struct flow *f)
{
	static const int ENDING[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t pending;

	while (!fd_ready(f->out.fd, POLLOUT, STUCK_MS)) {
		if (sigpending(&pending) < 0)
			continue;
		for (size_t i = 0; i < N_ELEMS(ENDING); i++)
			if (sigismember(&pending, ENDING[i]) == 1)
				return false;
	}
	return true;
}

static void flow_drain(struct relay *r, struct flow *f)
{
	size_t left = PTY_HOLDS;
	int held;

	if (!r->terminal && f->in.fd >= 0 && ioctl(f->in.fd, FIONREAD, &held) == 0)
		left = (size_t)held;
	while (f->open) {
		size_t got = flow_fill(r, f, left), put = flow_flush(r, f);

		left -= got;
		if (!f->len && !got)
			break;
		if (f->len && !wait_writable(f))
			break;
		if (!got && !put)	/* a terminal with room for less than "\r\n" is "writable" */
			poll(NULL, 0, 1);
	}
}

void relay_drain(struct relay *r)
{
	flow_close(r, &r->flows[FLOW_IN]);
	for (int n = FLOW_OUT; n < N_FLOWS; n++) {
		flow_drain(r, &r->flows[n]);
		flow_close(r, &r->flows[n]);
	}
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	if (r->raw && tty_state) {
		tty_leave_raw();
		auto_close(&tty_state->fd);
		munmap(tty_state, sizeof(*tty_state));
		tty_state = NULL;
	}
	for (int n = 0; n < N_FLOWS; n++)
		flow_close(r, &r->flows[n]);
	free(r);
}
