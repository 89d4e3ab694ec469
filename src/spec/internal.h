/* SPDX-License-Identifier: Apache-2.0 */
/* spec/internal.h - what the files of config.json share; no other room may include it
 *
 * oci.c holds the table of fields, oci_read.c and oci_write.c the two directions of
 * each row, oci_notes.c both directions of the annotations, oci_json.c what jansson
 * does not do by itself: limits, numbers beyond int64, bytes that are not UTF-8, and
 * the path of a field for messages.
 */
#ifndef SPEC_INTERNAL_H
#define SPEC_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "spec/oci.h"
#include "spec/spec.h"

/* What spec.unknown points to. It carries its own release function, so that spec.c
 * does not pull jansson into programs that never read JSON. */
struct spec_unknown {
	void (*release)(struct spec_unknown *u);
	json_t *json;		/* owned: the whole file as it was read */
	bool escaped;		/* its strings went through oci_str() with escapes */
};

/* A place in the JSON, for messages: linked on the stack, formatted only when needed. */
struct jpath {
	const struct jpath *up;	/* NULL at the top */
	const char *key;	/* NULL: an array's element, @index */
	size_t index;
};

struct oci_reader {
	struct spec *s;
	struct strv *warnings;	/* may be NULL */
	enum oci_trust trust;
	bool escaped;		/* strings are to be unescaped */
};

struct oci_writer {
	const struct spec *s;
	bool was_escaped;	/* the strings of the tree that we start from */
	bool escaped;		/* set by oci_str() when one had to be */
};

/* One row: where a field lies in the JSON, where in struct spec, and its two directions.
 * read() gets NULL where the field is absent or null and must then set OCI's default, which
 * is rarely lichen's. write() returns a new reference, or NULL: the field is left out;
 * @old is what the tree had, borrowed, and may be changed and returned again. */
struct oci_field {
	const char *path;	/* "hostname", "process.cwd" */
	size_t offset;
	int (*read)(struct oci_reader *r, const struct oci_field *f, json_t *j,
		    const struct jpath *at, struct err *e);
	json_t *(*write)(struct oci_writer *w, const struct oci_field *f, json_t *old);
};

/* The annotation that marks a file whose strings are escaped: "bytes", see oci_str(). */
#define OCI_NOTE_ESCAPED SPEC_ANNOTATION "escaped"

/* ---- check_process.c: a part of spec_check() ---- */

void spec_check_process(struct strv *f, const struct spec *s);

/* ---- oci_json.c ---- */

/* Parses @text within the limits into *@out (owned by the caller). */
NODISCARD int oci_json_parse(const char *text, size_t len, json_t **out, struct err *e);
void oci_json_print(json_t *j, struct buf *out);

/* Numbers of uint64: those beyond int64, which jansson cannot hold, are strings with a
 * mark inside the tree and numbers in the text. */
json_t *oci_u64(uint64_t n);
bool oci_is_number(const json_t *j);
bool oci_get_u64(const json_t *j, uint64_t *out);	/* false: not an integer in range */

/* JSON knows no strings but UTF-8, Linux knows no strings but bytes. A string that is not
 * UTF-8 is written with each byte b >= 0x80 as U+10FF00 + b, and the file is marked. */
json_t *oci_str(struct oci_writer *w, const char *s);
char *oci_unescape(const char *s, bool escaped);	/* owned */

char *oci_path(const struct jpath *at);			/* "process.args[2]"; owned */
const char *oci_found(const json_t *j);			/* "a number" */
int oci_bad(const struct jpath *at, const char *expected, const json_t *found, struct err *e);
void oci_warn(struct oci_reader *r, const struct jpath *at, const char *sentence);

/* ---- the columns of the table in oci.c ---- */

#define OCI_BOTH(name) \
	int oci_read_##name(struct oci_reader *r, const struct oci_field *f, json_t *j, \
			    const struct jpath *at, struct err *e); \
	json_t *oci_write_##name(struct oci_writer *w, const struct oci_field *f, json_t *old)

OCI_BOTH(bool);
OCI_BOTH(string);
OCI_BOTH(strv);
json_t *oci_write_cwd(struct oci_writer *w, const struct oci_field *f, json_t *old);
OCI_BOTH(version);
OCI_BOTH(user);
OCI_BOTH(caps);
OCI_BOTH(rlimits);
OCI_BOTH(root);
OCI_BOTH(mounts);
OCI_BOTH(namespaces);
OCI_BOTH(id_map);
OCI_BOTH(time);
OCI_BOTH(oom);
OCI_BOTH(personality);
OCI_BOTH(sysctl);
OCI_BOTH(limits);
OCI_BOTH(devices);
OCI_BOTH(annotations);

/* The value of @j, which must be a string; *@out is freed first. */
int oci_get_string(struct oci_reader *r, json_t *j, const struct jpath *at, char **out,
		   struct err *e);
/* Moves @value in, or removes the member where it is NULL. */
void oci_set(json_t *object, const char *key, json_t *value);

/* The five sets of process.capabilities, for both directions. */
struct oci_cap_set {
	const char *key;
	size_t offset;		/* in struct spec_caps */
};
enum { OCI_CAP_SETS = 5 };
extern const struct oci_cap_set OCI_CAP_SET[OCI_CAP_SETS];

/* A member of @base, a struct spec or one of its parts, as a row's offset says. */
static inline void *oci_at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static inline const void *oci_at_const(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

#endif
