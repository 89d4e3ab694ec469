/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy_internal.h - what the files steps/copy*.c share */
#ifndef STEPS_COPY_INTERNAL_H
#define STEPS_COPY_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"
#include "steps/copy.h"

enum { COPY_CAPS_MAX = 32 };

struct link_row {
	dev_t dev;
	ino_t ino;
	char *path;	/* in the copy, relative; owned; NULL: a free row */
};

struct links {
	struct link_row *v;	/* open addressing, at most half full */
	size_t cap, n;
};

/* Paths of whiteouts and opaque directories, with the layer that has them: they hide what is below it. */
struct hidden {
	struct hidden_row {
		char *path;	/* owned; NULL: a free row */
		size_t layer;
	} *v;			/* open addressing, at most half full */
	size_t cap, n;
};

/* One copy under way. */
struct copy {
	const char *src, *dst;	/* for errors */
	int dst_root;
	FILE *owners;
	struct stat dst_st, owners_st;	/* never copied into themselves */
	struct links links;	/* of the layer at hand */
	const struct copy_layers *layers;	/* NULL: it is one tree */
	size_t layer;		/* the one at hand; 0 is the topmost, or the tree */
	struct hidden hidden;
	struct copy_stats st;
	unsigned char caps[COPY_CAPS_MAX];	/* security.capability of the file at hand */
	size_t n_caps;		/* 0: it has none */
	char path[PATH_MAX];	/* of the entry at hand: absolute inside the tree */
	size_t len;
	bool shows, shown;	/* progress */
	int64_t began, last;	/* ms */
};

/* ---- copy_tables.c ---- */

/* The name in the copy of a file that was copied under another one; NULL: it was not. */
const char *copy_links_find(const struct links *l, const struct stat *st);
void copy_links_add(struct links *l, const struct stat *st, const char *path);
void copy_links_fini(struct links *l);

/* Whether a layer above @layer hides @path. */
bool copy_is_hidden(const struct hidden *h, const char *path, size_t layer);
/* The topmost layer that hides it counts, and comes first. */
void copy_hide(struct hidden *h, const char *path, size_t layer);
void copy_hidden_fini(struct hidden *h);

/* ---- copy_content.c ---- */

int64_t copy_now_ms(void);
/* Now and then: shows how far we are; -1 with EINTR when we are told to stop. */
NODISCARD int copy_tick(struct copy *c);
/* user.* at once; a file's capabilities, which a change of its owner would take away, go to @c. */
void copy_xattrs(struct copy *c, int in, int out);
/* Of a file of which @st was taken; -1 with errno. */
NODISCARD int copy_content(struct copy *c, int in, int out, const struct stat *st);

/* ---- copy_walk.c ---- */

/* Notes owner and mode of the entry at hand. */
NODISCARD int copy_record(struct copy *c, const struct stat *st, struct err *e);
void copy_times(int dirfd, const char *name, const struct stat *st);
/* What is in the directory @in, of which @st was taken, into @out; both may be closed and opened again. */
NODISCARD int copy_walk(struct copy *c, int *in, int *out, const struct stat *st, struct err *e);

#endif
