/* SPDX-License-Identifier: Apache-2.0 */
/* run/inmap.c - do something as root inside an id map: remove what was made in it, start who unpacks layers */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"
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

/* ---- child: in the new user namespace; waits for a byte, then is root inside, or has root's capabilities ---- */
static int inside(int sock, bool becomes_root, int (*fn)(const void *, struct err *), const void *arg)
{
	struct err e = { 0 };
	char byte;
	int rc = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (read(sock, &byte, 1) != 1)
		return EXIT_LICHEN;
	if (becomes_root) {
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

static int start(struct in_map_job *j, const struct id_map *uids, const struct id_map *gids, bool becomes_root,
		 int (*fn)(const void *, struct err *), const void *arg, struct err *e)
{
	struct hs ours, theirs;
	struct sys_clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };

	*j = (struct in_map_job){ .sock = -1 };
	if (!uids->n || !gids->n)
		return err_set(e, ERR_STATE, "no id map is recorded");
	if (hs_pair(&ours, &theirs, e) < 0)
		return -1;
	j->pid = sys_clone3(&args);
	if (j->pid < 0) {
		err_sys(e, "clone3", "user", "making a user namespace");
		hs_close(&ours);
		hs_close(&theirs);
		return -1;
	}
	if (j->pid == 0) {
		hs_close(&ours);
		_exit(inside(theirs.sock, becomes_root, fn, arg));
	}
	hs_close(&theirs);
	j->sock = ours.sock;
	if (write_maps(j->pid, uids, gids, e) == 0) {
		if (fd_send(j->sock, "", 1, NULL, 0) == 0)
			return 0;
		err_sys(e, "sendmsg", NULL, "starting a process inside the id map");
	}
	in_map_kill(j);
	return -1;
}

int in_map_start(struct in_map_job *j, const struct id_map *uids, const struct id_map *gids, int (*fn)(const void *, struct err *),
		 const void *arg, struct err *e)
{
	return start(j, uids, gids, id_map_outside(uids, 0) >= 0, fn, arg, e);
}

static void reap(struct in_map_job *j, int *status)
{
	while (waitpid(j->pid, status, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
}

void in_map_kill(struct in_map_job *j)
{
	int status;

	auto_close(&j->sock);
	kill(j->pid, SIGKILL); /* our own child, not yet waited for */
	reap(j, &status);
}

int in_map_said(struct in_map_job *j, struct err *e)
{
	struct err sent;
	ssize_t n = fd_recv(j->sock, &sent, sizeof(sent), NULL, NULL);

	auto_close(&j->sock);
	if (n != (ssize_t)sizeof(sent))
		return 0;
	*e = sent;
	e->file = NULL;
	return -1;
}

/* ---- a process that stays inside ---- */

struct serving {
	int sock;
	in_map_begin_fn *fn;
	const void *arg;
};

struct served {
	pid_t pid;	/* -1: not started, by @errnum */
	int errnum;
};

/* The child is the launcher's own (CLONE_PARENT), as if that had cloned it: it waits for it, and its end ends it. */
static int serve(const void *arg, struct err *e)
{
	const struct serving *s = arg;

	(void)e;
	/* locks among them, which would live as long as this process */
	if (dup2(s->sock, STDERR_FILENO + 1) < 0 || sys_close_range(STDERR_FILENO + 2, ~0U, 0) < 0)
		return 0;
	for (;;) {
		struct sys_clone_args args = { .flags = CLONE_PARENT };
		int fds[IN_MAP_FDS], sock = STDERR_FILENO + 1;
		size_t n = IN_MAP_FDS;
		struct served said;
		char byte;

		if (fd_recv(sock, &byte, 1, fds, &n) <= 0)
			return 0;
		said.pid = sys_clone3(&args);
		said.errnum = errno;
		if (said.pid == 0)
			_exit(s->fn(s->arg, fds, n));
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
		if (fd_send(sock, &said, sizeof(said), NULL, 0) < 0)
			return 0;
	}
}

int in_map_serve(struct in_map_server *s, const struct id_map *uids, const struct id_map *gids, in_map_begin_fn *fn, const void *arg,
		 struct err *e)
{
	struct serving serving = { .fn = fn, .arg = arg };
	int sv[2], rc;

	*s = (struct in_map_server){ .job.sock = -1, .sock = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, "socketpair", NULL, "starting a process inside the id map");
	s->sock = sv[0];
	serving.sock = sv[1];
	rc = in_map_start(&s->job, uids, gids, serve, &serving, e);
	close(sv[1]);
	if (rc < 0)
		auto_close(&s->sock);
	return rc;
}

pid_t in_map_server_start(struct in_map_server *s, const int *fds, size_t n, struct err *e)
{
	struct served said;

	if (fd_send(s->sock, "", 1, fds, n) == 0 && fd_recv(s->sock, &said, sizeof(said), NULL, NULL) == (ssize_t)sizeof(said)) {
		errno = said.errnum;
		return said.pid < 0 ? err_sys(e, "clone3", NULL, "starting a process inside the id map") : said.pid;
	}
	if (s->job.sock >= 0 && in_map_said(&s->job, e) < 0)
		return -1;
	return err_set(e, ERR_PEER, "the process inside the id map died");
}

void in_map_server_end(struct in_map_server *s)
{
	if (s->job.pid)
		in_map_kill(&s->job);
	auto_close(&s->sock);
}

/* ---- one function, and its end ---- */

static int run_inside(const struct id_map *uids, const struct id_map *gids, bool becomes_root,
		      int (*fn)(const void *, struct err *), const void *arg, struct err *e)
{
	struct in_map_job j;
	int status, rc;

	if (start(&j, uids, gids, becomes_root, fn, arg, e) < 0)
		return -1;
	if (stop_poll(j.sock, POLLIN, -1) < 0) {
		rc = stop_err(e, "while the files of other ids were at work");
		in_map_kill(&j);
		return rc;
	}
	rc = in_map_said(&j, e);
	reap(&j, &status);
	if (rc < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return err_set(e, ERR_PEER, "the process inside the id map died");
	return 0;
}

int in_map(const struct id_map *uids, const struct id_map *gids, int (*fn)(const void *, struct err *), const void *arg,
	   struct err *e)
{
	return run_inside(uids, gids, id_map_outside(uids, 0) >= 0, fn, arg, e);
}

int in_map_as_caller(const struct id_map *uids, const struct id_map *gids, int (*fn)(const void *, struct err *), const void *arg,
		     struct err *e)
{
	return run_inside(uids, gids, false, fn, arg, e);
}
