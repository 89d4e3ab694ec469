/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_proc.c - what lichen-proc makes of any texts: within bounds, and numbers that fit together
 *
 * The input is texts with a line "--" between them: the machine's meminfo, cpuinfo, stat and list of
 * processors; memory.stat, cpu.stat a first and a second time, cpu.pressure, cpuset.cpus.effective; then for
 * each level memory.max, memory.current, memory.swap.max, memory.swap.current and cpu.max.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proc/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum text { MEMINFO, CPUINFO, STAT, ONLINE, MEMORY_STAT, CPU_STAT, CPU_STAT_2, PRESSURE, CPUSET, LEVELS, TEXTS = LEVELS + 15 };

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* As the kernel's texts, without NUL. */
static void split(char *s, const char *v[TEXTS])
{
	for (size_t i = 0; i < TEXTS; i++)
		v[i] = "";
	for (size_t i = 0; i < TEXTS && s; i++) {
		char *end = strncmp(s, "--\n", 3) == 0 ? s : strstr(s, "\n--\n");

		v[i] = s;
		if (!end)
			return;
		s = end + (end == s && *end == '-' ? 3 : 4);
		end[*end == '\n'] = '\0';
	}
}

static void memory(const char *const v[TEXTS], const struct level *levels, size_t n)
{
	AUTO_BUF struct buf out = { 0 }, swaps = { 0 };
	uint64_t total, left;

	view_meminfo(v[MEMINFO], v[MEMORY_STAT], levels, n, &out);
	view_swaps("", v[MEMINFO], levels, n, &swaps);
	must(num_lines(out.s) <= num_lines(v[MEMINFO]) + 1);
	if (levels[0].memory_used == NUM_NONE)
		return;
	total = num_of_key(out.s, "MemTotal:");
	left = num_of_key(out.s, "MemFree:");
	must(total == NUM_NONE || left == NUM_NONE || left <= total);
	left = num_of_key(out.s, "MemAvailable:");
	must(total == NUM_NONE || left == NUM_NONE || left <= total);
}

static void cpus_and_time(const char *const v[TEXTS], const struct level *levels, size_t n)
{
	AUTO_BUF struct buf cpuinfo = { 0 }, online = { 0 }, stat = { 0 }, uptime = { 0 }, load = { 0 };
	const struct level most = { .quota_cpus = 64 };	/* as many lines are enough */
	struct clock c = { 0 };
	struct machine m;
	struct cpuset set;
	struct load l = { 0 };
	struct tasks t;
	size_t n_cpus = view_cpus(v[CPUSET], v[ONLINE], levels, n, &set);

	must(n_cpus >= 1 && n_cpus <= CPUS_MAX);
	if (n_cpus > most.quota_cpus)
		n_cpus = view_cpus(v[CPUSET], v[ONLINE], &most, 1, &set);
	view_online(n_cpus, &online);
	view_cpuinfo(v[CPUINFO], &set, n_cpus, &cpuinfo);
	machine_read(&m, v[STAT], 1, 100);
	load_sample(&l, v[CPU_STAT], v[PRESSURE], v[PRESSURE], NUM_NONE, 1);
	load_sample(&l, v[CPU_STAT_2], v[PRESSURE], v[PRESSURE], 3, 2);
	t = load_tasks(&l, num_lines(v[STAT]));
	must(t.running >= 1 && t.running <= t.total && t.blocked <= t.total - t.running);
	clock_advance(&c, v[CPU_STAT], 1000000, n_cpus);
	clock_advance(&c, v[CPU_STAT_2], 2000000, n_cpus);
	view_stat(&c, v[STAT], n_cpus, &m, &t, &stat);
	must(num_of_key(stat.s, "cpu") != NUM_NONE && num_lines(stat.s) > n_cpus);
	view_uptime(&c, &uptime);
	view_loadavg(&l, &t, &load);
	must(strncmp(uptime.s, "2.00 ", 5) == 0 && num_lines(load.s) == 1);
	clock_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf text = { 0 };
	const char *v[TEXTS];
	struct level levels[3];

	buf_addn(&text, (const char *)data, size);
	split(text.s, v);
	for (size_t i = 0; i < N_ELEMS(levels); i++) {
		const char *const *of = v + LEVELS + 5 * i;

		levels[i] = (struct level){ num_read(of[0]), num_read(of[1]), num_read(of[2]), num_read(of[3]),
					    num_quota_cpus(of[4]) };
	}
	memory(v, levels, N_ELEMS(levels));
	cpus_and_time(v, levels, N_ELEMS(levels));
	return 0;
}
