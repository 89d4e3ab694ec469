/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy_walk.c - a tree or one layer, entry by entry, into the copy
 *
 * A directory is read whole before anything in it is copied, and while what is below is copied both sides of it are closed:
 * however deep a tree is, its copy needs the descriptors of one level, and holds no name twice.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "spec/spec.h"
#include "steps/copy_internal.h"
#include "steps/merged.h"
#include "steps/owners.h"

static void skip(struct copy *c)
{
	if (c->st.unreadable < COPY_NAMES)
		str_copy(c->st.first[c->st.unreadable], COPY_NAME_MAX, c->path);
	c->st.unreadable++;
}

/* As the host has it. */
static uint32_t outside(const struct id_map *m, uint32_t id)
{
	int64_t there = m ? id_map_outside(m, id) : -1;

	return there < 0 ? id : (uint32_t)there;
}

int copy_record(struct copy *c, const struct stat *st, struct err *e)
{
	const struct id_map *uids = c->layers ? c->layers->uids : NULL, *gids = c->layers ? c->layers->gids : NULL;

	char caps[2 * COPY_CAPS_MAX + 1] = OWNERS_NO_CAPS;

	for (size_t i = 0; S_ISREG(st->st_mode) && i < c->n_caps; i++)
		snprintf(caps + 2 * i, 3, "%02x", c->caps[i]);
	if (fprintf(c->owners, "%u %u %o %s %s", outside(uids, st->st_uid), outside(gids, st->st_gid), st->st_mode, caps, c->path) < 0 ||
	    putc('\0', c->owners) == EOF)
		return err_sys(e, "write", c->dst, "noting the owners of the copy");
	return 0;
}

/* ---- entries ---- */

/* Things that vanish or change their kind under us, or that are not for us, are left out. */
static bool is_not_readable(int errnum)
{
	return errnum == EACCES || errnum == EPERM || errnum == ENOENT || errnum == ELOOP || errnum == ESTALE ||
	       errnum == ENOTDIR || errnum == ENXIO || errnum == ENODEV || errnum == ENOTCONN;
}

void copy_times(int dirfd, const char *name, const struct stat *st)
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
	copy_xattrs(c, in, out);
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
		return copy_walk(c, in, out, st, e);
	auto_close(in_dir);
	auto_close(out_dir);
	if (copy_walk(c, in, out, st, e) < 0)
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
		copy_hide(&c->hidden, c->path, c->layer);
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
	copy_xattrs(c, in, out);
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
		copy_hide(&c->hidden, c->path, c->layer);
	if (descend(c, in_dir, out_dir, &in, &out, &st, e) < 0)
		return -1;
	copy_times(*out_dir, name, &made);
	return 0;
}

/* What the layers above and whiteouts make of an entry of this one. 1: it is done with. */
static int copy_below(struct copy *c, int *in_dir, int *out_dir, const char *name, const struct stat *st, struct err *e)
{
	struct stat there;

	if (copy_is_hidden(&c->hidden, c->path, c->layer))
		return 1;
	if (fstatat(*out_dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(there.st_mode) || !S_ISDIR(st->st_mode)) {
			copy_hide(&c->hidden, c->path, c->layer); /* nor do directories further down show through */
			return 1;
		}
		return copy_into(c, in_dir, out_dir, name, e) < 0 ? -1 : 1;
	}
	/* a device, too, which is not copied */
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) || S_ISSOCK(st->st_mode))
		copy_hide(&c->hidden, c->path, c->layer);
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
	other = S_ISDIR(st.st_mode) || st.st_nlink < 2 ? NULL : copy_links_find(&c->links, &st);
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
		copy_hide(&c->hidden, c->path, c->layer);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		copy_links_add(&c->links, &st, c->path + 1);
	copy_times(*out_dir, name, &st);
	return copy_record(c, &st, e);
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

int copy_walk(struct copy *c, int *in, int *out, const struct stat *st, struct err *e)
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
		rc = copy_tick(c) < 0 ? fail(c, "readdir", e) : copy_entry(c, in, out, names.v[i], dev, e);
		if (rc < 0)
			return -1;
		c->path[len] = '\0';
		c->len = len;
	}
	return 0;
}
