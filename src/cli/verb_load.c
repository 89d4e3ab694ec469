/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_load.c - lichen load, import: images from files of this machine */

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/args.h"
#include "cli/change.h"
#include "cli/help.h"
#include "cli/image_job.h"
#include "cli/verbs.h"

static int no_terminal(const char *verb, struct err *e)
{
	if (!isatty(STDIN_FILENO))
		return 0;
	err_set(e, ERR_USAGE, "%s: standard input is a terminal", verb);
	return err_hint(e, "name a file, lichen %s FILE, or redirect it: lichen %s <FILE", verb, verb);
}

/* A file whose name has no ./ is meant as one: nothing else can be. */
static int file_source(const char *word, struct image_source *source, struct err *e)
{
	*source = (struct image_source){ .kind = SOURCE_PATH, .number = -1 };
	if (str_starts(word, "oci:") || str_starts(word, "oci-archive:") || str_starts(word, "docker-archive:"))
		return source_parse(word, source, e);
	source->path = str_dup(word);
	return 0;
}

/* ---- load ---- */

static int add_loaded(const struct args *a, const char *what, const char *name, const char *id, struct buf *out, struct err *e)
{
	if (a->json)
		return print_image_event("image", name, id, e);
	buf_addf(out, "Loaded image%s: %s\n", what, name);
	return 0;
}

/* "Loaded image: alpine:3.20", a line for each name that it has now, as docker has it. */
static int print_loaded(struct image_place *p, const struct args *a, const char *id, struct err *e)
{
	struct image_list list = { 0 };
	AUTO_BUF struct buf out = { 0 };
	const struct strv *names = NULL;
	int rc = place_list(p, &list, e);

	for (size_t i = 0; rc == 0 && i < list.n; i++)
		if (str_eq(list.v[i].id, id))
			names = &list.v[i].names;
	for (size_t i = 0; rc == 0 && names && i < names->n; i++) {
		AUTO_FREE char *name = familiar_name(names->v[i]);

		rc = add_loaded(a, "", name, id, &out, e);
	}
	if (rc == 0 && (!names || !names->n))
		rc = add_loaded(a, " ID", id, id, &out, e);
	image_list_fini(&list);
	return rc < 0 ? -1 : help_print(&out, e);
}

static int load(struct image_place *p, const struct args *a, const char *word, struct err *e)
{
	AUTO_STRV struct strv ids = { 0 };
	struct image_source source;
	struct pull_view view;
	int rc = file_source(word, &source, e);

	if (rc == 0)
		rc = pull_view_open(&view, a, str_eq(word, "-") ? "standard input" : word, e);
	if (rc == 0) {
		rc = bring_source(p, a, &source, true, &view, &ids, e) < 0 ? name_file(str_eq(word, "-") ? "standard input" : word, e) : 0;
		pull_view_close(&view);
	}
	source_fini(&source);
	for (size_t i = 0; rc == 0 && i < ids.n; i++)
		rc = print_loaded(p, a, ids.v[i], e);
	return rc;
}

int verb_load(const struct args *a, int *status, struct err *e)
{
	const char *word = a->input ? a->input : a->n_operands ? a->operands[0] : "-";
	AUTO_PLACE struct image_place p = PLACE_CLOSED;

	*status = 0;
	if (a->input && a->n_operands)
		return err_set(e, ERR_USAGE, "load: '%s' and -i %s: one file at a time", a->operands[0], a->input);
	if (str_eq(word, "-") && no_terminal("load", e) < 0)
		return -1;
	return place_open(&p, true, e) < 0 ? -1 : load(&p, a, word, e);
}

/* ---- import ---- */

static int make_config(struct image *im, const struct args *a, struct err *e)
{
	const time_t now = time(NULL);
	char text[sizeof("2024-05-01T12:00:00Z") + 8];
	struct tm utc;

	for (size_t i = 0; i < a->changes.n; i++)
		if (change_apply(im, a->changes.v[i], e) < 0)
			return -1;
	im->history = mem_alloc(sizeof(*im->history));
	im->n_history = 1;
	if (gmtime_r(&now, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc)) {
		im->created = str_dup(text);
		im->history[0].created = str_dup(text);
	}
	im->history[0].created_by = str_dup("lichen import");
	im->history[0].comment = str_dup(a->message ? a->message : "Imported from a root file system");
	return 0;
}

static int bring_import(struct image_place *p, const struct args *a, const struct image *config, struct strv *ids, struct err *e)
{
	struct imager_job job = { .imported = config };
	AUTO_FREE char *name = a->n_operands > 1 ? place_new_name(p, a->operands[1], e) : NULL;
	AUTO_PULL_VIEW struct pull_view view = { .live = { .signals = -1, .keys = -1 } };
	int rc = a->n_operands > 1 && !name ? -1 : file_source(a->operands[0], &job.source, e);

	if (name)
		strv_add(&job.names, name);
	if (rc == 0)
		rc = job_options(&job, a, e);
	if (rc == 0)
		rc = pull_view_open(&view, a, a->operands[0], e);
	job.view = &view.view;
	if (rc == 0)
		rc = place_ids(p, e);
	if (rc == 0)
		rc = imager_bring(&p->images, &p->facts, &p->uids, &p->gids, &job, ids, e);
	strv_fini(&job.names);
	source_fini(&job.source);
	return rc;
}

int verb_import(const struct args *a, int *status, struct err *e)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	AUTO_STRV struct strv ids = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct image config = { 0 };
	int rc = str_eq(a->operands[0], "-") ? no_terminal("import", e) : 0;

	*status = 0;
	if (rc == 0)
		rc = make_config(&config, a, e);
	if (rc == 0)
		rc = place_open(&p, true, e);
	if (rc == 0)
		rc = bring_import(&p, a, &config, &ids, e);
	image_fini(&config);
	if (rc < 0)
		return -1;
	if (a->json)
		return print_image_event("image", a->n_operands > 1 ? a->operands[1] : ids.v[0], ids.v[0], e);
	buf_addf(&out, "%s\n", ids.v[0]);
	return help_print(&out, e);
}
