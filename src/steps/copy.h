/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy.h - the last rung of the writable root: a copy of the tree */
#ifndef STEPS_COPY_H
#define STEPS_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { COPY_NAMES = 3, COPY_NAME_MAX = 256 };

struct copy_stats {
	uint64_t files, dirs, symlinks, fifos, hardlinks;
	uint64_t bytes;
	uint64_t devices;	/* left out: sockets and device nodes */
	uint64_t unreadable;	/* left out: the caller may not read them */
	uint64_t too_deep;	/* left out: their paths are too long */
	uint64_t kernel_fs;	/* mounts of proc, sysfs ...: left empty */
	uint64_t xattrs;	/* left out: user.*, which the copy's file system does not take */
	uint64_t caps;		/* left out: a file's capabilities, which are another user namespace's */
	char first[COPY_NAMES][COPY_NAME_MAX];	/* of the unreadable; "" after the last */
};

/**
 * copy_tree() - Copy a directory as the caller
 * @src:	copied with what is mounted below, but for the kernel's own file systems
 * @dst:	exists and is empty; everything made in it is removable by the caller
 * @owners_path:	written: owners and modes as the host has them, for STEP_COPY_FIX
 * @st:		may be NULL
 * What cannot be read is left out, counted and warned of. A blocked SIGINT, SIGTERM or
 * SIGHUP that becomes pending ends the copy with EINTR.
 */
NODISCARD int copy_tree(const char *src, const char *dst, const char *owners_path, struct copy_stats *st,
			struct err *e);

struct id_map;
struct strv;

/* An image's layers, and the map whose ids their files have. */
struct copy_layers {
	const struct strv *lowers;		/* directories, the topmost first */
	const struct id_map *uids, *gids;	/* where this is called inside that map; else NULL: ids are the host's */
};

/* copy_tree() of what the layers are together: whiteouts, opaque directories and what lies above hide what is below. */
NODISCARD int copy_layers(const struct copy_layers *l, const char *dst, const char *owners_path, struct copy_stats *st,
			  struct err *e);

/**
 * copy_owned() - Copy a directory as root inside, with owners and modes
 * @src, @dst:	descriptors of directories, not O_PATH; @dst is empty, and gets owner, mode and times of @src
 * @what:	for messages
 * Otherwise as copy_tree(). What is there half after an error is the caller's to remove.
 */
NODISCARD int copy_owned(int src, int dst, const char *what, struct err *e);

/* Whether the descriptor is of a file system whose files the kernel makes up: proc, sysfs ... */
bool copy_is_kernel_fs(int fd);

/* What STEP_COPY_FIX does, on the copied tree @root_fd. @unmapped counts entries whose
 * owner or group has no number inside; they belong to root inside. */
NODISCARD int copy_fix(int root_fd, const char *owners_path, uint64_t *unmapped, struct err *e);

#endif
