/* SPDX-License-Identifier: Apache-2.0 */
/* image/name.h - names in a layer: clean paths, whiteouts, what is refused. Pure. */
#ifndef IMAGE_NAME_H
#define IMAGE_NAME_H

#include <limits.h>
#include <stdint.h>

#include "base/err.h"

enum name_kind {
	NAME_PLAIN,
	NAME_ROOT,	/* the tree itself; the path is "" */
	NAME_WHITEOUT,	/* ".wh.x": the path is that of x */
	NAME_OPAQUE,	/* ".wh..wh..opq": the path is that of the directory; may be "" */
	NAME_SKIPPED,	/* ".wh..wh.plnk" and its kin: aufs's own files */
};

struct name {
	enum name_kind kind;
	char path[PATH_MAX];	/* relative, without "." and doubled "/" */
};

/**
 * name_read() - What a name of an archive means
 * @raw:	bytes; absolute ones are taken as relative
 * @max_len:	of the path; at most PATH_MAX - 1
 * @max_depth:	how many components
 * Errors:	SPEC: "..", whiteouts of nothing that can be, too long, too deep
 */
NODISCARD int name_read(const char *raw, uint32_t max_len, uint32_t max_depth, struct name *out, struct err *e);

/* The same of a hard link's target, for which whiteouts are names as others. */
NODISCARD int name_read_target(const char *raw, uint32_t max_len, uint32_t max_depth, struct name *out, struct err *e);

#endif
