/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink.h - the task "sink": what is the same wherever images go to, and what a kind adds */
#ifndef IMAGE_SINK_H
#define IMAGE_SINK_H

#include "digest.h"
#include "reader.h"
#include "spec/image.h"
#include "talk.h"

struct archive;

struct sink_image {
	struct image im;
	struct strv names;	/* full references */
};

/* Files, one after the other: into a tar, which may be a pipe, or into a directory. */
struct sink_out {
	struct archive *a;	/* NULL: a directory */
	int dir, file;
	char *name;		/* of the file that is being written; NULL: none */
};

struct sink {
	struct talk *talk;
	int images, to;		/* borrowed from the talk */
	struct sink_image *v;
	size_t n;
	struct sink_out out;
	struct strv written;	/* names of the files so far: each goes once */
	uint32_t index;		/* of the layer that goes, for progress */
	uint64_t shown_ms;
};

struct sink_ops {
	const char *kind;	/* of the request */
	bool to_dir;
	int (*write)(struct sink *s, struct err *e);
};

extern const struct sink_ops SINK_OPS_DOCKER_ARCHIVE, SINK_OPS_OCI_ARCHIVE, SINK_OPS_OCI;

/* The record of an image in the store. @id: a digest. Errors: STATE, SYS */
NODISCARD int sink_load(int images, const char *id, struct image *im, struct err *e);
/* Whether a file of that name is still to be written; from then on it is not. */
bool sink_is_new(struct sink *s, const char *name);
/* "blobs/": in an archive an entry of its own, without which skopeo as a user makes it root's and fails. */
NODISCARD int sink_dir(struct sink *s, const char *name, struct err *e);
NODISCARD int sink_text(struct sink *s, const char *name, const char *text, size_t len, struct err *e);
/* The blob as it is, whose bytes are compared with its digest on the way. */
NODISCARD int sink_blob(struct sink *s, const char *name, const char *digest, bool is_layer, struct err *e);
/* The layer's tar, not compressed, compared with its diff id. */
NODISCARD int sink_tar(struct sink *s, const char *name, const struct image_layer *l, struct err *e);
/* A small blob; terminated; owned by the caller. */
NODISCARD int sink_read(struct sink *s, const char *digest, char **out, size_t *len, struct err *e);

#endif
