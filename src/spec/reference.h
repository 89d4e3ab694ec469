/* SPDX-License-Identifier: Apache-2.0 */
/* spec/reference.h - names of images, digests, and where an image is said to be
 *
 * The grammar is that of the distribution specification, as docker and podman use it:
 *
 *   [REGISTRY/]REPOSITORY[:TAG][@ALGORITHM:HEX]
 *
 * REGISTRY has a dot, a colon or is "localhost"; without one the name is short and is completed
 * by short_names (host/short_names.h). docker.io/NAME is docker.io/library/NAME. Pure.
 */
#ifndef SPEC_REFERENCE_H
#define SPEC_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { DIGEST_MAX = 7 + 128 + 1 }; /* "sha512:" and its digits, with the NUL */

struct image_ref {
	char *registry;		/* "docker.io", "localhost:5000", "[::1]:5000"; NULL: a short name; owned */
	char *repository;	/* "library/alpine"; owned */
	char *tag;		/* NULL: none was given; owned */
	char *digest;		/* "sha256:..."; NULL; owned */
};

/* Takes @text apart; nothing is completed but docker.io's "library/".
 * Errors: USAGE, which says which part is wrong and how it would be right (capitals, "https://", too long). */
NODISCARD int ref_parse(const char *text, struct image_ref *r, struct err *e);
void ref_fini(struct image_ref *r);
void ref_copy(struct image_ref *dst, const struct image_ref *src);
/* Whether a registry can have this name: "docker.io", "localhost:5000", "[::1]:5000"; not "somewhere". */
bool registry_is_valid(const char *text);
/* The same in the form in which names have it: lower case, docker.io. Owned; NULL: it is none. */
char *registry_canonical(const char *text);
/* Gives @r a registry, and docker.io's "library/". The name grows: ref_check_length() says whether it may. */
void ref_set_registry(struct image_ref *r, const char *registry);
/* 255 bytes, as it is a file's name in the store. Errors: USAGE */
NODISCARD int ref_check_length(const struct image_ref *r, struct err *e);

/* "docker.io/library/alpine:3.20"; with a digest "...@sha256:..." and no tag. ":latest" where there is neither. Owned. */
char *ref_format(const struct image_ref *r);
/* The same as people say it: without "docker.io/library/", "docker.io/". Owned. */
char *ref_familiar(const struct image_ref *r);

/* "sha256:" and 64 lower-case hexadecimal digits, or sha512: and 128. */
bool digest_is_valid(const char *text);

#define AUTO_REF __attribute__((cleanup(ref_fini)))

/* ---- where an image is: the words of run, pull, load and save ---- */

enum source_kind {
	SOURCE_NAME,		/* in the store, else its registry: "alpine", "docker://alpine" */
	SOURCE_OCI,		/* oci:DIR[:TAG] */
	SOURCE_OCI_ARCHIVE,	/* oci-archive:FILE[:TAG] */
	SOURCE_DOCKER_ARCHIVE,	/* docker-archive:FILE[:REF|:@N] */
	SOURCE_PATH,		/* a file or directory, whose content says what it is */
};

struct image_source {
	enum source_kind kind;
	bool is_transport;	/* docker:// was written: the registry is meant */
	struct image_ref ref;	/* SOURCE_NAME; SOURCE_DOCKER_ARCHIVE with REF */
	char *path;		/* as typed; else NULL; owned */
	char *tag;		/* SOURCE_OCI, SOURCE_OCI_ARCHIVE: the name within; NULL; owned */
	int64_t number;		/* @N, the how manieth of the archive, from 0; -1 */
};

/* What @word means. A path is what is_path_word() says (/ ./ ../ ~/); everything without a known
 * transport is a name. Errors: USAGE */
NODISCARD int source_parse(const char *word, struct image_source *s, struct err *e);
void source_fini(struct image_source *s);

#endif
