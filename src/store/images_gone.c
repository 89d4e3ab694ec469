/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_gone.c - removal of images, of what no image needs, and sums
 *
 * A layer or blob goes only with its lock, under which is looked once more whether a record came that has it,
 * and whether it belongs to work that still goes on. Such work holds an entry in tmp/ from before
 * its first step until its record is there, and makes every blob young that it relies on (images_has_blob()).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "store/images_internal.h"

enum { WORK_SLACK_S = 60 };

/* ---- images ---- */

static int has_names(const struct images *im, const char *id, struct err *e)
{
	AUTO_STRV struct strv files = { 0 };

	if (images_entries(im, "names", &files, e) < 0)
		return -1;
	for (size_t i = 0; i < files.n; i++) {
		AUTO_FREE char *name = NULL, *held = images_read_name(im, files.v[i], &name);

		if (!str_eq(held, id))
			continue;
		err_set(e, ERR_STATE, "the image %.19s has the name %.200s", id, name);
		err_hint(e, "take its names away first");
		e->errnum = EEXIST;
		return -1;
	}
	return 0;
}

int images_remove(struct images *im, const char *id, struct images_gone *gone, struct err *e)
{
	AUTO_FREE char *record = images_record(id);
	AUTO_CLOSE int fd = -1;

	if (images_may_write(im, e) < 0)
		return -1;
	if (!record)
		return images_no_image(id, e);
	/* for writing: a network file system has no exclusive lock otherwise */
	fd = openat(im->fd, record, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return images_no_image(id, e);
	if (fd < 0)
		return err_sys(e, "openat", record, "cannot remove the image %.19s", id);
	if (lock_take(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		err_set(e, ERR_STATE, "the image %.19s is in use", id);
		err_hint(e, "a sandbox runs from it, or another lichen brings, saves or pushes it");
		e->errnum = EBUSY;
		return -1;
	}
	if (!lock_holds(im->fd, record, fd))
		return images_no_image(id, e);
	if (has_names(im, id, e) < 0)
		return -1;
	if (unlinkat(im->fd, record, 0) < 0)
		return err_sys(e, "unlinkat", record, "cannot remove the image %.19s", id);
	gone->images++;
	return 0;
}

/* ---- what the records have ---- */

/* One record as it was read; one that is replaced has another inode. */
struct seen {
	char *file;
	ino_t ino;
	struct timespec changed;
};

struct refs {
	struct strv layers, blobs;	/* digests; sorted */
	struct seen *seen;
	size_t n_seen;
};

static void refs_fini(struct refs *r)
{
	strv_fini(&r->layers);
	strv_fini(&r->blobs);
	for (size_t i = 0; i < r->n_seen; i++)
		free(r->seen[i].file);
	free(r->seen);
	*r = (struct refs){ 0 };
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_ref(const struct strv *sorted, const char *digest)
{
	return sorted->n && bsearch(&digest, sorted->v, sorted->n, sizeof(char *), by_text);
}

static bool is_seen(const struct refs *r, const char *file, const struct stat *sb)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (r->seen[i].ino == sb->st_ino && r->seen[i].changed.tv_sec == sb->st_ctim.tv_sec &&
		    r->seen[i].changed.tv_nsec == sb->st_ctim.tv_nsec && str_eq(r->seen[i].file, file))
			return true;
	return false;
}

/* 1, 0: it is gone, -1: it cannot be read; then nothing is removed, as it might be in there */
static int add_record(const struct images *im, struct refs *r, const char *file, const struct stat *sb, struct err *e)
{
	AUTO_FREE char *id = images_digest(file);
	struct image image = { 0 };

	if (!id)
		return 0;
	if (images_load(im, id, &image, NULL, e) < 0) {
		if (e->errnum == ENOENT)
			return 0;
		err_wrap(e, "what no image needs cannot be told while an image cannot be read");
		return err_hint(e, "`lichen rmi %.12s` removes it", file);
	}
	strv_add(&r->blobs, image.id);
	strv_add(&r->blobs, image.manifest);
	for (size_t i = 0; i < image.n_layers; i++) {
		strv_add(&r->layers, image.layers[i].diff_id);
		strv_add(&r->blobs, image.layers[i].digest);
	}
	image_fini(&image);
	r->seen = mem_grow(r->seen, r->n_seen + 1, sizeof(*r->seen));
	r->seen[r->n_seen++] = (struct seen){ str_dup(file), sb->st_ino, sb->st_ctim };
	return 1;
}

/* Adds what has come since the last look. */
static int refs_look(const struct images *im, struct refs *r, struct err *e)
{
	AUTO_DIR DIR *dir = dir_open(im->fd, "records");
	int n = 0;

	if (!dir && errno != ENOENT)
		return err_sys(e, "openat", "records", "cannot list the images");
	for (const struct dirent *d; dir && n >= 0 && (d = readdir(dir));) {
		struct stat sb;

		if (d->d_name[0] != '.' && fstatat(dirfd(dir), d->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 && !is_seen(r, d->d_name, &sb)) {
			int added = add_record(im, r, d->d_name, &sb, e);

			n = added < 0 ? -1 : n + added;
		}
	}
	if (n < 0)
		return -1;
	if (n) {
		strv_sort(&r->layers);
		strv_sort(&r->blobs);
	}
	return 0;
}

/* ---- what no image needs ---- */

struct collect {
	struct images *im;
	struct tmp_place place;
	struct refs refs;
	bool is_dry;
	store_in_map_fn *in_map;
	struct images_gone *gone;
};

/**
 * may_go() - Whether nobody needs what @fd is, which is called @name
 * Leaves the lock with @fd. Work is looked for first: one that ends in between has its record by then.
 */
static int may_go(struct collect *c, const char *name, int fd, const struct strv *refs, const char *digest, struct err *e)
{
	struct stat sb;
	int64_t begun;

	if (lock_take(fd, LOCK_EX | LOCK_NB) < 0 || !lock_holds(c->im->fd, name, fd))
		return 0;
	begun = tmp_oldest(&c->place);
	if (fstat(fd, &sb) < 0 || (begun != INT64_MAX && sb.st_ctim.tv_sec >= begun - WORK_SLACK_S))
		return 0;
	if (refs_look(c->im, &c->refs, e) < 0)
		return -1;
	return !has_ref(refs, digest);
}

/* Removes a layer that is locked by @fd (taken). 1, 0: it is gone, -1 */
static int bury_layer(struct images *im, const char *cls, const char *name, int fd, const struct map_pair *map, store_in_map_fn *in_map,
		      struct err *e)
{
	AUTO_FREE char *from = str_fmt("layers/%s/map", cls);
	const struct tmp_place p = images_place(im);
	AUTO_CLOSE int lock = fd;
	struct image_tmp t;
	int r = tmp_bury(&p, im->fd, name, &t, e);

	if (r <= 0)
		return r;
	/* for a sweep that takes the removal up; a link, as the disk may be full */
	(void)!linkat(im->fd, from, lock, "map", 0);
	auto_close(&lock);
	tmp_end(&p, &t, &map->uids, &map->gids, in_map);
	return 1;
}

static int collect_layer(struct collect *c, const char *cls, const struct map_pair *map, const char *hex, struct err *e)
{
	AUTO_FREE char *name = str_fmt("layers/%s/%s", cls, hex), *digest = images_digest(hex);
	AUTO_CLOSE int fd = -1;
	struct layer_info info = { 0 };
	struct err ignored;
	int r;

	if (!digest || has_ref(&c->refs.layers, digest))
		return 0;
	fd = openat(c->im->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? 0 : may_go(c, name, fd, &c->refs.layers, digest, e);
	if (r <= 0)
		return r;
	(void)!images_layer_info(c->im, cls, digest, &info, &ignored);
	r = c->is_dry ? 1 : bury_layer(c->im, cls, name, fd_take(&fd), map, c->in_map, e);
	if (r <= 0)
		return r;
	c->gone->layers++;
	c->gone->bytes += info.bytes;
	return 0;
}

static int collect_class(struct collect *c, const char *cls, struct err *e)
{
	AUTO_FREE char *dir = str_fmt("layers/%s", cls);
	AUTO_STRV struct strv layers = { 0 };
	struct map_pair map = { 0 };
	struct err ignored;
	int r;

	(void)!images_class_map(c->im, cls, &map.uids, &map.gids, &ignored);
	r = images_entries(c->im, dir, &layers, e);
	for (size_t i = 0; i < layers.n && r == 0; i++)
		r = collect_layer(c, cls, &map, layers.v[i], e);
	id_map_fini(&map.uids);
	id_map_fini(&map.gids);
	return r;
}

static int collect_blob(struct collect *c, const char *dir, const char *hex, struct err *e)
{
	AUTO_FREE char *name = str_fmt("blobs/%s/%s", dir, hex), *digest = str_fmt("%s:%s", dir, hex);
	AUTO_CLOSE int fd = -1;
	struct stat sb;
	int r;

	if (!digest_is_valid(digest) || has_ref(&c->refs.blobs, digest))
		return 0;
	fd = openat(c->im->fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == EACCES)
		fd = openat(c->im->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	r = fd < 0 || fstat(fd, &sb) < 0 ? 0 : may_go(c, name, fd, &c->refs.blobs, digest, e);
	if (r <= 0)
		return r;
	if (!c->is_dry && unlinkat(c->im->fd, name, 0) < 0)
		return err_sys(e, "unlinkat", name, "cannot remove a part that no image needs");
	c->gone->blobs++;
	c->gone->bytes += (uint64_t)sb.st_size;
	return 0;
}

/* Notes of files whose image is gone. */
static void collect_sources(const struct collect *c)
{
	AUTO_STRV struct strv files = { 0 };
	struct err ignored;

	if (c->is_dry || images_entries(c->im, "sources", &files, &ignored) < 0)
		return;
	for (size_t i = 0; i < files.n; i++) {
		AUTO_FREE char *path = str_fmt("sources/%s", files.v[i]), *id = images_read_id(c->im, path);
		AUTO_FREE char *record = id ? images_record(id) : NULL;

		if (!record || faccessat(c->im->fd, record, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			(void)!unlinkat(c->im->fd, path, 0);
	}
}

int images_collect(struct images *im, bool is_dry, store_in_map_fn *in_map, struct images_gone *gone, struct err *e)
{
	static const char *const digests[] = { "sha256", "sha512" };
	struct collect c = { .im = im, .place = images_place(im), .is_dry = is_dry, .in_map = in_map, .gone = gone };
	AUTO_STRV struct strv classes = { 0 };
	int r = is_dry ? 0 : images_may_write(im, e);

	if (r == 0)
		r = refs_look(im, &c.refs, e);
	if (r == 0)
		r = images_classes(im, &classes, e);
	for (size_t i = 0; i < classes.n && r == 0; i++)
		r = collect_class(&c, classes.v[i], e);
	for (size_t i = 0; i < N_ELEMS(digests) && r == 0; i++) {
		AUTO_FREE char *dir = str_fmt("blobs/%s", digests[i]);
		AUTO_STRV struct strv blobs = { 0 };

		r = images_entries(im, dir, &blobs, e);
		for (size_t k = 0; k < blobs.n && r == 0; k++)
			r = collect_blob(&c, digests[i], blobs.v[k], e);
	}
	if (r == 0)
		collect_sources(&c);
	refs_fini(&c.refs);
	return r;
}

/* ---- what is damaged ---- */

static int used_part(const char *digest, struct err *e)
{
	err_set(e, ERR_STATE, "%.19s is in use", digest);
	e->errnum = EBUSY;
	return -1;
}

int images_drop_layer(struct images *im, const char *cls, const char *diff_id, store_in_map_fn *in_map, struct err *e)
{
	const char *hex = images_hex(diff_id);
	AUTO_FREE char *name = hex && str_is_name(cls) ? str_fmt("layers/%s/%s", cls, hex) : NULL;
	AUTO_CLOSE int fd = name ? openat(im->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct map_pair map = { 0 };
	struct err ignored;
	int r;

	if (!name || (fd < 0 && errno == ENOENT))
		return 0;
	if (images_may_write(im, e) < 0)
		return -1;
	if (fd < 0)
		return err_sys(e, "openat", name, "cannot remove a layer");
	if (lock_take(fd, LOCK_EX | LOCK_NB) < 0)
		return used_part(diff_id, e);
	if (!lock_holds(im->fd, name, fd))
		return 0;
	(void)!images_class_map(im, cls, &map.uids, &map.gids, &ignored);
	r = bury_layer(im, cls, name, fd_take(&fd), &map, in_map, e);
	id_map_fini(&map.uids);
	id_map_fini(&map.gids);
	return r;
}

/* Whoever reads blobs holds the record of the image. */
static bool is_needed_now(const struct images *im, const char *digest)
{
	AUTO_STRV struct strv records = { 0 };
	struct err ignored;
	bool is_used = false;

	if (images_entries(im, "records", &records, &ignored) < 0)
		return true;
	for (size_t i = 0; i < records.n && !is_used; i++) {
		AUTO_FREE char *id = images_digest(records.v[i]);
		struct image image = { 0 };
		bool has;

		if (!id || images_load(im, id, &image, NULL, &ignored) < 0)
			continue;
		has = str_eq(image.id, digest) || str_eq(image.manifest, digest);
		for (size_t k = 0; k < image.n_layers; k++)
			has = has || str_eq(image.layers[k].digest, digest);
		image_fini(&image);
		is_used = has && images_is_used(im, id);
	}
	return is_used;
}

int images_drop_blob(struct images *im, const char *digest, struct err *e)
{
	const char *hex = images_hex(digest);
	AUTO_FREE char *name = hex ? str_fmt("blobs/%.*s/%s", (int)(hex - 1 - digest), digest, hex) : NULL;

	if (!name)
		return 0;
	if (images_may_write(im, e) < 0)
		return -1;
	if (is_needed_now(im, digest))
		return used_part(digest, e);
	if (unlinkat(im->fd, name, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(e, "unlinkat", name, "cannot remove a damaged part");
}

/* ---- sums ---- */

static int measure_blobs(const struct images *im, const char *name, struct images_size *out, struct err *e)
{
	AUTO_DIR DIR *dir = dir_open(im->fd, name);

	if (!dir && errno != ENOENT)
		return err_sys(e, "openat", name, "cannot measure the store of images");
	for (const struct dirent *d; dir && (d = readdir(dir));) {
		struct stat sb;

		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		out->blobs++;
		out->blob_bytes += (uint64_t)sb.st_size;
	}
	return 0;
}

static int measure_class(const struct images *im, const char *cls, struct images_size *out, struct err *e)
{
	AUTO_FREE char *dir = str_fmt("layers/%s", cls);
	AUTO_STRV struct strv layers = { 0 };

	if (images_entries(im, dir, &layers, e) < 0)
		return -1;
	for (size_t i = 0; i < layers.n; i++) {
		AUTO_FREE char *digest = images_digest(layers.v[i]);
		struct layer_info info = { 0 };
		struct err ignored;

		if (!digest)
			continue;
		(void)!images_layer_info(im, cls, digest, &info, &ignored);
		out->layers++;
		out->layer_bytes += info.bytes;
	}
	return 0;
}

int images_measure(struct images *im, struct images_size *out, struct err *e)
{
	AUTO_STRV struct strv classes = { 0 }, records = { 0 };
	struct images_gone gone = { 0 };
	struct err ignored;

	*out = (struct images_size){ 0 };
	if (images_entries(im, "records", &records, e) < 0 || measure_blobs(im, "blobs/sha256", out, e) < 0 ||
	    measure_blobs(im, "blobs/sha512", out, e) < 0 || images_classes(im, &classes, e) < 0)
		return -1;
	out->images = records.n;
	for (size_t i = 0; i < classes.n; i++)
		if (measure_class(im, classes.v[i], out, e) < 0)
			return -1;
	/* what cannot be told frees nothing */
	if (images_collect(im, true, NULL, &gone, &ignored) == 0)
		out->free_bytes = gone.bytes;
	return 0;
}
