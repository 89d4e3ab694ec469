/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_json.c - around jansson: limits, numbers beyond int64, bytes, paths */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

enum {
	MAX_ITEMS = 65536,	/* of one array or object */
	MAX_STRING = 1 << 20,	/* bytes; the kernel takes 128 KiB as one argument */
	MAX_WARNINGS = 100,
};

/* ---- numbers beyond int64 ----
 *
 * RLIM_INFINITY is 18446744073709551615, every engine writes it so, and jansson refuses
 * it. Before parsing, a number between 2^63 and 2^64 becomes a string that begins with
 * this mark, and after printing such a string becomes a number again. A string of the
 * file's own that begins so is refused: count_marks() finds more than were made.
 */
#define MARK	  "\x01u64:"
#define MARK_TEXT "\"\\u0001u64:"	/* as it stands in JSON */

static bool is_marked(const char *s)
{
	return str_starts(s, MARK);
}

/* The index behind the string that begins at @i, or @len. */
static size_t string_end(const char *t, size_t i, size_t len)
{
	for (i++; i < len && t[i] != '"'; i++)
		if (t[i] == '\\' && i + 1 < len)
			i++;
	return i < len ? i + 1 : len;
}

static size_t number_end(const char *t, size_t i, size_t len)
{
	while (i < len && t[i] && strchr("0123456789+-.eE", t[i]))
		i++;
	return i;
}

/* Is t[0..n) an integer of [2^63, 2^64)? */
static bool is_big(const char *t, size_t n)
{
	static const char min[] = "9223372036854775808", max[] = "18446744073709551615";

	for (size_t i = 0; i < n; i++)
		if (t[i] < '0' || t[i] > '9')
			return false;
	return (n == sizeof(min) - 1 && memcmp(t, min, n) >= 0) ||
	       (n == sizeof(max) - 1 && t[0] != '0' && memcmp(t, max, n) <= 0);
}

/* Copies @t to @out with each big number as a marked string; returns how many. */
static size_t mark_numbers(const char *t, size_t len, struct buf *out)
{
	size_t end, copied = 0, marks = 0;

	for (size_t i = 0; i < len; i = end) {
		end = t[i] == '"' ? string_end(t, i, len) : number_end(t, i, len);
		if (end == i) {
			end++;
		} else if (t[i] != '"' && is_big(t + i, end - i)) {
			buf_addn(out, t + copied, i - copied);
			buf_addf(out, MARK_TEXT "%.*s\"", (int)(end - i), t + i);
			copied = end;
			marks++;
		}
	}
	buf_addn(out, t + copied, len - copied);
	return marks;
}

static void unmark_numbers(const char *t, size_t len, struct buf *out)
{
	size_t end, copied = 0;

	for (size_t i = 0; i < len; i = end) {
		end = t[i] == '"' ? string_end(t, i, len) : i + 1;
		if (t[i] == '"' && str_starts(t + i, MARK_TEXT)) {
			buf_addn(out, t + copied, i - copied);
			i += sizeof(MARK_TEXT) - 1;
			buf_addn(out, t + i, end - i - 1);
			copied = end;
		}
	}
	buf_addn(out, t + copied, len - copied);
}

json_t *oci_u64(uint64_t n)
{
	AUTO_BUF struct buf b = { 0 };

	if (n <= INT64_MAX)
		return json_integer((json_int_t)n);
	buf_addf(&b, MARK "%" PRIu64, n);
	return json_string(b.s);
}

bool oci_is_number(const json_t *j)
{
	return json_is_number(j) || (json_is_string(j) && is_marked(json_string_value(j)));
}

bool oci_get_u64(const json_t *j, uint64_t *out)
{
	if (json_is_integer(j)) {
		*out = (uint64_t)json_integer_value(j);
		return json_integer_value(j) >= 0;
	}
	if (!json_is_string(j) || !is_marked(json_string_value(j)))
		return false;
	*out = strtoull(json_string_value(j) + sizeof(MARK) - 1, NULL, 10);
	return true;
}

/* ---- strings of bytes ---- */

/* U+10FF00 + b is F4 8F (BC + b / 64) (80 + b % 64) */
static bool is_escape(const unsigned char *s)
{
	return s[0] == 0xf4 && s[1] == 0x8f && s[2] >= 0xbc && s[2] <= 0xbf && (s[3] & 0xc0) == 0x80;
}

static bool has_escape(const char *s)
{
	for (; (s = strchr(s, 0xf4)); s++)
		if (is_escape((const unsigned char *)s))
			return true;
	return false;
}

json_t *oci_str(struct oci_writer *w, const char *s)
{
	AUTO_BUF struct buf b = { 0 };
	json_t *j = is_marked(s) || has_escape(s) ? NULL : json_string(s);

	if (j) /* it is UTF-8 */
		return j;
	w->escaped = true;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		const unsigned char esc[] = { 0xf4, 0x8f, (unsigned char)(0xbc + c / 64),
					      (unsigned char)(0x80 + c % 64) };

		if (c >= 0x80 || c == MARK[0])
			buf_addn(&b, (const char *)esc, sizeof(esc));
		else
			buf_addn(&b, s, 1);
	}
	return json_string(b.s);
}

char *oci_unescape(const char *s, bool escaped)
{
	struct buf b = { 0 };
	const char *next;

	if (!escaped || !has_escape(s))
		return str_dup(s);
	for (; *s; s = next) {
		const unsigned char *u = (const unsigned char *)s;
		char c = *s;

		next = s + 1;
		if (is_escape(u) && (u[2] > 0xbc || u[3] > 0x80)) { /* not the byte 0 */
			c = (char)((u[2] - 0xbc) * 64 + (u[3] - 0x80));
			next = s + 4;
		}
		buf_addn(&b, &c, 1);
	}
	return buf_take(&b);
}

/* ---- messages ---- */

static void add_path(struct buf *b, const struct jpath *at)
{
	if (at->up)
		add_path(b, at->up);
	if (at->key)
		buf_addf(b, "%s%s", b->len ? "." : "", at->key);
	else
		buf_addf(b, "[%zu]", at->index);
}

char *oci_path(const struct jpath *at)
{
	struct buf b = { 0 };

	add_path(&b, at);
	return buf_take(&b);
}

const char *oci_found(const json_t *j)
{
	static const char *const TYPES[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",	    [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction",    [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	if (!j)
		return "nothing";
	return oci_is_number(j) && !json_is_real(j) ? "a number" : TYPES[json_typeof(j)];
}

int oci_bad(const struct jpath *at, const char *expected, const json_t *found, struct err *e)
{
	AUTO_FREE char *path = oci_path(at);

	return err_set(e, ERR_SPEC, "%.200s: expected %s, found %s", path, expected,
		       oci_found(found));
}

void oci_warn(struct oci_reader *r, const struct jpath *at, const char *sentence)
{
	AUTO_FREE char *path = oci_path(at);

	if (!r->warnings || r->warnings->n > MAX_WARNINGS)
		return;
	if (r->warnings->n == MAX_WARNINGS)
		strv_add(r->warnings, "there are more such fields; they are not named");
	else
		strv_addf(r->warnings, "%.200s: %s", path, sentence);
}

/* ---- text to tree and back ---- */

static int check_limits(json_t *j, const struct jpath *at, size_t *marks, struct err *e);

static int check_members(json_t *object, const struct jpath *at, size_t *marks, struct err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v) {
		const struct jpath here = { .up = at, .key = key };

		if (is_marked(key))
			return oci_bad(&here, "another name", v, e);
		if (check_limits(v, &here, marks, e) < 0)
			return -1;
	}
	return 0;
}

static int check_elements(json_t *array, const struct jpath *at, size_t *marks, struct err *e)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v) {
		const struct jpath here = { .up = at, .index = i };

		if (check_limits(v, &here, marks, e) < 0)
			return -1;
	}
	return 0;
}

/* Depth is limited by jansson itself (JSON_PARSER_MAX_DEPTH, 2048). */
static int check_limits(json_t *j, const struct jpath *at, size_t *marks, struct err *e)
{
	AUTO_FREE char *path = NULL;
	size_t n = json_is_object(j) ? json_object_size(j) : json_array_size(j);

	if (n > MAX_ITEMS || json_string_length(j) > MAX_STRING) {
		path = at ? oci_path(at) : str_dup("config.json");
		return err_set(e, ERR_SPEC, "%.200s: %s is larger than %d %s", path, oci_found(j),
			       n ? MAX_ITEMS : MAX_STRING, n ? "items" : "bytes");
	}
	if (json_is_object(j))
		return check_members(j, at, marks, e);
	if (json_is_array(j))
		return check_elements(j, at, marks, e);
	if (json_is_string(j) && is_marked(json_string_value(j)))
		++*marks;
	return 0;
}

int oci_json_parse(const char *text, size_t len, json_t **out, struct err *e)
{
	AUTO_BUF struct buf marked = { 0 };
	size_t made, found = 0;
	json_error_t why;
	json_t *j;

	if (len > OCI_MAX_BYTES)
		return err_set(e, ERR_SPEC, "config.json is larger than %d bytes", OCI_MAX_BYTES);
	json_set_alloc_funcs(mem_alloc, free); /* from here on jansson cannot run out of memory */
	made = mark_numbers(text, len, &marked);
	j = json_loadb(marked.s, marked.len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, ERR_SPEC, "config.json: line %d: %s", why.line, why.text);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(e, ERR_SPEC, "config.json: expected an object");
	}
	if (check_limits(j, NULL, &found, e) < 0) {
		json_decref(j);
		return -1;
	}
	if (found != made) {
		json_decref(j);
		return err_set(e, ERR_SPEC, "config.json: a string begins with the control character 1");
	}
	*out = j;
	return 0;
}

static int print_chunk(const char *chunk, size_t n, void *out)
{
	buf_addn(out, chunk, n);
	return 0;
}

void oci_json_print(json_t *j, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };

	/* It cannot fail: the tree has no loops and only UTF-8, print_chunk() never fails. */
	(void)json_dump_callback(j, print_chunk, &text, JSON_INDENT(2));
	unmark_numbers(text.s, text.len, out);
	buf_add(out, "\n");
}
