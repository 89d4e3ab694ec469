/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_image_words.c - instructions of import, ages of images */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/age.h"
#include "cli/change.h"

static void change(struct image *im, const char *text)
{
	struct err e = { 0 };

	if (change_apply(im, text, &e) < 0)
		fail_msg("%s: %s", text, e.what);
}

static void must_be(const struct strv *list, const char *expected)
{
	AUTO_BUF struct buf b = { 0 };

	for (size_t i = 0; i < list->n; i++)
		buf_addf(&b, "%s%s", i ? "|" : "", list->v[i]);
	assert_string_equal(b.s ? b.s : "", expected);
}

static void instructions(void **state)
{
	struct image im = { 0 };

	(void)state;
	change(&im, "CMD [\"a\", \"b c\"]");
	must_be(&im.cmd, "a|b c");
	change(&im, "cmd echo hello");
	must_be(&im.cmd, "/bin/sh|-c|echo hello");
	change(&im, "CMD=/bin/true");
	must_be(&im.cmd, "/bin/sh|-c|/bin/true");
	change(&im, "ENTRYPOINT [\"/init\"]");
	must_be(&im.entrypoint, "/init");
	change(&im, "ENV A=1 B=\"x y\" C=a\\ b");
	change(&im, "ENV A 2 3");
	must_be(&im.env, "A=2 3|B=x y|C=a b");
	change(&im, "LABEL z=1 a='q \"r\"'");
	must_be(&im.labels, "a=q \"r\"|z=1");
	change(&im, "EXPOSE 80 53/udp 80");
	must_be(&im.exposed_ports, "53/udp|80/tcp");
	change(&im, "VOLUME [\"/b\",\"/a\"]");
	must_be(&im.volumes, "/a|/b");
	change(&im, "  WORKDIR   /srv");
	assert_string_equal(im.working_dir, "/srv");
	change(&im, "USER 1:2");
	assert_string_equal(im.user, "1:2");
	change(&im, "STOPSIGNAL SIGINT");
	assert_string_equal(im.stop_signal, "SIGINT");
	change(&im, "ONBUILD RUN x");
	must_be(&im.onbuild, "RUN x");
	image_fini(&im);
}

static void what_is_no_instruction(void **state)
{
	static const char *const ROWS[] = { "", "RUN x", "CMD", "CMD ", "ENV A", "ENV =1", "ENV A=1 B", "LABEL a", "VOLUME [1]", "ENTRYPOINT [\"a\", 1]", "CMDX a" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct image im = { 0 };
		struct err e = { 0 };

		if (change_apply(&im, ROWS[i], &e) == 0)
			fail_msg("'%s' is taken", ROWS[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		image_fini(&im);
	}
}

static void times(void **state)
{
	(void)state;
	assert_int_equal(time_of_text("1970-01-01T00:00:00Z"), 0);
	assert_int_equal(time_of_text("2024-05-01T12:00:00Z"), 1714564800);
	assert_int_equal(time_of_text("2024-05-01T12:00:00.123456789Z"), 1714564800);
	assert_int_equal(time_of_text("2024-05-01T14:30:00+02:30"), 1714564800);
	assert_int_equal(time_of_text("2024-05-01T11:00:00.5-01:00"), 1714564800);
	assert_true(time_of_text(NULL) == INT64_MIN);
	assert_true(time_of_text("yesterday") == INT64_MIN);
	assert_true(time_of_text("2024-05-01T12:00:00") == INT64_MIN);
	assert_true(time_of_text("2024-05-01T12:00:00Z and more") == INT64_MIN);
}

static void ages(void **state)
{
	enum { H = 3600, D = 24 * H };
	static const struct {
		int64_t age;
		const char *text;
	} ROWS[] = {
		{ 0, "Less than a second ago" }, { 1, "1 second ago" }, { 59, "59 seconds ago" }, { 60, "About a minute ago" },
		{ 120, "2 minutes ago" }, { 45 * 60, "45 minutes ago" }, { 46 * 60, "About an hour ago" }, { 2 * H, "2 hours ago" },
		{ 47 * H, "47 hours ago" }, { 48 * H, "2 days ago" }, { 13 * D, "13 days ago" }, { 14 * D, "2 weeks ago" },
		{ 59 * D, "8 weeks ago" }, { 60 * D, "2 months ago" }, { 729 * D, "24 months ago" }, { 730 * D, "2 years ago" },
		{ -5, "Less than a second ago" },
	};
	const int64_t now = INT64_C(1800000000);
	char out[AGE_TEXT];

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		assert_string_equal(age_format(now - ROWS[i].age, now, out), ROWS[i].text);
	assert_string_equal(age_format(INT64_MIN, now, out), "N/A");
	assert_string_equal(age_format(0, now, out), "N/A");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instructions), cmocka_unit_test(what_is_no_instruction), cmocka_unit_test(times), cmocka_unit_test(ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
