/* SPDX-License-Identifier: Apache-2.0 */
/* steps/fill.c - STEP_FILL: what the root has at a mount point, copied into a fresh volume or tmpfs
 *
 * The volume's file "copy" (store/volumes.h) tells a copy that was ended halfway from what sandboxes wrote, and its lock
 * lets one copy at a time.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "steps/copy.h"
#include "steps/ctx.h"
#include "store/store.h"
#include "store/tmp.h"
#include "store/volumes.h"

enum { WAIT_MS = 50, WAIT_MAX_MS = 300000, STATE_MAX = 16 };

/* Somebody else copies into it: waits until that has ended. */
static int wait_lock(int fd, const struct step *s, struct err *e)
{
	for (int waited = 0; lock_take(fd, LOCK_EX | LOCK_NB) < 0; waited += WAIT_MS) {
		if (errno != EWOULDBLOCK)
			return err_sys(e, "flock", s->u.mount.source, "locking the volume %s", s->u.mount.source);
		if (stop_pending())
			return stop_err(e, "while another sandbox fills a volume");
		if (waited >= WAIT_MAX_MS) {
			err_set(e, ERR_STATE, "the volume %s is still being filled by another sandbox, after %d seconds",
				s->u.mount.source, WAIT_MAX_MS / 1000);
			return err_hint(e, "start again when that is over, or give nocopy and another volume");
		}
		if (waited == 0)
			log_info("volume %s: another sandbox fills it, waiting", s->u.mount.source);
		(void)!poll(NULL, 0, WAIT_MS);
	}
	return 0;
}

static int hint_full(struct err *e)
{
	return e->errnum == ENOSPC || e->errnum == EDQUOT
		       ? err_hint(e, "no space is left where the volume lies: `lichen system df` shows what could go; the next start begins the copy anew")
		       : -1;
}

/* On the disk, and not before what is in @data: a machine that stops must find what the state says. */
static int set_state(int fd, int data, const struct step *s, const char *state, struct err *e)
{
	size_t n = strlen(state);

	if (syncfs(data) < 0) {
		err_sys(e, "syncfs", s->u.mount.source, "writing the volume %s to the disk", s->u.mount.source);
		return hint_full(e);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, state, n, 0) != (ssize_t)n || fsync(fd) < 0) {
		err_sys(e, "write", s->u.mount.source, "noting how far the volume %s is filled", s->u.mount.source);
		return hint_full(e);
	}
	return 0;
}

static int list(int data, const struct step *s, struct strv *names, struct err *e)
{
	AUTO_CLOSE int fd = openat(data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir)
		return err_sys(e, "openat", s->u.mount.source, "looking into the volume %s", s->u.mount.source);
	fd_take(&fd);
	while (errno = 0, (d = readdir(dir)) != NULL)
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			strv_add(names, d->d_name);
	return errno ? err_sys(e, "readdir", s->u.mount.source, "looking into the volume %s", s->u.mount.source) : 0;
}

/* Removes the half of a copy. */
static int clear(int copy, int data, const struct step *s, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	char path[FD_PATH_MAX];

	if (list(data, s, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *file = str_fmt("%s/%s", fd_path(data, path), names.v[i]);

		if (store_remove_tree(file, e) < 0)
			return err_wrap(e, "what is half copied into the volume %s", s->u.mount.source);
	}
	return set_state(copy, data, s, "", e);
}

/* As the root has it, without what is mounted there. -1: there is nothing to copy. */
static int open_source(const struct ctx *c, const struct step *s)
{
	int fd = path_open_in_mount(ctx_fd(c, SLOT_ROOT), s->u.mount.target, O_RDONLY | O_DIRECTORY);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EXDEV && errno != ELOOP)
		log_warn("volume %s: nothing is copied into it, as %s inside cannot be read: %s", s->u.mount.source,
			 s->u.mount.target, strerror(errno));
	return fd;
}

static int copy_into(int copy, int src, int data, const struct step *s, struct err *e)
{
	AUTO_FREE char *what = str_fmt("filling the volume %s with what is in %s inside", s->u.mount.source, s->u.mount.target);
	struct err ignored;

	if (set_state(copy, data, s, VOLUME_COPYING, e) < 0)
		return -1;
	if (copy_owned(src, data, what, e) < 0) {
		hint_full(e);
		(void)!clear(copy, data, s, &ignored); /* else the next one does it */
		return -1;
	}
	if (set_state(copy, data, s, VOLUME_COPIED, e) < 0)
		return -1;
	log_info("volume %s: filled with what is in %s inside", s->u.mount.source, s->u.mount.target);
	return 0;
}

static int fill(const struct ctx *c, const struct step *s, int copy, struct err *e)
{
	AUTO_CLOSE int data = openat(ctx_fd(c, s->reads[1]), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int src = -1;
	AUTO_STRV struct strv names = { 0 };
	char state[STATE_MAX] = "";

	if (pread(copy, state, sizeof(state) - 1, 0) < 0)
		return err_sys(e, "read", s->u.mount.source, "seeing how far the volume %s is filled", s->u.mount.source);
	if (str_eq(state, VOLUME_COPIED))
		return 0;
	if (data < 0 || faccessat(data, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		log_warn("volume %s: nothing is copied into it, as it belongs to somebody whose id this sandbox does not have",
			 s->u.mount.source);
		return 0;
	}
	if (state[0] && clear(copy, data, s, e) < 0)
		return -1;
	if (!s->u.mount.copies)
		return 0;
	if (list(data, s, &names, e) < 0)
		return -1;
	if (names.n) /* of a sandbox that wanted no copy */
		return set_state(copy, data, s, VOLUME_COPIED, e);
	src = open_source(c, s);
	return src < 0 ? 0 : copy_into(copy, src, data, s, e);
}

/* It is this sandbox's alone, and gone with it. */
static int fill_tmpfs(const struct ctx *c, const struct step *s, struct err *e)
{
	AUTO_FREE char *what = str_fmt("filling %s with what the root file system has there", s->u.mount.target);
	AUTO_CLOSE int src = s->u.mount.copies ? open_source(c, s) : -1;
	AUTO_CLOSE int data = -1;

	if (src < 0)
		return 0;
	data = openat(ctx_fd(c, s->reads[1]), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (data < 0)
		return err_sys(e, "openat", s->u.mount.target, "%s", what);
	if (copy_owned(src, data, what, e) == 0)
		return 0;
	return e->errnum == ENOSPC ? err_hint(e, "the file system in memory is full: give a volume for it, as -v NAME:%s", s->u.mount.target) : -1;
}

static int fill_volume(const struct ctx *c, const struct step *s, struct err *e)
{
	int copy = *s->u.mount.copy, rc;

	if (wait_lock(copy, s, e) < 0)
		return -1;
	rc = fill(c, s, copy, e);
	(void)!lock_take(copy, LOCK_UN); /* the supervisor has the same open file for as long as it lives */
	return rc;
}

int step_fill(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	struct mount_attr attr = { .attr_set = s->u.mount.attrs };

	(void)rung;
	if ((s->u.mount.copy ? fill_volume(c, s, e) : fill_tmpfs(c, s, e)) < 0)
		return -1;
	if (attr.attr_set && sys_mount_setattr(ctx_fd(c, s->reads[1]), "", AT_EMPTY_PATH, &attr) < 0)
		return err_sys(e, "mount_setattr", s->u.mount.target, "making the volume %s read-only", s->u.mount.source);
	return 0;
}
