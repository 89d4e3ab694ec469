/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci.c - config.json: the table of its fields, and the two walks over it */

#include "spec/oci.h"

#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

#define AT(member) offsetof(struct spec, member)
#define BOTH(name) oci_read_##name, oci_write_##name

/* In the order of a file that we write. Annotations are last: they overrule what stands
 * in OCI's own words (process.user), and tell what the other strings needed (oci_str()).
 * The default mounts are not written: they stand in the plan's table, and a file read
 * back must not have them as the caller's own wishes. */
static const struct oci_field FIELDS[] = {
	{ "ociVersion", 0, BOTH(version) },
	{ "process.terminal", AT(process.terminal), BOTH(bool) },
	{ "process.user", AT(process.user), BOTH(user) },
	{ "process.args", AT(process.args), BOTH(strv) },
	{ "process.env", AT(process.env), BOTH(strv) },
	{ "process.cwd", AT(process.cwd), oci_read_string, oci_write_cwd },
	{ "process.capabilities", AT(process.caps), BOTH(caps) },
	{ "process.rlimits", AT(process.rlimits), BOTH(rlimits) },
	{ "process.oomScoreAdj", 0, BOTH(oom) },
	{ "process.noNewPrivileges", AT(process.no_new_privs), BOTH(bool) },
	{ "root.path", AT(root.path), BOTH(root) },
	{ "root.readonly", AT(root.readonly), BOTH(bool) },
	{ "hostname", AT(hostname), BOTH(string) },
	{ "domainname", AT(domainname), BOTH(string) },
	{ "mounts", AT(mounts), BOTH(mounts) },
	{ "linux.namespaces", AT(ns), BOTH(namespaces) },
	{ "linux.uidMappings", AT(uids), BOTH(id_map) },
	{ "linux.gidMappings", AT(gids), BOTH(id_map) },
	{ "linux.timeOffsets", AT(time), BOTH(time) },
	{ "linux.resources", AT(limits), BOTH(limits) },
	{ "linux.sysctl", AT(sysctls), BOTH(sysctl) },
	{ "linux.personality", 0, BOTH(personality) },
	{ "linux.devices", AT(devices), BOTH(devices) },
	{ "linux.maskedPaths", AT(masked_paths), BOTH(strv) },
	{ "linux.readonlyPaths", AT(readonly_paths), BOTH(strv) },
	{ "annotations", AT(annotations), BOTH(annotations) },
};

static const char *const SECTIONS[] = { "process", "root", "linux" };

const struct oci_cap_set OCI_CAP_SET[OCI_CAP_SETS] = {
	{ "bounding", offsetof(struct spec_caps, bounding) },
	{ "effective", offsetof(struct spec_caps, effective) },
	{ "permitted", offsetof(struct spec_caps, permitted) },
	{ "inheritable", offsetof(struct spec_caps, inheritable) },
	{ "ambient", offsetof(struct spec_caps, ambient) },
};

/* What a field that we keep means to whoever wrote it, where that needs saying. */
static const struct {
	const char *path, *sentence;
} KEPT[] = {
	{ "linux.seccomp", "this profile is kept, but not applied yet; lichen's own is" },
	{ "hooks", "kept, but hooks are not run" },
};

/* ---- the sections of the file ---- */

/* The object that has the last part of @path, and in *@key that part. */
static json_t *find_section(json_t *root, const char *path, const char **key)
{
	for (size_t i = 0; i < N_ELEMS(SECTIONS); i++) {
		size_t n = strlen(SECTIONS[i]);

		if (str_starts(path, SECTIONS[i]) && path[n] == '.') {
			*key = path + n + 1;
			return json_object_get(root, SECTIONS[i]);
		}
	}
	*key = path;
	return root;
}

/* The same, made where it is missing; borrowed from @root. */
static json_t *make_section(json_t *root, const char *path, const char **key)
{
	json_t *j = find_section(root, path, key);
	AUTO_FREE char *name = NULL;

	if (json_is_object(j))
		return j;
	name = str_dupn(path, (size_t)(*key - path - 1));
	j = json_object();
	json_object_set_new(root, name, j);
	return j;
}

static bool is_section(const char *key)
{
	for (size_t i = 0; i < N_ELEMS(SECTIONS); i++)
		if (str_eq(key, SECTIONS[i]))
			return true;
	return false;
}

/* ---- reading ---- */

static bool is_field(const char *path)
{
	for (size_t i = 0; i < N_ELEMS(FIELDS); i++)
		if (str_eq(path, FIELDS[i].path))
			return true;
	return false;
}

/* null, "", [], {}: nobody asks for anything */
static bool asks_nothing(const json_t *j)
{
	return json_is_null(j) || (json_is_string(j) && json_string_length(j) == 0) ||
	       (json_is_array(j) && json_array_size(j) == 0) ||
	       (json_is_object(j) && json_object_size(j) == 0);
}

/* Warns of each member that no row of the table carries out. */
static void warn_unknown(struct oci_reader *r, json_t *object, const struct jpath *up)
{
	const char *key;
	json_t *v;

	json_object_foreach(object, key, v) {
		const struct jpath at = { .up = up, .key = key };
		const char *sentence = "kept, but not carried out";
		AUTO_FREE char *path = NULL;

		if (asks_nothing(v) || (!up && is_section(key)))
			continue;
		path = oci_path(&at);
		if (!strchr(key, '.') && is_field(path))
			continue;
		for (size_t i = 0; i < N_ELEMS(KEPT); i++)
			if (str_eq(path, KEPT[i].path))
				sentence = KEPT[i].sentence;
		oci_warn(r, &at, sentence);
	}
}

static int check_sections(struct oci_reader *r, json_t *root, struct err *e)
{
	warn_unknown(r, root, NULL);
	for (size_t i = 0; i < N_ELEMS(SECTIONS); i++) {
		const struct jpath at = { .key = SECTIONS[i] };
		json_t *j = json_object_get(root, SECTIONS[i]);

		if (!j || json_is_null(j))
			continue;
		if (!json_is_object(j))
			return oci_bad(&at, "an object", j, e);
		warn_unknown(r, j, &at);
	}
	return 0;
}

static void release_unknown(struct spec_unknown *u)
{
	json_decref(u->json);
	free(u);
}

static bool is_escaped(json_t *root)
{
	json_t *notes = json_object_get(root, "annotations");

	return str_eq(json_string_value(json_object_get(notes, OCI_NOTE_ESCAPED)), "bytes");
}

int oci_read(const char *text, size_t len, enum oci_trust trust, struct spec *s,
	     struct strv *warnings, struct err *e)
{
	struct oci_reader r = { .s = s, .warnings = warnings, .trust = trust };
	struct spec_unknown *u;
	json_t *root;

	if (oci_json_parse(text, len, &root, e) < 0)
		return -1;
	r.escaped = trust == OCI_TRUSTED && is_escaped(root);
	u = mem_alloc(sizeof(*u));
	*u = (struct spec_unknown){ release_unknown, root, r.escaped };
	s->unknown = u;
	if (check_sections(&r, root, e) < 0)
		return -1;
	for (size_t i = 0; i < N_ELEMS(FIELDS); i++) {
		const struct jpath at = { .key = FIELDS[i].path };
		const char *key;
		json_t *section = find_section(root, FIELDS[i].path, &key);
		json_t *j = json_object_get(section, key);

		if (json_is_null(j))
			j = NULL;
		if (FIELDS[i].read(&r, &FIELDS[i], j, &at, e) < 0)
			return -1;
	}
	if (s->root.kind != ROOT_DIR)
		str_set(&s->root.path, NULL); /* oci_write_root() */
	return 0;
}

/* ---- writing ---- */

void oci_write(const struct spec *s, struct buf *out)
{
	const struct spec_unknown *u = s->unknown;
	struct oci_writer w = { .s = s, .was_escaped = u && u->escaped };
	json_t *root;

	json_set_alloc_funcs(mem_alloc, free);
	root = u ? json_deep_copy(u->json) : json_object();
	for (size_t i = 0; i < N_ELEMS(FIELDS); i++) {
		const char *key;
		json_t *section = find_section(root, FIELDS[i].path, &key);
		json_t *j = FIELDS[i].write(&w, &FIELDS[i], json_object_get(section, key));

		if (j)
			section = make_section(root, FIELDS[i].path, &key);
		oci_set(section, key, j);
	}
	oci_json_print(root, out);
	json_decref(root);
}
