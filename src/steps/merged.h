/* SPDX-License-Identifier: Apache-2.0 */
/* steps/merged.h - a stack of layers seen as one tree, without a mount
 *
 * For the few looks that come before there is an overlay: whiteouts and opaque directories hide what is below them
 * (overlayfs.rst, with "userxattr"), and links are followed inside the tree. One layer is looked into at a time.
 */
#ifndef STEPS_MERGED_H
#define STEPS_MERGED_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

/* "y": nothing of the directory's name is seen from lower layers; "x": the directory has whiteouts of another form. */
#define MERGED_OPAQUE "user.overlay.opaque"

/**
 * merged_open() - Open what @path is in the tree
 * @lowers:	directories, the topmost first
 * @path:	absolute inside the tree
 * @flags:	as open(2); never made
 * Return: a descriptor, CLOEXEC; -1 with errno
 */
NODISCARD int merged_open(const struct strv *lowers, const char *path, int flags);

/* @path with the links resolved of what is there of it; owned. */
char *merged_resolve(const struct strv *lowers, const char *path);

/* Whether it stands for the absence of its name. */
bool merged_is_whiteout(const struct stat *st);
/* Whether the directory hides those below it. */
bool merged_is_opaque(int dirfd);

#endif
