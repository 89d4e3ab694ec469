/* SPDX-License-Identifier: Apache-2.0 */
/* cli/gen_shells.c - of cli-gen: the rows of the completions for bash, zsh and fish */

#include <string.h>

#include "base/auto.h"
#include "cli/gen.h"
#include "spec/spec.h"

enum { CAP_PREFIX_LEN = 4 /* "CAP_" */ };

/* ---- shared ---- */

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

/* Completion has an idea of what such an operand is: ROOTFS, CONTAINER... */
static bool is_kind(const char *word)
{
	size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");

	return n && (!word[n] || str_eq(word + n, "..."));
}

/* The operands of @v as bare words, "ROOTFS COMMAND ARG..."; "-" for one of another form. */
static void operands(struct strv *out, const struct verb *v)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_BUF struct buf bare = { 0 };

	for (const char *s = v->arguments; *s; s++)
		if (*s != '[' && *s != ']')
			buf_addn(&bare, s, 1);
	if (!bare.len || v->id == VERB_GLOBAL)
		return;
	strv_split(&words, bare.s, ' ');
	for (size_t i = 0; i < words.n; i++)
		strv_add(out, is_kind(words.v[i]) ? words.v[i] : "-");
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

/* What comes first on a command line: verbs of one word, and groups, whose name and summary these are. */
struct first {
	const char *name, *summary;
};

static bool is_first(const struct verb *v, struct first *out)
{
	const struct verb_group *g = group_of(v);

	*out = g ? (struct first){ g->name, g->summary } : (struct first){ v->name, v->summary };
	return !g || v == group_next(g, NULL);
}

static const char HELP_OPTION[] = "print this help";	/* all that a group has */

/* The label of a verb in "case": a name of two words in quotes. */
static void add_label(struct buf *out, const struct verb *v)
{
	const char *quote = strchr(verb_word(v), ' ') ? "'" : "";

	buf_addf(out, "\t%s%s%s)", quote, verb_word(v), quote);
}

/* ---- bash: rows for the skeleton's own functions ---- */

static const char *const BASH_HINTS[HINTS] = {
	[HINT_NONE] = "none",	[HINT_FILE] = "file", [HINT_DIR] = "dir", [HINT_WORDS] = "words",
	[HINT_CAP] = "words", [HINT_VOLUME] = "volume", [HINT_ENV] = "env",
	[HINT_CONTAINER] = "container", [HINT_GROUP] = "group", [HINT_IMAGE] = "image",
};

static void bash_word(struct buf *out, const char *indent, const char *name, const char *summary)
{
	buf_addf(out, "%s'%s|", indent, name);
	escape_sh(out, summary);
	buf_add(out, "'\n");
}

void bash_verbs(struct buf *out, const struct subject *unused)
{
	struct first first;

	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v))
		if (is_first(v, &first))
			bash_word(out, "\t", first.name, first.summary);
}

void bash_seconds(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g)) {
		buf_addf(out, "\t%s)\n\t\tseconds=(\n", g->name);
		for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v))
			bash_word(out, "\t\t\t", verb_last_word(v), v->summary);
		buf_add(out, "\t\t)\n\t\t;;\n");
	}
}

/* '-i|--interactive|flag||help' */
void bash_options(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		add_label(out, v);
		buf_add(out, "\n\t\trows=(\n");
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
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
		buf_addf(out, "\t%s) rows=('|--help|flag||%s') ;;\n", g->name, HELP_OPTION);
}

void bash_operands(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		AUTO_STRV struct strv words = { 0 };

		operands(&words, v);
		add_label(out, v);
		buf_add(out, " kinds=(");
		for (size_t j = 0; j < words.n; j++)
			buf_addf(out, "%s%s", j ? " " : "", words.v[j]);
		buf_add(out, ") ;;\n");
	}
}

/* ---- zsh: specs of _arguments ---- */

static void zsh_word(struct buf *out, const char *indent, const char *name, const char *summary)
{
	buf_addf(out, "%s'%s:", indent, name);
	escape_sh(out, summary);
	buf_add(out, "'\n");
}

void zsh_verbs(struct buf *out, const struct subject *unused)
{
	struct first first;

	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v))
		if (is_first(v, &first))
			zsh_word(out, "\t\t", first.name, first.summary);
}

void zsh_seconds(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g)) {
		buf_addf(out, "\t%s)\n\t\tseconds=(\n", g->name);
		for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v))
			zsh_word(out, "\t\t\t", verb_last_word(v), v->summary);
		buf_add(out, "\t\t)\n\t\t;;\n");
	}
}

/* ":MESSAGE:ACTION" */
static void zsh_value(struct buf *out, const struct opt *o)
{
	static const char *const ACTIONS[HINTS] = {
		[HINT_NONE] = " ",   [HINT_FILE] = "_files",		[HINT_DIR] = "_files -/",
		[HINT_WORDS] = NULL, [HINT_VOLUME] = "_lichen_volume", [HINT_ENV] = "_lichen_env",
		[HINT_CONTAINER] = "_lichen_containers", [HINT_GROUP] = "_lichen_groups", [HINT_IMAGE] = "_lichen_images",
	};

	buf_add(out, ":");
	gen_escape(out, o->argument, ":\\", "\\");
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

	gen_escape(&help, o->help, "[]\\", "\\");
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

/* What offers operands of a kind; NULL: nothing does. */
static const char *zsh_action(const char *kind)
{
	static const struct {
		const char *kind, *action;
	} ACTIONS[] = {
		{ "ROOTFS", "root file system:_lichen_rootfs" }, { "VERB", "verb:_lichen_verbs" },
		{ "CONTAINER", "container:_lichen_containers" }, { "GROUP", "group:_lichen_groups" },
		{ "IMAGE", "image:_lichen_images" },	 { "REGISTRY", "registry:_lichen_registries" },
		{ "VOLUME", "volume:_lichen_volume_names" },
		{ "FILE", "file:_files" },			 { "DIR", "directory:_files -/" },
	};

	for (size_t i = 0; i < N_ELEMS(ACTIONS); i++)
		if (str_eq(kind, ACTIONS[i].kind))
			return ACTIONS[i].action;
	return NULL;
}

/* An operand that nothing is known of has a row, too, so that a later "*" is not for it. */
static void zsh_operands(struct buf *out, const struct verb *v)
{
	AUTO_STRV struct strv words = { 0 };

	operands(&words, v);
	for (size_t i = 0; i < words.n; i++) {
		AUTO_FREE char *kind = str_dupn(words.v[i], strcspn(words.v[i], "."));
		const char *action = zsh_action(kind);

		if (str_eq(kind, "COMMAND")) {
			if (i > 0 && str_eq(words.v[i - 1], "ROOTFS"))
				buf_add(out, "\t\t\t'*:: :_lichen_payload'\n");
			else
				buf_addf(out, "\t\t\t'*:: : _lichen_command %zu'\n", i);
			return;
		}
		buf_add(out, "\t\t\t'");
		if (strchr(words.v[i], '.'))
			buf_add(out, "*");
		else
			buf_addf(out, "%zu", i + 1);
		buf_addf(out, ":%s'\n", action ? action : " : ");
		if (str_eq(kind, "VERB"))
			buf_addf(out, "\t\t\t'%zu: :_lichen_second_of_help'\n", i + 2);
	}
}

void zsh_options(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		add_label(out, v);
		buf_add(out, "\n\t\tspecs=(\n");
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
	gen_escape(out, help, "'\\", "\\");
	buf_add(out, "'\n");
}

void fish_verbs(struct buf *out, const struct subject *unused)
{
	struct first first;

	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		if (!is_first(v, &first))
			continue;
		buf_addf(out, "complete -c lichen -n '__lichen_at VERB' -a %s", first.name);
		fish_help(out, first.summary);
	}
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
		for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v)) {
			buf_addf(out, "complete -c lichen -n '__lichen_second %s' -a %s", g->name, verb_last_word(v));
			fish_help(out, v->summary);
		}
}

void fish_groups(struct buf *out, const struct subject *unused)
{
	(void)unused;
	buf_add(out, "\tcontains -- \"$argv[1]\"");
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
		buf_addf(out, " %s", g->name);
	buf_add(out, "\n");
}

/* The condition that the options of a verb are open. */
static void fish_in(struct buf *out, const char *verb)
{
	const char *quote = strchr(verb, ' ') ? "\"" : "";

	buf_addf(out, "complete -c lichen -n '__lichen_in %s%s%s'", quote, verb, quote);
}

void fish_options(struct buf *out, const struct subject *unused)
{
	static const char *const VALUES[HINTS] = {
		[HINT_NONE] = " -x",	  [HINT_FILE] = " -r -F",
		[HINT_DIR] = " -x -a '(__fish_complete_directories)'",
		[HINT_WORDS] = NULL,	  [HINT_VOLUME] = " -x -a '(__lichen_volume)'",
		[HINT_ENV] = " -x -a '(__lichen_env)'",
		[HINT_CONTAINER] = " -x -a '(__lichen_containers)'",
		[HINT_GROUP] = " -x -a '(__lichen_groups)'",
		[HINT_IMAGE] = " -x -a '(__lichen_images)'",
	};

	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			fish_in(out, verb_word(v));
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
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g)) {
		fish_in(out, g->name);
		buf_add(out, " -l help");
		fish_help(out, HELP_OPTION);
	}
}

/* The options that take a value, and the kinds of operands. */
void fish_values(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(NULL); v; v = verbs_next(v)) {
		buf_addf(out, "\tcase '%s'\n\t\techo", verb_word(v));
		for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
			if (o->argument && o->letter)
				buf_addf(out, " %c", o->letter);
			if (o->argument)
				buf_addf(out, " --%s", o->name);
		}
		buf_add(out, "\n");
	}
}

void fish_operands(struct buf *out, const struct subject *unused)
{
	(void)unused;
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		AUTO_STRV struct strv words = { 0 };

		operands(&words, v);
		buf_addf(out, "\tcase '%s'\n\t\techo", v->name);
		for (size_t j = 0; j < words.n; j++)
			buf_addf(out, " %s", words.v[j]);
		buf_add(out, "\n");
	}
}
