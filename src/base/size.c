/* SPDX-License-Identifier: Apache-2.0 */
/* base/size.c - sizes as docker writes them */
#include "base/size.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool size_parse(const char *text, uint64_t *out)
{
	static const char units[] = "bkmgt";
	char *rest;
	const char *unit;
	double n;

	if (*text < '0' || *text > '9' || text[strspn(text, "0123456789.")] == 'e')
		return false;
	errno = 0;
	n = strtod(text, &rest);
	unit = *rest ? strchr(units, *rest | 0x20) : units;
	if (!unit || !*unit || (*rest && rest[1] && strcasecmp(rest + 1, "b") != 0 && strcasecmp(rest + 1, "ib") != 0))
		return false;
	for (long i = unit - units; i > 0; i--)
		n *= 1024;
	if (n >= 1.8e19)
		return false;
	*out = (uint64_t)n;
	return true;
}

const char *size_format(uint64_t bytes, char text[SIZE_TEXT_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	size_t i = 0;

	while (n >= 1024 && i < 6)
		n /= 1024, i++;
	snprintf(text, SIZE_TEXT_MAX, "%.4g%s", n, units[i]);
	return text;
}
