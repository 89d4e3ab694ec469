/* SPDX-License-Identifier: Apache-2.0 */
/* image/parents.h - the directories of a tree that is being made, as descriptors
 *
 * A layer names each file with its whole path, and mostly in the same directory as the last one: the last few
 * are kept open. Resolved by openat2(2), with the tree for the root.
 */
#ifndef IMAGE_PARENTS_H
#define IMAGE_PARENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { PARENTS_KEPT = 16 };

struct parent {
	char *dir;		/* owned; NULL: is not to be found any more */
	size_t len;
	int fd;			/* owned; -1: none */
	uint64_t used;
};

struct parents {
	int root;		/* borrowed */
	struct parent v[PARENTS_KEPT];
	uint64_t tick;
	bool has_cleared;	/* something gave way; set to false by who wants to know */
	bool ever_cleared;
};

#define TREE_OPAQUE "user.overlay.opaque"	/* = "y"; overlay with userxattr, and fuse-overlayfs */

void parents_init(struct parents *p, int root);
void parents_fini(struct parents *p);

/**
 * parents_of() - The directory that @path lies in
 * @path:	clean, relative, not ""
 * @leaf:	its last component, borrowed from it
 *
 * What is missing is made, as root's, 0755; a whiteout in the way becomes an opaque directory.
 * Return: a descriptor, valid until PARENTS_KEPT - 1 others were asked for; -1 with @e
 */
NODISCARD int parents_of(struct parents *p, const char *path, const char **leaf, struct err *e);
/* The same, where nothing is made: -1 with errno. */
NODISCARD int parents_find(struct parents *p, const char *path, const char **leaf);
/* The directory @path itself; made where missing. "" is the root. */
NODISCARD int parents_dir(struct parents *p, const char *path, struct err *e);

/* Removes what @leaf is, with all that is below. */
NODISCARD int parents_clear(struct parents *p, int parent, const char *leaf, const char *path, struct err *e);

/* A character device 0:0, which is how overlay writes down that a name is gone. */
bool parents_is_whiteout(int parent, const char *leaf);

#endif
