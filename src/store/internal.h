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

/* 64 hex digits. */
bool store_is_id(const char *s);

/* Does a supervisor hold the lock of RUN/ID? A shared lock is tried, so that two askers do not meet. */
bool store_is_live(const struct store *st, const char *id);

/* What a symbolic link says, or NULL; owned. */
char *store_read_link(int dirfd, const char *path);

#endif
