/* SPDX-License-Identifier: Apache-2.0 */
/* spec/image_record.c - the record of an image: JSON in and out by one table, and the rules of each field */

#include <jansson.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"
#include "spec/image.h"

enum { RECORD_VERSION = 1, WORD_MAX = 255 };

/* ---- rules of a text: NULL, or what was expected ---- */

typedef const char *rule_fn(const char *s);

static const char *any_text(const char *s)
{
	(void)s;
	return NULL;
}

static const char *word(const char *s)
{
	return strlen(s) > WORD_MAX || str_has_control(s) ? "at most 255 bytes without control characters" : NULL;
}

static const char *digest(const char *s)
{
	return !*s || digest_is_valid(s) ? NULL : "sha256: or sha512: and its digits in lower case";
}

static const char *media_type(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&-^_.+/") == strlen(s) ? NULL
		: "a media type";
}

static const char *full_name(const char *s)
{
	struct image_ref r;
	struct err e;
	bool is_full = ref_parse(s, &r, &e) == 0 && r.registry;

	ref_fini(&r);
	return is_full ? NULL : "a full name, as docker.io/library/alpine:latest";
}

static const char *pair(const char *s)
{
	return *s && *s != '=' && strchr(s, '=') ? NULL : "KEY=VALUE";
}

static const char *user(const char *s)
{
	return !*s || word(s) ? "USER[:GROUP]" : NULL;
}

static const char *absolute(const char *s)
{
	return *s == '/' && strlen(s) < PATH_MAX ? NULL : "an absolute path of less than 4096 bytes";
}

static const char *volume(const char *s)
{
	if (absolute(s))
		return absolute(s);
	return path_has_dotdot(s) || str_has_control(s) ? "a path without .. and control characters" : NULL;
}

static const char *signal_word(const char *s)
{
	return signal_from_name(s) < 0 ? "a signal's name or number" : NULL;
}

/* N[-M][/tcp|udp|sctp] */
static const char *port(const char *s)
{
	static const char EXPECTED[] = "a port, as 80/tcp or 8000-8010/udp";

	for (int i = 0; i < 2; i++) {
		size_t n = strspn(s, "0123456789");

		if (!n || n > 5 || strtol(s, NULL, 10) > UINT16_MAX)
			return EXPECTED;
		s += n;
		if (*s != '-')
			break;
		s++;
	}
	return !*s || str_eq(s, "/tcp") || str_eq(s, "/udp") || str_eq(s, "/sctp") ? NULL : EXPECTED;
}

/* ---- the table ---- */

enum field_kind {
	FIELD_TEXT,	/* char *: NULL is left out */
	FIELD_ARRAY,	/* char[]: "" is left out */
	FIELD_LIST,	/* struct strv: an empty one is left out */
	FIELD_U64, FIELD_U32, FIELD_BOOL,	/* 0 is left out */
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset, size;	/* of the member */
	rule_fn *rule;		/* of texts */
};

#define MEMBER(type, m) offsetof(type, m), sizeof(((type *)0)->m)
#define IMAGE(m) MEMBER(struct image, m)
#define LAYER(m) MEMBER(struct image_layer, m)
#define HISTORY(m) MEMBER(struct image_history, m)

static const struct field FIELDS[] = {
	{ "id", FIELD_ARRAY, IMAGE(id), digest },
	{ "manifest", FIELD_ARRAY, IMAGE(manifest), digest },
	{ "architecture", FIELD_TEXT, IMAGE(architecture), word },
	{ "os", FIELD_TEXT, IMAGE(os), word },
	{ "variant", FIELD_TEXT, IMAGE(variant), word },
	{ "created", FIELD_TEXT, IMAGE(created), word },
	{ "author", FIELD_TEXT, IMAGE(author), any_text },
	{ "names", FIELD_LIST, IMAGE(names), full_name },
	{ "env", FIELD_LIST, IMAGE(env), pair },
	{ "entrypoint", FIELD_LIST, IMAGE(entrypoint), any_text },
	{ "cmd", FIELD_LIST, IMAGE(cmd), any_text },
	{ "shell", FIELD_LIST, IMAGE(shell), any_text },
	{ "volumes", FIELD_LIST, IMAGE(volumes), volume },
	{ "exposedPorts", FIELD_LIST, IMAGE(exposed_ports), port },
	{ "labels", FIELD_LIST, IMAGE(labels), pair },
	{ "annotations", FIELD_LIST, IMAGE(annotations), pair },
	{ "user", FIELD_TEXT, IMAGE(user), user },
	{ "workingDir", FIELD_TEXT, IMAGE(working_dir), absolute },
	{ "stopSignal", FIELD_TEXT, IMAGE(stop_signal), signal_word },
	{ "healthcheck", FIELD_LIST, IMAGE(healthcheck), any_text },
	{ "healthIntervalNs", FIELD_U64, IMAGE(health_interval_ns), NULL },
	{ "healthTimeoutNs", FIELD_U64, IMAGE(health_timeout_ns), NULL },
	{ "healthStartNs", FIELD_U64, IMAGE(health_start_ns), NULL },
	{ "healthRetries", FIELD_U32, IMAGE(health_retries), NULL },
	{ "onbuild", FIELD_LIST, IMAGE(onbuild), any_text },
};

static const struct field LAYER_FIELDS[] = {
	{ "diffId", FIELD_ARRAY, LAYER(diff_id), digest },
	{ "digest", FIELD_ARRAY, LAYER(digest), digest },
	{ "mediaType", FIELD_ARRAY, LAYER(media_type), media_type },
	{ "size", FIELD_U64, LAYER(size), NULL },
};

static const struct field HISTORY_FIELDS[] = {
	{ "created", FIELD_TEXT, HISTORY(created), word },
	{ "createdBy", FIELD_TEXT, HISTORY(created_by), any_text },
	{ "comment", FIELD_TEXT, HISTORY(comment), any_text },
	{ "empty", FIELD_BOOL, HISTORY(is_empty), NULL },
	{ "size", FIELD_U64, HISTORY(size), NULL },
};

/* Where a field is, for errors: "layers[3].size". */
struct place {
	const char *list;	/* NULL: at the top */
	size_t index;
};

static char *field_name(const struct place *at, const char *key)
{
	return at->list ? str_fmt("%s[%zu].%s", at->list, at->index, key) : str_dup(key);
}

static int bad(const struct place *at, const char *key, const char *expected, struct err *e)
{
	AUTO_FREE char *name = field_name(at, key);

	return err_set(e, ERR_SPEC, "field %s: expected %s", name, expected);
}

/* ---- checking ---- */

static int check_text(const struct place *at, const struct field *f, const char *s, struct err *e)
{
	const char *expected = f->rule(s);

	if (strlen(s) >= IMAGE_STRING_MAX)
		expected = "less than 128 KiB, the most that the kernel takes";
	else if (!str_is_utf8(s))
		expected = "UTF-8";
	return expected ? bad(at, f->key, expected, e) : 0;
}

static int check_list(const struct place *at, const struct field *f, const struct strv *list, struct err *e)
{
	if (list->n > IMAGE_LIST_MAX)
		return bad(at, f->key, "at most 4096 entries", e);
	for (size_t i = 0; i < list->n; i++)
		if (check_text(at, f, list->v[i], e) < 0)
			return -1;
	return 0;
}

static int check_fields(const struct place *at, const struct field *fields, size_t n, const void *base, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct field *f = &fields[i];
		const void *member = (const char *)base + f->offset;
		const char *text = f->kind == FIELD_TEXT ? *(const char *const *)member : f->kind == FIELD_ARRAY ? member : NULL;

		if (text && check_text(at, f, text, e) < 0)
			return -1;
		if (f->kind == FIELD_LIST && check_list(at, f, member, e) < 0)
			return -1;
		if (f->kind == FIELD_U64 && *(const uint64_t *)member > INT64_MAX)
			return bad(at, f->key, "a number below 2^63", e);
	}
	return 0;
}

int image_check(const struct image *im, struct err *e)
{
	struct place at = { 0 };

	if (check_fields(&at, FIELDS, N_ELEMS(FIELDS), im, e) < 0)
		return -1;
	if (im->n_layers > IMAGE_LAYERS_MAX)
		return bad(&at, "layers", "at most 500, as many as the kernel's overlay takes", e);
	if (im->n_history > IMAGE_LIST_MAX)
		return bad(&at, "history", "at most 4096 entries", e);
	for (size_t i = 0; i < im->n_layers; i++) {
		at = (struct place){ "layers", i };
		if (check_fields(&at, LAYER_FIELDS, N_ELEMS(LAYER_FIELDS), &im->layers[i], e) < 0)
			return -1;
	}
	for (size_t i = 0; i < im->n_history; i++) {
		at = (struct place){ "history", i };
		if (check_fields(&at, HISTORY_FIELDS, N_ELEMS(HISTORY_FIELDS), &im->history[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- writing ---- */

static json_t *write_field(const struct field *f, const void *member)
{
	const struct strv *list = member;
	uint64_t n = 0;
	json_t *array;

	switch (f->kind) {
	case FIELD_TEXT:
		return *(const char *const *)member ? json_string(*(const char *const *)member) : NULL;
	case FIELD_ARRAY:
		return *(const char *)member ? json_string(member) : NULL;
	case FIELD_LIST:
		array = list->n ? json_array() : NULL;
		for (size_t i = 0; i < list->n; i++)
			json_array_append_new(array, json_string(list->v[i]));
		return array;
	case FIELD_BOOL:
		return *(const bool *)member ? json_true() : NULL;
	case FIELD_U64:
		n = *(const uint64_t *)member;
		break;
	case FIELD_U32:
		n = *(const uint32_t *)member;
		break;
	}
	return n ? json_integer((json_int_t)n) : NULL;
}

static void write_fields(json_t *object, const struct field *fields, size_t n, const void *base)
{
	for (size_t i = 0; i < n; i++) {
		json_t *value = write_field(&fields[i], (const char *)base + fields[i].offset);

		if (value)
			json_object_set_new(object, fields[i].key, value);
	}
}

/* @base: @count structs of @size bytes */
static void write_array(json_t *top, const char *key, const struct field *fields, size_t n, const void *base, size_t count,
			size_t size)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		write_fields(object, fields, n, (const char *)base + i * size);
		json_array_append_new(array, object);
	}
	json_object_set_new(top, key, array);
}

static int add_chunk(const char *chunk, size_t n, void *out)
{
	buf_addn(out, chunk, n);
	return 0;
}

void image_write(const struct image *im, struct buf *out)
{
	json_t *top;

	json_set_alloc_funcs(mem_alloc, free); /* jansson cannot run out of memory then */
	top = json_object();
	json_object_set_new(top, "version", json_integer(RECORD_VERSION));
	write_fields(top, FIELDS, N_ELEMS(FIELDS), im);
	write_array(top, "layers", LAYER_FIELDS, N_ELEMS(LAYER_FIELDS), im->layers, im->n_layers, sizeof(*im->layers));
	write_array(top, "history", HISTORY_FIELDS, N_ELEMS(HISTORY_FIELDS), im->history, im->n_history, sizeof(*im->history));
	(void)json_dump_callback(top, add_chunk, out, JSON_COMPACT); /* add_chunk() never fails */
	json_decref(top);
	buf_add(out, "\n");
}

/* ---- reading ---- */

static int read_list(const struct place *at, const struct field *f, json_t *j, struct strv *out, struct err *e)
{
	json_t *v;
	size_t i;

	if (!json_is_array(j) || json_array_size(j) > IMAGE_LIST_MAX)
		return bad(at, f->key, "an array of at most 4096 strings", e);
	json_array_foreach(j, i, v) {
		if (!json_is_string(v))
			return bad(at, f->key, "an array of strings", e);
		strv_add(out, json_string_value(v));
	}
	return 0;
}

static int read_field(const struct place *at, const struct field *f, json_t *j, void *member, struct err *e)
{
	json_int_t n = json_integer_value(j);

	switch (f->kind) {
	case FIELD_TEXT:
		if (!json_is_string(j))
			return bad(at, f->key, "a string", e);
		str_set(member, json_string_value(j));
		return 0;
	case FIELD_ARRAY:
		if (!json_is_string(j) || json_string_length(j) >= f->size)
			return bad(at, f->key, "a string, and a shorter one", e);
		str_copy(member, f->size, json_string_value(j));
		return 0;
	case FIELD_LIST:
		return read_list(at, f, j, member, e);
	case FIELD_BOOL:
		if (!json_is_boolean(j))
			return bad(at, f->key, "true or false", e);
		*(bool *)member = json_is_true(j);
		return 0;
	case FIELD_U64:
	case FIELD_U32:
		if (!json_is_integer(j) || n < 0 || (f->kind == FIELD_U32 && n > UINT32_MAX))
			return bad(at, f->key, "a whole number, not below 0 and not too large", e);
		if (f->kind == FIELD_U32)
			*(uint32_t *)member = (uint32_t)n;
		else
			*(uint64_t *)member = (uint64_t)n;
		return 0;
	}
	return 0;
}

/* Each member of @object is a field, but for @others, which the caller reads. */
static int read_fields(const struct place *at, const struct field *fields, size_t n, json_t *object, const char *const *others,
		       void *base, struct err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v) {
		const struct field *f = NULL;
		bool is_other = false;

		for (size_t i = 0; i < n && !f; i++)
			f = str_eq(key, fields[i].key) ? &fields[i] : NULL;
		for (size_t i = 0; others && others[i]; i++)
			is_other = is_other || str_eq(key, others[i]);
		if (!f && !is_other)
			return err_set(e, ERR_SPEC, "field %.64s is not one of a record", key);
		if (f && read_field(at, f, v, (char *)base + f->offset, e) < 0)
			return -1;
	}
	return 0;
}

/* Return: how many objects the array @key of @top has; -1 */
static ssize_t count(json_t *top, const char *key, size_t max, struct err *e)
{
	const struct place at = { 0 };
	json_t *array = json_object_get(top, key), *v;
	size_t i;

	if (!json_is_array(array) || json_array_size(array) > max)
		return bad(&at, key, "an array that is not too long", e);
	json_array_foreach(array, i, v)
		if (!json_is_object(v))
			return bad(&at, key, "an array of objects", e);
	return (ssize_t)json_array_size(array);
}

static int read_layers(json_t *top, struct image *im, struct err *e)
{
	ssize_t n = count(top, "layers", IMAGE_LAYERS_MAX, e);

	if (n < 0)
		return -1;
	im->n_layers = (size_t)n;
	im->layers = mem_alloc(im->n_layers * sizeof(*im->layers));
	for (size_t i = 0; i < im->n_layers; i++) {
		const struct place at = { "layers", i };
		json_t *j = json_array_get(json_object_get(top, "layers"), i);

		if (read_fields(&at, LAYER_FIELDS, N_ELEMS(LAYER_FIELDS), j, NULL, &im->layers[i], e) < 0)
			return -1;
	}
	return 0;
}

static int read_history(json_t *top, struct image *im, struct err *e)
{
	ssize_t n = count(top, "history", IMAGE_LIST_MAX, e);

	if (n < 0)
		return -1;
	im->n_history = (size_t)n;
	im->history = mem_alloc(im->n_history * sizeof(*im->history));
	for (size_t i = 0; i < im->n_history; i++) {
		const struct place at = { "history", i };
		json_t *j = json_array_get(json_object_get(top, "history"), i);

		if (read_fields(&at, HISTORY_FIELDS, N_ELEMS(HISTORY_FIELDS), j, NULL, &im->history[i], e) < 0)
			return -1;
	}
	return 0;
}

static int read_record(json_t *top, struct image *im, struct err *e)
{
	static const char *const OTHERS[] = { "version", "layers", "history", NULL };
	const struct place at = { 0 };
	json_t *version = json_object_get(top, "version");

	if (!json_is_object(top))
		return err_set(e, ERR_SPEC, "expected an object");
	if (!json_is_integer(version) || json_integer_value(version) != RECORD_VERSION) {
		bad(&at, "version", "1", e);
		return err_hint(e, "another version of lichen wrote it; remove the image and bring it again");
	}
	if (read_fields(&at, FIELDS, N_ELEMS(FIELDS), top, OTHERS, im, e) < 0 || read_layers(top, im, e) < 0 ||
	    read_history(top, im, e) < 0)
		return -1;
	return image_check(im, e);
}

static int parse(const char *json, size_t len, json_t **out, struct err *e)
{
	json_error_t why;

	if (len > IMAGE_RECORD_MAX)
		return err_set(e, ERR_SPEC, "it is larger than %d bytes", IMAGE_RECORD_MAX);
	json_set_alloc_funcs(mem_alloc, free); /* jansson cannot run out of memory then */
	*out = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	return *out ? 0 : err_set(e, ERR_SPEC, "line %d: %.160s", why.line, why.text);
}

int image_read(const char *json, size_t len, struct image *im, struct err *e)
{
	json_t *top = NULL;
	int rc;

	*im = (struct image){ 0 };
	rc = parse(json, len, &top, e);
	if (rc == 0)
		rc = read_record(top, im, e);
	json_decref(top);
	if (rc == 0)
		return 0;
	image_fini(im);
	err_wrap(e, "the record of an image");
	e->kind = ERR_STATE;
	return -1;
}
