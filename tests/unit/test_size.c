/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_size.c - amounts with units, read and printed */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/str.h"

static void sizes_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} ROWS[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "007", 7 },
		{ "400m", UINT64_C(400) << 20 },
		{ "1.5g", UINT64_C(3) << 29 },
		{ "1b", 1 },
		{ "1B", 1 },
		{ "1k", 1024 },
		{ "1K", 1024 },
		{ "1kb", 1024 },
		{ "1KiB", 1024 },
		{ "1M", UINT64_C(1) << 20 },
		{ "1gB", UINT64_C(1) << 30 },
		{ "1tib", UINT64_C(1) << 40 },
		{ "1p", UINT64_C(1) << 50 },
		{ "1 m", UINT64_C(1) << 20 },
		{ "64 KiB", 65536 },
		/* rounded down, and exactly */
		{ "0.3k", 307 },
		{ "0.1k", 102 },
		{ "0.999999999999999999999g", (UINT64_C(1) << 30) - 1 },
		{ "1.9", 1 },
		{ ".5k", 512 },
		{ "1.k", 1024 },
		{ "0.5p", UINT64_C(1) << 49 },
		{ "9007199254740993", UINT64_C(9007199254740993) },	/* no double */
		/* the most */
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551615.9b", UINT64_MAX },
		{ "16383.9999999999999999999p", UINT64_MAX },
		{ "16383p", UINT64_C(16383) << 50 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct err e = { 0 };
		uint64_t n = 1;

		if (size_parse("--size", ROWS[i].text, &n, &e))
			fail_msg("'%s': %s", ROWS[i].text, e.what);
		if (n != ROWS[i].bytes)
			fail_msg("'%s' is %llu", ROWS[i].text, (unsigned long long)n);
	}
}

static void no_sizes(void **state)
{
	static const char *const ROWS[] = {
		"", " ", "k", "b", ".", ".k", "-1", "+1", "0x10", "1e3", "1e", "inf", "nan", "1x", "1bb", "1bib", "1ki", "1kib ",
		"1k ", "1  m", " 1m", "1\tm", "1m 1", "1 ", "1.5.5", "1,5m", "1mm", "1kbb", "unlimited", "1@", "1\x0b",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct err e = { 0 };
		uint64_t n;

		if (!size_parse("--size", ROWS[i], &n, &e))
			fail_msg("'%s' was taken", ROWS[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.what, "--size "));
		assert_non_null(strstr(e.what, "expected a size, such as 64m or 1.5g"));
		assert_non_null(strstr(e.hint, "b, k, m, g, t and p"));
	}
}

static void too_large_is_told(void **state)
{
	static const char *const ROWS[] = {
		"18446744073709551616", "184467440737095516160", "16384p", "16384.0p", "99999999999999999999t", "18014398509481984k",
		"36028797018963968k",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct err e = { 0 };
		uint64_t n;

		if (!size_parse("--size", ROWS[i], &n, &e))
			fail_msg("'%s' was taken", ROWS[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.what, "more than a number of bytes can be"));
	}
}

static void sizes_are_printed(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} ROWS[] = {
		{ 0, "0B" }, { 1023, "1023B" }, { 1024, "1KiB" }, { 13107200, "12.5MiB" }, { 2097152000, "1.953GiB" },
		{ UINT64_C(3) << 40, "3TiB" }, { UINT64_MAX, "16EiB" }, { UINT64_C(1000) << 50, "1000PiB" },
	};
	char out[SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		assert_string_equal(size_format(ROWS[i].bytes, out), ROWS[i].text);
}

static void durations_are_printed(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} ROWS[] = {
		{ 0, "0ms" }, { 999, "999ms" }, { 1000, "1s" }, { 59999, "59s" }, { 60000, "1m00s" }, { 185000, "3m05s" },
		{ 3600000, "1h00m" }, { 7620000, "2h07m" }, { 86400000, "1d00h" }, { 356400000, "4d03h" },
		{ UINT64_MAX, "213503982334d14h" },
	};
	char out[DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		assert_string_equal(duration_format(ROWS[i].ms, out), ROWS[i].text);
}

static void percents_are_printed(void **state)
{
	static const struct {
		double part;
		const char *text;
	} ROWS[] = {
		{ 0, "0.00%" }, { 0.125, "12.50%" }, { 4, "400.00%" }, { NAN, "-" }, { INFINITY, "-" }, { -0.1, "-" },
	};
	char out[PERCENT_TEXT];

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		assert_string_equal(percent_format(ROWS[i].part, out), ROWS[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),	cmocka_unit_test(no_sizes),
		cmocka_unit_test(too_large_is_told),	cmocka_unit_test(sizes_are_printed),
		cmocka_unit_test(durations_are_printed), cmocka_unit_test(percents_are_printed),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
