/* SPDX-License-Identifier: Apache-2.0 */
/* store/remove.c - rm -rf of trees that sandboxes wrote, and of one run
 *
 * The walk holds one descriptor however deep the tree is: down by openat2() that crosses
 * no mount and no link, up by "..", which must be the directory that we came from. Each
 * directory is read again from its start after a subdirectory of it is gone.
 */

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "store/internal.h"

/* How often a directory may be filled again while we empty it. */
enum { REFILLS_MAX = 1000 };

struct level {
	dev_t dev;
	ino_t ino;
	size_t path_len;	/* of the walk's path, up to this directory */
};

struct walk {
	DIR *dir;		/* the directory where we are */
	struct buf path;	/* its path, for errors */
	struct level *v;	/* from the top down to it */
	size_t n, cap;
	unsigned refills;
};

static void walk_fini(struct walk *w)
{
	auto_closedir(&w->dir);
	buf_fini(&w->path);
	auto_free(&w->v);
}

static int fail_at(const struct walk *w, const char *op, const char *name, struct err *e)
{
	int saved = errno;
	AUTO_FREE char *path = name ? str_fmt("%s/%s", w->path.s, name) : str_dup(w->path.s);

	errno = saved;
	return err_sys(e, op, path, "cannot remove files");
}

/* Opens a directory to be emptied. */
static int open_dir(int at, const char *name, uint64_t resolve)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
				.resolve = resolve };
	struct open_how path = { .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve };
	AUTO_CLOSE int handle = -1;
	char link[FD_PATH_MAX];
	struct stat sb;
	int fd = sys_openat2(at, name, &how);

	if (fd >= 0 || errno != EACCES)
		return fd;
	/* its owner may have taken away its own rights; the handle cannot be a link */
	handle = sys_openat2(at, name, &path);
	if (handle < 0 || fstat(handle, &sb) < 0)
		return -1;
	if (sb.st_uid != geteuid() || chmod(fd_path(handle, link), 0700) < 0) {
		errno = EACCES;
		return -1;
	}
	return sys_openat2(at, name, &how);
}

/* Makes @fd (taken) the directory where we are, one level deeper. */
static int enter(struct walk *w, int fd, const char *name)
{
	AUTO_CLOSE int own = fd;
	struct stat sb;
	DIR *dir;

	if (fstat(own, &sb) < 0)
		return -1;
	if (w->n && sb.st_dev != w->v[0].dev) {
		errno = EXDEV;
		return -1;
	}
	/* where this fails, the removal of what is inside says why */
	if ((sb.st_mode & 0700) != 0700 && sb.st_uid == geteuid())
		(void)!fchmod(own, 0700);
	dir = fdopendir(own);
	if (!dir)
		return -1;
	own = -1;
	if (w->n)
		buf_add(&w->path, "/");
	buf_add(&w->path, name); /* may lie in the directory stream that is closed now */
	auto_closedir(&w->dir);
	w->dir = dir;
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->v = mem_grow(w->v, w->cap, sizeof(*w->v));
	}
	w->v[w->n++] = (struct level){ .dev = sb.st_dev, .ino = sb.st_ino, .path_len = w->path.len };
	return 0;
}

/* Back to the parent, where the directory that we leave is removed. */
static int leave(struct walk *w, struct err *e)
{
	const struct level *up = &w->v[w->n - 2];
	AUTO_CLOSE int fd = openat(dirfd(w->dir), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *name = str_dup(w->path.s + up->path_len + 1);
	struct stat sb;
	DIR *dir;

	if (fd < 0 || fstat(fd, &sb) < 0)
		return fail_at(w, "openat", "..", e);
	if (sb.st_dev != up->dev || sb.st_ino != up->ino) {
		errno = ESTALE;
		return fail_at(w, "openat", "..", e);
	}
	dir = fdopendir(fd);
	if (!dir)
		return fail_at(w, "fdopendir", "..", e);
	fd = -1;
	auto_closedir(&w->dir);
	w->dir = dir;
	w->path.len = up->path_len;
	w->path.s[w->path.len] = '\0';
	w->n--;
	if (unlinkat(dirfd(dir), name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	/* filled again, or readdir() lost its place among the removals: it is met again */
	if ((errno == ENOTEMPTY || errno == EEXIST) && w->refills++ < REFILLS_MAX)
		return 0;
	return fail_at(w, "rmdir", name, e);
}

/* Removes one entry, or goes down into it. */
static int remove_entry(struct walk *w, const struct dirent *d, struct err *e)
{
	const char *name = d->d_name;
	int at = dirfd(w->dir), fd;

	if (d->d_type != DT_DIR) {
		if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return fail_at(w, "unlink", name, e);
	}
	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return fail_at(w, "rmdir", name, e);
	fd = open_dir(at, name, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_at(w, "openat", name, e);
	return enter(w, fd, name) < 0 ? fail_at(w, "openat", name, e) : 0;
}

/* Empties the top directory. */
static int empty(struct walk *w, struct err *e)
{
	for (;;) {
		const struct dirent *d;

		errno = 0;
		d = readdir(w->dir);
		if (!d && errno && errno != ENOENT)
			return fail_at(w, "readdir", NULL, e);
		if (!d && w->n == 1)
			return 0;
		if (!d) {
			if (leave(w, e) < 0)
				return -1;
			continue;
		}
		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		if (remove_entry(w, d, e) < 0)
			return -1;
	}
}

/* @name in the directory @at; @path is its name for errors. */
static int remove_at(int at, const char *name, const char *path, struct err *e)
{
	__attribute__((cleanup(walk_fini))) struct walk w = { 0 };
	int fd;

	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTDIR) {
		if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
			return 0;
		return err_sys(e, "unlink", path, "cannot remove files");
	}
	if (errno != ENOTEMPTY && errno != EEXIST) {
		int saved = errno;

		/* a read-only file system answers EROFS for what was never made, too */
		if (faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
			return 0;
		errno = saved;
		return err_sys(e, "rmdir", path, "cannot remove files");
	}
	fd = open_dir(at, name, 0);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || enter(&w, fd, path) < 0)
		return err_sys(e, "open", path, "cannot remove files");
	for (;;) {
		if (empty(&w, e) < 0)
			return -1;
		if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if ((errno != ENOTEMPTY && errno != EEXIST) || w.refills++ >= REFILLS_MAX)
			return err_sys(e, "rmdir", path, "cannot remove files");
		rewinddir(w.dir);
	}
}

int store_remove_tree(const char *path, struct err *e)
{
	return remove_at(AT_FDCWD, path, path, e);
}

/* ---- one run ---- */

struct target {
	int parent, top;	/* top: what is to be removed, where it is a directory; else -1 */
	const char *name, *path;
};

static int remove_fn(const void *arg, struct err *e)
{
	__attribute__((cleanup(walk_fini))) struct walk w = { 0 };
	const struct target *t = arg;
	int fd;

	if (remove_at(t->parent, t->name, t->path, e) == 0)
		return 0;
	if (e->errnum != EACCES || t->top < 0)
		return -1;
	/* the directories above are not root's: what is in this one is all that it can remove */
	fd = open_dir(t->top, ".", 0);
	if (fd < 0 || enter(&w, fd, t->path) < 0)
		return err_sys(e, "open", t->path, "cannot remove files");
	return empty(&w, e);
}

int store_remove_mapped(const char *path, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map,
			struct err *e)
{
	struct err inside = { 0 };
	AUTO_FREE char *dir = NULL;
	AUTO_CLOSE int parent = -1, top = -1;
	struct target t;
	int r;

	if (store_remove_tree(path, e) == 0)
		return 0;
	if ((e->errnum != EACCES && e->errnum != EPERM && e->errnum != ENOTEMPTY) || !in_map || !uids || !uids->n ||
	    !gids || !gids->n)
		return -1;
	/* root inside may have no way through the directories above: it gets the last of them, and the top */
	dir = str_dupn(path, (size_t)(strrchr(path, '/') - path));
	parent = open(dir[0] ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	top = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	t = (struct target){ .parent = parent, .top = top, .name = strrchr(path, '/') + 1, .path = path };
	r = parent < 0 ? err_sys(&inside, "open", dir, "cannot remove files")
		       : in_map(uids, gids, remove_fn, &t, &inside);
	/* what is left belongs to us alone: the directory itself, where the map lacks us */
	if (store_remove_tree(path, e) == 0)
		return 0;
	if (r < 0)
		*e = inside;
	return -1;
}

/* A layer that lies elsewhere (run/layer.c): the link leads to a directory of this run. */
static int remove_layer(const struct run_dir *rd, const struct id_map *uids, const struct id_map *gids,
			store_in_map_fn *in_map, struct err *e)
{
	AUTO_FREE char *link = str_fmt("%s/layer", rd->data), *tail = NULL;
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0)
		return 0;
	target[n] = '\0';
	tail = str_fmt("/lichen-%u/layers/%s", (unsigned)geteuid(), rd->id);
	if (target[0] != '/' || (size_t)n < strlen(tail) || !str_eq(target + n - strlen(tail), tail))
		return 0;
	return store_remove_mapped(target, uids, gids, in_map, e);
}

/* Gives the run's name back, unless somebody has it already. */
static void forget_name(const struct run_dir *rd)
{
	AUTO_FREE char *link = str_fmt("%s/name", rd->live), *names = NULL;
	AUTO_CLOSE int lock = -1;
	char name[256], id[128];
	ssize_t n = readlink(link, name, sizeof(name) - 1);

	if (n <= 0)
		return;
	name[n] = '\0';
	if (!str_is_name(name))
		return;
	names = str_fmt("%.*s/names", (int)(strrchr(rd->live, '/') - rd->live), rd->live);
	lock = open(names, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return;
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return;
	n = readlinkat(lock, name, id, sizeof(id) - 1);
	if (n <= 0)
		return;
	id[n] = '\0';
	if (str_eq(id, rd->id))
		(void)!unlinkat(lock, name, 0);
}

int store_remove(const struct run_dir *rd, const struct id_map *uids, const struct id_map *gids,
		 store_in_map_fn *in_map, struct err *e)
{
	static const char *const layers[] = { "upper", "work", "copy", "lower" };
	AUTO_FREE char *config = str_fmt("%s/config.json", rd->data);
	const bool is_on_disk = !str_eq(rd->data, rd->live);

	/* The layers may need the map, which config.json knows; then config.json, so that a
	 * definition that is half removed is never taken for one to be kept. */
	for (size_t i = 0; i < N_ELEMS(layers) && is_on_disk; i++) {
		AUTO_FREE char *layer = str_fmt("%s/%s", rd->data, layers[i]);

		if (store_remove_mapped(layer, uids, gids, in_map, e) < 0)
			return err_wrap(e, "the sandbox %.12s is not removed", rd->id);
	}
	if (is_on_disk && remove_layer(rd, uids, gids, in_map, e) < 0)
		return err_wrap(e, "the sandbox %.12s is not removed", rd->id);
	if (is_on_disk)
		(void)!unlink(config);
	if (is_on_disk && store_remove_mapped(rd->data, uids, gids, in_map, e) < 0)
		return err_wrap(e, "the sandbox %.12s is not removed", rd->id);
	forget_name(rd);
	if (store_remove_tree(rd->live, e) < 0)
		return err_wrap(e, "the sandbox %.12s is not removed", rd->id);
	return 0;
}
