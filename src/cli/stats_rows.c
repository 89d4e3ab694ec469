/* SPDX-License-Identifier: Apache-2.0 */
/* cli/stats_rows.c - what sandboxes use, as rows of a table */

#include "cli/stats_rows.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/size.h"
#include "store/store.h"

enum { SPARKS = 8, USEC_PER_MSEC = 1000, NSEC_PER_MSEC = 1000000, MSEC_PER_SEC = 1000 };

/* On a terminal only: a pipe has all of the past. */
enum { HISTORY_RANK = 4 };

/* ---- cells ----
 *
 * Each function adds the one cell of a sandbox that its column's row below asks for; @at is
 * where the number lies in struct stat_sample. */

static uint64_t number_at(const struct stat_box *b, size_t at)
{
	uint64_t n;

	memcpy(&n, (const char *)&b->now + at, sizeof(n));
	return n;
}

static double real_at(const struct stat_box *b, size_t at)
{
	double n;

	memcpy(&n, (const char *)&b->now + at, sizeof(n));
	return n;
}

static bool is_known(uint64_t n)
{
	return n != STAT_NONE && n != STAT_UNBOUND;
}

static void add_number(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const uint64_t n = number_at(b, at);

	if (is_known(n))
		table_int(&r->table, (int64_t)n, NULL);
	else
		table_null(&r->table, NULL);
}

static void add_bytes(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const uint64_t n = number_at(b, at);
	char text[SIZE_TEXT];

	if (is_known(n))
		table_int(&r->table, (int64_t)n, size_format(n, text));
	else
		table_null(&r->table, NULL);
}

static void add_ms(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const uint64_t usec = number_at(b, at);

	if (is_known(usec))
		table_int(&r->table, (int64_t)(usec / USEC_PER_MSEC), NULL);
	else
		table_null(&r->table, NULL);
}

/* With two decimals, for programs too. */
static void add_percent(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const double percent = real_at(b, at);
	char text[PERCENT_TEXT];

	if (percent < 0)
		table_null(&r->table, NULL);
	else
		table_real(&r->table, (double)(int64_t)(percent * 100 + 0.5) / 100, percent_format(percent / 100, text));
}

/* A number and, behind it in struct stat_sample, its limit: "12.5MiB/1GiB", "3/max". */
static void add_used(struct stats_rows *r, uint64_t used, uint64_t limit, bool are_bytes)
{
	AUTO_BUF struct buf out = { 0 };
	char text[SIZE_TEXT];

	for (int i = 0; is_known(used) && i < 2; i++) {
		const uint64_t n = i ? limit : used;

		buf_add(&out, i ? "/" : "");
		if (!is_known(n))
			buf_add(&out, n == STAT_NONE ? "-" : "max");
		else if (are_bytes)
			buf_add(&out, size_format(n, text));
		else
			buf_addf(&out, "%" PRIu64, n);
	}
	table_text(&r->table, out.s);
}

static void add_memory_used(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	add_used(r, b->now.memory, b->now.memory_limit, true);
}

static void add_pids_used(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	add_used(r, b->now.pids, b->now.pids_limit, false);
}

static void add_io(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	add_used(r, b->now.io_read, b->now.io_written, true);
}

/* "25/3%": some and all. */
static void add_pressure(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const double some = real_at(b, at), full = real_at(b, at + offsetof(struct stat_pressure, full));
	AUTO_BUF struct buf out = { 0 };

	if (some >= 0 && full >= 0)
		buf_addf(&out, "%.0f/%.0f%%", some, full);
	else if (some >= 0)
		buf_addf(&out, "%.0f/-", some);
	table_text(&r->table, out.s);
}

static void add_throttled(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	const struct stat_sample *s = &b->now;
	AUTO_BUF struct buf out = { 0 };
	char text[DURATION_TEXT];

	(void)at;
	if (s->throttled_percent >= 0)
		buf_addf(&out, "%.0f%%", s->throttled_percent);
	if (out.len && is_known(s->throttled_usec) && s->throttled_usec)
		buf_addf(&out, " %s", duration_format(s->throttled_usec / USEC_PER_MSEC, text));
	table_text(&r->table, out.s);
}

static void add_bottleneck(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	table_text(&r->table, b->now.bottleneck == STAT_NOTHING ? NULL : stat_bottleneck_name(b->now.bottleneck));
}

static void add_history(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	AUTO_BUF struct buf out = { 0 };

	(void)at;
	stats_spark(b->history, STAT_HISTORY, r->is_utf8, &out);
	table_text(&r->table, out.s);
}

static void add_called(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	AUTO_FREE char *id = str_dupn(b->id, RUN_ID_SHORT);

	(void)at;
	table_text(&r->table, b->name ? b->name : id);
}

static void add_id(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	table_text(&r->table, b->id);
}

static void add_name(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	table_text(&r->table, b->name);
}

static void add_cgroup(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)at;
	table_text(&r->table, b->dir);
}

static void add_time(struct stats_rows *r, const struct stat_box *b, size_t at)
{
	(void)b;
	(void)at;
	table_text(&r->table, r->time);
}

/* ---- columns ---- */

#define AT(field) offsetof(struct stat_sample, field)

/* Where there is no room the highest rank goes first; 0 stays. */
static const struct {
	struct column column;
	void (*add)(struct stats_rows *r, const struct stat_box *b, size_t at);
	size_t at;
	unsigned rank;
} FIELDS[] = {
	{ { NULL, "time", COLUMN_LEFT }, add_time, 0, 0 },
	{ { NULL, "id", COLUMN_LEFT }, add_id, 0, 0 },
	{ { NULL, "name", COLUMN_LEFT }, add_name, 0, 0 },
	{ { NULL, "cgroup", COLUMN_LEFT }, add_cgroup, 0, 0 },
	{ { "NAME", NULL, COLUMN_LEFT }, add_called, 0, 0 },
	{ { "CPU %", "cpuPercent", COLUMN_RIGHT }, add_percent, AT(cpu_percent), 0 },
	{ { "HISTORY", NULL, COLUMN_LEFT }, add_history, 0, HISTORY_RANK },
	{ { "MEMORY", NULL, COLUMN_RIGHT }, add_memory_used, 0, 0 },
	{ { NULL, "memoryBytes", COLUMN_LEFT }, add_number, AT(memory), 0 },
	{ { NULL, "memoryLimitBytes", COLUMN_LEFT }, add_number, AT(memory_limit), 0 },
	{ { "MEM %", "memoryPercent", COLUMN_RIGHT }, add_percent, AT(memory_percent), 2 },
	{ { "PEAK", "memoryPeakBytes", COLUMN_RIGHT }, add_bytes, AT(memory_peak), 9 },
	{ { "SWAP", "swapBytes", COLUMN_RIGHT }, add_bytes, AT(swap), 10 },
	{ { "PIDS", NULL, COLUMN_RIGHT }, add_pids_used, 0, 3 },
	{ { NULL, "pids", COLUMN_LEFT }, add_number, AT(pids), 0 },
	{ { NULL, "pidsLimit", COLUMN_LEFT }, add_number, AT(pids_limit), 0 },
	{ { "I/O R/W", NULL, COLUMN_RIGHT }, add_io, 0, 5 },
	{ { NULL, "ioReadBytes", COLUMN_LEFT }, add_number, AT(io_read), 0 },
	{ { NULL, "ioWrittenBytes", COLUMN_LEFT }, add_number, AT(io_written), 0 },
	{ { "THROTTLED", NULL, COLUMN_RIGHT }, add_throttled, 0, 6 },
	{ { NULL, "throttledPercent", COLUMN_LEFT }, add_percent, AT(throttled_percent), 0 },
	{ { NULL, "throttledMs", COLUMN_LEFT }, add_ms, AT(throttled_usec), 0 },
	{ { "CPU WAIT", NULL, COLUMN_RIGHT }, add_pressure, AT(pressure[STAT_CPU_R]), 7 },
	{ { "MEM WAIT", NULL, COLUMN_RIGHT }, add_pressure, AT(pressure[STAT_MEMORY_R]), 8 },
	{ { "IO WAIT", NULL, COLUMN_RIGHT }, add_pressure, AT(pressure[STAT_IO_R]), 8 },
	{ { NULL, "cpuSomePercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_CPU_R].some), 0 },
	{ { NULL, "cpuFullPercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_CPU_R].full), 0 },
	{ { NULL, "memorySomePercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_MEMORY_R].some), 0 },
	{ { NULL, "memoryFullPercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_MEMORY_R].full), 0 },
	{ { NULL, "ioSomePercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_IO_R].some), 0 },
	{ { NULL, "ioFullPercent", COLUMN_LEFT }, add_percent, AT(pressure[STAT_IO_R].full), 0 },
	{ { "BOTTLENECK", "bottleneck", COLUMN_LEFT }, add_bottleneck, 0, 0 },
};

_Static_assert(N_ELEMS(FIELDS) == STATS_COLUMNS, "stats_rows.columns has one for each field");

void stats_rows_init(struct stats_rows *r)
{
	*r = (struct stats_rows){ .table = { .columns = r->columns, .n_columns = STATS_COLUMNS } };
}

void stats_rows_fini(struct stats_rows *r)
{
	table_fini(&r->table);
}

/* UTC, as RFC 3339 has it. */
static void take_time(struct stats_rows *r)
{
	struct timespec now = { 0 };
	struct tm tm = { 0 };
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(r->time, sizeof(r->time), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(r->time + n, sizeof(r->time) - n, ".%03uZ", (unsigned)(now.tv_nsec / NSEC_PER_MSEC) % MSEC_PER_SEC);
}

void stats_rows_fill(struct stats_rows *r, const struct stats *s)
{
	table_clear(&r->table);
	take_time(r);
	for (size_t i = 0; i < STATS_COLUMNS; i++)
		r->columns[i] = FIELDS[i].column;
	for (size_t i = 0; i < s->n; i++)
		for (size_t c = 0; c < STATS_COLUMNS && !s->v[i].is_gone; c++)
			FIELDS[c].add(r, &s->v[i], FIELDS[c].at);
}

/* Of the highest rank that is still shown; 0 where nothing may go. */
static unsigned drop_one(struct stats_rows *r)
{
	size_t worst = 0;

	for (size_t c = 0; c < STATS_COLUMNS; c++)
		if (r->columns[c].title && FIELDS[c].rank >= FIELDS[worst].rank)
			worst = c;
	if (FIELDS[worst].rank)
		r->columns[worst].title = NULL;
	return FIELDS[worst].rank;
}

void stats_rows_fit(struct stats_rows *r, size_t width)
{
	for (size_t c = 0; c < STATS_COLUMNS && !width; c++)
		if (FIELDS[c].rank == HISTORY_RANK)
			r->columns[c].title = NULL;
	while (width && table_width(&r->table) > width && drop_one(r))
		;
}

/* ---- history ---- */

void stats_spark(const double *values, size_t n, bool is_utf8, struct buf *out)
{
	static const char *const UTF8[SPARKS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ASCII[SPARKS] = { "_", ".", ":", "-", "=", "+", "*", "#" };
	double top = 100;

	for (size_t i = 0; i < n; i++)
		top = values[i] > top ? values[i] : top;
	for (size_t i = 0; i < n; i++) {
		const size_t level = values[i] < 0 ? 0 : (size_t)(values[i] / top * SPARKS);

		buf_add(out, values[i] < 0 ? " " : (is_utf8 ? UTF8 : ASCII)[level < SPARKS ? level : SPARKS - 1]);
	}
}
