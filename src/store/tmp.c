/* SPDX-License-Identifier: Apache-2.0 */
/* store/tmp.c - what is being made beside its place, and whose maker is dead */

#include "store/tmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "spec/idwish.h"
#include "store/internal.h"

enum { MAKE_TRIES = 64, HALF_MAX_AGE_S = 3600, MAP_TEXT_MAX = 1 << 16 };

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
/* O_NONBLOCK: a FIFO in a file's place must not hang us */
#define ANY_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

DIR *dir_open(int at, const char *name)
{
	AUTO_CLOSE int fd = openat(at, name, DIR_FLAGS | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir)
		fd = -1;
	return dir;
}

/* ---- locks ---- */

int lock_take(int fd, int how)
{
	while (flock(fd, how) < 0) {
		if (errno == EINTR)
			continue;
		if ((how & LOCK_SH) && (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS))
			return 0;
		return -1;
	}
	return 0;
}

bool lock_holds(int at, const char *name, int fd)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && ours.st_dev == there.st_dev &&
	       ours.st_ino == there.st_ino;
}

int lock_share(int at, const char *name, int flags, int *fd)
{
	/* each turn means that somebody removed or replaced it meanwhile */
	for (int tries = 0; tries < MAKE_TRIES; tries++) {
		AUTO_CLOSE int own = openat(at, name, flags | O_NOFOLLOW | O_CLOEXEC);

		if (own < 0)
			return errno == ENOENT ? 0 : -1;
		if (lock_take(own, LOCK_SH) < 0)
			return -1;
		if (lock_holds(at, name, own)) {
			*fd = fd_take(&own);
			return 1;
		}
	}
	errno = EAGAIN;
	return -1;
}

/* ---- maps as a text ---- */

static int by_inside(const void *a, const void *b)
{
	const struct id_extent *x = a, *y = b;

	return x->inside < y->inside ? -1 : x->inside > y->inside;
}

/* Sorted, and what continues is one: maps that do the same are the same text. */
static void add_map(struct buf *b, const char *word, const struct id_map *m)
{
	struct id_map sorted = { 0 }, plain = { 0 };
	AUTO_FREE char *text = NULL;

	id_map_copy(&sorted, m);
	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(*sorted.v), by_inside);
	for (size_t i = 0; i < sorted.n; i++) {
		const struct id_extent *x = &sorted.v[i];
		struct id_extent *last = plain.n ? &plain.v[plain.n - 1] : NULL;

		if (last && (uint64_t)last->inside + last->count == x->inside && (uint64_t)last->outside + last->count == x->outside)
			last->count += x->count;
		else
			id_map_add(&plain, x->inside, x->outside, x->count);
	}
	text = id_map_format(&plain);
	buf_addf(b, "%s %s\n", word, text);
	id_map_fini(&sorted);
	id_map_fini(&plain);
}

char *map_text(const struct id_map *uids, const struct id_map *gids)
{
	struct buf b = { 0 };

	add_map(&b, "uid", uids);
	add_map(&b, "gid", gids);
	return buf_take(&b);
}

static int read_line(const char *line, const char *word, struct id_map *m)
{
	struct id_wishes w = { 0 };
	struct err ignored;
	int r = -1;

	if (str_starts(line, word) && line[strlen(word)] == ' ' && id_wishes_parse("map", line + strlen(word) + 1, &w, &ignored) == 0) {
		for (size_t i = 0; i < w.n; i++)
			id_map_add(m, w.v[i].inside, w.v[i].from, w.v[i].count);
		r = 0;
	}
	id_wishes_fini(&w);
	return r;
}

int map_read(int at, const char *name, struct id_map *uids, struct id_map *gids)
{
	AUTO_STRV struct strv lines = { 0 };
	AUTO_FREE char *text = NULL;

	*uids = *gids = (struct id_map){ 0 };
	if (fd_read_file(at, name, MAP_TEXT_MAX, &text, NULL) < 0)
		return -1;
	strv_split(&lines, text, '\n');
	if (lines.n == 3 && !lines.v[2][0] && read_line(lines.v[0], "uid", uids) == 0 && read_line(lines.v[1], "gid", gids) == 0)
		return 0;
	id_map_fini(uids);
	id_map_fini(gids);
	errno = EBADMSG;
	return -1;
}

void map_pairs_add(int at, const char *name, struct map_pair **maps, size_t *n)
{
	struct map_pair one;

	if (map_read(at, name, &one.uids, &one.gids) < 0)
		return;
	*maps = mem_grow(*maps, *n + 1, sizeof(**maps));
	(*maps)[(*n)++] = one;
}

void map_pairs_read(int at, const char *name, struct map_pair **maps, size_t *n)
{
	AUTO_DIR DIR *dir = dir_open(at, name);

	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			map_pairs_add(dirfd(dir), d->d_name, maps, n);
}

void map_pairs_fini(struct map_pair *maps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		id_map_fini(&maps[i].uids);
		id_map_fini(&maps[i].gids);
	}
	free(maps);
}

/* ---- making ---- */

static void tmp_fini(struct image_tmp *t)
{
	auto_free(&t->name);
	auto_free(&t->path);
	auto_close(&t->fd);
}

static int new_name(const struct tmp_place *p, struct image_tmp *t, struct err *e)
{
	char id[STORE_ID_LEN + 1];

	*t = (struct image_tmp){ .fd = -1 };
	if (store_new_id(id, e) < 0)
		return -1;
	t->name = str_fmt("%llx-%.16s", (unsigned long long)time(NULL), id);
	t->path = str_fmt("%s/%s/%s", p->dir, p->name, t->name);
	return 0;
}

static int make_failed(const struct tmp_place *p, const char *op, const struct image_tmp *t, struct err *e)
{
	err_sys(e, op, t->path, "cannot make anything in %s/%s", p->dir, p->name);
	return store_hint_full(e);
}

/* 1, 0: a sweep was quicker, -1 */
static int make_once(const struct tmp_place *p, bool is_file, struct image_tmp *t, struct err *e)
{
	AUTO_FREE char *name = str_fmt("%s/%s", p->name, t->name);

	if (is_file) {
		t->fd = openat(p->at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	} else {
		if (mkdirat(p->at, name, 0700) < 0)
			return make_failed(p, "mkdirat", t, e);
		t->fd = openat(p->at, name, DIR_FLAGS | O_CLOEXEC);
		if (t->fd < 0 && errno == ENOENT)
			return 0;
	}
	if (t->fd < 0)
		return make_failed(p, "openat", t, e);
	/* without locks nobody can sweep it, either */
	if (lock_take(t->fd, LOCK_EX) < 0 && errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS && errno != EBADF)
		return make_failed(p, "flock", t, e);
	return lock_holds(p->at, name, t->fd);
}

int tmp_make(const struct tmp_place *p, bool is_file, struct image_tmp *t, struct err *e)
{
	int r = 0;

	for (int tries = 0; r == 0 && tries < MAKE_TRIES; tries++) {
		if (tries)
			tmp_fini(t);
		if (new_name(p, t, e) < 0)
			return -1;
		r = make_once(p, is_file, t, e);
	}
	if (r == 0) {
		errno = EAGAIN;
		r = make_failed(p, "flock", t, e);
	}
	if (r > 0 && p->is_shared && !is_file) {
		AUTO_FREE char *host = store_host();

		if (symlinkat(host, t->fd, "host") < 0)
			r = make_failed(p, "symlinkat", t, e);
	}
	if (r < 0) {
		tmp_end(p, t, NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

int tmp_note_map(const struct image_tmp *t, const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	AUTO_FREE char *text = map_text(uids, gids);

	if (fd_write_file(t->fd, "map", text, strlen(text)) == 0)
		return 0;
	err_sys(e, "write", t->path, "cannot note whose ids the files will have");
	return store_hint_full(e);
}

void tmp_placed(struct image_tmp *t)
{
	(void)!lock_take(t->fd, LOCK_SH);
	auto_free(&t->name);
	auto_free(&t->path);
}

int tmp_bury(const struct tmp_place *p, int at, const char *name, struct image_tmp *t, struct err *e)
{
	AUTO_FREE char *to = NULL;

	if (new_name(p, t, e) < 0)
		return -1;
	to = str_fmt("%s/%s", p->name, t->name);
	if (renameat(at, name, p->at, to) == 0)
		return 1;
	if (errno == ENOENT) {
		tmp_fini(t);
		return 0;
	}
	err_sys(e, "renameat", t->path, "cannot move %s away", name);
	store_hint_full(e);
	tmp_fini(t);
	return -1;
}

/* EEXIST where @to is there. A network file system knows only links for that. */
static int rename_new(int at, const char *from, const char *to)
{
	if (renameat2(at, from, at, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return linkat(at, from, at, to, 0) < 0 ? -1 : unlinkat(at, from, 0);
}

int tmp_put(const struct tmp_place *p, const char *to, const char *data, size_t len, bool replaces, bool syncs_all,
	    struct err *e)
{
	AUTO_FREE char *from = NULL;
	struct image_tmp t;
	const char *op = "write";
	int r;

	if (tmp_make(p, true, &t, e) < 0)
		return -1;
	from = str_fmt("%s/%s", p->name, t.name);
	r = fd_write_all(t.fd, data, len);
	if (r == 0) {
		op = syncs_all ? "syncfs" : "fsync";
		r = syncs_all ? syncfs(t.fd) : fsync(t.fd);
	}
	if (r == 0) {
		op = "rename";
		r = replaces ? renameat(p->at, from, p->at, to) : rename_new(p->at, from, to);
	}
	if (r == 0)
		auto_free(&t.name);
	if (r < 0 && !replaces && errno == EEXIST && str_eq(op, "rename")) {
		r = 1;
	} else if (r < 0) {
		AUTO_FREE char *path = str_fmt("%s/%s", p->dir, to);

		err_sys(e, op, path, "cannot write %s", strrchr(path, '/') + 1);
		store_hint_full(e);
	}
	tmp_end(p, &t, NULL, NULL, NULL);
	return r;
}

/* ---- removing ---- */

/* What tells of the ids goes last, so that a removal that was cut short can be taken up. */
static int remove_once(const char *path, int fd, const struct map_pair *map, store_in_map_fn *in_map, struct err *e)
{
	AUTO_DIR DIR *dir = fd >= 0 ? dir_open(fd, ".") : NULL;
	int r = 0;

	for (const struct dirent *d; dir && r == 0 && (d = readdir(dir));) {
		AUTO_FREE char *below = str_fmt("%s/%s", path, d->d_name);

		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, "..") && !str_eq(d->d_name, "map") && !str_eq(d->d_name, "maps"))
			r = store_remove_mapped(below, &map->uids, &map->gids, in_map, e);
	}
	return r == 0 ? store_remove_tree(path, e) : -1;
}

/* In one map after the other: what each may. */
static int remove_all(const char *path, int fd, const struct map_pair *maps, size_t n, store_in_map_fn *in_map, struct err *e)
{
	static const struct map_pair none;
	int r = remove_once(path, fd, n ? &maps[0] : &none, in_map, e);

	for (size_t i = 1; i < n && r < 0; i++)
		r = remove_once(path, fd, &maps[i], in_map, e);
	return r;
}

void tmp_end_maps(const struct tmp_place *p, struct image_tmp *t, const struct map_pair *maps, size_t n, store_in_map_fn *in_map)
{
	AUTO_FREE char *name = t->name ? str_fmt("%s/%s", p->name, t->name) : NULL;
	AUTO_CLOSE int dir = name ? openat(p->at, name, DIR_FLAGS | O_CLOEXEC) : -1;
	struct err e = { 0 };

	if (name && remove_all(t->path, dir, maps, n, in_map, &e) < 0)
		log_err(&e);
	tmp_fini(t);
}

void tmp_end(const struct tmp_place *p, struct image_tmp *t, const struct id_map *uids, const struct id_map *gids,
	     store_in_map_fn *in_map)
{
	/* borrowed */
	const struct map_pair map = uids && gids ? (struct map_pair){ *uids, *gids } : (struct map_pair){ 0 };

	tmp_end_maps(p, t, &map, 1, in_map);
}

static bool has_host(int fd, bool *is_ours)
{
	AUTO_FREE char *host = store_read_link(fd, "host");

	*is_ours = host && store_is_our_host(host);
	return host;
}

/* Whether another machine may have made it, whose locks we do not see. */
static bool is_strangers(const struct tmp_place *p, int fd)
{
	struct stat sb;
	bool is_ours;

	if (has_host(fd, &is_ours))
		return !is_ours;
	return p->is_shared && (fstat(fd, &sb) < 0 || time(NULL) - sb.st_mtime < HALF_MAX_AGE_S);
}

static void sweep_one(const struct tmp_place *p, const char *entry, tmp_maps_fn *more, const void *arg, store_in_map_fn *in_map)
{
	AUTO_FREE char *name = str_fmt("%s/%s", p->name, entry), *path = str_fmt("%s/%s", p->dir, name);
	AUTO_CLOSE int fd = openat(p->at, name, ANY_FLAGS | O_CLOEXEC);
	struct map_pair *maps = NULL;
	struct err e = { 0 };
	size_t n = 0;

	/* a link or a socket is nobody's work: it is removed as it is */
	if (fd < 0 && errno != ELOOP && errno != ENXIO)
		return;
	if (fd >= 0 && (lock_take(fd, LOCK_EX | LOCK_NB) < 0 || !lock_holds(p->at, name, fd) || is_strangers(p, fd)))
		return;
	map_pairs_add(fd, "map", &maps, &n);
	if (in_map)
		more(arg, fd, &maps, &n);
	if (remove_all(path, fd, maps, n, in_map, &e) < 0)
		log_err(&e);
	else
		log_info("removed %s, whose maker is dead", path);
	map_pairs_fini(maps, n);
}

void tmp_sweep(const struct tmp_place *p, tmp_maps_fn *maps, const void *arg, store_in_map_fn *in_map)
{
	AUTO_DIR DIR *dir = dir_open(p->at, p->name);

	if (!dir && errno != ENOENT)
		log_warn("cannot look for what was not finished in %s/%s: %s", p->dir, p->name, strerror(errno));
	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
			sweep_one(p, d->d_name, maps, arg, in_map);
}

int64_t tmp_oldest(const struct tmp_place *p)
{
	AUTO_DIR DIR *dir = dir_open(p->at, p->name);
	int64_t oldest = INT64_MAX;

	for (const struct dirent *d; dir && (d = readdir(dir));) {
		AUTO_CLOSE int fd = -1;
		int64_t begun = (int64_t)strtoull(d->d_name, NULL, 16);

		if (d->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), d->d_name, ANY_FLAGS | O_CLOEXEC);
		if (fd < 0 || (lock_take(fd, LOCK_SH | LOCK_NB) == 0 && !is_strangers(p, fd)))
			continue;
		if (begun < oldest)
			oldest = begun;
	}
	return oldest;
}
