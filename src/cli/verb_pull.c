/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_pull.c - lichen pull */

#include "base/auto.h"
#include "cli/args.h"
#include "cli/each.h"
#include "cli/help.h"
#include "cli/image_job.h"
#include "cli/verbs.h"

struct pull {
	const struct args *a;
	struct image_place place;
};

static int print_id(const struct args *a, const char *word, const char *id, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	if (a->json)
		return print_image_event("image", word, id, e);
	buf_addf(&out, "%s\n", id);
	return help_print(&out, e);
}

static int bring(struct pull *p, const struct image_source *source, const struct pull_view *view, char **id, struct err *e)
{
	AUTO_STRV struct strv ids = { 0 };

	if (source->kind == SOURCE_NAME)
		return bring_name(&p->place, p->a, &source->ref, view, id, e);
	if (bring_source(&p->place, p->a, source, false, view, &ids, e) < 0)
		return -1;
	*id = str_dup(ids.n ? ids.v[0] : "");
	return 0;
}

static int pull_one(const char *word, void *arg, struct err *e)
{
	struct pull *p = arg;
	struct image_source source;
	struct pull_view view;
	AUTO_FREE char *id = NULL;
	int rc;

	if (source_parse(word, &source, e) < 0)
		return -1;
	if (source.kind == SOURCE_PATH) {
		source_fini(&source);
		err_set(e, ERR_USAGE, "%s: a path is not the name of an image", word);
		return err_hint(e, "'lichen load -i %s' reads an archive of images, and 'lichen run %s' runs it", word, word);
	}
	rc = pull_view_open(&view, p->a, word, e);
	if (rc == 0) {
		rc = bring(p, &source, &view, &id, e);
		pull_view_close(&view);
	}
	source_fini(&source);
	return rc < 0 ? -1 : print_id(p->a, word, id, e);
}

int verb_pull(const struct args *a, int *status, struct err *e)
{
	struct pull p = { .a = a };
	int rc = place_open(&p.place, true, e);

	if (rc == 0)
		rc = each_word(a, 0, pull_one, &p, e);
	place_close(&p.place);
	*status = 0;
	return rc;
}
