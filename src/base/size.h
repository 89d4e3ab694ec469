/* SPDX-License-Identifier: Apache-2.0 */
/* base/size.h - amounts with units: read as docker reads them, printed for people */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdint.h>

#include "base/err.h"

/**
 * size_parse() - A number of bytes: "4096", "400m", "1.5g", "64 KiB"
 * @what:	whose value it is, for the error: "--memory"
 *
 * Decimal digits, which may have a fraction, then perhaps one space, then perhaps a unit: b, k, m,
 * g, t or p in either case, 1024 each, the last five with "b" or "ib" behind where one likes. What
 * is no whole number of bytes is rounded down. No sign: words that mean "none" are the caller's.
 * Errors:	USAGE, also for more than fits
 */
NODISCARD int size_parse(const char *what, const char *text, uint64_t *out, struct err *e);

enum { SIZE_TEXT = 16, DURATION_TEXT = 32, PERCENT_TEXT = 32 };

/* They fill @out and return it. */
char *size_format(uint64_t bytes, char out[SIZE_TEXT]);		/* "0B" "512B" "12.5MiB" "1.953GiB": four digits */
char *duration_format(uint64_t ms, char out[DURATION_TEXT]);	/* "250ms" "9s" "3m05s" "2h07m" "4d03h": two units */
char *percent_format(double part, char out[PERCENT_TEXT]);	/* of 1: "0.00%" "12.50%" "400.00%"; "-" where it is no number */

#endif
