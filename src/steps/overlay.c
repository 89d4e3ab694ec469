/* SPDX-License-Identifier: Apache-2.0 */
/* steps/overlay.c - the writable root: the kernel's overlay in a user namespace */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
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
