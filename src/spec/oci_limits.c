/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_limits.c - linux.resources, both directions (config-linux.md#control-groups) */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

/* The numbers of one member; -1 is LIMIT_MAX, 0 asks for nothing. */
static const struct scalar {
	const char *object, *key;
	size_t offset;		/* of a uint64_t in struct spec_limits */
} SCALARS[] = {
	{ "memory", "limit", offsetof(struct spec_limits, memory) },
	{ "memory", "reservation", offsetof(struct spec_limits, memory_reservation) },
	{ "memory", "swap", offsetof(struct spec_limits, memory_swap) },
	{ "cpu", "shares", offsetof(struct spec_limits, cpu_shares) },
	{ "cpu", "quota", offsetof(struct spec_limits, cpu_quota) },
	{ "cpu", "period", offsetof(struct spec_limits, cpu_period) },
	{ "pids", "limit", offsetof(struct spec_limits, pids) },
	{ "blockIO", "weight", offsetof(struct spec_limits, blkio_weight) },
};

static const struct {
	const char *object, *key;
	size_t offset;		/* of a char * */
} TEXTS[] = {
	{ "cpu", "cpus", offsetof(struct spec_limits, cpuset_cpus) },
	{ "cpu", "mems", offsetof(struct spec_limits, cpuset_mems) },
};

static const char *const OBJECTS[] = { "memory", "cpu", "pids", "blockIO" };

/* Each is compared with all before it; no machine has as many disks, and no cgroup as many files. */
enum { LIST_MAX = 1024 };

/* ---- reading ---- */

static bool is_known(const char *object, const char *key)
{
	for (size_t i = 0; i < N_ELEMS(SCALARS); i++)
		if (str_eq(object, SCALARS[i].object) && str_eq(key, SCALARS[i].key))
			return true;
	for (size_t i = 0; i < N_ELEMS(TEXTS); i++)
		if (str_eq(object, TEXTS[i].object) && str_eq(key, TEXTS[i].key))
			return true;
	for (unsigned k = 0; str_eq(object, "blockIO") && k < THROTTLE_KINDS; k++)
		if (str_eq(key, throttle_oci((enum throttle_kind)k)))
			return true;
	return false;
}

/* Warns of what is in the file and is no limit of ours; fails where an object is none. */
static int look_over(struct oci_reader *r, json_t *j, const struct jpath *up, struct err *e)
{
	const char *object, *key;
	json_t *v, *w;

	json_object_foreach(j, object, v) {
		const struct jpath at = { .up = up, .key = object };
		bool is_ours = str_eq(object, "unified");

		for (size_t i = 0; i < N_ELEMS(OBJECTS); i++)
			is_ours = is_ours || str_eq(object, OBJECTS[i]);
		if (json_is_null(v))
			continue;
		if (!is_ours) {
			oci_warn(r, &at, "kept, but this limit is not set");
			continue;
		}
		if (!json_is_object(v))
			return oci_bad(&at, "an object", v, e);
		json_object_foreach(v, key, w) {
			const struct jpath member = { .up = &at, .key = key };

			if (!str_eq(object, "unified") && !is_known(object, key) && !json_is_null(w))
				oci_warn(r, &member, "kept, but this limit is not set");
		}
	}
	return 0;
}

static int read_number(json_t *j, const struct jpath *at, uint64_t *out, struct err *e)
{
	*out = 0;
	if (!j || json_is_null(j))
		return 0;
	if (json_is_integer(j) && json_integer_value(j) == -1)
		*out = LIMIT_MAX;
	else if (!oci_get_u64(j, out))
		return oci_bad(at, "an integer from -1 on", j, e);
	return 0;
}

static int read_throttles(struct spec_limits *l, json_t *array, enum throttle_kind kind, const struct jpath *up, struct err *e)
{
	size_t i;
	json_t *v;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return oci_bad(up, "an array", array, e);
	if (json_array_size(array) > LIST_MAX)
		return oci_bad(up, "at most 1024 devices", array, e);
	json_array_foreach(array, i, v) {
		const struct jpath at = { .up = up, .index = i };
		struct spec_throttle t = { .kind = kind };
		uint64_t major, minor;

		if (!oci_get_u64(json_object_get(v, "major"), &major) || !oci_get_u64(json_object_get(v, "minor"), &minor) ||
		    major > UINT32_MAX || minor > UINT32_MAX)
			return oci_bad(&at, "an object with major, minor and rate", v, e);
		t.major = (uint32_t)major;
		t.minor = (uint32_t)minor;
		if (read_number(json_object_get(v, "rate"), &at, &t.rate, e) < 0)
			return -1;
		limits_add_throttle(l, &t);
	}
	return 0;
}

static int read_unified(struct oci_reader *r, struct spec_limits *l, json_t *object, const struct jpath *up, struct err *e)
{
	const char *key;
	json_t *v;

	if (json_object_size(object) > LIST_MAX)
		return oci_bad(up, "at most 1024 files", object, e);
	json_object_foreach(object, key, v) {
		const struct jpath at = { .up = up, .key = key };
		AUTO_FREE char *value = NULL;

		if (oci_get_string(r, v, &at, &value, e) < 0)
			return -1;
		limits_set_unified(l, key, value);
	}
	return 0;
}

int oci_read_limits(struct oci_reader *r, const struct oci_field *f, json_t *j, const struct jpath *up, struct err *e)
{
	const struct jpath block = { .up = up, .key = "blockIO" }, unified = { .up = up, .key = "unified" };
	struct spec_limits *l = oci_at(r->s, f->offset);

	limits_fini(l);
	if (!j)
		return 0;
	if (!json_is_object(j))
		return oci_bad(up, "an object", j, e);
	if (look_over(r, j, up, e) < 0)
		return -1;
	for (size_t i = 0; i < N_ELEMS(SCALARS); i++) {
		const struct jpath object = { .up = up, .key = SCALARS[i].object }, at = { .up = &object, .key = SCALARS[i].key };

		if (read_number(json_object_get(json_object_get(j, SCALARS[i].object), SCALARS[i].key), &at,
				oci_at(l, SCALARS[i].offset), e) < 0)
			return -1;
	}
	for (size_t i = 0; i < N_ELEMS(TEXTS); i++) {
		const struct jpath object = { .up = up, .key = TEXTS[i].object }, at = { .up = &object, .key = TEXTS[i].key };
		json_t *v = json_object_get(json_object_get(j, TEXTS[i].object), TEXTS[i].key);

		if (v && !json_is_null(v) && json_string_length(v) != 0 && oci_get_string(r, v, &at, oci_at(l, TEXTS[i].offset), e) < 0)
			return -1;
		if (v && !json_is_null(v) && !json_is_string(v))
			return oci_bad(&at, "a string", v, e);
	}
	for (unsigned k = 0; k < THROTTLE_KINDS; k++) {
		const char *key = throttle_oci((enum throttle_kind)k);
		const struct jpath at = { .up = &block, .key = key };

		if (read_throttles(l, json_object_get(json_object_get(j, "blockIO"), key), (enum throttle_kind)k, &at, e) < 0)
			return -1;
	}
	return read_unified(r, l, json_object_get(j, "unified"), &unified, e);
}

/* ---- writing ---- */

static json_t *number(uint64_t n)
{
	return !n ? NULL : n == LIMIT_MAX ? json_integer(-1) : oci_u64(n);
}

/* The member @key of @j, an object, made where it is missing. */
static json_t *object_of(json_t *j, const char *key)
{
	json_t *o = json_object_get(j, key);

	if (json_is_object(o))
		return o;
	o = json_object();
	json_object_set_new(j, key, o);
	return o;
}

static json_t *throttles_of(const struct spec_limits *l, enum throttle_kind kind)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->n_throttles; i++) {
		const struct spec_throttle *t = &l->throttles[i];
		json_t *v;

		if (t->kind != kind)
			continue;
		v = json_object();
		oci_set(v, "major", json_integer(t->major));
		oci_set(v, "minor", json_integer(t->minor));
		oci_set(v, "rate", t->rate == LIMIT_MAX ? json_integer(-1) : oci_u64(t->rate));
		json_array_append_new(array, v);
	}
	if (json_array_size(array))
		return array;
	json_decref(array);
	return NULL;
}

static json_t *unified_of(struct oci_writer *w, const struct spec_limits *l)
{
	json_t *j = json_object();

	for (size_t i = 0; i < l->unified.n; i++) {
		AUTO_FREE char *key = str_dupn(l->unified.v[i], strcspn(l->unified.v[i], "="));
		json_t *quoted = oci_str(w, key);

		oci_set(j, json_string_value(quoted), oci_str(w, l->unified.v[i] + strlen(key) + !!l->unified.v[i][strlen(key)]));
		json_decref(quoted);
	}
	if (l->unified.n)
		return j;
	json_decref(j);
	return NULL;
}

json_t *oci_write_limits(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct spec_limits *l = oci_at_const(w->s, f->offset);
	json_t *j = json_is_object(old) ? json_incref(old) : json_object();

	for (size_t i = 0; i < N_ELEMS(SCALARS); i++)
		oci_set(object_of(j, SCALARS[i].object), SCALARS[i].key, number(*(const uint64_t *)oci_at_const(l, SCALARS[i].offset)));
	for (size_t i = 0; i < N_ELEMS(TEXTS); i++) {
		const char *text = *(char *const *)oci_at_const(l, TEXTS[i].offset);

		oci_set(object_of(j, TEXTS[i].object), TEXTS[i].key, text ? oci_str(w, text) : NULL);
	}
	for (unsigned k = 0; k < THROTTLE_KINDS; k++)
		oci_set(object_of(j, "blockIO"), throttle_oci((enum throttle_kind)k), throttles_of(l, (enum throttle_kind)k));
	for (size_t i = 0; i < N_ELEMS(OBJECTS); i++)
		if (!json_object_size(json_object_get(j, OBJECTS[i])))
			json_object_del(j, OBJECTS[i]);
	oci_set(j, "unified", unified_of(w, l));
	if (json_object_size(j))
		return j;
	json_decref(j);
	return NULL;
}
