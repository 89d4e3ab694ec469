/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_place.h - the store of images as verbs meet it: opened, and asked for what people typed */
#ifndef CLI_IMAGE_PLACE_H
#define CLI_IMAGE_PLACE_H

#include <stdbool.h>

#include "base/err.h"
#include "host/facts.h"
#include "host/short_names.h"
#include "store/images.h"

struct image_place {
	struct facts facts;
	struct store store;
	struct images images;
	bool is_empty;		/* nobody has made the store yet; @images is not open then */
	struct short_names short_names;
	struct id_map uids, gids;	/* for which images are unpacked; empty: place_ids() has not been asked */
};

/* One that nobody has opened. */
#define PLACE_CLOSED { .store = { .data_fd = -1, .run_fd = -1 }, .images = { .fd = -1 } }

/* Opens the store. @makes: makes it where it is not there. */
NODISCARD int place_open(struct image_place *p, bool makes, struct err *e);
/* Clears away what dead ones left: of verbs that change the store. What brings an image does it by itself, and beside a
 * sandbox that runs it is done anyway. */
void place_sweep(struct image_place *p);
void place_close(struct image_place *p);
/* Fills in the map of what is brought, where nobody has: that of a run without options. */
NODISCARD int place_ids(struct image_place *p, struct err *e);
#define AUTO_PLACE __attribute__((cleanup(place_close)))

/**
 * place_find() - The image that @word means
 * A name, which is completed where it is short; else an id or its beginning.
 * @id, @name:	owned by the caller; *@name is the full reference, NULL where it was found by its id; @name may be NULL
 * Return: 1, 0: there is none, -1 with @e
 */
NODISCARD int place_find(struct image_place *p, const char *word, char **id, char **name, struct err *e);
/* The same, where it must be there. Errors: STATE; names the nearest one, or the file that is meant */
NODISCARD int place_need(struct image_place *p, const char *word, char **id, char **name, struct err *e);
/* Says that there is no image @word; -1 */
int place_missing(struct image_place *p, const char *word, struct err *e);

/* All images; none where the store is empty. */
NODISCARD int place_list(struct image_place *p, struct image_list *out, struct err *e);

/* The full name that @word gives: for tag, import and push. Owned, or NULL with @e. */
char *place_new_name(struct image_place *p, const char *word, struct err *e);

/* "alpine:3.20" of "docker.io/library/alpine:3.20"; owned. What is no name stays. */
char *familiar_name(const char *full);

/* What a layer takes up as it was unpacked, in whichever class; false: nowhere. */
bool place_layer_info(struct image_place *p, const char *diff_id, struct layer_info *info);
/* All layers of @im; 0 where one is not there. */
uint64_t place_size(struct image_place *p, const struct image *im);

enum { IMAGE_ID_SHORT = 12 };
/* "0123456789ab" of "sha256:0123456789ab..."; @out is returned. */
const char *short_id(const char *id, char out[IMAGE_ID_SHORT + 1]);

#endif
