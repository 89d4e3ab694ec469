/* SPDX-License-Identifier: Apache-2.0 */
/* cli/gen_main.c - cli-gen: completions and the manual's lists from the tables
 *
 * cli-gen FORMAT FILE	copies FILE to standard output. A line that holds nothing but
 *			@MARK@, @MARK:VERB@ or @MARK:GROUP@ gives way to what FORMAT prints there;
 *			@VERSION@ is replaced wherever it stands.
 * cli-gen list		prints the tables for tests, one row a line, fields between tabs.
 *
 * Built and run in the build, never installed. The marks of man:
 *
 * @VERBS@, @VERBS:cgroup@	all verbs with their summaries, those of a group
 * @SYNOPSES:cgroup@		a line for each verb of the group
 * @VERB:cgroup tree@		a section: synopsis, summary, the about text, options
 * @OPTIONS:cgroup tree@	the options alone; "global": those before the verb
 */

#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/gen.h"

enum { MARK_MAX = 64 };

/* ---- shared ---- */

const char *verb_word(const struct verb *v)
{
	return v->id == VERB_GLOBAL ? "global" : v->name;
}

void gen_escape(struct buf *out, const char *s, const char *special, const char *before)
{
	for (; *s; s++) {
		if (strchr(special, *s))
			buf_add(out, before);
		buf_addn(out, s, 1);
	}
}

/* ---- the skeletons ---- */

enum wants { NOTHING, ALL_OR_GROUP, WANTS_GROUP, WANTS_VERB };

static const struct mark {
	const char *format, *word;
	enum wants wants;	/* behind a colon */
	gen_print_fn *print;
} MARKS[] = {
	{ "bash", "VERBS", NOTHING, bash_verbs },
	{ "bash", "SECONDS", NOTHING, bash_seconds },
	{ "bash", "OPTIONS", NOTHING, bash_options },
	{ "bash", "OPERANDS", NOTHING, bash_operands },
	{ "zsh", "VERBS", NOTHING, zsh_verbs },
	{ "zsh", "SECONDS", NOTHING, zsh_seconds },
	{ "zsh", "OPTIONS", NOTHING, zsh_options },
	{ "fish", "VERBS", NOTHING, fish_verbs },
	{ "fish", "GROUPS", NOTHING, fish_groups },
	{ "fish", "OPTIONS", NOTHING, fish_options },
	{ "fish", "VALUES", NOTHING, fish_values },
	{ "fish", "OPERANDS", NOTHING, fish_operands },
	{ "man", "VERBS", ALL_OR_GROUP, man_verbs },
	{ "man", "SYNOPSES", WANTS_GROUP, man_synopses },
	{ "man", "VERB", WANTS_VERB, man_verb },
	{ "man", "OPTIONS", WANTS_VERB, man_options },
};

static bool is_wanted(enum wants wants, const char *arg, const struct subject *of)
{
	switch (wants) {
	case NOTHING:
		return !arg;
	case ALL_OR_GROUP:
		return !arg || of->g;
	case WANTS_GROUP:
		return of->g != NULL;
	default:
		return of->v != NULL;
	}
}

/* "@MARK@", "@MARK:VERB@" or "@MARK:GROUP@", the whole of a line. */
static int expand(const char *format, const char *line, struct buf *out, struct err *e)
{
	struct subject of = { NULL, NULL };
	char word[MARK_MAX], *arg;
	size_t len = strlen(line);

	if (len < 3 || len >= sizeof(word))
		return err_set(e, ERR_USAGE, "'%s' is no mark", line);
	str_copy(word, len - 1, line + 1);
	arg = strchr(word, ':');
	if (arg) {
		*arg++ = '\0';
		of.v = str_eq(arg, "global") ? verb_global() : verb_find(arg);
		of.g = group_find(arg);
		if (!of.v && !of.g)
			return err_set(e, ERR_USAGE, "'%s': there is no verb or group '%s'", line, arg);
	}
	for (size_t i = 0; i < N_ELEMS(MARKS); i++)
		if (str_eq(MARKS[i].format, format) && str_eq(MARKS[i].word, word) && is_wanted(MARKS[i].wants, arg, &of)) {
			MARKS[i].print(out, &of);
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
