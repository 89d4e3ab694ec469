/* SPDX-License-Identifier: Apache-2.0 */
/* image/compare.c - a layer's tree on the disk against what the layer says */

#include "compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

enum { READ_SIZE = 256 << 10, SHOWN_PATH = 300, NS_PER_US = 1000 };

struct walk {
	const struct compare *c;
	char *block;		/* owned */
	uint64_t bytes;
};

/* ---- words ---- */

static void add_path(struct buf *b, const struct model_node *n)
{
	AUTO_STRV struct strv names = { 0 };

	for (; n && n->parent; n = n->parent)
		strv_add(&names, n->name);
	for (size_t i = names.n; i-- > 0;)
		buf_addf(b, "%s%s", b->len ? "/" : "", names.v[i]);
}

/* @name: below @n, where the layer has no such; NULL. A long path loses its beginning: the end says more. */
PRINTF(5, 6) static int differs(const struct walk *w, const struct model_node *n, const char *name, struct err *e, const char *fmt, ...)
{
	AUTO_BUF struct buf path = { 0 };
	AUTO_BUF struct buf text = { 0 };
	AUTO_FREE char *what = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		what = NULL;
	va_end(args);
	add_path(&path, n);
	if (name)
		buf_addf(&path, "%s%s", path.len ? "/" : "", name);
	buf_addf(&text, "%s%s: %s", path.len > SHOWN_PATH ? "..." : "",
		 !path.len ? "/" : path.len > SHOWN_PATH ? path.s + path.len - SHOWN_PATH : path.s, what ? what : "differs");
	return w->c->say(w->c->arg, text.s, e);
}

static const char *kind_word(enum model_kind kind)
{
	static const char *const WORDS[] = {
		[MODEL_DIR] = "a directory", [MODEL_FILE] = "a file", [MODEL_SYMLINK] = "a symbolic link", [MODEL_FIFO] = "a pipe",
		[MODEL_WHITEOUT] = "a whiteout",
	};

	return WORDS[kind];
}

/* -1: of no kind that a layer has */
static int kind_of(const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		return MODEL_DIR;
	case S_IFREG:
		return MODEL_FILE;
	case S_IFLNK:
		return MODEL_SYMLINK;
	case S_IFIFO:
		return MODEL_FIFO;
	case S_IFCHR:
		return st->st_rdev == makedev(0, 0) ? MODEL_WHITEOUT : -1;
	default:
		return -1;
	}
}

static int unreadable(const struct walk *w, const struct model_node *n, int why, struct err *e)
{
	return differs(w, n, NULL, e, "cannot be read: %s", err_errno_name(why));
}

/* ---- attributes ---- */

/* What a layer or overlay can put there; others are the machine's. */
static bool is_looked_at(const char *name)
{
	return str_starts(name, "user.") || str_eq(name, "security.capability") || str_starts(name, "system.posix_acl_");
}

static bool is_expected(const struct model_inode *i, const char *name)
{
	if (i->is_opaque && str_eq(name, TREE_OPAQUE))
		return true;
	for (size_t k = 0; k < i->n_xattrs; k++)
		if (str_eq(i->xattrs[k].name, name))
			return true;
	return false;
}

static int compare_value(struct walk *w, const struct model_node *n, int fd, const char *name, const void *value, size_t size, struct err *e)
{
	ssize_t got = fgetxattr(fd, name, w->block, READ_SIZE);

	if (got < 0 && errno == EOPNOTSUPP)
		return 0;	/* it was left out where it was unpacked, too */
	if (got < 0 && errno == ENODATA)
		return differs(w, n, NULL, e, "lacks the attribute %s", name);
	if (got < 0)
		return unreadable(w, n, errno, e);
	return (size_t)got == size && memcmp(w->block, value, size) == 0 ? 0 : differs(w, n, NULL, e, "has another value of the attribute %s", name);
}

static int compare_xattrs(struct walk *w, const struct model_node *n, int fd, struct err *e)
{
	const struct model_inode *i = n->inode;
	ssize_t len = flistxattr(fd, w->block, READ_SIZE);
	AUTO_STRV struct strv more = { 0 };

	if (len < 0 && errno != EOPNOTSUPP)
		return unreadable(w, n, errno, e);
	for (const char *s = w->block; len > 0 && s < w->block + len; s += strlen(s) + 1)
		if (is_looked_at(s) && !is_expected(i, s))
			strv_add(&more, s);
	for (size_t k = 0; k < more.n; k++)
		if (differs(w, n, NULL, e, "has the attribute %s, which the layer does not give it", more.v[k]) < 0)
			return -1;
	for (size_t k = 0; k < i->n_xattrs; k++)
		if (compare_value(w, n, fd, i->xattrs[k].name, i->xattrs[k].value, i->xattrs[k].size, e) < 0)
			return -1;
	return i->is_opaque ? compare_value(w, n, fd, TREE_OPAQUE, "y", 1, e) : 0;
}

/* ---- what stat(2) says ---- */

/* A file system may keep times less exactly than a layer, and not those of other centuries. */
static bool is_same_time(const struct timespec *is, const struct timespec *should)
{
	if (should->tv_sec < 0 || should->tv_sec > INT32_MAX)
		return true;
	if (is->tv_sec != should->tv_sec)
		return is->tv_nsec == 0 && is->tv_sec + 1 == should->tv_sec && !(is->tv_sec & 1); /* FAT's and its kin's two seconds */
	return is->tv_nsec == should->tv_nsec || is->tv_nsec == 0 || is->tv_nsec == should->tv_nsec / NS_PER_US * NS_PER_US ||
	       is->tv_nsec == should->tv_nsec / 100 * 100;
}

static int compare_stat(const struct walk *w, const struct model_node *n, const struct stat *st, struct err *e)
{
	const struct model_inode *i = n->inode;

	if (i->kind == MODEL_WHITEOUT)
		return 0;
	if ((st->st_uid != i->uid || st->st_gid != i->gid) &&
	    differs(w, n, NULL, e, "belongs to %u:%u, and should to %u:%u", (unsigned)st->st_uid, (unsigned)st->st_gid, (unsigned)i->uid,
		    (unsigned)i->gid) < 0)
		return -1;
	if (i->has_mode && (st->st_mode & 07777) != i->mode &&
	    differs(w, n, NULL, e, "has the mode %04o, and should have %04o", (unsigned)st->st_mode & 07777, (unsigned)i->mode) < 0)
		return -1;
	if (i->has_times && !is_same_time(&st->st_mtim, &i->mtime) &&
	    differs(w, n, NULL, e, "was changed at %jd.%09ld, and should at %jd.%09ld", (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		    (intmax_t)i->mtime.tv_sec, i->mtime.tv_nsec) < 0)
		return -1;
	if (i->kind != MODEL_DIR && st->st_nlink != i->links &&
	    differs(w, n, NULL, e, "has %ju names, and should have %" PRIu32, (uintmax_t)st->st_nlink, i->links) < 0)
		return -1;
	return 0;
}

/* ---- contents ---- */

static int read_all(struct walk *w, const struct model_node *n, int fd, char got[DIGEST_MAX], struct err *e)
{
	AUTO_DIGEST struct digest d = { 0 };
	ssize_t len;

	got[0] = '\0';
	if (digest_begin(&d, NULL, e) < 0)
		return -1;
	while ((len = read(fd, w->block, READ_SIZE)) != 0) {
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return unreadable(w, n, errno, e);
		digest_add(&d, w->block, (size_t)len);
		w->bytes += (size_t)len;
		if (w->c->progress(w->c->arg, w->bytes, e) < 0)
			return -1;
	}
	digest_end(&d, got);
	return 0;
}

static int compare_file(struct walk *w, const struct model_node *n, int at, const struct stat *st, struct err *e)
{
	AUTO_CLOSE int fd = openat(at, n->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char got[DIGEST_MAX];

	if (fd < 0)
		return unreadable(w, n, errno, e);
	if (compare_xattrs(w, n, fd, e) < 0)
		return -1;
	if ((uint64_t)st->st_size != n->inode->size)
		return differs(w, n, NULL, e, "has %ju bytes, and should have %" PRIu64, (uintmax_t)st->st_size, n->inode->size);
	if (read_all(w, n, fd, got, e) < 0)
		return -1;
	return !got[0] || str_eq(got, n->inode->content) ? 0 : differs(w, n, NULL, e, "has another content");
}

static int compare_link(const struct walk *w, const struct model_node *n, int at, struct err *e)
{
	AUTO_FREE char *target = mem_alloc(PATH_MAX + 1);
	ssize_t len = readlinkat(at, n->name, target, PATH_MAX);

	if (len < 0)
		return unreadable(w, n, errno, e);
	return str_eq(target, n->inode->content) ? 0 : differs(w, n, NULL, e, "leads elsewhere: to %.200s", target);
}

static int compare_node(struct walk *w, struct model_node *n, int at, struct err *e)
{
	struct model_inode *i = n->inode;
	struct stat st;

	if (fstatat(at, n->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unreadable(w, n, errno, e);
	if (kind_of(&st) != (int)i->kind)
		return differs(w, n, NULL, e, "is %s, and should be %s", kind_of(&st) < 0 ? "something that no layer has" : kind_word((enum model_kind)kind_of(&st)),
			       kind_word(i->kind));
	n->is_met = true;
	if (i->met && i->met != st.st_ino && i->links > 1)
		return differs(w, n, NULL, e, "is no hard link to what it should be one to");
	if (i->met)
		return 0;
	i->met = st.st_ino;
	if (compare_stat(w, n, &st, e) < 0)
		return -1;
	if (i->kind == MODEL_FILE)
		return compare_file(w, n, at, &st, e);
	return i->kind == MODEL_SYMLINK ? compare_link(w, n, at, e) : 0;
}

/* ---- directories ---- */

/* What is in the directory @fd, which is @dir. */
static int compare_dir(struct walk *w, struct model_node *dir, int fd, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	AUTO_CLOSE int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *d = own < 0 ? NULL : fdopendir(own);

	if (!d)
		return unreadable(w, dir, errno, e);
	own = -1;
	if (compare_xattrs(w, dir, fd, e) < 0)
		return -1;
	for (struct model_node *n = dir->child; n; n = n->next)
		n->is_met = false;
	for (const struct dirent *de; (errno = 0, de = readdir(d));) {
		struct model_node *n = model_child(w->c->model, dir, de->d_name);

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (!n && differs(w, dir, de->d_name, e, "is not in the layer") < 0)
			return -1;
		if (n)
			strv_add(&names, de->d_name);
	}
	if (errno)
		return unreadable(w, dir, errno, e);
	strv_sort(&names);
	for (size_t k = 0; k < names.n; k++)
		if (compare_node(w, model_child(w->c->model, dir, names.v[k]), fd, e) < 0)
			return -1;
	for (const struct model_node *n = dir->child; n; n = n->next)
		if (!n->is_met && faccessat(fd, n->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && differs(w, n, NULL, e, "is missing") < 0)
			return -1;
	return 0;
}

static struct model_node *next_dir(struct model_node *n)
{
	while (n && (n->inode->kind != MODEL_DIR || !n->is_met))
		n = n->next;
	return n;
}

/* One descriptor however deep it is: back by "..", which leads out of none that was entered here. */
static int walk(struct walk *w, int root, struct err *e)
{
	AUTO_CLOSE int at = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct model_node *dir = w->c->model->root, *next;

	if (at < 0)
		return unreadable(w, dir, errno, e);
	if (compare_dir(w, dir, at, e) < 0)
		return -1;
	for (next = next_dir(dir->child);;) {
		int fd;

		if (!next && !dir->parent)
			return 0;
		fd = openat(at, next ? next->name : "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && !next)
			return unreadable(w, dir->parent, errno, e);
		if (fd < 0 && unreadable(w, next, errno, e) < 0)
			return -1;
		if (fd < 0) {
			next = next_dir(next->next);
			continue;
		}
		auto_close(&at);
		at = fd;
		if (!next) {
			next = next_dir(dir->next);
			dir = dir->parent;
			continue;
		}
		dir = next;
		if (compare_dir(w, dir, at, e) < 0)
			return -1;
		next = next_dir(dir->child);
	}
}

int compare_tree(const struct compare *c, int root, struct err *e)
{
	struct walk w = { .c = c, .block = mem_alloc(READ_SIZE) };
	struct stat st;
	int r = 0;

	if (c->model->differs_in_owners)
		r = differs(&w, c->model->root, NULL, e, "the list of who owns the files differs");
	if (r == 0)
		r = fstat(root, &st) < 0 ? unreadable(&w, c->model->root, errno, e) : compare_stat(&w, c->model->root, &st, e);
	if (r == 0)
		r = walk(&w, root, e);
	free(w.block);
	return r;
}
