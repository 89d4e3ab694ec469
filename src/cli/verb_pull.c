/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_pull.c - lichen pull */

#include "base/auto.h"
#include "base/log.h"
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

/* ---- all tags ---- */

/* Those of the first registry that the name may mean and that answers; @full: the repository there, owned */
static int find_tags(struct pull *p, const struct image_ref *ref, char **full, struct strv *tags, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	int rc = short_names_complete(&p->place.short_names, ref, &names, e);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		AUTO_CREDENTIALS struct credentials c = { 0 };
		AUTO_REF struct image_ref there = { 0 };
		struct imager_registry how;
		struct err one = { 0 };

		if (ref_parse(names.v[i], &there, &one) == 0 && registry_options(&p->place, p->a, &there, &c, &how, &one) == 0 &&
		    imager_tags(&there, &how, tags, &one) == 0) {
			*full = str_fmt("%s/%s", there.registry, there.repository);
			return 0;
		}
		if (i)
			log_err(e);
		*e = one;
		if (e->kind == ERR_SIGNAL)
			break;
	}
	return -1;
}

static int pull_tags(const char *word, void *arg, struct err *e)
{
	struct pull *p = arg;
	AUTO_STRV struct strv tags = { 0 }, names = { 0 };
	AUTO_FREE char *full = NULL;
	struct image_source source;
	struct args some = *p->a;
	int rc;

	if (source_parse(word, &source, e) < 0)
		return -1;
	if (source.kind != SOURCE_NAME || source.ref.tag || source.ref.digest) {
		source_fini(&source);
		err_set(e, ERR_USAGE, "--all-tags %s: expected the name of a repository, without a tag", word);
		return err_hint(e, "for example --all-tags docker.io/library/alpine");
	}
	rc = find_tags(p, &source.ref, &full, &tags, e);
	source_fini(&source);
	if (rc < 0)
		return err_wrap(e, "%s", word);
	for (size_t i = 0; i < tags.n; i++)
		strv_addf(&names, "%s:%s", full, tags.v[i]);
	some.operands = names.v;
	some.n_operands = (int)names.n;
	return each_word(&some, 0, pull_one, p, e);
}

int verb_pull(const struct args *a, int *status, struct err *e)
{
	struct pull p = { .a = a };
	int rc = place_open(&p.place, true, e);

	if (rc == 0)
		rc = each_word(a, 0, a->all_tags ? pull_tags : pull_one, &p, e);
	place_close(&p.place);
	*status = 0;
	return rc;
}
