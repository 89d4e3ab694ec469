/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_state.h - images on their way: what the source may say when, and what is needed of it. Pure
 *
 *   drafts ── coming_plan() ──► blobs ──► images ──► DONE
 *
 * The source is a process that reads what strangers wrote. What it says is taken here and nowhere else, so that
 * an index, a digest or an order that cannot be is an error, whatever has become of the source.
 */
#ifndef RUN_IMAGER_STATE_H
#define RUN_IMAGER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/image.h"
#include "spec/image_msg.h"

enum { COMING_IMAGES_MAX = 1024, COMING_LAYERS_MAX = 8192 };

struct coming_layer {
	uint32_t image, at;	/* whose, and which of it */
	uint32_t blob_of, tree_of;	/* the first layer with the same blob, with the same tree; mostly itself */
	char digest[DIGEST_MAX], diff_id[DIGEST_MAX];	/* as far as known */
	uint64_t size;		/* of the blob; 0: not known */
	bool has_blob, has_tree;	/* in the store, before anything came */
	bool is_wanted;		/* the source is asked for the blob */
	bool has_begun, is_whole;	/* the blob */
	bool leaves_digest, is_read;	/* the source need not hash it: who unpacks it does; and has read it */
	bool lacks_diff_id;	/* the draft had none: the source waits for it */
	bool is_unpacked;
};

struct coming {
	struct image *images;	/* drafts, until the complete one has come */
	bool *is_complete;
	uint32_t n, n_expected, n_complete;	/* n_expected: 0 before the first draft */
	struct coming_layer *layers;	/* of all images, in their order */
	uint32_t n_layers;
	bool is_planned, is_done;
};

void coming_fini(struct coming *c);

/* What coming_plan() asks about the store; both may say false. */
struct coming_store {
	void *arg;
	bool (*has_blob)(void *arg, const char *digest, uint64_t size);
	bool (*has_tree)(void *arg, const char *diff_id);
};

/**
 * coming_hear() - Whether the source may say @m now
 * @n_fds:	descriptors that came with it
 * BLOB, BLOB_READ, BLOB_DONE and DONE are taken; the record of DRAFT and IMAGE is for coming_draft() and coming_image().
 * Errors:	PEER
 */
NODISCARD int coming_hear(struct coming *c, const struct image_msg *m, size_t n_fds, struct err *e);
/* Takes the next draft; @im is moved. */
NODISCARD int coming_draft(struct coming *c, struct image *im, struct err *e);
/* Whether all drafts are there, and coming_plan() is to be called. */
bool coming_is_listed(const struct coming *c);
/* Decides for each layer. Errors: PEER: layers that contradict each other */
NODISCARD int coming_plan(struct coming *c, const struct coming_store *store, struct err *e);
/* Whether layer @i is unpacked for its own sake and that of its likes. */
bool coming_needs_tree(const struct coming *c, uint32_t i);
/* What unpack computed of layer @i's blob. Errors: STATE: it is not what was said */
NODISCARD int coming_unpacked(struct coming *c, uint32_t i, const char *digest, const char *diff_id, struct err *e);
/* Takes a complete record; @im is moved. Errors: PEER: it is not that of the draft */
NODISCARD int coming_image(struct coming *c, uint32_t index, struct image *im, struct err *e);
/* Bytes that will come, and at least as many that will be unpacked. */
uint64_t coming_bytes(const struct coming *c);

#endif
