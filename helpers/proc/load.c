/* SPDX-License-Identifier: Apache-2.0 */
/* proc/load.c - /proc/loadavg; no system calls
 *
 * The kernel counts the tasks that run or wait, and no file of a version 2 cgroup has that
 * number. To look at each task's state would take a process that may open /proc/PID of the
 * user, right behind the requests of a payload. So it is put together from counters that the
 * cgroup keeps anyway:
 *   usage_usec           tasks that ran, on average
 *   cpu.pressure, some   for which part of the time at least one waited, on each processor in
 *                        use: that many waited, or more
 *   io.pressure, some    for which part of the time at least one waited for a disk
 * It is exact as long as no processor has more than one task waiting; beyond that it is less
 * than the kernel would say, and still more than the number of processors.
 */

#include "view.h"

#include <inttypes.h>

enum { SHIFT = 11, ONE = 1 << SHIFT };

/* 1/exp(5s/1min), 1/exp(5s/5min), 1/exp(5s/15min), as in the kernel's loadavg.h */
static const uint64_t DECAY[3] = { 1884, 2014, 2037 };

/* What @counter grew by since *@last, as a part of @us: ONE is all the time. */
static uint64_t rate(uint64_t counter, uint64_t *last, uint64_t us)
{
	uint64_t grown = counter == NUM_NONE ? 0 : num_sub(counter, *last);

	if (counter != NUM_NONE)
		*last = counter;
	return grown > NUM_MAX / ONE ? NUM_MAX / us : grown * ONE / us;
}

void load_sample(struct load *l, const char *cpu_stat, const char *cpu_pressure, const char *io_pressure,
		 uint64_t total, uint64_t now)
{
	uint64_t us = num_sub(now, l->at);
	uint64_t ran, waited, stuck, active;
	bool is_first = !l->at;

	if (!us)
		return;
	ran = rate(num_of_key(cpu_stat, "usage_usec"), &l->usage, us);
	waited = num_min(rate(num_pressure(cpu_pressure), &l->waited, us), ONE);
	stuck = num_min(rate(num_pressure(io_pressure), &l->blocked, us), ONE);
	l->at = now;
	if (is_first)	/* the counters' beginning is not ours */
		return;
	if (ran > ONE)
		waited = num_min(waited * num_min(ran, (uint64_t)CPUS_MAX << SHIFT) / ONE, NUM_MAX);
	if (total < UINT64_C(1) << 32) {
		ran = num_min(ran, total << SHIFT);
		waited = num_min(waited, (total << SHIFT) - ran);
		stuck = num_min(stuck, (total << SHIFT) - ran - waited);
	}
	ran = num_min(ran, (uint64_t)CPUS_MAX << SHIFT);
	l->running = ran + waited;
	l->stuck = stuck;
	active = l->running + l->stuck;
	for (size_t i = 0; i < 3; i++) {
		uint64_t sum = l->average[i] * DECAY[i] + active * (ONE - DECAY[i]);

		/* upwards, or a rising average would never reach what it rises to */
		l->average[i] = (sum + (active >= l->average[i] ? ONE - 1 : 0)) / ONE;
	}
}

struct tasks load_tasks(const struct load *l, uint64_t total)
{
	struct tasks t = { .running = (l->running + ONE / 2) / ONE, .blocked = (l->stuck + ONE / 2) / ONE, .total = total };

	if (t.total == NUM_NONE || t.total == 0)
		t.total = t.running;
	if (!t.running)
		t.running = 1;
	if (!t.total)
		t.total = 1;
	t.running = num_min(t.running, t.total);
	t.blocked = num_min(t.blocked, t.total - t.running);
	return t;
}

void view_loadavg(const struct load *l, const struct tasks *t, struct buf *out)
{
	for (size_t i = 0; i < 3; i++) {
		uint64_t a = l->average[i] + ONE / 200;

		buf_addf(out, "%" PRIu64 ".%02" PRIu64 " ", a >> SHIFT, (a & (ONE - 1)) * 100 >> SHIFT);
	}
	/* The last id that was given is known inside only; there were at least as many. */
	buf_addf(out, "%" PRIu64 "/%" PRIu64 " %" PRIu64 "\n", t->running, t->total, t->total);
}
