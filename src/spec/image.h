/* SPDX-License-Identifier: Apache-2.0 */
/* spec/image.h - an image as lichen knows it: its record, and what it says about a start
 *
 * The registry's JSON is read by lichen-image only (helpers/image), which makes of it a record:
 * JSON of our own, with these fields and no others, checked and capped. The launcher reads records,
 * never a stranger's config; all the same it checks every field again, as the one who wrote the record
 * has read what a stranger wrote.
 */
#ifndef SPEC_IMAGE_H
#define SPEC_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/reference.h"
#include "spec/spec.h"

enum { IMAGE_LAYERS_MAX = 500, /* of the kernel's overlay */
       IMAGE_STRING_MAX = 1 << 17, IMAGE_LIST_MAX = 4096, IMAGE_RECORD_MAX = 4 << 20 };

struct image_layer {
	char diff_id[DIGEST_MAX];	/* of the tar; "" while it is not known (a draft) */
	char digest[DIGEST_MAX];	/* of the blob, as it is compressed; "" likewise */
	char media_type[96];
	uint64_t size;			/* of the blob; 0: not known */
};

struct image_history {
	char *created, *created_by, *comment;	/* owned; NULL */
	bool is_empty;			/* made no layer */
	uint64_t size;			/* of its layer as it was unpacked; filled in by who shows it, else 0 */
};

struct image {
	char id[DIGEST_MAX];		/* digest of the config */
	char manifest[DIGEST_MAX];	/* digest of the manifest's blob; "" in a draft */
	char *architecture, *os, *variant, *created, *author;	/* owned; may be NULL */
	struct image_layer *layers;	/* the lowest first */
	size_t n_layers;
	struct image_history *history;
	size_t n_history;
	struct strv names;		/* that the archive has for it: full references; not of a registry's */
	/* the config's "config" */
	struct strv env, entrypoint, cmd, shell;
	struct strv volumes, exposed_ports;	/* "/data", "80/tcp"; sorted */
	struct strv labels, annotations;	/* KEY=VALUE, sorted; annotations are the manifest's */
	char *user, *working_dir, *stop_signal;	/* owned; NULL */
	struct strv healthcheck;	/* Test; the times of it: */
	uint64_t health_interval_ns, health_timeout_ns, health_start_ns;
	uint32_t health_retries;
	struct strv onbuild;
};

void image_fini(struct image *im);

/* Every rule of a field: what image_read() asks for, to be known before image_write(). Errors: SPEC, names the field */
NODISCARD int image_check(const struct image *im, struct err *e);
/* Whether all digests are known, as in the store; a draft's need not be. */
bool image_is_complete(const struct image *im);

/**
 * image_read() - Take a record apart
 * Errors:	STATE, names the field; duplicates, unknown types, too many and too long are refused
 */
NODISCARD int image_read(const char *json, size_t len, struct image *im, struct err *e);
/* The record of what image_check() takes; larger than IMAGE_RECORD_MAX, it will not be read. */
void image_write(const struct image *im, struct buf *out);

/**
 * image_apply() - The image's words become the spec's defaults
 * @s:		as the options left it: what is set stays
 * @args:	the words behind the image's name; they replace Cmd, and follow Entrypoint
 *
 * process.args has the words of --entrypoint, or nothing: with them the image's Cmd is void, and one empty word says that
 * there is none.
 * Env (below -e, --env-file and --unsetenv, above the defaults and --env-host: process.own_env), User (but not with keep-id),
 * WorkingDir (a missing one is made by STEP_CWD), StopSignal, Volumes (made in the writable layer where nothing is mounted there;
 * with --read-only a tmpfs; never below /proc, /sys and /dev), Labels, ExposedPorts and what else the OCI image specification
 * (conversion.md) has as annotations. Healthcheck, Shell and OnBuild do not count at a start.
 * Errors:	SPEC: neither a command nor one of the image's; a field that cannot be, by its name
 */
NODISCARD int image_apply(struct spec *s, const struct image *im, const struct strv *args, struct err *e);

#endif
