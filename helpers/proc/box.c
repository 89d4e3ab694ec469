/* SPDX-License-Identifier: Apache-2.0 */
/* proc/box.c - one sandbox: what is read for which of its files */

#include "box.h"

#include <time.h>
#include <unistd.h>

enum { US = 1000000, NS_IN_US = 1000 };

const char *const FILE_NAMES[FILES] = {
	[FILE_MEMINFO] = "meminfo", [FILE_CPUINFO] = "cpuinfo", [FILE_STAT] = "stat",	  [FILE_UPTIME] = "uptime",
	[FILE_LOADAVG] = "loadavg", [FILE_SWAPS] = "swaps",	[FILE_ONLINE] = "online",
};

static uint64_t now_us(clockid_t id)
{
	struct timespec t = { 0 };

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * US + (uint64_t)t.tv_nsec / NS_IN_US;
}

void box_start(struct box *b, uint64_t start_ticks)
{
	AUTO_BUF struct buf stat = { 0 };
	long ticks = sysconf(_SC_CLK_TCK);
	unsigned hz = ticks > 0 && ticks <= US ? (unsigned)ticks : 100;

	b->start = now_us(CLOCK_BOOTTIME);
	if (start_ticks)
		b->start = num_min(start_ticks, NUM_MAX / US) / hz * US + start_ticks % hz * US / hz;
	source_read(b->source.host[HOST_STAT], &stat);
	machine_read(&b->machine, stat.s, b->start / US, hz);
	box_tick(b);
}

static uint64_t uptime(const struct box *b)
{
	return num_sub(now_us(CLOCK_BOOTTIME), b->start);
}

/* A text, or NULL where there is no such file. */
static const char *read_or_null(int fd, struct buf *text)
{
	return source_read(fd, text) ? text->s : NULL;
}

static size_t count_cpus(const struct box *b, struct cpuset *set)
{
	AUTO_BUF struct buf effective = { 0 }, online = { 0 };
	struct level levels[LEVELS_MAX];

	source_levels(&b->source, levels);
	return view_cpus(read_or_null(b->source.box[BOX_CPUSET], &effective),
			 read_or_null(b->source.host[HOST_ONLINE], &online), levels, b->source.n_levels, set);
}

/* Brings the clock to now; how many processors there are. */
static size_t advance(struct box *b)
{
	AUTO_BUF struct buf cpu_stat = { 0 };
	struct cpuset set;
	size_t n = count_cpus(b, &set);

	clock_advance(&b->clock, read_or_null(b->source.box[BOX_CPU_STAT], &cpu_stat), uptime(b), n);
	return n;
}

static uint64_t count_tasks(const struct box *b)
{
	AUTO_BUF struct buf text = { 0 };
	const char *pids = read_or_null(b->source.box[BOX_PIDS], &text);

	if (pids)
		return num_read(pids);
	return source_read(b->source.box[BOX_THREADS], &text) ? num_lines(text.s) : NUM_NONE;
}

void box_tick(struct box *b)
{
	AUTO_BUF struct buf stat = { 0 }, cpu = { 0 }, io = { 0 };

	advance(b);
	load_sample(&b->load, read_or_null(b->source.box[BOX_CPU_STAT], &stat),
		    read_or_null(b->source.box[BOX_CPU_PRESSURE], &cpu), read_or_null(b->source.box[BOX_IO_PRESSURE], &io),
		    count_tasks(b), now_us(CLOCK_MONOTONIC));
}

/* ---- the files ---- */

static void show_memory(struct box *b, enum proc_file file, struct buf *out)
{
	AUTO_BUF struct buf host = { 0 }, text = { 0 };
	struct level levels[LEVELS_MAX];

	source_levels(&b->source, levels);
	source_read(b->source.host[HOST_MEMINFO], &host);
	if (file == FILE_MEMINFO) {
		view_meminfo(host.s, read_or_null(b->source.box[BOX_MEMORY_STAT], &text), levels, b->source.n_levels, out);
	} else {
		source_read(b->source.host[HOST_SWAPS], &text);
		view_swaps(text.s, host.s, levels, b->source.n_levels, out);
	}
}

static void show_cpus(struct box *b, enum proc_file file, struct buf *out)
{
	AUTO_BUF struct buf host = { 0 };
	struct cpuset set;
	size_t n = count_cpus(b, &set);

	if (file == FILE_ONLINE) {
		view_online(n, out);
		return;
	}
	source_read(b->source.host[HOST_CPUINFO], &host);
	view_cpuinfo(host.s, &set, n, out);
}

static void show_times(struct box *b, enum proc_file file, struct buf *out)
{
	AUTO_BUF struct buf host = { 0 };
	size_t n = advance(b);
	struct tasks t;

	if (file == FILE_UPTIME) {
		view_uptime(&b->clock, out);
		return;
	}
	t = load_tasks(&b->load, count_tasks(b));
	source_read(b->source.host[HOST_STAT], &host);
	view_stat(&b->clock, host.s, n, &b->machine, &t, out);
}

static void show_load(struct box *b, enum proc_file file, struct buf *out)
{
	AUTO_BUF struct buf text = { 0 };
	struct tasks t = load_tasks(&b->load, count_tasks(b));

	(void)file;
	if (source_read(b->source.box[BOX_CPU_STAT], &text)) {
		view_loadavg(&b->load, &t, out);
	} else {
		source_read(b->source.host[HOST_LOADAVG], &text);
		buf_add(out, text.s);
	}
}

void box_show(struct box *b, enum proc_file file, struct buf *out)
{
	static void (*const SHOW[FILES])(struct box *, enum proc_file, struct buf *) = {
		[FILE_MEMINFO] = show_memory, [FILE_SWAPS] = show_memory, [FILE_CPUINFO] = show_cpus,
		[FILE_ONLINE] = show_cpus,    [FILE_STAT] = show_times,	  [FILE_UPTIME] = show_times,
		[FILE_LOADAVG] = show_load,
	};

	out->len = 0;
	SHOW[file](b, file, out);
}
