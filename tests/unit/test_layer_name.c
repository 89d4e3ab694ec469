/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_layer_name.c - names in a layer: what they mean, what is refused */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "name.h"

static void means(const char *raw, enum name_kind kind, const char *path)
{
	struct name n;
	struct err e = { 0 };

	assert_int_equal(name_read(raw, 100, 10, &n, &e), 0);
	assert_int_equal(n.kind, kind);
	if (path)
		assert_string_equal(n.path, path);
}

static void refuses(const char *raw, const char *why)
{
	struct name n;
	struct err e = { 0 };

	assert_int_equal(name_read(raw, 100, 10, &n, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	assert_non_null(strstr(e.what, why));
}

static void test_plain(void **state)
{
	(void)state;
	means("usr/bin/env", NAME_PLAIN, "usr/bin/env");
	means("./usr//bin/./env/", NAME_PLAIN, "usr/bin/env");
	means("/etc/passwd", NAME_PLAIN, "etc/passwd");
	means("...", NAME_PLAIN, "...");
	means("..a/b..", NAME_PLAIN, "..a/b..");
	means(".wh", NAME_PLAIN, ".wh");
	means("a/x.wh.b", NAME_PLAIN, "a/x.wh.b");
}

static void test_root(void **state)
{
	static const char *const NAMES[] = { ".", "./", "/", "//", "./.", "/./" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(NAMES); i++)
		means(NAMES[i], NAME_ROOT, "");
}

static void test_whiteouts(void **state)
{
	(void)state;
	means(".wh.a", NAME_WHITEOUT, "a");
	means("d/e/.wh.a", NAME_WHITEOUT, "d/e/a");
	means("d/.wh.a/", NAME_WHITEOUT, "d/a");
	means("d/.wh....", NAME_WHITEOUT, "d/...");
	means("d/e/.wh..wh..opq", NAME_OPAQUE, "d/e");
	means(".wh..wh..opq", NAME_OPAQUE, "");
	means(".wh..wh.plnk", NAME_SKIPPED, NULL);
	means("d/.wh..wh.orph/x/y", NAME_SKIPPED, NULL);
	refuses(".wh.", "whiteout of nothing");
	refuses("d/.wh..", "whiteout of nothing");
	refuses("d/.wh...", "whiteout of nothing");
	refuses("d/.wh.a/b", "whiteout for a directory");
}

static void test_refused(void **state)
{
	char deep[] = "a/b/c/d/e/f/g/h/i/j/k", component[300], path[102];

	(void)state;
	refuses("..", "\"..\"");
	refuses("../a", "\"..\"");
	refuses("/..", "\"..\"");
	refuses("a/../b", "\"..\"");
	refuses("a/..", "\"..\"");
	refuses(".wh.a/../b", "\"..\"");
	refuses(deep, "deeper than the cap of 10");
	deep[strlen(deep) - 2] = '\0';
	means(deep, NAME_PLAIN, deep);
	memset(component, 'x', sizeof(component) - 1);
	component[sizeof(component) - 1] = '\0';
	refuses(component, "255 bytes");
	memset(path, 'y', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	refuses(path, "longer than the cap of 100");
	path[100] = '\0';
	means(path, NAME_PLAIN, path);
}

static void test_target(void **state)
{
	struct name n;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(name_read_target("./d/.wh.a", 100, 10, &n, &e), 0);
	assert_int_equal(n.kind, NAME_PLAIN);
	assert_string_equal(n.path, "d/.wh.a");
	assert_int_equal(name_read_target("d/..", 100, 10, &n, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests_name("layer_name", tests, NULL, NULL);
}
