/* SPDX-License-Identifier: Apache-2.0 */
/* base/stop.c - a signal that asks us to end, while something else is waited for */

#include "base/stop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static struct {
	int fd;
	bool is_armed;
	sigset_t set;
	int death;
} stop;

bool stop_ends(int sig)
{
	switch (sig) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return false;
	default:
		return true;
	}
}

int stop_arm(const sigset_t *blocked)
{
	stop_disarm();
	sigemptyset(&stop.set);
	/* PIPE and XFSZ come of what we write ourselves */
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(blocked, sig) == 1 && stop_ends(sig) && sig != SIGPIPE && sig != SIGXFSZ)
			sigaddset(&stop.set, sig);
	stop.fd = signalfd(-1, &stop.set, SFD_CLOEXEC | SFD_NONBLOCK);
	stop.is_armed = stop.fd >= 0;
	return stop.is_armed ? 0 : -1;
}

void stop_disarm(void)
{
	int saved = errno;

	if (stop.is_armed)
		close(stop.fd);
	stop.is_armed = false;
	errno = saved;
}

bool stop_is_armed(void)
{
	return stop.is_armed;
}

int stop_pending(void)
{
	sigset_t pending;

	if (!stop.is_armed || sigpending(&pending) < 0)
		return 0;
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sigismember(&stop.set, sig) == 1 && sigismember(&pending, sig) == 1)
			return sig;
	return 0;
}

int stop_poll(int fd, short events, int timeout_ms)
{
	struct pollfd p[2] = { { .fd = fd, .events = events },
			       { .fd = stop.is_armed ? stop.fd : -1, .events = POLLIN } };
	int n;

	do
		n = poll(p, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n > 0 && !p[0].revents ? -1 : n < 0 ? 1 : n;
}

int stop_err(struct err *e, const char *when)
{
	int sig = stop_pending();
	const char *name = sigabbrev_np(sig);

	if (name)
		err_set(e, ERR_SIGNAL, "ended by SIG%s %s", name, when);
	else
		err_set(e, ERR_SIGNAL, "ended by signal %d %s", sig, when);
	e->sig = sig;
	return -1;
}

void stop_die_of(int sig)
{
	stop.death = sig;
}

int stop_death(void)
{
	return stop.death;
}
