/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_doctor.c - the table of causes, and how findings are printed */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/facts.h"
#include "host/hint.h"
#include "run/doctor.h"

static void add(struct doctor *d, enum doctor_level level, const char *what, const char *detail, const struct cause *c)
{
	d->v = mem_grow(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct doctor_row){ .level = level, .id = "x", .what = what, .gives = level == DOCTOR_MISSING ? "this" : NULL,
					    .detail = str_dup(detail), .cause = c, .remedy = c ? str_dup(c->text) : NULL };
}

static void table(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct cause *c; (c = cause_at(n)); n++) {
		assert_non_null(c->text);
		assert_non_null(c->id);
		assert_int_equal(strspn(c->id, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(c->id));
		assert_true(strlen(c->text) < sizeof(((struct err *)0)->hint));
		if (c->fix && (!*c->fix || c->fix[strlen(c->fix) - 1] != '\n'))
			fail_msg("%s: its fix does not end a line", c->id);
		/* the same word is the same thing to do */
		if (cause_get(c->id)->fix != c->fix && !str_eq(cause_get(c->id)->fix, c->fix))
			fail_msg("%s: two fixes", c->id);
	}
	assert_true(n > 60);
	assert_null(cause_get("no such cause"));
}

static void hints(void **state)
{
	AUTO_FREE char *hint = NULL;
	struct err e = { 0 };

	(void)state;
	errno = EACCES;
	err_sys(&e, "open", "/dev/fuse", "x");
	assert_string_equal(cause_find(&e)->id, "fuse-mode");
	hint = hint_for(&e);
	assert_string_equal(hint, cause_get("fuse-mode")->text);
	errno = EOPNOTSUPP;
	err_sys(&e, "landlock_create_ruleset", NULL, "x");
	assert_string_equal(cause_find(&e)->id, "landlock-off");
	errno = EXDEV;
	err_sys(&e, "nothing", NULL, "x");
	assert_null(cause_find(&e));
	assert_null(hint_for(&e));
}

static void texts(void **state)
{
	const struct cause words = { .text = "USER's UID, USERS, a_USER_X: (RANGE) RANGES" }, none = { .text = "as it is" };
	AUTO_FREE char *a = cause_text(&words, "me", 7), *b = cause_text(&none, NULL, 7);
	unsigned first, last;
	char end;

	(void)state;
	assert_string_equal(b, "as it is");
	/* what is free is this machine's; the functional tests have files of their own */
	if (sscanf(a, "me's 7, USERS, a_USER_X: (%u-%u%c", &first, &last, &end) == 3) {
		assert_int_equal(last - first, 65535);
		assert_int_equal(end, ')');
	} else {
		assert_string_equal(a, "me's 7, USERS, a_USER_X: (FIRST-LAST) RANGES");
	}
}

static void next_range(void **state)
{
	static const struct {
		const char *text;
		unsigned first;
	} rows[] = {
		{ "", 100000 },
		{ "ann:100000:65536\n", 165536 },
		{ "ann:100000:65536", 165536 },
		{ "bob:165536:65536\nann:100000:65536\n", 231072 },	/* in no order */
		{ "ann:300000:65536\n", 100000 },			/* before it there is room */
		{ "ann:165535:1\n", 165536 },				/* its last id */
		{ "ann:165536:1\n", 100000 },
		{ "ann:1:99999\n", 100000 },
		{ "ann:1:100000\n", 100001 },
		{ "# no:line\nann\nann:x:65536\nann:100000\n", 100000 },
		{ "ann:100000:4294801759\n", 4294901759u },		/* the last that fits */
		{ "ann:100000:4294801760\n", 0 },
		{ "ann:0:4294967296\n", 0 },
		{ "ann:0:99999999999999999999\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++)
		if (subid_next_range(rows[i].text, 65536) != rows[i].first)
			fail_msg("'%s': %u", rows[i].text, subid_next_range(rows[i].text, 65536));
}

/* Everything that can be wrong at once, for a user with an odd name. */
static void all_fixes(struct doctor *d)
{
	d->user = str_dup("o'brien; $(x)");
	d->uid = 1000;
	for (size_t i = 0; cause_at(i); i++)
		add(d, i % 2 ? DOCTOR_MISSING : DOCTOR_BROKEN, "what", "a detail\nof two lines; `reboot`", cause_at(i));
}

static int run(const char *command, const char *file)
{
	AUTO_FREE char *line = str_fmt("%s %s", command, file);

	return system(line);
}

static void fix_script(void **state)
{
	AUTO_DOCTOR struct doctor d = { 0 }, none = { 0 };
	AUTO_BUF struct buf out = { 0 }, empty = { 0 };
	char file[] = "/tmp/lichen-fix-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	all_fixes(&d);
	doctor_print_fix(&d, &out);
	assert_int_equal(fd_write_all(fd, out.s, out.len), 0);
	close(fd);
	assert_non_null(strstr(out.s, "user='o'\\''brien; $(x)'\n"));
	assert_null(strstr(out.s, "\nof two lines"));
	for (size_t i = 0; cause_at(i); i++)
		if (cause_at(i)->fix && !strstr(out.s, cause_at(i)->fix))
			fail_msg("no fix of %s", cause_at(i)->id);
	assert_int_equal(run("sh -n", file), 0);
	if (system("command -v shellcheck >/dev/null") == 0)
		assert_int_equal(run("shellcheck -e SC2016", file) /* the name */, 0);
	unlink(file);

	add(&none, DOCTOR_WORKS, "kernel", "fine", NULL);
	none.user = str_dup("me");
	doctor_print_fix(&none, &empty);
	assert_null(strstr(empty.s, "user="));
	assert_non_null(strstr(empty.s, "nothing here can be mended"));
}

static void text(void **state)
{
	AUTO_DOCTOR struct doctor d = { 0 };
	AUTO_BUF struct buf wide = { 0 }, narrow = { 0 };

	(void)state;
	add(&d, DOCTOR_WORKS, "kernel", "Linux", NULL);
	add(&d, DOCTOR_MISSING, "a longer word", "one two three four five six seven eight \033[31m", NULL);
	doctor_print_text(&d, 0, false, &wide);
	assert_string_equal(wide.s, "works    kernel         Linux\n"
				    "missing  a longer word  one two three four five six seven eight \\x1b[31m\n"
				    "                        gives: this\n");
	doctor_print_text(&d, 60, true, &narrow);
	assert_non_null(strstr(narrow.s, "\033[33mmissing\033[0m  a longer word  one two three four five six seven\n"
					 "                        eight"));
	assert_false(doctor_fails(&d));
	add(&d, DOCTOR_BROKEN, "x", "y", NULL);
	assert_true(doctor_fails(&d));
}

static void json(void **state)
{
	AUTO_DOCTOR struct doctor d = { 0 };
	AUTO_BUF struct buf out = { 0 };
	json_error_t why;
	json_t *j, *f;

	(void)state;
	all_fixes(&d);
	doctor_print_json(&d, &out);
	j = json_loads(out.s, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		fail_msg("line %d: %s", why.line, why.text);
	assert_int_equal(json_integer_value(json_object_get(j, "version")), 1);
	assert_true(json_is_false(json_object_get(j, "run")));
	assert_int_equal(json_array_size(json_object_get(j, "findings")), d.n);
	f = json_array_get(json_object_get(j, "findings"), 1);
	assert_string_equal(json_string_value(json_object_get(f, "level")), "missing");
	assert_string_equal(json_string_value(json_object_get(f, "gives")), "this");
	assert_string_equal(json_string_value(json_object_get(f, "cause")), cause_at(1)->id);
	json_decref(j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(hints), cmocka_unit_test(texts), cmocka_unit_test(next_range),
		cmocka_unit_test(fix_script),
		cmocka_unit_test(text),	 cmocka_unit_test(json),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
