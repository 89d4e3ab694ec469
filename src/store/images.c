/* SPDX-License-Identifier: Apache-2.0 */
/* store/images.c - images on disk: opening the store, its classes, what is being made in it, blobs */

#include "store/images.h"

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
#include "base/sha256.h"
#include "store/images_internal.h"

enum { CLASS_COUNT = 65536, CLASS_DIGITS = 12 };

#define NO_GROUP UINT32_MAX

/* ---- open ---- */

/* The last one is made last: where it is, all are. */
static const char *const PLACES[] = { "blobs", "blobs/sha256", "blobs/sha512", "records", "names", "layers", "sources", "tmp" };

static int make_places(int at, const char *dir, struct err *e)
{
	if (faccessat(at, PLACES[N_ELEMS(PLACES) - 1], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	for (size_t i = 0; i < N_ELEMS(PLACES); i++) {
		AUTO_FREE char *path = NULL;

		if (mkdirat(at, PLACES[i], 0700) == 0 || errno == EEXIST)
			continue;
		path = str_fmt("%s/%s", dir, PLACES[i]);
		err_sys(e, "mkdirat", path, "cannot make the store of images");
		return store_hint_full(e);
	}
	return 0;
}

int images_open(const struct store *st, bool makes, struct images *im, struct err *e)
{
	struct stat sb;

	*im = (struct images){ .fd = -1, .is_shared = st->is_shared, .why_fixed = st->kept_errnum };
	im->dir = str_fmt("%s/images", store_kept(st));
	makes = makes && !im->why_fixed;
	if (makes && mkdir(im->dir, 0700) < 0 && errno != EEXIST) {
		err_sys(e, "mkdir", im->dir, "cannot make the store of images");
		store_hint_full(e);
		goto fail;
	}
	im->fd = open(im->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (im->fd < 0 && errno == ENOENT && !makes) {
		err_set(e, ERR_STATE, "there are no images yet");
		err_hint(e, "`lichen pull NAME` or `lichen load FILE` brings one; they will lie in %s", im->dir);
		e->errnum = ENOENT;
		goto fail;
	}
	if (im->fd < 0 || fstat(im->fd, &sb) < 0) {
		err_sys(e, "open", im->dir, "cannot open the store of images");
		err_hint(e, "it must be a directory of yours, not a link");
		goto fail;
	}
	if (sb.st_uid != geteuid() || (sb.st_mode & 022)) {
		err_set(e, ERR_STATE, "%s belongs to uid %u with mode %04o: others could change images", im->dir, (unsigned)sb.st_uid,
			(unsigned)sb.st_mode & 07777);
		err_hint(e, sb.st_uid == geteuid() ? "chmod 700 that directory" : "move it away; a new one is made then");
		goto fail;
	}
	if (makes && make_places(im->fd, im->dir, e) < 0)
		goto fail;
	return 0;
fail:
	images_close(im);
	return -1;
}

int images_may_write(const struct images *im, struct err *e)
{
	return im->why_fixed ? store_is_fixed(im->dir, "images", im->why_fixed, e) : 0;
}

void images_close(struct images *im)
{
	auto_free(&im->dir);
	auto_free(&im->source_key);
	auto_close(&im->fd);
}

/* ---- names of files ---- */

const char *images_hex(const char *digest)
{
	return digest_is_valid(digest) ? strchr(digest, ':') + 1 : NULL;
}

char *images_digest(const char *hex)
{
	AUTO_FREE char *digest = str_fmt("%s:%s", strlen(hex) == STORE_ID_LEN ? "sha256" : "sha512", hex);

	return digest_is_valid(digest) ? ptr_take(&digest) : NULL;
}

int images_entries(const struct images *im, const char *name, struct strv *out, struct err *e)
{
	AUTO_DIR DIR *dir = dir_open(im->fd, name);

	if (!dir && errno != ENOENT) {
		AUTO_FREE char *path = str_fmt("%s/%s", im->dir, name);

		return err_sys(e, "openat", path, "cannot list what the store of images has");
	}
	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			strv_add(out, d->d_name);
	return 0;
}

/* ---- classes of id maps ---- */

/* FIRST and the rest of a name where it is not what most people have. */
static char *class_name(const char *form, uint32_t first, uint32_t count, uint32_t group)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s-%u", form, first);
	if (count != CLASS_COUNT)
		buf_addf(&b, ".%u", count);
	if (group != NO_GROUP)
		buf_addf(&b, "-g%u", group);
	return buf_take(&b);
}

static bool is_extent(const struct id_extent *x, uint32_t inside, uint32_t count)
{
	return x->inside == inside && x->count == count;
}

/* Each name stands for one map only, for one caller: files of two maps that differ are not in one class. */
char *images_class(const struct id_map *uids, const struct id_map *gids, uint32_t caller_uid)
{
	const struct id_extent *u = uids->v, *g = gids->v;
	char hex[SHA256_HEX + 1];
	AUTO_FREE char *text = NULL;

	if (uids->n == 1 && gids->n == 1 && u->count == 1 && g->count == 1 && u->outside == caller_uid)
		return g->outside == caller_uid ? str_dup("single") : str_fmt("single-g%u", g->outside);
	if (uids->n == 2 && gids->n == 2 && is_extent(u, 0, 1) && is_extent(g, 0, 1) && u->outside == caller_uid &&
	    is_extent(u + 1, 1, g[1].count) && is_extent(g + 1, 1, u[1].count) && u[1].outside == g[1].outside)
		return class_name("caller", u[1].outside, u[1].count, g->outside == caller_uid ? NO_GROUP : g->outside);
	if (uids->n == 1 && gids->n == 1 && is_extent(u, 0, g->count) && is_extent(g, 0, u->count) && u->outside == g->outside)
		return class_name("subid", u->outside, u->count, NO_GROUP);
	text = map_text(uids, gids);
	sha256_hex(text, strlen(text), hex);
	return str_fmt("map-%.*s", CLASS_DIGITS, hex);
}

int images_classes(const struct images *im, struct strv *out, struct err *e)
{
	return images_entries(im, "layers", out, e);
}

int images_class_map(const struct images *im, const char *cls, struct id_map *uids, struct id_map *gids, struct err *e)
{
	AUTO_FREE char *name = str_fmt("layers/%s/map", cls), *path = NULL;

	if (map_read(im->fd, name, uids, gids) == 0)
		return 0;
	path = str_fmt("%s/%s", im->dir, name);
	if (errno == EBADMSG)
		return err_set(e, ERR_STATE, "%s is no id map", path);
	return err_sys(e, "read", path, "cannot read whose ids the layers have");
}

/* ---- what is being made ---- */

struct tmp_place images_place(const struct images *im)
{
	return (struct tmp_place){ .at = im->fd, .dir = im->dir, .name = "tmp", .is_shared = im->is_shared };
}

int images_tmp(struct images *im, struct image_tmp *t, struct err *e)
{
	const struct tmp_place p = images_place(im);

	*t = (struct image_tmp){ .fd = -1 };
	return images_may_write(im, e) < 0 ? -1 : tmp_make(&p, false, t, e);
}

int images_tmp_map(const struct image_tmp *t, const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	return tmp_note_map(t, uids, gids, e);
}

void images_tmp_end(struct images *im, struct image_tmp *t, const struct id_map *uids, const struct id_map *gids,
		    store_in_map_fn *in_map)
{
	const struct tmp_place p = images_place(im);

	tmp_end(&p, t, uids, gids, in_map);
}

/* Of a removal that was cut short, whose directory no longer tells. */
static void all_maps(const void *arg, int fd, struct map_pair **maps, size_t *n)
{
	AUTO_STRV struct strv classes = { 0 };
	const struct images *im = arg;
	struct err ignored;

	(void)fd;
	if (images_classes(im, &classes, &ignored) < 0)
		return;
	for (size_t i = 0; i < classes.n; i++) {
		AUTO_FREE char *name = str_fmt("layers/%s/map", classes.v[i]);

		map_pairs_add(im->fd, name, maps, n);
	}
}

void images_sweep(struct images *im, store_in_map_fn *in_map)
{
	const struct tmp_place p = images_place(im);

	if (!im->why_fixed)
		tmp_sweep(&p, all_maps, im, in_map);
}

/* ---- blobs ---- */

static char *blob_name(const char *digest)
{
	const char *hex = images_hex(digest);

	return hex ? str_fmt("blobs/%.*s/%s", (int)(hex - 1 - digest), digest, hex) : NULL;
}

bool images_has_blob(const struct images *im, const char *digest, uint64_t size)
{
	AUTO_FREE char *name = blob_name(digest);
	AUTO_CLOSE int fd = -1;
	struct stat sb;

	/* with the lock, so that it is either gone by now or young for who collects */
	if (!name || lock_share(im->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd) <= 0)
		return false;
	if (fstat(fd, &sb) < 0 || !S_ISREG(sb.st_mode) || (size && (uint64_t)sb.st_size != size))
		return false;
	/* nobody collects what cannot be written */
	return im->why_fixed || futimens(fd, NULL) == 0;
}

int images_open_blob(const struct images *im, const char *digest, struct err *e)
{
	AUTO_FREE char *name = blob_name(digest), *path = NULL;
	AUTO_CLOSE int fd = -1;
	struct stat sb;

	if (!name)
		return err_set(e, ERR_STATE, "\"%.80s\" is no digest", digest);
	path = str_fmt("%s/%s", im->dir, name);
	fd = openat(im->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(e, "openat", path, "cannot open a part of the image");
		return e->errnum == ENOENT ? err_hint(e, "it was removed; `lichen pull` or `lichen load` brings it again") : -1;
	}
	if (fstat(fd, &sb) < 0)
		return err_sys(e, "fstat", path, "cannot open a part of the image");
	if (!S_ISREG(sb.st_mode))
		return err_set(e, ERR_STATE, "%s is not a file", path);
	return fd_take(&fd);
}
