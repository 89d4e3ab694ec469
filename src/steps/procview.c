/* SPDX-License-Identifier: Apache-2.0 */
/* steps/procview.c - --proc-limits: files of /proc and /sys that tell the sandbox's limits
 *
 *    child: /dev/fuse, mount ──device──► supervisor: starts lichen-proc (run/procview.c)
 *      │ waits until that runs                      │ answers what is read, outside the sandbox
 *      └ binds each file over /proc's own           ▼ ends when the last mount is gone
 *
 * The file system hangs where devpts covers it: only what is attached can be bound elsewhere.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"
#include "steps/fuse.h"

static const struct {
	const char *path, *file;
} VIEWS[] = {
	{ "/proc/meminfo", "meminfo" }, { "/proc/cpuinfo", "cpuinfo" }, { "/proc/stat", "stat" },
	{ "/proc/uptime", "uptime" },	{ "/proc/loadavg", "loadavg" }, { "/proc/swaps", "swaps" },
	{ "/sys/devices/system/cpu/online", "online" },
};

static const char PLACE[] = "limits";

static int mount_view(int device, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("fuse", FSOPEN_CLOEXEC);
	char dev[16], uid[16], gid[16];
	const char *const v[][2] = { { "source", "lichen-proc" }, { "fd", dev }, { "rootmode", "40555" },
				     { "user_id", uid }, { "group_id", gid } };
	int fd;

	snprintf(dev, sizeof(dev), "%d", device);
	snprintf(uid, sizeof(uid), "%u", geteuid());
	snprintf(gid, sizeof(gid), "%u", getegid());
	for (size_t i = 0; fs >= 0 && i < N_ELEMS(v); i++)
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, v[i][0], v[i][1], 0) < 0)
			return err_sys(e, "fsconfig", v[i][0], "a file system for --proc-limits");
	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_FLAG, "allow_other", NULL, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsopen", "fuse", "a file system for --proc-limits");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? err_sys(e, "fsmount", "fuse", "a file system for --proc-limits") : fd;
}

/* Puts the mount @fd where it can be bound from: an O_PATH descriptor of it. */
static int attach(struct ctx *c, int fd, struct err *e)
{
	const int texts = ctx_fd(c, SLOT_TEXTS);
	int at;

	if (mkdirat(texts, PLACE, 0755) < 0 || sys_move_mount(fd, "", texts, PLACE, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "move_mount", PLACE, "a place for --proc-limits");
	at = openat(texts, PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? err_sys(e, "openat", PLACE, "a place for --proc-limits") : at;
}

static int bind_view(struct ctx *c, int views, size_t i, struct err *e)
{
	AUTO_CLOSE int at = path_open_in(ctx_fd(c, SLOT_ROOT), VIEWS[i].path, O_PATH | O_CLOEXEC, 0);
	AUTO_CLOSE int tree = -1;

	if (at < 0)	/* a machine without it, or another /sys */
		return errno == ENOENT ? 0 : err_sys(e, "openat2", VIEWS[i].path, "--proc-limits");
	tree = sys_open_tree(views, VIEWS[i].file, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || sys_move_mount(tree, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
		err_sys(e, "move_mount", VIEWS[i].path, "--proc-limits");
		return e->errnum == ENOTCONN ? err_hint(e, "lichen-proc, which serves it, has ended: its own words stand above") : -1;
	}
	return 0;
}

int step_proc_limits(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int device = fuse_open("files for --proc-limits", e);
	AUTO_CLOSE int read_end = -1, write_end = -1, fd = -1, views = -1;
	int p[2], fds[FUSE_FDS];

	(void)rung;
	if (device < 0)
		return -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "--proc-limits");
	read_end = p[0];
	write_end = p[1];
	fd = mount_view(device, e);
	if (fd < 0)
		return -1;
	for (size_t i = 0; i < FUSE_FDS; i++)
		fds[i] = device;
	fds[FUSE_REPORT] = write_end;
	if (c->ask_fuse(c, (size_t)(s - c->plan->v), fds) < 0)
		return err_sys(e, "sendmsg", NULL, "asking the supervisor for lichen-proc");
	/* else nobody would see its death */
	auto_close(&device);
	auto_close(&write_end);
	if (fuse_wait(read_end, "lichen-proc", e) < 0)
		return -1;
	views = attach(c, fd, e);
	for (size_t i = 0; views >= 0 && i < N_ELEMS(VIEWS); i++)
		if (bind_view(c, views, i, e) < 0)
			return -1;
	return views < 0 ? -1 : 0;
}
