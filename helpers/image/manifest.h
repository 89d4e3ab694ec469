/* SPDX-License-Identifier: Apache-2.0 */
/* image/manifest.h - manifests and indexes, of OCI and of docker: read, chosen from, made. Pure. */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/image.h"

enum { MANIFEST_BYTES_MAX = 4 << 20, INDEX_ENTRIES_MAX = 4096, INDEX_DEPTH_MAX = 4, MEDIA_TYPE_MAX = 96 };

#define TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define TYPE_OCI_INDEX	  "application/vnd.oci.image.index.v1+json"
#define TYPE_OCI_CONFIG	  "application/vnd.oci.image.config.v1+json"
#define TYPE_OCI_LAYER	  "application/vnd.oci.image.layer.v1.tar"	/* and "+gzip", "+zstd" */
#define TYPE_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define TYPE_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"

struct descriptor {
	char digest[DIGEST_MAX];
	char media_type[MEDIA_TYPE_MAX];
	uint64_t size;
};

/* "linux/arm64/v8"; each part "" where it is not said */
struct platform {
	char os[32], arch[32], variant[32];
};

struct index_entry {
	struct descriptor d;
	struct platform platform;
	char *ref_name;		/* org.opencontainers.image.ref.name; NULL; owned */
	char *full_name;	/* io.containerd.image.name; NULL; owned */
	bool is_aside;		/* an attestation or the like, which describes another entry */
};

struct manifest {
	bool is_index;
	char media_type[MEDIA_TYPE_MAX];	/* as the text or its structure says */
	struct descriptor config;		/* of a manifest */
	struct descriptor *layers;		/* the lowest first */
	size_t n_layers;
	struct index_entry *entries;		/* of an index */
	size_t n_entries;
	struct strv annotations;		/* KEY=VALUE, sorted */
};

/**
 * manifest_read() - Take a manifest or an index apart
 * @type:	the content type that it came with, or its descriptor's media type (what is behind a ";" is left
 *		out); NULL or "": its own mediaType, or its structure, says what it is
 * Errors:	STATE: what is wrong with it and where; duplicate keys, docker's schema 1, types that contradict
 *		each other or the structure (CVE-2021-41190), what is no image (an artifact)
 */
NODISCARD int manifest_read(const char *json, size_t len, const char *type, struct manifest *m, struct err *e);
void manifest_fini(struct manifest *m);
/* An OCI manifest of @im, whose layers and id are known. The same image gives the same bytes. */
void manifest_make(const struct image *im, size_t config_len, struct buf *out);
/* Whether a media type is that of a manifest, or of an index; of OCI or docker. */
bool manifest_type_is_image(const char *type);
bool manifest_type_is_index(const char *type);

/* "os/arch[/variant]"; NULL: this machine's. Errors: USAGE */
NODISCARD int platform_parse(const char *text, struct platform *p, struct err *e);
/* Whether what is @have runs where @want is asked for: 0 no, else the higher the better. */
unsigned platform_fits(const struct platform *have, const struct platform *want);
/**
 * index_choose() - The entry for a platform
 * @at:		its place
 * Errors:	STATE, lists what there is
 */
NODISCARD int index_choose(const struct manifest *index, const struct platform *want, size_t *at, struct err *e);

#define AUTO_MANIFEST __attribute__((cleanup(manifest_fini)))

#endif
