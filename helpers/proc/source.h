/* SPDX-License-Identifier: Apache-2.0 */
/* proc/source.h - the files of the machine and of the cgroup: opened once, read again and again */
#ifndef PROC_SOURCE_H
#define PROC_SOURCE_H

#include "base/str.h"
#include "view.h"

enum host_file { HOST_MEMINFO, HOST_CPUINFO, HOST_STAT, HOST_SWAPS, HOST_LOADAVG, HOST_ONLINE, HOST_FILES };
enum box_file {
	BOX_MEMORY_STAT, BOX_CPU_STAT, BOX_CPU_PRESSURE, BOX_IO_PRESSURE, BOX_CPUSET, BOX_PIDS, BOX_THREADS, BOX_FILES
};
enum level_file { LEVEL_MEMORY_MAX, LEVEL_MEMORY, LEVEL_SWAP_MAX, LEVEL_SWAP, LEVEL_CPU_MAX, LEVEL_FILES };

/* A text is cut there: no file of the kernel's that is read here is longer on any machine that is known. */
enum { LEVELS_MAX = 64, TEXT_MAX = 8 << 20 };

/* Descriptors; -1: there is no such file. */
struct source {
	int host[HOST_FILES], box[BOX_FILES];
	int levels[LEVELS_MAX][LEVEL_FILES];
	size_t n_levels;	/* the box's own first */
};

/**
 * source_open() - Open all files
 * @cgroup:	directory of the box's cgroup, borrowed; from it ".." leads up, to the root of that
 *		file system or as far as may be read
 *
 * Errors:	SYS where a file of the machine's /proc cannot be opened
 */
NODISCARD int source_open(struct source *s, int cgroup, struct err *e);

/* Reads @fd from its beginning into @text, replacing what was there. False, and "", where it cannot be
 * read, as when a controller is taken away: then there is no such file any more. */
bool source_read(int fd, struct buf *text);

/* Reads all levels into @out, which has room for LEVELS_MAX. */
void source_levels(const struct source *s, struct level *out);

#endif
