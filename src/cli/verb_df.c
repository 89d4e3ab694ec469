/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_df.c - `lichen system df`: what lichen's files take up */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/size.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "run/inmap.h"
#include "store/tmp.h"
#include "store/volumes.h"

static const struct column SUMS[] = {
	{ "TYPE", "type", COLUMN_LEFT },   { "TOTAL", "total", COLUMN_RIGHT },		    { "ACTIVE", "active", COLUMN_RIGHT },
	{ "SIZE", "size", COLUMN_RIGHT },  { "RECLAIMABLE", "reclaimable", COLUMN_RIGHT },
};
static const struct column ROWS[] = {
	{ "NAME", "name", COLUMN_LEFT }, { "ID", "id", COLUMN_LEFT }, { "IN USE", "inUse", COLUMN_LEFT }, { "SIZE", "size", COLUMN_RIGHT },
};

struct sums {
	uint64_t total, active, bytes, free_bytes;
};

/* One type of things. */
struct part {
	const char *name;
	struct sums sums;
	struct table rows;
};

static void add_row(struct part *p, const char *name, const char *id, bool is_used, uint64_t bytes)
{
	char shown[SIZE_TEXT], cut[IMAGE_ID_SHORT + 1];

	table_text_as(&p->rows, name, name ? name : "<none>");
	table_text_as(&p->rows, id, id ? short_id(id, cut) : "-");
	table_bool(&p->rows, is_used, NULL);
	table_int(&p->rows, (int64_t)bytes, size_format(bytes, shown));
	p->sums.total++;
	p->sums.active += is_used;
}

/* ---- images ---- */

/* What images in use need, each once. */
struct needed {
	struct strv layers, blobs;
	uint64_t bytes;
};

static void need_blob(struct needed *n, const struct images *im, const char *digest)
{
	struct err ignored = { 0 };
	AUTO_CLOSE int fd = -1;
	struct stat sb;

	if (strv_has(&n->blobs, digest))
		return;
	strv_add(&n->blobs, digest);
	fd = images_open_blob(im, digest, &ignored);
	if (fd >= 0 && fstat(fd, &sb) == 0)
		n->bytes += (uint64_t)sb.st_size;
}

static void need_image(struct needed *n, const struct images *im, const struct strv *classes, const struct image *image)
{
	need_blob(n, im, image->id);
	need_blob(n, im, image->manifest);
	for (size_t i = 0; i < image->n_layers; i++) {
		need_blob(n, im, image->layers[i].digest);
		if (strv_has(&n->layers, image->layers[i].diff_id))
			continue;
		strv_add(&n->layers, image->layers[i].diff_id);
		for (size_t k = 0; k < classes->n; k++) {
			struct err ignored = { 0 };
			struct layer_info info;

			if (images_layer_info(im, classes->v[k], image->layers[i].diff_id, &info, &ignored) == 0)
				n->bytes += info.bytes;
		}
	}
}

static int look_at_images(struct part *part, struct image_place *p, struct err *e)
{
	AUTO_STRV struct strv classes = { 0 };
	struct image_list list = { 0 };
	struct images_size size;
	struct needed n = { 0 };
	int rc = p->is_empty ? 0 : images_measure(&p->images, &size, e);

	if (p->is_empty)
		return 0;
	if (rc == 0)
		rc = images_classes(&p->images, &classes, e);
	if (rc == 0)
		rc = place_list(p, &list, e);
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		const bool is_used = images_is_used(&p->images, list.v[i].id);
		AUTO_FREE char *name = list.v[i].names.n ? familiar_name(list.v[i].names.v[0]) : NULL;
		struct err ignored = { 0 };
		struct image im = { 0 };

		if (images_load(&p->images, list.v[i].id, &im, NULL, &ignored) < 0)
			continue;
		add_row(part, name, list.v[i].id, is_used, place_size(p, &im));
		if (is_used)
			need_image(&n, &p->images, &classes, &im);
		image_fini(&im);
	}
	if (rc == 0) {
		part->sums.bytes = size.blob_bytes + size.layer_bytes;
		part->sums.free_bytes = part->sums.bytes > n.bytes ? part->sums.bytes - n.bytes : 0;
	}
	strv_fini(&n.layers);
	strv_fini(&n.blobs);
	image_list_fini(&list);
	return rc;
}

/* ---- sandboxes ---- */

/* Whether it runs, and in which map its files are. */
static bool look_at_run(struct store *st, const char *id, struct map_pair *map, char **name)
{
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	struct run_state state = { 0 };
	struct err ignored = { 0 };

	if (store_find(st, id, &rd, &ignored) < 0)
		return false;
	if (store_read_state(&rd, &state, &ignored) == 0) {
		id_map_copy(&map->uids, &state.uids);
		id_map_copy(&map->gids, &state.gids);
	}
	*name = store_name_of(&rd);
	run_state_fini(&state);
	run_dir_fini(&rd);
	return true;
}

static int add_run(struct part *part, struct store *st, const char *id, struct err *e)
{
	AUTO_CLOSE int fd = openat(st->data_fd, id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_FREE char *name = NULL;
	struct map_pair map = { 0 };
	bool is_live, is_kept;
	uint64_t bytes = 0;
	int rc;

	if (fd < 0)
		return 0; /* it has just ended */
	is_kept = faccessat(fd, "kept", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	is_live = look_at_run(st, id, &map, &name);
	rc = tree_measure(fd, &map, map.uids.n ? 1 : 0, in_map, &bytes, e);
	if (rc == 0) {
		add_row(part, name, id, is_live, bytes);
		part->sums.bytes += bytes;
		part->sums.free_bytes += is_live || is_kept ? 0 : bytes;
	}
	id_map_fini(&map.uids);
	id_map_fini(&map.gids);
	return rc;
}

/* Those with a layer on the disk, and those that run without one. */
static int look_at_runs(struct part *part, struct store *st, struct err *e)
{
	AUTO_DIR DIR *dir = dir_open(st->data_fd, ".");
	struct run_names names = { 0 };
	int rc = dir ? 0 : err_sys(e, "openat", st->data_dir, "cannot list the sandboxes");

	for (const struct dirent *d; rc == 0 && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			rc = add_run(part, st, d->d_name, e);
	if (rc == 0)
		rc = store_list(st, SIZE_MAX, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		if (faccessat(st->data_fd, names.v[i].id, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			add_row(part, names.v[i].name, names.v[i].id, true, 0);
	run_names_fini(&names);
	return rc;
}

/* ---- volumes ---- */

static int look_at_volumes(struct part *part, struct store *st, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	struct volumes vs;
	int rc;

	if (volumes_open(st, false, &vs, e) < 0)
		return e->kind == ERR_STATE && e->errnum == ENOENT ? 0 : -1;
	rc = volumes_list(&vs, &names, e);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		const bool is_used = volume_is_used(&vs, names.v[i]);
		uint64_t bytes;

		if (volume_measure(&vs, names.v[i], in_map, &bytes, e) < 0) {
			rc = e->errnum == ENOENT ? 0 : -1;
			continue;
		}
		add_row(part, names.v[i], NULL, is_used, bytes);
		part->sums.bytes += bytes;
		part->sums.free_bytes += is_used ? 0 : bytes;
	}
	volumes_close(&vs);
	return rc;
}

/* ---- all of it ---- */

enum { IMAGES, CONTAINERS, VOLUMES, PARTS };

static void add_sums(struct table *t, const struct part *p)
{
	char shown[SIZE_TEXT];

	table_text(t, p->name);
	table_int(t, (int64_t)p->sums.total, NULL);
	table_int(t, (int64_t)p->sums.active, NULL);
	table_int(t, (int64_t)p->sums.bytes, size_format(p->sums.bytes, shown));
	table_int(t, (int64_t)p->sums.free_bytes, size_format(p->sums.free_bytes, shown));
}

static int print_rows(const struct part *parts, bool json, struct err *e)
{
	const struct table_style style = table_style_here();
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < PARTS; i++) {
		if (json) {
			buf_addf(&out, "%s\"%s\": ", i ? "," : "{", parts[i].name);
			table_render_json(&parts[i].rows, &out);
		} else {
			buf_addf(&out, "%s%s:\n\n", i ? "\n" : "", parts[i].name);
			table_render(&parts[i].rows, &style, &out);
		}
	}
	buf_add(&out, json ? "}\n" : "");
	return help_print(&out, e);
}

int verb_system_df(const struct args *a, int *status, struct err *e)
{
	struct part parts[PARTS] = { [IMAGES] = { .name = "images" }, [CONTAINERS] = { .name = "containers" }, [VOLUMES] = { .name = "volumes" } };
	AUTO_TABLE struct table sums = { .columns = SUMS, .n_columns = N_ELEMS(SUMS) };
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	int rc = place_open(&p, false, e);

	*status = 0;
	for (size_t i = 0; i < PARTS; i++) {
		parts[i].rows.columns = ROWS;
		parts[i].rows.n_columns = N_ELEMS(ROWS);
	}
	if (rc == 0)
		rc = look_at_images(&parts[IMAGES], &p, e);
	if (rc == 0)
		rc = look_at_runs(&parts[CONTAINERS], &p.store, e);
	if (rc == 0)
		rc = look_at_volumes(&parts[VOLUMES], &p.store, e);
	for (size_t i = 0; i < PARTS; i++)
		add_sums(&sums, &parts[i]);
	if (rc == 0 && a->verbose)
		rc = print_rows(parts, a->json, e);
	else if (rc == 0)
		rc = a->json ? table_print_json(&sums, e) : table_print(&sums, e);
	for (size_t i = 0; i < PARTS; i++)
		table_fini(&parts[i].rows);
	return rc;
}
