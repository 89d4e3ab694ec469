/* SPDX-License-Identifier: Apache-2.0 */
/* image/compare.h - a layer's tree on the disk against what the layer says (model.h) */
#ifndef IMAGE_COMPARE_H
#define IMAGE_COMPARE_H

#include "model.h"

/* Told of each difference: "usr/bin/x: is missing". -1 with @e: it is to end. */
typedef int compare_say_fn(void *arg, const char *text, struct err *e);
/* Told from time to time how many bytes of contents were read; likewise. */
typedef int compare_progress_fn(void *arg, uint64_t bytes, struct err *e);

struct compare {
	struct model *model;	/* complete */
	compare_say_fn *say;
	compare_progress_fn *progress;
	void *arg;
};

/**
 * compare_tree() - Look at every file below @root
 * @root:	a directory that can be read; borrowed
 * Nothing is followed, no pipe opened, nothing changed.
 * Errors:	what say() and progress() say; what cannot be read is a difference
 */
NODISCARD int compare_tree(const struct compare *c, int root, struct err *e);

#endif
