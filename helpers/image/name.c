/* SPDX-License-Identifier: Apache-2.0 */
/* image/name.c - names in a layer: clean paths, whiteouts, what is refused */

#include "name.h"

#include <string.h>

#include "base/str.h"

#define WHITEOUT ".wh."
enum { WHITEOUT_LEN = 4 };

static int refuse(const char *raw, const char *why, struct err *e)
{
	return err_set(e, ERR_SPEC, "the name \"%.200s\" %s", raw, why);
}

int name_read_target(const char *raw, uint32_t max_len, uint32_t max_depth, struct name *out, struct err *e)
{
	size_t at = 0, depth = 0;

	for (const char *s = raw; *s;) {
		const char *end = strchrnul(s, '/');
		size_t len = (size_t)(end - s);

		if (len == 2 && s[0] == '.' && s[1] == '.')
			return refuse(raw, "has \"..\": it leads out of the directory that it names", e);
		if (len > NAME_MAX)
			return refuse(raw, "has a component of more than 255 bytes", e);
		if (len && !(len == 1 && s[0] == '.')) {
			size_t all = at + (at > 0) + len;

			if (all > max_len || all >= sizeof(out->path))
				return err_set(e, ERR_SPEC, "the name \"%.100s...\" is longer than the cap of %u bytes", raw, max_len);
			if (++depth > max_depth)
				return err_set(e, ERR_SPEC, "the name \"%.200s\" is deeper than the cap of %u directories", raw, max_depth);
			if (at)
				out->path[at++] = '/';
			memcpy(out->path + at, s, len);
			at += len;
		}
		s = *end ? end + 1 : end;
	}
	out->path[at] = '\0';
	out->kind = at ? NAME_PLAIN : NAME_ROOT;
	return 0;
}

/* The leaf is ".wh." and more. */
static int read_whiteout(const char *raw, char *leaf, struct name *out, struct err *e)
{
	const char *hidden = leaf + WHITEOUT_LEN;

	if (str_starts(hidden, WHITEOUT)) {
		out->kind = str_eq(hidden, WHITEOUT ".opq") ? NAME_OPAQUE : NAME_SKIPPED;
		leaf[leaf > out->path ? -1 : 0] = '\0';
		return 0;
	}
	if (!*hidden || str_eq(hidden, ".") || str_eq(hidden, ".."))
		return refuse(raw, "is a whiteout of nothing that could be there", e);
	out->kind = NAME_WHITEOUT;
	memmove(leaf, hidden, strlen(hidden) + 1);
	return 0;
}

int name_read(const char *raw, uint32_t max_len, uint32_t max_depth, struct name *out, struct err *e)
{
	if (name_read_target(raw, max_len, max_depth, out, e) < 0)
		return -1;
	for (char *s = out->path;;) {
		char *slash = strchr(s, '/');

		if (str_starts(s, WHITEOUT WHITEOUT) && slash) {
			out->kind = NAME_SKIPPED;
			return 0;
		}
		if (str_starts(s, WHITEOUT) && slash)
			return refuse(raw, "has a whiteout for a directory", e);
		if (str_starts(s, WHITEOUT))
			return read_whiteout(raw, s, out, e);
		if (!slash)
			return 0;
		s = slash + 1;
	}
}
