/* SPDX-License-Identifier: Apache-2.0 */
/* scope/names.c - what may be put before systemd: names of units, a description, a path */

#include "names.h"

#include <string.h>

#include "base/auto.h"
#include "base/str.h"

#define UNIT_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.-"

int names_check_unit(const char *option, const char *name, const char *suffix, struct err *e)
{
	size_t len = strlen(name), tail = strlen(suffix);

	if (len > UNIT_NAME_MAX)
		return err_set(e, ERR_USAGE, "%s: a name of %zu bytes, at most %d are possible", option, len,
			       UNIT_NAME_MAX);
	if (len <= tail || !str_eq(name + len - tail, suffix))
		return err_set(e, ERR_USAGE, "%s: '%s' is not like 'NAME%s'", option, name, suffix);
	if (name[0] == '.' || strspn(name, UNIT_CHARS) != len)
		return err_set(e, ERR_USAGE, "%s: '%s' may have letters, digits and ':_.-' only, and no dot at its start",
			       option, name);
	return 0;
}

int names_check_subgroup(const char *path, struct err *e)
{
	size_t len = strlen(path);

	if (len > SUBGROUP_MAX)
		return err_set(e, ERR_USAGE, "--subgroup: a path of %zu bytes, at most %d are possible", len,
			       SUBGROUP_MAX);
	for (const char *part = path; *part; part += 1 + strcspn(part + 1, "/")) {
		size_t n = strcspn(part + 1, "/");

		if (*part != '/' || !n || (part[1] == '.' && (n == 1 || (n == 2 && part[2] == '.'))))
			return err_set(e, ERR_USAGE, "--subgroup: '%s' is not like '/PATH', without '.', '..' and '//'", path);
	}
	if (!len)
		return err_set(e, ERR_USAGE, "--subgroup is empty; it is like '/PATH'");
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return err_set(e, ERR_USAGE, "--subgroup: '%s' has characters other than printable ASCII", path);
	return 0;
}

char *names_description(const char *text)
{
	AUTO_BUF struct buf safe = { 0 };
	AUTO_FREE char *cut = NULL;
	size_t len = strlen(text);

	if (len > DESCRIPTION_MAX) {
		/* not in the middle of a character */
		for (len = DESCRIPTION_MAX; len && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	}
	cut = str_dupn(text, len);
	buf_add_safe(&safe, cut);
	return buf_take(&safe);
}
