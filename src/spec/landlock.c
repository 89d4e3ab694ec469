/* SPDX-License-Identifier: Apache-2.0 */
/* spec/landlock.c - the words of --landlock */

#include "spec/landlock.h"

#include <limits.h>
#include <string.h>

#include "base/auto.h"

static const struct {
	const char *word;
	enum landlock_kind kind;
	unsigned bits;
} KINDS[] = {
	{ "ro", LANDLOCK_PATH, LANDLOCK_READ },
	{ "rx", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_EXEC },
	{ "rw", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_WRITE },
	{ "rwx", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_EXEC },
	{ "x", LANDLOCK_PATH, LANDLOCK_EXEC },
	{ "tcp-bind", LANDLOCK_BIND, 0 },
	{ "tcp-connect", LANDLOCK_CONNECT, 0 },
	{ "scope", LANDLOCK_SCOPE, LANDLOCK_SIGNALS | LANDLOCK_ABSTRACT },
};

static const struct {
	const char *word;
	unsigned bit;
} SCOPES[] = { { "signals", LANDLOCK_SIGNALS }, { "abstract", LANDLOCK_ABSTRACT } };

static const char HINT_FORMS[] = "the forms are ro:PATH rx:PATH rw:PATH rwx:PATH x:PATH tcp-bind:PORT "
				 "tcp-connect:PORT scope scope:signals scope:abstract";

static int unknown_kind(const char *text, const char *word, struct err *e)
{
	/* as landrun and minijail spell them; the rest by distance */
	static const struct {
		const char *word, *ours;
	} peers[] = { { "rox", "rx" }, { "r", "ro" }, { "w", "rw" }, { "read", "ro" }, { "write", "rw" },
		      { "bind-tcp", "tcp-bind" }, { "connect-tcp", "tcp-connect" }, { "bind", "tcp-bind" },
		      { "connect", "tcp-connect" }, { "exec", "x" }, { "scoped", "scope" } };
	const char *words[N_ELEMS(KINDS)], *near = NULL;

	for (size_t i = 0; i < N_ELEMS(KINDS); i++)
		words[i] = KINDS[i].word;
	for (size_t i = 0; i < N_ELEMS(peers) && !near; i++)
		if (str_eq(word, peers[i].word))
			near = peers[i].ours;
	if (!near && !strchr(word, '/'))
		near = str_nearest(word, words, N_ELEMS(words));
	err_set(e, ERR_USAGE, "--landlock %s: '%s' is not a kind of rule", text, word);
	return near ? err_hint(e, "did you mean %s:%s ?", near, text[strlen(word)] ? text + strlen(word) + 1 : "...")
		    : err_hint(e, "%s", HINT_FORMS);
}

static int parse_path(const char *text, const char *path, struct landlock_rule *out, struct err *e)
{
	if (!path || path[0] != '/') {
		err_set(e, ERR_USAGE, "--landlock %s: expected an absolute path inside the sandbox%s%s%s", text,
			path && *path ? ", found '" : "", path ? path : "", path && *path ? "'" : "");
		return path && *path && *path != '.' && *path != '~' ? err_hint(e, "did you mean /%s ?", path)
								     : err_hint(e, "%s", HINT_FORMS);
	}
	if (strlen(path) >= PATH_MAX)
		return err_set(e, ERR_USAGE, "--landlock: a path of %zu bytes; the kernel takes %d", strlen(path),
			       PATH_MAX - 1);
	out->path = path;
	return 0;
}

static int parse_port(const char *text, const char *port, struct landlock_rule *out, struct err *e)
{
	unsigned n = 0;

	if (str_eq(port, "none"))
		return 0;
	if (!port || !*port || strspn(port, "0123456789") != strlen(port) || strlen(port) > 5) {
		err_set(e, ERR_USAGE, "--landlock %s: expected a port from 0 to 65535, or none", text);
		return err_hint(e, "one port a rule, for example --landlock tcp-connect:443");
	}
	for (const char *p = port; *p; p++)
		n = n * 10 + (unsigned)(*p - '0');
	if (n > UINT16_MAX)
		return err_set(e, ERR_USAGE, "--landlock %s: expected a port from 0 to 65535, or none", text);
	out->has_port = true;
	out->port = (uint16_t)n;
	return 0;
}

static int parse_scope(const char *text, const char *what, struct landlock_rule *out, struct err *e)
{
	const char *words[N_ELEMS(SCOPES)], *near;

	if (!what)
		return 0;
	for (size_t i = 0; i < N_ELEMS(SCOPES); i++) {
		words[i] = SCOPES[i].word;
		if (str_eq(what, SCOPES[i].word)) {
			out->bits = SCOPES[i].bit;
			return 0;
		}
	}
	near = str_nearest(what, words, N_ELEMS(words));
	err_set(e, ERR_USAGE, "--landlock %s: expected scope, scope:signals or scope:abstract", text);
	return near ? err_hint(e, "did you mean scope:%s ?", near) : -1;
}

int landlock_parse(const char *text, struct landlock_rule *out, struct err *e)
{
	const char *colon = strchr(text, ':'), *value = colon ? colon + 1 : NULL;
	AUTO_FREE char *word = str_dupn(text, colon ? (size_t)(colon - text) : strlen(text));

	for (size_t i = 0; i < N_ELEMS(KINDS); i++) {
		if (!str_eq(word, KINDS[i].word))
			continue;
		*out = (struct landlock_rule){ .kind = KINDS[i].kind, .bits = KINDS[i].bits };
		switch (out->kind) {
		case LANDLOCK_PATH:
			return parse_path(text, value, out, e);
		case LANDLOCK_SCOPE:
			return parse_scope(text, value, out, e);
		default:
			return parse_port(text, value, out, e);
		}
	}
	return unknown_kind(text, word, e);
}

bool landlock_has(const struct strv *rules, enum landlock_kind kind)
{
	struct landlock_rule r;
	struct err ignored;

	for (size_t i = 0; i < rules->n; i++)
		if (landlock_parse(rules->v[i], &r, &ignored) == 0 && r.kind == kind)
			return true;
	return false;
}

unsigned landlock_scopes(const struct strv *rules)
{
	struct landlock_rule r;
	struct err ignored;
	unsigned bits = 0;

	for (size_t i = 0; i < rules->n; i++)
		if (landlock_parse(rules->v[i], &r, &ignored) == 0 && r.kind == LANDLOCK_SCOPE)
			bits |= r.bits;
	return bits;
}
