/* SPDX-License-Identifier: Apache-2.0 */
/* steps/files.c - what is made, written and covered inside the new root */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"

/* After symlinkat() has failed: is it that the very link is there? Keeps errno. */
static bool is_link_to(int parent, const char *leaf, const char *target)
{
	int saved = errno;
	char there[4096];
	ssize_t n = saved == EEXIST ? readlinkat(parent, leaf, there, sizeof(there)) : -1;

	errno = saved;
	return n >= 0 && (size_t)n == strlen(target) && memcmp(there, target, (size_t)n) == 0;
}

int place_error(const char *op, const char *path, const char *what, struct err *e)
{
	err_sys(e, op, path, "%s", what);
	if (e->errnum == EROFS)
		return err_hint(e, "it would lie on a read-only file system: with --read-only or host, name a place below a --tmpfs or a "
				   "volume");
	if (e->errnum == EEXIST)
		return err_hint(e, "something else has that name inside; choose another place, or mount a --tmpfs above it");
	if (e->errnum == ENOTDIR)
		return err_hint(e, "a file is in the way: a directory can be neither mounted on one nor made below it");
	return -1;
}

int step_symlink(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const char *leaf;
	AUTO_CLOSE int parent = path_parent_in(ctx_fd(c, SLOT_ROOT), s->u.mount.target, true, &leaf);

	(void)rung;
	if (parent < 0 || (symlinkat(s->u.mount.source, parent, leaf) < 0 && !is_link_to(parent, leaf, s->u.mount.source)))
		return place_error("symlink", s->object, "making a link", e);
	return 0;
}

/* A directory that is there already stays as it is. */
int step_dir(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int there = path_open_in(ctx_fd(c, SLOT_ROOT), s->u.mount.target, O_PATH | O_DIRECTORY, 0);
	AUTO_CLOSE int parent = -1;
	const char *leaf;

	(void)rung;
	if (there >= 0)
		return 0;
	parent = path_parent_in(ctx_fd(c, SLOT_ROOT), s->u.mount.target, true, &leaf);
	if (parent < 0 || mkdirat(parent, leaf, 0755) < 0)
		return place_error("mkdir", s->object, "making a directory", e);
	there = openat(parent, leaf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (there < 0 || fchmod(there, s->u.mount.mode) < 0) /* whatever the umask */
		return err_sys(e, "chmod", s->object, "making a directory");
	return 0;
}

/* The place of a file, made where it is missing; a link that leads nowhere (resolv.conf into an
 * empty /run) gets its target made. -1 with errno. */
static int make_place(int root, const char *path)
{
	AUTO_CLOSE int link = path_open_in_nofollow(root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	AUTO_FREE char *joined = NULL;
	char target[1024];
	ssize_t n = link < 0 ? -1 : readlinkat(link, "", target, sizeof(target) - 1);

	if (n <= 0)
		return path_target_in(root, path, false);
	target[n] = '\0';
	joined = target[0] == '/' ? str_dup(target) : str_fmt("%.*s/%s", (int)(strrchr(path, '/') - path), path, target);
	return path_target_in(root, joined, false);
}

/* The text in a file of /dev's tmpfs, bound over the root's own: the root is read-only. The
 * file lies where devpts covers it; unlinked, nothing could be mounted on it, neither a mask
 * nor by a sandbox inside. Where the root has no such file there is nothing to cover. */
static int bind_text(struct ctx *c, const struct step *s, struct err *e)
{
	struct mount_attr readonly = { .attr_set = MOUNT_ATTR_RDONLY };
	int texts = ctx_fd(c, SLOT_TEXTS);
	const char *leaf = strrchr(s->u.file.path, '/') + 1;
	AUTO_CLOSE int at = s->u.file.makes ? make_place(ctx_fd(c, SLOT_ROOT), s->u.file.path)
					    : path_open_in(ctx_fd(c, SLOT_ROOT), s->u.file.path, O_PATH, 0);
	AUTO_CLOSE int file = -1, tree = -1;

	if (at < 0)
		return errno == ENOENT && !s->u.file.makes ? 0 : err_sys(e, "openat2", s->object, "covering a file");
	file = openat(texts, leaf, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (file < 0 || fchmod(file, 0644) < 0 || fd_write_all(file, s->u.file.text, strlen(s->u.file.text)) < 0)
		return err_sys(e, "write", s->object, "writing a file");
	tree = sys_open_tree(texts, leaf, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree >= 0 && s->u.file.readonly && sys_mount_setattr(tree, "", AT_EMPTY_PATH, &readonly) < 0)
		return err_sys(e, "mount_setattr", s->object, "covering a file");
	if (tree < 0 || sys_move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", s->object, "covering a file");
	return 0;
}

/* Copied by content. What stands there is replaced, a link (dangling or not) too. */
int step_file(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const char *leaf;
	AUTO_CLOSE int parent = -1, fd = -1;

	(void)rung;
	if (s->u.file.bind)
		return bind_text(c, s, e);
	parent = path_parent_in(ctx_fd(c, SLOT_ROOT), s->u.file.path, true, &leaf);
	if (parent < 0)
		return err_sys(e, "openat2", s->object, "writing a file");
	fd = openat(parent, leaf, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 && errno == EEXIST) {
		if (unlinkat(parent, leaf, 0) < 0)
			return err_sys(e, "unlink", s->object, "replacing a file");
		fd = openat(parent, leaf, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	}
	if (fd < 0 || fchmod(fd, 0644) < 0 || fd_write_all(fd, s->u.file.text, strlen(s->u.file.text)) < 0)
		return err_sys(e, "write", s->object, "writing a file");
	return 0;
}

/* ---- masks ---- */

/* An empty read-only tmpfs, and /dev/null proven to be the null device (CVE-2025-31133):
 * what masks are made of. */
struct covers {
	int null_fd, empty_fd;
};

static int open_covers(struct covers *cv, struct err *e)
{
	AUTO_CLOSE int fs = -1;
	struct stat st;

	cv->null_fd = open("/dev/null", O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (cv->null_fd < 0 || fstat(cv->null_fd, &st) < 0)
		return err_sys(e, "open", "/dev/null", "masking");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, ERR_HOST, "/dev/null of this machine is not the null device");
	fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "size", "4k", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsopen", "tmpfs", "masking");
	cv->empty_fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (cv->empty_fd < 0)
		return err_sys(e, "fsmount", "tmpfs", "masking");
	return 0;
}

/* @empty_fd is attached once and cloned from there afterwards: a detached mount cannot be
 * cloned before Linux 6.15. */
static int cover(int root, struct covers *cv, const char *path, bool *is_empty_used, struct err *e)
{
	AUTO_CLOSE int at = path_open_in(root, path, O_PATH, 0);
	AUTO_CLOSE int tree = -1;
	struct stat st;

	if (at < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : err_sys(e, "openat2", path, "masking");
	if (fstat(at, &st) < 0)
		return err_sys(e, "fstat", path, "masking");
	if (!S_ISDIR(st.st_mode)) {
		tree = sys_open_tree(cv->null_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	} else if (!*is_empty_used) {
		*is_empty_used = true;
		if (sys_move_mount(cv->empty_fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_sys(e, "move_mount", path, "masking");
		return 0;
	} else {
		tree = sys_open_tree(cv->empty_fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	}
	if (tree < 0)
		return err_sys(e, "open_tree", path, "masking");
	if (sys_move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", path, "masking");
	return 0;
}

int step_mask(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	struct covers cv = { -1, -1 };
	bool is_empty_used = false;
	int rc = open_covers(&cv, e);

	(void)rung;
	for (size_t i = 0; rc == 0 && i < s->u.paths->n; i++)
		rc = cover(ctx_fd(c, SLOT_ROOT), &cv, s->u.paths->v[i], &is_empty_used, e);
	auto_close(&cv.null_fd);
	auto_close(&cv.empty_fd);
	return rc;
}

int step_readonly(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	for (size_t i = 0; i < s->u.paths->n; i++) {
		const char *path = s->u.paths->v[i];
		struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
		AUTO_CLOSE int at = path_open_in(ctx_fd(c, SLOT_ROOT), path, O_PATH, 0);
		AUTO_CLOSE int tree = -1;

		if (at < 0) {
			if (errno == ENOENT || errno == ENOTDIR)
				continue;
			return err_sys(e, "openat2", path, "making a path read-only");
		}
		tree = sys_open_tree(at, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
		if (tree < 0)
			return err_sys(e, "open_tree", path, "making a path read-only");
		if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
			return err_sys(e, "mount_setattr", path, "making a path read-only");
		if (sys_move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_sys(e, "move_mount", path, "making a path read-only");
	}
	return 0;
}

/* ---- /dev ---- */

static const struct {
	const char *name;
	unsigned major, minor;
} DEVICES[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const struct {
	const char *name, *target;
} DEV_LINKS[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
};

/* The host's nodes by bind: a user namespace cannot make its own. */
int step_devices(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	int dev = ctx_fd(c, SLOT_DEV), texts;

	(void)rung, (void)s;
	texts = mkdirat(dev, "pts", 0755) < 0 ? -1 : openat(dev, "pts", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (texts < 0)
		return err_sys(e, "mkdir", "/dev/pts", "making the place of the terminals");
	ctx_put(c, SLOT_TEXTS, texts);
	for (size_t i = 0; i < N_ELEMS(DEVICES); i++) {
		AUTO_FREE char *host = str_fmt("/dev/%s", DEVICES[i].name);
		AUTO_CLOSE int tree = sys_open_tree(AT_FDCWD, host, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
		AUTO_CLOSE int file = -1;
		struct stat st;

		if (tree < 0 || fstat(tree, &st) < 0)
			return err_sys(e, "open_tree", host, "device of the host");
		if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(DEVICES[i].major, DEVICES[i].minor))
			return err_set(e, ERR_HOST, "%s of this machine is not the device %u:%u", host, DEVICES[i].major,
				       DEVICES[i].minor);
		file = openat(dev, DEVICES[i].name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
		if (file < 0)
			return err_sys(e, "openat", host, "making the device's place");
		if (sys_move_mount(tree, "", file, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_sys(e, "move_mount", host, "device of the host");
	}
	for (size_t i = 0; i < N_ELEMS(DEV_LINKS); i++)
		if (symlinkat(DEV_LINKS[i].target, dev, DEV_LINKS[i].name) < 0)
			return err_sys(e, "symlink", DEV_LINKS[i].name, "link in /dev");
	return 0;
}

/* Whoever runs inside may have put anything in its place. */
static bool is_ptmx(int fd)
{
	struct statfs fs;
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* Without namespaces: a pty of the machine's; in a sandbox that runs (@inside): of its own devpts. The inner end waits in ctx
 * for STEP_STDIO. */
static int place_console(struct ctx *c, const char *path, bool inside, struct err *e)
{
	AUTO_CLOSE int master = inside ? path_open_in(ctx_fd(c, SLOT_ROOT), path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0)
				       : open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0;

	if (master < 0)
		return err_sys(e, "open", path, "opening a terminal");
	if (inside && !is_ptmx(master)) {
		err_set(e, ERR_SPEC, "%s of the sandbox opens no terminal", path);
		return err_hint(e, "a devpts is mounted at /dev/pts when it starts; without -t none is needed");
	}
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || (inside && fcntl(master, F_SETFL, O_RDWR) < 0))
		return err_sys(e, "ioctl", path, "opening a terminal");
	c->console = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->console < 0)
		return err_sys(e, "ioctl", path, "the terminal's inner end");
	ctx_put(c, SLOT_CONSOLE, fd_take(&master));
	return 0;
}

/* A pty of the root's own devpts: the outer end goes to the supervisor by the meeting
 * point, the inner one is bound on /dev/console. */
int step_console(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int master = s->reads[1] ? openat(ctx_fd(c, SLOT_PTS), "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
	AUTO_CLOSE int console = -1, tree = -1;
	char name[16];
	int num, unlock = 0;

	(void)rung;
	if (!s->reads[1])
		return place_console(c, s->object, s->reads[0], e);
	if (master < 0)
		return err_sys(e, "open", "/dev/pts/ptmx", "opening a terminal");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &num) < 0)
		return err_sys(e, "ioctl", "/dev/pts/ptmx", "opening a terminal");
	snprintf(name, sizeof(name), "%d", num);
	tree = sys_open_tree(ctx_fd(c, SLOT_PTS), name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return err_sys(e, "open_tree", name, "the terminal's inner end");
	console = path_target_in(ctx_fd(c, SLOT_ROOT), "/dev/console", false);
	if (console < 0 || sys_move_mount(tree, "", console, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", "/dev/console", "the terminal's inner end");
	ctx_put(c, SLOT_CONSOLE, fd_take(&master));
	return 0;
}
