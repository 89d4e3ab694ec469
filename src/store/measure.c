/* SPDX-License-Identifier: Apache-2.0 */
/* store/measure.c - what a tree takes up on the disk
 *
 * One descriptor however deep it is, as in store/remove.c. A file with several names counts once where all of them
 * are in the tree. What comes and goes meanwhile is counted or not.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "store/tmp.h"

struct level {
	ino_t ino;
	struct strv dirs;	/* still to be visited */
};

struct measure {
	DIR *dir;
	dev_t dev;
	struct level *v;
	size_t n;
	uint64_t bytes;
	bool is_partial;	/* we were not let in somewhere */
};

/* Counts what is in the directory @fd (taken), and goes down into it. */
static void enter(struct measure *m, int fd)
{
	AUTO_CLOSE int own = fd;
	struct level level = { 0 };
	struct stat sb;

	if (fstat(own, &sb) < 0 || (m->n && sb.st_dev != m->dev))
		return;
	auto_closedir(&m->dir);
	m->dir = fdopendir(own);
	if (!m->dir)
		return;
	own = -1;
	m->dev = sb.st_dev;
	level.ino = sb.st_ino;
	for (const struct dirent *d; (d = readdir(m->dir));) {
		if (str_eq(d->d_name, ".") || str_eq(d->d_name, "..") || fstatat(dirfd(m->dir), d->d_name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(sb.st_mode))
			strv_add(&level.dirs, d->d_name);
		m->bytes += (uint64_t)sb.st_blocks * 512 / (S_ISDIR(sb.st_mode) || !sb.st_nlink ? 1 : sb.st_nlink);
	}
	m->v = mem_grow(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = level;
}

/* Back to the parent; false where somebody has moved us elsewhere meanwhile. */
static bool leave(struct measure *m)
{
	AUTO_CLOSE int fd = openat(dirfd(m->dir), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat sb;

	strv_fini(&m->v[--m->n].dirs);
	if (!m->n || fd < 0 || fstat(fd, &sb) < 0 || sb.st_ino != m->v[m->n - 1].ino || sb.st_dev != m->dev)
		return false;
	auto_closedir(&m->dir);
	m->dir = fdopendir(fd);
	if (m->dir)
		fd = -1;
	return m->dir;
}

static void measure(struct measure *m, int fd)
{
	enter(m, fd);
	while (m->n && m->dir) {
		struct strv *dirs = &m->v[m->n - 1].dirs;
		AUTO_FREE char *name = dirs->n ? dirs->v[--dirs->n] : NULL;
		AUTO_CLOSE int next = name ? openat(dirfd(m->dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

		if (name)
			dirs->v[dirs->n] = NULL;
		if (next >= 0)
			enter(m, fd_take(&next));
		else if (name)
			m->is_partial |= errno == EACCES;
		else if (!leave(m))
			break;
	}
	while (m->n)
		strv_fini(&m->v[--m->n].dirs);
	auto_closedir(&m->dir);
	auto_free(&m->v);
}

struct inside {
	int at, out;	/* the tree; a pipe */
};

static int measure_inside(const void *arg, struct err *e)
{
	const struct inside *in = arg;
	struct measure m = { 0 };
	int fd = openat(in->at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "openat", ".", "cannot measure the tree");
	measure(&m, fd);
	if (m.is_partial) {
		errno = EACCES;
		return err_sys(e, "openat", ".", "cannot look at all of the tree");
	}
	if (fd_write_all(in->out, (const char *)&m.bytes, sizeof(m.bytes)) < 0)
		return err_sys(e, "write", "pipe", "cannot measure the tree");
	return 0;
}

int tree_measure(int fd, const struct map_pair *maps, size_t n, store_in_map_fn *in_map, uint64_t *bytes, struct err *e)
{
	AUTO_CLOSE int out = -1, in = -1;
	struct measure m = { 0 };
	int ends[2], r = -1, top = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (top < 0 && errno != EACCES)
		return err_sys(e, "openat", ".", "cannot measure the tree");
	m.is_partial = top < 0;
	if (top >= 0)
		measure(&m, top);
	*bytes = m.bytes;
	if (!m.is_partial)
		return 0;
	errno = EACCES;
	if (!in_map || !n)
		return err_sys(e, "openat", ".", "cannot look at all of the tree: its ids are not known");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "cannot measure the tree");
	out = ends[0];
	in = ends[1];
	for (size_t i = 0; i < n && r < 0; i++)
		r = in_map(&maps[i].uids, &maps[i].gids, measure_inside, &(struct inside){ fd, in }, e);
	if (r == 0 && read(out, bytes, sizeof(*bytes)) != (ssize_t)sizeof(*bytes))
		return err_sys(e, "read", "pipe", "cannot measure the tree");
	return r;
}
