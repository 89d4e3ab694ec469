/* SPDX-License-Identifier: Apache-2.0 */
/* image/model.h - the tree that a layer becomes, in memory: what unpacking it would make, without making it
 *
 * It does in memory what tree.c and parents.c do on the disk, links in parents included, so that a name that a layer has
 * twice, or takes away from itself, counts as it does there. Of contents it keeps the digest.
 */
#ifndef IMAGE_MODEL_H
#define IMAGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "digest.h"
#include "layer.h"

enum model_kind { MODEL_DIR, MODEL_FILE, MODEL_SYMLINK, MODEL_FIFO, MODEL_WHITEOUT };

struct model_xattr {
	char *name, *value;	/* owned */
	size_t size;
};

struct model_inode {
	enum model_kind kind;
	bool has_mode, has_times;	/* else nobody said what they are */
	bool is_opaque;
	mode_t mode;			/* 07777 */
	uint32_t uid, gid;		/* as they lie on the disk, inside the map */
	uint32_t links;			/* names; a directory has one */
	struct timespec mtime;
	uint64_t size;
	char *content;			/* a file's digest, a symbolic link's target; owned */
	struct model_xattr *xattrs;	/* owned */
	size_t n_xattrs;
	uint64_t met;			/* for who compares: the number of the inode there; 0: not met yet */
};

struct model_node {
	struct model_node *parent, *child, *next, *before;	/* child: the first one */
	struct model_node *same_hash;
	struct model_inode *inode;
	bool is_met;			/* for who compares */
	char name[];
};

struct model {
	bool is_single;			/* as in struct tree */
	int owners;			/* the list of owners there (decision 019), which is compared; borrowed; -1: none */
	uint64_t max_memory;
	/* of its own */
	struct model_node *root;
	struct model_node **table;
	size_t n, n_table;
	uint64_t memory;
	struct model_inode *file;	/* that is being read; its digest */
	struct digest digest;
	uint64_t at;
	uint64_t bytes;			/* of all contents that were read */
	struct tree_dir *dirs;
	struct tree_link *links;
	size_t n_dirs, n_links;
	bool has_bits, has_cleared, ever_cleared;
	uint64_t n_owners;		/* bytes of the list so far */
	bool differs_in_owners;
};

void model_init(struct model *m, bool is_single, int owners, uint64_t max_memory);
void model_fini(struct model *m);

/* For layer_read(), with the model for its argument. Errors: SPEC, beyond the memory, or where unpacking would have failed */
extern const struct layer_to MODEL_TO;

/* The name in a directory; NULL. */
struct model_node *model_child(const struct model *m, const struct model_node *dir, const char *name);

#endif
