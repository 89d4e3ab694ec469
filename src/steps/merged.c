/* SPDX-License-Identifier: Apache-2.0 */
/* steps/merged.c - a stack of layers seen as one tree, without a mount */

#include "steps/merged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"

enum { LINKS_MAX = 40 };	/* as the kernel's */

bool merged_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

bool merged_is_opaque(int dirfd)
{
	char path[FD_PATH_MAX], value = 0;

	return getxattr(fd_path(dirfd, path), MERGED_OPAQUE, &value, 1) == 1 && value == 'y';
}

/* What one look through the layers has found. */
struct look {
	enum { LOOK_NOTHING, LOOK_THERE, LOOK_LINK } found;
	int parent;		/* LOOK_THERE, LOOK_LINK: the directory of it, owned */
	size_t depth;		/* LOOK_LINK: which component of the path that is, from 1 */
	char link[PATH_MAX];	/* LOOK_LINK: where it leads */
};

/* Looks into one layer. @dirs: how many components upper layers have as directories: what is no directory there is
 * hidden by them. Return: true where lower layers are not asked any more. */
static bool look_into(const char *layer, const struct strv *parts, size_t *dirs, struct look *l)
{
	AUTO_CLOSE int at = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_last = false;
	struct stat st;

	for (size_t i = 0; i < parts->n; i++) {
		int sub;

		if (at < 0)
			return true;
		if (fstatat(at, parts->v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			return is_last || errno != ENOENT;
		if (!S_ISDIR(st.st_mode)) {
			ssize_t n;

			if (i < *dirs || merged_is_whiteout(&st) || (!S_ISLNK(st.st_mode) && i + 1 < parts->n))
				return true;
			n = S_ISLNK(st.st_mode) ? readlinkat(at, parts->v[i], l->link, sizeof(l->link) - 1) : 0;
			l->link[n > 0 ? n : 0] = '\0';
			l->found = S_ISLNK(st.st_mode) ? LOOK_LINK : LOOK_THERE;
			l->depth = i + 1;
			l->parent = fd_take(&at);
			return true;
		}
		if (i + 1 == parts->n) {
			l->found = LOOK_THERE;
			l->parent = fd_take(&at);
			return true;
		}
		sub = openat(at, parts->v[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		auto_close(&at);
		at = sub;
		if (i + 1 > *dirs)
			*dirs = i + 1;
		is_last = is_last || (at >= 0 && merged_is_opaque(at));
	}
	return is_last;
}

static void add_parts(struct strv *parts, const char *path)
{
	AUTO_FREE char *clean = path_clean(path);
	AUTO_STRV struct strv all = { 0 };

	strv_split(&all, clean, '/');
	for (size_t i = 0; i < all.n; i++)
		if (*all.v[i])
			strv_add(parts, all.v[i]);
}

static void add_from(struct strv *parts, const struct strv *more, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		strv_add(parts, more->v[i]);
}

static int walk(const struct strv *lowers, struct strv *parts, struct look *l, int *links);

/* The first ".." of @parts, and what it goes up from, which must be a directory of the tree. */
static int go_up(const struct strv *lowers, struct strv *parts, size_t at, int *links)
{
	AUTO_STRV struct strv old = { 0 };
	struct look l = { .parent = -1 };

	strv_copy(&old, parts);
	strv_fini(parts);
	add_from(parts, &old, 0, at);
	if (at && walk(lowers, parts, &l, links) < 0) {
		add_from(parts, &old, at, old.n);
		return -1;
	}
	auto_close(&l.parent);
	if (parts->n)
		auto_free(&parts->v[--parts->n]);
	add_from(parts, &old, at + 1, old.n);
	return 0;
}

/* @parts: the path; becomes the one without links, as far as it is there. @l: of the last look. */
static int walk(const struct strv *lowers, struct strv *parts, struct look *l, int *links)
{
	while (++*links <= LINKS_MAX) {
		AUTO_STRV struct strv old = { 0 };
		size_t dirs = 0;

		for (size_t i = 0; i < parts->n; i++) {
			if (!str_eq(parts->v[i], ".."))
				continue;
			if (go_up(lowers, parts, i, links) < 0)
				return -1;
			i = (size_t)-1; /* from the beginning */
		}
		*l = (struct look){ .parent = -1 };
		for (size_t i = 0; i < lowers->n && !look_into(lowers->v[i], parts, &dirs, l); i++)
			;
		if (l->found == LOOK_THERE)
			return 0;
		if (l->found == LOOK_NOTHING) {
			errno = ENOENT;
			return -1;
		}
		auto_close(&l->parent);
		strv_copy(&old, parts);
		strv_fini(parts);
		add_from(parts, &old, 0, l->link[0] == '/' ? 0 : l->depth - 1);
		add_parts(parts, l->link);
		add_from(parts, &old, l->depth, old.n);
	}
	errno = ELOOP;
	return -1;
}

int merged_open(const struct strv *lowers, const char *path, int flags)
{
	AUTO_STRV struct strv parts = { 0 };
	struct look l;
	int fd, saved, links = 0;

	add_parts(&parts, path);
	if (!parts.n || walk(lowers, &parts, &l, &links) < 0)
		return -1;
	fd = openat(l.parent, parts.v[parts.n - 1], flags | O_NOFOLLOW | O_CLOEXEC);
	saved = errno;
	auto_close(&l.parent);
	errno = saved;
	return fd;
}

char *merged_resolve(const struct strv *lowers, const char *path)
{
	AUTO_STRV struct strv parts = { 0 };
	struct buf b = { 0 };
	struct look l = { .parent = -1 };
	int links = 0;

	add_parts(&parts, path);
	if (parts.n && walk(lowers, &parts, &l, &links) == 0)
		auto_close(&l.parent);
	for (size_t i = 0; i < parts.n; i++)
		buf_addf(&b, "/%s", parts.v[i]);
	if (!b.len)
		buf_add(&b, "/");
	return buf_take(&b);
}
