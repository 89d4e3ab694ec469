/* SPDX-License-Identifier: Apache-2.0 */
/* proc/view.h - the files as a sandbox with limits should see them: texts in, text out; no system calls
 *
 * A text is what the kernel's file holds, terminated; NULL: there is no such file. What the cgroup
 * does not tell is the host's own: nothing is made up.
 */
#ifndef PROC_VIEW_H
#define PROC_VIEW_H

#include "base/str.h"
#include "numbers.h"

/* A cgroup: the box's own or one above it. Bytes; NUM_NONE where there is no limit or no file. */
struct level {
	uint64_t memory_max, memory_used;
	uint64_t swap_max, swap_used;
	uint64_t quota_cpus;
};

/* ---- memory (memory.c) ---- */

/**
 * view_meminfo() - Append /proc/meminfo
 * @host:	the host's
 * @stat:	memory.stat of the box; NULL or without memory.current: the host's text as it is
 * @levels:	the box first, then what is above it; at least one
 *
 * Each line of the host's keeps its place. MemTotal is the least limit; MemFree and MemAvailable
 * are the least that is left under any limit, and never more than the host's MemAvailable.
 */
void view_meminfo(const char *host, const char *stat, const struct level *levels, size_t n_levels, struct buf *out);

/* Appends /proc/swaps: the host's @swaps, or one line of the box's share. @host is its meminfo. */
void view_swaps(const char *swaps, const char *host, const struct level *levels, size_t n_levels, struct buf *out);

/* ---- processors (cpus.c) ---- */

/**
 * view_cpus() - How many processors the box has, and which
 * @effective:	cpuset.cpus.effective of the box
 * @online:	the host's /sys/devices/system/cpu/online
 * @set:	which of the host's they are taken from, the first ones
 * Return: 1 or more
 */
size_t view_cpus(const char *effective, const char *online, const struct level *levels, size_t n_levels,
		 struct cpuset *set);

void view_online(size_t n_cpus, struct buf *out);

/* Appends the first @n_cpus stanzas of those in @set, numbered from 0. */
void view_cpuinfo(const char *host, const struct cpuset *set, size_t n_cpus, struct buf *out);

/* ---- time (clock.c) ---- */

struct cpu_time {
	uint64_t user, nice, system, idle;	/* microseconds */
};

/* The time that each processor of the box has spent. It only grows, whatever the limits do. */
struct clock {
	struct cpu_time seen;	/* what cpu.stat told last */
	uint64_t at;		/* uptime then, in microseconds */
	bool is_known;		/* cpu.stat was there */
	struct cpu_time *cpus;	/* owned */
	size_t n_cpus;		/* that there ever were */
	struct cpu_time sum;	/* of all of them */
};

struct tasks {
	uint64_t running, blocked;	/* now; at least one runs, who reads */
	uint64_t total;
};

/* The machine when the box started: what nobody counts for a box is counted from there. */
struct machine {
	unsigned hz;		/* clock ticks in a second */
	uint64_t boot;		/* seconds since 1970 when the box started */
	uint64_t ctxt, processes, intr, softirq;
};

/* Brings @c to @uptime: what cpu.stat has more than last time is spread over @n_cpus, the rest is idle. */
void clock_advance(struct clock *c, const char *cpu_stat, uint64_t uptime, size_t n_cpus);
void clock_fini(struct clock *c);

/* Appends /proc/uptime. Without cpu.stat the processors were idle. */
void view_uptime(const struct clock *c, struct buf *out);

/* @stat: the machine's /proc/stat; @start: of the box, in seconds since the machine's boot */
void machine_read(struct machine *m, const char *stat, uint64_t start, unsigned hz);

/**
 * view_stat() - Append /proc/stat
 * @host:	the machine's, from which all lines but those of processors are taken; interrupts by
 *		their source are 0
 */
void view_stat(const struct clock *c, const char *host, size_t n_cpus, const struct machine *m, const struct tasks *t,
	       struct buf *out);

/* ---- load (load.c) ---- */

enum { LOAD_SECONDS = 5 };	/* between two samples */

/* The averages over 1, 5 and 15 minutes, as the kernel has them: 11 bits behind the point. */
struct load {
	uint64_t average[3];
	uint64_t usage, waited, blocked;	/* the counters at the last sample, in microseconds */
	uint64_t at;				/* when that was; 0: none yet */
	uint64_t running, stuck;		/* what the last sample found, 11 bits behind the point */
};

/**
 * load_sample() - Take one sample, every LOAD_SECONDS
 * @cpu_stat:		its usage_usec: how many tasks ran, on average
 * @cpu_pressure:	for how long tasks waited for a processor
 * @io_pressure:	for how long tasks waited for a disk
 * @total:		tasks in the box; NUM_NONE where nothing tells
 * @now:		microseconds, on any clock that only grows
 */
void load_sample(struct load *l, const char *cpu_stat, const char *cpu_pressure, const char *io_pressure,
		 uint64_t total, uint64_t now);

/* What the last sample says of now. */
struct tasks load_tasks(const struct load *l, uint64_t total);
void view_loadavg(const struct load *l, const struct tasks *t, struct buf *out);

#endif
