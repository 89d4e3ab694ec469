/* SPDX-License-Identifier: Apache-2.0 */
/* spec/idwish.c - what is asked of the id maps, before anybody knows which ids there are */

#include "spec/idwish.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"

/* A decimal number below 2^32 - 1, which is no id, and nothing else. */
static bool parse_u32(const char *s, uint32_t *out)
{
	uint64_t n = 0;

	if (!*s || strlen(s) > 10 || s[strspn(s, "0123456789")])
		return false;
	for (; *s; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	if (n >= UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

static int parse_one(const char *option, const char *word, struct id_wish *w, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };

	strv_split(&parts, word, ':');
	*w = (struct id_wish){ .count = 1 };
	if (parts.n >= 2 && parts.n <= 3) {
		w->is_host = parts.v[1][0] == '@';
		if (parse_u32(parts.v[0], &w->inside) && parse_u32(parts.v[1] + w->is_host, &w->from) &&
		    (parts.n == 2 || (parse_u32(parts.v[2], &w->count) && w->count)))
			return 0;
	}
	err_set(e, ERR_USAGE, "%s %.80s: expected CONTAINER:FROM[:SIZE] in numbers", option, word);
	if (strspn(word, "+ug") && word[0] > '9')
		return err_hint(e, "podman's flags +, u and g are not known here: give every range, with --uidmap and --gidmap");
	if (word[0] == '+')
		return err_hint(e, "podman's flag + is not known here: give every range");
	return err_hint(e, "FROM is 0 for yourself, 1 and up for your subordinate ids, or @ID for an id of this machine: "
			   "%s 0:1:1000 %s 1000:0:1", option, option);
}

int id_wishes_parse(const char *option, const char *text, struct id_wishes *out, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		out->v = mem_grow(out->v, out->n + 1, sizeof(*out->v));
		if (parse_one(option, words.v[i], &out->v[out->n], e) < 0)
			return -1;
		out->n++;
	}
	return 0;
}

void id_wishes_fini(struct id_wishes *w)
{
	free(w->v);
	*w = (struct id_wishes){ 0 };
}

static int keep_id_wrong(const char *text, struct err *e)
{
	err_set(e, ERR_USAGE, "--userns=%.80s: expected keep-id or keep-id:uid=N,gid=N", text);
	return err_hint(e, "the numbers are yours inside, as in keep-id:uid=1000,gid=1000");
}

int userns_wish_parse(const char *text, enum userns_wish *kind, int64_t *uid, int64_t *gid, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	*kind = USERNS_PLAIN;
	*uid = *gid = -1;
	if (!text)
		return 0;
	if (str_eq(text, "nomap")) {
		*kind = USERNS_NOMAP;
		return 0;
	}
	*kind = USERNS_KEEP_ID;
	if (str_eq(text, "keep-id"))
		return 0;
	if (!str_starts(text, "keep-id:"))
		return keep_id_wrong(text, e);
	strv_split(&words, text + strlen("keep-id:"), ',');
	for (size_t i = 0; i < words.n; i++) {
		const char *word = words.v[i];
		int64_t *out = str_starts(word, "uid=") ? uid : str_starts(word, "gid=") ? gid : NULL;
		uint32_t n;

		if (!out || *out >= 0 || !parse_u32(word + 4, &n))
			return keep_id_wrong(text, e);
		*out = n;
	}
	return 0;
}
