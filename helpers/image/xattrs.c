/* SPDX-License-Identifier: Apache-2.0 */
/* image/xattrs.c - which extended attributes of files an image has */

#include "xattrs.h"

#include "base/str.h"

bool xattr_is_kept(const char *name)
{
	static const char *const OURS[] = { "user.overlay.", "user.fuseoverlayfs.", "user.containers.", "user.lichen." };

	for (size_t i = 0; i < N_ELEMS(OURS); i++)
		if (str_starts(name, OURS[i]))
			return false;
	return str_starts(name, "user.") || str_eq(name, "security.capability");
}
