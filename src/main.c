/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - start-up, showing the error, and the one exit() */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/stop.h"
#include "cli/dispatch.h"

/* A caller that closed 0, 1 or 2 would have our own files opened in their place. */
static void open_stdio(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    (open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC) < 0 || fd_cloexec(fd, false) < 0))
			exit(EXIT_LICHEN);
}

/* As whoever waits for us expects of a program that was interrupted. Comes back where the
 * signal is not SIGINT, or does not end us: as pid 1. */
static void die_of(int sig)
{
	sigset_t set;

	if (sig != SIGINT)
		return;
	fflush(NULL);
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

int main(int argc, char **argv)
{
	bool as_json = false;
	struct err e = { 0 };
	int status = 0;

	signal(SIGCHLD, SIG_DFL);	/* a parent's SIG_IGN is inherited, and nothing could be waited for */
	open_stdio();
	if (cli_dispatch(argc, argv, &status, &as_json, &e) < 0) {
		cli_show_error(&e, as_json);
		status = err_status(&e);
	}
	if (stop_death() || e.kind == ERR_SIGNAL)
		die_of(stop_death() ? stop_death() : e.sig);
	exit(status);
}
