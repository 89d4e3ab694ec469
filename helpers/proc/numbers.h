/* SPDX-License-Identifier: Apache-2.0 */
/* proc/numbers.h - numbers and sets of processors out of the kernel's texts; no system calls
 *
 * What is no number reads as NUM_NONE, and what is too large for 64 bits as NUM_MAX: a text that
 * is odd gives an odd number, never a crash and never an error.
 */
#ifndef PROC_NUMBERS_H
#define PROC_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUM_NONE UINT64_MAX	/* not told, or "max": no limit */
#define NUM_MAX	 (UINT64_MAX - 1)

enum { CPUS_MAX = 8192 };	/* NR_CPUS of the largest kernels */

struct cpuset {
	uint64_t bits[CPUS_MAX / 64];
};

uint64_t num_add(uint64_t a, uint64_t b);	/* both told; stays at NUM_MAX */
uint64_t num_sub(uint64_t a, uint64_t b);	/* 0 where @b is larger */
uint64_t num_min(uint64_t a, uint64_t b);	/* NUM_NONE is larger than all */

/* The number at the beginning of @text (NULL: NUM_NONE); blanks before it are skipped. */
uint64_t num_read(const char *text);

/* Of lines "KEY VALUE" (cpu.stat, memory.stat, /proc/meminfo with the colon in @key) the value of @key. */
uint64_t num_of_key(const char *text, const char *key);

/* "total=" of the line that begins with "some" in a pressure file, in microseconds. */
uint64_t num_pressure(const char *text);

/* How many processors cpu.max ("QUOTA PERIOD") comes to, rounded up; NUM_NONE: no limit. */
uint64_t num_quota_cpus(const char *text);

/* Lines of @text. */
uint64_t num_lines(const char *text);

/* Reads "0-3,8,10-11"; returns how many there are. Numbers of CPUS_MAX and more, and what is malformed, are left out. */
size_t cpuset_read(struct cpuset *set, const char *text);
bool cpuset_has(const struct cpuset *set, uint64_t cpu);

#endif
