/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_groups.c - names of groups, and the drawn tree */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "run/groups.h"
#include "run/groups_internal.h"
#include "run/groups_tree.h"

static void names(void **state)
{
	static const char *const good[] = { "a", "job", "0", "a.b-c_D", "a/b", "job/lichen", "lichen.x/y", "lichen-0123456789ab" };
	static const char *const bad[] = { "",	"/", "a/", "/a", "a//b", ".", "..", "a/..", "-a", "a b", "a\n", "ä", "_a", "a/lichen.b",
					   "a/lichen-0123456789ab" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(good); i++) {
		struct err e = { 0 };

		assert_int_equal(groups_check_name(good[i], &e), 0);
	}
	for (size_t i = 0; i < N_ELEMS(bad); i++) {
		struct err e = { 0 };

		assert_int_equal(groups_check_name(bad[i], &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
	}
}

static void lengths(void **state)
{
	AUTO_BUF struct buf part = { 0 }, deep = { 0 };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < 64; i++)
		buf_add(&part, "x");
	assert_int_equal(groups_check_name(part.s, &e), 0);
	buf_add(&part, "x");
	assert_int_equal(groups_check_name(part.s, &e), -1);
	for (size_t i = 0; i < 16; i++)
		buf_add(&deep, i ? "/d" : "d");
	assert_int_equal(groups_check_name(deep.s, &e), 0);
	buf_add(&deep, "/d");
	assert_int_equal(groups_check_name(deep.s, &e), -1);
}

/* NULL where the leaf is no group's. */
static void leaf(const char *name, const char *expected, bool is_scope)
{
	bool found = false;
	char *got = group_of_leaf(name, &found);

	if (expected)
		assert_string_equal(got, expected);
	else
		assert_null(got);
	assert_int_equal(found, is_scope);
	free(got);
}

static void leaves(void **state)
{
	(void)state;
	leaf("lichen.job", "job", false);
	leaf("lichen.a.b", "a.b", false);
	leaf("lichen-group-job.scope", "job", true);
	leaf("lichen-group-a.scope.scope", "a.scope", true);
	leaf("lichen-group-job", NULL, false);
	leaf("lichen.", NULL, false);
	leaf("lichen..", NULL, false);
	leaf("lichen", NULL, false);
	leaf("lichen-0123456789ab", NULL, false);
	leaf("lichen-0123456789ab.scope", NULL, false);
	leaf("other.job", NULL, false);
	assert_true(group_is_sandbox("lichen-0123456789ab"));
	assert_true(group_is_sandbox("lichen-0123456789ab.scope"));
	assert_false(group_is_sandbox("lichen-0123456789a"));
	assert_false(group_is_sandbox("lichen-0123456789abc"));
	assert_false(group_is_sandbox("lichen-0123456789ag"));
	assert_false(group_is_sandbox("lichen.0123456789ab"));
	assert_false(group_is_sandbox("lichen-group-job.scope"));
	assert_false(group_is_sandbox(""));
}

/* A place with a group, which has a group in it, a sandbox and something else. */
static struct group_node part = { .kind = NODE_GROUP, .label = (char[]){ "part" }, .name = (char[]){ "job/part" }, .dir = (char[]){ "/c/p" },
				  .processes = 1, .cpus = 0.5, .has_cpus = true };
static struct group_node below[] = {
	{ .kind = NODE_GROUP, .label = (char[]){ "job" }, .name = (char[]){ "job" }, .dir = (char[]){ "/c" }, .processes = 2, .has_memory = true,
	  .memory = 1048576, .memory_max = 67108864, .v = &part, .n = 1, .for_command = true },
	{ .kind = NODE_SANDBOX, .label = (char[]){ "web" }, .name = (char[]){ "web" }, .id = (char[]){ "0123456789ab" }, .dir = (char[]){ "/s" },
	  .has_memory = true, .memory_max = LIMIT_MAX },
	{ .kind = NODE_OTHER, .label = (char[]){ "odd\033[m" }, .dir = (char[]){ "/o" } },
};
static struct group_node place = { .kind = NODE_PLACE, .label = (char[]){ "/here" }, .dir = (char[]){ "/sys/fs/cgroup/here" }, .v = below, .n = 3 };

static void drawing(void **state)
{
	const struct group_node root = { .v = &place, .n = 1 };
	AUTO_BUF struct buf ascii = { 0 }, utf8 = { 0 };

	(void)state;
	group_tree_draw(&root, false, &ascii);
	assert_string_equal(ascii.s, "/here\n"
				     "|- job  (for one command, 2 processes, 1MiB of 64MiB)\n"
				     "|  `- part  (1 process, 0.5 cpus)\n"
				     "|- web  (sandbox 0123456789ab, 0 processes, 0B)\n"
				     "`- odd\\x1b[m  (not lichen's, 0 processes)\n");
	group_tree_draw(&root, true, &utf8);
	assert_string_equal(utf8.s, "/here\n"
				    "├─ job  (for one command, 2 processes, 1MiB of 64MiB)\n"
				    "│  └─ part  (1 process, 0.5 cpus)\n"
				    "├─ web  (sandbox 0123456789ab, 0 processes, 0B)\n"
				    "└─ odd\\x1b[m  (not lichen's, 0 processes)\n");
}

static void as_json(void **state)
{
	const struct group_node root = { .v = &place, .n = 1 };
	AUTO_BUF struct buf out = { 0 };
	json_t *all, *children, *job;

	(void)state;
	group_tree_json(&root, &out);
	all = json_loads(out.s, JSON_REJECT_DUPLICATES, NULL);
	assert_int_equal(json_array_size(all), 1);
	children = json_object_get(json_array_get(all, 0), "children");
	assert_int_equal(json_array_size(children), 3);
	job = json_array_get(children, 0);
	assert_int_equal(json_integer_value(json_object_get(job, "memoryMax")), 67108864);
	assert_true(json_is_true(json_object_get(job, "forCommand")));
	assert_true(json_is_null(json_object_get(job, "cpus")));
	assert_true(json_is_null(json_object_get(json_array_get(children, 1), "memoryMax")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(children, 1), "id")), "0123456789ab");
	assert_string_equal(json_string_value(json_object_get(json_array_get(children, 2), "kind")), "other");
	json_decref(all);
}

static void locales(void **state)
{
	(void)state;
	assert_true(locale_is_utf8(NULL, NULL, "C.UTF-8"));
	assert_true(locale_is_utf8("", "de_DE.utf8@euro", "C"));
	assert_true(locale_is_utf8("en_US.UTF-8", "C", "C"));
	assert_false(locale_is_utf8("C", "en_US.UTF-8", "en_US.UTF-8"));
	assert_false(locale_is_utf8(NULL, NULL, NULL));
	assert_false(locale_is_utf8(NULL, NULL, "de_DE.ISO-8859-1"));
	assert_false(locale_is_utf8(NULL, NULL, "de_DE.UTF-16"));
	assert_false(locale_is_utf8(NULL, NULL, "UTF-8"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names), cmocka_unit_test(lengths), cmocka_unit_test(leaves),
		cmocka_unit_test(drawing), cmocka_unit_test(as_json), cmocka_unit_test(locales),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
