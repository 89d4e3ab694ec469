/* SPDX-License-Identifier: Apache-2.0 */
/* run/inmap.c - do something as root inside an id map: remove what was made in it */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/internal.h"
#include "steps/idmap.h"

static int write_maps(pid_t pid, const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	char who[16];

	if (geteuid() != 0 && (uids->n > 1 || uids->v[0].count > 1))
		return idmap_tools(pid, uids, gids, NULL, NULL, e);
	snprintf(who, sizeof(who), "%d", pid);
	return idmap_write(who, uids, gids, geteuid() != 0, e);
}

/* ---- child: in the new user namespace; waits for a byte, then is root inside ---- */
static int inside(int sock, const struct id_map *uids, int (*fn)(const void *, struct err *), const void *arg)
{
	struct err e = { 0 };
	char byte;
	int rc = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (read(sock, &byte, 1) != 1)
		return EXIT_LICHEN;
	if (id_map_outside(uids, 0) >= 0) {
		rc = setgroups(0, NULL); /* refused where the map denies it; then there is nothing to drop */
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			rc = err_sys(&e, "setresuid", "0", "becoming root inside the id map");
		else
			rc = 0;
	}
	if (rc == 0)
		rc = fn(arg, &e);
	if (rc < 0 && fd_send(sock, &e, sizeof(e), NULL, 0) < 0)
		return EXIT_LICHEN;
	return rc < 0 ? EXIT_LICHEN : 0;
}

int in_map(const struct id_map *uids, const struct id_map *gids, int (*fn)(const void *, struct err *), const void *arg,
	   struct err *e)
{
	struct hs ours, theirs;
	struct sys_clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	struct err sent;
	int status, rc;
	ssize_t n;
	pid_t pid;

	if (!uids->n || !gids->n)
		return err_set(e, ERR_STATE, "no id map is recorded");
	if (hs_pair(&ours, &theirs, e) < 0)
		return -1;
	pid = sys_clone3(&args);
	if (pid < 0) {
		err_sys(e, "clone3", "user", "making a user namespace to clean up in");
		hs_close(&ours);
		hs_close(&theirs);
		return -1;
	}
	if (pid == 0) {
		hs_close(&ours);
		_exit(inside(theirs.sock, uids, fn, arg));
	}
	hs_close(&theirs);
	rc = write_maps(pid, uids, gids, e);
	if (rc == 0 && fd_send(ours.sock, "", 1, NULL, 0) < 0)
		rc = err_sys(e, "sendmsg", NULL, "starting to clean up");
	if (rc < 0)
		kill(pid, SIGKILL); /* our own child, not yet waited for */
	n = rc == 0 ? fd_recv(ours.sock, &sent, sizeof(sent), NULL, NULL) : 0;
	hs_close(&ours);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return -1;
	if (n == (ssize_t)sizeof(sent)) {
		*e = sent;
		e->file = NULL;
		return -1;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_PEER, "the process inside the id map died");
	return 0;
}
