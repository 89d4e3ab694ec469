/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_pull_view.c - rates, bars and lines while an image comes */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/pull_view.h"

enum { MIB = 1 << 20 };

static void rates_are_smooth(void **state)
{
	struct rate r = { 0 };

	(void)state;
	assert_true(rate_left_ms(&r, 1) == UINT64_MAX);
	rate_add(&r, 1000, 0);
	assert_false(r.is_known);
	rate_add(&r, 1100, 50);	/* too soon to tell */
	assert_false(r.is_known);
	rate_add(&r, 2000, 1000);
	assert_true(r.is_known);
	assert_int_equal((int)r.per_s, 1000);
	assert_int_equal(rate_left_ms(&r, 5000), 5000);
	rate_add(&r, 3000, 1000);	/* nothing came */
	assert_int_equal((int)r.per_s, 750);
	for (uint64_t t = 4000; t < 100000; t += 1000)
		rate_add(&r, t, 1000);
	assert_true(rate_left_ms(&r, 5000) == UINT64_MAX);
	assert_int_equal(rate_left_ms(&r, 0), 0);
	rate_add(&r, 200000, 10);	/* it begins anew */
	assert_false(r.is_known);
}

static void must_be(size_t width, uint64_t done, uint64_t total, const char *expected)
{
	AUTO_BUF struct buf b = { 0 };

	bar_add(&b, width, done, total);
	assert_string_equal(b.s, expected);
}

static void bars(void **state)
{
	(void)state;
	must_be(12, 0, 100, "[          ]");
	must_be(12, 1, 100, "[>         ]");
	must_be(12, 50, 100, "[=====>    ]");
	must_be(12, 100, 100, "[==========]");
	must_be(12, 500, 100, "[==========]");
	must_be(12, 500, 0, "[          ]");
	must_be(0, 1, 2, "[]");
	must_be(12, UINT64_MAX, UINT64_MAX, "[==========]");
}

static struct pull_layers three(void)
{
	struct pull_layers l = { 0 };
	struct pull_layer *x = pull_layers_get(&l, 2);

	x->label = str_dup("cccccccccccc");
	x->size = 4 * MIB;
	x = pull_layers_get(&l, 0);
	x->label = str_dup("aaaaaaaaaaaa");
	x->what = "downloading";
	x->size = x->total = 20 * MIB;
	x->done = x->got = 5 * MIB;
	x->rate = (struct rate){ 1, 1, 5 * MIB, true };
	x = pull_layers_get(&l, 1);
	x->label = str_dup("b\x1b[2J");
	x->what = "unpacking";
	x->size = x->got = 8 * MIB;
	x->done = 2 * MIB;
	x->total = 8 * MIB;
	return l;
}

static void lines_fit_the_window(void **state)
{
	struct pull_layers l = three();
	const struct rate all = { 1, 1, 10 * MIB, true };
	AUTO_BUF struct buf wide = { 0 }, narrow = { 0 }, low = { 0 };

	(void)state;
	pull_render(&l, "alpine", &all, 100, 24, &wide);
	assert_string_equal(wide.s,
			    "alpine: 0 of 3 layers, 13MiB of 32MiB  10MiB/s  1s\n"
			    "aaaaaaaaaaaa downloading   [========>                       ] 5MiB/20MiB           5MiB/s  3s\n"
			    "b\\x1b[2J     unpacking     [========>                       ] 2MiB/8MiB\n"
			    "cccccccccccc waiting       4MiB\n");
	pull_render(&l, "alpine", &all, 60, 24, &narrow);
	assert_string_equal(narrow.s,
			    "alpine: 0 of 3 layers, 13MiB of 32MiB  10MiB/s  1s\n"
			    "aaaaaaaaaaaa downloading   5MiB/20MiB           5MiB/s  3s\n"
			    "b\\x1b[2J     unpacking     2MiB/8MiB\n"
			    "cccccccccccc waiting       4MiB\n");
	pull_layers_fini(&l);
	l = three();
	pull_render(&l, "alpine", &all, 60, 3, &low);
	assert_non_null(strstr(low.s, "cccccccccccc"));
	pull_layers_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_smooth), cmocka_unit_test(bars), cmocka_unit_test(lines_fit_the_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
