/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_table.c - rows of columns, as text and as JSON */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"

static const struct column COLUMNS[] = {
	{ "NAME", "name", COLUMN_LEFT },   { "MEMORY", "memory", COLUMN_RIGHT }, { NULL, "id", COLUMN_LEFT },
	{ "FROZEN", "frozen", COLUMN_LEFT }, { "NOTE", NULL, COLUMN_LEFT },
};

static void add_row(struct table *t, const char *name, int64_t memory, const char *shown, const char *note)
{
	table_text(t, name);
	table_int(t, memory, shown);
	table_text(t, "0123");
	table_bool(t, memory > 1000, NULL);
	table_text(t, note);
}

static char *text_of(const struct table *t, size_t width, bool is_coloured)
{
	struct table_style style = { width, is_coloured };
	struct buf out = { 0 };

	table_render(t, &style, &out);
	return buf_take(&out);
}

static void must_be(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void columns_fit_their_cells(void **state)
{
	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };

	(void)state;
	must_be(text_of(&t, 0, false), "NAME  MEMORY  FROZEN  NOTE\n");
	assert_int_equal(table_width(&t), strlen("NAME  MEMORY  FROZEN  NOTE"));
	add_row(&t, "web", 13107200, "12.5MiB", "the one");
	add_row(&t, "a-long-name", 7, NULL, "");
	add_row(&t, "", 0, "", NULL);
	assert_int_equal(table_width(&t), strlen("web          12.5MiB  yes     the one"));
	must_be(text_of(&t, 0, false),
		"NAME          MEMORY  FROZEN  NOTE\n"
		"web          12.5MiB  yes     the one\n"
		"a-long-name        7  no\n"
		"                      no      -\n");
	must_be(text_of(&t, 500, true),
		"\x1b[1mNAME          MEMORY  FROZEN  NOTE\x1b[0m\n"
		"web          12.5MiB  yes     the one\n"
		"a-long-name        7  no\n"
		"                      no      -\n");
	table_clear(&t);
	add_row(&t, "x", 1, NULL, "y");
	must_be(text_of(&t, 0, false), "NAME  MEMORY  FROZEN  NOTE\nx          1  no      y\n");
}

static void the_last_column_gives_way(void **state)
{
	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };

	(void)state;
	add_row(&t, "web", 1, NULL, "0123456789");
	must_be(text_of(&t, 32, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      0123456789\n");
	must_be(text_of(&t, 31, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      012345...\n");
	must_be(text_of(&t, 26, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      0...\n");
	/* no narrower than its title, whatever the terminal */
	must_be(text_of(&t, 10, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      0...\n");
	table_clear(&t);
	add_row(&t, "web", 1, NULL, "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xc3\xa4\xc3\xb6\xc3\xbc");
	must_be(text_of(&t, 28, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      \xc3\xa4\xc3\xb6\xc3\xbc...\n");
	must_be(text_of(&t, 29, false), "NAME  MEMORY  FROZEN  NOTE\nweb        1  no      \xc3\xa4\xc3\xb6\xc3\xbc\xe2\x82\xac\xc3\xa4\xc3\xb6\xc3\xbc\n");
}

static void nothing_moves_the_cursor(void **state)
{
	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };
	AUTO_BUF struct buf one = { 0 };

	(void)state;
	add_row(&t, "a\x1b[2Jb\n", 1, "\r", "\xff\xc2\x9b");
	must_be(text_of(&t, 0, false), "NAME           MEMORY  FROZEN  NOTE\n"
				       "a\\x1b[2Jb\\x0a    \\x0d  no      \\xff\\xc2\\x9b\n");
	table_render_column(&t, "name", &one);
	assert_string_equal(one.s, "a\\x1b[2Jb\\x0a\n");
}

static void one_column_alone(void **state)
{
	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };
	AUTO_BUF struct buf names = { 0 }, ids = { 0 }, none = { 0 };

	(void)state;
	table_render_column(&t, "name", &none);
	add_row(&t, "a", 1, NULL, "x");
	add_row(&t, "bb", 2, NULL, "y");
	table_render_column(&t, "name", &names);
	assert_string_equal(names.s, "a\nbb\n");
	table_render_column(&t, "id", &ids);
	assert_string_equal(ids.s, "0123\n0123\n");
	table_render_column(&t, "nothing", &none);
	assert_int_equal(none.len, 0);
}

static void json_has_the_values(void **state)
{
	static const struct column COLUMNS_JSON[] = {
		{ "T", "te\"xt", COLUMN_LEFT }, { "I", "int", COLUMN_LEFT },  { "R", "real", COLUMN_LEFT },
		{ "B", "bool", COLUMN_LEFT },	{ "N", "null", COLUMN_LEFT }, { "P", NULL, COLUMN_LEFT },
	};
	AUTO_TABLE struct table t = { .columns = COLUMNS_JSON, .n_columns = N_ELEMS(COLUMNS_JSON) };
	AUTO_BUF struct buf out = { 0 }, none = { 0 }, lines = { 0 };
	const json_t *o;
	json_t *rows, *first;

	(void)state;
	table_render_json(&t, &none);
	assert_string_equal(none.s, "[]\n");
	table_render_json_lines(&t, &lines);
	assert_int_equal(lines.len, 0);
	table_text_as(&t, "0123456789abcdef\n\"", "0123");
	table_int(&t, INT64_MIN, "very little");
	table_real(&t, 12.25, "12.25%");
	table_bool(&t, false, "running");
	table_null(&t, "unlimited");
	table_text(&t, "for people");
	for (size_t i = 0; i < 2; i++) {
		table_text(&t, NULL);
		table_int(&t, 0, NULL);
		table_real(&t, i ? NAN : 1e300, NULL);
		table_bool(&t, true, NULL);
		table_null(&t, NULL);
		table_text(&t, "");
	}
	table_render_json(&t, &out);
	table_render_json_lines(&t, &lines);
	rows = json_loads(out.s, JSON_REJECT_DUPLICATES, NULL);
	first = json_loadb(lines.s, strcspn(lines.s, "\n"), JSON_REJECT_DUPLICATES, NULL);
	assert_true(first && json_equal(first, json_array_get(rows, 0)));
	json_decref(first);
	assert_int_equal(lines.s[lines.len - 1], '\n');
	assert_non_null(rows);
	assert_int_equal(json_array_size(rows), 3);
	o = json_array_get(rows, 0);
	assert_int_equal(json_object_size(o), 5);
	assert_string_equal(json_string_value(json_object_get(o, "te\"xt")), "0123456789abcdef\n\"");
	assert_true(json_is_integer(json_object_get(o, "int")));
	assert_true(json_integer_value(json_object_get(o, "int")) == INT64_MIN);
	assert_true(json_is_real(json_object_get(o, "real")));
	assert_true(json_is_false(json_object_get(o, "bool")));
	assert_true(json_is_null(json_object_get(o, "null")));
	o = json_array_get(rows, 1);
	assert_true(json_is_null(json_object_get(o, "te\"xt")));
	assert_true(json_is_number(json_object_get(o, "real")));
	assert_true(json_is_true(json_object_get(o, "bool")));
	assert_true(json_is_null(json_object_get(json_array_get(rows, 2), "real")));
	json_decref(rows);
	/* an object a line, for grep(1) */
	assert_non_null(strstr(out.s, "\n  {\"te\\\"xt\": null, \"int\": 0, \"real\": 1e+300, \"bool\": true, \"null\": null},\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_fit_their_cells), cmocka_unit_test(the_last_column_gives_way),
		cmocka_unit_test(nothing_moves_the_cursor), cmocka_unit_test(one_column_alone),
		cmocka_unit_test(json_has_the_values),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
