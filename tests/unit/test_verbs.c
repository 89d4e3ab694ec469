/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_verbs.c - verbs of two words, and as many as a mask has bits
 *
 * Built with the tables of tests/sample/cli in place of the program's own.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/opts.h"

_Static_assert((int)VERB_COUNT == (int)VERBS_MAX, "the sample uses each bit");
_Static_assert((V_LAST | V_GLOBAL) == UINT64_C(0x8000000000000001), "masks are constant expressions");

static bool has(const char *verb, const char *option)
{
	const struct verb *v = *verb ? verb_find(verb) : verb_global();

	assert_non_null(v);
	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
		if (str_eq(o->name, option))
			return true;
	return false;
}

static void each_bit_is_a_verb(void **state)
{
	(void)state;
	assert_int_equal(verb_find("last")->id, 63);
	assert_true(has("last", "last"));
	assert_true(has("last", "both"));
	assert_true(has("cgroup exec", "both"));
	/* 63 mod 32 and 63 - 32: a mask of 32 bits would have these, too */
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		assert_true(has(v->name, "help"));
		assert_int_equal(has(v->name, "json"), v->id != VERB_GLOBAL);
		assert_int_equal(has(v->name, "last"), v->id == VERB_LAST);
	}
}

static void words_become_verbs(void **state)
{
	static const struct {
		const char *line, *name;
	} ROWS[] = {
		{ "run ./d", "run" },	       { "cgroup tree", "cgroup tree" }, { "cgroup exec g ls", "cgroup exec" },
		{ "image rm tree", "image rm" }, { "last tree", "last" },	 { "__complete x", "__complete" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		struct err e = { 0 };
		const struct verb *v;
		int taken = 0;

		strv_split(&words, ROWS[i].line, ' ');
		v = verb_of_words(words.v, (int)words.n, &taken, &e);
		if (!v)
			fail_msg("'%s': %s", ROWS[i].line, e.what);
		assert_string_equal(v->name, ROWS[i].name);
		assert_int_equal(taken, strchr(ROWS[i].name, ' ') ? 2 : 1);
	}
}

static void groups_have_their_verbs(void **state)
{
	const struct verb_group *g = group_find("cgroup");
	const struct verb *v = group_next(g, NULL);

	(void)state;
	assert_string_equal(verb_last_word(v), "tree");
	assert_ptr_equal(group_of(v), g);
	v = group_next(g, group_next(g, v));
	assert_string_equal(verb_last_word(v), "rm");
	assert_null(group_next(g, v));
	assert_null(group_of(verb_find("run")));
	assert_string_equal(verb_last_word(verb_find("run")), "run");
	assert_null(group_find("cgroup tree"));
	assert_null(group_find("run"));
	assert_string_equal(groups_next(g)->name, "image");
}

static void internal_verbs_are_not_listed(void **state)
{
	AUTO_BUF struct buf text = { 0 };

	(void)state;
	assert_non_null(verb_find("__complete"));
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v))
		assert_int_not_equal(v->id, VERB_COMPLETE);
	help_overview(&text, 80);
	assert_null(strstr(text.s, "__complete"));
}

static void wrong_words_are_told(void **state)
{
	static const struct {
		const char *line, *what, *hint;
	} ROWS[] = {
		{ "cgroup", "'cgroup' needs a second word; expected: lichen cgroup VERB",
		  "tree  show groups as a tree\nexec  run a command in a group\nrm    remove groups\nsee 'lichen cgroup --help'" },
		/* too many for their summaries */
		{ "number", "'number' needs a second word", "the verbs of number: v0, v1, v2, v3, " },
		{ "cgroup tre", "there is no verb 'cgroup tre'",
		  "did you mean 'lichen cgroup tree'?\nthe verbs of cgroup: tree, exec, rm\nsee 'lichen cgroup --help'" },
		{ "cgroup xyzzy", "there is no verb 'cgroup xyzzy'", "the verbs of cgroup: tree, exec, rm\nsee" },
		{ "cgroup run", "there is no verb 'cgroup run'", "see 'lichen cgroup --help'" },
		{ "cgroup --json tree", "'cgroup' needs a second word before the option '--json'",
		  "options stand behind both words of the verb: lichen cgroup VERB --json" },
		{ "cgruop tree", "there is no verb 'cgruop'", "did you mean 'lichen cgroup'?" },
		{ "tree", "there is no verb 'tree'", "did you mean 'lichen cgroup tree'?" },
		{ "attach", "there is no verb 'attach' in this version", "see 'lichen --help'" },
		{ "lst", "there is no verb 'lst'", "did you mean 'lichen last'?" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		struct err e = { 0 };
		int taken;

		strv_split(&words, ROWS[i].line, ' ');
		assert_null(verb_of_words(words.v, (int)words.n, &taken, &e));
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(e.what, ROWS[i].what))
			fail_msg("'%s': '%s' lacks '%s'", ROWS[i].line, e.what, ROWS[i].what);
		if (!strstr(e.hint, ROWS[i].hint))
			fail_msg("'%s': hint '%s' lacks '%s'", ROWS[i].line, e.hint, ROWS[i].hint);
		if (!strstr(e.hint, "--help'"))
			fail_msg("'%s': hint '%s' names no help", ROWS[i].line, e.hint);
	}
}

/* A name with a space is two words, and not one that somebody put in quotes. */
static void one_word_is_no_two(void **state)
{
	char word[] = "cgroup tree", *words[] = { word, NULL };
	struct err e = { 0 };
	int taken;

	(void)state;
	assert_null(verb_of_words(words, 1, &taken, &e));
	assert_non_null(strstr(e.what, "there is no verb 'cgroup tree'"));
}

static void many_owners_are_not_all_named(void **state)
{
	char word[] = "--json", *words[] = { word, NULL };
	AUTO_ARGS struct args a = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(opts_parse(verb_global(), 1, words, &a, &e), -1);
	assert_non_null(strstr(e.what, "is one of 'lichen run' and 'lichen stop' and 'lichen enter' and 'lichen cgroup tree' and others"));
}

static void operands_and_options_name_both_words(void **state)
{
	char group[] = "g", bogus[] = "--bogus", *one[] = { group, NULL }, *wrong[] = { bogus, NULL };
	AUTO_ARGS struct args a = { .operands = one, .n_operands = 1 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(opts_check_operands(verb_find("cgroup exec"), &a, &e), -1);
	assert_non_null(strstr(e.what, "cgroup exec: COMMAND is missing; expected: lichen cgroup exec [OPTIONS] GROUP COMMAND"));
	assert_int_equal(opts_parse(verb_find("cgroup exec"), 1, wrong, &a, &e), -1);
	assert_non_null(strstr(e.what, "cgroup exec: there is no option '--bogus'"));
	assert_non_null(strstr(e.hint, "see 'lichen cgroup exec --help'"));
}

static void must_have(const struct buf *text, const char *part)
{
	if (!strstr(text->s, part))
		fail_msg("'%s' lacks '%s'", text->s, part);
}

static void help_lists_groups_once(void **state)
{
	AUTO_BUF struct buf all = { 0 }, group = { 0 }, verb = { 0 };

	(void)state;
	help_overview(&all, 120);
	must_have(&all, "\nLimits:\n  cgroup VERB                       limits and groups of processes without a sandbox (tree, exec, rm)\n"
			"  limit COMMAND [ARG...]            run a command with limits\n");
	assert_null(strstr(all.s, "cgroup tree"));
	help_group(&group, group_find("cgroup"), 80);
	must_have(&group, "Usage: lichen cgroup VERB [OPTIONS] [ARG...]\n\nLimits and groups of processes without a sandbox.\n\n"
			  "  tree [GROUP...]              show groups as a tree\n");
	must_have(&group, "  rm GROUP [GROUP...]          remove groups\n\n'lichen cgroup VERB --help'");
	help_verb(&verb, verb_find("cgroup exec"), 80);
	must_have(&verb, "Usage: lichen cgroup exec [OPTIONS] GROUP COMMAND [ARG...]\n");
}

static void help_fits_the_width(void **state)
{
	static const size_t WIDTHS[] = { 50, 80, 120 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(WIDTHS); i++) {
		AUTO_BUF struct buf text = { 0 };
		AUTO_STRV struct strv lines = { 0 };

		help_overview(&text, WIDTHS[i]);
		for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
			help_group(&text, g, WIDTHS[i]);
		strv_split(&lines, text.s, '\n');
		for (size_t j = 0; j < lines.n; j++)
			if (strlen(lines.v[j]) > WIDTHS[i])
				fail_msg("wider than %zu: '%s'", WIDTHS[i], lines.v[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_is_a_verb),
		cmocka_unit_test(words_become_verbs),
		cmocka_unit_test(groups_have_their_verbs),
		cmocka_unit_test(internal_verbs_are_not_listed),
		cmocka_unit_test(wrong_words_are_told),
		cmocka_unit_test(one_word_is_no_two),
		cmocka_unit_test(many_owners_are_not_all_named),
		cmocka_unit_test(operands_and_options_name_both_words),
		cmocka_unit_test(help_lists_groups_once),
		cmocka_unit_test(help_fits_the_width),
	};

	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
