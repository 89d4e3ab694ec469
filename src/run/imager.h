/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager.h - brings images: runs lichen-image, unpacks its layers as they come, commits what is verified
 *
 *    launcher ── lichen-image source ── growing blobs ──┐
 *        │  ◄─ drafts, progress                         ▼
 *        ├──── lichen-image unpack (in the id map) ── tmp/NAME/root      as many at once as there are processors
 *        ├──── commits: layers, record, names
 *
 * The launcher alone decides what becomes of the store; what reads a stranger's bytes only fills tmp/.
 */
#ifndef RUN_IMAGER_H
#define RUN_IMAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "host/facts.h"
#include "spec/image.h"
#include "spec/reference.h"
#include "spec/spec.h"
#include "store/images.h"

/* What is shown meanwhile. Any may be NULL. All of the launcher's thread. */
struct imager_view {
	void *arg;
	/* imager_use() only, where there is something to be unpacked: before all others, which it may set, and after them */
	int (*begin)(void *arg, struct err *e);
	void (*end)(void *arg);
	void (*step)(void *arg, const char *text);
	/* a layer that will come, or is there already; before anything else of it. @label: the short digest */
	void (*layer)(void *arg, uint32_t index, const char *label, uint64_t size, bool is_there);
	void (*progress)(void *arg, uint32_t index, const char *what, uint64_t done, uint64_t total); /* "downloading" "reading" "unpacking" "done" "already there" */
	void (*warn)(void *arg, const char *text);
	int (*tick)(void *arg);		/* every 100 ms; 0, or the signal by which the work is to end */
};

struct imager_caps {		/* of what is unpacked; 0: the default (doc/man) */
	uint64_t bytes, entries, blob_bytes, memory;
	uint32_t depth;
};

/* Another place of the same repository, asked before its registry. Borrowed. */
struct imager_mirror {
	const char *registry, *repository;
	const char *username, *password, *identity_token;	/* NULL: none */
	bool is_insecure;
};

/* How to reach a registry. Borrowed. */
struct imager_registry {
	const struct imager_mirror *mirrors;	/* in the order in which they are asked */
	size_t n_mirrors;
	const char *username, *password;	/* NULL: none */
	const char *identity_token;
	const char *cacert;
	bool is_insecure;		/* --tls-verify=false: neither the certificate nor https is asked for */
	unsigned connections;		/* layers at once; 0: 3 */
};

struct imager_job {
	struct image_source source;	/* borrowed by who runs it; a name is full */
	bool all;			/* load: every image of an archive */
	bool pulls;			/* the registry is asked, whatever is in the store */
	const char *platform;		/* "linux/arm64/v8"; NULL: this machine's */
	struct imager_registry registry;
	struct imager_caps caps;
	struct strv names;		/* given to the image in the end; none: what the archive says, if @keeps_names */
	bool keeps_names;
	const struct image *imported;	/* of a root tar or a directory: what the config says; NULL: nothing */
	const struct imager_view *view;
};

/**
 * imager_bring() - Bring images into the store, unpacked for @uids and @gids
 * @ids:	the images' ids, in order; the caller's
 * Errors:	as lichen-image says them; SIGNAL on Ctrl-C: what is half is gone, whole blobs stay for the next time
 */
NODISCARD int imager_bring(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids,
			   const struct imager_job *job, struct strv *ids, struct err *e);

/**
 * imager_path() - The image of a file of this machine: what it became before, unless it has changed since; else brings it
 * @job:	its source has a path; one image
 * @id:		the caller's
 * What is no regular file (a directory, standard input) is brought each time.
 * Errors:	as imager_bring()
 */
NODISCARD int imager_path(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids,
			  const struct imager_job *job, char **id, struct err *e);

/* Only what it became before. @im: NULL: nothing is here yet. 1, 0: it would be brought, -1: there is no such file */
NODISCARD int imager_known_path(struct images *im, const struct imager_job *job, char **id, struct err *e);

/**
 * imager_use() - Take an image's layers for a run, in the class of its ids; unpacks what is not there in it
 * @lowers:	one a layer, the topmost first; the caller's, released by layer_use_fini()
 * @lock:	the record's
 */
NODISCARD int imager_use(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids, const char *id,
			 const struct imager_view *view, struct image *image, int *lock, struct layer_use **lowers, size_t *n, struct err *e);

/* The map of images that are brought without a run: that of `run IMAGE` without options. @f: read with the ranges. */
NODISCARD int imager_ids(const struct facts *f, struct id_map *uids, struct id_map *gids, struct err *e);

/* The map of the run of @s, of which all options are taken. @f: as above; whose ranges --subuidname names are in it then.
 * @st: asked for sandboxes that are joined. Errors: as the run itself would have */
NODISCARD int imager_run_ids(struct spec *s, struct facts *f, struct store *st, struct id_map *uids, struct id_map *gids, struct err *e);

enum sink_kind { SINK_DOCKER_ARCHIVE, SINK_OCI_ARCHIVE, SINK_OCI_DIR, SINK_REGISTRY };

struct imager_out {
	enum sink_kind kind;
	const char *const *ids;		/* of the images, and the full names that they get there (NULL: none) */
	const char *const *names;
	size_t n;
	int fd;				/* the file, or the directory */
	uint64_t memory;		/* for what decompresses a layer; 0: the default */
	struct image_ref ref;		/* SINK_REGISTRY: where to; borrowed */
	const char *from;		/* and another repository there that may have the layers; NULL; borrowed */
	struct imager_registry registry;
	const struct imager_view *view;
};

/* save and push. @digest: of the manifest there; owned by the caller; may be NULL */
NODISCARD int imager_send(struct images *im, const struct imager_out *out, char **digest, struct err *e);
/* Reads @blobs again; @bad is told of each that is not what it is called, with a clause: "its content is sha256:...".
 * @view: progress() with the number of the blob; may be NULL */
typedef void imager_bad_fn(void *arg, const char *digest, const char *what);
NODISCARD int imager_verify(struct images *im, const struct strv *blobs, const struct imager_view *view, imager_bad_fn *bad, void *arg,
			    struct err *e);

struct layer_check {		/* all borrowed */
	const char *cls;
	const struct image_layer *layer;
	const struct imager_view *view;	/* progress() with 0; may be NULL */
	imager_bad_fn *bad;		/* told of each difference, with the diff id: "usr/bin/x: has another content" */
	void *arg;
};

/**
 * imager_verify_layer() - Whether an unpacked layer is what its blob says, file by file
 * The helper is inside the layer's id map, and writes nothing; the layer is held meanwhile.
 * Return: 1, 0: it is not unpacked in that class, -1 with @e: SIGNAL, HOST
 */
NODISCARD int imager_verify_layer(struct images *im, const struct layer_check *c, struct err *e);
/* The tags of a repository, as its registry has them; mirrors are not asked. Appended; the caller checks that each is one. */
NODISCARD int imager_tags(const struct image_ref *ref, const struct imager_registry *how, struct strv *tags, struct err *e);
/* Whether the registry takes this name and password. @token: what it gave in their place, owned; or NULL */
NODISCARD int imager_login(const char *registry, const struct imager_registry *how, char **token, struct err *e);

#endif
