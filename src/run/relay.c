/* SPDX-License-Identifier: Apache-2.0 */
/* run/relay.c - the user's terminal and pipes, between launcher and payload
 *
 * A flow copies from one descriptor to another through a buffer of its own, so that a slow
 * reader stops only its own writer and never the launcher. The caller's open file
 * descriptions are shared with the shell and keep their flags: a terminal is opened anew
 * (a description of our own, O_NONBLOCK), a socket is asked not to wait call by call, a
 * regular file never makes us wait, and everything else is asked by poll(2) before each call
 * and written in pieces of at most PIPE_BUF.
 */

#include "run/relay.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "run/tty.h"

enum {
	FLOW_CAP = 64 << 10,	/* bytes under way in one direction */
	PUMP_ROUNDS = 8,	/* then the other descriptors get their turn */
	TTY_PIECE = 256,	/* a blocking terminal's: POLLOUT promises little */
	PTY_HOLDS = 64 << 10,	/* more than the kernel keeps in a pty */
	HURRY_MS = 2000,	/* a drain takes no longer once we are asked to end */
	FIRST_FREE = 3,		/* our descriptors are never 0 to 2 */
};

enum { FLOW_IN, FLOW_OUT, FLOW_ERR, N_FLOWS };

struct end {
	int fd;			/* owned; -1: closed */
	size_t piece;		/* most bytes of one call */
	bool asks;		/* may block: poll before each call */
	bool is_socket;
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
	int slave_fd;		/* -t: the pty's inner side, so that it lives while nobody inside has it open */
	off_t file_start;	/* where stdin stood, where it is a file */
	int file_fd, file_pipe;	/* stdin, where it is a file, and the pipe that the payload reads it from; or -1 */
	int64_t deadline;	/* of the drain, in ms; 0: none */
	bool has_lost;
	struct flow flows[N_FLOWS];
};

void relay_emergency_restore(void)
{
	tty_emergency_restore();
}

int relay_tty_fd(const struct relay *r)
{
	return r && r->raw ? tty_fd() : -1;
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
static struct end end_caller(int n)
{
	int flags = (n == STDIN_FILENO ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	const bool is_tty = isatty(n) == 1;
	struct end end = { .fd = -1, .piece = is_tty ? TTY_PIECE : PIPE_BUF, .asks = true };
	char path[FD_PATH_MAX];
	struct stat st;
	unsigned pty;

	if (!is_tty && fstat(n, &st) == 0) {
		end.is_socket = S_ISSOCK(st.st_mode);
		end.asks = !end.is_socket && !S_ISREG(st.st_mode);
		if (!end.asks || n == STDIN_FILENO)
			end.piece = FLOW_CAP;
	}

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

static ssize_t end_read(const struct end *end, char *buf, size_t n)
{
	return end->is_socket ? recv(end->fd, buf, n, MSG_DONTWAIT) : read(end->fd, buf, n);
}

static ssize_t end_write(const struct end *end, const char *buf, size_t n)
{
	return end->is_socket ? send(end->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(end->fd, buf, n);
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
	n = end_read(&f->in, f->buf + f->head + f->len, room);
	if (n < 0 && errno == EIO && to_child(r, f))
		n = read_in_foreground(f->in.fd, f->buf + f->head + f->len, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0 && errno != EIO && to_child(r, f))
		log_warn("stdin cannot be read: %s", strerror(errno));
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
		n = end_write(&f->out, f->buf + f->head, min_size(f->len, f->out.piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN))
			break;
		if (n < 0) {
			if (errno != EPIPE && !to_child(r, f)) {
				log_warn("the payload's output cannot be written: %s", strerror(errno));
				r->has_lost = true;
			}
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
	 * no input is taken for one who has closed it; and for room, where the input is always
	 * ready and wakes nobody. */
	return end_watch(r, &f->out, index + 1, f->len || to_child(r, f), f->len || f->in.always ? EPOLLOUT : 0);
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

/* What the caller's descriptor @n is. PASSED: the payload gets it as it is. */
enum stdio_kind { STDIO_ERROR = -1, STDIO_CLOSED, STDIO_PASSED, STDIO_RELAYED };

/* With a descriptor of a file the payload could open the file itself, through /proc/self/fd,
 * for what the descriptor is not open for; a socket's could be connected anew, out of the
 * sandbox's network; a directory's leads out of its root. A pipe leads nowhere. */
static enum stdio_kind stdio_kind(int n, struct stat *st, struct err *e)
{
	static const char *const NAMES[] = { "stdin", "stdout", "stderr" };
	int flags = fcntl(n, F_GETFL);

	if (flags < 0 || fstat(n, st) < 0) {
		if (errno == EBADF)
			return STDIO_CLOSED;
		err_sys(e, "fstat", NAMES[n], "cannot look at %s", NAMES[n]);
		return STDIO_ERROR;
	}
	if (S_ISDIR(st->st_mode)) {
		err_set(e, ERR_USAGE, "%s is a directory", NAMES[n]);
		err_hint(e, "a directory's descriptor would give the sandbox access to it; "
			    "redirect %s to a file, or mount the directory", NAMES[n]);
		return STDIO_ERROR;
	}
	if (flags & O_PATH) {
		err_set(e, ERR_USAGE, "%s is open with O_PATH, which neither reads nor writes", NAMES[n]);
		err_hint(e, "open it for reading or writing, or redirect %s to a file", NAMES[n]);
		return STDIO_ERROR;
	}
	if (S_ISFIFO(st->st_mode) || (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3)))	/* /dev/null */
		return STDIO_PASSED;
	return STDIO_RELAYED;
}

/* What is read ahead of a file and not taken by the payload is given back in the end. */
static int keep_file(struct relay *r, int pipe_r, struct err *e)
{
	r->file_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE);
	r->file_pipe = fcntl(pipe_r, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (r->file_fd < 0 || r->file_pipe < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate stdin");
	r->file_start = lseek(r->file_fd, 0, SEEK_CUR);
	return 0;
}

/* Puts a pipe between the caller's descriptor @n and the child. */
static int pipe_between(struct relay *r, int n, const struct stat *st, int *child_fd, struct err *e)
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
	end = end_caller(n);
	if (end.fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate the caller's descriptor %d", n);
	if (input)
		flow_open(&r->flows[n], end, end_own(fd_take(&ours)));
	else
		flow_open(&r->flows[n], end_own(fd_take(&ours)), end);
	*child_fd = fd_take(&theirs);
	return input && S_ISREG(st->st_mode) ? keep_file(r, *child_fd, e) : 0;
}

static int plain_new(struct relay *r, int child_fds[3], struct err *e)
{
	enum stdio_kind kinds[N_FLOWS] = { STDIO_CLOSED, STDIO_CLOSED, STDIO_CLOSED };
	struct stat st[N_FLOWS];

	for (int n = 0; n < N_FLOWS; n++) {
		if (n != STDIN_FILENO || r->interactive)
			kinds[n] = stdio_kind(n, &st[n], e);
		if (kinds[n] == STDIO_ERROR)
			return -1;
		/* one pipe for both, which keeps the order of what is written */
		if (n == STDERR_FILENO && kinds[n] == STDIO_RELAYED && kinds[STDOUT_FILENO] == STDIO_RELAYED &&
		    st[n].st_dev == st[STDOUT_FILENO].st_dev && st[n].st_ino == st[STDOUT_FILENO].st_ino)
			child_fds[n] = fcntl(child_fds[STDOUT_FILENO], F_DUPFD_CLOEXEC, FIRST_FREE);
		else if (kinds[n] == STDIO_RELAYED && pipe_between(r, n, &st[n], &child_fds[n], e) < 0)
			return -1;
		else if (kinds[n] == STDIO_PASSED)
			child_fds[n] = fcntl(n, F_DUPFD_CLOEXEC, FIRST_FREE);
		else if (kinds[n] == STDIO_CLOSED)
			child_fds[n] = null_open(n == STDIN_FILENO ? O_RDONLY : O_WRONLY);
		if (child_fds[n] < 0)
			return err_sys(e, kinds[n] == STDIO_CLOSED ? "open" : "fcntl",
				       kinds[n] == STDIO_CLOSED ? "/dev/null" : NULL,
				       "cannot prepare descriptor %d of the payload", n);
	}
	return 0;
}

static int terminal_new(struct relay *r, struct err *e)
{
	for (int n = 2; n >= 0; n--)
		if (isatty(n))
			r->size_fd = n;
	if (!r->interactive)
		return 0;
	if (r->size_fd != STDIN_FILENO) {
		err_set(e, ERR_USAGE, "stdin is not a terminal");
		return err_hint(e, "leave out -t, or start lichen from a terminal");
	}
	r->raw = true;
	return tty_keep(e);
}

int relay_new(struct relay **out, bool terminal, bool interactive, int child_fds[3], struct err *e)
{
	struct relay *r = mem_alloc(sizeof(*r));

	r->terminal = terminal;
	r->interactive = interactive;
	r->size_fd = r->epoll_fd = r->slave_fd = r->file_fd = r->file_pipe = -1;
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
	/* without it the pty is dead for good once nobody inside has it open */
	r->slave_fd = fd_high(ioctl(console, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (r->slave_fd < 0)
		return err_sys(e, "TIOCGPTPEER", NULL, "cannot take the sandbox's terminal");
	out = end_caller(STDOUT_FILENO);
	if (out.fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate stdout");
	flow_open(&r->flows[FLOW_OUT], end_own(fd_take(&console)), out);
	relay_resize(r);
	if (r->raw) {
		again = fcntl(r->flows[FLOW_OUT].in.fd, F_DUPFD_CLOEXEC, FIRST_FREE);
		if (again < 0)
			return err_sys(e, "fcntl", NULL, "cannot take the sandbox's terminal");
		in = end_caller(STDIN_FILENO);
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
		(void)!tty_enter_raw();	/* the terminal may be gone */
	relay_resize(r);
}

void relay_continued(struct relay *r)
{
	if (r->raw && r->flows[FLOW_IN].open && tty_is_ours())
		relay_resume(r);
}

bool relay_has_lost(const struct relay *r)
{
	return r->has_lost;
}

/* ---- the end ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How long the drain may take from now on: ms, -1: as long as it likes. */
static int time_left(struct relay *r)
{
	int64_t left;

	if (!r->deadline && stop_pending())
		r->deadline = now_ms() + HURRY_MS;
	if (!r->deadline)
		return -1;
	left = r->deadline - now_ms();
	return left > 0 ? (int)left : 0;
}

/* Waits for a slow reader. false: there is no time for that. */
static bool wait_writable(struct relay *r, const struct flow *f)
{
	int left = time_left(r);

	if (left < 0 && stop_poll(f->out.fd, POLLOUT, -1) < 0)
		left = time_left(r);
	return left < 0 || fd_ready(f->out.fd, POLLOUT, left);
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
		if (put && r->deadline && !stop_pending())	/* a reader who reads */
			r->deadline = now_ms() + HURRY_MS;
		if (!f->len && !got)
			break;
		if (f->len && !wait_writable(r, f))
			break;
		if (!got && !put) {	/* a terminal with room for less than "\r\n" is "writable" */
			if (time_left(r) == 0)
				break;
			poll(NULL, 0, 1);
		}
	}
}

/* The caller's file stands where the payload has read up to, for whoever reads on. Never before
 * where it stood: the payload can write into the pipe itself, and would have a script go back. */
static void file_give_back(struct relay *r)
{
	off_t now = r->file_fd >= 0 ? lseek(r->file_fd, 0, SEEK_CUR) : -1, ahead = (off_t)r->flows[FLOW_IN].len;
	int held;

	if (now > r->file_start && ioctl(r->file_pipe, FIONREAD, &held) == 0 && ahead + held > 0)
		(void)lseek(r->file_fd, now - (ahead + held) > r->file_start ? now - (ahead + held) : r->file_start, SEEK_SET);
	auto_close(&r->file_fd);
	auto_close(&r->file_pipe);
}

void relay_drain(struct relay *r, bool is_asked)
{
	if (r->raw)
		tty_leave_raw();
	if (is_asked)
		r->deadline = now_ms() + HURRY_MS;
	auto_close(&r->slave_fd);
	file_give_back(r);
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
	if (r->raw)
		tty_forget();
	for (int n = 0; n < N_FLOWS; n++)
		flow_close(r, &r->flows[n]);
	auto_close(&r->slave_fd);
	auto_close(&r->file_fd);
	auto_close(&r->file_pipe);
	free(r);
}
