/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_scope.c - what lichen-scope lets through to systemd: names, a path, a description */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "names.h"

static const char *const GOOD_UNITS[] = { "a.scope", "lichen-0_A:b.c.scope", "-.scope", "x.service.scope" };
static const char *const BAD_UNITS[] = {
	"",	      ".scope",	   "a",		 "a.service", "a.scope.", "../a.scope", "a/b.scope", "a b.scope",
	"a\n.scope", "a@b.scope", "a\\x2d.scope", "..scope",   "%u.scope", "\xc3\xa4.scope",
};

static void units(void **state)
{
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(GOOD_UNITS); i++)
		if (names_check_unit("--unit", GOOD_UNITS[i], ".scope", &e))
			fail_msg("%s: %s", GOOD_UNITS[i], e.what);
	for (size_t i = 0; i < N_ELEMS(BAD_UNITS); i++) {
		err_clear(&e);
		if (!names_check_unit("--unit", BAD_UNITS[i], ".scope", &e))
			fail_msg("'%s' was taken", BAD_UNITS[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_true(str_starts(e.what, "--unit: "));
	}
}

static void long_units(void **state)
{
	char name[UNIT_NAME_MAX + 2];
	struct err e = { 0 };

	(void)state;
	memset(name, 'a', sizeof(name));
	str_copy(name + UNIT_NAME_MAX - strlen(".scope"), sizeof(".scope"), ".scope");
	assert_int_equal(names_check_unit("--unit", name, ".scope", &e), 0);
	memset(name, 'a', sizeof(name));
	str_copy(name + UNIT_NAME_MAX + 1 - strlen(".scope"), sizeof(".scope"), ".scope");
	assert_int_equal(names_check_unit("--unit", name, ".scope", &e), -1);
	assert_non_null(strstr(e.what, "256 bytes"));
}

static const char *const GOOD_PATHS[] = { "/a", "/a/b", "/..a/...", "/box:1" };
static const char *const BAD_PATHS[] = { "", "/", "a", "a/b", "//a", "/a//b", "/a/", "/.", "/..", "/a/../b", "/a/.", "/a b", "/a\n", "/\xff" };

static void subgroups(void **state)
{
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(GOOD_PATHS); i++)
		if (names_check_subgroup(GOOD_PATHS[i], &e))
			fail_msg("%s: %s", GOOD_PATHS[i], e.what);
	for (size_t i = 0; i < N_ELEMS(BAD_PATHS); i++)
		if (!names_check_subgroup(BAD_PATHS[i], &e))
			fail_msg("'%s' was taken", BAD_PATHS[i]);
}

static void descriptions(void **state)
{
	AUTO_FREE char *safe = names_description("a\nb\033[31m\xff \xc3\xa4"), *cut = NULL;
	char longer[DESCRIPTION_MAX + 2];

	(void)state;
	assert_string_equal(safe, "a\\x0ab\\x1b[31m\\xff \xc3\xa4");
	/* the last character lies across the limit: it goes as a whole */
	memset(longer, 'a', sizeof(longer));
	memcpy(longer + DESCRIPTION_MAX - 1, "\xc3\xa4", 3);
	cut = names_description(longer);
	assert_int_equal(strlen(cut), DESCRIPTION_MAX - 1);
	assert_int_equal(cut[DESCRIPTION_MAX - 2], 'a');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units),
		cmocka_unit_test(long_units),
		cmocka_unit_test(subgroups),
		cmocka_unit_test(descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
