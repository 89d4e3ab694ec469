/* SPDX-License-Identifier: Apache-2.0 */
/* steps/stack.c - layers handed to the kernel's overlay, in the way that this kernel has
 *
 * Layers are named by their descriptors: no escaping, and no second walk of a path.
 */

#include "steps/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "steps/ctx.h"

enum { STRING_MAX = 255, PAGE_BYTES = 4096 };

/* A directory of the old root that is there everywhere, and that nothing is taken from any more. */
static const char PLACE[] = "/sys";

int step_lowers(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	for (short i = 0; i < s->writes_all.n; i++) {
		const char *path = s->u.paths->v[i];
		int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(e, "open", path, "opening layer %d of %d of %s", s->writes_all.n - i, s->writes_all.n, s->object);
		ctx_put(c, (short)(s->writes_all.first + i), fd);
	}
	return 0;
}

/* ---- fsconfig(2) ---- */

static int set(int fs, const char *key, const char *value, struct err *e)
{
	if (sys_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0)
		return err_sys(e, "fsconfig", key, "option of overlay");
	return 0;
}

static int begin(struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);

	if (fs < 0)
		return err_sys(e, "fsopen", "overlay", "overlay on the new root");
	if (set(fs, "source", "overlay", e) < 0 || set(fs, "userxattr", NULL, e) < 0)
		return -1;
	return fd_take(&fs);
}

/* Everything but the lowers. */
static int finish(const struct stack *s, int fs, struct err *e)
{
	char path[FD_PATH_MAX];
	int fd;

	if (s->upper >= 0 && (set(fs, "upperdir", fd_path(s->upper, path), e) < 0 || set(fs, "workdir", fd_path(s->work, path), e) < 0))
		return -1;
	if (s->is_volatile && set(fs, "volatile", NULL, e) < 0)
		return -1;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "overlay", s->name, "overlay on the new root");
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)s->attrs);
	return fd < 0 ? err_sys(e, "fsmount", s->name, "overlay on the new root") : fd;
}

static int by_string(const struct stack *s, const char *lowers, struct err *e)
{
	AUTO_CLOSE int fs = begin(e);

	if (fs < 0 || set(fs, "lowerdir", lowers, e) < 0)
		return -1;
	return finish(s, fs, e);
}

static int by_each(const struct stack *s, struct err *e)
{
	AUTO_CLOSE int fs = begin(e);
	unsigned kind = FSCONFIG_SET_FD;
	char path[FD_PATH_MAX];

	if (fs < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (kind == FSCONFIG_SET_FD && sys_fsconfig(fs, kind, "lowerdir+", NULL, s->lowers[i]) == 0)
			continue;
		kind = FSCONFIG_SET_STRING;
		if (set(fs, "lowerdir+", fd_path(s->lowers[i], path), e) < 0)
			return -1;
	}
	return finish(s, fs, e);
}

/* ---- mount(2) ---- */

/* "userxattr,lowerdir=7:8:9,upperdir=5,workdir=6": relative to /proc/self/fd. */
static void page_options(const struct stack *s, struct buf *out)
{
	buf_add(out, "userxattr,lowerdir=");
	for (size_t i = 0; i < s->n; i++)
		buf_addf(out, "%s%d", i ? ":" : "", s->lowers[i]);
	if (s->upper >= 0)
		buf_addf(out, ",upperdir=%d,workdir=%d", s->upper, s->work);
	if (s->is_volatile)
		buf_add(out, ",volatile");
}

/* It mounts on a path only: taken from there at once. */
static int by_page(const struct stack *s, struct err *e)
{
	AUTO_CLOSE int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct mount_attr attr = { .attr_set = s->attrs };
	AUTO_BUF struct buf options = { 0 };

	page_options(s, &options);
	if (options.len >= PAGE_BYTES)
		return err_set(e, ERR_HOST, "%s has %zu layers, more than mount(2) takes in a page of options", s->name, s->n);
	if (chdir("/proc/self/fd") < 0)
		return err_sys(e, "chdir", "/proc/self/fd", "naming layers by their descriptors");
	if (sys_mount("overlay", PLACE, "overlay", 0, options.s) < 0)
		err_sys(e, "overlay", s->name, "overlay on the new root");
	else if ((fd = sys_open_tree(AT_FDCWD, PLACE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) < 0)
		err_sys(e, "open_tree", PLACE, "taking the overlay");
	/* who may not enter where he stands goes to the top: the sandbox's working directory comes later */
	if ((back < 0 || fchdir(back) < 0) && chdir("/") < 0 && fd >= 0)
		return err_sys(e, "chdir", "/", "overlay on the new root");
	if (fd < 0)
		return -1;
	if (sys_umount2(PLACE, MNT_DETACH) < 0)
		return err_sys(e, "umount2", PLACE, "taking the overlay");
	if (sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "mount_setattr", s->name, "overlay on the new root");
	return fd_take(&fd);
}

/* ---- which ---- */

int stack_mount(const struct stack *s, enum stack_way way, struct err *e)
{
	AUTO_BUF struct buf lowers = { 0 };
	char path[FD_PATH_MAX];
	int fd;

	if (way == STACK_STRING) {
		for (size_t i = 0; i < s->n && lowers.len <= STRING_MAX; i++)
			buf_addf(&lowers, "%s%s", i ? ":" : "", fd_path(s->lowers[i], path));
		if (lowers.len <= STRING_MAX)
			return by_string(s, lowers.s, e);
	}
	if (way != STACK_PAGE) {
		fd = by_each(s, e);
		/* a kernel that does not know the option says so at once, or, before 6.5, only when all is there */
		if (fd >= 0 || e->errnum != EINVAL)
			return fd;
		err_clear(e);
	}
	return by_page(s, e);
}
