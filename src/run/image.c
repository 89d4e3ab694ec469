/* SPDX-License-Identifier: Apache-2.0 */
/* run/image.c - the layers of a run's image: found in the store by its id and the run's ids, held until the run has ended */

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "run/imager.h"
#include "run/internal.h"

static int find_id(struct image_hold *h, struct spec *s, struct err *e)
{
	int rc = s->root.image_id ? 1 : images_find(&h->store, s->root.image, &s->root.image_id, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	err_set(e, ERR_STATE, "no image %s is here", s->root.image);
	return err_hint(e, "`lichen pull %s` brings it, `lichen images` lists what is here", s->root.image);
}

/* Where the layers are, or would be. */
static int name_layers(struct image_hold *h, const struct plan_input *in, struct spec *s, uint32_t uid, struct err *e)
{
	AUTO_FREE char *cls = images_class(&in->uids, &in->gids, uid);
	struct image im;

	if (images_load(&h->store, s->root.image_id, &im, NULL, e) < 0)
		return -1;
	for (size_t i = im.n_layers; i-- > 0;)
		strv_addf(&s->root.lowers, "%s/layers/%s/%s/root", h->store.dir, cls, im.layers[i].diff_id + strcspn(im.layers[i].diff_id, ":") + 1);
	image_fini(&im);
	return 0;
}

int image_take(struct image_hold *h, const struct plan_input *in, struct spec *s, const struct facts *f, const struct store *st,
	       bool is_dry, struct err *e)
{
	struct image im;

	if (s->root.lowers.n)	/* given by who made the spec */
		return 0;
	if (images_open(st, !is_dry, &h->store, e) < 0)
		return -1;
	h->is_open = true;
	if (find_id(h, s, e) < 0)
		return -1;
	h->names_them = true;
	if (is_dry)
		return name_layers(h, in, s, f->uid, e);
	if (imager_use(&h->store, f, &in->uids, &in->gids, s->root.image_id, h->view, &im, &h->lock, &h->layers, &h->n, e) < 0)
		return -1;
	image_fini(&im);
	for (size_t i = 0; i < h->n; i++)
		strv_add(&s->root.lowers, h->layers[i].path);
	return 0;
}

void image_release(struct image_hold *h, struct spec *s)
{
	/* another try may have other ids, and so other layers */
	if (h->names_them)
		strv_fini(&s->root.lowers);
	for (size_t i = 0; i < h->n; i++)
		layer_use_fini(&h->layers[i]);
	free(h->layers);
	auto_close(&h->lock);
	if (h->is_open)
		images_close(&h->store);
	*h = (struct image_hold){ .lock = -1 };
}
