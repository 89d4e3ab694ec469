/* SPDX-License-Identifier: Apache-2.0 */
/* spec/oci.h - struct spec <-> config.json of the OCI runtime specification
 *
 * Reading keeps every field that we do not know, and writing puts it back
 * (spec.unknown). Annotations of our own (SPEC_ANNOTATION) are obeyed only where the
 * file lies under lichen's own state directory: OCI_TRUSTED. In a stranger's config
 * they would hand out host paths and networks, so all but a short allow-list
 * (OCI_ALLOWED in oci_notes.c) are ignored and listed as warnings.
 */
#ifndef SPEC_OCI_H
#define SPEC_OCI_H

#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

enum oci_trust { OCI_STRANGER, OCI_TRUSTED };

/**
 * oci_read() - Parse a config.json
 * @text:	borrowed, @len bytes; at most OCI_MAX_BYTES
 * @s:		must be fresh from spec_init(); on failure still needs spec_fini()
 * @warnings:	gets a sentence for each field or annotation that was ignored; may be NULL
 * Errors:	ERR_SPEC with the JSON path of the field, what was expected and what was found
 * Spec:	runtime-spec config.md, config-linux.md
 */
NODISCARD int oci_read(const char *text, size_t len, enum oci_trust trust, struct spec *s,
		       struct strv *warnings, struct err *e);

/* Appends the JSON (indented, newline at the end) to @out. Cannot fail. */
void oci_write(const struct spec *s, struct buf *out);

enum { OCI_MAX_BYTES = 8 << 20 };

#endif
