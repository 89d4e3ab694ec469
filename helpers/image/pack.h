/* SPDX-License-Identifier: Apache-2.0 */
/* image/pack.h - a directory becomes a layer */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include "blob.h"

/**
 * pack_dir() - Pack the tree below @dir as a tar into a blob that has begun
 *
 * In the order of the names' bytes, so that the same tree gives the same bytes: times are whole seconds, owners are
 * numbers, as this process sees them. Hard links, holes and the kept attributes (xattrs.h) stay; sockets, what lies on other file
 * systems, what cannot be read, and files whose names mean whiteouts are left out, with a word each time.
 * Errors:	SYS; those of blob_add()
 */
NODISCARD int pack_dir(const struct talk *t, int dir, struct blob *b, struct err *e);

#endif
