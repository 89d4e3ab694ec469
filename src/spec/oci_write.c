/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_write.c - one function for each shape of a field of config.json, spec -> JSON
 *
 * Each starts from what the file had (@old), so that members that we do not know stay.
 */

#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

/* What crun, runc and we understand; a file that we read keeps its own. */
#define OCI_VERSION "1.0.2"

/* @old where it is an object, else a fresh one; a new reference either way. */
static json_t *start_from(json_t *old)
{
	return json_is_object(old) ? json_incref(old) : json_object();
}

void oci_set(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(object, key, value);
	else
		json_object_del(object, key);
}

static json_t *maybe_str(struct oci_writer *w, const char *s)
{
	return s ? oci_str(w, s) : NULL;
}

static json_t *write_list(struct oci_writer *w, const struct strv *sv)
{
	json_t *array = json_array();

	for (size_t i = 0; i < sv->n; i++)
		json_array_append_new(array, oci_str(w, sv->v[i]));
	return array;
}

/* ---- entries of an array, matched with those that the file had ---- */

struct entries {
	json_t *old;		/* borrowed */
	const char *key;	/* the member by which an entry is the same one */
	bool escaped;		/* strings of @old */
	bool *used;
	size_t n, next;
};

static struct entries entries_init(const struct oci_writer *w, json_t *old, const char *key)
{
	size_t n = json_array_size(old);

	return (struct entries){ old, key, w->was_escaped, mem_alloc(n), n, 0 };
}

/* The entry whose key is the string @s or, where that is NULL, the number @id; new
 * reference. The search goes on from the last hit: entries mostly keep their order. */
static json_t *entry_for(struct entries *x, const char *s, uint32_t id)
{
	for (size_t k = 0; k < x->n; k++) {
		size_t i = (x->next + k) % x->n;
		json_t *entry = json_array_get(x->old, i);
		json_t *key = json_object_get(entry, x->key);
		AUTO_FREE char *text = NULL;

		if (x->used[i])
			continue;
		if (s && json_is_string(key))
			text = oci_unescape(json_string_value(key), x->escaped);
		if (s ? str_eq(text, s) : json_integer_value(key) == id) {
			x->used[i] = true;
			x->next = i + 1;
			return json_incref(entry);
		}
	}
	return json_object();
}

/* ---- scalars and lists ---- */

json_t *oci_write_bool(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const bool *value = oci_at_const(w->s, f->offset);

	(void)old;
	return json_boolean(*value);
}

json_t *oci_write_string(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const char *const *value = oci_at_const(w->s, f->offset);

	(void)old;
	return maybe_str(w, *value);
}

json_t *oci_write_strv(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	(void)old;
	return write_list(w, oci_at_const(w->s, f->offset));
}

json_t *oci_write_cwd(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	(void)f, (void)old;
	return oci_str(w, w->s->process.cwd ? w->s->process.cwd : "/");
}

json_t *oci_write_version(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	(void)w, (void)f;
	return json_is_string(old) ? json_incref(old) : json_string(OCI_VERSION);
}

/* OCI wants a path; where the root is no directory the annotation says so. */
json_t *oci_write_root(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	(void)f, (void)old;
	if (w->s->root.kind != ROOT_DIR)
		return json_string("rootfs");
	return maybe_str(w, w->s->root.path);
}

/* ---- process ---- */

/* A decimal id up to @end; -1: it is a name. */
static int64_t id_number(const char *s, const char *end)
{
	int64_t n = 0;

	if (s == end || end - s > 10)
		return -1;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n <= UINT32_MAX ? n : -1;
}

/* Those that are numbers; the annotation has all that were typed. */
static json_t *write_groups(const char *text)
{
	AUTO_STRV struct strv words = { 0 };
	json_t *array;

	if (!text)
		return NULL;
	array = json_array();
	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		int64_t gid = id_number(words.v[i], words.v[i] + strlen(words.v[i]));

		if (gid >= 0)
			json_array_append_new(array, json_integer(gid));
	}
	return array;
}

/* Numbers for other runtimes where we have them; the annotation has what was typed. */
json_t *oci_write_user(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const char *user = w->s->process.user ? w->s->process.user : "0:0";
	const char *end = user + strlen(user), *colon = strchr(user, ':');
	int64_t uid = id_number(user, colon ? colon : end);
	int64_t gid = colon ? id_number(colon + 1, end) : 0;
	json_t *j = start_from(old);

	(void)f;
	oci_set(j, "uid", uid >= 0 && gid >= 0 ? json_integer(uid) : NULL);
	oci_set(j, "gid", uid >= 0 && gid >= 0 ? json_integer(gid) : NULL);
	oci_set(j, "username", uid >= 0 && gid >= 0 ? NULL : oci_str(w, user));
	oci_set(j, "umask", w->s->process.has_umask ? json_integer(w->s->process.umask) : NULL);
	oci_set(j, "additionalGids", write_groups(w->s->process.groups));
	return j;
}

/* The names of @set; those of @old that nobody knows stay at the end. */
static json_t *write_cap_set(uint64_t caps, json_t *old)
{
	json_t *array = json_array(), *v;
	size_t i;

	for (unsigned n = 0; n < cap_count(); n++)
		if (caps >> n & 1)
			json_array_append_new(array, json_string(cap_name(n)));
	json_array_foreach(old, i, v)
		if (json_is_string(v) && cap_from_name(json_string_value(v)) < 0)
			json_array_append(array, v);
	return array;
}

json_t *oci_write_caps(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	json_t *j = start_from(old);

	for (size_t i = 0; i < OCI_CAP_SETS; i++) {
		const char *key = OCI_CAP_SET[i].key;
		const uint64_t *caps = oci_at_const(w->s, f->offset + OCI_CAP_SET[i].offset);

		oci_set(j, key, write_cap_set(*caps, json_object_get(j, key)));
	}
	return j;
}

json_t *oci_write_rlimits(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct spec_process *p = &w->s->process;
	struct entries x = entries_init(w, old, "type");
	json_t *array = json_array();

	(void)f; /* a vector and its length are two fields */
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const char *type = p->rlimits[i].type ? p->rlimits[i].type : "";
		json_t *j = entry_for(&x, type, 0);

		oci_set(j, "type", oci_str(w, type));
		oci_set(j, "hard", oci_u64(p->rlimits[i].hard));
		oci_set(j, "soft", oci_u64(p->rlimits[i].soft));
		json_array_append_new(array, j);
	}
	free(x.used);
	return array;
}

/* ---- mounts ---- */

json_t *oci_write_mounts(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	struct entries x = entries_init(w, old, "destination");
	json_t *array = json_array();

	(void)f; /* a vector and its length are two fields */
	for (size_t i = 0; i < w->s->n_mounts; i++) {
		const struct spec_mount *m = &w->s->mounts[i];
		const char *destination = m->destination ? m->destination : "";
		json_t *j = entry_for(&x, destination, 0);

		oci_set(j, "destination", oci_str(w, destination));
		oci_set(j, "type", maybe_str(w, m->type));
		oci_set(j, "source", maybe_str(w, m->source));
		oci_set(j, "options", write_list(w, &m->options));
		json_array_append_new(array, j);
	}
	free(x.used);
	return array;
}

/* ---- linux ---- */

/* A sandbox that is not asked yet has no path; a runtime that knows no such word must not
 * take the namespace for a new one. */
static json_t *write_ns_path(struct oci_writer *w, const struct spec_ns *ns)
{
	AUTO_FREE char *word = NULL;

	if (ns->mode != NS_PATH)
		return NULL;
	if (ns->path || !ns->container)
		return maybe_str(w, ns->path);
	word = str_fmt("container:%s", ns->container);
	return oci_str(w, word);
}

/* The host's own namespace is the one that is not listed. */
json_t *oci_write_namespaces(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	struct entries x = entries_init(w, old, "type");
	json_t *array = json_array();

	(void)f;
	for (enum ns_type t = 0; t < NS_TYPES; t++) {
		const struct spec_ns *ns = &w->s->ns[t];
		json_t *j;

		if (ns->mode == NS_HOST)
			continue;
		j = entry_for(&x, ns_name(t), 0);
		oci_set(j, "type", json_string(ns_name(t)));
		oci_set(j, "path", write_ns_path(w, ns));
		json_array_append_new(array, j);
	}
	free(x.used);
	return array;
}

json_t *oci_write_id_map(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct id_map *m = oci_at_const(w->s, f->offset);
	struct entries x;
	json_t *array;

	if (!m->n)
		return NULL;
	x = entries_init(w, old, "containerID");
	array = json_array();
	for (size_t i = 0; i < m->n; i++) {
		json_t *j = entry_for(&x, NULL, m->v[i].inside);

		oci_set(j, "containerID", json_integer(m->v[i].inside));
		oci_set(j, "hostID", json_integer(m->v[i].outside));
		oci_set(j, "size", json_integer(m->v[i].count));
		json_array_append_new(array, j);
	}
	free(x.used);
	return array;
}

static json_t *write_clock(json_t *old, int64_t secs, uint32_t nanosecs)
{
	json_t *j = start_from(old);

	oci_set(j, "secs", json_integer(secs));
	oci_set(j, "nanosecs", json_integer(nanosecs));
	return j;
}

json_t *oci_write_time(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct spec *s = w->s;
	json_t *j;

	(void)f; /* the struct has no name of its own */
	if (!s->time.has_offsets)
		return NULL;
	j = start_from(old);
	oci_set(j, "monotonic", write_clock(json_object_get(j, "monotonic"), s->time.monotonic_s,
					s->time.monotonic_ns));
	oci_set(j, "boottime", write_clock(json_object_get(j, "boottime"), s->time.boottime_s,
				       s->time.boottime_ns));
	return j;
}

/* ---- attributes of the process ---- */

json_t *oci_write_oom(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct spec_process *p = &w->s->process;

	(void)f, (void)old;
	return p->has_oom_score_adj ? json_integer(p->oom_score_adj) : NULL;
}

json_t *oci_write_personality(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct spec_process *p = &w->s->process;
	AUTO_FREE char *words = personality_format(p->personality);
	json_t *j;

	(void)f;
	if (!p->has_personality)
		return NULL;
	j = start_from(old);
	oci_set(j, "domain", json_string(str_starts(words, "linux32") ? "LINUX32" : "LINUX"));
	return j;
}

json_t *oci_write_sysctl(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct strv *sysctls = oci_at_const(w->s, f->offset);
	json_t *j;

	(void)old; /* every member is one that we know */
	if (!sysctls->n)
		return NULL;
	j = json_object();
	for (size_t i = 0; i < sysctls->n; i++) {
		size_t n = strcspn(sysctls->v[i], "=");
		AUTO_FREE char *key = str_dupn(sysctls->v[i], n);
		json_t *quoted = oci_str(w, key);

		oci_set(j, json_string_value(quoted), oci_str(w, sysctls->v[i] + n + !!sysctls->v[i][n]));
		json_decref(quoted);
	}
	return j;
}

json_t *oci_write_devices(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	struct entries x = entries_init(w, old, "path");
	json_t *array = json_array();

	(void)f; /* a vector and its length are two fields */
	for (size_t i = 0; i < w->s->n_devices; i++) {
		const struct spec_device *d = &w->s->devices[i];
		const char type[2] = { d->type, '\0' };
		json_t *j = entry_for(&x, d->path ? d->path : "", 0);

		oci_set(j, "path", oci_str(w, d->path ? d->path : ""));
		oci_set(j, "type", json_string(type));
		oci_set(j, "major", json_integer(d->major));
		oci_set(j, "minor", json_integer(d->minor));
		json_array_append_new(array, j);
	}
	free(x.used);
	if (w->s->n_devices || old)
		return array;
	json_decref(array);
	return NULL;
}
