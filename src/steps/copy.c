/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy.c - the last rung of the writable root: a copy of the tree
 *
 * The copy is made by the caller, before there is any namespace: all of it belongs to the
 * caller, directories and files are rwx for the owner, so that whatever ends the copy,
 * the tree can be removed. The true owners and modes go to a file beside it (steps/owners.h),
 * by which root inside puts them right (steps/owners.c).
 *
 * An image's layers are copied one after the other, the topmost first, into the same tree: what
 * is there already, or was hidden by a whiteout or an opaque directory above, is passed over.
 *
 * copy_walk.c goes through one layer, copy_content.c copies what is in a file, copy_tables.c
 * remembers what was seen.
 */

#include "steps/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "base/sys.h"
#include "steps/copy_internal.h"
#include "steps/owners.h"

static void say_skipped(const struct copy *c)
{
	const struct copy_stats *st = &c->st;

	if (st->unreadable)
		log_warn("%llu of the files of %s may not be read and are missing in the copy: %s%s%s%s%s%s",
			 (unsigned long long)st->unreadable, c->src, st->first[0], st->first[1][0] ? ", " : "",
			 st->first[1], st->first[2][0] ? ", " : "", st->first[2],
			 st->unreadable > COPY_NAMES ? " ..." : "");
	if (st->too_deep)
		log_warn("%llu files and directories of %s lie deeper than a path of %d bytes, and are missing in the copy with "
			 "all below them", (unsigned long long)st->too_deep, c->src, PATH_BYTES_MAX);
	if (st->xattrs)
		log_warn("%llu extended attributes of files of %s are missing in the copy: its file system does not take them",
			 (unsigned long long)st->xattrs, c->src);
	if (st->caps)
		log_warn("%llu files of %s have capabilities in another user namespace, and none in the copy", (unsigned long long)st->caps, c->src);
	if (st->devices)
		log_info("%llu sockets and device nodes of %s were not copied", (unsigned long long)st->devices,
			 c->src);
}

static int copy_one(struct copy *c, const char *src, int dst, struct err *e)
{
	AUTO_CLOSE int in = open(src, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int out = openat(dst, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	c->src = src;
	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "open", src, "copying %s", src);
	if (out < 0)
		return err_sys(e, "open", c->dst, "copying %s", src);
	c->path[c->len = 0] = '\0';
	if (c->layer == 0)
		copy_xattrs(c, in, out);
	if (copy_walk(c, &in, &out, &st, e) < 0)
		return -1;
	copy_links_fini(&c->links);
	return 0;
}

/* The top directory is that of the tree, or of the topmost layer. */
static int finish_top(struct copy *c, const char *src, int dst, struct err *e)
{
	struct stat st;

	if (stat(src, &st) < 0)
		return err_sys(e, "stat", src, "copying %s", src);
	copy_times(dst, ".", &st);
	str_copy(c->path, sizeof(c->path), "/");
	return copy_record(c, &st, e);
}

/* @owners_fd: given away. */
static int copy_all(struct copy *c, const struct strv *srcs, int owners_fd, const char *owners_path, struct err *e)
{
	AUTO_CLOSE int dst = open(c->dst, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_CLOSE int fd = owners_fd;
	AUTO_FCLOSE FILE *owners = NULL;

	c->src = srcs->v[0];
	if (dst < 0 || fstat(dst, &c->dst_st) < 0)
		return err_sys(e, "open", c->dst, "copying %s", c->src);
	if (fstat(fd, &c->owners_st) < 0 || !(owners = fdopen(fd, "w")))
		return err_sys(e, "open", owners_path, "copying %s", c->src);
	fd_take(&fd);
	c->owners = owners;
	c->dst_root = dst;
	if (fwrite(OWNERS_MAGIC, sizeof(OWNERS_MAGIC), 1, owners) != 1)
		return err_sys(e, "write", owners_path, "noting the owners of the copy");
	for (c->layer = 0; c->layer < srcs->n; c->layer++)
		if (copy_one(c, srcs->v[c->layer], dst, e) < 0)
			return -1;
	if (finish_top(c, srcs->v[0], dst, e) < 0)
		return -1;
	if (fwrite(OWNERS_END, sizeof(OWNERS_END), 1, owners) != 1 || fflush(owners) == EOF)
		return err_sys(e, "write", owners_path, "noting the owners of the copy");
	return 0;
}

/* @owners_fd: given away; -1 with errno: it could not be opened. */
static int copy(const struct strv *srcs, const struct copy_layers *layers, const char *dst, int owners_fd, const char *owners_path,
		struct copy_stats *st, struct err *e)
{
	AUTO_FREE struct copy *c = NULL;
	int rc;

	if (owners_fd < 0)
		return err_sys(e, "open", owners_path, "copying %s", srcs->v[0]);
	c = mem_alloc(sizeof(*c));
	c->dst = dst;
	c->layers = layers;
	c->shows = isatty(STDERR_FILENO) == 1;
	c->began = copy_now_ms();
	rc = copy_all(c, srcs, owners_fd, owners_path, e);
	if (c->shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	copy_links_fini(&c->links);
	copy_hidden_fini(&c->hidden);
	if (rc == 0)
		say_skipped(c);
	if (st)
		*st = c->st;
	return rc;
}

static int open_owners(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int copy_tree(const char *src, const char *dst, const char *owners_path, struct copy_stats *st, struct err *e)
{
	AUTO_STRV struct strv srcs = { 0 };

	strv_add(&srcs, src);
	return copy(&srcs, NULL, dst, open_owners(owners_path), owners_path, st, e);
}

int copy_layers(const struct copy_layers *l, const char *dst, const char *owners_path, struct copy_stats *st, struct err *e)
{
	return copy(l->lowers, l, dst, open_owners(owners_path), owners_path, st, e);
}

int copy_owned(int src, int dst, const char *what, struct err *e)
{
	AUTO_CLOSE int owners = memfd_create("owners", MFD_CLOEXEC);
	AUTO_STRV struct strv srcs = { 0 };
	AUTO_FREE char *to = NULL;
	char path[FD_PATH_MAX];
	uint64_t unmapped;

	if (owners < 0)
		return err_sys(e, "memfd_create", what, "noting the owners of the copy");
	/* with a "." behind: what is opened there is no link */
	strv_addf(&srcs, "%s/.", fd_path(src, path));
	to = str_fmt("%s/.", fd_path(dst, path));
	if (copy(&srcs, NULL, to, fcntl(owners, F_DUPFD_CLOEXEC, 3), what, NULL, e) < 0)
		return err_wrap(e, "%s", what);
	return copy_fix(dst, fd_path(owners, path), &unmapped, e) < 0 ? err_wrap(e, "%s", what) : 0;
}
