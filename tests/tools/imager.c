/* SPDX-License-Identifier: Apache-2.0 */
/* tools/imager.c - brings images and takes them for use as the verbs do, and prints what came of it
 *
 *	imager bring WORD [NAME...]	ids; NAME are given to the image, without them the archive's; "-" is standard input
 *	imager path WORD		the id; not read again where the file is the same
 *	imager use ID [single|subid]	the layers' directories; for one id, or where root is the first subordinate id
 *	imager login REGISTRY NAME PASSWORD
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/facts.h"
#include "run/imager.h"
#include "run/internal.h"
#include "store/store.h"

static void step(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "step %s\n", text);
}

static void layer(void *arg, uint32_t index, const char *label, uint64_t size, bool is_there)
{
	(void)arg;
	fprintf(stderr, "layer %u %s %llu%s\n", index, label, (unsigned long long)size, is_there ? " there" : "");
}

static void progress(void *arg, uint32_t index, const char *what, uint64_t done, uint64_t total)
{
	(void)arg;
	if (str_eq(what, "done") || getenv("IMAGER_PROGRESS"))
		fprintf(stderr, "%s %u %llu/%llu\n", what, index, (unsigned long long)done, (unsigned long long)total);
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	fprintf(stderr, "warn %s\n", text);
}

struct work {
	struct facts f;
	struct store st;
	struct images im;
	struct id_map uids, gids;
	struct imager_view view;
};

static int bring(struct work *w, char **words, bool is_path, struct err *e)
{
	struct imager_job job = { .view = &w->view, .keeps_names = true };
	struct strv ids = { 0 };
	char *id = NULL;
	int rc = 0;

	if (str_eq(words[0], "-"))
		job.source = (struct image_source){ .kind = SOURCE_PATH, .path = str_dup("-"), .number = -1 };
	else
		rc = source_parse(words[0], &job.source, e);
	for (size_t i = 1; rc == 0 && words[i]; i++)
		strv_add(&job.names, words[i]);
	job.all = !is_path && job.source.kind == SOURCE_DOCKER_ARCHIVE && !job.source.tag && !job.source.ref.repository && job.source.number < 0;
	if (rc == 0)
		rc = is_path ? imager_path(&w->im, &w->f, &w->uids, &w->gids, &job, &id, e)
			     : imager_bring(&w->im, &w->f, &w->uids, &w->gids, &job, &ids, e);
	for (size_t i = 0; rc == 0 && i < ids.n; i++)
		puts(ids.v[i]);
	if (rc == 0 && id)
		puts(id);
	free(id);
	strv_fini(&ids);
	strv_fini(&job.names);
	source_fini(&job.source);
	return rc;
}

static void other_map(struct id_map *m, const char *which, uint32_t self, const struct subids *subs)
{
	const struct subid_range range = subs->n ? subs->v[0] : (struct subid_range){ self, 1 };

	id_map_fini(m);
	if (str_eq(which, "single")) {
		id_map_add(m, 0, self, 1);
		return;
	}
	id_map_add(m, 0, range.first, range.count);
	id_map_add(m, range.count, self, 1);
}

static int use(struct work *w, char **words, struct err *e)
{
	struct layer_use *lowers = NULL;
	struct image image = { 0 };
	size_t n = 0;
	int lock = -1, rc;

	if (words[1]) {
		other_map(&w->uids, words[1], w->f.uid, &w->f.subuids);
		other_map(&w->gids, words[1], w->f.gid, &w->f.subgids);
	}
	rc = imager_use(&w->im, &w->f, &w->uids, &w->gids, words[0], &w->view, &image, &lock, &lowers, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		puts(lowers[i].path);
		layer_use_fini(&lowers[i]);
	}
	free(lowers);
	image_fini(&image);
	return rc;
}

static int login(char **words, struct err *e)
{
	const struct imager_registry how = { .username = words[1], .password = words[2] };
	char *token = NULL;
	int rc = imager_login(words[0], &how, &token, e);

	if (rc == 0)
		puts(token ? token : "-");
	free(token);
	return rc;
}

int main(int argc, char **argv)
{
	struct work w = { .view = { .step = step, .layer = layer, .progress = progress, .warn = warn } };
	struct err e = { 0 };
	struct buf text = { 0 };
	int rc;

	if (argc < 3)
		return 2;
	rc = facts_read(&w.f, true, &e);
	if (rc == 0)
		rc = store_open(&w.st, w.f.uid, w.f.home, &e);
	if (rc == 0)
		rc = images_open(&w.st, true, &w.im, &e);
	if (rc == 0)
		rc = imager_ids(&w.f, &w.uids, &w.gids, &e);
	if (rc == 0)
		rc = str_eq(argv[1], "bring") ? bring(&w, argv + 2, false, &e)
		   : str_eq(argv[1], "path") ? bring(&w, argv + 2, true, &e)
		   : str_eq(argv[1], "use") ? use(&w, argv + 2, &e)
		   : argc == 5 ? login(argv + 2, &e) : err_set(&e, ERR_USAGE, "unknown word %s", argv[1]);
	if (rc < 0) {
		err_print_text(&e, &text, 0);
		fputs(text.s, stderr);
	}
	buf_fini(&text);
	images_close(&w.im);
	store_close(&w.st);
	facts_fini(&w.f);
	id_map_fini(&w.uids);
	id_map_fini(&w.gids);
	return rc < 0 ? err_status(&e) : 0;
}
