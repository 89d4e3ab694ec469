/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_place.c - the store of images as verbs meet it */

#include "cli/image_place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "run/imager.h"
#include "run/inmap.h"
#include "spec/reference.h"

int place_open(struct image_place *p, bool makes, struct err *e)
{
	*p = (struct image_place)PLACE_CLOSED;
	if (facts_read(&p->facts, true, e) < 0 || store_open(&p->store, p->facts.uid, p->facts.home, e) < 0 ||
	    short_names_load(&p->short_names, e) < 0)
		return -1;
	if (images_open(&p->store, makes, &p->images, e) < 0) {
		if (makes || e->kind != ERR_STATE || e->errnum != ENOENT)
			return -1;
		err_clear(e);
		p->images.fd = -1;
		p->is_empty = true;
		return 0;
	}
	return 0;
}

void place_sweep(struct image_place *p)
{
	if (!p->is_empty)
		images_sweep(&p->images, in_map);
}

void place_close(struct image_place *p)
{
	if (p->images.fd >= 0)
		images_close(&p->images);
	short_names_fini(&p->short_names);
	id_map_fini(&p->uids);
	id_map_fini(&p->gids);
	store_close(&p->store);
	facts_fini(&p->facts);
	*p = (struct image_place)PLACE_CLOSED;
}

int place_ids(struct image_place *p, struct err *e)
{
	return p->uids.n ? 0 : imager_ids(&p->facts, &p->uids, &p->gids, e);
}

/* ---- names ---- */

char *familiar_name(const char *full)
{
	struct image_ref r;
	struct err ignored;
	char *out;

	if (ref_parse(full, &r, &ignored) < 0)
		return str_dup(full);
	out = ref_familiar(&r);
	ref_fini(&r);
	return out;
}

static int find_by_name(struct image_place *p, const char *word, char **id, char **name, struct err *e)
{
	AUTO_STRV struct strv full = { 0 };
	struct image_ref r;
	int rc;

	if (ref_parse(str_starts(word, "docker://") ? word + strlen("docker://") : word, &r, e) < 0)
		return -1;
	rc = short_names_complete(&p->short_names, &r, &full, e);
	ref_fini(&r);
	for (size_t i = 0; rc == 0 && i < full.n; i++) {
		rc = images_find(&p->images, full.v[i], id, e);
		if (rc > 0 && name)
			*name = str_dup(full.v[i]);
	}
	return rc;
}

int place_find(struct image_place *p, const char *word, char **id, char **name, struct err *e)
{
	struct err no_name = { 0 };
	int rc;

	*id = NULL;
	if (name)
		*name = NULL;
	if (p->is_empty)
		return 0;
	rc = find_by_name(p, word, id, name, &no_name);
	if (rc > 0)
		return 1;
	if (images_find(&p->images, word, id, e) > 0)
		return 1;
	/* an id that is not there, or one of several, and nothing that could be a name */
	if (rc < 0 && e->kind == ERR_NONE)
		*e = no_name;
	return rc < 0 || e->kind ? -1 : 0;
}

int place_missing(struct image_place *p, const char *word, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	struct image_list list = { 0 };
	struct err ignored = { 0 };
	const char *near;

	err_set(e, ERR_STATE, "there is no image '%s' here", word);
	if (access(word, F_OK) == 0)
		return err_hint(e, "did you mean ./%s ? A file or directory is given with ./ in front", word);
	if (place_list(p, &list, &ignored) == 0)
		for (size_t i = 0; i < list.n; i++)
			for (size_t k = 0; k < list.v[i].names.n; k++)
				strv_add_take(&names, familiar_name(list.v[i].names.v[k]));
	image_list_fini(&list);
	near = names.n ? str_nearest(word, (const char *const *)names.v, names.n) : NULL;
	if (near)
		return err_hint(e, "did you mean %s ?", near);
	return err_hint(e, "'lichen images' lists those that there are, 'lichen pull %s' brings it", word);
}

int place_need(struct image_place *p, const char *word, char **id, char **name, struct err *e)
{
	int rc = place_find(p, word, id, name, e);

	return rc > 0 ? 0 : rc < 0 ? -1 : place_missing(p, word, e);
}

int place_list(struct image_place *p, struct image_list *out, struct err *e)
{
	*out = (struct image_list){ 0 };
	return p->is_empty ? 0 : images_list(&p->images, out, e);
}

char *place_new_name(struct image_place *p, const char *word, struct err *e)
{
	AUTO_STRV struct strv full = { 0 };
	struct image_ref r;
	int rc;

	if (ref_parse(word, &r, e) < 0)
		return NULL;
	if (r.digest) {
		(void)!err_set(e, ERR_USAGE, "%s: a digest is what an image is, and cannot be given to one", word);
		(void)!err_hint(e, "expected [REGISTRY/]REPOSITORY[:TAG]");
		ref_fini(&r);
		return NULL;
	}
	rc = short_names_complete(&p->short_names, &r, &full, e);
	ref_fini(&r);
	return rc < 0 || !full.n ? NULL : str_dup(full.v[0]);
}

/* ---- sizes ---- */

bool place_layer_info(struct image_place *p, const char *diff_id, struct layer_info *info)
{
	AUTO_STRV struct strv classes = { 0 };
	struct err ignored = { 0 };

	if (images_classes(&p->images, &classes, &ignored) < 0)
		return false;
	for (size_t i = 0; i < classes.n; i++)
		if (images_layer_info(&p->images, classes.v[i], diff_id, info, &ignored) == 0)
			return true;
	return false;
}

uint64_t place_size(struct image_place *p, const struct image *im)
{
	struct layer_info info = { 0 };
	uint64_t sum = 0;

	for (size_t i = 0; i < im->n_layers; i++) {
		if (!place_layer_info(p, im->layers[i].diff_id, &info))
			return 0;
		sum += info.bytes;
	}
	return sum;
}

const char *short_id(const char *id, char out[IMAGE_ID_SHORT + 1])
{
	const char *colon = strchr(id, ':');

	snprintf(out, IMAGE_ID_SHORT + 1, "%s", colon ? colon + 1 : id);
	return out;
}
