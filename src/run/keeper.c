/* SPDX-License-Identifier: Apache-2.0 */
/* run/keeper.c - delivers the launcher's death to pid 1
 *
 * A payload can clear its own PDEATHSIG, so that is not enough. The keeper is a process of
 * the host's pid namespace, which the payload can neither see nor signal: it waits for the
 * end of either side, and kills pid 1 when it was the launcher's. It sits in a session of
 * its own, so that a kill of the launcher's process group leaves it alone.
 *
 *    launcher ---pidfd---+                +--- SIGKILL ---> pid 1 of the sandbox
 *                        +---> keeper ----+
 *    pid 1 ------pidfd---+                +--- terminal restored
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sys.h"
#include "run/internal.h"
#include "run/relay.h"

/* Closes all but the three (-1: none): pipelines must not wait for us. */
static void close_others(const int keep_fds[3])
{
	unsigned next = 0;

	for (;;) {
		unsigned lowest = ~0u;

		for (size_t i = 0; i < 3; i++)
			if (keep_fds[i] >= 0 && (unsigned)keep_fds[i] >= next && (unsigned)keep_fds[i] < lowest)
				lowest = (unsigned)keep_fds[i];
		if (lowest > next)
			sys_close_range(next, lowest == ~0u ? lowest : lowest - 1, 0);
		if (lowest == ~0u)
			return;
		next = lowest + 1;
	}
}

static void keep(int launcher, int child, int tty, pid_t top, const char *id)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	setsid();
	prctl(PR_SET_NAME, "keeper"); /* `pkill lichen` must not take both */
	p[0].fd = launcher;
	p[1].fd = child;
	close_others((int[3]){ launcher, child, tty });
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[0].revents) {
		if (top)
			tree_end_marked(p[1].revents ? -1 : top, id);
		sys_pidfd_send_signal(child, SIGKILL);
		relay_emergency_restore();
	}
	_exit(0);
}

int keeper_start(pid_t *keeper, int child_pidfd, int tty_fd, pid_t top, const char *id, struct err *e)
{
	AUTO_CLOSE int self = sys_pidfd_open(getpid(), 0);
	pid_t pid;

	if (self < 0)
		return err_sys(e, "pidfd_open", "launcher", "starting the keeper");
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork", NULL, "starting the keeper");
	if (pid == 0)
		keep(self, child_pidfd, tty_fd, top, id);
	*keeper = pid;
	return 0;
}

void keeper_wait(pid_t keeper)
{
	while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
}
