/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_layers.c - unpacked layers: use, coming, what is known of them
 *
 * layer.json has the sums that are shown; nothing of a start is read from it.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "store/images_internal.h"

enum { LAYER_JSON_MAX = 4096 };

/* "layers/CLASS/HEX"; NULL with @e where one of them cannot be. */
static char *layer_name(const char *cls, const char *diff_id, struct err *e)
{
	const char *hex = images_hex(diff_id);

	if (hex && str_is_name(cls))
		return str_fmt("layers/%s/%s", cls, hex);
	err_set(e, ERR_STATE, "\"%.80s\" is no digest of a layer", diff_id);
	return NULL;
}

int images_use_layer(struct images *im, const char *cls, const char *diff_id, struct layer_use *use, struct err *e)
{
	AUTO_FREE char *name = layer_name(cls, diff_id, e);
	int r;

	*use = (struct layer_use){ .fd = -1 };
	if (!name)
		return -1;
	use->path = str_fmt("%s/%s/root", im->dir, name);
	r = lock_share(im->fd, name, O_RDONLY | O_DIRECTORY, &use->fd);
	if (r > 0)
		return 1;
	if (r < 0)
		err_sys(e, "openat", use->path, "cannot take a layer of the image");
	layer_use_fini(use);
	return r;
}

void layer_use_fini(struct layer_use *use)
{
	auto_free(&use->path);
	auto_close(&use->fd);
}

/* ---- layer.json ---- */

static int write_info(const struct image_tmp *t, const struct layer_info *info, struct err *e)
{
	AUTO_FREE char *text = str_fmt("{\"bytes\": %" PRIu64 ", \"entries\": %" PRIu64 ", \"devices\": %" PRIu64 ", \"owners\": %s}\n",
				       info->bytes, info->entries, info->devices, info->has_owners ? "true" : "false");

	if (fd_write_file(t->fd, "layer.json", text, strlen(text)) == 0)
		return 0;
	err_sys(e, "write", t->path, "cannot write layer.json");
	return store_hint_full(e);
}

static bool read_number(const json_t *o, const char *key, uint64_t *out)
{
	const json_t *v = json_object_get(o, key);

	*out = (uint64_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

int images_layer_info(const struct images *im, const char *cls, const char *diff_id, struct layer_info *info, struct err *e)
{
	AUTO_FREE char *layer = layer_name(cls, diff_id, e), *name = NULL, *text = NULL;
	json_error_t at;
	json_t *o;
	size_t len;
	bool is_good;

	*info = (struct layer_info){ 0 };
	if (!layer)
		return -1;
	name = str_fmt("%s/layer.json", layer);
	if (fd_read_file(im->fd, name, LAYER_JSON_MAX, &text, &len) < 0) {
		AUTO_FREE char *path = str_fmt("%s/%s", im->dir, name);

		return err_sys(e, "read", path, "cannot read what is known of a layer");
	}
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	is_good = read_number(o, "bytes", &info->bytes) && read_number(o, "entries", &info->entries) &&
		  read_number(o, "devices", &info->devices) && json_is_boolean(json_object_get(o, "owners"));
	info->has_owners = json_is_true(json_object_get(o, "owners"));
	json_decref(o);
	return is_good ? 0 : err_set(e, ERR_STATE, "%s/%s is not as lichen writes it", im->dir, name);
}

/* ---- coming ---- */

/* layers/CLASS with its map, which must be the one that is there. */
static int make_class(struct images *im, const char *cls, const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	AUTO_FREE char *dir = str_fmt("layers/%s", cls), *name = str_fmt("%s/map", dir), *text = map_text(uids, gids), *there = NULL;
	const struct tmp_place p = images_place(im);
	struct id_map u, g;
	bool is_same;
	int r;

	if (mkdirat(im->fd, dir, 0700) < 0 && errno != EEXIST) {
		err_sys(e, "mkdirat", dir, "cannot make the directory of the layers");
		return store_hint_full(e);
	}
	if (faccessat(im->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		r = tmp_put(&p, name, text, strlen(text), false, false, e);
		if (r <= 0)
			return r;
	}
	if (images_class_map(im, cls, &u, &g, e) < 0)
		return -1;
	there = map_text(&u, &g);
	is_same = str_eq(there, text);
	id_map_fini(&u);
	id_map_fini(&g);
	if (is_same)
		return 0;
	err_set(e, ERR_STATE, "the layers in %s/%s are of other ids: %.100s", im->dir, dir, there);
	return err_hint(e, "`lichen image prune` removes what no image needs; then remove that directory");
}

int images_commit_layer(struct images *im, struct image_tmp *t, const char *cls, const struct id_map *uids, const struct id_map *gids,
			const char *diff_id, const struct layer_info *info, struct err *e)
{
	AUTO_FREE char *to = layer_name(cls, diff_id, e), *from = str_fmt("tmp/%s", t->name);
	static const char *const notes[] = { "map", "host" };

	if (!to || make_class(im, cls, uids, gids, e) < 0 || write_info(t, info, e) < 0)
		return -1;
	if (faccessat(t->fd, "root", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "faccessat", t->path, "the layer has no tree");
	if (renameat(im->fd, from, im->fd, to) < 0) {
		AUTO_FREE char *path = str_fmt("%s/%s", im->dir, to);

		if (errno == EEXIST || errno == ENOTEMPTY)
			return 0; /* the other one is as good; ours goes with images_tmp_end() */
		err_sys(e, "renameat", path, "cannot put the layer into its place");
		return store_hint_full(e);
	}
	/* told only a sweep of tmp/ */
	for (size_t i = 0; i < N_ELEMS(notes); i++)
		(void)!unlinkat(t->fd, notes[i], 0);
	tmp_placed(t);
	return 0;
}
