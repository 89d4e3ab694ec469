/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_commit.c - images whose layers and blobs have come: their records and names */

#include "base/auto.h"
#include "base/log.h"
#include "run/imager_internal.h"
#include "run/imager_state.h"

struct commit {
	struct images *im;
	const struct imager_job *job;
	const struct coming *coming;
	const char *program;
};

/* A source could say that it is done without having brought anything. */
static int check_blobs(const char *program, const struct images *im, const struct image *image, struct err *e)
{
	const char *missing = !images_has_blob(im, image->id, 0) ? image->id
			    : !images_has_blob(im, image->manifest, 0) ? image->manifest : NULL;

	for (size_t i = 0; i < image->n_layers && !missing; i++)
		if (!images_has_blob(im, image->layers[i].digest, image->layers[i].size))
			missing = image->layers[i].digest;
	if (!missing)
		return 0;
	err_set(e, ERR_PEER, "%s, which brings the image, was done without having brought %s", program, missing);
	return err_hint(e, "or somebody removed it at the same time: try again");
}

static int give_name(const struct commit *c, const char *name, const char *id, struct err *e)
{
	AUTO_FREE char *was = NULL;

	return images_name(c->im, name, id, &was, e);
}

/* Names that an archive gives are a stranger's words. */
static int give_archive_names(const struct commit *c, const struct image *image, struct err *e)
{
	for (size_t i = 0; i < image->names.n; i++) {
		struct image_ref ref = { 0 };
		AUTO_FREE char *full = NULL;
		struct err wrong = { 0 };

		if (ref_parse(image->names.v[i], &ref, &wrong) < 0 || !ref.registry)
			log_warn("the name %s, which the archive gives the image, is left out: %s", image->names.v[i],
				 wrong.kind ? wrong.what : "it has no registry");
		else
			full = ref_format(&ref);
		ref_fini(&ref);
		if (full && give_name(c, full, image->id, e) < 0)
			return -1;
	}
	return 0;
}

static int give_names(const struct commit *c, struct err *e)
{
	const struct strv *names = &c->job->names;

	for (uint32_t i = 0; i < c->coming->n; i++) {
		const struct image *image = &c->coming->images[i];

		for (size_t k = 0; k < names->n && c->coming->n == 1; k++)
			if (give_name(c, names->v[k], image->id, e) < 0)
				return -1;
		if (!names->n && c->job->keeps_names && give_archive_names(c, image, e) < 0)
			return -1;
	}
	return 0;
}

int imager_commit(struct images *im, const struct imager_job *job, const struct coming *coming, const char *program, struct strv *ids,
		  struct err *e)
{
	const struct commit commit = { im, job, coming, program }, *c = &commit;

	for (uint32_t i = 0; i < c->coming->n; i++)
		if (check_blobs(c->program, c->im, &c->coming->images[i], e) < 0 || images_commit(c->im, &c->coming->images[i], e) < 0)
			return imager_no_room(c->im, e);
	if (give_names(c, e) < 0)
		return imager_no_room(c->im, e);
	for (uint32_t i = 0; i < c->coming->n; i++)
		strv_add(ids, c->coming->images[i].id);
	return 0;
}
