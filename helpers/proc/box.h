/* SPDX-License-Identifier: Apache-2.0 */
/* proc/box.h - one sandbox: where its numbers come from, its clock and its load */
#ifndef PROC_BOX_H
#define PROC_BOX_H

#include "source.h"
#include "view.h"

enum proc_file { FILE_MEMINFO, FILE_CPUINFO, FILE_STAT, FILE_UPTIME, FILE_LOADAVG, FILE_SWAPS, FILE_ONLINE, FILES };

struct box {
	struct source source;
	struct clock clock;
	struct load load;
	uint64_t start;		/* of the box: microseconds since the machine's boot */
	struct machine machine;
};

extern const char *const FILE_NAMES[FILES];

/* @start_ticks: field 22 of /proc/PID/stat of the box's first process; 0: now. The source is open. */
void box_start(struct box *b, uint64_t start_ticks);

/* Replaces @out by what @file holds now. */
void box_show(struct box *b, enum proc_file file, struct buf *out);

/* Takes a sample of the load; to be called every LOAD_SECONDS. */
void box_tick(struct box *b);

#endif
