/* SPDX-License-Identifier: Apache-2.0 */
/* store/data.c - where DATA is, and where it is read when it cannot be written */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "host/hint.h"
#include "store/internal.h"

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW)

const char *store_hint_data(const struct store *st)
{
	return st->is_roots ? "/var/lib/lichen must be a directory that root can write, with room on its disk"
			    : cause_get("data-dir")->text;
}

/* mkdir -p with our mode; what exists stays as it is. */
static int make_dirs(const char *path)
{
	AUTO_FREE char *work = str_dup(path);

	for (char *slash = strchr(work + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		/* a parent that exists may answer EACCES or EROFS instead of EEXIST */
		if (mkdir(work, 0700) < 0 && errno != EEXIST) {
			int saved = errno;

			if (!slash || access(work, F_OK) < 0) {
				errno = saved;
				return -1;
			}
		}
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* Where the descriptor leads, without links. */
static char *fd_real(int fd, const char *path)
{
	char link[FD_PATH_MAX], real[PATH_MAX];
	ssize_t n = readlink(fd_path(fd, link), real, sizeof(real));

	if (n > 0 && (size_t)n < sizeof(real) && real[0] == '/')
		return str_dupn(real, (size_t)n);
	return path_real(path);
}

/* Whether other machines may see it, too; locks are not trusted there. */
static bool is_on_network(int fd)
{
	static const unsigned long magics[] = {
		NFS_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB_SUPER_MAGIC, SMB2_SUPER_MAGIC, V9FS_MAGIC, CEPH_SUPER_MAGIC,
		AFS_SUPER_MAGIC, AFS_FS_MAGIC, CODA_SUPER_MAGIC, FUSE_SUPER_MAGIC, 0x0bd00bd0UL /* Lustre */,
		0x47504653UL /* GPFS */, 0x19830326UL /* BeeGFS */, 0x01161970UL /* GFS2 */, 0x7461636fUL /* OCFS2 */,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < N_ELEMS(magics); i++)
		if (((unsigned long)fs.f_type & 0xffffffffUL) == magics[i])
			return true;
	return false;
}

/* Opens @path as DATA/containers, made where it is missing. */
static int open_data_at(struct store *st, uid_t uid, const char *path, struct err *e)
{
	AUTO_FREE char *real = NULL;
	struct stat sb;

	st->data_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (st->data_fd < 0 && errno == ENOENT && make_dirs(path) == 0)
		st->data_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (st->data_fd < 0) {
		err_sys(e, "mkdir", path, "cannot make the directory for the sandbox's files");
		return err_hint(e, "%s", store_hint_data(st));
	}
	if (fstat(st->data_fd, &sb) < 0)
		return err_sys(e, "fstat", path, "cannot look at the directory for the sandbox's files");
	if (sb.st_uid != uid || (sb.st_mode & 022)) {
		err_set(e, ERR_STATE, "%s belongs to uid %u with mode %04o: others could change the sandbox's files",
			path, (unsigned)sb.st_uid, (unsigned)sb.st_mode & 07777);
		return err_hint(e, "%s", sb.st_uid == uid ? "chmod 700 that directory" : store_hint_data(st));
	}
	if (faccessat(st->data_fd, ".", W_OK | X_OK, 0) < 0) {
		err_sys(e, "access", path, "cannot write to the directory for the sandbox's files");
		return err_hint(e, "%s", store_hint_data(st));
	}
	real = fd_real(st->data_fd, path);
	if (!real)
		return err_sys(e, "realpath", path, "cannot find the real path of the sandbox's files");
	st->data_dir = str_dupn(real, (size_t)(strrchr(real, '/') - real));
	st->is_shared = is_on_network(st->data_fd);
	return 0;
}

/* TOP/lichen-UID/containers, where the directory of that name is ours alone. */
static int open_data_below(struct store *st, uid_t uid, const char *top, struct err *e)
{
	AUTO_FREE char *own = str_fmt("%s/lichen-%u", top, (unsigned)uid), *path = str_fmt("%s/containers", own);
	AUTO_CLOSE int fd = -1;
	struct stat sb;

	if (mkdir(own, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir", own, "cannot make the directory for the sandbox's files");
	fd = open(own, DIR_FLAGS | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &sb) < 0 || sb.st_uid != uid || (sb.st_mode & 077))
		return err_set(e, ERR_STATE, "%s must be yours alone", own);
	return open_data_at(st, uid, path, e);
}

/* Whether the place that failed with @why has images or volumes. Ours are read there; of others' it is said, as the ones that are
 * shown are not these. */
static void find_kept(struct store *st, uid_t uid, const char *containers, const struct err *why)
{
	static const char *const parts[] = { "images", "volumes" };
	AUTO_FREE char *dir = str_dupn(containers, (size_t)(strrchr(containers, '/') - containers));

	for (size_t i = 0; i < N_ELEMS(parts) && !st->kept_dir; i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dir, parts[i]);
		struct stat sb;

		if (lstat(path, &sb) < 0 || !S_ISDIR(sb.st_mode))
			continue;
		if (sb.st_uid != uid) {
			log_warn("%s belongs to uid %u: what it has is not used", path, (unsigned)sb.st_uid);
			return;
		}
		st->kept_dir = path_real(dir);
		st->kept_errnum = why->errnum ? why->errnum : EACCES;
	}
}

/* The first of the other places that can be ours; -1: none. */
static int open_data_elsewhere(struct store *st, uid_t uid)
{
	const char *tops[] = { secure_getenv("TMPDIR"), "/var/tmp" };
	struct err ignored = { 0 };

	for (size_t i = 0; i < N_ELEMS(tops); i++) {
		auto_close(&st->data_fd);
		if (tops[i] && tops[i][0] == '/' && open_data_below(st, uid, tops[i], &ignored) == 0)
			return 0;
	}
	return -1;
}

/* Nothing can be written anywhere: what is kept can still be looked at. */
static int open_data_fixed(struct store *st, const char *path)
{
	auto_close(&st->data_fd);
	st->data_fd = st->kept_dir ? open(path, DIR_FLAGS | O_CLOEXEC) : -1;
	if (st->data_fd < 0)
		return -1;
	st->data_dir = str_dup(st->kept_dir);
	return 0;
}

/* DATA/containers as it should be; NULL: there is no home directory. */
static char *first_data(struct store *st, uid_t uid, const char *home, const char *xdg)
{
	struct stat sb;

	/* root of a user namespace may have no say there: then as anybody else */
	st->is_roots = uid == 0 && (access("/var/lib/lichen", W_OK) == 0 || access("/var/lib", W_OK) == 0 ||
				    (errno == EROFS && stat("/var/lib/lichen", &sb) == 0 && sb.st_uid == 0));
	if (st->is_roots)
		return str_dup("/var/lib/lichen/containers");
	if (xdg)
		return str_fmt("%s/lichen/containers", xdg);
	return home && home[0] == '/' ? str_fmt("%s/.local/share/lichen/containers", home) : NULL;
}

int store_open_data(struct store *st, uid_t uid, const char *home, struct err *e)
{
	const char *given = secure_getenv("XDG_DATA_HOME"), *xdg = given && given[0] == '/' ? given : NULL;
	AUTO_FREE char *path = first_data(st, uid, home, xdg);

	if (path && open_data_at(st, uid, path, e) == 0)
		return 0;
	if (st->is_roots)
		xdg = NULL;
	/* then no other place is better */
	if (path && err_is_limit(e))
		return -1;
	/* what is ours and only open to others is an accident that its owner should hear of */
	if (path && e->kind == ERR_STATE && str_starts(e->hint, "chmod"))
		return xdg ? err_wrap(e, "XDG_DATA_HOME is %s", xdg) : -1;
	if (path)
		find_kept(st, uid, path, e);
	if (xdg && !st->kept_dir)
		return err_wrap(e, "XDG_DATA_HOME is %s", xdg);
	if (open_data_elsewhere(st, uid) == 0) {
		if (path)
			log_info("the sandbox's files lie in %s: %s: %s", st->data_dir, e->path[0] ? e->path : path,
				 e->errnum ? strerror(e->errnum) : e->what);
		else
			log_info("the sandbox's files lie in %s: there is no home directory", st->data_dir);
		err_clear(e);
		return 0;
	}
	if (path && open_data_fixed(st, path) == 0) {
		err_clear(e);
		return 0;
	}
	if (!path)
		err_set(e, ERR_HOST, "there is no directory to keep the sandbox's files in: no home directory");
	return err_hint(e, "%s", store_hint_data(st));
}
