/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_filter.h - which images `images` lists */
#ifndef CLI_IMAGE_FILTER_H
#define CLI_IMAGE_FILTER_H

#include <stdbool.h>

#include "cli/image_place.h"

struct args;

struct image_filter {
	struct strv references;	/* patterns; one must fit; none: all fit */
	struct strv labels;	/* KEY or KEY=VALUE; all must fit */
	int64_t before, since;	/* made before, after an image; INT64_MAX, INT64_MIN: any */
	int64_t until;		/* made before that; INT64_MAX: any */
	int dangling;		/* -1: any */
};

/* Of --filter and the operand. Errors: USAGE, with the nearest word; STATE: no such image */
NODISCARD int filter_make(struct image_filter *f, struct image_place *p, const struct args *a, struct err *e);
void filter_fini(struct image_filter *f);

/* Whether the image may be listed at all. */
bool filter_takes(const struct image_filter *f, const struct image_entry *entry, const struct image *im);
/* Whether one of its names may; NULL: it has none. */
bool filter_takes_name(const struct image_filter *f, const char *full);

#endif
