/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_verify.c - `lichen system verify`: what is recorded of images, their blobs, their unpacked layers */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/live.h"
#include "cli/pull_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "run/imager.h"
#include "run/inmap.h"

enum { EXIT_PROBLEMS = 1, BAR_WIDTH = 20 };

static const struct column COLUMNS[] = {
	{ "OBJECT", "object", COLUMN_LEFT },
	{ "IMAGE", "images", COLUMN_LEFT },
	{ "PROBLEM", "problem", COLUMN_LEFT },
};

/* An image of the store, and what people call it. */
struct known {
	struct image im;
	struct strv names;	/* familiar ones; else the short id */
	bool is_meant;
};

struct findings {
	const struct args *args;
	struct table table;
	struct image_place place;
	struct known *images;		/* all of them */
	size_t n_images;
	struct strv classes;
	struct strv blobs;		/* that were read */
	struct strv bad_blobs;		/* that are there, and are not what they are called */
	struct strv layers, bad_layers;	/* "CLASS/DIFF-ID": those that were looked at */
	const char *layer;		/* the one that is looked at */
	size_t n, n_of_layers;		/* problems; those of unpacked layers */
	/* on a terminal */
	struct imager_view view;
	struct live live;
	uint64_t done, total;
	uint32_t index;
};

/* ---- what is found ---- */

static bool is_made_of(const struct image *im, const char *digest)
{
	if (str_eq(im->id, digest) || str_eq(im->manifest, digest))
		return true;
	for (size_t i = 0; i < im->n_layers; i++)
		if (str_eq(im->layers[i].digest, digest) || str_eq(im->layers[i].diff_id, digest))
			return true;
	return false;
}

static void say(void *arg, const char *object, const char *what)
{
	struct findings *f = arg;
	AUTO_STRV struct strv images = { 0 };
	char cut[IMAGE_ID_SHORT + 1];

	for (size_t i = 0; i < f->n_images; i++)
		for (size_t k = 0; is_made_of(&f->images[i].im, object) && k < f->images[i].names.n; k++)
			strv_add(&images, f->images[i].names.v[k]);
	table_text_as(&f->table, object, str_starts(object, "sha256:") ? short_id(object, cut) : object);
	table_list(&f->table, &images);
	table_text(&f->table, what);
	f->n++;
}

static void say_blob(void *arg, const char *digest, const char *what)
{
	struct findings *f = arg;

	strv_add(&f->bad_blobs, digest);
	say(arg, digest, what);
}

static void say_layer(void *arg, const char *diff_id, const char *what)
{
	struct findings *f = arg;
	AUTO_FREE char *text = str_fmt("unpacked for %.*s: %s", (int)strcspn(f->layer, "/"), f->layer, what);

	if (!strv_has(&f->bad_layers, f->layer))
		strv_add(&f->bad_layers, f->layer);
	f->n_of_layers++;
	say(arg, diff_id, text);
}

/* ---- progress ---- */

static void on_progress(void *arg, uint32_t index, const char *what, uint64_t done, uint64_t total)
{
	struct findings *f = arg;

	(void)what;
	f->index = index;
	f->done = done;
	f->total = total;
}

static int on_tick(void *arg)
{
	struct findings *f = arg;
	AUTO_BUF struct buf line = { 0 };
	struct err ignored = { 0 };

	(void)live_wait(&f->live, 0, -1);
	bar_add(&line, BAR_WIDTH, f->done, f->total);
	if (f->layer)
		buf_addf(&line, " comparing the files of layer %zu, %.12s", f->layers.n, strchr(f->layer, ':') + 1);
	else
		buf_addf(&line, " reading blob %" PRIu32 " of %zu", f->index + 1, f->blobs.n);
	buf_add(&line, "\n");
	(void)!live_draw(&f->live, line.s, &ignored);
	return live_status(&f->live) ? live_status(&f->live) - EXIT_SIGNAL : 0;
}

static int open_view(struct findings *f, struct err *e)
{
	f->view = (struct imager_view){ .arg = f, .progress = on_progress };
	if (live_open_beside(&f->live, STDERR_FILENO, e) < 0)
		return -1;
	if (f->live.is_terminal)
		f->view.tick = on_tick;
	return 0;
}

static void close_view(struct findings *f)
{
	struct err ignored = { 0 };

	if (f->live.is_terminal)
		(void)!live_draw(&f->live, "", &ignored);
	live_close(&f->live);
}

/* ---- which images ---- */

static int know_images(struct findings *f, struct err *e)
{
	struct image_list list = { 0 };
	int rc = place_list(&f->place, &list, e);

	f->images = mem_alloc((list.n + 1) * sizeof(*f->images));
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		struct known *k = &f->images[f->n_images];
		struct err ignored = { 0 };
		char cut[IMAGE_ID_SHORT + 1];

		if (images_load(&f->place.images, list.v[i].id, &k->im, NULL, &ignored) < 0)
			continue;
		f->n_images++;
		k->is_meant = !f->args->n_operands;
		for (size_t n = 0; n < list.v[i].names.n; n++)
			strv_add_take(&k->names, familiar_name(list.v[i].names.v[n]));
		if (!k->names.n)
			strv_add(&k->names, short_id(k->im.id, cut));
	}
	image_list_fini(&list);
	return rc < 0 ? -1 : 0;
}

static int look_at_records(struct findings *f, struct err *e)
{
	struct image_place *p = &f->place;
	int rc = 0;

	for (int i = 0; rc == 0 && i < f->args->n_operands; i++) {
		AUTO_FREE char *id = NULL;

		rc = place_need(p, f->args->operands[i], &id, NULL, e);
		if (rc == 0)
			rc = images_verify(&p->images, id, &f->blobs, say, f, e);
		for (size_t k = 0; rc == 0 && k < f->n_images; k++)
			f->images[k].is_meant |= str_eq(f->images[k].im.id, id);
	}
	return rc == 0 && !f->args->n_operands ? images_verify(&p->images, NULL, &f->blobs, say, f, e) : rc;
}

/* ---- unpacked layers ---- */

/* Each once; what its blob says is not known where that is damaged. */
static int look_at_layer(struct findings *f, const char *cls, const struct image_layer *l, struct err *e)
{
	AUTO_FREE char *key = str_fmt("%s/%s", cls, l->diff_id);
	const struct layer_check c = { .cls = cls, .layer = l, .view = &f->view, .bad = say_layer, .arg = f };
	int rc;

	if (strv_has(&f->layers, key) || strv_has(&f->bad_blobs, l->digest) || !strv_has(&f->blobs, l->digest))
		return 0;
	strv_add(&f->layers, key);
	f->layer = key;
	rc = imager_verify_layer(&f->place.images, &c, e);
	f->layer = NULL;
	if (rc == 0) {	/* it is not unpacked there, or not any more */
		free(f->layers.v[--f->layers.n]);
		f->layers.v[f->layers.n] = NULL;
	}
	return rc < 0 ? -1 : 0;
}

static int look_at_layers(struct findings *f, struct err *e)
{
	int rc = images_classes(&f->place.images, &f->classes, e);

	for (size_t i = 0; i < f->n_images; i++)
		for (size_t k = 0; f->images[i].is_meant && k < f->images[i].im.n_layers; k++)
			for (size_t c = 0; rc == 0 && c < f->classes.n; c++)
				rc = look_at_layer(f, f->classes.v[c], &f->images[i].im.layers[k], e);
	return rc;
}

static int look(struct findings *f, struct err *e)
{
	int rc;

	if (know_images(f, e) < 0)
		return -1;
	if (f->place.is_empty && !f->args->n_operands)
		return 0;
	if (look_at_records(f, e) < 0 || open_view(f, e) < 0)
		return -1;
	rc = f->blobs.n ? imager_verify(&f->place.images, &f->blobs, &f->view, say_blob, f, e) : 0;
	if (rc == 0)
		rc = look_at_layers(f, e);
	close_view(f);
	return rc;
}

/* ---- repair ---- */

static int removed(int rc, const char *what, struct buf *out, struct err *e)
{
	if (rc < 0 && e->errnum != EBUSY)
		return -1;
	if (rc < 0)
		log_warn("%s stays: it is in use", what);
	if (rc > 0)
		buf_addf(out, "Removed: %s\n", what);
	err_clear(e);
	return 0;
}

static int repair(struct findings *f, struct buf *out, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->bad_layers.n; i++) {
		const char *slash = strchr(f->bad_layers.v[i], '/');
		AUTO_FREE char *cls = str_dupn(f->bad_layers.v[i], (size_t)(slash - f->bad_layers.v[i]));
		AUTO_FREE char *what = str_fmt("the layer %.19s as it was unpacked for %s", slash + 1, cls);

		rc = removed(images_drop_layer(&f->place.images, cls, slash + 1, in_map, e), what, out, e);
	}
	for (size_t i = 0; rc == 0 && i < f->bad_blobs.n; i++) {
		AUTO_FREE char *what = str_fmt("the blob %s", f->bad_blobs.v[i]);

		rc = removed(images_drop_blob(&f->place.images, f->bad_blobs.v[i], e), what, out, e);
	}
	return rc;
}

/* ---- the verb ---- */

static void add_advice(const struct findings *f, struct buf *out)
{
	buf_add(out, "\n");
	if (!f->args->repair && (f->bad_layers.n || f->bad_blobs.n))
		buf_add(out, "`lichen system verify --repair` removes damaged files and blobs that nobody uses.\n");
	if (f->bad_layers.n)
		buf_add(out, "The next run unpacks a layer that was removed again.\n");
	if (f->n > f->n_of_layers)
		buf_add(out, "`lichen pull NAME` or `lichen load -i FILE` brings blobs that are missing; "
			     "`lichen rmi -f NAME` before that, where something else is wrong.\n");
}

static int print(struct findings *f, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };
	const struct table_style style = table_style_here();
	int rc = f->args->repair && f->n ? repair(f, &out, e) : 0;

	if (f->args->json)
		return rc < 0 || table_print_json(&f->table, e) < 0 ? -1 : 0;
	if (f->n) {
		AUTO_FREE char *done = buf_take(&out);

		table_render(&f->table, &style, &out);
		buf_addf(&out, "%s%s", *done ? "\n" : "", done);
		add_advice(f, &out);
	} else {
		buf_addf(&out, "Nothing is wrong: %zu blob%s read, the files of %zu unpacked layer%s compared.\n", f->blobs.n,
			 f->blobs.n == 1 ? " was" : "s were", f->layers.n, f->layers.n == 1 ? "" : "s");
	}
	return rc < 0 || help_print(&out, e) < 0 ? -1 : 0;
}

static void findings_fini(struct findings *f)
{
	for (size_t i = 0; i < f->n_images; i++) {
		image_fini(&f->images[i].im);
		strv_fini(&f->images[i].names);
	}
	free(f->images);
	place_close(&f->place);
	table_fini(&f->table);
	strv_fini(&f->classes);
	strv_fini(&f->blobs);
	strv_fini(&f->bad_blobs);
	strv_fini(&f->layers);
	strv_fini(&f->bad_layers);
}

int verb_system_verify(const struct args *a, int *status, struct err *e)
{
	struct findings f = { .args = a, .table = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) }, .place = PLACE_CLOSED,
			      .live = { .fd = STDERR_FILENO, .signals = -1, .keys = -1 } };
	int rc = place_open(&f.place, false, e);

	if (rc == 0)
		rc = look(&f, e);
	if (rc == 0)
		rc = print(&f, e);
	*status = f.n ? EXIT_PROBLEMS : 0;
	findings_fini(&f);
	return rc;
}
