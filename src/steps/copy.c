/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy.c - the last rung of the writable root: a copy of the tree
 *
 * The copy is made by the caller, before there is any namespace: all of it belongs to the
 * caller, directories and files are rwx for the owner, so that whatever ends the copy,
 * the tree can be removed. The true owners and modes go to a file beside it (steps/owners.h).
 */

#include "steps/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/str.h"
#include "spec/spec.h"
#include "steps/merged.h"
#include "steps/owners.h"

enum { CHUNK = 8 << 20, XATTR_NAMES = 4096, XATTR_VALUE = 4096 };
enum { PROGRESS_AFTER_MS = 1000, PROGRESS_EVERY_MS = 100 };

/* ---- files with several names ---- */

struct link_row {
	dev_t dev;
	ino_t ino;
	char *path;	/* in the copy, relative; owned; NULL: a free row */
};

struct links {
	struct link_row *v;	/* open addressing, at most half full */
	size_t cap, n;
};

static struct link_row *links_slot(const struct links *l, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino ^ (ino_t)dev << 17) * 0x9e3779b97f4a7c15u) & (l->cap - 1);

	while (l->v[i].path && (l->v[i].dev != dev || l->v[i].ino != ino))
		i = (i + 1) & (l->cap - 1);
	return &l->v[i];
}

static const char *links_find(const struct links *l, const struct stat *st)
{
	return l->cap ? links_slot(l, st->st_dev, st->st_ino)->path : NULL;
}

static void links_add(struct links *l, const struct stat *st, const char *path)
{
	if (2 * (l->n + 1) > l->cap) {
		struct links bigger = { .cap = l->cap ? 2 * l->cap : 256, .n = l->n };

		bigger.v = mem_alloc(bigger.cap * sizeof(*bigger.v));
		for (size_t i = 0; i < l->cap; i++)
			if (l->v[i].path)
				*links_slot(&bigger, l->v[i].dev, l->v[i].ino) = l->v[i];
		free(l->v);
		*l = bigger;
	}
	*links_slot(l, st->st_dev, st->st_ino) =
		(struct link_row){ .dev = st->st_dev, .ino = st->st_ino, .path = str_dup(path) };
	l->n++;
}

static void links_fini(struct links *l)
{
	for (size_t i = 0; i < l->cap; i++)
		free(l->v[i].path);
	free(l->v);
	*l = (struct links){ 0 };
}

/* ---- what upper layers hide ---- */

/* Paths of whiteouts and opaque directories, with the layer that has them: they hide what is below it. */
struct hidden {
	struct hidden_row {
		char *path;	/* owned; NULL: a free row */
		size_t layer;
	} *v;			/* open addressing, at most half full */
	size_t cap, n;
};

static struct hidden_row *hidden_slot(const struct hidden *h, const char *path)
{
	size_t hash = 5381;

	for (const char *s = path; *s; s++)
		hash = hash * 33 ^ (unsigned char)*s;
	hash *= 0x9e3779b97f4a7c15u;
	for (hash >>= 16;; hash++)
		if (!h->v[hash & (h->cap - 1)].path || str_eq(h->v[hash & (h->cap - 1)].path, path))
			return &h->v[hash & (h->cap - 1)];
}

static bool is_hidden(const struct hidden *h, const char *path, size_t layer)
{
	const struct hidden_row *row = h->n ? hidden_slot(h, path) : NULL;

	return row && row->path && row->layer < layer;
}

/* The topmost layer that hides it counts, and comes first. */
static void hide(struct hidden *h, const char *path, size_t layer)
{
	struct hidden_row *row;

	if (2 * (h->n + 1) > h->cap) {
		struct hidden bigger = { .cap = h->cap ? 2 * h->cap : 256, .n = h->n };

		bigger.v = mem_alloc(bigger.cap * sizeof(*bigger.v));
		for (size_t i = 0; i < h->cap; i++)
			if (h->v[i].path)
				*hidden_slot(&bigger, h->v[i].path) = h->v[i];
		free(h->v);
		*h = bigger;
	}
	row = hidden_slot(h, path);
	if (row->path)
		return;
	*row = (struct hidden_row){ .path = str_dup(path), .layer = layer };
	h->n++;
}

static void hidden_fini(struct hidden *h)
{
	for (size_t i = 0; i < h->cap; i++)
		free(h->v[i].path);
	free(h->v);
	*h = (struct hidden){ 0 };
}

/* ---- one copy under way ---- */

struct copy {
	const char *src, *dst;	/* for errors */
	int dst_root;
	FILE *owners;
	struct stat dst_st, owners_st;	/* never copied into themselves */
	struct links links;	/* of the layer at hand */
	const struct copy_layers *layers;	/* NULL: it is one tree */
	size_t layer;		/* the one at hand; 0 is the topmost, or the tree */
	struct hidden hidden;
	struct copy_stats st;
	char path[PATH_MAX];	/* of the entry at hand: absolute inside the tree */
	size_t len;
	bool shows, shown;	/* progress */
	int64_t began, last;	/* ms */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void skip(struct copy *c)
{
	if (c->st.unreadable < COPY_NAMES)
		str_copy(c->st.first[c->st.unreadable], COPY_NAME_MAX, c->path);
	c->st.unreadable++;
}

/* Now and then: shows how far we are; -1 with EINTR when we are told to stop. */
static int tick(struct copy *c)
{
	int64_t now = now_ms();

	if (now - c->last < PROGRESS_EVERY_MS)
		return 0;
	c->last = now;
	if (stop_pending()) {
		errno = EINTR;
		return -1;
	}
	if (c->shows && now - c->began >= PROGRESS_AFTER_MS) {
		dprintf(STDERR_FILENO, "\rlichen: copying: %llu files, %llu MB\033[K",
			(unsigned long long)c->st.files, (unsigned long long)(c->st.bytes / 1000000));
		c->shown = true;
	}
	return 0;
}

/* As the host has it. */
static uint32_t outside(const struct id_map *m, uint32_t id)
{
	int64_t there = m ? id_map_outside(m, id) : -1;

	return there < 0 ? id : (uint32_t)there;
}

static int record(struct copy *c, const struct stat *st, struct err *e)
{
	const struct id_map *uids = c->layers ? c->layers->uids : NULL, *gids = c->layers ? c->layers->gids : NULL;

	if (fprintf(c->owners, "%u %u %o %s", outside(uids, st->st_uid), outside(gids, st->st_gid), st->st_mode, c->path) < 0 ||
	    putc('\0', c->owners) == EOF)
		return err_sys(e, "write", c->dst, "noting the owners of the copy");
	return 0;
}

/* ---- contents ---- */

__attribute__((noinline)) static void copy_xattrs(int in, int out)
{
	char names[XATTR_NAMES], value[XATTR_VALUE];
	ssize_t len = flistxattr(in, names, sizeof(names));

	/* user.overlay.* means something to the kernel: not carried over */
	for (char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (!str_starts(n, "user.") || str_starts(n, "user.overlay."))
			continue;
		size = fgetxattr(in, n, value, sizeof(value));
		if (size >= 0 && fsetxattr(out, n, value, (size_t)size, 0) < 0)
			return;
	}
}

/* Some bytes, at the files' positions: the fastest way that works here. */
static ssize_t copy_some(int in, int out, size_t want)
{
	char buf[16384];
	ssize_t n = copy_file_range(in, NULL, out, NULL, want, 0);

	if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EINTR)))
		return n;
	n = sendfile(out, in, NULL, want);
	if (n > 0 || (n < 0 && errno != EINVAL && errno != ENOSYS))
		return n;
	n = read(in, buf, want < sizeof(buf) ? want : sizeof(buf));
	return n > 0 && fd_write_all(out, buf, (size_t)n) < 0 ? -1 : n;
}

/* From the positions up to @end; a file that got shorter meanwhile is copied as far as it goes. */
static int copy_range(struct copy *c, int in, int out, off_t from, off_t end)
{
	while (from < end) {
		size_t want = end - from < CHUNK ? (size_t)(end - from) : CHUNK;
		ssize_t n = copy_some(in, out, want);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			from += n;
			c->st.bytes += (uint64_t)n;
		}
		if (tick(c) < 0)
			return -1;
	}
	return 0;
}

static int copy_content(struct copy *c, int in, int out, const struct stat *st)
{
	off_t pos = 0;

	if (st->st_blocks >= st->st_size / 512)
		return copy_range(c, in, out, 0, st->st_size);
	while (pos < st->st_size) {	/* sparse: only what is there */
		off_t data = lseek(in, pos, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = pos;
		hole = lseek(in, data, SEEK_HOLE);
		if (hole <= data || hole > st->st_size)
			hole = st->st_size;
		if (data >= hole)
			break;
		if (lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0 ||
		    copy_range(c, in, out, data, hole) < 0)
			return -1;
		pos = hole;
	}
	return ftruncate(out, st->st_size);
}

/* ---- entries ---- */

/* Things that vanish or change their kind under us, or that are not for us, are left out. */
static bool is_not_readable(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == ENOENT || errnum == ELOOP || errnum == ESTALE ||
	       errnum == ENOTDIR || errnum == ENXIO || errnum == ENODEV || errnum == ENOTCONN;
}

static void set_times(int dirfd, const char *name, const struct stat *st)
{
	const struct timespec t[2] = { st->st_atim, st->st_mtim };

	if (utimensat(dirfd, name, t, AT_SYMLINK_NOFOLLOW) < 0)
		log_debug("times of a copied file: %s", strerror(errno));
}

static int fail(struct copy *c, const char *op, struct err *e)
{
	if (errno == EINTR && stop_pending())
		return stop_err(e, "while the tree was being copied");
	return err_sys(e, op, c->path, "copying %s to %s", c->src, c->dst);
}

/* The entry is made under @name; @st becomes what was opened. 1: left out. */
static int copy_file(struct copy *c, int in_dir, int out_dir, const char *name, struct stat *st, struct err *e)
{
	AUTO_CLOSE int in = openat(in_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int out = -1;

	if (in < 0 && !is_not_readable(errno))
		return fail(c, "openat", e);
	if (in < 0 || fstat(in, st) < 0 || !S_ISREG(st->st_mode)) {
		skip(c);
		return 1;
	}
	out = openat(out_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
	if (out < 0)
		return fail(c, "openat", e);
	if (copy_content(c, in, out, st) < 0)
		return fail(c, "copy_file_range", e);
	copy_xattrs(in, out);
	c->st.files++;
	return 0;
}

__attribute__((noinline)) static int copy_symlink(struct copy *c, int in_dir, int out_dir, const char *name,
						   struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(in_dir, name, target, sizeof(target) - 1);

	if (n < 0 && errno != EINVAL && !is_not_readable(errno))
		return fail(c, "readlinkat", e);
	if (n <= 0) {
		skip(c);
		return 1;
	}
	target[n] = '\0';
	if (symlinkat(target, out_dir, name) < 0)
		return fail(c, "symlinkat", e);
	c->st.symlinks++;
	return 0;
}

bool copy_is_kernel_fs(int fd)
{
	static const unsigned long magics[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC,
		TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC, PSTOREFS_MAGIC,
		EFIVARFS_MAGIC, SELINUX_MAGIC, BINFMTFS_MAGIC, 0x62656570 /* configfs */,
		0x19800202 /* mqueue */, 0x65735543 /* fusectl */,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	for (size_t i = 0; i < N_ELEMS(magics); i++)
		if (magics[i] == ((unsigned long)fs.f_type & 0xffffffffu))
			return true;
	return false;
}

static int copy_dir(struct copy *c, int *in, int *out, const struct stat *st, struct err *e);

/* Back from @below to the directory above it, which must be @id. */
static int open_above(int below, const struct stat *id)
{
	AUTO_CLOSE int fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (st.st_dev != id->st_dev || st.st_ino != id->st_ino) {
		errno = ESTALE;
		return -1;
	}
	return fd_take(&fd);
}

/* The two directories above are closed meanwhile and opened again by "..": however deep a tree
 * is, its copy needs the descriptors of one level. Where there is no way back (a directory
 * that may be read but not searched, which has nothing to go down into) they stay open. */
static int descend(struct copy *c, int *in_dir, int *out_dir, int *in, int *out, const struct stat *st, struct err *e)
{
	struct stat up_in, up_out;

	if (faccessat(*in, "..", F_OK, 0) < 0 || fstat(*in_dir, &up_in) < 0 || fstat(*out_dir, &up_out) < 0)
		return copy_dir(c, in, out, st, e);
	auto_close(in_dir);
	auto_close(out_dir);
	if (copy_dir(c, in, out, st, e) < 0)
		return -1;
	*in_dir = open_above(*in, &up_in);
	*out_dir = *in_dir < 0 ? -1 : open_above(*out, &up_out);
	return *out_dir < 0 ? fail(c, "openat", e) : 0;
}

static int copy_subdir(struct copy *c, int *in_dir, int *out_dir, const char *name, struct stat *st, dev_t outer,
		       struct err *e)
{
	AUTO_CLOSE int out = -1;
	AUTO_CLOSE int in = openat(*in_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool readable = in >= 0 && fstat(in, st) == 0;

	if (in < 0 && !is_not_readable(errno))
		return fail(c, "openat", e);
	if (st->st_dev == c->dst_st.st_dev && st->st_ino == c->dst_st.st_ino)
		return 1;	/* the copy lies below what is copied */
	if (c->layers && readable && merged_is_opaque(in))
		hide(&c->hidden, c->path, c->layer);
	if (mkdirat(*out_dir, name, 0700) < 0)
		return fail(c, "mkdirat", e);
	c->st.dirs++;
	if (!readable) {	/* there, but empty */
		skip(c);
		return 0;
	}
	if (st->st_dev != outer && copy_is_kernel_fs(in)) {
		c->st.kernel_fs++;
		return 0;
	}
	out = openat(*out_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return fail(c, "openat", e);
	copy_xattrs(in, out);
	return descend(c, in_dir, out_dir, &in, &out, st, e);
}

/* A directory of a lower layer where an upper one has made it: only what is in it is added. */
static int copy_into(struct copy *c, int *in_dir, int *out_dir, const char *name, struct err *e)
{
	AUTO_CLOSE int in = openat(*in_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int out = openat(*out_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, made;

	if (out < 0 || fstat(out, &made) < 0)
		return fail(c, "openat", e);
	if (in < 0 || fstat(in, &st) < 0) {
		if (!is_not_readable(errno))
			return fail(c, "openat", e);
		skip(c);
		return 0;
	}
	if (merged_is_opaque(in))
		hide(&c->hidden, c->path, c->layer);
	if (descend(c, in_dir, out_dir, &in, &out, &st, e) < 0)
		return -1;
	set_times(*out_dir, name, &made);
	return 0;
}

/* What the layers above and whiteouts make of an entry of this one. 1: it is done with. */
static int copy_below(struct copy *c, int *in_dir, int *out_dir, const char *name, const struct stat *st, struct err *e)
{
	struct stat there;

	if (is_hidden(&c->hidden, c->path, c->layer))
		return 1;
	if (fstatat(*out_dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(there.st_mode) || !S_ISDIR(st->st_mode)) {
			hide(&c->hidden, c->path, c->layer); /* nor do directories further down show through */
			return 1;
		}
		return copy_into(c, in_dir, out_dir, name, e) < 0 ? -1 : 1;
	}
	/* a device, too, which is not copied */
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISSOCK(st->st_mode))
		hide(&c->hidden, c->path, c->layer);
	return merged_is_whiteout(st);
}

static int copy_entry(struct copy *c, int *in_dir, int *out_dir, const char *name, dev_t outer, struct err *e)
{
	struct stat st;
	const char *other;
	int rc;

	if (fstatat(*in_dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0) {
		if (!is_not_readable(errno))
			return fail(c, "fstatat", e);
		if (errno != ENOENT)
			skip(c);
		return 0;
	}
	if (st.st_dev == c->owners_st.st_dev && st.st_ino == c->owners_st.st_ino)
		return 0;
	rc = c->layers ? copy_below(c, in_dir, out_dir, name, &st, e) : 0;
	if (rc)
		return rc < 0 ? -1 : 0;
	other = S_ISDIR(st.st_mode) || st.st_nlink < 2 ? NULL : links_find(&c->links, &st);
	if (other) {
		if (linkat(c->dst_root, other, *out_dir, name, 0) < 0)
			return fail(c, "linkat", e);
		c->st.hardlinks++;
		return 0;
	}
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		rc = copy_file(c, *in_dir, *out_dir, name, &st, e);
		break;
	case S_IFDIR:
		rc = copy_subdir(c, in_dir, out_dir, name, &st, outer, e);
		break;
	case S_IFLNK:
		rc = copy_symlink(c, *in_dir, *out_dir, name, e);
		break;
	case S_IFIFO:
		rc = mkfifoat(*out_dir, name, 0700) < 0 ? fail(c, "mkfifoat", e) : 0;
		c->st.fifos++;
		break;
	default:
		c->st.devices++;
		return 0;
	}
	if (rc > 0 && c->layers)
		hide(&c->hidden, c->path, c->layer);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		links_add(&c->links, &st, c->path + 1);
	set_times(*out_dir, name, &st);
	return record(c, &st, e);
}

/* The names of a directory, without "." and "..". */
static int list_dir(struct copy *c, int in, struct strv *names, struct err *e)
{
	AUTO_CLOSE int fd = openat(in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = NULL;
	struct dirent *d;

	if (fd < 0)	/* not to be searched, but read */
		fd = fcntl(in, F_DUPFD_CLOEXEC, 3);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return fail(c, "fdopendir", e);
	fd_take(&fd);
	while (errno = 0, (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			strv_add(names, d->d_name);
	return errno && !is_not_readable(errno) ? fail(c, "readdir", e) : 0;
}

static int copy_dir(struct copy *c, int *in, int *out, const struct stat *st, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	const dev_t dev = st->st_dev;
	size_t len = c->len;

	if (list_dir(c, *in, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		size_t n = strlen(names.v[i]);
		int rc;

		if (len + 1 + n > PATH_BYTES_MAX) {
			c->st.too_deep++;	/* nobody could name it */
			continue;
		}
		c->path[len] = '/';
		memcpy(c->path + len + 1, names.v[i], n + 1);
		c->len = len + 1 + n;
		rc = tick(c) < 0 ? fail(c, "readdir", e) : copy_entry(c, in, out, names.v[i], dev, e);
		if (rc < 0)
			return -1;
		c->path[len] = '\0';
		c->len = len;
	}
	return 0;
}

/* ---- the whole ---- */

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
	if (copy_dir(c, &in, &out, &st, e) < 0)
		return -1;
	links_fini(&c->links);
	return 0;
}

/* The top directory is that of the tree, or of the topmost layer. */
static int finish_top(struct copy *c, const char *src, int dst, struct err *e)
{
	struct stat st;

	if (stat(src, &st) < 0)
		return err_sys(e, "stat", src, "copying %s", src);
	set_times(dst, ".", &st);
	str_copy(c->path, sizeof(c->path), "/");
	return record(c, &st, e);
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
	c->began = now_ms();
	rc = copy_all(c, srcs, owners_fd, owners_path, e);
	if (c->shown)
		dprintf(STDERR_FILENO, "\r\033[K");
	links_fini(&c->links);
	hidden_fini(&c->hidden);
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
