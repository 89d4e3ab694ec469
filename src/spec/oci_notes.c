/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_notes.c - annotations: lichen's own, a table of them, and those of others */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

/* An annotation of ours; enumerations and flags are told apart by @words. */
struct note {
	const char *name;		/* without SPEC_ANNOTATION */
	size_t offset;
	const char *const *words;	/* NULL: a string; else the words of the values 0, 1 ... */
	size_t n_words;
	bool is_flag;			/* the field is a bool, not an enum */
	bool is_number;			/* the field is a uint64_t, left out where it is 0 */
	bool is_list;			/* the field is a struct strv: one a line, \ and newline escaped */
	bool from_strangers;		/* OCI_ALLOWED: obeyed in anybody's file */
};

/* No field of struct spec: the capabilities beyond the table of names, five sets in hex. */
#define NOTE_CAPS SPEC_ANNOTATION "caps-unnamed"
/* The whole of process.personality, for which OCI has only the domain. */
#define NOTE_PERSONALITY SPEC_ANNOTATION "personality"

/* Directories and links to be made: a JSON array of objects. */
#define NOTE_PATHS SPEC_ANNOTATION "paths"
/* Devices that have another name inside: a JSON object, name inside -> name on this machine. */
#define NOTE_DEVICES SPEC_ANNOTATION "device-sources"
/* Mounts that are named volumes: a JSON object, destination -> name, with NO_COPY behind where nothing is to be copied into it. */
#define NOTE_VOLUMES SPEC_ANNOTATION "volumes"
#define NO_COPY ":nocopy"

#define AT(member) offsetof(struct spec, member)

static const char *const NO_YES[] = { "false", "true" };
static const char *const ROOT_KINDS[] = { [ROOT_DIR] = "dir", [ROOT_HOST] = "host", [ROOT_BINS] = "bins",
					  [ROOT_IMAGE] = "image" };
static const char *const IDS[] = { [IDS_AUTO] = "auto", [IDS_RANGE] = "range",
				   [IDS_SINGLE] = "single" };
static const char *const OVERLAYS[] = { [OVERLAY_AUTO] = "auto", [OVERLAY_KERNEL] = "kernel",
					[OVERLAY_FUSE] = "fuse", [OVERLAY_COPY] = "copy" };
static const char *const GROUPS[] = { [GROUPS_AUTO] = "auto", [GROUPS_KEEP] = "keep",
				      [GROUPS_DROP] = "drop" };
static const char *const SECCOMPS[] = { [SECCOMP_DEFAULT] = "default",
					[SECCOMP_UNCONFINED] = "unconfined",
					[SECCOMP_PROFILE] = "profile" };

static const char *const CGROUP_MANAGERS[] = { [CGROUP_AUTO] = "auto", [CGROUP_CGROUPFS] = "cgroupfs",
					       [CGROUP_SYSTEMD] = "systemd", [CGROUP_OFF] = "none" };

#define TEXT	     .words = NULL
#define NUMBER	     .is_number = true
#define ENUM(list)   .words = (list), .n_words = N_ELEMS(list)
#define LIST	     .is_list = true
#define FLAG	     .words = NO_YES, .n_words = N_ELEMS(NO_YES), .is_flag = true
#define OCI_ALLOWED  .from_strangers = true	/* gives neither paths nor names nor privileges */

/* What OCI has no word for. Enumerations and flags are always written. */
static const struct note NOTES[] = {
	{ "id", AT(id), TEXT },
	{ "name", AT(name), TEXT },
	{ "user", AT(process.user), TEXT },
	{ "root-kind", AT(root.kind), ENUM(ROOT_KINDS) },
	{ "root-cow", AT(root.cow), FLAG },
	{ "root-layer", AT(root.layer), TEXT },
	{ "root-bins", AT(root.bins), LIST },
	{ "root-image", AT(root.image), TEXT },
	{ "root-image-id", AT(root.image_id), TEXT },
	{ "ids", AT(ids), ENUM(IDS), OCI_ALLOWED },
	{ "overlay", AT(overlay), ENUM(OVERLAYS), OCI_ALLOWED },
	{ "seccomp", AT(seccomp), ENUM(SECCOMPS) },
	{ "seccomp-profile", AT(seccomp_profile), TEXT },
	{ "seccomp-sha256", AT(seccomp_sha256), TEXT },
	{ "nested", AT(nested), FLAG },
	{ "cgroup-manager", AT(cgroup_manager), ENUM(CGROUP_MANAGERS), OCI_ALLOWED },
	{ "cgroup-parent", AT(cgroup_parent), TEXT },
	{ "cgroup-writable", AT(cgroup_writable), FLAG, OCI_ALLOWED },
	{ "proc-limits", AT(proc_limits), FLAG, OCI_ALLOWED },
	{ "privileged", AT(privileged), FLAG },
	{ "ephemeral", AT(ephemeral), FLAG },
	{ "interactive", AT(process.interactive), FLAG },
	{ "init", AT(process.init), FLAG, OCI_ALLOWED },
	{ "argv0", AT(process.argv0), TEXT },
	{ "preserve-fds", AT(process.preserve_fds), NUMBER },
	{ "unset-env", AT(process.unset_env), LIST },
	{ "stop-signal", AT(stop_signal), TEXT, OCI_ALLOWED },
	{ "timeout-ms", AT(timeout_ms), NUMBER, OCI_ALLOWED },
	{ "die-with-parent", AT(die_with_parent), FLAG },
	{ "hosts", AT(add_hosts), LIST },
	{ "dns", AT(dns), LIST },
	{ "dns-search", AT(dns_search), LIST },
	{ "dns-options", AT(dns_options), LIST },
	{ "no-resolv-conf", AT(no_resolv), FLAG },
	{ "landlock", AT(landlock), LIST },
	{ "groups", AT(groups), ENUM(GROUPS) },
	{ "group-add", AT(process.groups), TEXT },
	{ "userns", AT(userns), TEXT },
	{ "uidmap", AT(uidmap), TEXT },
	{ "gidmap", AT(gidmap), TEXT },
	{ "subuidname", AT(subuidname), TEXT },
	{ "subgidname", AT(subgidname), TEXT },
	{ "userns-private", AT(userns_private), FLAG },
	{ "join-user", AT(ns[NS_USER].container), TEXT },
	{ "join-pid", AT(ns[NS_PID].container), TEXT },
	{ "join-network", AT(ns[NS_NETWORK].container), TEXT },
	{ "join-ipc", AT(ns[NS_IPC].container), TEXT },
	{ "join-uts", AT(ns[NS_UTS].container), TEXT },
	{ "join-cgroup", AT(ns[NS_CGROUP].container), TEXT },
	{ "join-time", AT(ns[NS_TIME].container), TEXT },
};

/* ---- reading ---- */

/* The capabilities beyond the table: five numbers in hex, as write_caps_unnamed() has them. */
static int read_caps_unnamed(struct oci_reader *r, const char *value, struct err *e)
{
	AUTO_STRV struct strv sets = { 0 };

	strv_split(&sets, value, ':');
	if (sets.n != OCI_CAP_SETS || strspn(value, "0123456789abcdef:") != strlen(value))
		return err_set(e, ERR_SPEC, "annotations." NOTE_CAPS ": '%.80s' is malformed", value);
	for (size_t i = 0; i < OCI_CAP_SETS; i++) {
		uint64_t *set = oci_at(&r->s->process.caps, OCI_CAP_SET[i].offset);

		*set |= strtoull(sets.v[i], NULL, 16) & ~((UINT64_C(1) << cap_count()) - 1);
	}
	return 0;
}

/* The lines of @value; "\\n" stands for a newline and "\\\\" for a backslash. */
static void read_list(struct strv *out, const char *value)
{
	struct buf b = { 0 };

	strv_fini(out);
	for (const char *s = value; *s; s++) {
		if (*s == '\n') {
			strv_add_take(out, buf_take(&b));
		} else if (*s == '\\' && s[1]) {
			s++;
			buf_add(&b, *s == 'n' ? "\n" : "\\");
		} else {
			buf_addn(&b, s, 1);
		}
	}
	buf_fini(&b);
}

static void write_list(const struct strv *list, struct buf *b)
{
	for (size_t i = 0; i < list->n; i++) {
		for (const char *s = list->v[i]; *s; s++) {
			if (*s == '\n')
				buf_add(b, "\\n");
			else if (*s == '\\')
				buf_add(b, "\\\\");
			else
				buf_addn(b, s, 1);
		}
		buf_add(b, "\n");
	}
}

static int read_personality(struct oci_reader *r, const char *value, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };
	uint32_t persona = 0;

	strv_split(&words, value, ',');
	for (size_t i = 0; i < words.n; i++)
		if (!personality_add(&persona, words.v[i]))
			return err_set(e, ERR_SPEC, "annotations." NOTE_PERSONALITY ": '%.40s' is not known", words.v[i]);
	r->s->process.has_personality = true;
	r->s->process.personality = persona;
	return 0;
}

static int bad_note(const char *note, const char *value, struct err *e)
{
	return err_set(e, ERR_SPEC, "annotations.%s: '%.80s' is malformed", note, value);
}

/* As write_paths() has them. */
static int read_paths(struct oci_reader *r, const char *value, struct err *e)
{
	json_t *array = json_loads(value, JSON_REJECT_DUPLICATES, NULL), *v;
	bool is_good = json_is_array(array);
	size_t i;

	json_array_foreach(array, i, v) {
		const char *path = json_string_value(json_object_get(v, "path"));
		const char *target = json_string_value(json_object_get(v, "target"));
		json_t *mode = json_object_get(v, "mode");
		struct spec_path *p;

		is_good = is_good && path && (target || (json_is_integer(mode) && json_integer_value(mode) >= 0 &&
							 json_integer_value(mode) <= 07777));
		if (!is_good)
			break;
		p = spec_add_path(r->s);
		p->kind = target ? PATH_SYMLINK : PATH_DIR;
		p->path = oci_unescape(path, r->escaped);
		p->target = target ? oci_unescape(target, r->escaped) : NULL;
		if (!target)
			p->mode = (uint32_t)json_integer_value(mode);
	}
	json_decref(array);
	return is_good ? 0 : bad_note(NOTE_PATHS, value, e);
}

/* As write_devices() has them; the devices themselves have been read before. */
static int read_devices(struct oci_reader *r, const char *value, struct err *e)
{
	json_t *object = json_loads(value, JSON_REJECT_DUPLICATES, NULL), *v;
	bool is_good = json_is_object(object);
	const char *key;

	json_object_foreach(object, key, v) {
		AUTO_FREE char *path = oci_unescape(key, r->escaped);

		is_good = is_good && json_is_string(v);
		for (size_t i = 0; is_good && i < r->s->n_devices; i++)
			if (str_eq(r->s->devices[i].path, path)) {
				free(r->s->devices[i].source);
				r->s->devices[i].source = oci_unescape(json_string_value(v), r->escaped);
			}
	}
	json_decref(object);
	return is_good ? 0 : bad_note(NOTE_DEVICES, value, e);
}

/* As write_volumes() has them; the mounts themselves have been read before. */
static int read_volumes(struct oci_reader *r, const char *value, struct err *e)
{
	json_t *object = json_loads(value, JSON_REJECT_DUPLICATES, NULL), *v;
	bool is_good = json_is_object(object);
	const char *key;

	json_object_foreach(object, key, v) {
		AUTO_FREE char *path = oci_unescape(key, r->escaped), *name = NULL;
		const char *text = json_string_value(v);
		size_t len = text ? strcspn(text, ":") : 0;

		name = str_dupn(text ? text : "", len);
		is_good = is_good && str_is_name(name) && (!text[len] || str_eq(text + len, NO_COPY));
		for (size_t i = 0; is_good && i < r->s->n_mounts; i++) {
			struct spec_mount *m = &r->s->mounts[i];

			if (!str_eq(m->type, "bind") || !str_eq(m->destination, path))
				continue;
			str_set(&m->volume, name);
			m->nocopy = text[len];
		}
	}
	json_decref(object);
	return is_good ? 0 : bad_note(NOTE_VOLUMES, value, e);
}

static int set_note(struct oci_reader *r, const struct note *n, const char *value,
		    struct err *e)
{
	void *out = oci_at(r->s, n->offset);
	AUTO_BUF struct buf words = { 0 };

	if (n->is_number) {
		char *end;

		errno = 0;
		*(uint64_t *)out = strtoull(value, &end, 10);
		if (*value < '0' || *value > '9' || *end || errno)
			return err_set(e, ERR_SPEC, "annotations." SPEC_ANNOTATION "%s: expected a number, found '%.40s'",
				       n->name, value);
		return 0;
	}
	if (n->is_list) {
		AUTO_FREE char *text = oci_unescape(value, r->escaped);

		read_list(out, text);
		return 0;
	}
	if (!n->words) {
		free(*(char **)out);
		*(char **)out = oci_unescape(value, r->escaped);
		return 0;
	}
	for (unsigned i = 0; i < n->n_words; i++) {
		buf_addf(&words, "%s%s", i ? ", " : "", n->words[i]);
		if (!str_eq(value, n->words[i]))
			continue;
		if (n->is_flag)
			*(bool *)out = i;
		else
			*(unsigned *)out = i; /* an enum without negative values */
		return 0;
	}
	return err_set(e, ERR_SPEC, "annotations." SPEC_ANNOTATION "%s: expected one of %s, found '%.40s'",
		       n->name, words.s, value);
}

static int read_note(struct oci_reader *r, const char *key, const char *value,
		     const struct jpath *at, struct err *e)
{
	const char *name = key + strlen(SPEC_ANNOTATION);

	for (size_t i = 0; i < N_ELEMS(NOTES); i++)
		if (str_eq(name, NOTES[i].name) &&
		    (r->trust == OCI_TRUSTED || NOTES[i].from_strangers))
			return set_note(r, &NOTES[i], value, e);
	if (r->trust == OCI_TRUSTED && str_eq(key, OCI_NOTE_ESCAPED))
		return 0; /* oci_read() has seen to it */
	if (r->trust == OCI_TRUSTED && str_eq(key, NOTE_CAPS))
		return read_caps_unnamed(r, value, e);
	if (r->trust == OCI_TRUSTED && str_eq(key, NOTE_PERSONALITY))
		return read_personality(r, value, e);
	if (r->trust == OCI_TRUSTED && str_eq(key, NOTE_PATHS))
		return read_paths(r, value, e);
	if (r->trust == OCI_TRUSTED && str_eq(key, NOTE_DEVICES))
		return read_devices(r, value, e);
	if (r->trust == OCI_TRUSTED && str_eq(key, NOTE_VOLUMES))
		return read_volumes(r, value, e);
	oci_warn(r, at, r->trust == OCI_TRUSTED ? "ignored: this annotation is not known"
						: "ignored: only lichen itself may set this annotation");
	return 0;
}

int oci_read_annotations(struct oci_reader *r, const struct oci_field *f, json_t *j,
			 const struct jpath *up, struct err *e)
{
	struct strv *others = oci_at(r->s, f->offset);
	const char *key;
	json_t *v;

	strv_fini(others);
	if (!j)
		return 0;
	if (!json_is_object(j))
		return oci_bad(up, "an object", j, e);
	json_object_foreach(j, key, v) {
		const struct jpath at = { .up = up, .key = key };
		AUTO_FREE char *name = NULL, *value = NULL;

		if (oci_get_string(r, v, &at, &value, e) < 0)
			return -1;
		if (str_starts(key, SPEC_ANNOTATION)) {
			if (read_note(r, key, json_string_value(v), &at, e) < 0)
				return -1;
			continue;
		}
		/* KEY=VALUE cannot hold these; oci_write_annotations() keeps them as they are */
		if (!*key || strchr(key, '='))
			continue;
		name = oci_unescape(key, r->escaped);
		strv_addf(others, "%s=%s", name, value);
	}
	return 0;
}

/* ---- writing ---- */

/* OCI names capabilities; what the table has no name for (CAP_MASK_ALL) is kept apart. */
static void write_caps_unnamed(struct oci_writer *w, json_t *notes)
{
	const uint64_t unnamed = ~((UINT64_C(1) << cap_count()) - 1);
	AUTO_BUF struct buf b = { 0 };
	uint64_t any = 0;

	for (size_t i = 0; i < OCI_CAP_SETS; i++) {
		const uint64_t *caps = oci_at_const(&w->s->process.caps, OCI_CAP_SET[i].offset);

		any |= *caps & unnamed;
		buf_addf(&b, "%s%" PRIx64, i ? ":" : "", *caps & unnamed);
	}
	if (any)
		oci_set(notes, NOTE_CAPS, json_string(b.s));
}

static void set_dump(json_t *notes, const char *name, json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);

	oci_set(notes, name, json_string(text));
	free(text);
	json_decref(j);
}

static void write_paths(struct oci_writer *w, json_t *notes)
{
	json_t *array = json_array();

	for (size_t i = 0; i < w->s->n_paths; i++) {
		const struct spec_path *p = &w->s->paths[i];
		json_t *j = json_object();

		oci_set(j, "path", oci_str(w, p->path ? p->path : ""));
		if (p->kind == PATH_SYMLINK)
			oci_set(j, "target", oci_str(w, p->target ? p->target : ""));
		else
			oci_set(j, "mode", json_integer(p->mode));
		json_array_append_new(array, j);
	}
	if (w->s->n_paths)
		set_dump(notes, NOTE_PATHS, array);
	else
		json_decref(array);
}

static void write_devices(struct oci_writer *w, json_t *notes)
{
	json_t *object = json_object();

	for (size_t i = 0; i < w->s->n_devices; i++) {
		const struct spec_device *d = &w->s->devices[i];
		json_t *key;

		if (str_eq(d->path, d->source))
			continue;
		key = oci_str(w, d->path ? d->path : "");
		oci_set(object, json_string_value(key), oci_str(w, d->source ? d->source : ""));
		json_decref(key);
	}
	if (json_object_size(object))
		set_dump(notes, NOTE_DEVICES, object);
	else
		json_decref(object);
}

static void write_volumes(struct oci_writer *w, json_t *notes)
{
	json_t *object = json_object();

	for (size_t i = 0; i < w->s->n_mounts; i++) {
		const struct spec_mount *m = &w->s->mounts[i];
		json_t *key;

		if (!m->volume)
			continue;
		key = oci_str(w, m->destination ? m->destination : "");
		oci_set(object, json_string_value(key), json_sprintf("%s%s", m->volume, m->nocopy ? NO_COPY : ""));
		json_decref(key);
	}
	if (json_object_size(object))
		set_dump(notes, NOTE_VOLUMES, object);
	else
		json_decref(object);
}

static void write_note(struct oci_writer *w, const struct note *n, json_t *notes)
{
	const void *at = oci_at_const(w->s, n->offset);
	AUTO_FREE char *key = str_fmt(SPEC_ANNOTATION "%s", n->name);
	size_t value;

	if (n->is_number) {
		const uint64_t *number = at;

		if (*number)
			oci_set(notes, key, json_sprintf("%" PRIu64, *number));
		return;
	}
	if (n->is_list) {
		AUTO_BUF struct buf b = { 0 };

		write_list(at, &b);
		if (b.len)
			oci_set(notes, key, oci_str(w, b.s));
		return;
	}
	if (!n->words) {
		const char *const *s = at;

		if (*s)
			oci_set(notes, key, oci_str(w, *s));
		return;
	}
	value = n->is_flag ? *(const bool *)at : *(const unsigned *)at;
	oci_set(notes, key, json_string(n->words[value < n->n_words ? value : 0]));
}

/* Made anew: of the old ones only those stay that struct spec cannot hold, and never one
 * of ours, or a stranger's would be obeyed when the file is read again as trusted. */
json_t *oci_write_annotations(struct oci_writer *w, const struct oci_field *f, json_t *old)
{
	const struct strv *others = oci_at_const(w->s, f->offset);
	json_t *notes = json_object(), *v;
	const char *key;

	json_object_foreach(old, key, v)
		if (!str_starts(key, SPEC_ANNOTATION) && (!*key || strchr(key, '=')))
			json_object_set(notes, key, v);
	for (size_t i = 0; i < others->n; i++) {
		size_t n = strcspn(others->v[i], "=");
		AUTO_FREE char *name = str_dupn(others->v[i], n);
		json_t *quoted;

		if (!*name || str_starts(name, SPEC_ANNOTATION))
			continue; /* spec_check() refuses it */
		quoted = oci_str(w, name);
		oci_set(notes, json_string_value(quoted), oci_str(w, others->v[i] + n + !!others->v[i][n]));
		json_decref(quoted);
	}
	for (size_t i = 0; i < N_ELEMS(NOTES); i++)
		write_note(w, &NOTES[i], notes);
	write_caps_unnamed(w, notes);
	if (w->s->process.has_personality) {
		AUTO_FREE char *words = personality_format(w->s->process.personality);

		oci_set(notes, NOTE_PERSONALITY, json_string(words));
	}
	write_paths(w, notes);
	write_devices(w, notes);
	write_volumes(w, notes);
	if (w->escaped)
		oci_set(notes, OCI_NOTE_ESCAPED, json_string("bytes"));
	return notes;
}
