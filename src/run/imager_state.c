/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_state.c - images on their way: what the source may say when, and what is needed of it. Pure */

#include "run/imager_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void coming_fini(struct coming *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		image_fini(&c->images[i]);
	free(c->images);
	free(c->is_complete);
	free(c->layers);
	*c = (struct coming){ 0 };
}

/* ---- messages ---- */

static int out_of_turn(const char *what, struct err *e)
{
	return err_set(e, ERR_PEER, "the helper that brings the image said something out of turn: %s", what);
}

static int hear_listing(struct coming *c, const struct image_msg *m, size_t n_fds, struct err *e)
{
	uint64_t expected = m->total ? m->total : 1;

	if (c->is_planned)
		return out_of_turn("a draft after all drafts", e);
	if (n_fds != 1)
		return out_of_turn("a draft without its record", e);
	if (expected > COMING_IMAGES_MAX)
		return err_set(e, ERR_STATE, "there are more than %d images", COMING_IMAGES_MAX);
	if (m->index != c->n || (c->n_expected && expected != c->n_expected))
		return out_of_turn("drafts in a wrong order", e);
	c->n_expected = (uint32_t)expected;
	return 0;
}

static int hear_read(struct coming_layer *l, const struct image_msg *m, size_t n_fds, struct err *e)
{
	if (n_fds || !l->has_begun || l->is_read || !l->leaves_digest || (l->size && l->size != m->total))
		return out_of_turn("that a blob is there, which it was not to leave so", e);
	l->is_read = true;
	l->size = m->total;
	return 0;
}

static int hear_blob(struct coming *c, const struct image_msg *m, size_t n_fds, struct err *e)
{
	struct coming_layer *l = m->index < c->n_layers ? &c->layers[m->index] : NULL;

	if (!c->is_planned || !l || !l->is_wanted || l->is_whole)
		return out_of_turn("a blob that was not asked for", e);
	if (m->kind == IMSG_BLOB) {
		if (l->has_begun || n_fds < 1)
			return out_of_turn("the beginning of a blob that has begun", e);
		l->has_begun = true;
		return 0;
	}
	if (m->kind == IMSG_BLOB_READ)
		return hear_read(l, m, n_fds, e);
	if (n_fds || !l->has_begun)
		return out_of_turn("the end of a blob that has not begun", e);
	if (!digest_is_valid(m->digest) || (l->digest[0] && !str_eq(l->digest, m->digest)) || (l->size && l->size != m->total))
		return err_set(e, ERR_PEER, "the helper that brings the image took a blob that is another one: %s of %" PRIu64
			       " bytes instead of %s of %" PRIu64, digest_is_valid(m->digest) ? m->digest : "?", m->total, l->digest,
			       l->size);
	str_copy(l->digest, sizeof(l->digest), m->digest);
	l->size = m->total;
	l->is_whole = true;
	return 0;
}

static int hear_done(struct coming *c, struct err *e)
{
	if (!c->is_planned || c->n_complete != c->n)
		return out_of_turn("that it is done, before it has said what the images are", e);
	for (uint32_t i = 0; i < c->n_layers; i++)
		if (c->layers[i].is_wanted && !c->layers[i].is_whole)
			return out_of_turn("that it is done, before all blobs have come", e);
	c->is_done = true;
	return 0;
}

int coming_hear(struct coming *c, const struct image_msg *m, size_t n_fds, struct err *e)
{
	if (c->is_done)
		return out_of_turn("more, after it was done", e);
	switch (m->kind) {
	case IMSG_DRAFT:
		return hear_listing(c, m, n_fds, e);
	case IMSG_BLOB:
	case IMSG_BLOB_READ:
	case IMSG_BLOB_DONE:
		return hear_blob(c, m, n_fds, e);
	case IMSG_PROGRESS:
		if (n_fds || !c->is_planned || m->index >= c->n_layers)
			return out_of_turn("how far a layer is that there is not", e);
		return 0;
	case IMSG_IMAGE:
		if (!c->is_planned || n_fds != 1 || m->index >= c->n || c->is_complete[m->index])
			return out_of_turn("an image that it has not announced", e);
		return 0;
	case IMSG_DONE:
		return n_fds ? out_of_turn("descriptors that nobody asked for", e) : hear_done(c, e);
	default:
		return out_of_turn("a message of another task", e);
	}
}

/* ---- drafts ---- */

int coming_draft(struct coming *c, struct image *im, struct err *e)
{
	if (c->n_layers + im->n_layers > COMING_LAYERS_MAX)
		return err_set(e, ERR_STATE, "all images together have more than %d layers", COMING_LAYERS_MAX);
	c->images = mem_grow(c->images, c->n + 1, sizeof(*c->images));
	c->is_complete = mem_grow(c->is_complete, c->n + 1, sizeof(*c->is_complete));
	c->layers = mem_grow(c->layers, c->n_layers + im->n_layers + 1, sizeof(*c->layers));
	for (size_t i = 0; i < im->n_layers; i++) {
		struct coming_layer *l = &c->layers[c->n_layers];

		*l = (struct coming_layer){ .image = c->n, .at = (uint32_t)i, .blob_of = c->n_layers, .tree_of = c->n_layers,
					    .size = im->layers[i].size, .lacks_diff_id = !im->layers[i].diff_id[0] };
		str_copy(l->digest, sizeof(l->digest), im->layers[i].digest);
		str_copy(l->diff_id, sizeof(l->diff_id), im->layers[i].diff_id);
		c->n_layers++;
	}
	c->is_complete[c->n] = false;
	c->images[c->n++] = *im;
	*im = (struct image){ 0 };
	return 0;
}

bool coming_is_listed(const struct coming *c)
{
	return !c->is_planned && c->n_expected && c->n == c->n_expected;
}

/* ---- what is needed ---- */

static bool is_same(const char *a, const char *b)
{
	return a[0] && str_eq(a, b);
}

/* Looks for the layer's like among those before it. */
static int find_like(struct coming *c, uint32_t i, struct err *e)
{
	struct coming_layer *l = &c->layers[i];

	for (uint32_t k = 0; k < i; k++) {
		const struct coming_layer *o = &c->layers[k];

		if (l->blob_of == i && is_same(l->digest, o->digest))
			l->blob_of = k;
		if (l->tree_of == i && is_same(l->diff_id, o->diff_id))
			l->tree_of = k;
		if (is_same(l->digest, o->digest) && (!str_eq(l->diff_id, o->diff_id) || l->size != o->size)) {
			err_set(e, ERR_STATE, "the image contradicts itself: the blob %s is said to be two different layers", l->digest);
			return err_hint(e, "whoever made it made it wrongly, or means harm");
		}
	}
	/* the same blob is the same tree, though neither is known by name */
	if (l->tree_of == i && l->blob_of != i)
		l->tree_of = c->layers[l->blob_of].tree_of;
	return 0;
}

int coming_plan(struct coming *c, const struct coming_store *store, struct err *e)
{
	for (uint32_t i = 0; i < c->n_layers; i++) {
		struct coming_layer *l = &c->layers[i];

		if (find_like(c, i, e) < 0)
			return -1;
		if (l->blob_of == i) {
			l->has_blob = l->digest[0] && store->has_blob(store->arg, l->digest, l->size);
			l->is_wanted = !l->has_blob;
		}
		if (l->tree_of == i)
			l->has_tree = l->diff_id[0] && store->has_tree(store->arg, l->diff_id);
	}
	c->is_planned = true;
	return 0;
}

bool coming_needs_tree(const struct coming *c, uint32_t i)
{
	return c->layers[i].tree_of == i && !c->layers[i].has_tree;
}

uint64_t coming_bytes(const struct coming *c)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < c->n_layers; i++) {
		const struct coming_layer *l = &c->layers[i];
		const char *type = c->images[l->image].layers[l->at].media_type;
		/* what is compressed is not smaller afterwards */
		bool is_packed = strstr(type, "gzip") || strstr(type, "zstd");
		unsigned times = (l->is_wanted ? 1u : 0u) + (is_packed && coming_needs_tree(c, i) ? 1u : 0u);

		for (unsigned k = 0; k < times; k++)
			sum = l->size > UINT64_MAX - sum ? UINT64_MAX : sum + l->size;
	}
	return sum;
}

/* ---- what it turned out to be ---- */

int coming_unpacked(struct coming *c, uint32_t i, const char *digest, const char *diff_id, struct err *e)
{
	struct coming_layer *l = &c->layers[i];

	if (!digest_is_valid(digest) || !digest_is_valid(diff_id))
		return err_set(e, ERR_PEER, "lichen-image, which unpacks a layer, does not say which one it was");
	if (l->digest[0] && !str_eq(l->digest, digest)) {
		err_set(e, ERR_STATE, "a blob is not what its digest says: %s was expected, and it is %s", l->digest, digest);
		return err_hint(e, "it was damaged on its way, or on this disk: remove the image and bring it again");
	}
	if (l->diff_id[0] && !str_eq(l->diff_id, diff_id)) {
		err_set(e, ERR_STATE, "a layer is not what the image says: its content should be %s, and is %s", l->diff_id, diff_id);
		return err_hint(e, "whoever made the image made it wrongly, or means harm: nothing of it is kept");
	}
	str_copy(l->digest, sizeof(l->digest), digest);
	str_copy(l->diff_id, sizeof(l->diff_id), diff_id);
	l->is_unpacked = true;
	return 0;
}

static int other_image(const char *what, struct err *e)
{
	return err_set(e, ERR_PEER, "the helper that brings the image says in the end that it is another one (%s)", what);
}

/* What is known of a layer: by itself or by its like. */
static int check_layer(const struct coming *c, uint32_t i, const struct image_layer *said, struct err *e)
{
	const struct coming_layer *blob = &c->layers[c->layers[i].blob_of], *tree = &c->layers[c->layers[i].tree_of];

	if (!said->digest[0] || !said->diff_id[0])
		return other_image("a layer without a digest", e);
	if (blob->is_wanted && !blob->is_whole)
		return other_image("a layer that has not come", e);
	if (!blob->digest[0] || !str_eq(said->digest, blob->digest))
		return other_image("the digest of a layer", e);
	if (!tree->diff_id[0] || !str_eq(said->diff_id, tree->diff_id))
		return other_image("the content of a layer", e);
	return 0;
}

int coming_image(struct coming *c, uint32_t index, struct image *im, struct err *e)
{
	struct image *draft = &c->images[index];
	uint32_t first = 0;

	while (first < c->n_layers && c->layers[first].image != index)
		first++;
	if (!digest_is_valid(im->id) || !digest_is_valid(im->manifest))
		return other_image("no digest of its config or manifest", e);
	if (draft->id[0] && !str_eq(draft->id, im->id))
		return other_image("its id", e);
	if (draft->n_layers != im->n_layers)
		return other_image("the number of its layers", e);
	for (size_t i = 0; i < im->n_layers; i++)
		if (check_layer(c, first + (uint32_t)i, &im->layers[i], e) < 0)
			return -1;
	image_fini(draft);
	*draft = *im;
	*im = (struct image){ 0 };
	c->is_complete[index] = true;
	c->n_complete++;
	return 0;
}
