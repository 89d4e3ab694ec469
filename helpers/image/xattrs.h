/* SPDX-License-Identifier: Apache-2.0 */
/* image/xattrs.h - which extended attributes of files an image has */
#ifndef IMAGE_XATTRS_H
#define IMAGE_XATTRS_H

#include <stdbool.h>

/* user.*, but not what overlay, fuse-overlayfs, containers/storage and we ourselves believe; and file capabilities. */
bool xattr_is_kept(const char *name);

#endif
