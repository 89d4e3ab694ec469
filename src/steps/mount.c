/* SPDX-License-Identifier: Apache-2.0 */
/* steps/mount.c - trees, new file systems and where they are attached
 *
 * Everything is built as a detached mount held by a descriptor and attached once, onto a
 * target that was resolved inside the root to a descriptor: no path is walked twice.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"

/* Makes the target where it is missing and puts the mount there. */
static int attach_in(int root_fd, int mount_fd, const char *target, bool is_dir, struct err *e)
{
	AUTO_CLOSE int at = path_target_in(root_fd, target, is_dir);
	struct stat st;

	if (at < 0)
		return place_error("openat2", target, "making the mount point", e);
	if (sys_move_mount(mount_fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	err_sys(e, "move_mount", target, "mounting");
	if (!is_dir && fstat(at, &st) == 0 && S_ISDIR(st.st_mode))
		return err_hint(e, "a file cannot be mounted on a directory: name the file in it, %s/NAME", target);
	return -1;
}

int step_private(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)c, (void)rung;
	if (sys_mount(NULL, s->object, NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "mount", s->object, "cutting mount propagation");
	return 0;
}

/* A name of the host can come to mean something else between two looks (by a rename, a link
 * in its place): what @fd holds must be what was looked at. Both descriptors are open, so
 * no number of an inode is used again meanwhile. */
static int check_same(int fd, const struct step *s, struct err *e)
{
	struct stat is, was;

	if (!s->u.mount.checked || *s->u.mount.checked < 0)
		return 0;
	if (fstat(fd, &is) < 0 || fstat(*s->u.mount.checked, &was) < 0)
		return err_sys(e, "fstat", s->u.mount.source, "looking at a source again");
	if (is.st_dev == was.st_dev && is.st_ino == was.st_ino && (is.st_mode & S_IFMT) == (was.st_mode & S_IFMT) &&
	    is.st_rdev == was.st_rdev)
		return 0;
	err_set(e, ERR_HOST, "%s is another file than when it was looked at, a moment ago: it is not mounted",
		s->u.mount.source);
	return err_hint(e, "somebody renames or links in that place; start again when that is over");
}

int step_open(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	/* a namespace and a file are used, a directory is only pointed at */
	AUTO_CLOSE int fd = open(s->u.mount.source, (s->u.mount.is_dir ? O_PATH | O_DIRECTORY : O_RDONLY) | O_CLOEXEC);

	(void)rung;
	if (fd < 0)
		return err_sys(e, "open", s->u.mount.source, "opening");
	if (check_same(fd, s, e) < 0)
		return -1;
	ctx_put(c, s->writes[0], fd_take(&fd));
	return 0;
}

static int no_attrs(const struct step *s, struct err *e)
{
	err_sys(e, "mount_setattr", s->u.mount.source, "setting mount attributes");
	if (e->errnum == EPERM && s->u.mount.clear)
		return err_hint(e, "how access times are kept is locked where a user namespace sees a mount of this machine: leave noatime, "
				   "relatime and so on out");
	return -1;
}

/* mount_setattr(2) of a detached tree. @userns_fd: -1, or the namespace that idmaps it. */
static int set_attrs(int fd, const struct step *s, int userns_fd, struct err *e)
{
	uint64_t top = s->u.mount.attrs, rest = s->u.mount.recursive ? s->u.mount.rest : top;
	struct mount_attr attr = { .attr_set = rest };
	unsigned flags = AT_EMPTY_PATH | (s->u.mount.recursive ? AT_RECURSIVE : 0);

	if (top == rest || (rest & MOUNT_ATTR__ATIME))
		attr.attr_clr = s->u.mount.clear;
	if (userns_fd >= 0) {
		struct mount_attr id = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)(unsigned)userns_fd };

		/* EINVAL: some file system of the tree (proc, sysfs, an older tmpfs) cannot be idmapped */
		if (sys_mount_setattr(fd, "", flags, &id) < 0) {
			err_sys(e, "mount_setattr", s->u.mount.source, "mapping the ids of the tree");
			return e->errnum == EINVAL ? err_hint(e, "a file system there or mounted below it, such as /proc, knows no "
							      "mapped ids: name a directory without such mounts, or give "
							      "--mount ...,bind-nonrecursive") : -1;
		}
		/* cloned in the host's own namespace, where they may be shared */
		attr.propagation = s->u.mount.propagation ? s->u.mount.propagation : MS_PRIVATE;
	}
	if ((attr.attr_set || attr.attr_clr || attr.propagation) && sys_mount_setattr(fd, "", flags, &attr) < 0)
		return no_attrs(s, e);
	if (top != rest) {
		struct mount_attr own = { .attr_set = top, .attr_clr = (rest & ~top) | s->u.mount.clear };

		if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &own) < 0)
			return no_attrs(s, e);
	}
	return 0;
}

static int open_tree(const struct step *s, int *fd, struct err *e)
{
	const char *source = s->u.mount.source;

	*fd = sys_open_tree(AT_FDCWD, source,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (s->u.mount.recursive ? AT_RECURSIVE : 0));
	if (*fd < 0)
		return err_sys(e, "open_tree", source, "taking the host's tree");
	return check_same(*fd, s, e);
}

int step_tree(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	(void)rung;
	if (open_tree(s, &fd, e) < 0 || set_attrs(fd, s, -1, e) < 0)
		return -1;
	if (s->u.mount.target)
		return attach_in(ctx_fd(c, SLOT_ROOT), fd, s->u.mount.target, s->u.mount.is_dir, e);
	ctx_put(c, s->writes[0], fd_take(&fd));
	return 0;
}

/* Supervisor as real root, in the host's namespaces: the child could neither reach the
 * source nor set the map. */
int step_idtree(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	(void)rung;
	if (open_tree(s, &fd, e) < 0 || set_attrs(fd, s, ctx_fd(c, SLOT_USERNS), e) < 0)
		return -1;
	ctx_put(c, s->writes[0], fd_take(&fd));
	return 0;
}

int step_attach(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	if (sys_move_mount(ctx_fd(c, s->reads[0]), "", AT_FDCWD, s->u.mount.source, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", s->u.mount.source, "attaching");
	return 0;
}

/* "a=b,c" as fsconfig(2) calls. */
static int configure(int fs, const char *fstype, const char *data, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	if (!data || !*data)
		return 0;
	strv_split(&words, data, ',');
	for (size_t i = 0; i < words.n; i++) {
		char *word = words.v[i], *eq = strchr(word, '=');
		int rc;

		if (eq) {
			*eq = '\0';
			rc = sys_fsconfig(fs, FSCONFIG_SET_STRING, word, eq + 1, 0);
			*eq = '=';
		} else {
			rc = sys_fsconfig(fs, FSCONFIG_SET_FLAG, word, NULL, 0);
		}
		if (rc < 0)
			return err_sys(e, "fsconfig", word, "option of %s", fstype);
	}
	return 0;
}

static int new_fs(const char *fstype, const char *data, uint64_t attrs, int *out, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen(fstype, FSOPEN_CLOEXEC);

	if (fs < 0)
		return err_sys(e, "fsopen", fstype, "new %s", fstype);
	if (sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", fstype, 0) < 0 && errno != EINVAL)
		return err_sys(e, "fsconfig", "source", "new %s", fstype);
	if (configure(fs, fstype, data, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsconfig", fstype, "new %s", fstype);
	*out = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	if (*out < 0)
		return err_sys(e, "fsmount", fstype, "new %s", fstype);
	return 0;
}

int step_newfs(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	const char *data = s->rungs[rung].data ? s->rungs[rung].data : s->u.mount.data;

	if (new_fs(s->u.mount.fstype, data, s->u.mount.attrs, &fd, e) < 0)
		return -1;
	if (s->u.mount.target && attach_in(ctx_fd(c, SLOT_ROOT), fd, s->u.mount.target, true, e) < 0)
		return -1;
	if (s->writes[0])
		ctx_put(c, s->writes[0], fd_take(&fd));
	return 0;
}

int step_setattr(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	struct mount_attr attr = { .attr_set = s->u.mount.attrs, .attr_clr = s->u.mount.clear };

	(void)rung;
	if (sys_mount_setattr(ctx_fd(c, s->reads[0]), "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "mount_setattr", s->object, "setting mount attributes");
	return 0;
}

int step_mount(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	struct mount_attr attr = { .propagation = s->u.mount.propagation };
	int fd = ctx_fd(c, s->reads[1]);

	(void)rung;
	if (attach_in(ctx_fd(c, SLOT_ROOT), fd, s->u.mount.target, s->u.mount.is_dir, e) < 0)
		return -1;
	if (attr.propagation &&
	    sys_mount_setattr(fd, "", AT_EMPTY_PATH | (s->u.mount.propagates_all ? AT_RECURSIVE : 0), &attr) < 0)
		return err_sys(e, "mount_setattr", s->u.mount.target, "setting its propagation");
	return 0;
}
