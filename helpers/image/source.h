/* SPDX-License-Identifier: Apache-2.0 */
/* image/source.h - the task "source": what is the same wherever images come from, and what a kind of source adds
 *
 *	open()		before this process is confined: what the caller's files say (credentials, certificates)
 *	list()		confined: source_add() for each image
 *			(the drafts go to lichen, which says what it wants)
 *	fetch()		blob_begin() ... blob_end() for each of source_next()
 *			(the records go to lichen)
 *	close()
 */
#ifndef IMAGE_SOURCE_H
#define IMAGE_SOURCE_H

#include "blob.h"
#include "confine.h"
#include "manifest.h"
#include "spec/image.h"
#include "talk.h"

enum { SOURCE_IMAGES_MAX = 1000, SOURCE_PATHS_MAX = 32 };

struct source_image {
	struct image im;		/* what is known so far */
	char *config, *manifest;	/* the bytes that become blobs; NULL: made in the end; owned */
	size_t config_len, manifest_len;
	uint32_t first;			/* index of its lowest layer */
};

/* A layer as the messages count them: over all images. */
struct source_layer {
	uint32_t image, at;
	bool is_wanted;
	bool is_done;			/* its blob is in the store */
	bool is_told;			/* and lichen has heard of it by this index */
	bool leaves_digest;		/* lichen will say it; a kind may hash it all the same */
	char left[BLOB_NAME_MAX];	/* in tmp; "": none waits for its digest */
	uint64_t left_size;
	void *where;			/* the kind's: where its bytes are; borrowed */
};

struct source_ops;

struct source {
	struct talk *talk;
	const struct source_ops *ops;
	void *of;			/* the kind's own */
	struct blob_place place;
	struct platform platform;	/* that is asked for, or this machine's */
	int archive;			/* the file or directory that it is about; -1; borrowed from the talk */
	struct source_image *images;
	size_t n_images;
	struct source_layer *layers;
	size_t n_layers;
	struct confine_path paths[SOURCE_PATHS_MAX];	/* what open() needs later on; ended by fd -1 is not asked */
	size_t n_paths;
};

struct source_ops {
	const char *kind;		/* of the request */
	bool connects;			/* uses the network */
	uint64_t caps;			/* capabilities that it keeps, where it has them */
	int (*open)(struct source *s, struct err *e);	/* NULL: nothing to do */
	int (*list)(struct source *s, struct err *e);
	int (*fetch)(struct source *s, struct err *e);
	void (*close)(struct source *s);		/* also behind a failure of any; NULL */
};

extern const struct source_ops SOURCE_OPS_DOCKER_ARCHIVE, SOURCE_OPS_OCI_ARCHIVE, SOURCE_OPS_OCI, SOURCE_OPS_TAR,
	SOURCE_OPS_DIRECTORY, SOURCE_OPS_PATH, SOURCE_OPS_REGISTRY;
/* Those that this program has, and a NULL: program_image.c, program_registry.c. */
extern const struct source_ops *const SOURCE_KINDS[];

/**
 * source_add() - One more image
 * @one:	moved in. Its layers have a digest, or a diff id, or neither (an import); config is NULL only
 *		for an import. im.id is filled in here from the config, and im.manifest from the manifest.
 * @wheres:	one a layer; NULL: none
 * Errors:	STATE: too many; a config whose digest is another than im.id, where that is set
 */
NODISCARD int source_add(struct source *s, struct source_image *one, void *const *wheres, struct err *e);
void source_image_fini(struct source_image *one);

/* The next layer that has to be brought, from *@at on; NULL: no more. Of several with one digest the first. */
struct source_layer *source_next(struct source *s, size_t *at);
/* Whether @l has to be brought still. */
bool source_lacks(struct source *s, const struct source_layer *l);
struct image_layer *source_layer_of(struct source *s, const struct source_layer *l);
/* Its index in the messages; BLOB_QUIET where lichen did not ask (its digest has to be known all the same). */
uint32_t source_index(const struct source *s, const struct source_layer *l);
/* Its blob is in the store: digest and size become known. */
void source_brought(struct source *s, struct source_layer *l, const char *digest, uint64_t size);

/* Likewise, all but its digest, which lichen will say. Behind blob_leave(). */
void source_left(struct source *s, struct source_layer *l, uint64_t size);

/* A descriptor that is used after the confinement, by open(). */
void source_path(struct source *s, int fd, bool writes);

#define AUTO_SOURCE_IMAGE __attribute__((cleanup(source_image_fini)))

#endif
