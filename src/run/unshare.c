/* SPDX-License-Identifier: Apache-2.0 */
/* run/unshare.c - a command as root inside the caller's id map, on this machine as it is
 *
 *    lichen ──fork──► helper
 *      │ unshare: user, mount
 *      │ ── "ready" ─────►  writes our map from outside, by newuidmap and newgidmap or as root
 *      │ ◄── error, or end of file
 *      │ root inside; exec
 *
 * One id we map ourselves, and there is no helper.
 */

#include "run/unshare.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/internal.h"
#include "steps/idmap.h"
#include "steps/process.h"

static const struct exec_where HERE = { .root = "this machine", .user = "root inside the id map" };

static int enter(struct err *e)
{
	/* propagation from the host goes on, and nothing goes back: the namespace has another owner */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0)
		return 0;
	return err_sys(e, "unshare", "user and mount namespace", "making a user namespace");
}

/* ---- helper: outside; writes the map of process @pid ---- */
static int help(int sock, pid_t pid, const struct plan_input *in)
{
	char byte, who[16];
	struct err e = { 0 };
	int rc;

	if (fd_recv(sock, &byte, 1, NULL, NULL) != 1)
		return EXIT_LICHEN;
	snprintf(who, sizeof(who), "%d", pid);
	if (in->how == IDMAP_TOOLS)
		rc = idmap_tools(pid, &in->uids, &in->gids, NULL, NULL, &e);
	else
		rc = idmap_write(who, &in->uids, &in->gids, false, &e);
	if (rc < 0 && fd_send(sock, &e, sizeof(e), NULL, 0) < 0)
		return EXIT_LICHEN;
	return rc < 0 ? EXIT_LICHEN : 0;
}

static int wait_for_help(struct hs *hs, pid_t pid, struct err *e)
{
	struct err sent;
	ssize_t n = fd_send(hs->sock, "", 1, NULL, 0) < 0 ? -1 : fd_recv(hs->sock, &sent, sizeof(sent), NULL, NULL);
	int status = 0;

	hs_close(hs);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof(sent)) {
		*e = sent;
		e->file = NULL;
		return -1;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_PEER, "the process that writes the id map died");
	return 0;
}

static int enter_mapped(const struct plan_input *in, struct err *e)
{
	const pid_t self = getpid();
	struct hs ours, theirs;
	pid_t pid;

	if (in->how == IDMAP_SELF)
		return enter(e) < 0 ? -1 : idmap_write("self", &in->uids, &in->gids, true, e);
	pid = hs_fork(&ours, &theirs, "writing the id map", e);
	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(help(theirs.sock, self, in));
	if (enter(e) < 0) {
		hs_close(&ours);	/* the helper ends by that */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return -1;
	}
	return wait_for_help(&ours, pid, e);
}

static int become(const struct strv *args, struct err *e)
{
	const char *shell = getenv("SHELL");
	AUTO_STRV struct strv words = { 0 };

	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "setresuid", "0", "becoming root inside the id map");
	strv_copy(&words, args);
	if (!words.n)
		strv_add(&words, shell && *shell ? shell : "/bin/sh");
	(void)!exec_program(&words, NULL, environ, getenv("PATH"), &HERE, e);
	return -1;
}

int run_unshare(enum ids_mode ids, const struct strv *args, struct err *e)
{
	const struct spec image = { .root.kind = ROOT_IMAGE, .ids = ids };
	struct plan_input in = { 0 };
	struct facts f = { 0 };
	int rc = facts_read(&f, ids != IDS_SINGLE, e);

	if (rc == 0)
		rc = ids_usual(&in, &image, &f, e);
	if (rc == 0) {
		AUTO_FREE char *uids = id_map_format(&in.uids), *gids = id_map_format(&in.gids);

		log_info("ids: %s; groups: %s", uids, gids);
		rc = enter_mapped(&in, e);
	}
	if (rc == 0)
		rc = become(args, e);
	plan_input_fini(&in);
	facts_fini(&f);
	return rc;
}
