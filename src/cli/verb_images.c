/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_images.c - lichen images */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/size.h"
#include "cli/age.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_filter.h"
#include "cli/table.h"
#include "cli/template.h"
#include "cli/verbs.h"

static const struct column PLAIN[] = {
	{ "REPOSITORY", "repository", COLUMN_LEFT }, { "TAG", "tag", COLUMN_LEFT },
	{ NULL, "digest", COLUMN_LEFT },	     { "IMAGE ID", "shownId", COLUMN_LEFT },
	{ "CREATED", "created", COLUMN_LEFT },	     { "SIZE", "size", COLUMN_RIGHT },
	{ NULL, "id", COLUMN_LEFT },		     { NULL, "name", COLUMN_LEFT },
	{ NULL, "architecture", COLUMN_LEFT },	     { NULL, "os", COLUMN_LEFT },
};
enum { DIGEST_COLUMN = 2, SHOWN_ID_COLUMN = 3 };

static const char NONE[] = "<none>";

struct listing {
	const struct args *a;
	struct table table;
	struct strv ids;	/* of -q: each once */
	json_t *rows;		/* of --format */
	int64_t now;
};

/* What is shown of one name of an image. */
struct row {
	char *name;		/* as people say it; NULL: none */
	char *repository, *tag;
	const char *digest;	/* borrowed; NULL */
};

static void row_fini(struct row *r)
{
	free(r->name);
	free(r->repository);
	free(r->tag);
}

/* @full: a name with a tag, one with a digest, or NULL. */
static void row_make(struct row *r, const char *full, const struct image_entry *entry, const struct image *im)
{
	const char *slash, *behind;
	size_t len;

	*r = (struct row){ .name = full ? familiar_name(full) : NULL };
	r->digest = im->manifest[0] ? im->manifest : NULL;
	if (!r->name) {
		r->repository = str_dup(NONE);
		r->tag = str_dup(NONE);
		return;
	}
	slash = strrchr(r->name, '/');
	behind = slash ? slash : r->name;
	len = (size_t)(behind - r->name) + strcspn(behind, ":@");
	r->repository = str_dupn(r->name, len);
	r->tag = str_dup(r->name[len] == ':' ? r->name + len + 1 : NONE);
	/* the digest that it was pulled by may be that of an index */
	for (size_t i = 0; i < entry->digests.n; i++) {
		const char *at = strchr(entry->digests.v[i], '@');

		if (at && strncmp(entry->digests.v[i], full, (size_t)(at - entry->digests.v[i])) == 0)
			r->digest = at + 1;
	}
}

static void add_json(struct listing *l, const struct row *r, const char *id, const char *age, const char *size, const struct image *im)
{
	char cut[IMAGE_ID_SHORT + 1];

	json_array_append_new(l->rows, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "ID", l->a->no_trunc ? id : short_id(id, cut), "Repository",
						 r->repository, "Tag", r->tag, "Digest", r->digest ? r->digest : NONE, "CreatedSince", age,
						 "CreatedAt", im->created ? im->created : "N/A", "Size", size));
}

static void add_row(struct listing *l, const char *full, const struct image_entry *entry, const struct image *im, uint64_t bytes)
{
	char age[AGE_TEXT], size_text[SIZE_TEXT], cut[IMAGE_ID_SHORT + 1];
	const char *size = bytes ? size_format(bytes, size_text) : "-";
	struct row r;

	row_make(&r, full, entry, im);
	age_format(time_of_text(im->created), l->now, age);
	table_text(&l->table, r.repository);
	table_text(&l->table, r.tag);
	table_text_as(&l->table, r.digest, r.digest ? r.digest : NONE);
	table_text(&l->table, l->a->no_trunc ? entry->id : short_id(entry->id, cut));
	table_text_as(&l->table, im->created, age);
	if (bytes)
		table_int(&l->table, (int64_t)bytes, size);
	else
		table_null(&l->table, size);
	table_text(&l->table, entry->id);
	table_text(&l->table, r.name);
	table_text(&l->table, im->architecture);
	table_text(&l->table, im->os);
	add_json(l, &r, entry->id, age, size, im);
	if (!strv_has(&l->ids, l->a->no_trunc ? entry->id : cut))
		strv_add(&l->ids, l->a->no_trunc ? entry->id : cut);
	row_fini(&r);
}

/* A row for each of its names that is wanted. */
static void add_image(struct listing *l, struct image_place *p, const struct image_filter *f, const struct image_entry *entry,
		      const struct image *im)
{
	const struct strv *names = entry->names.n ? &entry->names : &entry->digests;
	const uint64_t bytes = place_size(p, im);

	for (size_t i = 0; i < names->n; i++)
		if (filter_takes_name(f, names->v[i]))
			add_row(l, names->v[i], entry, im, bytes);
	if (!names->n && filter_takes_name(f, NULL))
		add_row(l, NULL, entry, im, bytes);
}

static int fill(struct listing *l, struct image_place *p, const struct image_filter *f, struct err *e)
{
	struct image_list list = { 0 };
	struct err ignored = { 0 };
	int rc = place_list(p, &list, e);

	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		struct image im = { 0 };

		/* it may go meanwhile */
		if (images_load(&p->images, list.v[i].id, &im, NULL, &ignored) == 0 && filter_takes(f, &list.v[i], &im))
			add_image(l, p, f, &list.v[i], &im);
		image_fini(&im);
	}
	image_list_fini(&list);
	return rc;
}

static int print_format(const struct listing *l, struct err *e)
{
	json_t *titles = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "ID", "IMAGE ID", "Repository", "REPOSITORY", "Tag", "TAG", "Digest", "DIGEST",
				   "CreatedSince", "CREATED", "CreatedAt", "CREATED AT", "Size", "SIZE");
	AUTO_BUF struct buf out = { 0 };
	int rc = template_rows(l->a->format, titles, l->rows, &out, e);

	json_decref(titles);
	return rc < 0 ? -1 : help_print(&out, e);
}

static int print_ids(const struct listing *l, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	for (size_t i = 0; i < l->ids.n; i++)
		buf_addf(&out, "%s\n", l->ids.v[i]);
	return help_print(&out, e);
}

static int print(struct listing *l, struct err *e)
{
	struct column columns[N_ELEMS(PLAIN)];

	if (l->a->quiet)
		return print_ids(l, e);
	if (l->a->format && !str_eq(l->a->format, "table"))
		return print_format(l, e);
	memcpy(columns, PLAIN, sizeof(columns));
	if (l->a->digests)
		columns[DIGEST_COLUMN].title = "DIGEST";
	/* programs get the whole one */
	columns[SHOWN_ID_COLUMN].key = NULL;
	l->table.columns = columns;
	return l->a->json ? table_print_json(&l->table, e) : table_print(&l->table, e);
}

static int check_args(const struct args *a, struct err *e)
{
	const int n = a->quiet + a->json + (a->format != NULL);

	return n > 1 ? err_set(e, ERR_USAGE, "--quiet, --format and --json each say what is printed: give one of them") : 0;
}

int verb_images(const struct args *a, int *status, struct err *e)
{
	struct listing l = { .a = a, .table = { .columns = PLAIN, .n_columns = N_ELEMS(PLAIN) }, .now = time(NULL) };
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image_filter f = { 0 };
	int rc = check_args(a, e);

	*status = 0;
	l.rows = json_array();
	if (rc == 0)
		rc = place_open(&p, false, e);
	if (rc == 0)
		rc = filter_make(&f, &p, a, e);
	if (rc == 0)
		rc = fill(&l, &p, &f, e);
	if (rc == 0)
		rc = print(&l, e);
	filter_fini(&f);
	table_fini(&l.table);
	strv_fini(&l.ids);
	json_decref(l.rows);
	return rc;
}
