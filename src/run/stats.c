/* SPDX-License-Identifier: Apache-2.0 */
/* run/stats.c - texts of cgroup files as numbers, two readings as a sample; pure */

#include "run/stats.h"

#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

enum form {
	FORM_NUMBER,	/* "4096" or "max" */
	FORM_KEYS,	/* lines "key number" */
	FORM_DEVICES,	/* lines "8:0 key=number key=number": the sums of all devices */
	FORM_PRESSURE,	/* lines "some avg10=0.00 ..." */
};

static const struct {
	const char *name;
	enum form form;
	enum stat_resource resource;	/* FORM_PRESSURE */
} FILES[STAT_FILES] = {
	[STAT_F_CPU] = { "cpu.stat", FORM_KEYS, 0 },
	[STAT_F_CPU_PRESSURE] = { "cpu.pressure", FORM_PRESSURE, STAT_CPU_R },
	[STAT_F_MEMORY] = { "memory.current", FORM_NUMBER, 0 },
	[STAT_F_MEMORY_STAT] = { "memory.stat", FORM_KEYS, 0 },
	[STAT_F_MEMORY_MAX] = { "memory.max", FORM_NUMBER, 0 },
	[STAT_F_MEMORY_PEAK] = { "memory.peak", FORM_NUMBER, 0 },
	[STAT_F_MEMORY_EVENTS] = { "memory.events", FORM_KEYS, 0 },
	[STAT_F_SWAP] = { "memory.swap.current", FORM_NUMBER, 0 },
	[STAT_F_MEMORY_PRESSURE] = { "memory.pressure", FORM_PRESSURE, STAT_MEMORY_R },
	[STAT_F_IO] = { "io.stat", FORM_DEVICES, 0 },
	[STAT_F_IO_PRESSURE] = { "io.pressure", FORM_PRESSURE, STAT_IO_R },
	[STAT_F_PIDS] = { "pids.current", FORM_NUMBER, 0 },
	[STAT_F_PIDS_MAX] = { "pids.max", FORM_NUMBER, 0 },
	[STAT_F_PIDS_EVENTS] = { "pids.events", FORM_KEYS, 0 },
};

/* Which number of which file is which of ours. */
static const struct {
	enum stat_file file;
	const char *key;	/* NULL: the only number */
	enum stat_number number;
} NUMBERS[STAT_NUMBERS] = {
	{ STAT_F_CPU, "usage_usec", STAT_CPU_USEC },
	{ STAT_F_CPU, "nr_periods", STAT_PERIODS },
	{ STAT_F_CPU, "nr_throttled", STAT_THROTTLED },
	{ STAT_F_CPU, "throttled_usec", STAT_THROTTLED_USEC },
	{ STAT_F_MEMORY, NULL, STAT_MEMORY },
	{ STAT_F_MEMORY_STAT, "inactive_file", STAT_INACTIVE_FILE },
	{ STAT_F_MEMORY_MAX, NULL, STAT_MEMORY_MAX },
	{ STAT_F_MEMORY_PEAK, NULL, STAT_MEMORY_PEAK },
	{ STAT_F_MEMORY_EVENTS, "oom", STAT_OOMS },
	{ STAT_F_SWAP, NULL, STAT_SWAP },
	{ STAT_F_IO, "rbytes", STAT_IO_READ },
	{ STAT_F_IO, "wbytes", STAT_IO_WRITTEN },
	{ STAT_F_PIDS, NULL, STAT_PIDS },
	{ STAT_F_PIDS_MAX, NULL, STAT_PIDS_MAX },
	{ STAT_F_PIDS_EVENTS, "max", STAT_PIDS_REFUSED },
};

const char *stat_file_name(enum stat_file f)
{
	return FILES[f].name;
}

const char *stat_resource_name(enum stat_resource r)
{
	static const char *const NAMES[STAT_RESOURCES] = { "cpu", "memory", "io" };

	return NAMES[r];
}

void stat_reading_init(struct stat_reading *r, uint64_t at)
{
	r->at = at;
	for (size_t i = 0; i < STAT_NUMBERS; i++)
		r->n[i] = STAT_NONE;
	for (size_t i = 0; i < STAT_RESOURCES; i++)
		r->pressure[i] = (struct stat_pressure){ -1, -1 };
}

/* ---- texts ---- */

static uint64_t number_at(const char *s)
{
	if (strncmp(s, "max", 3) == 0)
		return STAT_UNBOUND;
	return *s >= '0' && *s <= '9' ? strtoull(s, NULL, 10) : STAT_NONE;
}

/* What stands behind @key and a blank at the beginning of a line; NULL: no such line. */
static const char *behind_key(const char *text, const char *key)
{
	const size_t n = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return line + n + 1;
	return NULL;
}

/* The sum of all "@key=number"; none at all is 0, as a group that did no I/O has no lines. */
static uint64_t sum_of(const char *text, const char *key)
{
	const size_t n = strlen(key);
	uint64_t sum = 0;

	for (const char *at = text; (at = strstr(at, key)); at += n)
		if (at > text && at[-1] == ' ' && at[n] == '=')
			sum += strtoull(at + n + 1, NULL, 10);
	return sum;
}

static double avg10(const char *text, const char *who)
{
	const char *at = behind_key(text, who);

	return at && strncmp(at, "avg10=", 6) == 0 ? strtod(at + 6, NULL) : -1;
}

void stat_parse(enum stat_file f, const char *text, struct stat_reading *r)
{
	if (FILES[f].form == FORM_PRESSURE) {
		r->pressure[FILES[f].resource] = (struct stat_pressure){ avg10(text, "some"), avg10(text, "full") };
		return;
	}
	for (size_t i = 0; i < STAT_NUMBERS; i++) {
		const char *key = NUMBERS[i].key, *at = text;

		if (NUMBERS[i].file != f)
			continue;
		if (FILES[f].form == FORM_KEYS)
			at = behind_key(text, key);
		r->n[NUMBERS[i].number] = FILES[f].form == FORM_DEVICES ? sum_of(text, key) : at ? number_at(at) : STAT_NONE;
	}
}

/* ---- comparing ---- */

static bool is_known(uint64_t n)
{
	return n != STAT_NONE && n != STAT_UNBOUND;
}

static uint64_t grown(const struct stat_reading *before, const struct stat_reading *now, enum stat_number n)
{
	if (!before || !is_known(before->n[n]) || !is_known(now->n[n]) || now->n[n] < before->n[n])
		return STAT_NONE;
	return now->n[n] - before->n[n];
}

static double percent(uint64_t part, uint64_t whole)
{
	return is_known(part) && is_known(whole) && whole ? 100.0 * (double)part / (double)whole : -1;
}

static void compare_cpu(const struct stat_reading *before, const struct stat_reading *now, struct stat_sample *out)
{
	const uint64_t periods = grown(before, now, STAT_PERIODS);

	out->cpu_percent = percent(grown(before, now, STAT_CPU_USEC), before ? now->at - before->at : 0);
	/* a group without a quota has no periods, and one that slept through the interval had none */
	out->throttled_percent = periods ? percent(grown(before, now, STAT_THROTTLED), periods) : 0;
	out->throttled_usec = grown(before, now, STAT_THROTTLED_USEC);
}

static void take_memory(const struct stat_reading *now, uint64_t bound, struct stat_sample *out)
{
	const uint64_t all = now->n[STAT_MEMORY], idle = now->n[STAT_INACTIVE_FILE];

	out->memory_peak = now->n[STAT_MEMORY_PEAK];
	out->swap = now->n[STAT_SWAP];
	if (!is_known(all))
		return;
	/* the two were read one after the other */
	out->memory = is_known(idle) ? all > idle ? all - idle : 0 : all;
	out->memory_limit = is_known(now->n[STAT_MEMORY_MAX]) && now->n[STAT_MEMORY_MAX] < bound ? now->n[STAT_MEMORY_MAX] : bound;
	out->memory_percent = percent(out->memory, out->memory_limit);
}

static double greater(double a, double b)
{
	return a > b ? a : b;
}

/* What was refused comes first, as nobody can wait for it. Memory before the others: a group that is
 * short of it also waits for the disk from which its pages come back. */
static enum stat_bottleneck find_bottleneck(const struct stat_sample *s)
{
	const double io = s->pressure[STAT_IO_R].some;
	const bool is_cpu = s->throttled_percent >= STAT_THROTTLED_PERIODS || s->pressure[STAT_CPU_R].some >= STAT_CPU_PRESSURE;

	if (is_known(s->pids_refused) && s->pids_refused)
		return STAT_BY_PIDS;
	if (is_known(s->pids) && is_known(s->pids_limit) && s->pids >= s->pids_limit)
		return STAT_BY_PIDS;
	if ((is_known(s->ooms) && s->ooms) || s->memory_percent >= STAT_NEAR_LIMIT ||
	    s->pressure[STAT_MEMORY_R].some >= STAT_MEMORY_PRESSURE)
		return STAT_BY_MEMORY;
	if (io >= STAT_IO_PRESSURE && (!is_cpu || io > greater(s->throttled_percent, s->pressure[STAT_CPU_R].some)))
		return STAT_BY_IO;
	return is_cpu ? STAT_BY_CPU : STAT_NOTHING;
}

void stat_sample_init(struct stat_sample *out)
{
	struct stat_reading nothing;

	stat_reading_init(&nothing, 0);
	stat_compare(NULL, &nothing, STAT_NONE, out);
}

void stat_compare(const struct stat_reading *before, const struct stat_reading *now, uint64_t bound,
		  struct stat_sample *out)
{
	*out = (struct stat_sample){ .memory = STAT_NONE, .memory_limit = STAT_NONE, .memory_percent = -1 };
	compare_cpu(before, now, out);
	take_memory(now, bound, out);
	out->io_read = now->n[STAT_IO_READ];
	out->io_written = now->n[STAT_IO_WRITTEN];
	out->pids = now->n[STAT_PIDS];
	out->pids_limit = now->n[STAT_PIDS_MAX];
	out->ooms = grown(before, now, STAT_OOMS);
	out->pids_refused = grown(before, now, STAT_PIDS_REFUSED);
	memcpy(out->pressure, now->pressure, sizeof(out->pressure));
	out->bottleneck = find_bottleneck(out);
}

const char *stat_bottleneck_name(enum stat_bottleneck b)
{
	static const char *const NAMES[STAT_BOTTLENECKS] = {
		[STAT_NOTHING] = "-", [STAT_BY_CPU] = "cpu", [STAT_BY_MEMORY] = "memory", [STAT_BY_IO] = "io", [STAT_BY_PIDS] = "pids",
	};

	return NAMES[b];
}
