/* SPDX-License-Identifier: Apache-2.0 */
/* store/tmp.h - what is being made beside its place, and whose maker is dead
 *
 * A directory tmp/ in which every entry is flocked by who makes it, and is renamed to its place when it is
 * whole. An entry whose lock is free is a dead maker's. Its name begins with the time of its making.
 *
 * Nobody takes an entry from its maker in the instant between mkdir and flock: the maker looks, with the lock,
 * whether the entry is still the one of that name, and begins anew where a sweep was quicker.
 */
#ifndef STORE_TMP_H
#define STORE_TMP_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/images.h"

struct tmp_place {
	int at;			/* the directory that has tmp/ */
	const char *dir;	/* its absolute path */
	const char *name;	/* "tmp" */
	bool is_shared;		/* as in struct store: entries tell whose they are */
};

/* Makes a directory, or with @is_file an empty file, with its lock. @t is released by tmp_end(). */
NODISCARD int tmp_make(const struct tmp_place *p, bool is_file, struct image_tmp *t, struct err *e);
/* Its files will have the ids of this map, which a sweep needs. In a file "map". */
NODISCARD int tmp_note_map(const struct image_tmp *t, const struct id_map *uids, const struct id_map *gids, struct err *e);
/* The entry is in its place now: the lock becomes a shared one, and nothing is left to be removed. */
void tmp_placed(struct image_tmp *t);
/* Moves @name of the directory @at to tmp/, from where tmp_end() removes it, or a sweep. @fd: its lock, given back. 1, 0: it is
 * gone already, -1 */
NODISCARD int tmp_bury(const struct tmp_place *p, int at, const char *name, struct image_tmp *t, struct err *e);
struct map_pair {
	struct id_map uids, gids;
};

/* Removes what is left of it, in the map where needed; failures are warnings. */
void tmp_end(const struct tmp_place *p, struct image_tmp *t, const struct id_map *uids, const struct id_map *gids,
	     store_in_map_fn *in_map);
/* The same where several maps made its files. */
void tmp_end_maps(const struct tmp_place *p, struct image_tmp *t, const struct map_pair *maps, size_t n, store_in_map_fn *in_map);
/* Removes what dead makers left. @maps: more maps, for files of ids that no "map" in the entry @fd tells of */
typedef void tmp_maps_fn(const void *arg, int fd, struct map_pair **maps, size_t *n);
void tmp_sweep(const struct tmp_place *p, tmp_maps_fn *maps, const void *arg, store_in_map_fn *in_map);
/* When the oldest work that still goes on was begun, seconds since the epoch; INT64_MAX: there is none. */
int64_t tmp_oldest(const struct tmp_place *p);

/* Puts a small file into its place @to, whole and on the disk. @replaces: whatever has that name; else 1 where somebody has. */
NODISCARD int tmp_put(const struct tmp_place *p, const char *to, const char *data, size_t len, bool replaces, bool syncs_all,
		      struct err *e);

/* A directory in @at to be read; NULL with errno. A link is not followed. */
DIR *dir_open(int at, const char *name);

/* ---- locks ---- */

/* flock(2) across EINTR. A file system without locks has no shared ones to wait for: 0. */
NODISCARD int lock_take(int fd, int how);
/* Whether @name in @at is still what @fd is. */
bool lock_holds(int at, const char *name, int fd);
/* Opens @name with a shared lock: 1, 0: there is none, -1 with errno */
NODISCARD int lock_share(int at, const char *name, int flags, int *fd);

/* ---- maps as a text, "uid 0:1000:1,1:100000:65536\ngid ...\n" ---- */

char *map_text(const struct id_map *uids, const struct id_map *gids);
/* -1 with errno; EBADMSG: it is none */
NODISCARD int map_read(int at, const char *name, struct id_map *uids, struct id_map *gids);
/* Appends the map in a file, where it is one. */
void map_pairs_add(int at, const char *name, struct map_pair **maps, size_t *n);
/* All that are in the directory @at/@name. */
void map_pairs_read(int at, const char *name, struct map_pair **maps, size_t *n);
void map_pairs_fini(struct map_pair *maps, size_t n);

/* ---- store/measure.c ---- */

/**
 * tree_measure() - What the files below a directory take up on the disk
 * @fd:		it, may be O_PATH
 * @maps:	in which more may be seen than by the caller; tried one after the other where that is needed
 */
NODISCARD int tree_measure(int fd, const struct map_pair *maps, size_t n, store_in_map_fn *in_map, uint64_t *bytes, struct err *e);

#endif
