/* SPDX-License-Identifier: Apache-2.0 */
/* image/parents.c - the directories of a tree that is being made, as descriptors */

#include "parents.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"

void parents_init(struct parents *p, int root)
{
	*p = (struct parents){ .root = root };
	for (size_t i = 0; i < PARENTS_KEPT; i++)
		p->v[i].fd = -1;
}

/* The descriptors stay: one of them may be in use. */
static void forget_all(struct parents *p)
{
	for (size_t i = 0; i < PARENTS_KEPT; i++)
		auto_free(&p->v[i].dir);
}

void parents_fini(struct parents *p)
{
	forget_all(p);
	for (size_t i = 0; i < PARENTS_KEPT; i++)
		auto_close(&p->v[i].fd);
}

bool parents_is_whiteout(int parent, const char *leaf)
{
	struct stat st;

	return fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

/* ---- making ---- */

static int open_dir(const struct parents *p, const char *dir)
{
	return path_open_in(p->root, dir, O_RDONLY | O_DIRECTORY, 0);
}

static int make_dir(struct parents *p, int parent, const char *leaf, const char *dir, struct err *e)
{
	bool was_whiteout = parents_is_whiteout(parent, leaf);
	AUTO_CLOSE int fd = -1;

	if (was_whiteout && parents_clear(p, parent, leaf, dir, e) < 0)
		return -1;
	if (mkdirat(parent, leaf, 0755) < 0) {
		int why = errno;

		err_sys(e, "mkdirat", dir, "making a directory of the layer");
		return why == EEXIST ? err_hint(e, "something that is no directory, or a link that leads nowhere, is in its place") : -1;
	}
	fd = open_dir(p, dir);
	if (fd < 0 || (was_whiteout && fsetxattr(fd, TREE_OPAQUE, "y", 1, 0) < 0))
		return err_sys(e, "fsetxattr", dir, "making a directory of the layer");
	return fd_take(&fd);
}

/* Grows the path one component at a time; each is resolved from the root. */
static int make_dirs(struct parents *p, char *dir, struct err *e)
{
	AUTO_CLOSE int parent = -1;
	char *leaf = dir;

	for (char *slash = strchr(dir, '/');; slash = strchr(slash + 1, '/')) {
		AUTO_CLOSE int fd = -1;

		if (slash)
			*slash = '\0';
		fd = open_dir(p, dir);
		if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
			return err_sys(e, "openat2", dir, "looking for a directory of the layer");
		if (fd < 0)
			fd = make_dir(p, parent < 0 ? p->root : parent, leaf, dir, e);
		if (fd < 0 || !slash)
			return fd_take(&fd);
		*slash = '/';
		leaf = slash + 1;
		auto_close(&parent);
		parent = fd_take(&fd);
	}
}

/* ---- finding ---- */

static struct parent *oldest(struct parents *p)
{
	struct parent *out = &p->v[0];

	for (size_t i = 1; i < PARENTS_KEPT; i++)
		if (p->v[i].used < out->used)
			out = &p->v[i];
	return out;
}

/* @e NULL: nothing is made */
static int get(struct parents *p, const char *dir, size_t len, struct err *e)
{
	AUTO_FREE char *copy = NULL;
	struct parent *slot;
	int fd;

	if (!len)
		return p->root;
	for (size_t i = 0; i < PARENTS_KEPT; i++) {
		if (!p->v[i].dir || p->v[i].len != len || memcmp(p->v[i].dir, dir, len) != 0)
			continue;
		p->v[i].used = ++p->tick;
		return p->v[i].fd;
	}
	copy = str_dupn(dir, len);
	fd = open_dir(p, copy);
	if (fd < 0 && e)
		fd = make_dirs(p, copy, e);
	if (fd < 0)
		return -1;
	slot = oldest(p);
	auto_free(&slot->dir);
	auto_close(&slot->fd);
	*slot = (struct parent){ .dir = ptr_take(&copy), .len = len, .fd = fd, .used = ++p->tick };
	return fd;
}

static size_t split(const char *path, const char **leaf)
{
	const char *slash = strrchr(path, '/');

	*leaf = slash ? slash + 1 : path;
	return slash ? (size_t)(slash - path) : 0;
}

int parents_of(struct parents *p, const char *path, const char **leaf, struct err *e)
{
	return get(p, path, split(path, leaf), e);
}

int parents_find(struct parents *p, const char *path, const char **leaf)
{
	return get(p, path, split(path, leaf), NULL);
}

int parents_dir(struct parents *p, const char *path, struct err *e)
{
	return get(p, path, strlen(path), e);
}

/* ---- removing ---- */

/* Removes what it can in @dir. Return: 0 all of it, 1 there is a directory that is not empty: @name; -1 with errno */
static int empty(int dir, char name[NAME_MAX + 1])
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((errno = 0, de = readdir(d))) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") || unlinkat(dir, de->d_name, 0) == 0)
			continue;
		if (errno != EISDIR)
			return -1;
		if (unlinkat(dir, de->d_name, AT_REMOVEDIR) == 0)
			continue;
		if (errno != ENOTEMPTY)
			return -1;
		str_copy(name, NAME_MAX + 1, de->d_name);
		return 1;
	}
	return errno ? -1 : 0;
}

/* Down and up again by "..": nobody else moves anything here, and a layer can nest deeper than a stack. */
static int remove_dir(int parent, const char *leaf)
{
	AUTO_CLOSE int at = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t depth = 0;

	while (at >= 0) {
		char name[NAME_MAX + 1];
		int r = empty(at, name), next;

		if (r < 0)
			return -1;
		if (r == 0 && depth == 0)
			return unlinkat(parent, leaf, AT_REMOVEDIR);
		next = openat(at, r ? name : "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (r)
			depth++;
		else
			depth--;
		auto_close(&at);
		at = next;
	}
	return -1;
}

int parents_clear(struct parents *p, int parent, const char *leaf, const char *path, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "fstatat", path, "replacing what the layer has twice");
	r = unlinkat(parent, leaf, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
	if (r < 0 && S_ISDIR(st.st_mode) && errno == ENOTEMPTY)
		r = remove_dir(parent, leaf);
	if (r < 0)
		return err_sys(e, "unlinkat", path, "replacing what the layer has twice");
	/* paths that led through it lead elsewhere now */
	if (S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode))
		forget_all(p);
	p->has_cleared = p->ever_cleared = true;
	return 0;
}
