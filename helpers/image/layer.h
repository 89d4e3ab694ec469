/* SPDX-License-Identifier: Apache-2.0 */
/* image/layer.h - reads a layer's tar and decides what of it becomes a tree, or what the tree that it became should be */
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

/* Where it goes; as the functions of tree.h of these names. */
struct layer_to {
	int (*file)(void *to, const char *path, const struct tree_meta *m, int *fd, struct err *e);
	/* Blocks in their order; then, where it ends in a hole, how long it is. */
	int (*write)(void *to, int fd, const void *data, size_t n, int64_t at, const char *path, struct err *e);
	int (*extend)(void *to, int fd, int64_t size, const char *path, struct err *e);
	int (*file_end)(void *to, int fd, const char *path, const struct tree_meta *m, struct err *e);
	int (*make_dir)(void *to, const char *path, const struct tree_meta *m, struct err *e);
	int (*symlink)(void *to, const char *path, const char *target, const struct tree_meta *m, struct err *e);
	int (*fifo)(void *to, const char *path, const struct tree_meta *m, struct err *e);
	int (*hardlink)(void *to, const char *path, const char *target, struct err *e);
	int (*whiteout)(void *to, const char *path, struct err *e);
	int (*opaque)(void *to, const char *path, struct err *e);
	int (*finish)(void *to, bool has_left, struct err *e);
};

/* Reads to the end of the tar, not of the source. @arg: @to's. Errors: as layer_unpack() */
NODISCARD int layer_read(const struct layer_source *src, const struct layer_to *to, void *arg, const struct layer_caps *caps,
			 struct layer_count *n, struct err *e);

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
