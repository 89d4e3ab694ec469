/* SPDX-License-Identifier: Apache-2.0 */
/* image/confine.h - what a task of lichen-image gives up before it reads a stranger's bytes */
#ifndef IMAGE_CONFINE_H
#define IMAGE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Which calls the filter leaves. */
enum confine_calls {
	CONFINE_FILES,	/* files below what is open, threads */
	CONFINE_NET,	/* and sockets, and what a resolver loads */
	CONFINE_READ,	/* and nothing is made, moved or removed; what opens a file to write is Landlock's */
	CONFINE_TREE,	/* unpack: makes files of every kind, gives them owners */
};

struct confine_path {
	int fd;		/* borrowed; -1: is left out */
	bool writes;	/* else reads only */
};

/* First of all: closes every descriptor but 0 to 2, the talk's and @keep (-1: none); standard input and output
 * become /dev/null, the process is not dumpable, leads a session and dies with the launcher. */
NODISCARD int confine_begin(const int *keep, size_t n_keep, struct err *e);

/* Landlock: below @paths only, @connects: TCP may connect. A kernel without it (for who writes, before 5.19): unpack has its
 * own root (confine_root), the others their filter and what the caller may do. */
NODISCARD int confine_paths(const struct confine_path *paths, size_t n, bool connects, struct err *e);

/* unpack: the tree is all that there is; new mount, network and ipc namespaces. Needs root inside a map. */
NODISCARD int confine_root(int tree, struct err *e);

/* Keeps the capabilities in @caps (bits), no new ones, and @calls. The last step, before any thread. */
NODISCARD int confine_end(uint64_t caps, enum confine_calls calls, struct err *e);

#endif
