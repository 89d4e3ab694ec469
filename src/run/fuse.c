/* SPDX-License-Identifier: Apache-2.0 */
/* run/fuse.c - the process that serves a root file system by fuse-overlayfs
 *
 *    supervisor --fork--> server: enters the child's user and mount namespace, then makes a
 *        |                        mount namespace of its own, a copy: the old root, the lower
 *        |                        tree and the layer are there, the new root is not, so that
 *        |                        nothing but the sandbox keeps the new root mounted.
 *        |                        Opens the layers as the caller, becomes root inside, and
 *        |                        runs fuse-overlayfs on the descriptor that the child opened.
 *      child  <--pipe: end of file (it runs) or an error
 *
 * It stays in the host's pid namespace: the payload can neither see, signal nor trace it.
 * Its parent-death signal is SIGKILL. When the sandbox's last process is gone the kernel
 * unmounts the root, and the server reads that from the device and ends.
 */

#include "run/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"

static const char PROGRAM[] = "fuse-overlayfs";

enum { END_WAIT_MS = 10000, SAID_MAX = 4096 };

char *fuse_find(const char **why)
{
	char *path = child_find(PROGRAM);

	*why = NULL;
	if (!path)
		*why = "fuse-overlayfs is not installed";
	else if (access("/dev/fuse", R_OK | W_OK) < 0)
		*why = errno == EACCES ? "/dev/fuse may not be opened by you" : "there is no /dev/fuse";
	if (!*why)
		return path;
	free(path);
	return NULL;
}

/* ---- the server, until exec ---- */

/* The map that was written decides who is root inside. */
static bool has_root_inside(const struct ctx *c)
{
	for (size_t i = 0; i < c->plan->n && i < sizeof(c->rung_taken); i++)
		if (c->plan->v[i].kind == STEP_IDMAP) {
			const struct rung *r = &c->plan->v[i].rungs[c->rung_taken[i]];

			return id_map_outside(r->uids, 0) >= 0 && id_map_outside(r->gids, 0) >= 0;
		}
	return false;
}

static int enter(const int *fds, struct err *e)
{
	if (setns(fds[FUSE_USERNS], CLONE_NEWUSER) < 0 || setns(fds[FUSE_MNTNS], CLONE_NEWNS) < 0)
		return err_sys(e, "setns", "user and mount namespace", "starting fuse-overlayfs");
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "unshare", "mount namespace", "starting fuse-overlayfs");
	return 0;
}

/* A layer by its descriptor: "/proc/self/fd/N", without CLOEXEC; needs no escaping. */
static int open_layer(const char *path, char text[FD_PATH_MAX], struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return err_sys(e, "open", path, "opening a layer for fuse-overlayfs");
	fd_path(fd, text);
	return 0;
}

static int make_options(const struct ctx *c, const struct step *s, struct buf *out, struct err *e)
{
	const struct rung *r = &s->rungs[s->n_rungs - 1];
	AUTO_FREE char *upper = str_fmt("%s/upper", c->in->layer_dir), *work = str_fmt("%s/work", c->in->layer_dir);
	AUTO_FREE char *skeleton = str_fmt("%s/skeleton", c->in->state_dir);
	const bool is_writable = s->reads[2] != SLOT_NONE;
	char lower[FD_PATH_MAX], first[FD_PATH_MAX], second[FD_PATH_MAX];

	if (open_layer(s->u.mount.source, lower, e) < 0)
		return -1;
	if (is_writable) {
		if (open_layer(upper, first, e) < 0 || open_layer(work, second, e) < 0)
			return -1;
		buf_addf(out, "lowerdir=%s,upperdir=%s,workdir=%s", lower, first, second);
	} else {
		if (open_layer(skeleton, first, e) < 0)
			return -1;
		buf_addf(out, "lowerdir=%s:%s", first, lower);
	}
	if (r->data)
		buf_addf(out, ",%s", r->data);
	return 0;
}

static int become_root(struct err *e)
{
	int rc = setgroups(0, NULL); /* refused where the map denies it; then there is nothing to drop */

	(void)rc;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(e, "setresuid", "0", "starting fuse-overlayfs");
	return 0;
}

static int serve(const struct ctx *c, const struct step *s, const int *fds, int err_fd, struct err *e)
{
	static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const env[] = { path_env, NULL };
	AUTO_BUF struct buf options = { 0 };
	AUTO_FREE char *program = child_find(PROGRAM);
	char device[FD_PATH_MAX];
	sigset_t none;
	int null, dev;

	if (!program) {
		errno = ENOENT;
		err_sys(e, "fuse", PROGRAM, "an overlay by fuse-overlayfs");
		return err_hint(e, "install the package fuse-overlayfs");
	}
	setsid();
	if (enter(fds, e) < 0 || make_options(c, s, &options, e) < 0)
		return -1;
	if (has_root_inside(c) && become_root(e) < 0)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dev = dup(fds[FUSE_DEVICE]); /* without CLOEXEC */
	if (null < 0 || dev < 0 || dup2(null, 0) < 0 || dup2(err_fd, 1) < 0 || dup2(err_fd, 2) < 0)
		return err_sys(e, "dup2", NULL, "starting fuse-overlayfs");
	snprintf(device, sizeof(device), "/dev/fd/%d", dev);
	prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL);
	/* again: the change of ids has cleared it */
	prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	{
		char foreground[] = "-f", o[] = "-o";
		char *const argv[] = { program, foreground, o, options.s, device, NULL };

		execve(program, argv, env);
	}
	return err_sys(e, "fuse", program, "an overlay by fuse-overlayfs");
}

/* ---- the supervisor's side ---- */

static void report(const int *fds, const struct err *e)
{
	ssize_t n = write(fds[FUSE_REPORT], e, sizeof(*e));

	(void)n; /* who waits is gone */
}

void fuse_serve(struct fuse *f, const struct ctx *c, size_t step, const int *fds)
{
	AUTO_CLOSE int err_fd = memfd_create("fuse-overlayfs", MFD_CLOEXEC);
	struct err e = { 0 };
	pid_t pid;

	if (f->pid || step >= c->plan->n || c->plan->v[step].kind != STEP_OVERLAY) {
		err_set(&e, ERR_PEER, "the child asked for fuse-overlayfs, which this plan does not have there");
		report(fds, &e);
		return;
	}
	pid = err_fd < 0 ? -1 : fork();
	if (pid == 0) {
		/* the supervisor may be gone already: then the payload never comes either */
		prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
		serve(c, &c->plan->v[step], fds, err_fd, &e);
		report(fds, &e);
		_exit(EXIT_LICHEN);
	}
	if (pid < 0) {
		err_sys(&e, "fork", NULL, "starting fuse-overlayfs");
		report(fds, &e);
		return;
	}
	f->pid = pid;
	f->pidfd = sys_pidfd_open(pid, 0);
	f->err_fd = fd_take(&err_fd);
}

/* The last line that it printed, without what it says of options of libfuse's own. */
static void last_words(const struct fuse *f, struct buf *out)
{
	char text[SAID_MAX + 1], *save = NULL;
	ssize_t n = pread(f->err_fd, text, SAID_MAX, 0);

	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strstr(line, "ignored")) {
			out->len = 0;
			buf_addf(out, ": %.200s", line);
		}
}

int fuse_explain(struct fuse *f, struct err *e)
{
	AUTO_BUF struct buf said = { 0 };
	int status = 0;

	while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
		;
	f->pid = 0;
	auto_close(&f->pidfd);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_words(f, &said);
	if (WIFSIGNALED(status))
		return err_set(e, ERR_PEER, "fuse-overlayfs, which serves the root file system, was killed by signal %d%s",
			       WTERMSIG(status), said.s ? said.s : "");
	return err_set(e, ERR_PEER, "fuse-overlayfs, which serves the root file system, ended with status %d%s",
		       WEXITSTATUS(status), said.s ? said.s : "");
}

void fuse_end(struct fuse *f)
{
	struct pollfd p = { .fd = f->pidfd, .events = POLLIN };

	if (f->pid) {
		int n;

		do
			n = poll(&p, 1, END_WAIT_MS);
		while (n < 0 && errno == EINTR);
		if (n == 0) {
			log_warn("fuse-overlayfs does not end by itself, and is killed");
			sys_pidfd_send_signal(f->pidfd, SIGKILL);
		}
		while (waitpid(f->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	f->pid = 0;
	auto_close(&f->pidfd);
	auto_close(&f->err_fd);
}
