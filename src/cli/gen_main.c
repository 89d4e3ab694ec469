/* SPDX-License-Identifier: Apache-2.0 */
/* cli/gen_main.c - cli-gen: completions and the manual's lists from the tables
 *
 * cli-gen FORMAT FILE	copies FILE to standard output. A line that holds nothing but
 *			@MARK@ or @MARK:VERB@ gives way to what FORMAT prints there;
 *			@VERSION@ is replaced wherever it stands.
 * cli-gen list		prints the tables for tests, one row a line, fields between tabs.
 *
 * Built and run in the build, never installed.
 */

#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/opts.h"
#include "spec/spec.h"

enum { MARK_MAX = 64, CAP_PREFIX_LEN = 4 /* "CAP_" */ };

/* ---- shared ---- */

static const char *verb_word(const struct verb *v)
{
	return v->id == VERB_GLOBAL ? "global" : v->name;
}

/* What an option may be given, separated by @sep; empty where that is no list of words. */
static void add_words(struct buf *out, const struct opt *o, char sep)
{
	if (o->hint == HINT_CAP) {
		buf_add(out, "ALL");
		for (unsigned i = 0; i < cap_count(); i++)
			buf_addf(out, "%c%s", sep, cap_name(i) + CAP_PREFIX_LEN);
	} else if (o->hint == HINT_WORDS) {
		for (size_t i = 0; o->words[i]; i++)
			buf_addf(out, "%.*s%s", i ? 1 : 0, &sep, o->words[i]);
	}
}

/* The operands of @v as bare words: "ROOTFS COMMAND ARG..." */
static void operands(struct strv *out, const struct verb *v)
{
	AUTO_BUF struct buf bare = { 0 };

	for (const char *s = v->arguments; *s; s++)
		if (*s != '[' && *s != ']')
			buf_addn(&bare, s, 1);
	if (bare.len && v->id != VERB_GLOBAL)
		strv_split(out, bare.s, ' ');
}

/* @s with @before in front of each of the characters @special. */
static void escape(struct buf *out, const char *s, const char *special, const char *before)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			buf_add(out, before);
		buf_addn(out, s, 1);
	}
}

/* Inside '...' of a POSIX shell. */
static void escape_sh(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_add(out, "'\\'");
		buf_addn(out, s, 1);
	}
}

/* ---- bash: rows for the skeleton's own functions ---- */

static const char *const BASH_HINTS[HINTS] = {
	[HINT_NONE] = "none",	[HINT_FILE] = "file", [HINT_DIR] = "dir", [HINT_WORDS] = "words",
	[HINT_CAP] = "words", [HINT_VOLUME] = "volume", [HINT_ENV] = "env",
};

static void bash_verbs(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		buf_addf(out, "\t'%s|", v->name);
		escape_sh(out, v->summary);
		buf_add(out, "'\n");
	}
}

/* '-i|--interactive|flag||help' */
static void bash_options(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		buf_addf(out, "\t%s)\n\t\trows=(\n", verb_word(v));
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			buf_addf(out, "\t\t\t'%s%.1s|--%s|%s|", o->letter ? "-" : "", &o->letter, o->name,
				 o->argument ? BASH_HINTS[o->hint] : "flag");
			add_words(out, o, ' ');
			buf_add(out, "|");
			escape_sh(out, o->help);
			buf_add(out, "'\n");
		}
		buf_add(out, "\t\t)\n\t\t;;\n");
	}
}

static void bash_operands(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		AUTO_STRV struct strv words = { 0 };

		operands(&words, v);
		buf_addf(out, "\t%s) kinds=(", v->name);
		for (size_t j = 0; j < words.n; j++)
			buf_addf(out, "%s%s", j ? " " : "", words.v[j]);
		buf_add(out, ") ;;\n");
	}
}

/* ---- zsh: specs of _arguments ---- */

static void zsh_verbs(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		buf_addf(out, "\t\t'%s:", v->name);
		escape_sh(out, v->summary);
		buf_add(out, "'\n");
	}
}

/* ":MESSAGE:ACTION" */
static void zsh_value(struct buf *out, const struct opt *o)
{
	static const char *const ACTIONS[HINTS] = {
		[HINT_NONE] = " ",   [HINT_FILE] = "_files",		[HINT_DIR] = "_files -/",
		[HINT_WORDS] = NULL, [HINT_VOLUME] = "_lichen_volume", [HINT_ENV] = "_lichen_env",
	};

	buf_add(out, ":");
	escape(out, o->argument, ":\\", "\\");
	buf_add(out, ":");
	if (ACTIONS[o->hint]) {
		buf_add(out, ACTIONS[o->hint]);
		return;
	}
	buf_add(out, "(");
	add_words(out, o, ' ');
	buf_add(out, ")");
}

static void zsh_option(struct buf *out, const struct opt *o)
{
	AUTO_BUF struct buf help = { 0 };
	const char *many = o->type == OPT_LIST ? "*" : "", *eq = o->argument ? "=" : "";

	escape(&help, o->help, "[]\\", "\\");
	buf_add(out, "\t\t\t");
	if (o->type == OPT_LIST && o->letter)
		buf_addf(out, "'*'{-%c+,--%s=}", o->letter, o->name);
	else if (o->letter)
		buf_addf(out, "'(-%c --%s)'{-%c%s,--%s%s}", o->letter, o->name, o->letter,
			 o->argument ? "+" : "", o->name, eq);
	else
		buf_addf(out, "'%s--%s%s'", many, o->name, eq);
	buf_add(out, "'[");
	escape_sh(out, help.s);
	buf_add(out, "]");
	if (o->argument)
		zsh_value(out, o);
	buf_add(out, "'\n");
}

static void zsh_operands(struct buf *out, const struct verb *v)
{
	static const struct {
		const char *word, *spec;
	} SPECS[] = {
		{ "ROOTFS", "'1:root file system:_lichen_rootfs'" },
		{ "COMMAND", "'*:: :_lichen_payload'" },
		{ "VERB", "'1:verb:_lichen_verbs'" },
	};
	AUTO_STRV struct strv words = { 0 };

	operands(&words, v);
	for (size_t i = 0; i < words.n; i++)
		for (size_t j = 0; j < N_ELEMS(SPECS); j++)
			if (str_eq(words.v[i], SPECS[j].word))
				buf_addf(out, "\t\t\t%s\n", SPECS[j].spec);
}

static void zsh_options(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		buf_addf(out, "\t%s)\n\t\tspecs=(\n", verb_word(v));
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
			zsh_option(out, o);
		zsh_operands(out, v);
		buf_add(out, "\t\t)\n\t\t;;\n");
	}
}

/* ---- fish: one complete command a row ---- */

static void fish_help(struct buf *out, const char *help)
{
	buf_add(out, " -d '");
	escape(out, help, "'\\", "\\");
	buf_add(out, "'\n");
}

static void fish_verbs(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		buf_addf(out, "complete -c lichen -n '__lichen_at VERB' -a %s", v->name);
		fish_help(out, v->summary);
	}
}

static void fish_options(struct buf *out, const struct verb *unused)
{
	static const char *const VALUES[HINTS] = {
		[HINT_NONE] = " -x",	  [HINT_FILE] = " -r -F",
		[HINT_DIR] = " -x -a '(__fish_complete_directories)'",
		[HINT_WORDS] = NULL,	  [HINT_VOLUME] = " -x -a '(__lichen_volume)'",
		[HINT_ENV] = " -x -a '(__lichen_env)'",
	};

	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			buf_addf(out, "complete -c lichen -n '__lichen_in %s'", verb_word(v));
			if (o->letter)
				buf_addf(out, " -s %c", o->letter);
			buf_addf(out, " -l %s", o->name);
			if (o->argument && VALUES[o->hint]) {
				buf_add(out, VALUES[o->hint]);
			} else if (o->argument) {
				buf_add(out, " -x -a '");
				add_words(out, o, ' ');
				buf_add(out, "'");
			}
			fish_help(out, o->help);
		}
	}
}

/* The options that take a value, and the kinds of operands. */
static void fish_values(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		buf_addf(out, "\tcase %s\n\t\techo", verb_word(v));
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			if (o->argument && o->letter)
				buf_addf(out, " %c", o->letter);
			if (o->argument)
				buf_addf(out, " --%s", o->name);
		}
		buf_add(out, "\n");
	}
}

static void fish_operands(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		AUTO_STRV struct strv words = { 0 };

		operands(&words, v);
		buf_addf(out, "\tcase %s\n\t\techo", v->name);
		for (size_t j = 0; j < words.n; j++)
			buf_addf(out, " %s", words.v[j]);
		buf_add(out, "\n");
	}
}

/* ---- manual: scdoc(5) ---- */

static void man_verbs(struct buf *out, const struct verb *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		buf_addf(out, "*lichen %s* [OPTIONS] %s\n\t%c", v->name, v->arguments,
			 toupper((unsigned char)v->summary[0]));
		escape(out, v->summary + 1, "*_\\", "\\");
		buf_add(out, ".\n\n");
	}
}

static void man_options(struct buf *out, const struct verb *v)
{
	const char *group = opts_next(v, NULL)->group;
	bool grouped = false;

	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
		if (!str_eq(o->group, group))
			grouped = true;
	group = NULL;
	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
		if (grouped && !str_eq(group, o->group))
			buf_addf(out, "## %s\n\n", o->group);
		group = o->group;
		if (o->letter)
			buf_addf(out, "*-%c*, ", o->letter);
		buf_addf(out, "*--%s*", o->name);
		if (o->argument)
			buf_addf(out, " _%s_", o->argument);
		buf_addf(out, "\n\t%c", toupper((unsigned char)o->help[0]));
		escape(out, o->help + 1, "*_\\", "\\");
		buf_addf(out, ".%s%s\n\n", o->manual ? " " : "", o->manual ? o->manual : "");
	}
}

/* ---- the skeletons ---- */

static const struct mark {
	const char *format, *word;
	bool wants_verb;
	void (*print)(struct buf *out, const struct verb *v);
} MARKS[] = {
	{ "bash", "VERBS", false, bash_verbs },
	{ "bash", "OPTIONS", false, bash_options },
	{ "bash", "OPERANDS", false, bash_operands },
	{ "zsh", "VERBS", false, zsh_verbs },
	{ "zsh", "OPTIONS", false, zsh_options },
	{ "fish", "VERBS", false, fish_verbs },
	{ "fish", "OPTIONS", false, fish_options },
	{ "fish", "VALUES", false, fish_values },
	{ "fish", "OPERANDS", false, fish_operands },
	{ "man", "VERBS", false, man_verbs },
	{ "man", "OPTIONS", true, man_options },
};

/* "@MARK@" or "@MARK:VERB@", the whole of a line. */
static int expand(const char *format, const char *line, struct buf *out, struct err *e)
{
	char word[MARK_MAX], *arg;
	const struct verb *v = NULL;
	size_t len = strlen(line);

	if (len < 3 || len >= sizeof(word))
		return err_set(e, ERR_USAGE, "'%s' is no mark", line);
	str_copy(word, len - 1, line + 1);
	arg = strchr(word, ':');
	if (arg) {
		*arg++ = '\0';
		v = str_eq(arg, "global") ? verb_global() : verb_find(arg);
	}
	for (size_t i = 0; i < N_ELEMS(MARKS); i++) {
		const struct mark *m = &MARKS[i];

		if (!str_eq(m->format, format) || !str_eq(m->word, word))
			continue;
		if (m->wants_verb != (v != NULL) || (arg && !v))
			break;
		m->print(out, v);
		return 0;
	}
	return err_set(e, ERR_USAGE, "format '%s' has no mark '%s'", format, line);
}

static void copy_line(const char *line, struct buf *out)
{
	static const char MARK[] = "@VERSION@";
	const char *at;

	while ((at = strstr(line, MARK))) {
		buf_addn(out, line, (size_t)(at - line));
		buf_add(out, PACKAGE_VERSION);
		line = at + sizeof(MARK) - 1;
	}
	buf_addf(out, "%s\n", line);
}

static int fill_in(const char *format, const char *path, struct buf *out, struct err *e)
{
	AUTO_FCLOSE FILE *f = fopen(path, "re");
	AUTO_FREE char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;

	if (!f)
		return err_sys(e, "open", path, "cannot read the skeleton");
	while ((len = getline(&line, &size, f)) > 0) {
		number++;
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if (len > 1 && line[0] == '@' && line[len - 1] == '@') {
			if (expand(format, line, out, e))
				return err_wrap(e, "%s:%zu", path, number);
		} else {
			copy_line(line, out);
		}
	}
	return ferror(f) ? err_sys(e, "read", path, "cannot read the skeleton") : 0;
}

static void list(struct buf *out)
{
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		if (v->id != VERB_GLOBAL)
			buf_addf(out, "verb\t%s\t%s\n", v->name, v->summary);
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o))
			buf_addf(out, "option\t%s\t%s%.1s\t--%s\t%s\n", verb_word(v), o->letter ? "-" : "",
				 o->letter ? &o->letter : "-", o->name, o->help);
	}
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf out = { 0 }, msg = { 0 };
	struct err e = { 0 };
	int rc = 0;

	if (argc == 2 && str_eq(argv[1], "list"))
		list(&out);
	else if (argc == 3)
		rc = fill_in(argv[1], argv[2], &out, &e);
	else
		rc = err_set(&e, ERR_USAGE, "usage: cli-gen FORMAT FILE, or cli-gen list");
	if (!rc && ((out.len && fwrite(out.s, out.len, 1, stdout) != 1) || fflush(stdout)))
		rc = err_sys(&e, "write", "standard output", "cannot print");
	if (!rc)
		return EXIT_SUCCESS;
	err_print_text(&e, &msg, 0);
	fputs(msg.s, stderr);
	return EXIT_FAILURE;
}
