/* SPDX-License-Identifier: Apache-2.0 */
/* image/challenge.c - what a registry wants before it answers: WWW-Authenticate
 *
 *   challenges = scheme [ 1*SP ( token68 / param *( , param ) ) ] *( , challenges )
 *
 * A comma stands between parameters as well as between challenges; a word that no '=' follows begins a new one.
 */

#include "challenge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

static const char *skip_commas(const char *s)
{
	return s + strspn(s, " \t,");
}

/* A token. Return: behind it; NULL: there is none */
static const char *read_token(const char *s, char **out)
{
	const char *end = s;

	while (is_token(*end))
		end++;
	if (end == s)
		return NULL;
	*out = str_dupn(s, (size_t)(end - s));
	return end;
}

/* A token or a quoted string with its escapes taken out. Return: behind it; NULL: it has no end, or control characters */
static const char *read_value(const char *s, char **out)
{
	AUTO_BUF struct buf text = { 0 };

	if (*s != '"')
		return read_token(s, out);
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if ((unsigned char)*s < ' ' || *s == 0x7f)	/* the end, too */
			return NULL;
		buf_addn(&text, s, 1);
	}
	*out = buf_take(&text);
	return s + 1;
}

struct param {
	const char *name;
	char **slot;
};

static void keep(char **slot, char **value)
{
	if (!*slot)
		*slot = ptr_take(value);
}

/* The parameters of one challenge. Return: where the next one begins; NULL: malformed */
static const char *read_params(const char *s, const struct param *params, size_t n)
{
	for (;;) {
		AUTO_FREE char *name = NULL, *value = NULL;
		const char *start = skip_commas(s), *at = read_token(start, &name);

		if (!at)
			return *start ? NULL : start;
		at = skip_space(at);
		if (*at != '=')
			return start;	/* the next scheme */
		at = read_value(skip_space(at + 1), &value);
		if (!at)
			return NULL;
		at = skip_space(at);
		if (*at && *at != ',')
			return NULL;
		for (size_t i = 0; i < n; i++)
			if (strcasecmp(name, params[i].name) == 0)
				keep(params[i].slot, &value);
		s = at;
	}
}

/* What stands in the place of parameters for schemes such as Negotiate: letters, digits, and '=' at its end. */
static const char *skip_token68(const char *s)
{
	const char *end = s;

	while (is_token(*end) || *end == '/')
		end++;
	end += strspn(end, "=");
	end = skip_space(end);
	return end > s && (!*end || *end == ',') ? end : NULL;
}

void challenge_add(struct challenge *c, const char *value)
{
	const char *s = skip_commas(value);

	while (s && *s) {
		AUTO_FREE char *scheme = NULL;
		struct challenge fresh = { 0 };
		const struct param bearer[] = { { "realm", &fresh.realm }, { "service", &fresh.service },
						{ "scope", &fresh.scope }, { "error", &fresh.error } };
		const char *at = read_token(s, &scheme), *end;
		bool is_bearer = at && strcasecmp(scheme, "bearer") == 0, is_basic = at && strcasecmp(scheme, "basic") == 0;

		if (!at || (*at && *at != ' ' && *at != '\t' && *at != ','))
			return;
		at = skip_space(at);
		end = *at == ',' ? NULL : skip_token68(at);
		s = end ? skip_commas(end) : read_params(at, bearer, N_ELEMS(bearer));
		if (is_basic) {
			c->wants_basic = true;
		} else if (is_bearer && !c->wants_bearer && fresh.realm) {
			c->wants_bearer = true;
			c->realm = ptr_take(&fresh.realm);
			c->service = ptr_take(&fresh.service);
			c->scope = ptr_take(&fresh.scope);
			c->error = ptr_take(&fresh.error);
		} else if (!is_bearer && !strv_has(&c->others, scheme)) {
			strv_add(&c->others, scheme);
		}
		challenge_fini(&fresh);
	}
}

void challenge_fini(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	strv_fini(&c->others);
	*c = (struct challenge){ 0 };
}
