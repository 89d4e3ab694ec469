/* SPDX-License-Identifier: Apache-2.0 */
/* store/images.h - images on disk: blobs, unpacked layers, records, names
 *
 *   DATA/images/
 *     blobs/sha256/HEX      as they came: manifests, configs, layers (compressed)
 *     records/HEX           one an image, by its id: the record (spec/image.h). flock: shared by who uses it
 *     names/NAME            one a name: the id. NAME is the full reference, '/' written as '%' (a name that is too long: "%%DIGEST")
 *     layers/CLASS/map      the id map of the class
 *     layers/CLASS/HEX/     one an unpacked layer, by diff id: root/, layer.json (bytes, entries, left out),
 *                           owners (with one id: who owned what). flock of the directory: shared by who uses it
 *     sources/KEY           the id of the image that a file of this machine became (run ./file.tar, once)
 *     tmp/NAME              what is being made; flocked by who makes it
 *
 * Everything is made in tmp/, verified, then renamed to its place; a name that is free in tmp/ belongs to somebody
 * dead and is removed by the next command. There is no lock over the whole.
 *
 * Use and removal. Who needs a layer takes its lock shared, then looks whether the directory is still
 * in its place; a record likewise. Who removes takes the lock exclusively without waiting (EWOULDBLOCK: it is in use),
 * renames to tmp/ and removes there, inside the class's id map where the caller may not. Order of an image's coming: layers, record,
 * names; of its going the reverse: so a record's layers are there, and a name's record.
 *
 * CLASS says whose ids the files have: "single", "caller-FIRST" (root is the caller, the rest from FIRST on), "subid-FIRST",
 * or "map-HEX" of the map's text. ".COUNT" follows FIRST where there are not 65,536 ids, "-gGID" where the caller's group has another
 * number than the caller: maps that differ have different names.
 *
 * Who brings an image holds an entry of tmp/ from before its first look at a blob until its record is there:
 * images_collect() spares what has come, or was looked for, since a minute before the oldest such entry was made.
 *
 * After a crash of the machine. A name's and a record's file are on the disk before they get their names; before a record does, all that the
 * image is made of is (one syncfs(2) an image, so that nothing is waited for twice): a record that is there has whole layers.
 */
#ifndef STORE_IMAGES_H
#define STORE_IMAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/image.h"
#include "store/store.h"

struct images {
	char *dir;	/* DATA/images, absolute; owned */
	int fd;		/* it, O_PATH */
	int why_fixed;	/* the errno of what cannot be written: only to be read; 0: it can */
	bool is_shared;	/* on a network file system, as in struct store */
	bool skips_sync;	/* images_commit() does not wait for the disk; set by who would rather bring the image again after a crash */
	char *source_key;	/* what images_find_source() looked for last; owned */
};

/* Opens, and makes what is missing (0700). Nothing else is made by who only reads: then -1 with STATE and errnum ENOENT. One that cannot
 * be written (KEPT in store.h) is opened all the same; whatever would change it fails then, with STATE. */
NODISCARD int images_open(const struct store *st, bool makes, struct images *im, struct err *e);
void images_close(struct images *im);
/* Removes what dead makers left in tmp/; failures are warnings. @in_map: as store_sweep(). */
void images_sweep(struct images *im, store_in_map_fn *in_map);

/* "caller-100000"; owned. Pure: from the map alone and who calls. */
char *images_class(const struct id_map *uids, const struct id_map *gids, uint32_t caller_uid);

/* ---- what is being made ---- */

struct image_tmp {
	char *name;	/* below tmp/; owned */
	char *path;	/* absolute; owned */
	int fd;		/* the directory, flocked */
};

NODISCARD int images_tmp(struct images *im, struct image_tmp *t, struct err *e);
/* Files with the ids of this map will be made in it: called before that, so that a sweep can remove them. */
NODISCARD int images_tmp_map(const struct image_tmp *t, const struct id_map *uids, const struct id_map *gids, struct err *e);
/* Removes what is left of it, in the map where needed. */
void images_tmp_end(struct images *im, struct image_tmp *t, const struct id_map *uids, const struct id_map *gids,
		    store_in_map_fn *in_map);

/* ---- blobs ---- */

/* @size: 0: any. What is there is young from now on, for images_collect(). */
bool images_has_blob(const struct images *im, const char *digest, uint64_t size);
int images_open_blob(const struct images *im, const char *digest, struct err *e);

/* ---- layers ---- */

struct layer_info {
	uint64_t bytes, entries;	/* of the tree */
	uint64_t devices;		/* left out */
	bool has_owners;
};

struct layer_use {
	char *path;	/* .../HEX/root; owned */
	int fd;		/* .../HEX, flocked shared */
};

/* Takes a layer for use. Return: 1, 0: it is not there, -1 with @e */
NODISCARD int images_use_layer(struct images *im, const char *cls, const char *diff_id, struct layer_use *use, struct err *e);
void layer_use_fini(struct layer_use *use);
/* Makes @t, which has root/, and maybe owners, the layer: writes layer.json and renames. One who was quicker is no error. @t is
 * ended by images_tmp_end() all the same; until then it holds the layer shared, so that images_use_layer() finds it. */
NODISCARD int images_commit_layer(struct images *im, struct image_tmp *t, const char *cls, const struct id_map *uids,
				  const struct id_map *gids, const char *diff_id, const struct layer_info *info, struct err *e);
NODISCARD int images_layer_info(const struct images *im, const char *cls, const char *diff_id, struct layer_info *info, struct err *e);
/* Which classes there are, and the map of one. */
NODISCARD int images_classes(const struct images *im, struct strv *out, struct err *e);
NODISCARD int images_class_map(const struct images *im, const char *cls, struct id_map *uids, struct id_map *gids, struct err *e);

/* ---- records and names ---- */

/* Writes the record, all of whose layers the caller holds. An image that is there already, with all its blobs, stays as it is.
 * Errors: STATE, a blob of it is not there */
NODISCARD int images_commit(struct images *im, const struct image *image, struct err *e);
/* Gives a name (a full reference) to an image; one that it had elsewhere goes there. @was: the id that had it, owned; may be NULL */
NODISCARD int images_name(struct images *im, const char *name, const char *id, char **was, struct err *e);
NODISCARD int images_unname(struct images *im, const char *name, struct err *e);

/**
 * images_find() - The image that a person means
 * @word:	a full reference, or an id or its beginning (with or without "sha256:")
 * @id:		owned by the caller
 * Return: 1, 0 there is none, -1 with @e (ambiguous: STATE, names some)
 */
NODISCARD int images_find(const struct images *im, const char *word, char **id, struct err *e);
/* @lock: flocked shared, for as long as it is used; may be NULL. */
NODISCARD int images_load(const struct images *im, const char *id, struct image *image, int *lock, struct err *e);

struct image_entry {
	char *id;		/* owned */
	struct strv names;	/* with a tag; sorted */
	struct strv digests;	/* NAME@sha256:...; sorted */
	int64_t since;		/* when it came, seconds since the epoch */
};

struct image_list {
	struct image_entry *v;
	size_t n;
};

/* All of them, the newest first. What is half gone is left out. */
NODISCARD int images_list(const struct images *im, struct image_list *out, struct err *e);
void image_list_fini(struct image_list *list);

/* ---- files of this machine that became images ---- */

/* By device, inode, size, mtime and ctime. 1, 0, -1. Called before the file is read: what is noted
 * afterwards counts only where the file is still the one that was looked for. */
NODISCARD int images_find_source(struct images *im, int fd, const char *part, char **id, struct err *e);
NODISCARD int images_note_source(struct images *im, int fd, const char *part, const char *id, struct err *e);

/* ---- removal ---- */

struct images_gone {
	uint64_t images, layers, blobs, bytes;
};

/* Removes a record that has no names. STATE with EEXIST: it has names; with EBUSY, somebody uses it; with ENOENT, there is none. */
NODISCARD int images_remove(struct images *im, const char *id, struct images_gone *gone, struct err *e);
/* Removes layers and blobs that no record has, but for those that somebody holds or that unfinished work may need (see above);
 * adds to @gone. @is_dry counts only. Errors: STATE, a record cannot be read: nothing is removed then */
NODISCARD int images_collect(struct images *im, bool is_dry, store_in_map_fn *in_map, struct images_gone *gone, struct err *e);

/* Removes what is damaged, so that it comes again when it is needed; which image needs it makes no difference. 1; 0: it is not there;
 * -1: STATE with EBUSY, somebody uses it */
NODISCARD int images_drop_layer(struct images *im, const char *cls, const char *diff_id, store_in_map_fn *in_map, struct err *e);
NODISCARD int images_drop_blob(struct images *im, const char *digest, struct err *e);

/* Whether a sandbox, or another lichen, uses the image. The answer may be old when it arrives; who begins to use it meanwhile
 * waits for an instant. */
bool images_is_used(const struct images *im, const char *id);

/* ---- what is wrong ---- */

/* @object: the id of an image, a name, a class */
typedef void images_problem_fn(void *arg, const char *object, const char *what);

/**
 * images_verify() - Whether what is recorded is there
 * @id:		of one image; NULL: all, names and classes, too
 * @blobs:	those that are there with the right size are added, each once: whoever can reads them
 * Unpacked layers are not looked at: one that is lost is unpacked again when it is needed.
 */
NODISCARD int images_verify(const struct images *im, const char *id, struct strv *blobs, images_problem_fn *say, void *arg, struct err *e);

/* What the store takes up, from what is recorded: no tree is walked. */
struct images_size {
	uint64_t blobs, layers, images;		/* how many */
	uint64_t blob_bytes, layer_bytes;
	uint64_t free_bytes;			/* of it that images_collect() would free */
};
NODISCARD int images_measure(struct images *im, struct images_size *out, struct err *e);

#endif
