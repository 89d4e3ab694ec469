/* SPDX-License-Identifier: Apache-2.0 */
/* spec/limits.h - what a cgroup limits: docker's and OCI's words, and the files of cgroups(7) that they become
 *
 * Pure. The table in limits.c is the one place that knows which file and controller a limit is.
 */
#ifndef SPEC_LIMITS_H
#define SPEC_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define LIMIT_MAX UINT64_MAX	/* "max": asked for, and without a bound */

enum throttle_kind { THROTTLE_READ_BPS, THROTTLE_WRITE_BPS, THROTTLE_READ_IOPS, THROTTLE_WRITE_IOPS, THROTTLE_KINDS };

/* How fast a block device may be read or written. */
struct spec_throttle {
	enum throttle_kind kind;
	uint32_t major, minor;
	uint64_t rate;		/* bytes or operations a second */
};

/* Numbers are 0 where nothing is asked for. */
struct spec_limits {
	uint64_t memory;		/* bytes */
	uint64_t memory_reservation;	/* bytes that are not reclaimed as long as others can be */
	uint64_t memory_swap;		/* bytes of memory and swap together, as docker counts; LIMIT_MAX */
	uint64_t cpu_quota, cpu_period;	/* microseconds; quota LIMIT_MAX */
	uint64_t cpu_shares;		/* 2 to 262144 */
	char *cpuset_cpus, *cpuset_mems;	/* "0-3,5"; owned; NULL */
	uint64_t pids;			/* processes and threads; LIMIT_MAX */
	uint64_t blkio_weight;		/* 10 to 1000 */
	struct spec_throttle *throttles;
	size_t n_throttles;
	struct strv unified;		/* KEY=VALUE: a file of cgroup v2 and what is written to it */
};

void limits_fini(struct spec_limits *l);
void limits_copy(struct spec_limits *dst, const struct spec_limits *src);
bool limits_any(const struct spec_limits *l);
void limits_add_throttle(struct spec_limits *l, const struct spec_throttle *t);	/* replaces one of that kind and device */
void limits_set_unified(struct spec_limits *l, const char *key, const char *value);	/* replaces */
const char *limits_unified(const struct spec_limits *l, const char *key);	/* borrowed, or NULL */
/* Lays @over over @l: what @over asks for wins. */
void limits_merge(struct spec_limits *l, const struct spec_limits *over);

/* What reading a file back after writing it must give. */
enum limit_check {
	LIMIT_EXACT,	/* the same words */
	LIMIT_PAGES,	/* bytes, rounded down to whole pages */
	LIMIT_LIST,	/* the same list of numbers, in the kernel's form */
	LIMIT_PART,	/* a line with the same words among others */
	LIMIT_TAKEN,	/* only the kernel knows the form: that the write worked */
};

struct limit_file {
	char *file, *value;	/* "memory.max", "67108864"; owned */
	const char *option;	/* "--memory"; NULL: nobody asked, it goes with another */
	enum limit_check check;
	bool may_lack;		/* a kernel without the file has nothing to limit there */
};

struct limit_files {
	struct limit_file *v;
	size_t n;
};

/* The files to be written, in order. The owner calls limit_files_fini(). */
void limits_files(const struct spec_limits *l, struct limit_files *out);
void limit_files_fini(struct limit_files *f);

/* The controllers that these files need ("memory"), each once. Appends. */
void limits_controllers(const struct limit_files *f, struct strv *out);

/* "0-2,7": whether it is such a list at all, and whether all of it is in @all. */
bool limits_is_list(const char *list);
bool limits_list_within(const char *list, const char *all);
unsigned limits_list_count(const char *list);
/* Appends the list in the kernel's form: sorted, joined. */
void limits_list_normal(const char *list, struct buf *out);

/* The word that io.max has for a kind ("rbps"), OCI's ("throttleReadBpsDevice"), the option's. */
const char *throttle_key(enum throttle_kind kind);
const char *throttle_oci(enum throttle_kind kind);
const char *throttle_option(enum throttle_kind kind);

/* Appends a sentence for each rule that @l breaks. */
void limits_check(const struct spec_limits *l, struct strv *faults);

#endif
