/* SPDX-License-Identifier: Apache-2.0 */
/* base/str.h - allocation that cannot fail, string vectors, growable text
 *
 * Out of memory is the one condition that is not reported through struct err:
 * mem_die() says so on stderr and aborts.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

void *mem_alloc(size_t n);			/* zeroed; owned by the caller */
void *mem_grow(void *p, size_t n, size_t size);	/* realloc to n elements; not zeroed */
char *str_dup(const char *s);			/* NULL stays NULL */
char *str_dupn(const char *s, size_t n);
char *str_fmt(const char *fmt, ...) PRINTF(1, 2);
bool str_eq(const char *a, const char *b);	/* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
void str_set(char **slot, const char *s);	/* frees what was there, stores a copy */
void str_copy(char *dst, size_t size, const char *src);	/* always terminated, cut where too long */
bool str_is_utf8(const char *s);
bool str_has_control(const char *s);		/* bytes below the blank, and DEL */
/* The length of the character at @s, which is none to be shown as it is: a control character, one that turns the order of the
 * text (U+202E), one that is not seen. 0: it may be shown, or is no UTF-8. @code: which it is. */
size_t str_hidden(const char *s, uint32_t *code);
bool str_is_name(const char *s);		/* [A-Za-z0-9][A-Za-z0-9_.-]* */

/* Edit distance (insert, delete, replace, swap), for "did you mean". */
size_t str_distance(const char *a, const char *b);

/* The nearest of @n words, or NULL where none is near enough to be meant. */
const char *str_nearest(const char *word, const char *const *words, size_t n);

/* A growing vector of owned strings, always NULL-terminated once non-empty. */
struct strv {
	char **v;
	size_t n;
};

void strv_add(struct strv *sv, const char *s);
void strv_add_take(struct strv *sv, char *s);	/* moves s in */
void strv_addf(struct strv *sv, const char *fmt, ...) PRINTF(2, 3);
void strv_copy(struct strv *dst, const struct strv *src);
bool strv_has(const struct strv *sv, const char *s);
void strv_sort(struct strv *sv);	/* by bytes */
void strv_fini(struct strv *sv);
void strv_split(struct strv *sv, const char *s, char sep);	/* appends the parts, empty ones too */
void str_words(struct strv *sv, const char *s);			/* appends what stands between blanks and tabs */

/* Growing text. */
struct buf {
	char *s;	/* NULL while empty, else terminated */
	size_t len, cap;
};

void buf_add(struct buf *b, const char *s);
void buf_addn(struct buf *b, const char *s, size_t n);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_add_safe(struct buf *b, const char *s);	/* what str_hidden() says, and bad UTF-8, as \xNN: for terminals */
void buf_add_json(struct buf *b, const char *s);	/* a quoted JSON string; what str_hidden() says as \uNNNN, bad UTF-8 as U+FFFD */
void buf_add_code(struct buf *b, uint32_t code);	/* "\u202e", for a JSON string */
char *buf_take(struct buf *b);				/* never NULL */
void buf_fini(struct buf *b);

#define AUTO_STRV __attribute__((cleanup(strv_fini)))
#define AUTO_BUF  __attribute__((cleanup(buf_fini)))
#define N_ELEMS(a) (sizeof(a) / sizeof((a)[0]))

#endif
