/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_devices.c - --device /dev/X[:/dev/Y[:rwm]]: a node, or all nodes of a directory */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/run_mount.h"
#include "cli/run_spec.h"
#include "spec/spec.h"

enum { DEPTH_MAX = 8, DEVICES_MAX = 200 };

/* @fd moves in. */
static void add_device(struct spec *s, const char *source, const char *path, const struct stat *st, int fd)
{
	struct spec_device *d = spec_add_device(s);

	d->source = str_dup(source);
	d->path = path_clean(path);
	d->type = S_ISBLK(st->st_mode) ? 'b' : 'c';
	d->major = major(st->st_rdev);
	d->minor = minor(st->st_rdev);
	d->fd = fd;
}

static bool may_open(int fd)
{
	char path[FD_PATH_MAX];

	fd_path(fd, path);
	return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* As docker: every node below, under the same name; here without those that are not the caller's to open. */
static int add_directory(struct spec *s, int dirfd, const char *source, const char *path, int depth, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!d && depth) {
		log_warn("--device %s: left out, as you may not open it", source);
		return 0;
	}
	if (!d)
		return err_sys(e, "open", source, "--device %s: a directory of devices", source);
	while ((de = readdir(d))) {
		AUTO_FREE char *below = str_fmt("%s/%s", source, de->d_name), *inside = str_fmt("%s/%s", path, de->d_name);
		AUTO_CLOSE int node = -1;
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		node = openat(fd, de->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (node < 0 || fstat(node, &st) < 0)
			continue; /* gone meanwhile */
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			if (add_directory(s, node, below, inside, depth + 1, e) < 0)
				return -1;
		} else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
			if (!may_open(node)) {
				log_warn("--device %s: left out, as you may not open it", below);
				continue;
			}
			if (s->n_devices >= DEVICES_MAX)
				return err_set(e, ERR_USAGE, "--device %s: more than %d devices", source, DEVICES_MAX);
			add_device(s, below, inside, &st, fd_take(&node));
		}
	}
	return 0;
}

/* "rwm" and its parts. Without a device cgroup the node's mode alone says what is allowed. */
static int check_access(const char *text, const char *access, int fd, struct err *e)
{
	char path[FD_PATH_MAX];
	bool reads = strchr(access, 'r'), writes = strchr(access, 'w');

	if (!*access || strspn(access, "rwm") != strlen(access) || strlen(access) > 3)
		return err_set(e, ERR_USAGE, "--device %s: '%s' is none of r, w, m and their combinations", text, access);
	fd_path(fd, path);
	if (reads && !writes && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0) {
		err_set(e, ERR_USAGE, "--device %s: writing cannot be forbidden, as you may write to this device", text);
		return err_hint(e, "the mode of the device decides; leave ':%s' out if that is meant", access);
	}
	if (writes && !reads && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0) {
		err_set(e, ERR_USAGE, "--device %s: reading cannot be forbidden, as you may read this device", text);
		return err_hint(e, "the mode of the device decides; leave ':%s' out if that is meant", access);
	}
	return 0;
}

static const char *kind_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "a file";
	case S_IFIFO: return "a pipe";
	case S_IFSOCK: return "a socket";
	default: return "none";
	}
}

int device_parse(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	AUTO_FREE char *source = NULL, *name = NULL;
	AUTO_CLOSE int fd = -1;
	const char *path, *access = NULL;
	size_t before = s->n_devices;
	struct stat st;

	split_colons(&parts, text);
	if (parts.n > 3 || !is_path_word(parts.v[0]) || (parts.n > 1 && !parts.v[1][0])) {
		err_set(e, ERR_USAGE, "--device %s: expected /dev/X[:/dev/Y[:rwm]]", text);
		return strchr(parts.v[0], '=') ? err_hint(e, "device classes of CDI (vendor.com/class=name) are not part of this version")
					       : -1;
	}
	source = source_open(parts.v[0], "a device of this machine", &fd, e);
	if (!source)
		return err_wrap(e, "--device %s", text);
	if (parts.n == 3)
		access = parts.v[2];
	else if (parts.n == 2 && parts.v[1][0] != '/')
		access = parts.v[1]; /* docker's short form: /dev/X:rw */
	name = path_clean(parts.v[0][0] == '/' ? parts.v[0] : source);
	path = parts.n > 1 && parts.v[1] != access ? parts.v[1] : name;
	if (check_destination("--device", path, e) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat", source, "--device");
	if (access && check_access(text, access, fd, e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		if (add_directory(s, fd, source, path, 0, e) < 0)
			return -1;
		if (s->n_devices == before)
			return err_set(e, ERR_USAGE, "--device %s: there is no device in this directory that you may open", text);
		return 0;
	}
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)) {
		err_set(e, ERR_USAGE, "--device %s: %s is not a device but %s", text, source, kind_word(st.st_mode));
		return err_hint(e, "files and directories are shown with -v SRC:DST");
	}
	add_device(s, source, path, &st, fd_take(&fd));
	return 0;
}
