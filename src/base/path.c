/* SPDX-License-Identifier: Apache-2.0 */
/* base/path.c - paths inside a root that is not ours */

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/sys.h"

static int open_in(int root_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	int fd;

	/* EAGAIN: a rename somewhere raced with the walk; the kernel asks to try again */
	for (int tries = 0; tries < 64; tries++) {
		fd = sys_openat2(root_fd, path, &how);
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return -1;
}

int path_open_in(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_in(root_fd, path, flags, mode, 0);
}

int path_open_in_mount(int root_fd, const char *path, int flags)
{
	return open_in(root_fd, path, flags, 0, RESOLVE_NO_XDEV);
}

int path_open_in_nofollow(int root_fd, const char *path, int flags, mode_t mode)
{
	return open_in(root_fd, path, flags | O_NOFOLLOW, mode, 0);
}

int path_mkdir_in(int root_fd, const char *path, mode_t mode)
{
	AUTO_FREE char *work = path_clean(path);
	int fd = open_in(root_fd, work, O_PATH | O_DIRECTORY, 0, 0);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	/* Grow the path one component at a time; each prefix is resolved anew from the
	 * root, so a link in the middle is followed inside the root. */
	for (char *slash = strchr(work + 1, '/');; slash = strchr(slash + 1, '/')) {
		AUTO_CLOSE int parent = -1;
		const char *leaf;

		if (slash)
			*slash = '\0';
		fd = open_in(root_fd, work, O_PATH | O_DIRECTORY, 0, 0);
		if (fd < 0) {
			if (errno != ENOENT)
				return -1;
			parent = path_parent_in(root_fd, work, false, &leaf);
			if (parent < 0)
				return -1;
			if (mkdirat(parent, leaf, mode) < 0 && errno != EEXIST)
				return -1;
			/* EEXIST with ENOENT before: a dangling link is in the way */
			fd = open_in(root_fd, work, O_PATH | O_DIRECTORY, 0, 0);
			if (fd < 0) {
				if (errno == ENOENT)
					errno = ENOTDIR;
				return -1;
			}
		}
		if (!slash)
			return fd;
		*slash = '/';
		close(fd);
	}
}

int path_target_in(int root_fd, const char *path, bool is_dir)
{
	AUTO_CLOSE int parent = -1, made = -1;
	const char *leaf;
	int fd;

	if (is_dir)
		return path_mkdir_in(root_fd, path, 0755);
	fd = open_in(root_fd, path, O_PATH, 0, 0);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	parent = path_parent_in(root_fd, path, true, &leaf);
	if (parent < 0)
		return -1;
	made = openat(parent, leaf, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (made < 0)
		return -1;
	return openat(parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int path_parent_in(int root_fd, const char *path, bool make, const char **leaf)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *dir = NULL;

	*leaf = slash ? slash + 1 : path;
	if (!**leaf || str_eq(*leaf, ".") || str_eq(*leaf, "..")) {
		errno = EINVAL;
		return -1;
	}
	dir = slash && slash != path ? str_dupn(path, (size_t)(slash - path)) : str_dup("/");
	return make ? path_mkdir_in(root_fd, dir, 0755) : open_in(root_fd, dir, O_PATH | O_DIRECTORY, 0, 0);
}

char *path_clean(const char *path)
{
	struct buf b = { 0 };
	const char *s = path;

	while (*s) {
		const char *end;

		while (*s == '/')
			s++;
		end = strchrnul(s, '/');
		if (end == s)
			break;
		if (!(end - s == 1 && *s == '.')) {
			buf_add(&b, "/");
			buf_addn(&b, s, (size_t)(end - s));
		}
		s = end;
	}
	if (!b.len)
		buf_add(&b, "/");
	return buf_take(&b);
}

bool path_is_within(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (!path[len] || path[len] == '/' || (len == 1 && top[0] == '/'));
}

bool path_has_dotdot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return true;
	return false;
}

bool is_path_word(const char *s)
{
	return s[0] == '/' || str_starts(s, "./") || str_starts(s, "../") || str_starts(s, "~/") || str_eq(s, ".") ||
	       str_eq(s, "..") || str_eq(s, "~");
}

char *path_user_config(const char *name)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return str_fmt("%s/lichen/%s", xdg, name);
	return home && home[0] == '/' ? str_fmt("%s/.config/lichen/%s", home, name) : NULL;
}

char *path_built(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	AUTO_FREE char *built = NULL;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	built = str_fmt("%s/%s", exe, name);
	return access(built, R_OK) == 0 ? ptr_take(&built) : NULL;
}

char *path_real(const char *path)
{
	return realpath(path, NULL);
}
