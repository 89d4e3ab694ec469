/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_verify.c - `lichen system verify` */


#include "base/auto.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "run/imager.h"

enum { EXIT_PROBLEMS = 1 };

static const struct column COLUMNS[] = {
	{ "OBJECT", "object", COLUMN_LEFT },
	{ "PROBLEM", "problem", COLUMN_LEFT },
};

struct findings {
	struct table table;
	struct image_place place;
	struct strv blobs;
	size_t n;
};

static void say(void *arg, const char *object, const char *what)
{
	struct findings *f = arg;

	table_text(&f->table, object);
	table_text(&f->table, what);
	f->n++;
}

static int look(struct findings *f, const struct args *a, struct err *e)
{
	struct image_place *p = &f->place;
	int rc = 0;

	for (int i = 0; rc == 0 && i < a->n_operands; i++) {
		AUTO_FREE char *id = NULL;

		rc = place_need(p, a->operands[i], &id, NULL, e);
		if (rc == 0)
			rc = images_verify(&p->images, id, &f->blobs, say, f, e);
	}
	if (rc == 0 && !a->n_operands && !p->is_empty)
		rc = images_verify(&p->images, NULL, &f->blobs, say, f, e);
	return rc == 0 && f->blobs.n ? imager_verify(&p->images, &f->blobs, say, f, e) : rc;
}

static int print(const struct findings *f, const struct args *a, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	if (a->json)
		return table_print_json(&f->table, e);
	if (f->n)
		return table_print(&f->table, e);
	buf_addf(&out, "Nothing is wrong: %zu blobs were read.\n", f->blobs.n);
	return help_print(&out, e);
}

int verb_system_verify(const struct args *a, int *status, struct err *e)
{
	struct findings f = { .table = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) }, .place = PLACE_CLOSED };
	int rc = place_open(&f.place, false, e);

	if (rc == 0)
		rc = look(&f, a, e);
	if (rc == 0)
		rc = print(&f, a, e);
	*status = f.n ? EXIT_PROBLEMS : 0;
	place_close(&f.place);
	table_fini(&f.table);
	strv_fini(&f.blobs);
	return rc;
}
