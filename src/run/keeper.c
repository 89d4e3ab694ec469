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
 *
 * Where the sandbox has no pid namespace of its own, it ends what run/tree.c finds; where it has a
 * cgroup, all that is in it, and removes it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/internal.h"
#include "run/relay.h"

enum { KEPT = 4 };

/* Closes all but these (-1: none): pipelines must not wait for us. */
static void close_others(const int keep_fds[KEPT])
{
	unsigned next = 0;

	for (;;) {
		unsigned lowest = ~0u;

		for (size_t i = 0; i < KEPT; i++)
			if (keep_fds[i] >= 0 && (unsigned)keep_fds[i] >= next && (unsigned)keep_fds[i] < lowest)
				lowest = (unsigned)keep_fds[i];
		if (lowest > next)
			sys_close_range(next, lowest == ~0u ? lowest : lowest - 1, 0);
		if (lowest == ~0u)
			return;
		next = lowest + 1;
	}
}

static void keep(int launcher, int child, int tty, struct tree *t, const struct kept_cgroup *g)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	setsid();
	prctl(PR_SET_NAME, "keeper"); /* `pkill lichen` must not take both */
	p[0].fd = launcher;
	p[1].fd = child;
	close_others((int[KEPT]){ launcher, child, tty, t ? t->mount_ns_fd : -1 });
	do {
		while (poll(p, 2, -1) < 0 && errno == EINTR)
			;
		if (p[1].revents) {
			p[1].fd = -1;
			if (t)
				t->top = 0; /* its number may be another's by now */
		}
		/* where the payload leaves something behind, until keeper_end() */
	} while (t && !p[0].revents);
	if (p[0].revents) {
		if (t)
			tree_end(t);
		sys_pidfd_send_signal(child, SIGKILL);
		if (t)	/* what it has orphaned meanwhile */
			tree_end(t);
		(void)cgroup_end(g->box, g->uids, g->gids, in_map);
		relay_emergency_restore();
	}
	_exit(0);
}

int keeper_start(pid_t *keeper, int child_pidfd, int tty_fd, const struct tree *tree, const struct kept_cgroup *cgroup,
		 struct err *e)
{
	AUTO_CLOSE int self = sys_pidfd_open(getpid(), 0);
	pid_t pid;

	if (self < 0)
		return err_sys(e, "pidfd_open", "launcher", "starting the keeper");
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork", NULL, "starting the keeper");
	if (pid == 0) {
		struct tree own = { 0 };

		if (tree)
			own = *tree;
		keep(self, child_pidfd, tty_fd, tree ? &own : NULL, cgroup);
	}
	*keeper = pid;
	return 0;
}

void keeper_end(pid_t keeper)
{
	if (keeper > 0)
		kill(keeper, SIGKILL); /* our own child, not yet waited for */
	while (keeper > 0 && waitpid(keeper, NULL, 0) < 0 && errno == EINTR)
		;
}
