/* SPDX-License-Identifier: Apache-2.0 */
/* run/fuse.c - the process that serves a root file system by fuse-overlayfs
 *
 *    supervisor --fork--> server: enters the child's user and mount namespace, then makes a
 *        |                        mount namespace of its own, a copy: the old root, the lower
 *        |                        tree and the layer are there, the new root is not, so that
 *        |                        nothing but the sandbox keeps the new root mounted.
 *        |                        Takes the layers as the caller, becomes root inside, and
 *        |                        runs fuse-overlayfs on the descriptor that the child opened.
 *      child  <--pipe: end of file (it runs) or an error
 *
 * It stays in the host's pid namespace: the payload can neither see, signal nor trace it.
 * Its parent-death signal is SIGKILL. When the sandbox's last process is gone the kernel
 * unmounts the root, and the server reads that from the device and ends.
 */

#include "run/fuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "run/internal.h"

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

bool fuse_serves_in(int userns)
{
	AUTO_DIR DIR *proc = opendir("/proc");
	struct stat joined, theirs;

	if (!proc || fstat(userns, &joined) < 0)
		return true;
	for (const struct dirent *d; (d = readdir(proc));) {
		AUTO_FREE char *ns = str_fmt("/proc/%s/ns/user", d->d_name), *link = str_fmt("/proc/%s/exe", d->d_name);
		char exe[PATH_MAX];
		ssize_t n = strspn(d->d_name, "0123456789") == strlen(d->d_name) ? readlink(link, exe, sizeof(exe) - 1) : -1;

		exe[n > 0 ? n : 0] = '\0';
		if (strstr(exe, PROGRAM) && stat(ns, &theirs) == 0 && theirs.st_ino == joined.st_ino)
			return true;
	}
	return false;
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

/* What fuse-overlayfs is told to serve. It walks the paths itself, as root inside, who may
 * not be allowed to search what leads to the layers: so they are taken as the caller and put
 * where everybody gets, on a tmpfs over a directory that every system has. */
#define PLACE	    "/tmp"
#define LAYER_PLACE PLACE "/layer"
#define UPPER_PLACE LAYER_PLACE "/upper"

/* Which paths, and their trees: the writable layer or the skeleton first, named "layer"; then the lowers, the
 * topmost first, named "1", "2" ... Both owned. */
struct trees {
	struct strv paths;
	int *fds;
};

static char *tree_place(size_t i)
{
	return i ? str_fmt("%zu", i) : str_dup("layer");
}

static int take_trees(const struct ctx *c, const struct step *s, struct trees *t, struct err *e)
{
	AUTO_FREE char *skeleton = str_fmt("%s/skeleton", c->in->state_dir);

	/* our own directory, below one that only we can search: root inside may be another id */
	if (!c->spec->root.layer && step_has_upper(s) && !c->in->layer_in_memory && chmod(c->in->layer_dir, 0711) < 0)
		return err_sys(e, "chmod", c->in->layer_dir, "taking a layer for fuse-overlayfs");
	/* upper and work in one mount: files are renamed from one to the other */
	strv_add(&t->paths, step_has_upper(s) ? c->in->layer_dir : skeleton);
	if (s->u.mount.source)
		strv_add(&t->paths, s->u.mount.source);
	for (size_t i = 0; i < c->spec->root.lowers.n; i++)
		strv_add(&t->paths, c->spec->root.lowers.v[i]);
	t->fds = mem_alloc(t->paths.n * sizeof(*t->fds));
	for (size_t i = 0; i < t->paths.n; i++) {
		t->fds[i] = sys_open_tree(AT_FDCWD, t->paths.v[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (t->fds[i] < 0)
			return err_sys(e, "open_tree", t->paths.v[i], "taking a layer for fuse-overlayfs");
	}
	return 0;
}

static int place_trees(const struct trees *t, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	AUTO_CLOSE int fd = -1;

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsopen", "tmpfs", "a place for the layers");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (fd < 0 || sys_move_mount(fd, "", AT_FDCWD, PLACE, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", PLACE, "a place for the layers");
	for (size_t i = 0; i < t->paths.n; i++) {
		AUTO_FREE char *place = tree_place(i);

		if (mkdirat(fd, place, 0755) < 0 || sys_move_mount(t->fds[i], "", fd, place, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return err_sys(e, "move_mount", t->paths.v[i], "placing a layer for fuse-overlayfs");
	}
	return 0;
}

/* The skeleton's place in the stack: as in steps/overlay.c. */
static void make_options(const struct step *s, size_t n_lowers, struct buf *out)
{
	const struct rung *r = &s->rungs[s->n_rungs - 1];
	bool is_above = !step_has_upper(s) && !s->reads_all.n, is_below = !step_has_upper(s) && s->reads_all.n;

	buf_addf(out, "lowerdir=%s", is_above ? LAYER_PLACE ":" : "");
	for (size_t i = 1; i <= n_lowers; i++)
		buf_addf(out, "%s" PLACE "/%zu", i > 1 ? ":" : "", i);
	buf_add(out, is_below ? ":" LAYER_PLACE : "");
	if (step_has_upper(s))
		buf_add(out, ",upperdir=" UPPER_PLACE ",workdir=" LAYER_PLACE "/work");
	if (r->data)
		buf_addf(out, ",%s", r->data);
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
	struct trees trees = { 0 };	/* as long as the process */
	int null, dev;
	char device[FD_PATH_MAX];
	sigset_t none;

	if (!program) {
		errno = ENOENT;
		err_sys(e, "fuse", PROGRAM, "an overlay by fuse-overlayfs");
		return err_hint(e, "install the package fuse-overlayfs");
	}
	setsid();
	if (enter(fds, e) < 0 || take_trees(c, s, &trees, e) < 0)
		return -1;
	if (has_root_inside(c) && become_root(e) < 0)
		return -1;
	if (place_trees(&trees, e) < 0)
		return -1;
	if (c->spec->root.layer && step_has_upper(s))
		layer_mend(UPPER_PLACE, PLACE, trees.paths.n - 1);
	make_options(s, trees.paths.n - 1, &options);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dev = dup(fds[FUSE_DEVICE]); /* without CLOEXEC */
	if (null < 0 || dev < 0 || dup2(null, 0) < 0 || dup2(err_fd, 1) < 0 || dup2(err_fd, 2) < 0)
		return err_sys(e, "dup2", NULL, "starting fuse-overlayfs");
	snprintf(device, sizeof(device), "/dev/fd/%d", dev);
	/* nothing of the caller's, nor of the run's, for a process that serves a payload */
	if (sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 || fcntl(dev, F_SETFD, 0) < 0)
		return err_sys(e, "close_range", NULL, "starting fuse-overlayfs");
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
	err_set(e, ERR_PEER, "fuse-overlayfs, which serves the root file system, ended with status %d%s",
		WEXITSTATUS(status), said.s ? said.s : "");
	if (said.s && strstr(said.s, strerror(ECONNABORTED)))
		e->errnum = ECONNABORTED;
	return -1;
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
