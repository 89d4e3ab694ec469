/* SPDX-License-Identifier: Apache-2.0 */
/* base/size.c - amounts with units: read as docker reads them, printed for people */

#include "base/size.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { STEP = 10 };	/* bits from a unit to the next one */

static const char DIGITS[] = "0123456789";

/* The bits by which a unit shifts; -1: it is none. */
static int unit_shift(const char *unit)
{
	static const char UNITS[] = "bkmgtp";
	const char *at;

	if (!*unit)
		return 0;
	at = strchr(UNITS, *unit | 0x20);
	if (!at || (unit[1] && (at == UNITS || (strcasecmp(unit + 1, "b") != 0 && strcasecmp(unit + 1, "ib") != 0))))
		return -1;
	return STEP * (int)(at - UNITS);
}

/* @n digits at @digits behind the point, as part of 1 << @shift: the last one first, so that
 * rounding down at each gives what rounding down in the end would. */
static uint64_t fraction(const char *digits, size_t n, int shift)
{
	uint64_t sum = 0;

	while (n-- > 0)
		sum = (sum + ((uint64_t)(digits[n] - '0') << shift)) / 10;
	return sum;
}

static bool whole(const char *digits, size_t n, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, (uint64_t)(digits[i] - '0'), out))
			return false;
	return true;
}

static int no_size(const char *what, const char *text, struct err *e)
{
	err_set(e, ERR_USAGE, "%s %s: expected a size, such as 64m or 1.5g", what, text);
	return err_hint(e, "the units are b, k, m, g, t and p, 1024 each");
}

int size_parse(const char *what, const char *text, uint64_t *out, struct err *e)
{
	size_t n = strspn(text, DIGITS), n_fraction = 0;
	const char *rest = text + n;
	uint64_t number, part;
	int shift;

	if (*rest == '.') {
		n_fraction = strspn(rest + 1, DIGITS);
		rest += 1 + n_fraction;
	}
	if (n + n_fraction == 0)
		return no_size(what, text, e);
	if (*rest == ' ' && rest[1])
		rest++;
	shift = unit_shift(rest);
	if (shift < 0)
		return no_size(what, text, e);
	part = fraction(text + n + 1, n_fraction, shift);
	if (!whole(text, n, &number) || number > UINT64_MAX >> shift ||
	    __builtin_add_overflow(number << shift, part, out)) {
		err_set(e, ERR_USAGE, "%s %s: that is more than a number of bytes can be", what, text);
		return err_hint(e, "at most %" PRIu64 ", less than 16384p", UINT64_MAX);
	}
	return 0;
}

char *size_format(uint64_t bytes, char out[SIZE_TEXT])
{
	static const char *const UNITS[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = (double)bytes;
	size_t i = 0;

	while (n >= 1024) {
		n /= 1024;
		i++;
	}
	snprintf(out, SIZE_TEXT, "%.4g%s", n, UNITS[i]);
	return out;
}

char *duration_format(uint64_t ms, char out[DURATION_TEXT])
{
	const uint64_t s = ms / 1000, m = s / 60, h = m / 60, d = h / 24;

	if (!s)
		snprintf(out, DURATION_TEXT, "%" PRIu64 "ms", ms);
	else if (!m)
		snprintf(out, DURATION_TEXT, "%" PRIu64 "s", s);
	else if (!h)
		snprintf(out, DURATION_TEXT, "%" PRIu64 "m%02" PRIu64 "s", m, s % 60);
	else if (!d)
		snprintf(out, DURATION_TEXT, "%" PRIu64 "h%02" PRIu64 "m", h, m % 60);
	else
		snprintf(out, DURATION_TEXT, "%" PRIu64 "d%02" PRIu64 "h", d, h % 24);
	return out;
}

char *percent_format(double part, char out[PERCENT_TEXT])
{
	/* what is divided by no time at all */
	if (!isfinite(part) || part < 0 || part > 1e9)
		snprintf(out, PERCENT_TEXT, "-");
	else
		snprintf(out, PERCENT_TEXT, "%.2f%%", part * 100);
	return out;
}
