/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verbs.c - the tables of verbs and groups, and which one a command line begins with */

#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/opts.h"

/* ---- the tables ---- */

static const struct verb VERBS[VERB_COUNT] = {
	[VERB_GLOBAL] = { VERB_GLOBAL, "", 0, -1, "VERB [ARG...]", "", "", "" },
#define VERB(id, name, fn, min, max, arguments, section, summary, about) \
	[VERB_##id] = { VERB_##id, name, min, max, arguments, section, summary, about },
#include "cli/verbs.def"
};

/* The last row is none: there may be no group at all. */
static const struct verb_group GROUPS[] = {
#define GROUP(name, summary) { name, summary },
#include "cli/verbs.def"
	{ NULL, NULL },
};

/* What users of other tools type. */
static const char *const PEER_VERBS[] = {
#define PEER(word, instead)
#define PEER_ALIAS(word, name)
#define PEER_VERB(word) word,
#include "cli/peers.def"
#undef PEER
#undef PEER_ALIAS
#undef PEER_VERB
};

const struct verb *verb_global(void)
{
	return &VERBS[VERB_GLOBAL];
}

const struct verb *verbs_next(const struct verb *prev)
{
	const struct verb *v = prev ? prev + 1 : VERBS;

	while (v < VERBS + VERB_COUNT && v->id != VERB_GLOBAL && !*v->section)
		v++;
	return v < VERBS + VERB_COUNT ? v : NULL;
}

const struct verb *verb_find(const char *name)
{
	for (size_t i = 1; i < VERB_COUNT; i++)
		if (str_eq(name, VERBS[i].name))
			return &VERBS[i];
	return NULL;
}

const char *verb_last_word(const struct verb *v)
{
	const char *space = strchr(v->name, ' ');

	return space ? space + 1 : v->name;
}

const struct verb_group *groups_next(const struct verb_group *prev)
{
	const struct verb_group *g = prev ? prev + 1 : GROUPS;

	return g->name ? g : NULL;
}

const struct verb_group *group_find(const char *name)
{
	for (const struct verb_group *g = GROUPS; g->name; g++)
		if (str_eq(g->name, name))
			return g;
	return NULL;
}

static bool is_in(const struct verb *v, const struct verb_group *g)
{
	return str_starts(v->name, g->name) && v->name[strlen(g->name)] == ' ';
}

const struct verb_group *group_of(const struct verb *v)
{
	for (const struct verb_group *g = GROUPS; g->name; g++)
		if (is_in(v, g))
			return g;
	return NULL;
}

const struct verb *group_next(const struct verb_group *g, const struct verb *prev)
{
	const struct verb *v = verbs_next(prev ? prev : verb_global());

	while (v && !is_in(v, g))
		v = verbs_next(v);
	return v;
}

/* ---- words that are no verb ---- */

enum { SHOWN = 4 };	/* so many verbs are named in a guess */

/* "the verbs of cgroup: tree, ls, exec" */
static void add_names(struct buf *out, const struct verb_group *g)
{
	buf_addf(out, "the verbs of %s: ", g->name);
	for (const struct verb *v = group_next(g, NULL), *next; v; v = next) {
		next = group_next(g, v);
		buf_addf(out, "%s%s", verb_last_word(v), next ? ", " : "\n");
	}
}

/* A line for each: "tree  show ..." */
static void add_summaries(struct buf *out, const struct verb_group *g)
{
	int width = 0;

	for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v))
		if ((int)strlen(verb_last_word(v)) > width)
			width = (int)strlen(verb_last_word(v));
	for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v))
		buf_addf(out, "%-*s  %s\n", width, verb_last_word(v), v->summary);
}

static int see_group(const struct verb_group *g, const char *text, struct err *e)
{
	return err_hint(e, "%ssee 'lichen %s --help'", text, g->name);
}

/* "lichen cgroup" */
static int lacks_second(const struct verb_group *g, struct err *e)
{
	AUTO_BUF struct buf list = { 0 }, names = { 0 };

	add_summaries(&list, g);
	add_names(&names, g);
	err_set(e, ERR_USAGE, "'%s' needs a second word; expected: lichen %s VERB [OPTIONS] [ARG...]", g->name, g->name);
	see_group(g, list.s, e);
	/* cut, it would say nothing of where to read more */
	return strlen(e->hint) < sizeof(e->hint) - 1 ? -1 : see_group(g, names.s, e);
}

static int unknown_second(const struct verb_group *g, const char *word, struct err *e)
{
	const char *words[VERB_COUNT], *near;
	AUTO_BUF struct buf hint = { 0 };
	size_t n = 0;

	for (const struct verb *v = group_next(g, NULL); v; v = group_next(g, v))
		words[n++] = verb_last_word(v);
	near = str_nearest(word, words, n);
	if (near)
		buf_addf(&hint, "did you mean 'lichen %s %s'?\n", g->name, near);
	if (*word == '-') {
		buf_addf(&hint, "options stand behind both words of the verb: lichen %s VERB %.64s\n", g->name, word);
		err_set(e, ERR_USAGE, "'%s' needs a second word before the option '%.64s'", g->name, word);
	} else {
		err_set(e, ERR_USAGE, "there is no verb '%s %.64s'", g->name, word);
	}
	add_names(&hint, g);
	return see_group(g, hint.s, e);
}

/* "did you mean 'lichen run'?", or the verbs of two words that end in @word. */
static void guess(const char *word, struct buf *out)
{
	const char *words[2 * VERB_COUNT], *near;
	size_t n = 0, found = 0;

	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		if (!group_of(v))
			words[n++] = v->name;
		else if (str_eq(word, verb_last_word(v)) && found < SHOWN)
			buf_addf(out, "%s'lichen %s'", found++ ? " or " : "did you mean ", v->name);
	}
	for (const struct verb_group *g = groups_next(NULL); g; g = groups_next(g))
		words[n++] = g->name;
	near = found ? NULL : str_nearest(word, words, n);
	if (near)
		buf_addf(out, "did you mean 'lichen %s'", near);
	if (found || near)
		buf_add(out, "?\n");
}

static int unknown_first(const char *word, struct err *e)
{
	AUTO_BUF struct buf hint = { 0 };

	for (size_t i = 0; i < N_ELEMS(PEER_VERBS); i++)
		if (str_eq(word, PEER_VERBS[i])) {
			err_set(e, ERR_USAGE, "there is no verb '%s' in this version of lichen", word);
			return err_hint(e, "see 'lichen --help'");
		}
	if (strchr(word, '/') || word[0] == '.' || str_eq(word, "host")) {
		buf_addf(&hint, "did you mean 'lichen run %.64s'?\n", word);
		err_set(e, ERR_USAGE, "'%.64s' is no verb", word);
	} else {
		guess(word, &hint);
		err_set(e, ERR_USAGE, "there is no verb '%.64s'", word);
	}
	return err_hint(e, "%ssee 'lichen --help'", hint.s ? hint.s : "");
}

const struct verb *verb_of_words(char *const *words, int n, int *taken, struct err *e)
{
	const struct verb *v = strchr(words[0], ' ') ? NULL : verb_find(words[0]);
	const struct verb_group *g = v ? NULL : group_find(words[0]);

	*taken = g ? 2 : 1;
	if (g && n > 1) {
		AUTO_FREE char *name = str_fmt("%s %s", words[0], words[1]);

		v = verb_find(name);
	}
	if (!v && g)
		(void)!(n > 1 ? unknown_second(g, words[1], e) : lacks_second(g, e));
	else if (!v)
		(void)!unknown_first(words[0], e);
	return v;
}
