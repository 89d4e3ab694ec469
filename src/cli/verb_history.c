/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_history.c - lichen history */

#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/size.h"
#include "cli/age.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/table.h"
#include "cli/template.h"
#include "cli/verbs.h"

enum { CREATED_BY_WIDTH = 45 };	/* docker's */

static const struct column COLUMNS[] = {
	{ "IMAGE", "id", COLUMN_LEFT },		     { "CREATED", "created", COLUMN_LEFT },
	{ "CREATED BY", "createdBy", COLUMN_LEFT },  { "SIZE", "size", COLUMN_RIGHT },
	{ "COMMENT", "comment", COLUMN_LEFT },	     { NULL, "emptyLayer", COLUMN_LEFT },
};

/* Gives each step that made a layer its size; steps that nobody wrote down come first. */
static void fill_sizes(struct image_place *p, struct image *im)
{
	size_t layer = 0, made = 0;

	for (size_t i = 0; i < im->n_history; i++)
		made += !im->history[i].is_empty;
	if (made < im->n_layers) {
		const size_t more = im->n_layers - made;

		im->history = mem_grow(im->history, im->n_history + more, sizeof(*im->history));
		memmove(im->history + more, im->history, im->n_history * sizeof(*im->history));
		memset(im->history, 0, more * sizeof(*im->history));
		im->n_history += more;
	}
	for (size_t i = 0; i < im->n_history; i++) {
		struct layer_info info = { 0 };

		if (!im->history[i].is_empty && layer < im->n_layers && place_layer_info(p, im->layers[layer++].diff_id, &info))
			im->history[i].size = info.bytes;
	}
}

static char *created_by(const struct args *a, const struct image_history *h)
{
	const char *text = h->created_by ? h->created_by : "";

	if (a->no_trunc || strlen(text) <= CREATED_BY_WIDTH)
		return str_dup(text);
	return str_fmt("%.*s...", CREATED_BY_WIDTH - 3, text);
}

/* @id: of the last step; NULL: of one before, which is no image. */
static void add_row(struct table *t, json_t *rows, const struct args *a, const struct image_history *h, const char *id)
{
	AUTO_FREE char *by = created_by(a, h);
	char age[AGE_TEXT], size[SIZE_TEXT], cut[IMAGE_ID_SHORT + 1];
	const char *shown = !id ? "<missing>" : a->no_trunc ? id : short_id(id, cut);

	age_format(time_of_text(h->created), time(NULL), age);
	size_format(h->size, size);
	table_text_as(t, id, shown);
	table_text_as(t, h->created, age);
	table_text_as(t, h->created_by ? h->created_by : "", by);
	table_int(t, (int64_t)h->size, size);
	table_text(t, h->comment ? h->comment : "");
	table_bool(t, h->is_empty, NULL);
	json_array_append_new(rows, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "ID", shown, "CreatedSince", age, "CreatedAt",
					      h->created ? h->created : "N/A", "CreatedBy", by, "Size", size, "Comment",
					      h->comment ? h->comment : ""));
}

static int print(struct table *t, json_t *rows, const struct args *a, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };
	json_t *titles;
	int rc;

	if (a->json)
		return table_print_json(t, e);
	if (a->quiet || (a->format && !str_eq(a->format, "table"))) {
		titles = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "ID", "IMAGE", "CreatedSince", "CREATED", "CreatedAt", "CREATED AT",
				   "CreatedBy", "CREATED BY", "Size", "SIZE", "Comment", "COMMENT");
		rc = template_rows(a->quiet ? "{{.ID}}" : a->format, titles, rows, &out, e);
		json_decref(titles);
		return rc < 0 ? -1 : help_print(&out, e);
	}
	return table_print(t, e);
}

int verb_history(const struct args *a, int *status, struct err *e)
{
	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };
	AUTO_FREE char *id = NULL;
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image im = { 0 };
	json_t *rows;
	int rc = place_open(&p, false, e);

	*status = 0;
	if (rc == 0)
		rc = place_need(&p, a->operands[0], &id, NULL, e);
	if (rc == 0)
		rc = images_load(&p.images, id, &im, NULL, e);
	if (rc < 0)
		return -1;
	rows = json_array();
	fill_sizes(&p, &im);
	for (size_t i = im.n_history; i > 0; i--)
		add_row(&t, rows, a, &im.history[i - 1], i == im.n_history ? id : NULL);
	rc = print(&t, rows, a, e);
	json_decref(rows);
	image_fini(&im);
	return rc;
}
