/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_prune.h - images that nobody needs any more: of `image prune` and `system prune` */
#ifndef CLI_IMAGE_PRUNE_H
#define CLI_IMAGE_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/image_place.h"

struct args;

struct image_prune {
	bool all;		/* those with a tag, too */
	int64_t until;		/* made before that; INT64_MAX: any */
	struct strv labels;	/* all must fit */
};

/* Of -a and --filter. Errors: USAGE */
NODISCARD int prune_make(struct image_prune *what, const struct args *a, struct err *e);
void prune_fini(struct image_prune *what);

/**
 * prune_images() - Remove images without a tag, or all, that nobody uses; then what no image has
 * @gone:	their ids; the caller's, also after a failure
 * @sums:	what went
 */
NODISCARD int prune_images(struct image_place *p, const struct image_prune *what, struct strv *gone, struct images_gone *sums, struct err *e);

#endif
