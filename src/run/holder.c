/* SPDX-License-Identifier: Apache-2.0 */
/* run/holder.c - the process that keeps a scope of systemd's alive
 *
 * A scope without processes is collected, and a group is to stay when nothing runs in it. The holder
 * is forked, waits, and does nothing else. Until it is let go it ends with whoever is making the
 * group, so that a kill at any moment leaves neither a process without a group nor half a group: the
 * scope goes with its only process.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/groups_internal.h"
#include "steps/process.h"

/* Pipelines and terminals must not wait for us. */
static void leave_everything(int go_fd)
{
	int null;

	setsid();
	prctl(PR_SET_NAME, "lichen-holder");
	if (go_fd > 3)
		sys_close_range(3, (unsigned)go_fd - 1, 0);
	sys_close_range((unsigned)go_fd + 1, ~0u, 0);
	null = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		(void)!dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/") < 0)
		_exit(EXIT_LICHEN);
}

static void hold(int go_fd)
{
	struct err ignored;
	char word = 0;

	(void)!signals_reset(true, &ignored);
	signal(SIGTERM, SIG_DFL); /* by which systemd ends us, whatever the caller ignores */
	leave_everything(go_fd);
	while (read(go_fd, &word, 1) < 0 && errno == EINTR)
		;
	/* the end of the pipe without the word: who made us is gone */
	if (word != 'g')
		_exit(EXIT_LICHEN);
	close(go_fd);
	for (;;)
		pause();
}

int holder_start(struct holder *h, struct err *e)
{
	int ends[2];

	*h = (struct holder){ .go_fd = -1 };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting the process that keeps the group");
	h->pid = fork();
	if (h->pid < 0) {
		err_sys(e, "fork", NULL, "starting the process that keeps the group");
		close(ends[0]);
		close(ends[1]);
		h->pid = 0;
		return -1;
	}
	if (h->pid == 0) {
		close(ends[1]);
		hold(ends[0] < 3 ? fcntl(ends[0], F_DUPFD, 3) : ends[0]);
	}
	close(ends[0]);
	h->go_fd = ends[1];
	return 0;
}

int holder_release(struct holder *h, struct err *e)
{
	if (fd_write_all(h->go_fd, "g", 1) < 0)
		return err_sys(e, "write", NULL, "the process that keeps the group has ended");
	auto_close(&h->go_fd);
	h->pid = 0;
	return 0;
}

void holder_end(struct holder *h)
{
	auto_close(&h->go_fd);
	if (h->pid > 0)
		kill(h->pid, SIGKILL); /* our own child, not yet waited for */
	while (h->pid > 0 && waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
}
