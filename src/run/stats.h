/* SPDX-License-Identifier: Apache-2.0 */
/* run/stats.h - what sandboxes use: the files of their cgroups, read again and again, as numbers
 *
 *   texts ─ stat_parse() ─► reading ─┐
 *                                    ├─ stat_compare() ─► sample     pure: run/stats.c
 *   texts ─ stat_parse() ─► reading ─┘
 *
 * run/stats_watch.c has the running sandboxes and their open files, from which the texts come.
 */
#ifndef RUN_STATS_H
#define RUN_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct store;

/* In place of a number: nothing is known, as the controller, the file or the kernel's part is missing. */
#define STAT_NONE UINT64_MAX
#define STAT_UNBOUND (UINT64_MAX - 1)	/* "max" */

/* Files of cgroups(7) in a sandbox's box. */
enum stat_file {
	STAT_F_CPU, STAT_F_CPU_PRESSURE,
	STAT_F_MEMORY, STAT_F_MEMORY_STAT, STAT_F_MEMORY_MAX, STAT_F_MEMORY_PEAK, STAT_F_MEMORY_EVENTS, STAT_F_SWAP,
	STAT_F_MEMORY_PRESSURE,
	STAT_F_IO, STAT_F_IO_PRESSURE,
	STAT_F_PIDS, STAT_F_PIDS_MAX, STAT_F_PIDS_EVENTS,
	STAT_FILES
};

enum stat_number {
	STAT_CPU_USEC, STAT_PERIODS, STAT_THROTTLED, STAT_THROTTLED_USEC,
	STAT_MEMORY, STAT_INACTIVE_FILE, STAT_MEMORY_MAX, STAT_MEMORY_PEAK, STAT_OOMS, STAT_SWAP,
	STAT_IO_READ, STAT_IO_WRITTEN,
	STAT_PIDS, STAT_PIDS_MAX, STAT_PIDS_REFUSED,
	STAT_NUMBERS
};

enum stat_resource { STAT_CPU_R, STAT_MEMORY_R, STAT_IO_R, STAT_RESOURCES };

/* The shares of the last ten seconds in which some, or all, waited for a resource. Percent; negative: not known. */
struct stat_pressure {
	double some, full;
};

/* What the files said at one moment. */
struct stat_reading {
	uint64_t at;			/* microseconds of CLOCK_MONOTONIC */
	uint64_t n[STAT_NUMBERS];	/* as in the files: bytes, microseconds, counts; or STAT_NONE */
	struct stat_pressure pressure[STAT_RESOURCES];
};

/* Nothing is known yet. */
void stat_reading_init(struct stat_reading *r, uint64_t at);

const char *stat_file_name(enum stat_file f);		/* "cpu.stat" */
const char *stat_resource_name(enum stat_resource r);	/* "cpu", static */

/* Takes what the file's @text says into @r. What is not in the text stays not known. */
void stat_parse(enum stat_file f, const char *text, struct stat_reading *r);

/* What slows a sandbox down. */
enum stat_bottleneck { STAT_NOTHING, STAT_BY_CPU, STAT_BY_MEMORY, STAT_BY_IO, STAT_BY_PIDS, STAT_BOTTLENECKS };

/* From when on something is called the bottleneck: percent. The manual explains them (lichen-stats(1)). */
enum {
	STAT_NEAR_LIMIT = 95,		/* memory in use, of the limit */
	STAT_MEMORY_PRESSURE = 10,	/* some of the time */
	STAT_THROTTLED_PERIODS = 25,	/* of the periods in between */
	STAT_CPU_PRESSURE = 25,
	STAT_IO_PRESSURE = 10,
};

/* What is shown of a sandbox. Percentages are negative, numbers STAT_NONE where nothing is known. */
struct stat_sample {
	double cpu_percent;		/* of one processor, between the readings */
	double throttled_percent;	/* of the periods between the readings */
	uint64_t throttled_usec;	/* between the readings; of all processors together */
	uint64_t memory;		/* without pages of files that nobody used lately, as docker has it */
	uint64_t memory_limit, memory_peak, swap;
	double memory_percent;		/* of the limit */
	uint64_t io_read, io_written;	/* bytes since its start */
	uint64_t pids, pids_limit;	/* the limit STAT_UNBOUND: none */
	struct stat_pressure pressure[STAT_RESOURCES];
	uint64_t ooms, pids_refused;	/* between the readings: memory that was not had, processes that were refused */
	enum stat_bottleneck bottleneck;
};

/**
 * stat_compare() - What happened between two readings, and what is so at the second one
 * @before:	NULL: there is none, and nothing is known of what happened
 * @bound:	memory that can be had at most, whatever the box's own limit is
 * A counter that went back was begun anew: nothing is known of it.
 */
void stat_compare(const struct stat_reading *before, const struct stat_reading *now, uint64_t bound,
		  struct stat_sample *out);

/* Nothing is known. */
void stat_sample_init(struct stat_sample *out);

/* "cpu"; "-" for nothing. */
const char *stat_bottleneck_name(enum stat_bottleneck b);

/* ---- the running sandboxes: run/stats_watch.c ---- */

enum { STAT_HISTORY = 8 };

struct stat_box {
	char *id, *name;	/* owned; name NULL: none */
	char *live;		/* RUN/ID; owned */
	char *dir;		/* where its limits lie; owned; NULL: no cgroup of its own */
	int fds[STAT_FILES];	/* kept open; -1 */
	uint32_t absent;	/* a bit for each file that is not there */
	uint64_t bound;		/* least memory.max of the levels above, or what the machine has */
	bool is_live, is_gone;	/* is_gone: its cgroup was removed, it ends */
	bool has_last;
	struct stat_reading last;
	struct stat_sample now;
	double history[STAT_HISTORY];	/* cpu_percent of the last samples, the newest last */
};

struct stats {
	struct stat_box *v;	/* sorted by what they are called */
	size_t n;
	struct strv ids;	/* the only ones to look at; empty: all */
	char *text;		/* for reading into; owned */
	size_t fds_left;	/* how many descriptors may be kept open */
	uint64_t machine;	/* bytes of memory */
	unsigned rounds;
};

/* Raises the limit of open files of this process as far as it may. */
void stats_init(struct stats *s);
void stats_fini(struct stats *s);

/* Looks which sandboxes run now: new ones come in, ended ones go. Errors: SYS */
NODISCARD int stats_refresh(struct stats *s, const struct store *st, struct err *e);

/* Reads the files of all, and compares with the time before. */
void stats_sample(struct stats *s);

#define AUTO_STATS __attribute__((cleanup(stats_fini)))

#endif
