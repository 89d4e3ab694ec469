/* SPDX-License-Identifier: Apache-2.0 */
/* store/volumes.h - named volumes: directories that outlive the sandboxes that use them
 *
 *   DATA/volumes/NAME/data/		what is mounted; belongs to root inside of the first map that used it
 *   DATA/volumes/NAME/volume.json	when it was made, and its labels. flock: shared by who uses it
 *   DATA/volumes/NAME/copy		whether what an image has at the mount point was copied into data/, see below
 *   DATA/volumes/NAME/maps/HEX		the id maps whose sandboxes have used it: in these its files can be removed
 *   DATA/volumes/.tmp/			what is being made or removed, see store/tmp.h
 *
 * NAME is [A-Za-z0-9][A-Za-z0-9_.-]*, at most 255. A volume is made beside and renamed; who uses it holds its
 * lock shared, who removes it takes that exclusively without waiting.
 *
 * copy says: nothing: no copy was begun, data/ is empty or has what sandboxes wrote; VOLUME_COPYING: one was begun, and unless
 * somebody holds the file's lock exclusively it has ended halfway; VOLUME_COPIED: data/ is the sandboxes'. Without the file
 * (a volume of an older lichen) it is theirs, too. Who changes the file or acts on it holds its lock exclusively.
 */
#ifndef STORE_VOLUMES_H
#define STORE_VOLUMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "store/store.h"

#define VOLUME_COPYING "begun"
#define VOLUME_COPIED "done"

struct volumes {
	char *dir;	/* DATA/volumes, absolute; owned */
	int fd;		/* it, O_PATH */
	int why_fixed;	/* as in struct images */
	bool is_shared;	/* as in struct store */
};

struct volume {
	char *name;	/* owned */
	char *path;	/* .../NAME/data, absolute; owned */
	int64_t created;	/* seconds since the epoch */
	struct strv labels;	/* KEY=VALUE, sorted */
	int lock;	/* flocked shared for as long as it is used; -1: of who only looks */
	int copy;	/* the file copy, to be read and written, where it does not say VOLUME_COPIED; -1 */
};

/* Opens, and makes what is missing (0700); where nothing is made and nothing is there: -1 with STATE and errnum ENOENT.
 * Errors: @makes, and it cannot be written (KEPT in store.h) */
NODISCARD int volumes_open(const struct store *st, bool makes, struct volumes *vs, struct err *e);
void volumes_close(struct volumes *vs);
/* Removes what dead makers and removers left; failures are warnings. @in_map: as store_sweep(). */
void volumes_sweep(struct volumes *vs, store_in_map_fn *in_map);

/**
 * volume_create() - Make a volume
 * @labels:	KEY=VALUE
 * @uids, @gids:	of the sandbox that it is for; its root gets the directory. Where there is none, the caller
 * Return: 1, 0: it was there already, and is as it was; -1 with @e (USAGE: no name for a volume)
 */
NODISCARD int volume_create(struct volumes *vs, const char *name, const struct strv *labels, const struct id_map *uids,
			    const struct id_map *gids, store_in_map_fn *in_map, struct err *e);

/* Gives a volume that no sandbox has had yet, and that is empty, to root inside of the first one; as volume_create(). Where it is not so
 * nothing is done. 0, -1 */
NODISCARD int volume_give(struct volumes *vs, const char *name, const struct id_map *uids, const struct id_map *gids,
			  store_in_map_fn *in_map, struct err *e);
/* Takes it for a sandbox with these ids, which are noted. 1, 0: there is none, -1 */
NODISCARD int volume_use(struct volumes *vs, const char *name, const struct id_map *uids, const struct id_map *gids, struct volume *v,
			 struct err *e);
/* Looks at it, without its lock. 1, 0: there is none, -1 */
NODISCARD int volume_find(const struct volumes *vs, const char *name, struct volume *v, struct err *e);
void volume_fini(struct volume *v);

/* Whether nothing was copied into it yet; also where there is no such volume. */
bool volume_is_fresh(const struct volumes *vs, const char *name);

/* Whether a sandbox has it. The answer may be old when it arrives; who begins to use it meanwhile waits for an instant. */
bool volume_is_used(const struct volumes *vs, const char *name);

/* The names, sorted. */
NODISCARD int volumes_list(const struct volumes *vs, struct strv *names, struct err *e);

/* STATE with EBUSY where a sandbox uses it, with ENOENT where there is none. Where its files are others' and their map cannot be made, it
 * stays whole. */
NODISCARD int volume_remove(struct volumes *vs, const char *name, store_in_map_fn *in_map, struct err *e);

/**
 * volumes_prune() - Remove the volumes that nobody uses
 * @wants:	whether this one is meant, by its labels or age; NULL: all
 * @gone:	their names; the caller's, also after a failure
 * @bytes:	what they took up
 */
NODISCARD int volumes_prune(struct volumes *vs, bool (*wants)(const struct volume *v, const void *arg), const void *arg,
			    store_in_map_fn *in_map, struct strv *gone, uint64_t *bytes, struct err *e);

/**
 * volume_measure() - What its files take up on the disk
 * Walks the tree, inside the maps of its users where the caller may not look. A file with several names counts once,
 * if all of them are in there. What comes and goes meanwhile is counted or not.
 */
NODISCARD int volume_measure(const struct volumes *vs, const char *name, store_in_map_fn *in_map, uint64_t *bytes, struct err *e);

#endif
