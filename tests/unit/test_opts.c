/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_opts.c - the option parser: argv to fields, or to an error that helps */

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
#include "spec/spec.h"

/* Splits "a b 'c" at spaces; "_" stands for an empty word. */
static int parse(const char *verb, const char *line, struct strv *words, struct args *a, struct err *e)
{
	const struct verb *v = *verb ? verb_find(verb) : verb_global();

	assert_non_null(v);
	if (*line)
		strv_split(words, line, ' ');
	for (size_t i = 0; i < words->n; i++)
		if (str_eq(words->v[i], "_"))
			words->v[i][0] = '\0';
	return opts_parse(v, (int)words->n, words->v, a, e);
}

/* The fields that a row checks, as text. */
static char *show(const struct args *a)
{
	static const char *const IDS[] = { "auto", "range", "single" };
	static const char *const OVERLAYS[] = { "auto", "kernel", "fuse", "copy" };
	const struct {
		const char *name;
		bool on;
	} flags[] = {
		{ "i", a->interactive }, { "t", a->terminal },	 { "rm", a->rm },
		{ "ro", a->readonly },	 { "priv", a->privileged }, { "dry", a->dry_run },
		{ "json", a->json },	 { "help", a->help },	 { "verbose", a->verbose },
		{ "debug", a->debug },	 { "version", a->version },
	};
	const struct {
		const char *name, *value;
	} strings[] = {
		{ "name", a->name }, { "host", a->hostname },	{ "dir", a->workdir },
		{ "user", a->user }, { "network", a->network },
	};
	const struct {
		const char *name;
		const struct strv *v;
	} lists[] = {
		{ "v", &a->volumes },	     { "tmpfs", &a->tmpfs },  { "e", &a->env },
		{ "file", &a->env_files },   { "add", &a->cap_add },  { "drop", &a->cap_drop },
		{ "sec", &a->security_opts },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < N_ELEMS(flags); i++)
		if (flags[i].on)
			buf_addf(&b, "%s ", flags[i].name);
	for (size_t i = 0; i < N_ELEMS(strings); i++)
		if (strings[i].value)
			buf_addf(&b, "%s=%s ", strings[i].name, strings[i].value);
	if (a->ids)
		buf_addf(&b, "ids=%s ", IDS[a->ids]);
	if (a->overlay)
		buf_addf(&b, "overlay=%s ", OVERLAYS[a->overlay]);
	for (size_t i = 0; i < N_ELEMS(lists); i++)
		for (size_t j = 0; j < lists[i].v->n; j++)
			buf_addf(&b, "%s=%s ", lists[i].name, lists[i].v->v[j]);
	buf_add(&b, "|");
	for (int i = 0; i < a->n_operands; i++)
		buf_addf(&b, " %s", a->operands[i]);
	return buf_take(&b);
}

static void words_become_fields(void **state)
{
	static const struct {
		const char *verb, *line, *shown;
	} ROWS[] = {
		{ "run", "", "|" },
		{ "run", "./d", "| ./d" },
		{ "run", "-it ./d sh -c x", "i t | ./d sh -c x" },
		{ "run", "-ti --rm ./d", "i t rm | ./d" },
		{ "run", "-- ./d", "| ./d" },
		{ "run", "-i -- -d", "i | -d" },
		{ "run", "- x", "| - x" },
		/* what follows the root file system is the payload's, whatever it looks like */
		{ "run", "./d --rm -it --bogus --", "| ./d --rm -it --bogus --" },
		{ "run", "./d -- --json", "| ./d -- --json" },
		/* values */
		{ "run", "--name=a d", "name=a | d" },
		{ "run", "--name a d", "name=a | d" },
		{ "run", "--name a --name b d", "name=b | d" },
		{ "run", "--name=a=b d", "name=a=b | d" },
		{ "run", "-h box -w /x -u 1:2 d", "host=box dir=/x user=1:2 | d" },
		{ "run", "-hbox -w/x -u=1 d", "host=box dir=/x user=1 | d" },
		{ "run", "-eK=V -e A -e=B=C d", "e=K=V e=A e=B=C | d" },
		{ "run", "-itw /x d", "i t dir=/x | d" },
		{ "run", "-itw/x d", "i t dir=/x | d" },
		{ "run", "-w -x d", "dir=-x | d" },
		{ "run", "--name=--rm d", "name=--rm | d" },
		{ "run", "-v a:/b:ro --volume=c:/d --tmpfs /t --tmpfs=/u:size=1m d",
		  "v=a:/b:ro v=c:/d tmpfs=/t tmpfs=/u:size=1m | d" },
		{ "run", "--env-file f --cap-add X --cap-drop ALL --security-opt seccomp=unconfined d",
		  "file=f add=X drop=ALL sec=seccomp=unconfined | d" },
		{ "run", "--network none d", "network=none | d" },
		{ "run", "--net=host --dns-opt ndots:1 d", "network=host | d" },
		{ "run", "--entrypoint _ d x", "| d x" },
		{ "run", "--entrypoint= d x", "| d x" },
		{ "run", "--ids single --overlay=copy d", "ids=single overlay=copy | d" },
		{ "run", "--ids range --ids auto d", "| d" },
		/* flags with values, as docker has them */
		{ "run", "--rm=true --read-only=1 --privileged --privileged=false d", "rm ro | d" },
		{ "run", "-i -t -it=false d", "i | d" },
		{ "run", "--dry-run --json --verbose --debug --help", "dry json help verbose debug |" },
		{ "doctor", "--json --verbose", "json verbose |" },
		{ "version", "--json x", "json | x" },
		{ "", "--verbose run --rm", "verbose | run --rm" },
		{ "", "--version", "version |" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		AUTO_ARGS struct args a = { 0 };
		struct err e = { 0 };
		char *shown;

		if (parse(ROWS[i].verb, ROWS[i].line, &words, &a, &e))
			fail_msg("'%s %s': %s", ROWS[i].verb, ROWS[i].line, e.what);
		shown = show(&a);
		assert_string_equal(shown, ROWS[i].shown);
		free(shown);
	}
}

static void errors_help(void **state)
{
	static const struct {
		const char *verb, *line, *what, *hint;
	} ROWS[] = {
		/* unknown: the nearest, all that an abbreviation may mean, and no guess where none is near */
		{ "run", "--nmae x d", "run: there is no option '--nmae'", "did you mean '--name'?" },
		{ "run", "--vol x d", "'--vol'", "did you mean '--volume'?" },
		{ "run", "--volum=x d", "there is no option '--volum'", "did you mean '--volume'?" },
		{ "run", "--cap CHOWN d", "'--cap'", "'--cap-add' or '--cap-drop'?" },
		{ "run", "--pod p d", "there is no option '--pod' in this version", "container:NAME" },
		{ "run", "--gpus all d", "'--gpus'", "--device /dev/dri" },
		{ "run", "--userns2 5 d", "'--userns2'", "--userns=ns:/proc/self/fd/N" },
		{ "run", "--uid 5 d", "'--uid'", "--userns=keep-id:uid=N,gid=N" },
		{ "run", "--overlay a b c d", "option '--overlay' takes one of", "--mount type=overlay" },
		{ "run", "--net= d", "option '--net' needs a value", "see 'lichen run --help'" },
		{ "run", "--frobnicate d", "'--frobnicate'", "see 'lichen run --help'" },
		{ "run", "-name d", "there is no option '-name'", "did you mean '--name'?" },
		{ "run", "-itx d", "there is no option '-x' (in '-itx')", "see 'lichen run --help'" },
		{ "run", "--= d", "there is no option '--'", "see" },
		/* what other tools have */
		{ "run", "--bind /a /b", "no option '--bind' in this version", "-v SRC:DST" },
		{ "run", "--ro-bind /a /b", "'--ro-bind'", "-v SRC:DST:ro" },
		{ "run", "-d d", "option '-d' is one of 'lichen exec', not of 'lichen run'", "see" },
		{ "run", "-dit d", "option '-d' (in '-dit') is one of 'lichen exec', not of 'lichen run'", "see" },
		{ "run", "-p 80:80 d", "'-p'", "--network none" },
		{ "run", "--init=maybe d", "option '--init' takes no value but true or false, and was given 'maybe'", "see" },
		{ "run", "--bind-data 3 /x d", "'--bind-data' in this version", "--file FD:DST" },
		{ "run", "--tmp-overlay /x d", "'--tmp-overlay' in this version", "--mount type=overlay" },
		{ "run", "--unshare-all d", "'--unshare-all'", "leave it out" },
		{ "run", "--quux x d", "there is no option '--quux'", "see 'lichen run --help'" },
		/* of another verb, or on the other side of the verb */
		{ "doctor", "--name x", "doctor: option '--name' is one of 'lichen run', not of 'lichen doctor'", "see" },
		{ "", "--json version", "is one of 'lichen run' and 'lichen ", "after the verb" },
		{ "", "--rm run", "option '--rm' is one of 'lichen run'", "after the verb" },
		{ "", "--bogus", "there is no option '--bogus' before the verb", "see 'lichen --help'" },
		{ "", "-h", "'-h'", "for help it is --help" },
		/* values */
		{ "run", "--name", "option '--name' needs a value: NAME", "see" },
		{ "run", "-e", "option '-e' needs a value: KEY[=VALUE]", "see" },
		{ "run", "-h", "option '-h' needs a value: NAME", "--help" },
		{ "run", "--name --rm d", "what follows is the option '--rm'", "'--name=--rm'" },
		{ "run", "--name= d", "option '--name' needs a value: NAME; what it was given is empty", "see" },
		{ "run", "-w _ d", "option '-w' needs a value", "see" },
		{ "run", "--rm=maybe d", "option '--rm' takes no value but true or false, and was given 'maybe'", "see" },
		{ "run", "--rm= d", "true or false, and was given ''", "see" },
		{ "run", "--ids=rnage d", "option '--ids' takes one of auto, range, single, and was given 'rnage'",
		  "did you mean 'range'?" },
		{ "run", "--overlay /x d", "takes one of auto, kernel, fuse, copy", "see" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		AUTO_ARGS struct args a = { 0 };
		struct err e = { 0 };

		if (!parse(ROWS[i].verb, ROWS[i].line, &words, &a, &e))
			fail_msg("'%s %s' was taken", ROWS[i].verb, ROWS[i].line);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(e.what, ROWS[i].what))
			fail_msg("'%s %s': '%s' lacks '%s'", ROWS[i].verb, ROWS[i].line, e.what, ROWS[i].what);
		if (!strstr(e.hint, ROWS[i].hint))
			fail_msg("'%s %s': hint '%s' lacks '%s'", ROWS[i].verb, ROWS[i].line, e.hint, ROWS[i].hint);
		if (!strstr(e.hint, "--help'"))
			fail_msg("'%s %s': hint '%s' names no help", ROWS[i].verb, ROWS[i].line, e.hint);
	}
}

static void no_guess_where_none_is_near(void **state)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_ARGS struct args a = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(parse("run", "--frobnicate", &words, &a, &e), -1);
	assert_null(strstr(e.hint, "mean"));
}

static void a_long_word_is_cut(void **state)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_ARGS struct args a = { 0 };
	struct err e = { 0 };
	char line[4096];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "--", 2);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(parse("run", line, &words, &a, &e), -1);
	assert_true(strlen(e.what) < 120);
	assert_non_null(strstr(e.hint, "see 'lichen run --help'"));
}

static void json_is_seen_behind_an_error(void **state)
{
	static const struct {
		const char *line;
		bool json;
	} ROWS[] = {
		{ "--json --bogus d", true }, { "--bogus --json d", true },
		{ "--bogus -- --json", false }, { "--bogus d --json", false },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		AUTO_ARGS struct args a = { 0 };
		struct err e = { 0 };

		assert_int_equal(parse("run", ROWS[i].line, &words, &a, &e), -1);
		assert_int_equal(a.json, ROWS[i].json);
	}
}

static void operands_are_counted(void **state)
{
	char one[] = "one", two[] = "two", *words[] = { one, two, NULL };
	struct args a = { .operands = words };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(opts_check_operands(verb_find("run"), &a, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.what, "ROOTFS is missing; expected: lichen run [OPTIONS] ROOTFS"));
	assert_int_equal(opts_check_operands(verb_find("version"), &a, &e), 0);
	a.n_operands = 2;
	assert_int_equal(opts_check_operands(verb_find("run"), &a, &e), 0);
	assert_int_equal(opts_check_operands(verb_find("help"), &a, &e), 0);
	assert_int_equal(opts_check_operands(verb_find("doctor"), &a, &e), -1);
	assert_non_null(strstr(e.what, "doctor: 'one' is too much"));
}

static void verbs_are_suggested(void **state)
{
	static const struct {
		const char *word, *what, *hint;
	} ROWS[] = {
		{ "docter", "there is no verb 'docter'", "'lichen doctor'" },
		{ "rnu", "'rnu'", "'lichen run'" },
		{ "attach", "there is no verb 'attach' in this version", "see 'lichen --help'" },
		{ "./debian", "'./debian' is no verb", "'lichen run ./debian'" },
		{ "host", "'host' is no verb", "'lichen run host'" },
		{ "xyzzy", "'xyzzy'", "see 'lichen --help'" },
	};

	(void)state;
	assert_null(verb_find(""));
	assert_null(verb_find("ru"));
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv words = { 0 };
		struct err e = { 0 };
		int taken;

		strv_add(&words, ROWS[i].word);
		assert_null(verb_find(ROWS[i].word));
		assert_null(verb_of_words(words.v, 1, &taken, &e));
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.what, ROWS[i].what));
		assert_non_null(strstr(e.hint, ROWS[i].hint));
	}
}

/* ---- the tables ---- */

static void rows_are_sound(void **state)
{
	(void)state;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		AUTO_STRV struct strv seen = { 0 }, groups = { 0 };
		const char *group = NULL;

		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			char letter[2] = { o->letter, '\0' };

			assert_int_equal(o->type == OPT_FLAG || o->type == OPT_TRI, o->argument == NULL);
			assert_true(o->type != OPT_ENUM || (o->words && o->hint == HINT_WORDS));
			assert_true(o->hint != HINT_WORDS || o->words);
			assert_false(strv_has(&seen, o->name));
			strv_add(&seen, o->name);
			assert_false(*letter && strv_has(&seen, letter));
			strv_add(&seen, letter);
			if (!str_eq(group, o->group)) {
				assert_false(strv_has(&groups, o->group));
				strv_add(&groups, o->group);
			}
			group = o->group;
			assert_true(*o->help && o->help[strlen(o->help) - 1] != '.');
		}
		assert_true(strv_has(&seen, "help"));
	}
}

/* A verb's name is one or two words; the first of two is a group, whose verbs stand together. */
static void verbs_are_sound(void **state)
{
	AUTO_STRV struct strv seen = { 0 }, done = { 0 };
	const struct verb *prev = NULL;

	(void)state;
	for (const struct verb *v = verbs_next(verb_global()); v; prev = v, v = verbs_next(v)) {
		const struct verb_group *g = group_of(v);
		const char *space = strchr(v->name, ' ');

		assert_false(strv_has(&seen, v->name));
		strv_add(&seen, v->name);
		assert_true(*v->summary && v->summary[strlen(v->summary) - 1] != '.');
		assert_true(v->max < 0 || v->max >= v->min);
		if (!space) {
			assert_null(group_find(v->name));
			continue;
		}
		assert_null(strchr(space + 1, ' '));
		if (!g)
			fail_msg("'%s' has no GROUP row", v->name);
		if (prev && group_of(prev) == g)
			assert_string_equal(v->section, prev->section);
		else if (strv_has(&done, g->name))
			fail_msg("the verbs of '%s' do not stand together", g->name);
		strv_add(&done, g->name);
	}
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
		if (!group_next(g, NULL))
			fail_msg("the group '%s' has no verb", g->name);
}

/* No row of peers.def hides an option that exists, but for those that are different ones: -h, and
 * --overlay of bubblewrap. Each other spelling is that of an option that exists. */
static void peers_are_not_ours(void **state)
{
	static const char *const WORDS[] = {
#define PEER(word, instead) word,
#define PEER_ALIAS(word, name) "--" word,
#define PEER_VERB(word)
#include "cli/peers.def"
#undef PEER
#undef PEER_ALIAS
#undef PEER_VERB
	};
	static const char *const NAMES[] = {
#define PEER(word, instead)
#define PEER_ALIAS(word, name) name,
#define PEER_VERB(word)
#include "cli/peers.def"
#undef PEER_ALIAS
#undef PEER_VERB
	};
	static const char *const VERBS[] = {
#define PEER_ALIAS(word, name)
#define PEER_VERB(word) word,
#include "cli/peers.def"
	};
	const struct verb *run = verb_find("run");

	(void)state;
	for (size_t i = 0; i < N_ELEMS(WORDS); i++) {
		for (const struct opt *o = opts_next(run, NULL); o; o = opts_next(run, o)) {
			char letter[] = { '-', o->letter, '\0' };

			assert_true(!str_starts(WORDS[i], "--") || !str_eq(WORDS[i] + 2, o->name) ||
				    str_eq(WORDS[i], "--overlay"));
			assert_true(str_eq(WORDS[i], "-h") || !o->letter || !str_eq(WORDS[i], letter));
		}
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(WORDS[i], WORDS[j]);
	}
	for (size_t i = 0; i < N_ELEMS(NAMES); i++) {
		const struct opt *o = opts_next(run, NULL);

		while (o && !str_eq(o->name, NAMES[i]))
			o = opts_next(run, o);
		assert_non_null(o);
	}
	for (size_t i = 0; i < N_ELEMS(VERBS); i++) {
		assert_null(verb_find(VERBS[i]));
		assert_null(group_find(VERBS[i]));
	}
}

static void help_fits_the_width(void **state)
{
	static const size_t WIDTHS[] = { 50, 80, 120 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(WIDTHS); i++)
		for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
			AUTO_BUF struct buf text = { 0 };
			AUTO_STRV struct strv lines = { 0 };

			if (v->id == VERB_GLOBAL)
				help_overview(&text, WIDTHS[i]);
			else
				help_verb(&text, v, WIDTHS[i]);
			strv_split(&lines, text.s, '\n');
			for (size_t j = 1; j < lines.n; j++)
				if (strlen(lines.v[j]) > WIDTHS[i])
					fail_msg("wider than %zu: '%s'", WIDTHS[i], lines.v[j]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_fields),
		cmocka_unit_test(errors_help),
		cmocka_unit_test(no_guess_where_none_is_near),
		cmocka_unit_test(a_long_word_is_cut),
		cmocka_unit_test(json_is_seen_behind_an_error),
		cmocka_unit_test(operands_are_counted),
		cmocka_unit_test(verbs_are_suggested),
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(verbs_are_sound),
		cmocka_unit_test(peers_are_not_ours),
		cmocka_unit_test(help_fits_the_width),
	};

	return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
