/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_read.c - one function for each shape of a field of config.json, JSON -> spec
 *
 * An absent field gets OCI's default, not lichen's: no namespaces of its own, no
 * capabilities, no masks. Only the seccomp profile stays lichen's own.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

/* ---- values ---- */

int oci_get_string(struct oci_reader *r, json_t *j, const struct jpath *at, char **out,
		   struct err *e)
{
	if (!json_is_string(j) || oci_is_number(j))
		return oci_bad(at, "a string", j, e);
	free(*out);
	*out = oci_unescape(json_string_value(j), r->escaped);
	return 0;
}

static int bad_range(const struct jpath *at, const json_t *j, const char *min, uint64_t max,
		     struct err *e)
{
	AUTO_FREE char *expected = str_fmt("an integer from %s to %" PRIu64, min, max);
	AUTO_FREE char *path = NULL;

	if (!json_is_integer(j))
		return oci_bad(at, expected, j, e);
	path = oci_path(at);
	return err_set(e, ERR_SPEC, "%.200s: expected %s, found %" JSON_INTEGER_FORMAT, path,
		       expected, json_integer_value(j));
}

static int get_u64(json_t *j, const struct jpath *at, uint64_t max, uint64_t *out, struct err *e)
{
	if (!oci_get_u64(j, out) || *out > max)
		return bad_range(at, j, "0", max, e);
	return 0;
}

static int get_u32(json_t *j, const struct jpath *at, uint32_t *out, struct err *e)
{
	uint64_t n;

	if (get_u64(j, at, UINT32_MAX, &n, e) < 0)
		return -1;
	*out = (uint32_t)n;
	return 0;
}

/* Members of an object, with their path; absent and null are the same. */
static json_t *member(json_t *object, const char *key)
{
	json_t *j = json_object_get(object, key);

	return json_is_null(j) ? NULL : j;
}

static int member_string(struct oci_reader *r, json_t *object, const char *key,
			 const struct jpath *up, char **out, struct err *e)
{
	const struct jpath at = { .up = up, .key = key };
	json_t *j = member(object, key);

	return j ? oci_get_string(r, j, &at, out, e) : 0;
}

static int member_u32(json_t *object, const char *key, const struct jpath *up, uint32_t *out,
		      struct err *e)
{
	const struct jpath at = { .up = up, .key = key };

	return get_u32(json_object_get(object, key), &at, out, e);
}

/* Warns of each member of @object that is not in @known, which ends with NULL. */
static void warn_others(struct oci_reader *r, json_t *object, const struct jpath *up,
			const char *const *known)
{
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v) {
		const struct jpath at = { .up = up, .key = key };
		size_t i = 0;

		while (known[i] && !str_eq(known[i], key))
			i++;
		if (!known[i] && !json_is_null(v))
			oci_warn(r, &at, "kept, but not carried out");
	}
}

#define KNOWN(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int want_object(json_t *j, const struct jpath *at, struct err *e)
{
	return json_is_object(j) ? 0 : oci_bad(at, "an object", j, e);
}

/* Calls @each for the objects of an array. */
static int each_object(struct oci_reader *r, const struct oci_field *f, json_t *j,
		       const struct jpath *up,
		       int (*each)(struct oci_reader *r, const struct oci_field *f, json_t *object,
				   const struct jpath *at, struct err *e),
		       struct err *e)
{
	size_t i;
	json_t *v;

	if (!j)
		return 0;
	if (!json_is_array(j))
		return oci_bad(up, "an array", j, e);
	json_array_foreach(j, i, v) {
		const struct jpath at = { .up = up, .index = i };

		if (want_object(v, &at, e) < 0 || each(r, f, v, &at, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- scalars and lists ---- */

int oci_read_bool(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *at, struct err *e)
{
	bool *out = oci_at(r->s, f->offset);

	if (j && !json_is_boolean(j))
		return oci_bad(at, "true or false", j, e);
	*out = json_is_true(j);
	return 0;
}

int oci_read_string(struct oci_reader *r, const struct oci_field *f, json_t *j,
		    const struct jpath *at, struct err *e)
{
	char **out = oci_at(r->s, f->offset);

	str_set(out, NULL);
	return j ? oci_get_string(r, j, at, out, e) : 0;
}

static int read_list(struct oci_reader *r, json_t *j, const struct jpath *up, struct strv *out,
		     struct err *e)
{
	size_t i;
	json_t *v;

	strv_fini(out);
	if (!j)
		return 0;
	if (!json_is_array(j))
		return oci_bad(up, "an array of strings", j, e);
	json_array_foreach(j, i, v) {
		const struct jpath at = { .up = up, .index = i };
		char *s = NULL;

		if (oci_get_string(r, v, &at, &s, e) < 0)
			return -1;
		strv_add_take(out, s);
	}
	return 0;
}

int oci_read_strv(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *at, struct err *e)
{
	return read_list(r, j, at, oci_at(r->s, f->offset), e);
}

int oci_read_version(struct oci_reader *r, const struct oci_field *f, json_t *j,
		     const struct jpath *at, struct err *e)
{
	(void)r, (void)f; /* the column's shape */
	if (!json_is_string(j) || oci_is_number(j))
		return oci_bad(at, "a string", j, e);
	if (!str_starts(json_string_value(j), "1."))
		return err_set(e, ERR_SPEC, "ociVersion: expected 1.x, found '%.40s'",
			       json_string_value(j));
	return 0;
}

/* A path relative to the bundle stays so: only the caller knows the bundle. */
int oci_read_root(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *at, struct err *e)
{
	if (!j && r->trust == OCI_STRANGER)
		return oci_bad(at, "a string", j, e);
	return oci_read_string(r, f, j, at, e);
}

/* ---- process ---- */

/* Where the file is ours the annotation says what was typed, or that nothing was. */
/* As the words of --group-add. */
static int read_gids(json_t *user, const struct jpath *up, char **out, struct err *e)
{
	const struct jpath at = { .up = up, .key = "additionalGids" };
	json_t *list = member(user, "additionalGids"), *v;
	AUTO_BUF struct buf words = { 0 };
	size_t i;

	if (list && !json_is_array(list))
		return oci_bad(&at, "an array", list, e);
	json_array_foreach(list, i, v) {
		const struct jpath one = { .up = &at, .index = i };

		if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= UINT32_MAX)
			return oci_bad(&one, "a group id", v, e);
		buf_addf(&words, "%s%" JSON_INTEGER_FORMAT, i ? "," : "", json_integer_value(v));
	}
	if (words.len)
		*out = buf_take(&words);
	return 0;
}

int oci_read_user(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *at, struct err *e)
{
	char **out = oci_at(r->s, f->offset);
	bool has_id = member(j, "uid") || member(j, "gid");
	uint32_t uid = 0, gid = 0;

	str_set(out, NULL);
	str_set(&r->s->process.groups, NULL);
	if (!j)
		return 0;
	if (want_object(j, at, e) < 0)
		return -1;
	warn_others(r, j, at, has_id && r->trust == OCI_STRANGER ? KNOWN("uid", "gid", "additionalGids", "umask")
								 : KNOWN("uid", "gid", "additionalGids", "umask", "username"));
	r->s->process.has_umask = member(j, "umask");
	if (r->s->process.has_umask && member_u32(j, "umask", at, &r->s->process.umask, e) < 0)
		return -1;
	if (r->trust == OCI_TRUSTED)
		return 0;
	if (read_gids(j, at, &r->s->process.groups, e) < 0)
		return -1;
	if (!has_id)
		return member_string(r, j, "username", at, out, e);
	if ((member(j, "uid") && member_u32(j, "uid", at, &uid, e) < 0) ||
	    (member(j, "gid") && member_u32(j, "gid", at, &gid, e) < 0))
		return -1;
	*out = str_fmt("%" PRIu32 ":%" PRIu32, uid, gid);
	return 0;
}

static int read_cap_set(struct oci_reader *r, json_t *j, const struct jpath *up, uint64_t *out,
			struct err *e)
{
	AUTO_STRV struct strv names = { 0 };

	if (read_list(r, j, up, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const struct jpath at = { .up = up, .index = i };
		int n = cap_from_name(names.v[i]);

		if (n >= 0)
			*out |= UINT64_C(1) << n;
		else
			oci_warn(r, &at, "this capability is not known and not given");
	}
	return 0;
}

int oci_read_caps(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *up, struct err *e)
{
	struct spec_caps *caps = oci_at(r->s, f->offset);

	*caps = (struct spec_caps){ 0 };
	if (!j)
		return 0;
	if (want_object(j, up, e) < 0)
		return -1;
	for (size_t i = 0; i < OCI_CAP_SETS; i++) {
		const struct jpath at = { .up = up, .key = OCI_CAP_SET[i].key };

		if (read_cap_set(r, member(j, at.key), &at, oci_at(caps, OCI_CAP_SET[i].offset), e) < 0)
			return -1;
	}
	warn_others(r, j, up,
		    KNOWN("bounding", "effective", "permitted", "inheritable", "ambient"));
	if (r->trust == OCI_STRANGER && caps->inheritable & ~caps->ambient)
		oci_warn(r, up, "inheritable capabilities are passed to files that ask for them");
	return 0;
}

static int read_rlimit(struct oci_reader *r, const struct oci_field *f, json_t *j,
		       const struct jpath *up, struct err *e)
{
	const struct jpath type = { .up = up, .key = "type" };
	const struct jpath soft = { .up = up, .key = "soft" }, hard = { .up = up, .key = "hard" };
	struct spec_rlimit *l = spec_add_rlimit(r->s);

	(void)f; /* the column's shape */
	warn_others(r, j, up, KNOWN("type", "soft", "hard"));
	if (oci_get_string(r, json_object_get(j, "type"), &type, &l->type, e) < 0 ||
	    get_u64(json_object_get(j, "soft"), &soft, UINT64_MAX, &l->soft, e) < 0 ||
	    get_u64(json_object_get(j, "hard"), &hard, UINT64_MAX, &l->hard, e) < 0)
		return -1;
	return 0;
}

int oci_read_rlimits(struct oci_reader *r, const struct oci_field *f, json_t *j,
		     const struct jpath *at, struct err *e)
{
	return each_object(r, f, j, at, read_rlimit, e);
}

/* ---- mounts ---- */

static int read_mount(struct oci_reader *r, const struct oci_field *f, json_t *j,
		      const struct jpath *up, struct err *e)
{
	const struct jpath options = { .up = up, .key = "options" };
	const struct jpath destination = { .up = up, .key = "destination" };
	struct spec_mount *m = spec_add_mount(r->s);

	(void)f; /* the column's shape */
	warn_others(r, j, up, KNOWN("destination", "type", "source", "options"));
	if (oci_get_string(r, json_object_get(j, "destination"), &destination, &m->destination, e) < 0 ||
	    member_string(r, j, "type", up, &m->type, e) < 0 ||
	    member_string(r, j, "source", up, &m->source, e) < 0 ||
	    read_list(r, member(j, "options"), &options, &m->options, e) < 0)
		return -1;
	/* "The type is a dummy, often none": config.md, mounts */
	if (strv_has(&m->options, "bind") || strv_has(&m->options, "rbind"))
		str_set(&m->type, "bind");
	return 0;
}

int oci_read_mounts(struct oci_reader *r, const struct oci_field *f, json_t *j,
		    const struct jpath *at, struct err *e)
{
	return each_object(r, f, j, at, read_mount, e);
}

/* ---- linux ---- */

static int ns_from_oci(const char *name)
{
	for (int t = 0; t < NS_TYPES; t++)
		if (str_eq(name, ns_name((enum ns_type)t)))
			return t;
	return -1;
}

static int read_ns(struct oci_reader *r, const struct oci_field *f, json_t *j,
		   const struct jpath *up, struct err *e)
{
	struct spec_ns *all = oci_at(r->s, f->offset);
	const struct jpath at = { .up = up, .key = "type" };
	AUTO_FREE char *type = NULL, *path = NULL, *where = oci_path(&at);
	int t;

	warn_others(r, j, up, KNOWN("type", "path"));
	if (oci_get_string(r, json_object_get(j, "type"), &at, &type, e) < 0 ||
	    member_string(r, j, "path", up, &path, e) < 0)
		return -1;
	t = ns_from_oci(type);
	if (t < 0)
		return err_set(e, ERR_SPEC, "%.200s: '%.40s' is not a namespace", where, type);
	if (all[t].mode != NS_HOST)
		return err_set(e, ERR_SPEC, "%.200s: '%s' is given twice", where, type);
	all[t].mode = path && *path ? NS_PATH : NS_PRIVATE;
	if (all[t].mode == NS_PATH)
		str_set(&all[t].path, path);
	return 0;
}

int oci_read_namespaces(struct oci_reader *r, const struct oci_field *f, json_t *j,
			const struct jpath *at, struct err *e)
{
	struct spec_ns *all = oci_at(r->s, f->offset);

	for (size_t t = 0; t < NS_TYPES; t++) {
		all[t].mode = NS_HOST;
		str_set(&all[t].path, NULL);
		str_set(&all[t].container, NULL);
	}
	return each_object(r, f, j, at, read_ns, e);
}

static int read_extent(struct oci_reader *r, const struct oci_field *f, json_t *j,
		       const struct jpath *up, struct err *e)
{
	struct id_extent x;

	warn_others(r, j, up, KNOWN("containerID", "hostID", "size"));
	if (member_u32(j, "containerID", up, &x.inside, e) < 0 ||
	    member_u32(j, "hostID", up, &x.outside, e) < 0 ||
	    member_u32(j, "size", up, &x.count, e) < 0)
		return -1;
	id_map_add(oci_at(r->s, f->offset), x.inside, x.outside, x.count);
	return 0;
}

int oci_read_id_map(struct oci_reader *r, const struct oci_field *f, json_t *j,
		    const struct jpath *at, struct err *e)
{
	id_map_fini(oci_at(r->s, f->offset));
	return each_object(r, f, j, at, read_extent, e);
}

static int read_clock(struct oci_reader *r, json_t *offsets, const char *clock,
		      const struct jpath *up, int64_t *secs, uint32_t *nanosecs, struct err *e)
{
	const struct jpath at = { .up = up, .key = clock }, at_secs = { .up = &at, .key = "secs" };
	json_t *j = member(offsets, clock), *n = member(j, "secs");

	if (!j)
		return 0;
	if (want_object(j, &at, e) < 0)
		return -1;
	warn_others(r, j, &at, KNOWN("secs", "nanosecs"));
	if (n && !json_is_integer(n))
		return oci_bad(&at_secs, "an integer", n, e);
	*secs = json_integer_value(n);
	return member(j, "nanosecs") ? member_u32(j, "nanosecs", &at, nanosecs, e) : 0;
}

int oci_read_time(struct oci_reader *r, const struct oci_field *f, json_t *j,
		  const struct jpath *at, struct err *e)
{
	struct spec *s = r->s;

	(void)f; /* the struct has no name of its own */
	memset(&s->time, 0, sizeof(s->time));
	if (!j)
		return 0;
	if (want_object(j, at, e) < 0)
		return -1;
	s->time.has_offsets = true;
	warn_others(r, j, at, KNOWN("monotonic", "boottime"));
	if (read_clock(r, j, "monotonic", at, &s->time.monotonic_s, &s->time.monotonic_ns, e) < 0)
		return -1;
	return read_clock(r, j, "boottime", at, &s->time.boottime_s, &s->time.boottime_ns, e);
}

/* ---- attributes of the process ---- */

int oci_read_oom(struct oci_reader *r, const struct oci_field *f, json_t *j,
		 const struct jpath *at, struct err *e)
{
	struct spec_process *p = &r->s->process;
	json_int_t n = json_integer_value(j);

	(void)f; /* two fields */
	p->has_oom_score_adj = j;
	p->oom_score_adj = 0;
	if (j && (!json_is_integer(j) || n < -1000 || n > 1000))
		return oci_bad(at, "an integer from -1000 to 1000", j, e);
	p->oom_score_adj = (int)n;
	return 0;
}

/* The domain in OCI's words; flags, for which OCI has none, are in an annotation. */
int oci_read_personality(struct oci_reader *r, const struct oci_field *f, json_t *j,
			 const struct jpath *up, struct err *e)
{
	const struct jpath at = { .up = up, .key = "domain" };
	struct spec_process *p = &r->s->process;
	AUTO_FREE char *domain = NULL;

	(void)f; /* two fields */
	p->has_personality = j;
	p->personality = 0;
	if (!j)
		return 0;
	if (want_object(j, up, e) < 0 || oci_get_string(r, json_object_get(j, "domain"), &at, &domain, e) < 0)
		return -1;
	warn_others(r, j, up, KNOWN("domain"));
	if (str_eq(domain, "LINUX32"))
		return personality_add(&p->personality, "linux32") ? 0 : -1;
	return str_eq(domain, "LINUX") ? 0 : oci_bad(&at, "LINUX or LINUX32", json_object_get(j, "domain"), e);
}

int oci_read_sysctl(struct oci_reader *r, const struct oci_field *f, json_t *j,
		    const struct jpath *up, struct err *e)
{
	struct strv *out = oci_at(r->s, f->offset);
	const char *key;
	json_t *v;

	strv_fini(out);
	if (!j)
		return 0;
	if (want_object(j, up, e) < 0)
		return -1;
	json_object_foreach(j, key, v) {
		const struct jpath at = { .up = up, .key = key };
		AUTO_FREE char *value = NULL, *name = oci_unescape(key, r->escaped), *dotted = sysctl_key(name);

		if (oci_get_string(r, v, &at, &value, e) < 0)
			return -1;
		if (str_eq(dotted, "kernel.domainname"))
			str_set(&r->s->domainname, value);
		else
			strv_addf(out, "%s=%s", dotted, value);
	}
	return 0;
}

/* A user namespace makes no nodes: what is bound is this machine's node of that name, which
 * then must be the device that is asked for. */
static int read_device(struct oci_reader *r, const struct oci_field *f, json_t *j, const struct jpath *up, struct err *e)
{
	const struct jpath at_type = { .up = up, .key = "type" }, at_path = { .up = up, .key = "path" };
	struct spec_device *d = spec_add_device(r->s);
	AUTO_FREE char *type = NULL;

	(void)f; /* the column's shape */
	warn_others(r, j, up, KNOWN("type", "path", "major", "minor", "fileMode", "uid", "gid"));
	if (oci_get_string(r, json_object_get(j, "type"), &at_type, &type, e) < 0 ||
	    oci_get_string(r, json_object_get(j, "path"), &at_path, &d->path, e) < 0 ||
	    member_u32(j, "major", up, &d->major, e) < 0 || member_u32(j, "minor", up, &d->minor, e) < 0)
		return -1;
	d->source = str_dup(d->path);
	if (!str_eq(type, "c") && !str_eq(type, "u") && !str_eq(type, "b"))
		return oci_bad(&at_type, "\"c\", \"u\" or \"b\"", json_object_get(j, "type"), e);
	d->type = type[0] == 'b' ? 'b' : 'c';
	return 0;
}

int oci_read_devices(struct oci_reader *r, const struct oci_field *f, json_t *j, const struct jpath *at, struct err *e)
{
	return each_object(r, f, j, at, read_device, e);
}
