/* SPDX-License-Identifier: Apache-2.0 */
/* cli/gen_man.c - of cli-gen: the manual's lists, as scdoc(5) */

#include <ctype.h>
#include <string.h>

#include "base/auto.h"
#include "cli/gen.h"

/* Plain text. */
static void plain(struct buf *out, const char *text)
{
	gen_escape(out, text, "*_\\", "\\");
}

/* "Run a command." from "run a command" */
static void sentence(struct buf *out, const char *text)
{
	buf_addf(out, "%c", toupper((unsigned char)text[0]));
	plain(out, text + 1);
	buf_add(out, ".");
}

/* "*lichen run* [OPTIONS] _ROOTFS_ [_COMMAND_ [_ARG_...]]": words in capitals are set apart. */
static void synopsis(struct buf *out, const struct verb *v)
{
	static const char CAPITALS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n;

	buf_addf(out, "*lichen %s* [OPTIONS]%s", v->name, *v->arguments ? " " : "");
	for (const char *s = v->arguments; *s; s += n) {
		n = strspn(s, CAPITALS);
		if (n) {
			n += strspn(s + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
			buf_addf(out, "_%.*s_", (int)n, s);
		} else {
			n = strcspn(s, CAPITALS);
			for (size_t i = 0; i < n; i++)
				buf_addf(out, "%s%c", strchr("*_\\", s[i]) ? "\\" : "", s[i]);
		}
	}
	buf_add(out, "\n");
}

static void verb_row(struct buf *out, const struct verb *v)
{
	synopsis(out, v);
	buf_add(out, "\t");
	sentence(out, v->summary);
	buf_add(out, "\n\n");
}

/* Those of a group, or all, by their sections. */
void man_verbs(struct buf *out, const struct subject *of)
{
	const char *section = NULL;

	if (of->g) {
		for (const struct verb *v = group_next(of->g, NULL); v; v = group_next(of->g, v))
			verb_row(out, v);
		return;
	}
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		if (!str_eq(section, v->section))
			buf_addf(out, "## %s\n\n", v->section);
		section = v->section;
		verb_row(out, v);
	}
}

void man_synopses(struct buf *out, const struct subject *of)
{
	for (const struct verb *v = group_next(of->g, NULL); v; v = group_next(of->g, v)) {
		synopsis(out, v);
		buf_add(out, "\n");
	}
}

static void options_of(struct buf *out, const struct verb *v)
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
		buf_add(out, "\n\t");
		sentence(out, o->help);
		buf_addf(out, "%s%s\n\n", o->manual ? " " : "", o->manual ? o->manual : "");
	}
}

void man_options(struct buf *out, const struct subject *of)
{
	options_of(out, of->v);
}

/* A section of its own, which text of the page may follow. */
void man_verb(struct buf *out, const struct subject *of)
{
	buf_add(out, "# ");
	for (const char *s = of->v->name; *s; s++)
		buf_addf(out, "%c", toupper((unsigned char)*s));
	buf_add(out, "\n\n");
	synopsis(out, of->v);
	buf_add(out, "\n");
	sentence(out, of->v->summary);
	if (*of->v->about) {
		buf_add(out, " ");
		plain(out, of->v->about);
	}
	buf_add(out, "\n\n");
	options_of(out, of->v);
}
