/* SPDX-License-Identifier: Apache-2.0 */
/* store/internal.h - what the files of this room share */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <stdbool.h>

#include "store/store.h"

/* "BOOT-ID MACHINE-ID HOSTNAME" of where we run, "-" for what is not known; owned. */
char *store_host(void);

/* Whether what @host (of store_host(), written by whoever made a definition) tells is this
 * machine: only then our locks and its mean the same. */
bool store_is_our_host(const char *host);

/* /proc/sys/kernel/random/boot_id, or NULL; owned. */
char *store_boot_id(void);

enum { STORE_ID_LEN = 64 };

/* A new one, of random digits. */
NODISCARD int store_new_id(char id[STORE_ID_LEN + 1], struct err *e);

/* 64 hex digits. */
bool store_is_id(const char *s);

/* Does a supervisor hold the lock of RUN/ID? A shared lock is tried, so that two askers do not meet. */
bool store_is_live(const struct store *st, const char *id);

/* What a symbolic link says, or NULL; owned. */
char *store_read_link(int dirfd, const char *path);

/* store_remove_tree(), then inside the id map where that is not enough. */
NODISCARD int store_remove_mapped(const char *path, const struct id_map *uids, const struct id_map *gids,
				  store_in_map_fn *in_map, struct err *e);

/* store/data.c: opens DATA, or what stands in for it; what to do where it cannot be. */
NODISCARD int store_open_data(struct store *st, uid_t uid, const char *home, struct err *e);
/* Real root's place is fixed; to anybody else XDG_DATA_HOME gives another. */
const char *store_hint_data(const struct store *st);

/* Where images and volumes are. */
static inline const char *store_kept(const struct store *st)
{
	return st->kept_dir ? st->kept_dir : st->data_dir;
}

/* Says that @dir, of @what ("images"), is only to be read, with @errnum as the reason: -1. */
int store_is_fixed(const char *dir, const char *what, int errnum, struct err *e);

/* Adds to an error of a write what to do, where the disk or a limit is its cause; evaluates to -1. */
int store_hint_full(struct err *e);

#endif
