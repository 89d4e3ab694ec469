/* SPDX-License-Identifier: Apache-2.0 */
/* steps/init.c - lichen-init as pid 1: how it gets inside, and how the payload becomes its child
 *
 *	pid 1, in lichen's code ----fork----> payload, in lichen's code
 *	  |  execveat of SLOT_INIT              |  session of its own, controlling terminal
 *	lichen-init                             |
 *	  |  undumpable ------one byte------->  |  verify, exec, with errors as without init
 *	  |  lets go of all descriptors         v
 *	  v
 *	reaps, passes signals on (helpers/init/main.c)
 *
 * The payload waits for the byte: before that pid 1 still has the launcher's memory and its
 * end of the handshake, and a payload of the same ids could look into it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "steps/ctx.h"
#include "steps/process.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U	/* Linux 6.3 */
#endif

/* ---- STEP_INIT_LOAD ---- */

static int make_memfd(void)
{
	int fd = memfd_create("lichen-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create("lichen-init", MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

/* A copy that nobody can change any more. @path for the error. */
static int load_memfd(int file, const char *path, struct err *e)
{
	AUTO_CLOSE int memfd = make_memfd();
	char name[FD_PATH_MAX];
	struct stat st;
	off_t at = 0;
	int fd;

	if (memfd < 0)
		return err_sys(e, "memfd_create", "lichen-init", "copying lichen-init");
	if (fstat(file, &st) < 0)
		return err_sys(e, "fstat", path, "copying lichen-init");
	while (at < st.st_size) {
		ssize_t n = sendfile(memfd, file, &at, (size_t)(st.st_size - at));

		if (n < 0)
			return err_sys(e, "sendfile", path, "copying lichen-init");
		if (n == 0)
			return err_set(e, ERR_HOST, "%s became shorter while it was read", path);
	}
	if (fchmod(memfd, 0555) < 0 ||
	    fcntl(memfd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_sys(e, "fcntl", "lichen-init", "sealing the copy");
	/* what is open for writing cannot be executed */
	fd = open(fd_path(memfd, name), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open", name, "opening the sealed copy of lichen-init");
	return fd;
}

/* The file itself, by a mount that is read-only and that nobody can reach to change that. */
static int load_mount(const char *path, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	AUTO_CLOSE int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree < 0)
		return err_sys(e, "open_tree", path, "mounting lichen-init");
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "mount_setattr", path, "mounting lichen-init read-only");
	return fd_take(&tree);
}

/**
 * step_init_load() - Have lichen-init at hand, unchangeable, before the host is out of reach
 *
 * CVE-2019-5736: what pid 1 runs from can be reached inside as /proc/1/exe.
 *
 * Place:	child, as the caller, before the pivot
 * Errors:	SYS open, pipe, memfd_create, sendfile, fcntl; of the second rung open_tree, mount_setattr
 */
int step_init_load(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int file = open(s->u.mount.source, O_RDONLY | O_CLOEXEC);
	int fd;

	if (file < 0) {
		err_sys(e, "open", s->u.mount.source, "the program that --init runs as process 1");
		return e->errnum == ENOENT ? err_hint(e, "lichen is not completely installed; --init=false does without it") : -1;
	}
	/* now, as a limit of the payload's may leave no room for it later */
	if (ctx_fd(c, SLOT_INIT_GO) < 0) {
		int go[2];

		if (pipe2(go, O_CLOEXEC) < 0)
			return err_sys(e, "pipe", NULL, "preparing init");
		ctx_put(c, SLOT_INIT_WAIT, go[0]);
		ctx_put(c, SLOT_INIT_GO, go[1]);
	}
	fd = rung == 0 ? load_memfd(file, s->u.mount.source, e) : load_mount(s->u.mount.source, e);
	if (fd < 0)
		return -1;
	ctx_put(c, s->writes[0], fd);
	return 0;
}

/* ---- STEP_INIT ---- */

/* The payload's half. @go: the read end that init writes into. */
static int become_payload(const struct ctx *c, int go, struct err *e)
{
	char byte;
	ssize_t n;

	if (setsid() < 0)
		return err_sys(e, "setsid", NULL, "starting the command's session");
	if (c->spec->process.terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return err_sys(e, "TIOCSCTTY", "/dev/console", "making the pty the controlling terminal");
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting the parent-death signal");
	while ((n = read(go, &byte, 1)) < 0 && errno == EINTR)
		;
	if (n != 1)
		return err_set(e, ERR_PEER, "init ended before the command was run");
	return 0;
}

/* Pid 1's half: all signals stay blocked, as init waits for them. */
static int become_init(int program, pid_t payload, int go, struct err *e)
{
	char pid[16], fd[16];
	char *const argv[] = { (char[]){ "lichen-init" }, pid, fd, NULL }, *const env[] = { NULL };

	snprintf(pid, sizeof(pid), "%d", payload);
	snprintf(fd, sizeof(fd), "%d", go);
	if (signals_reset(false, e) < 0)
		return -1;
	if (fd_cloexec(go, false) < 0)
		return err_sys(e, "fcntl", NULL, "passing a descriptor to init");
	syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
	err_sys(e, "execveat", "lichen-init", "running init as process 1");
	if (e->errnum == EPERM || e->errnum == ENOSYS)
		return err_hint(e, "a system call filter of one's own has to allow execveat; --init=false does without it");
	if (e->errnum == EACCES)
		return err_hint(e, "a security module of this machine forbids to run it; --init=false does without it");
	return -1;
}

/**
 * step_init() - Fork; pid 1 becomes lichen-init, the child walks on and becomes the payload
 *
 * Whatever binds the payload binds init: ids, capabilities, limits, filter.
 *
 * Place:	child, behind all that both must have, before verify
 * Needs:	SLOT_INIT, SLOT_INIT_GO, SLOT_INIT_WAIT; no further descriptors
 * Errors:	SYS fork, setsid, TIOCSCTTY, prctl, execveat; PEER
 * Return: 0 in the payload's process only; in pid 1 only on failure
 */
int step_init(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	pid_t pid = fork();

	(void)s, (void)rung;
	if (pid < 0) {
		err_sys(e, "fork", NULL, "starting the command below init");
		return e->errnum == EAGAIN ? err_hint(e, "init counts as one of --pids-limit and of --ulimit nproc, the command as another") : -1;
	}
	if (pid == 0) {
		auto_close(&c->fds[SLOT_INIT_GO]);
		return become_payload(c, ctx_fd(c, SLOT_INIT_WAIT), e);
	}
	return become_init(ctx_fd(c, SLOT_INIT), pid, ctx_fd(c, SLOT_INIT_GO), e);
}
