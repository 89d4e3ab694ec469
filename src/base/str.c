/* SPDX-License-Identifier: Apache-2.0 */
/* base/str.c - allocation that cannot fail, string vectors, growable text */

#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void mem_die(void)
{
	static const char msg[] = "lichen: out of memory\n";
	ssize_t n = write(STDERR_FILENO, msg, sizeof(msg) - 1);

	(void)n; /* nothing more can be done */
	abort();
}

void *mem_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		mem_die();
	return p;
}

void *mem_grow(void *p, size_t n, size_t size)
{
	void *q;

	if (size && n > SIZE_MAX / size)
		mem_die();
	q = realloc(p, n && size ? n * size : 1);
	if (!q)
		mem_die();
	return q;
}

char *str_dupn(const char *s, size_t n)
{
	char *out = mem_alloc(n + 1);

	memcpy(out, s, n);
	return out;
}

char *str_dup(const char *s)
{
	return s ? str_dupn(s, strlen(s)) : NULL;
}

__attribute__((format(printf, 1, 0))) static char *str_vfmt(const char *fmt, va_list ap)
{
	char *out = NULL;

	if (vasprintf(&out, fmt, ap) < 0)
		mem_die();
	return out;
}

char *str_fmt(const char *fmt, ...)
{
	va_list ap;
	char *out;

	va_start(ap, fmt);
	out = str_vfmt(fmt, ap);
	va_end(ap);
	return out;
}

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

void str_set(char **slot, const char *s)
{
	char *copy = str_dup(s);

	free(*slot);
	*slot = copy;
}

void str_copy(char *dst, size_t size, const char *src)
{
	size_t n = strnlen(src, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool str_has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

bool str_is_name(const char *s)
{
	if (!is_alnum(*s))
		return false;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

size_t str_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	size_t la = strlen(a), lb = strlen(b);
	size_t d[3][MAX + 1];

	if (la > MAX || lb > MAX)
		return MAX;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *cur = d[i % 3], *prev = d[(i + 2) % 3], *prev2 = d[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return d[la % 3][lb];
}

const char *str_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), best = len < 3 ? 2 : len / 3 + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(word, words[i]);

		if (len >= 3 && str_starts(words[i], word) && d > 1)
			d = 1; /* an abbreviation is meant more often than a typing error */
		if (d < best && d < strlen(words[i])) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

/* ---- string vectors ---- */

void strv_add_take(struct strv *sv, char *s)
{
	if ((sv->n & (sv->n + 1)) == 0) /* grow when n + 1 is a power of two */
		sv->v = mem_grow(sv->v, 2 * (sv->n + 1), sizeof(*sv->v));
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strv_add(struct strv *sv, const char *s)
{
	strv_add_take(sv, str_dup(s));
}

void strv_addf(struct strv *sv, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_add_take(sv, str_vfmt(fmt, ap));
	va_end(ap);
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	strv_fini(dst);
	for (size_t i = 0; i < src->n; i++)
		strv_add(dst, src->v[i]);
}

bool strv_has(const struct strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (strcmp(sv->v[i], s) == 0)
			return true;
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *sv)
{
	if (sv->n)
		qsort(sv->v, sv->n, sizeof(*sv->v), by_text);
}

void strv_fini(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv){ 0 };
}

void strv_split(struct strv *sv, const char *s, char sep)
{
	const char *end;

	while ((end = strchr(s, sep))) {
		strv_add_take(sv, str_dupn(s, (size_t)(end - s)));
		s = end + 1;
	}
	strv_add(sv, s);
}

void str_words(struct strv *sv, const char *s)
{
	for (size_t n; *(s += strspn(s, " \t")); s += n) {
		n = strcspn(s, " \t");
		strv_add_take(sv, str_dupn(s, n));
	}
}

/* ---- growing text ---- */

void buf_addn(struct buf *b, const char *s, size_t n)
{
	if (b->len + n + 1 > b->cap) {
		b->cap = (b->len + n + 1) * 2;
		b->s = mem_grow(b->s, b->cap, 1);
	}
	memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void buf_add(struct buf *b, const char *s)
{
	buf_addn(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = str_vfmt(fmt, ap);
	va_end(ap);
	buf_add(b, s);
	free(s);
}

/* Length of the well-formed UTF-8 sequence at @s, 0 where there is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

bool str_is_utf8(const char *s)
{
	for (size_t n; *s; s += n) {
		n = utf8_len((const unsigned char *)s);
		if (!n)
			return false;
	}
	return true;
}

static uint32_t utf8_code(const unsigned char *s, size_t n)
{
	uint32_t code = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3fu);
	return code;
}

/* What terminals obey as they do ESC (U+0080 to U+009F), what turns the order of the text around it, and what is not seen. */
static bool is_hidden(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} HIDDEN[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	{ 0xad, 0xad },	    { 0x61c, 0x61c },	{ 0x115f, 0x1160 },   { 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },   { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < N_ELEMS(HIDDEN); i++)
		if (code >= HIDDEN[i].first && code <= HIDDEN[i].last)
			return true;
	return false;
}

size_t str_hidden(const char *s, uint32_t *code)
{
	const size_t n = utf8_len((const unsigned char *)s);

	*code = n ? utf8_code((const unsigned char *)s, n) : 0;
	return n && is_hidden(*code) ? n : 0;
}

void buf_add_safe(struct buf *b, const char *s)
{
	uint32_t code;

	while (*s) {
		const size_t n = utf8_len((const unsigned char *)s), bad = n ? str_hidden(s, &code) : 1;

		if (!bad)
			buf_addn(b, s, n);
		for (size_t i = 0; i < bad; i++)
			buf_addf(b, "\\x%02x", (unsigned char)s[i]);
		s += n ? n : 1;
	}
}

void buf_add_code(struct buf *b, uint32_t code)
{
	if (code < 0x10000)
		buf_addf(b, "\\u%04x", (unsigned)code);
	else
		buf_addf(b, "\\u%04x\\u%04x", (unsigned)(0xd800 + ((code - 0x10000) >> 10)), (unsigned)(0xdc00 + (code & 0x3ff)));
}

void buf_add_json(struct buf *b, const char *s)
{
	uint32_t code;

	buf_add(b, "\"");
	while (*s) {
		const size_t n = utf8_len((const unsigned char *)s);

		if (*s == '"' || *s == '\\')
			buf_addf(b, "\\%c", *s);
		else if (n == 0)
			buf_add(b, "\\ufffd");
		else if (str_hidden(s, &code))
			buf_add_code(b, code);
		else
			buf_addn(b, s, n);
		s += n ? n : 1;
	}
	buf_add(b, "\"");
}

char *buf_take(struct buf *b)
{
	char *s = b->s ? b->s : str_dup("");

	*b = (struct buf){ 0 };
	return s;
}

void buf_fini(struct buf *b)
{
	free(b->s);
	*b = (struct buf){ 0 };
}
