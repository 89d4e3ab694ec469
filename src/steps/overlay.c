/* SPDX-License-Identifier: Apache-2.0 */
/* steps/overlay.c - the writable root: the kernel's overlay in a user namespace */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"

/* overlayfs takes its merged root's owner and mode from the upper's top directory. */
int step_own(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	for (size_t i = 0; i < 2; i++)
		if (fchownat(ctx_fd(c, s->reads[i]), "", 0, 0, AT_EMPTY_PATH) < 0)
			return err_sys(e, "chown", c->in->state_dir, "giving the writable layer to root inside");
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

/* Layers are named by /proc/self/fd: no escaping, and no second walk of a path. With a
 * skeleton in place of the upper there are two lowers and no writing. */
int step_overlay(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	AUTO_CLOSE int fd = -1;
	bool is_writable = s->reads[2] != SLOT_NONE;
	char lower[FD_PATH_MAX], second[FD_PATH_MAX], work[FD_PATH_MAX];
	AUTO_FREE char *layers = NULL;
	struct option v[6] = { { "source", "overlay" }, { "userxattr", NULL } };
	size_t n = 2;

	(void)rung;
	if (fs < 0)
		return err_sys(e, "fsopen", "overlay", "overlay on the new root");
	fd_path(ctx_fd(c, s->reads[0]), lower);
	fd_path(ctx_fd(c, s->reads[1]), second);
	layers = is_writable ? str_dup(lower) : str_fmt("%s:%s", second, lower);
	v[n++] = (struct option){ "lowerdir", layers };
	if (is_writable) {
		v[n++] = (struct option){ "upperdir", second };
		v[n++] = (struct option){ "workdir", fd_path(ctx_fd(c, s->reads[2]), work) };
		if (c->spec->ephemeral) /* thrown away: a sync need not reach the disk */
			v[n++] = (struct option){ "volatile", NULL };
	}
	if (set_options(fs, v, n, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "overlay", s->object, "overlay on the new root");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)s->u.mount.attrs);
	if (fd < 0)
		return err_sys(e, "fsmount", s->object, "overlay on the new root");
	ctx_put(c, SLOT_ROOT, fd_take(&fd));
	return 0;
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
		return err_sys(e, "openat2", s->u.mount.target, "making the mount point");
	if (sys_move_mount(fd, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", s->u.mount.target, "mounting");
	return 0;
}
