/* SPDX-License-Identifier: Apache-2.0 */
/* image/tree.h - makes a layer's tree, so that nothing outside of it is touched
 *
 * Parents are resolved by openat2(2) in the root, links of the tree included, as containers/storage and umoci do: a layer may
 * put usr/lib/x behind lib -> usr/lib. The last component is never followed: what is there gives way, but for a
 * directory that meets a directory, which are merged. All paths are clean and relative ("usr/bin/env"), "" is the root.
 *
 * Directories' times and their setuid, setgid bits wait for tree_finish(), as files made in them would change the one and
 * inherit the other; hard links to what comes later wait, too.
 */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/str.h"
#include "parents.h"

struct tree_xattr {
	const char *name;	/* borrowed, both */
	const void *value;
	size_t size;
};

struct tree_meta {
	uint32_t uid, gid;
	mode_t mode;			/* 07777 */
	struct timespec times[2];	/* as utimensat(2) */
	const struct tree_xattr *xattrs;
	size_t n_xattrs;
};

struct tree_dir {		/* what a directory gets in the end */
	char *path;		/* owned */
	struct timespec times[2];
	mode_t mode;
	bool sets_mode;
};

struct tree_link {
	char *path, *target;	/* owned; path NULL: is made */
};

struct tree {
	struct parents at;	/* the root's descriptor is borrowed */
	bool is_single;		/* one id: nobody is given anything, owners are recorded */
	uint64_t map_size;	/* how many ids the map has, for errors */
	uint64_t max_memory;	/* of what waits for the end */
	int owners;		/* borrowed: where owners are written (decision 019); -1: nowhere */
	/* of its own */
	struct buf recorded;
	uint64_t n_recorded;	/* bytes of owners */
	struct tree_dir *dirs;
	struct tree_link *links;
	size_t n_dirs, n_links;
	uint64_t waiting;	/* bytes */
	bool has_bits;		/* a directory with setuid, setgid bits was there */
	uint64_t left_xattrs;	/* that could not be set on what they are of */
	uint64_t left_links;	/* to nodes that were left out */
	bool hides_root;	/* an opaque root: overlay has no such thing */
};

/* Makes the root fit: what is inherited from where it lies would be in every file. */
NODISCARD int tree_begin(struct tree *t, struct err *e);

/* A descriptor to write to, the caller's; tree_file_end() when it is written. */
NODISCARD int tree_file(struct tree *t, const char *path, const struct tree_meta *m, struct err *e);
NODISCARD int tree_file_end(struct tree *t, int fd, const char *path, const struct tree_meta *m, struct err *e);
NODISCARD int tree_make_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *e);	/* "" too */
NODISCARD int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m, struct err *e);
NODISCARD int tree_fifo(struct tree *t, const char *path, const struct tree_meta *m, struct err *e);
NODISCARD int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e);

/* Of lower layers only: what this layer has stays, and a directory of it hides what is below. */
NODISCARD int tree_whiteout(struct tree *t, const char *path, struct err *e);
NODISCARD int tree_opaque(struct tree *t, const char *path, struct err *e);

/* The links that waited, then the directories. @has_left: nodes were left out, links to which are left out then, too. */
NODISCARD int tree_finish(struct tree *t, bool has_left, struct err *e);
void tree_fini(struct tree *t);

#endif
