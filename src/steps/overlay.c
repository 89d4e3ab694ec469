/* SPDX-License-Identifier: Apache-2.0 */
/* steps/overlay.c - the writable root: the kernel's overlay in a user namespace, or a FUSE
 * mount that fuse-overlayfs serves
 *
 * The mount of the second kind is made here and can be used at once; whoever looks into it
 * waits in the kernel until the server answers. The server (run/fuse.c) is started by the
 * supervisor, outside the pid namespace, in a copy of this mount namespace: so the copy is
 * made before the new root hides the old one, which is what we wait for.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"
#include "steps/fuse.h"
#include "steps/stack.h"

/* overlayfs takes its merged root's owner and mode from the upper's top directory. */
int step_own(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	for (size_t i = 0; i < 2; i++) {
		if (fchownat(ctx_fd(c, s->reads[i]), "", 0, 0, AT_EMPTY_PATH) == 0)
			continue;
		err_sys(e, "chown", c->in->layer_dir, "giving the writable layer to root inside");
		return e->errnum == EPERM ? err_hint(e, "its directories are yours: your own id must be mapped (--uidmap, --gidmap)") : -1;
	}
	return 0;
}

struct option {
	const char *key, *value;	/* no value: a flag */
};

static int set_options(int fs, const struct option *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (sys_fsconfig(fs, v[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, v[i].key, v[i].value, 0) < 0)
			return err_sys(e, "fsconfig", v[i].key, "option of overlay");
	return 0;
}

/* A tmpfs at the place of the layer, with the layer's directories in it. */
int step_layer(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	static const char *const dirs[] = { "upper", "work" };
	AUTO_CLOSE int fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	AUTO_CLOSE int fd = -1;

	(void)c;
	(void)rung;
	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsopen", "tmpfs", "a writable layer in memory");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	if (fd < 0)
		return err_sys(e, "fsmount", "tmpfs", "a writable layer in memory");
	for (size_t i = 0; i < N_ELEMS(dirs); i++)
		if (mkdirat(fd, dirs[i], 0755) < 0)
			return err_sys(e, "mkdir", dirs[i], "a writable layer in memory");
	if (sys_move_mount(fd, "", AT_FDCWD, s->u.mount.source, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", s->u.mount.source, "a writable layer in memory");
	return 0;
}

/* ---- by fuse-overlayfs ---- */

/* On the upper of a kept layer that fuse-overlayfs has written. Neither shows such names inside. */
static const char FUSE_MARK[] = "user.overlay.lichen.fuse";

/* What fuse-overlayfs leaves for a replaced directory means nothing to the kernel, which would
 * show what was deleted; it reads the kernel's. */
static int refuse_fuse_layer(const struct ctx *c, int upper, struct err *e)
{
	char path[FD_PATH_MAX];

	if (!c->spec->root.layer || getxattr(fd_path(upper, path), FUSE_MARK, NULL, 0) < 0)
		return 0;
	errno = EOPNOTSUPP;
	err_sys(e, "overlay", c->in->layer_dir, "fuse-overlayfs has written in this layer, in a form that the kernel does not read");
	return err_hint(e, "leave --overlay=kernel out, or begin with another directory");
}

int fuse_open(const char *what, struct err *e)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	err_sys(e, "fuse", "/dev/fuse", "%s", what);
	return e->errnum == EACCES
		? err_hint(e, "every user needs to read and write it; an administrator runs: chmod 0666 /dev/fuse")
		: err_hint(e, "the kernel's module is not loaded; an administrator runs: modprobe fuse");
}

static int mount_fuse(int device, uint64_t attrs, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("fuse", FSOPEN_CLOEXEC);
	char dev[16], uid[16], gid[16];
	const struct option v[] = { { "source", "fuse-overlayfs" }, { "fd", dev }, { "rootmode", "40755" },
				    { "user_id", uid }, { "group_id", gid }, { "allow_other", NULL },
				    { "default_permissions", NULL } };
	int fd;

	snprintf(dev, sizeof(dev), "%d", device);
	snprintf(uid, sizeof(uid), "%u", geteuid());
	snprintf(gid, sizeof(gid), "%u", getegid());
	if (fs < 0)
		return err_sys(e, "fuse", "fsopen", "an overlay by fuse-overlayfs");
	if (set_options(fs, v, N_ELEMS(v), e) < 0 || sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fuse", "fsconfig", "an overlay by fuse-overlayfs");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return fd < 0 ? err_sys(e, "fuse", "fsmount", "an overlay by fuse-overlayfs") : fd;
}

int fuse_wait(int report, const char *name, struct err *e)
{
	struct err sent;
	ssize_t n;

	do
		n = read(report, &sent, sizeof(sent));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != (ssize_t)sizeof(sent))
		return err_set(e, ERR_PEER, "the supervisor died before it had started %s", name);
	*e = sent;
	e->file = NULL;
	return -1;
}

static int overlay_fuse(struct ctx *c, const struct step *s, struct err *e)
{
	AUTO_CLOSE int device = fuse_open("an overlay by fuse-overlayfs", e);
	AUTO_CLOSE int userns = -1, mntns = -1, read_end = -1, write_end = -1, fd = -1;
	char upper[FD_PATH_MAX];
	int p[2], fds[FUSE_FDS];

	if (device < 0)
		return -1;
	/* where it cannot be written, the kernel cannot keep a layer either */
	if (c->spec->root.layer)
		(void)!setxattr(fd_path(ctx_fd(c, SLOT_UPPER), upper), FUSE_MARK, "", 0, 0);
	userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
	mntns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (userns < 0 || mntns < 0 || pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "fuse", "/proc/self/ns", "an overlay by fuse-overlayfs");
	read_end = p[0];
	write_end = p[1];
	fd = mount_fuse(device, s->u.mount.attrs, e);
	if (fd < 0)
		return -1;
	fds[FUSE_DEVICE] = device;
	fds[FUSE_USERNS] = userns;
	fds[FUSE_MNTNS] = mntns;
	fds[FUSE_REPORT] = write_end;
	if (c->ask_fuse(c, (size_t)(s - c->plan->v), fds) < 0)
		return err_sys(e, "fuse", NULL, "asking the supervisor for fuse-overlayfs");
	/* else nobody would see its death, neither who looks into the mount nor who waits here */
	auto_close(&device);
	auto_close(&write_end);
	if (fuse_wait(read_end, "fuse-overlayfs", e) < 0)
		return -1;
	ctx_put(c, SLOT_ROOT, fd_take(&fd));
	return 0;
}

/* ---- by the kernel ---- */

/* With errno set. */
static int no_room(const struct ctx *c, struct err *e)
{
	err_sys(e, "overlay", c->in->layer_dir, "no work directory can be made for the writable layer");
	return err_hint(e, "the disk, its inodes or the quota may be used up (`df -h`, `df -i`, `quota -s`): make room "
			   "there, or use --read-only");
}

/* Of an image all its layers, else the one tree; what a read-only root lacks lies above a tree, whose merged view is known
 * beforehand, and below an image. */
static void add_lowers(const struct ctx *c, const struct step *s, bool is_writable, int *lowers, size_t *n)
{
	if (!is_writable && !s->reads_all.n)
		lowers[(*n)++] = ctx_fd(c, SLOT_SKELETON);
	if (!s->reads_all.n)
		lowers[(*n)++] = ctx_fd(c, s->reads[0]);
	for (short i = 0; i < s->reads_all.n; i++)
		lowers[(*n)++] = ctx_fd(c, (short)(s->reads_all.first + i));
	if (!is_writable && s->reads_all.n)
		lowers[(*n)++] = ctx_fd(c, SLOT_SKELETON);
}

static int overlay_kernel(struct ctx *c, const struct step *s, struct err *e)
{
	bool is_writable = step_has_upper(s);
	AUTO_FREE int *lowers = mem_alloc(((size_t)s->reads_all.n + 2) * sizeof(*lowers));
	struct stack stack = { .name = s->object, .lowers = lowers, .upper = -1, .work = -1, .attrs = s->u.mount.attrs };
	struct statfs fs_stat;
	AUTO_CLOSE int fd = -1;

	add_lowers(c, s, is_writable, lowers, &stack.n);
	if (is_writable) {
		stack.upper = ctx_fd(c, SLOT_UPPER);
		stack.work = ctx_fd(c, SLOT_WORK);
		/* thrown away: a sync need not reach the disk. The kernel takes such a layer once */
		stack.is_volatile = c->spec->ephemeral && !c->spec->root.layer;
		if (refuse_fuse_layer(c, stack.upper, e) < 0)
			return -1;
	}
	fd = stack_mount(&stack, STACK_STRING, e);
	if (fd < 0 && is_writable && str_eq(e->op, "overlay") && (e->errnum == ENOSPC || e->errnum == EDQUOT)) {
		errno = e->errnum;
		return no_room(c, e);
	}
	if (fd < 0)
		return -1;
	/* without its work directory overlayfs mounts read-only, and says so only to the kernel's log */
	if (is_writable && fstatfs(fd, &fs_stat) == 0 && (fs_stat.f_flags & ST_RDONLY)) {
		errno = ENOSPC;
		return no_room(c, e);
	}
	ctx_put(c, SLOT_ROOT, fd_take(&fd));
	return 0;
}

int step_overlay(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	return s->rungs[rung].is_fuse ? overlay_fuse(c, s, e) : overlay_kernel(c, s, e);
}

/* The merged directory's owner and mode are its upper's; ours looks like the first lower. */
static int dress_upper(int upper, int lower, struct err *e)
{
	char path[FD_PATH_MAX];
	struct stat st;

	if (fstat(lower, &st) < 0)
		return err_sys(e, "fstat", "lowerdir", "overlay");
	/* an owner who is not mapped stays away: then it is root inside that has it */
	if (fchownat(upper, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 && errno != EINVAL && errno != EPERM)
		return err_sys(e, "chown", "upperdir", "overlay");
	if (chmod(fd_path(upper, path), st.st_mode & 07777) < 0)
		return err_sys(e, "chmod", "upperdir", "overlay");
	return 0;
}

/* --mount type=overlay: all slots behind the root are layers, the last two upper and work. */
int step_layers(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	AUTO_CLOSE int fd = -1, at = -1;
	AUTO_BUF struct buf lower = { 0 };
	char upper[FD_PATH_MAX], work[FD_PATH_MAX], one[FD_PATH_MAX];
	struct option v[6] = { { "source", "overlay" }, { "userxattr", NULL } };
	size_t n = 2, layers = 0;

	(void)rung;
	if (fs < 0)
		return err_sys(e, "fsopen", "overlay", "overlay on %s", s->u.mount.target);
	while (layers + 1 < STEP_READS && s->reads[layers + 1])
		layers++;
	for (size_t i = 1; i + 2 <= layers; i++)
		buf_addf(&lower, "%s%s", i > 1 ? ":" : "", fd_path(ctx_fd(c, s->reads[i]), one));
	if (s->u.mount.is_scratch && dress_upper(ctx_fd(c, s->reads[layers - 1]), ctx_fd(c, s->reads[1]), e) < 0)
		return -1;
	v[n++] = (struct option){ "lowerdir", lower.s };
	v[n++] = (struct option){ "upperdir", fd_path(ctx_fd(c, s->reads[layers - 1]), upper) };
	v[n++] = (struct option){ "workdir", fd_path(ctx_fd(c, s->reads[layers]), work) };
	if (s->u.mount.is_scratch)
		v[n++] = (struct option){ "volatile", NULL };
	if (set_options(fs, v, n, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		/* not "overlay": that is the root's, which has another rung */
		return err_sys(e, "fsconfig", s->u.mount.target, "mounting an overlay");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)s->u.mount.attrs);
	if (fd < 0)
		return err_sys(e, "fsmount", s->u.mount.target, "mounting an overlay");
	at = path_target_in(ctx_fd(c, SLOT_ROOT), s->u.mount.target, true);
	if (at < 0)
		return place_error("openat2", s->u.mount.target, "making the mount point", e);
	if (sys_move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", s->u.mount.target, "mounting");
	return 0;
}
