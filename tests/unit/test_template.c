/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_template.c - what --format makes of a template */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/template.h"

static const char IMAGE[] = "{\"Id\":\"sha256:0123\",\"Size\":42,\"Big\":true,\"None\":null,\"RepoTags\":[\"a:1\",\"b:2\"],"
			    "\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"a.b\":\"c\"}},\"Evil\":\"x\\u001b[2Jy\",\"C1\":\"x\\u009b2J\\u007f\\u00e9\"}";

static void must_be(const char *format, const char *expected)
{
	json_t *v = json_loads(IMAGE, 0, NULL);
	struct err e = { 0 };
	struct buf out = { 0 };

	assert_non_null(v);
	if (template_render(format, v, &out, &e) < 0)
		fail_msg("%s: %s", format, e.what);
	assert_string_equal(out.s ? out.s : "", expected);
	buf_fini(&out);
	json_decref(v);
}

static void must_fail(const char *format, const char *what, const char *hint)
{
	json_t *v = json_loads(IMAGE, 0, NULL);
	struct err e = { 0 };
	struct buf out = { 0 };

	assert_int_equal(template_render(format, v, &out, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	if (!strstr(e.what, what) || !strstr(e.hint, hint))
		fail_msg("%s: %s (%s)", format, e.what, e.hint);
	buf_fini(&out);
	json_decref(v);
}

static void fields(void **state)
{
	(void)state;
	must_be("", "");
	must_be("text", "text");
	must_be("{{.Id}} {{ .Size }}", "sha256:0123 42");
	must_be("a\\tb\\n", "a\tb\n");
	must_be("{{.Big}} {{.None}} {{.None.More}}", "true <no value> <no value>");
	must_be("{{.Config.Env}}", "[A=1 B=2]");
	must_be("{{.Config.Labels}}", "map[a.b:c]");
	must_be("{{\"x\\ty\"}}", "x\\x09y");
	must_fail("{{.Idd}}", "no field '.Idd'", "did you mean .Id ?");
	must_fail("{{.Completely}}", "no field '.Completely'", "there are .Id .Size");
	must_fail("{{.Id.More}}", "no field '.More'", "");
}

static void no_cursor_moves(void **state)
{
	(void)state;
	must_be("{{.Evil}}", "x\\x1b[2Jy");
	must_be("{{json .Evil}}", "\"x\\u001B[2Jy\"");
	must_be("{{json .C1}}", "\"x\\u009b2J\\u007f\xc3\xa9\"");
}

static void functions(void **state)
{
	(void)state;
	must_be("{{json .RepoTags}}", "[\"a:1\",\"b:2\"]");
	must_be("{{.Config | json}}", "{\"Env\":[\"A=1\",\"B=2\"],\"Labels\":{\"a.b\":\"c\"}}");
	must_be("{{json .Id}}", "\"sha256:0123\"");
	must_be("{{index .Config.Labels \"a.b\"}}{{index .Config.Labels \"none\"}}", "c");
	must_be("{{index .RepoTags 1}}", "b:2");
	must_be("{{join .RepoTags \", \"}}", "a:1, b:2");
	must_be("{{len .RepoTags}} {{len .Id}}", "2 11");
	must_be("{{upper .Id}} {{lower \"AB\"}}", "SHA256:0123 ab");
	must_be("{{println .Size}}", "42\n");
	must_fail("{{jsn .Id}}", "no function 'jsn'", "known are");
	must_fail("{{json}}", "wrong number of values for 'json'", "");
	must_fail("{{.Id .Size}}", "expected one value", "");
}

static void blocks(void **state)
{
	(void)state;
	must_be("{{range .Config.Env}}{{.}};{{end}}.", "A=1;B=2;.");
	must_be("{{range .Config.Env}}{{println .}}{{end}}", "A=1\nB=2\n");
	must_be("{{range .None}}x{{end}}", "");
	must_be("{{if .Big}}yes{{else}}no{{end}}", "yes");
	must_be("{{if .None}}yes{{else}}no{{end}}", "no");
	must_be("{{if .None}}{{.Nothing}}{{end}}", "");
	must_be("a {{- .Size -}} b", "a42b");
	must_fail("{{range .Config.Env}}x", "no {{end}} for 'range'", "");
	must_fail("{{if .Big}}x", "no {{end}} for 'if'", "");
	must_fail("x{{end}}", "nothing for the {{end}}", "");
	must_fail("{{.Id", "there is no }}", "");
	must_fail("{{", "there is no }}", "");
	must_fail("{{\"x}}", "a string has no end", "");
	must_fail("{{range .None}}{{nothing .}}{{end}}", "no function 'nothing'", "");
	must_fail("{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}{{if 1}}"
		  "{{if 1}}{{if 1}}",
		  "too many blocks", "");
}

static void lists(void **state)
{
	json_t *titles = json_pack("{s:s,s:s}", "Name", "NAME", "ID", "IMAGE ID");
	json_t *rows = json_loads("[{\"Name\":\"alpine\",\"ID\":\"1\"},{\"Name\":\"b\",\"ID\":\"22\"}]", 0, NULL);
	struct err e = { 0 };
	struct buf out = { 0 };

	(void)state;
	assert_int_equal(template_rows("{{.Name}}", titles, rows, &out, &e), 0);
	assert_string_equal(out.s, "alpine\nb\n");
	buf_fini(&out);
	assert_int_equal(template_rows("table {{.Name}}\\t{{.ID}}", titles, rows, &out, &e), 0);
	assert_string_equal(out.s, "NAME    IMAGE ID\nalpine  1\nb       22\n");
	buf_fini(&out);
	assert_int_equal(template_rows("json", titles, rows, &out, &e), 0);
	assert_string_equal(out.s, "{\"Name\":\"alpine\",\"ID\":\"1\"}\n{\"Name\":\"b\",\"ID\":\"22\"}\n");
	buf_fini(&out);
	assert_int_equal(template_rows("{{.Nme}}", titles, rows, &out, &e), -1);
	buf_fini(&out);
	json_decref(titles);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields), cmocka_unit_test(no_cursor_moves), cmocka_unit_test(functions),
		cmocka_unit_test(blocks), cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
