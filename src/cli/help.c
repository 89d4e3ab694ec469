/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.c - the help texts, made from the tables */

#include "cli/help.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/opts.h"

enum {
	WIDTH_MIN = 40,
	WIDTH_DEFAULT = 80,
	WIDTH_MAX = 120,	/* longer lines are hard to read */
	LEFT_MAX = 32,		/* a left column that is wider gets a line of its own */
	RIGHT_MIN = 40,		/* where less is left, all left columns do */
	INDENT = 10,		/* and then the right one begins here */
};

static void spaces(struct buf *out, size_t n)
{
	while (n--)
		buf_add(out, " ");
}

/* The words of @text from column @col on, wrapped, later lines indented by @indent. */
static void wrap(struct buf *out, const char *text, size_t col, size_t indent, size_t width)
{
	bool fresh = true;	/* nothing on this line yet */

	while (*text) {
		size_t len = strcspn(text, " ");

		if (!fresh && col + 1 + len > width) {
			buf_add(out, "\n");
			spaces(out, indent);
			col = indent;
			fresh = true;
		}
		if (!fresh) {
			buf_add(out, " ");
			col++;
		}
		buf_addn(out, text, len);
		col += len;
		fresh = false;
		text += len;
		text += strspn(text, " ");
	}
	buf_add(out, "\n");
}

/* "  LEFT    text", the text at column @at. */
static void row(struct buf *out, const char *left, const char *text, size_t at, size_t width)
{
	size_t col = 2 + strlen(left);

	buf_addf(out, "  %s", left);
	if (col + 2 > at) {
		buf_add(out, "\n");
		col = 0;
	}
	spaces(out, at - col);
	wrap(out, text, at, at, width);
}

void help_opt_left(struct buf *out, const struct opt *o)
{
	if (o->letter)
		buf_addf(out, "-%c, --%s", o->letter, o->name);
	else
		buf_addf(out, "    --%s", o->name);
	if (o->argument)
		buf_addf(out, " %s", o->argument);
}

/* Where the right column begins when the widest on the left has @left columns. */
static size_t right_column(size_t left, size_t width)
{
	return left + 4 + RIGHT_MIN > width ? INDENT : left + 4;
}

static size_t opts_column(const struct verb *v, size_t width)
{
	size_t at = 0;

	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
		AUTO_BUF struct buf left = { 0 };

		help_opt_left(&left, o);
		if (left.len <= LEFT_MAX && left.len > at)
			at = left.len;
	}
	return right_column(at, width);
}

static void options(struct buf *out, const struct verb *v, size_t width)
{
	size_t at = opts_column(v, width);
	const char *group = NULL;

	for (const struct opt *o = opts_next(v, NULL); o; o = opts_next(v, o)) {
		AUTO_BUF struct buf left = { 0 };

		if (!str_eq(group, o->group))
			buf_addf(out, "\n%s:\n", v->id == VERB_GLOBAL ? "Options before the verb" : o->group);
		group = o->group;
		help_opt_left(&left, o);
		row(out, left.s, o->help, at, width);
	}
}

/* "Run a command." from "run a command" */
static void sentence(struct buf *out, const char *text, size_t width)
{
	AUTO_FREE char *s = str_fmt("%s.", text);

	s[0] = (char)toupper((unsigned char)s[0]);
	wrap(out, s, 0, 0, width);
}

void help_verb(struct buf *out, const struct verb *v, size_t width)
{
	buf_addf(out, "Usage: lichen %s [OPTIONS]%s%s\n\n", v->name, *v->arguments ? " " : "", v->arguments);
	sentence(out, v->summary, width);
	if (*v->about) {
		buf_add(out, "\n");
		wrap(out, v->about, 0, 0, width);
	}
	options(out, v, width);
}

/* ---- lists of verbs ---- */

/* A row of a list: a verb, or a group as one. */
struct entry {
	const struct verb *v;		/* of a group the first one */
	const struct verb_group *g;	/* NULL: a verb */
	struct buf left, text;
};

static void entry_fini(struct entry *n)
{
	buf_fini(&n->left);
	buf_fini(&n->text);
}

#define AUTO_ENTRY __attribute__((cleanup(entry_fini)))

/* "VERB ARGUMENTS" and its summary. */
static void entry_of_verb(struct entry *n, const char *name)
{
	buf_addf(&n->left, "%s%s%s", name, *n->v->arguments ? " " : "", n->v->arguments);
	buf_add(&n->text, n->v->summary);
}

/* "cgroup VERB" and "... (tree, ls, exec)" */
static void entry_of_group(struct entry *n)
{
	buf_addf(&n->left, "%s VERB", n->g->name);
	buf_addf(&n->text, "%s (", n->g->summary);
	for (const struct verb *v = group_next(n->g, NULL), *next; v; v = next) {
		next = group_next(n->g, v);
		buf_addf(&n->text, "%s%s", verb_last_word(v), next ? ", " : ")");
	}
}

/* What stands for @v in the list of @in (NULL: of all). False: its group has its row already. */
static bool entry_make(struct entry *n, const struct verb *v, const struct verb_group *in)
{
	const struct verb_group *g = in ? NULL : group_of(v);

	*n = (struct entry){ .v = v, .g = g };
	if (g && v != group_next(g, NULL))
		return false;
	if (g)
		entry_of_group(n);
	else
		entry_of_verb(n, in ? verb_last_word(v) : v->name);
	return true;
}

static const struct verb *list_next(const struct verb_group *in, const struct verb *prev)
{
	return in ? group_next(in, prev) : verbs_next(prev ? prev : verb_global());
}

static void verbs(struct buf *out, const struct verb_group *in, size_t width)
{
	const char *section = in ? group_next(in, NULL)->section : NULL;
	size_t at = 0;

	for (const struct verb *v = list_next(in, NULL); v; v = list_next(in, v)) {
		AUTO_ENTRY struct entry n;

		if (entry_make(&n, v, in) && n.left.len <= LEFT_MAX && n.left.len > at)
			at = n.left.len;
	}
	at = right_column(at, width);
	for (const struct verb *v = list_next(in, NULL); v; v = list_next(in, v)) {
		AUTO_ENTRY struct entry n;

		if (!entry_make(&n, v, in))
			continue;
		if (!str_eq(section, v->section))
			buf_addf(out, "\n%s:\n", v->section);
		section = v->section;
		row(out, n.left.s, n.text.s, at, width);
	}
}

void help_group(struct buf *out, const struct verb_group *g, size_t width)
{
	AUTO_FREE char *more = str_fmt("'lichen %s VERB --help' explains one of them.", g->name);

	buf_addf(out, "Usage: lichen %s VERB [OPTIONS] [ARG...]\n\n", g->name);
	sentence(out, g->summary, width);
	buf_add(out, "\n");
	verbs(out, g, width);
	buf_add(out, "\n");
	wrap(out, more, 0, 0, width);
}

void help_overview(struct buf *out, size_t width)
{
	buf_add(out, "Usage: lichen VERB [OPTIONS] [ARG...]\n\n");
	wrap(out, "lichen runs commands in sandboxes, without root and without a daemon.", 0, 0, width);
	verbs(out, NULL, width);
	options(out, verb_global(), width);
	buf_add(out, "\n");
	wrap(out, "'lichen VERB --help' explains a verb, lichen(1) and lichen-run(1) are the manual. To try it: "
		  "lichen run -it host sh", 0, 0, width);
}

size_t help_width(void)
{
	const char *columns = getenv("COLUMNS");
	long width = columns ? strtol(columns, NULL, 10) : 0;
	struct winsize ws;

	if (width <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		width = ws.ws_col;
	if (width <= 0)
		width = WIDTH_DEFAULT;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	return width < WIDTH_MIN ? WIDTH_MIN : (size_t)width;
}

int help_print(const struct buf *text, struct err *e)
{
	if (text->len && fwrite(text->s, text->len, 1, stdout) != 1)
		return err_sys(e, "write", "standard output", "cannot print");
	if (fflush(stdout))
		return err_sys(e, "write", "standard output", "cannot print");
	return 0;
}

int help_show(const struct verb *v, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };

	if (v)
		help_verb(&text, v, help_width());
	else
		help_overview(&text, help_width());
	return help_print(&text, e);
}

int help_show_group(const struct verb_group *g, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };

	help_group(&text, g, help_width());
	return help_print(&text, e);
}
