/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci_notes.c - annotations: lichen's own, a table of them, and those of others */

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
	bool from_strangers;		/* OCI_ALLOWED: obeyed in anybody's file */
};

/* No field of struct spec: the capabilities beyond the table of names, five sets in hex. */
#define NOTE_CAPS SPEC_ANNOTATION "caps-unnamed"

#define AT(member) offsetof(struct spec, member)

static const char *const NO_YES[] = { "false", "true" };
static const char *const ROOT_KINDS[] = { [ROOT_DIR] = "dir", [ROOT_HOST] = "host" };
static const char *const IDS[] = { [IDS_AUTO] = "auto", [IDS_RANGE] = "range",
				   [IDS_SINGLE] = "single" };
static const char *const OVERLAYS[] = { [OVERLAY_AUTO] = "auto", [OVERLAY_KERNEL] = "kernel",
					[OVERLAY_COPY] = "copy" };
static const char *const GROUPS[] = { [GROUPS_AUTO] = "auto", [GROUPS_KEEP] = "keep",
				      [GROUPS_DROP] = "drop" };
static const char *const SECCOMPS[] = { [SECCOMP_DEFAULT] = "default",
					[SECCOMP_UNCONFINED] = "unconfined" };

#define TEXT	     .words = NULL
#define ENUM(list)   .words = (list), .n_words = N_ELEMS(list)
#define FLAG	     .words = NO_YES, .n_words = N_ELEMS(NO_YES), .is_flag = true
#define OCI_ALLOWED  .from_strangers = true	/* gives neither paths nor names nor privileges */

/* What OCI has no word for. Enumerations and flags are always written. */
static const struct note NOTES[] = {
	{ "id", AT(id), TEXT },
	{ "name", AT(name), TEXT },
	{ "user", AT(process.user), TEXT },
	{ "root-kind", AT(root.kind), ENUM(ROOT_KINDS) },
	{ "ids", AT(ids), ENUM(IDS), OCI_ALLOWED },
	{ "overlay", AT(overlay), ENUM(OVERLAYS), OCI_ALLOWED },
	{ "seccomp", AT(seccomp), ENUM(SECCOMPS) },
	{ "privileged", AT(privileged), FLAG },
	{ "ephemeral", AT(ephemeral), FLAG },
	{ "interactive", AT(process.interactive), FLAG },
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

static int set_note(struct oci_reader *r, const struct note *n, const char *value,
		    struct err *e)
{
	void *out = oci_at(r->s, n->offset);
	AUTO_BUF struct buf words = { 0 };

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

static void write_note(struct oci_writer *w, const struct note *n, json_t *notes)
{
	const void *at = oci_at_const(w->s, n->offset);
	AUTO_FREE char *key = str_fmt(SPEC_ANNOTATION "%s", n->name);
	size_t value;

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
	if (w->escaped)
		oci_set(notes, OCI_NOTE_ESCAPED, json_string("bytes"));
	return notes;
}
