/* SPDX-License-Identifier: Apache-2.0 */
/* run/tty.c - the mode of the user's terminal: raw while the payload has it, restored afterwards */

#include "run/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"

enum { FIRST_FREE = 3 };	/* our descriptors are never 0 to 2 */

/* What tty_emergency_restore() needs. In shared memory: the keeper may be forked before
 * raw mode is entered, and must not restore what the launcher has restored already. */
struct tty_state {
	int fd;
	volatile sig_atomic_t active;
	struct termios saved, raw;
};

static struct tty_state *tty_state;

int tty_keep(struct err *e)
{
	void *page = mmap(NULL, sizeof(*tty_state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return err_sys(e, "mmap", NULL, "cannot remember the terminal's mode");
	tty_state = page;
	tty_state->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (tty_state->fd < 0)
		return err_sys(e, "fcntl", NULL, "cannot duplicate the terminal's descriptor");
	if (tcgetattr(tty_state->fd, &tty_state->saved) < 0)
		return err_sys(e, "tcgetattr", NULL, "cannot read the terminal's mode");
	return 0;
}

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

int tty_enter_raw(void)
{
	struct termios now;

	tty_state->raw = tty_state->saved;
	cfmakeraw(&tty_state->raw);
	tty_state->active = 1;
	log_set_line_end(isatty(STDERR_FILENO) == 1 ? "\r\n" : "\n");
	if (tty_set(tty_state->fd, &tty_state->raw, SIG_UNBLOCK) < 0) {
		tty_state->active = 0;
		log_set_line_end("\n");
		return -1;
	}
	if (tcgetattr(tty_state->fd, &now) == 0)
		tty_state->raw = now;
	return 0;
}

void tty_leave_raw(void)
{
	if (!tty_state || !tty_state->active)
		return;
	(void)tty_set(tty_state->fd, &tty_state->saved, SIG_BLOCK);
	tty_state->active = 0;
	log_set_line_end("\n");
}

void tty_emergency_restore(void)
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

bool tty_is_ours(void)
{
	return tty_state && tcgetpgrp(tty_state->fd) == getpgrp();
}

int tty_fd(void)
{
	return tty_state ? tty_state->fd : -1;
}

void tty_forget(void)
{
	if (!tty_state)
		return;
	tty_leave_raw();
	auto_close(&tty_state->fd);
	munmap(tty_state, sizeof(*tty_state));
	tty_state = NULL;
}
