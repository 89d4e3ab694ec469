/* SPDX-License-Identifier: Apache-2.0 */
/* image/jsonin.c - fields of a stranger's JSON: checked, capped, and named where they are wrong */

#include "jsonin.h"

#include <stdlib.h>
#include <string.h>

json_t *jin_load(const char *json, size_t len, size_t max, struct err *e)
{
	json_error_t why;
	json_t *j;

	if (len > max) {
		err_set(e, ERR_STATE, "it is larger than %zu KiB", max >> 10);
		return NULL;
	}
	j = json_loadb(json, len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		err_set(e, ERR_STATE, "line %d: %s", why.line, why.text);
	else if (!json_is_object(j))
		err_set(e, ERR_STATE, "it is no JSON object");
	if (json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

static const json_t *member(const json_t *o, const char *key)
{
	const json_t *j = json_object_get(o, key);

	return json_is_null(j) ? NULL : j;
}

static int wrong(const char *key, const char *type, struct err *e)
{
	return err_set(e, ERR_STATE, "\"%s\" is no %s", key, type);
}

static int too_many(const char *key, size_t n, size_t max, struct err *e)
{
	return err_set(e, ERR_STATE, "\"%s\" has %zu parts; at most %zu are taken", key, n, max);
}

int jin_object(const json_t *o, const char *key, const json_t **out, struct err *e)
{
	*out = member(o, key);
	return *out && !json_is_object(*out) ? wrong(key, "object", e) : 0;
}

int jin_array(const json_t *o, const char *key, size_t max, const json_t **out, struct err *e)
{
	*out = member(o, key);
	if (*out && !json_is_array(*out))
		return wrong(key, "list", e);
	return json_array_size(*out) > max ? too_many(key, json_array_size(*out), max, e) : 0;
}

/* The text of @j, whose place is @key; NULL with @e. */
static const char *text_of(const json_t *j, const char *key, size_t max, struct err *e)
{
	if (!json_is_string(j)) {
		wrong(key, "text", e);
		return NULL;
	}
	if (json_string_length(j) > max) {
		err_set(e, ERR_STATE, "\"%s\" has a text of %zu bytes; at most %zu are taken", key, json_string_length(j), max);
		return NULL;
	}
	return json_string_value(j);
}

int jin_text(const json_t *o, const char *key, char *out, size_t size, struct err *e)
{
	const json_t *j = member(o, key);
	const char *s = j ? text_of(j, key, size - 1, e) : "";

	if (!s)
		return -1;
	str_copy(out, size, s);
	return 0;
}

int jin_str(const json_t *o, const char *key, size_t max, char **out, struct err *e)
{
	const json_t *j = member(o, key);
	const char *s = j ? text_of(j, key, max, e) : NULL;

	if (j && !s)
		return -1;
	str_set(out, s);
	return 0;
}

int jin_u64(const json_t *o, const char *key, uint64_t max, uint64_t *out, struct err *e)
{
	const json_t *j = member(o, key);

	*out = 0;
	if (!j)
		return 0;
	if (!json_is_integer(j) || json_integer_value(j) < 0)
		return wrong(key, "number from 0 on", e);
	*out = (uint64_t)json_integer_value(j);
	return *out > max ? err_set(e, ERR_STATE, "\"%s\" is larger than can be", key) : 0;
}

int jin_bool(const json_t *o, const char *key, bool *out, struct err *e)
{
	const json_t *j = member(o, key);

	*out = json_is_true(j);
	return j && !json_is_boolean(j) ? wrong(key, "true or false", e) : 0;
}

int jin_list(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (jin_array(o, key, max_n, &list, e) < 0)
		return -1;
	json_array_foreach(list, i, item) {
		const char *s = text_of(item, key, max_len, e);

		if (!s)
			return -1;
		strv_add(out, s);
	}
	return 0;
}

static int key_of(const char *name, const char *key, size_t max_len, struct err *e)
{
	return strlen(name) > max_len ? err_set(e, ERR_STATE, "\"%s\" has a name of more than %zu bytes", key, max_len) : 0;
}

static int map_of(const json_t *o, const char *key, size_t max_n, const json_t **map, struct err *e)
{
	if (jin_object(o, key, map, e) < 0)
		return -1;
	return json_object_size(*map) > max_n ? too_many(key, json_object_size(*map), max_n, e) : 0;
}

int jin_keys(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e)
{
	const json_t *map, *value;
	const char *name;

	if (map_of(o, key, max_n, &map, e) < 0)
		return -1;
	json_object_foreach((json_t *)(uintptr_t)map, name, value) {
		if (key_of(name, key, max_len, e) < 0)
			return -1;
		strv_add(out, name);
	}
	strv_sort(out);
	return 0;
}

int jin_map(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e)
{
	const json_t *map, *value;
	const char *name;

	if (map_of(o, key, max_n, &map, e) < 0)
		return -1;
	json_object_foreach((json_t *)(uintptr_t)map, name, value) {
		const char *s = text_of(value, key, max_len, e);

		if (!s || key_of(name, key, max_len, e) < 0)
			return -1;
		if (!name[0] || strchr(name, '='))
			return err_set(e, ERR_STATE, "\"%s\" has a name that is empty or has a \"=\"", key);
		strv_addf(out, "%s=%s", name, s);
	}
	strv_sort(out);
	return 0;
}
