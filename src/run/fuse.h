/* SPDX-License-Identifier: Apache-2.0 */
/* run/fuse.h - the process that serves a root file system by fuse-overlayfs */
#ifndef RUN_FUSE_H
#define RUN_FUSE_H

#include "base/err.h"
#include "steps/ctx.h"

struct fuse {
	pid_t pid;	/* 0: none was started, or it has been waited for */
	int pidfd;	/* -1 likewise; readable when it has ended */
	int err_fd;	/* a file in memory: what it printed on stderr */
};

/**
 * fuse_serve() - Start fuse-overlayfs for the overlay step @step
 * @fds:	FUSE_FDS descriptors of the child, borrowed
 * Called by the supervisor when the child asks (handshake.h). What fails is told to the
 * child, who waits, on fds[FUSE_REPORT].
 */
void fuse_serve(struct fuse *f, const struct ctx *c, size_t step, const int *fds);

/* After its end was seen: waits for it. 0 where it ended well, which is what it does when
 * the root was unmounted; else -1 with how it ended and what it said. errnum is ECONNABORTED
 * where the kernel has cut it off, which it does at the end of the sandbox, too. */
int fuse_explain(struct fuse *f, struct err *e);

/* After the payload's end, which unmounts the root: waits for it to write back and end, and
 * kills it after a while. Releases everything. */
void fuse_end(struct fuse *f);

/**
 * fuse_find() - Whether the rung is worth a plan
 * Return: the program, owned; or NULL with *@why (a literal) where it is not installed or
 * the device cannot be opened
 */
char *fuse_find(const char **why);

/* Whether fuse-overlayfs serves a root in this user namespace, as far as /proc here shows. */
bool fuse_serves_in(int userns);

#endif
