/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_image.c - an image as the root file system of `lichen run` */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/args.h"
#include "cli/image_job.h"
#include "cli/run_mount.h"
#include "cli/run_spec.h"
#include "spec/image.h"
#include "spec/spec.h"

/* ---- which image ---- */

/* What else may have been meant, where a name led to nothing. */
static int suggest(const char *word, struct err *e)
{
	if (access(word, F_OK) == 0)
		return err_hint(e, "did you mean ./%s ? A file or directory is given with ./ in front", word);
	return str_distance(word, "host") == 1 ? err_hint(e, "did you mean host ?") : -1;
}

/* What the run has by its own ids is unpacked for these, and for no others. */
static int take_ids(struct image_place *p, struct spec *s, struct err *e)
{
	return imager_run_ids(s, &p->facts, &p->store, &p->uids, &p->gids, e);
}

static int bring(struct image_place *p, struct spec *s, const struct args *a, const char *word, const struct image_source *source,
		 char **id, struct err *e)
{
	struct pull_view view;
	int rc;

	if (a->dry_run) {
		err_set(e, ERR_STATE, "there is no image '%s' here, and --dry-run brings none", word);
		return err_hint(e, "'lichen pull %s' brings it", word);
	}
	if (take_ids(p, s, e) < 0 || pull_view_open(&view, &(const struct args){ .quiet = a->quiet || a->json }, word, e) < 0)
		return -1;
	rc = bring_name(p, a, &source->ref, &view, id, e);
	pull_view_close(&view);
	return rc < 0 && e->kind != ERR_SIGNAL ? suggest(word, e) : rc;
}

static int find_name(struct image_place *p, struct spec *s, const struct args *a, const char *word, const struct image_source *source,
		     char **id, struct err *e)
{
	int rc = 0;

	if (a->pull != PULL_ALWAYS || a->dry_run)
		rc = place_find(p, word, id, NULL, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (a->pull == PULL_NEVER)
		return place_missing(p, word, e);
	return bring(p, s, a, word, source, id, e);
}

/* --dry-run: what a start would do is known of what was read before. */
static int known_path(struct image_place *p, const char *word, const struct imager_job *job, char **id, struct err *e)
{
	int rc = imager_known_path(p->is_empty ? NULL : &p->images, job, id, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	err_set(e, ERR_STATE, "%s has not been read yet, or it has changed: a start would bring it into the store and unpack it, "
			      "and --dry-run does not", word);
	return err_hint(e, "'lichen load -i FILE' brings an archive, 'lichen import FILE NAME' a root file system; then give --dry-run its name");
}

/* An archive or a layout: as it was read before, unless it has changed. */
static int find_path(struct image_place *p, struct spec *s, const struct args *a, const char *word, const struct image_source *source,
		     char **id, struct err *e)
{
	struct imager_job job = { .source = *source };
	struct pull_view view;
	int rc = job_options(&job, a, e);

	if (rc == 0 && a->dry_run)
		return known_path(p, word, &job, id, e);
	if (rc == 0)
		rc = take_ids(p, s, e);
	if (rc == 0)
		rc = pull_view_open(&view, &(const struct args){ .quiet = a->quiet || a->json }, word, e);
	if (rc == 0) {
		job.view = &view.view;
		rc = imager_path(&p->images, &p->facts, &p->uids, &p->gids, &job, id, e);
		pull_view_close(&view);
	}
	return rc < 0 ? name_file(word, e) : 0;
}

int take_image(struct spec *s, const struct args *a, struct image *im, struct err *e)
{
	const char *word = s->root.image;
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image_source source;
	AUTO_FREE char *id = NULL;
	int rc;

	if (source_parse(word, &source, e) < 0)
		return suggest(word, e);
	/* ~/ is the home directory for us, and nothing for open(2) */
	if (source.kind == SOURCE_PATH) {
		free(source.path);
		source.path = host_path(word, "the root file system", e);
	}
	rc = source.kind == SOURCE_PATH && !source.path ? -1 : place_open(&p, !a->dry_run, e);
	if (rc == 0 && p.is_empty && source.kind == SOURCE_NAME)
		rc = place_missing(&p, word, e);
	if (rc == 0)
		rc = source.kind == SOURCE_NAME ? find_name(&p, s, a, word, &source, &id, e) : find_path(&p, s, a, word, &source, &id, e);
	source_fini(&source);
	if (rc == 0)
		rc = images_load(&p.images, id, im, NULL, e);
	if (rc < 0)
		return -1;
	s->root.image_id = ptr_take(&id);
	return 0;
}

/* ---- what it says ---- */

/* --image-volume: what is mounted in their place is as if it had been asked for. */
static int take_volumes(struct spec *s, const struct args *a, struct image *im, struct err *e)
{
	for (size_t i = 0; a->image_volume == VOLUME_TMPFS && i < im->volumes.n; i++) {
		bool is_taken = false;

		for (size_t k = 0; k < s->n_mounts; k++)
			is_taken = is_taken || str_eq(s->mounts[k].destination, im->volumes.v[i]);
		if (!is_taken && tmpfs_parse(s, im->volumes.v[i], im->volumes.v[i], "", e) < 0)
			return err_wrap(e, "a volume of the image");
	}
	if (a->image_volume != VOLUME_ANONYMOUS)
		strv_fini(&im->volumes);
	return 0;
}

int apply_image(struct spec *s, const struct args *a, struct image *im, struct err *e)
{
	AUTO_STRV struct strv args = { 0 };

	for (int i = 1; i < a->n_operands; i++)
		strv_add(&args, a->operands[i]);
	return take_volumes(s, a, im, e) < 0 ? -1 : image_apply(s, im, &args, e);
}
