/* SPDX-License-Identifier: Apache-2.0 */
/* image/layer.h - reads a layer's tar and decides what of it becomes a tree */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "tree.h"

enum { LAYER_XATTRS_MAX = 256 };

struct layer_caps {
	uint64_t bytes, entries;	/* of all files, holes included; of names */
	uint32_t depth, name;		/* components of a path; its bytes, at most PATH_MAX - 1 */
};

/* The tar's bytes, valid until the next call. Return: how many, 0 at the end, -1 with @e */
typedef ssize_t layer_next_fn(void *arg, const unsigned char **data, struct err *e);

struct layer_source {
	layer_next_fn *next;
	void *arg;
};

struct layer_count {
	uint64_t bytes, entries;	/* that were made */
	uint64_t devices, sockets, xattrs, acls, aufs;	/* that were left out */
};

/**
 * layer_unpack() - Make the tree of a layer
 * @t:		fresh but for its settings; tree_begin() was called
 *
 * Reads to the end of the tar, not of the source.
 * Errors:	SPEC: this is no tar, or not one that a layer can be; SYS; what the source says
 */
NODISCARD int layer_unpack(const struct layer_source *src, struct tree *t, const struct layer_caps *caps, struct layer_count *n,
			   struct err *e);

#endif
