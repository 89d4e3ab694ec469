/* SPDX-License-Identifier: Apache-2.0 */
/* image/pack.c - a directory becomes a layer */

#include "pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "xattrs.h"

enum { PIECE = 256 << 10, DEPTH_MAX = 400, XATTRS_BYTES = 64 << 10 };

enum left_out { LEFT_UNREADABLE, LEFT_SOCKETS, LEFT_OTHER_FS, LEFT_WHITEOUTS, LEFT_KINDS };

struct link_seen {
	uint64_t dev, ino;
	char *path;	/* NULL: a free place; owned */
};

struct packing {
	const struct talk *talk;
	struct blob *blob;
	struct err *e;		/* of the write callback */
	struct archive *a;
	char *piece;
	uint64_t dev;
	struct link_seen *links;	/* by hash of dev and ino; a power of two places */
	size_t n_links, links_room;
	struct {
		uint64_t n;
		char first[256];
	} left[LEFT_KINDS];
};

static la_ssize_t write_blob(struct archive *a, void *arg, const void *data, size_t n)
{
	struct packing *p = arg;

	if (blob_add(p->blob, data, n, p->e) < 0) {
		archive_set_error(a, EIO, "%s", p->e->what);
		return -1;
	}
	return (la_ssize_t)n;
}

/* The blob's own error, where there was one, says more. */
static int failed(struct packing *p, struct err *e)
{
	return p->e->kind ? -1 : err_set(e, ERR_STATE, "packing: %s", archive_error_string(p->a));
}

static void leave_out(struct packing *p, enum left_out kind, const char *path)
{
	if (p->left[kind].n++ == 0)
		str_copy(p->left[kind].first, sizeof(p->left[kind].first), path);
}

static int say_left_out(struct packing *p, struct err *e)
{
	static const char *const WHY[LEFT_KINDS] = {
		[LEFT_UNREADABLE] = "cannot be read",
		[LEFT_SOCKETS] = "are sockets",
		[LEFT_OTHER_FS] = "lie on other file systems",
		[LEFT_WHITEOUTS] = "have names that mean the removal of another file (.wh.)",
	};

	for (size_t i = 0; i < LEFT_KINDS; i++) {
		AUTO_BUF struct buf safe = { 0 };

		if (p->left[i].n == 0)
			continue;
		buf_add_safe(&safe, p->left[i].first);
		if (talk_warn(p->talk, "left out, as they %s: %" PRIu64 " (%s%s)", WHY[i], p->left[i].n, safe.s,
			      p->left[i].n > 1 ? ", ..." : "") < 0)
			return err_set(e, ERR_PEER, "lichen has ended");
	}
	return 0;
}

/* ---- hard links ---- */

static struct link_seen *find_link(struct packing *p, uint64_t dev, uint64_t ino)
{
	size_t at = (size_t)((ino ^ dev << 32) * UINT64_C(0x9e3779b97f4a7c15)) & (p->links_room - 1);

	while (p->links[at].path && (p->links[at].ino != ino || p->links[at].dev != dev))
		at = (at + 1) & (p->links_room - 1);
	return &p->links[at];
}

static void grow_links(struct packing *p)
{
	struct link_seen *old = p->links;
	size_t room = p->links_room;

	if (p->n_links * 2 < room)
		return;
	p->links_room = room ? room * 2 : 256;
	p->links = mem_alloc(p->links_room * sizeof(*p->links));
	for (size_t i = 0; i < room; i++)
		if (old[i].path)
			*find_link(p, old[i].dev, old[i].ino) = old[i];
	free(old);
}

/* The path that this file was packed as; NULL: it is the first of its names. */
static const char *seen_as(struct packing *p, const struct stat *st, const char *path)
{
	struct link_seen *l;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return NULL;
	grow_links(p);
	l = find_link(p, st->st_dev, st->st_ino);
	if (l->path)
		return l->path;
	*l = (struct link_seen){ .dev = st->st_dev, .ino = st->st_ino, .path = str_dup(path) };
	p->n_links++;
	return NULL;
}

/* ---- one file ---- */

static void add_xattrs(int fd, struct archive_entry *ae)
{
	AUTO_FREE char *names = mem_alloc(XATTRS_BYTES);
	AUTO_FREE char *value = mem_alloc(XATTRS_BYTES);
	AUTO_STRV struct strv kept = { 0 };
	ssize_t n = flistxattr(fd, names, XATTRS_BYTES);

	for (ssize_t at = 0; n > 0 && at < n; at += (ssize_t)strlen(names + at) + 1)
		if (xattr_is_kept(names + at))
			strv_add(&kept, names + at);
	strv_sort(&kept);
	for (size_t i = 0; i < kept.n; i++) {
		ssize_t size = fgetxattr(fd, kept.v[i], value, XATTRS_BYTES);

		if (size >= 0)
			archive_entry_xattr_add_entry(ae, kept.v[i], value, (size_t)size);
	}
}

static void add_holes(int fd, const struct stat *st, struct archive_entry *ae)
{
	off_t data, hole = 0;

	if (st->st_size == 0 || (uint64_t)st->st_blocks * 512 >= (uint64_t)st->st_size)
		return;
	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0 && (hole = lseek(fd, data, SEEK_HOLE)) > data)
		archive_entry_sparse_add_entry(ae, data, hole - data);
	if (!archive_entry_sparse_count(ae))
		archive_entry_sparse_add_entry(ae, st->st_size, 0);	/* one hole */
}

/* Whatever became of its size meanwhile: as much as the header says. libarchive ends a short one with zeros. */
static int write_data(struct packing *p, int fd, const struct stat *st, struct err *e)
{
	off_t at = 0;

	while (at < st->st_size) {
		size_t room = st->st_size - at < PIECE ? (size_t)(st->st_size - at) : PIECE;
		ssize_t n = pread(fd, p->piece, room, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "pread", NULL, "reading a file");
		if (n == 0)
			break;
		if (archive_write_data(p->a, p->piece, (size_t)n) < 0)
			return failed(p, e);
		at += n;
	}
	return 0;
}

static struct archive_entry *make_entry(const char *path, const struct stat *st)
{
	struct archive_entry *ae = archive_entry_new();

	archive_entry_copy_pathname(ae, path);
	archive_entry_set_mode(ae, st->st_mode);
	archive_entry_set_uid(ae, st->st_uid);
	archive_entry_set_gid(ae, st->st_gid);
	archive_entry_set_mtime(ae, st->st_mtime, 0);
	if (S_ISREG(st->st_mode))
		archive_entry_set_size(ae, st->st_size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(ae, st->st_rdev);
	return ae;
}

/* @fd: a regular file or a directory; -1: neither, or a hard link. @target: of a symbolic link. */
static int write_entry(struct packing *p, int fd, const char *path, const struct stat *st, const char *link, const char *target,
		       struct err *e)
{
	struct archive_entry *ae = make_entry(path, st);
	int r = 0;

	if (link) {
		archive_entry_set_size(ae, 0);
		archive_entry_copy_hardlink(ae, link);
	} else if (target) {
		archive_entry_copy_symlink(ae, target);
	} else if (fd >= 0) {
		add_xattrs(fd, ae);
		if (S_ISREG(st->st_mode))
			add_holes(fd, st, ae);
	}
	if (archive_write_header(p->a, ae) < ARCHIVE_WARN)
		r = failed(p, e);
	archive_entry_free(ae);
	if (r == 0 && S_ISREG(st->st_mode) && !link)
		r = write_data(p, fd, st, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

/* ---- the tree ---- */

static int list_dir(int fd, struct strv *names)
{
	AUTO_CLOSE int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!d)
		return -1;
	copy = -1;
	while ((errno = 0, de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			strv_add(names, de->d_name);
	if (errno)
		return -1;
	strv_sort(names);
	return 0;
}

static int pack_tree(struct packing *p, int fd, const char *path, unsigned depth, struct err *e);

static int pack_one(struct packing *p, int dir, const char *name, const char *path, unsigned depth, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char target[PATH_MAX + 1] = "";
	const char *link;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		leave_out(p, LEFT_UNREADABLE, path);
		return 0;
	}
	if (S_ISSOCK(st.st_mode) || str_starts(name, ".wh.") || st.st_dev != p->dev) {
		leave_out(p, S_ISSOCK(st.st_mode) ? LEFT_SOCKETS : st.st_dev != p->dev ? LEFT_OTHER_FS : LEFT_WHITEOUTS, path);
		return 0;
	}
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		/* again: between the two, the name may have become another file's */
		if (fd < 0 || fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
			leave_out(p, LEFT_UNREADABLE, path);
			return 0;
		}
	}
	if (S_ISLNK(st.st_mode) && readlinkat(dir, name, target, PATH_MAX) < 0) {
		leave_out(p, LEFT_UNREADABLE, path);
		return 0;
	}
	link = seen_as(p, &st, path);
	if (write_entry(p, fd, path, &st, link, S_ISLNK(st.st_mode) ? target : NULL, e) < 0)
		return -1;
	return S_ISDIR(st.st_mode) ? pack_tree(p, fd, path, depth + 1, e) : 0;
}

static int pack_tree(struct packing *p, int fd, const char *path, unsigned depth, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_STATE, "%.100s...: more than %d directories within each other", path, DEPTH_MAX);
	if (list_dir(fd, &names) < 0) {
		leave_out(p, LEFT_UNREADABLE, path);
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *below = str_fmt("%s%s%s", path, path[0] ? "/" : "", names.v[i]);

		if (pack_one(p, fd, names.v[i], below, depth, e) < 0)
			return -1;
	}
	return 0;
}

static int pack_root(struct packing *p, int dir, struct err *e)
{
	struct stat st;

	if (archive_write_set_format_pax_restricted(p->a) != ARCHIVE_OK || archive_write_set_bytes_per_block(p->a, PIECE) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(p->a, 1) != ARCHIVE_OK || archive_write_open(p->a, p, NULL, write_blob, NULL) != ARCHIVE_OK)
		return failed(p, e);
	if (fstat(dir, &st) < 0)
		return err_sys(e, "fstat", NULL, "packing the directory");
	p->dev = st.st_dev;
	if (write_entry(p, dir, "./", &st, NULL, NULL, e) < 0 || pack_tree(p, dir, "", 0, e) < 0)
		return -1;
	return archive_write_close(p->a) < ARCHIVE_WARN ? failed(p, e) : say_left_out(p, e);
}

int pack_dir(const struct talk *t, int dir, struct blob *b, struct err *e)
{
	struct packing p = { .talk = t, .blob = b, .e = e, .a = archive_write_new(), .piece = mem_alloc(PIECE) };
	int r;

	*e = (struct err){ 0 };
	r = pack_root(&p, dir, e);
	if (r < 0)
		archive_write_fail(p.a);	/* the rest is not written */
	archive_write_free(p.a);
	for (size_t i = 0; i < p.links_room; i++)
		free(p.links[i].path);
	free(p.links);
	free(p.piece);
	return r;
}
