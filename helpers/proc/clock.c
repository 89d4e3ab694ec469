/* SPDX-License-Identifier: Apache-2.0 */
/* proc/clock.c - the time that a box's processors spend: /proc/stat and /proc/uptime; no system calls
 *
 * A version 2 cgroup tells how long its tasks ran, not on which processor. So each span between
 * two looks is spread evenly over the processors that the box has then, and what its tasks did
 * not use of them is idle. The sums are kept and only grow: top and its kin take differences.
 */

#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { US = 1000000 };

static struct cpu_time read_time(const char *cpu_stat, const struct cpu_time *last)
{
	uint64_t user = num_of_key(cpu_stat, "user_usec"), nice = num_of_key(cpu_stat, "nice_usec");
	uint64_t system = num_of_key(cpu_stat, "system_usec");
	struct cpu_time t = *last;

	if (nice == NUM_NONE)
		nice = 0;	/* before Linux 6.13: part of user_usec, as it still is */
	if (user != NUM_NONE && num_sub(user, nice) > t.user)
		t.user = num_sub(user, nice);
	if (nice > t.nice)
		t.nice = nice;
	if (system != NUM_NONE && system > t.system)
		t.system = system;
	return t;
}

static void grow(struct clock *c, size_t n_cpus)
{
	if (n_cpus <= c->n_cpus)
		return;
	c->cpus = mem_grow(c->cpus, n_cpus, sizeof(*c->cpus));
	memset(c->cpus + c->n_cpus, 0, (n_cpus - c->n_cpus) * sizeof(*c->cpus));
	c->n_cpus = n_cpus;
}

static uint64_t share(uint64_t total, size_t n, size_t i)
{
	return total / n + (i < total % n);
}

static void add(struct cpu_time *t, const struct cpu_time *more, size_t n, size_t i)
{
	t->user = num_add(t->user, share(more->user, n, i));
	t->nice = num_add(t->nice, share(more->nice, n, i));
	t->system = num_add(t->system, share(more->system, n, i));
	t->idle = num_add(t->idle, share(more->idle, n, i));
}

/* n_cpus is at most CPUS_MAX, so this is far from 64 bits for any uptime that is one. */
static uint64_t span(uint64_t from, uint64_t to, size_t n_cpus)
{
	uint64_t us = num_sub(to, from);

	return us > NUM_MAX / n_cpus ? NUM_MAX : us * n_cpus;
}

void clock_advance(struct clock *c, const char *cpu_stat, uint64_t uptime, size_t n_cpus)
{
	const struct cpu_time now = read_time(cpu_stat, &c->seen);
	struct cpu_time more = { .user = now.user - c->seen.user,
				 .nice = now.nice - c->seen.nice,
				 .system = now.system - c->seen.system };
	uint64_t there = span(c->at, uptime, n_cpus), busy = num_add(more.user, num_add(more.nice, more.system));
	bool is_first = !c->n_cpus;

	/* a cgroup that is older than the box: what ran in it before is not the box's */
	if (is_first && busy > there)
		more = (struct cpu_time){ 0 };
	else
		more.idle = num_sub(there, busy);
	if (cpu_stat)
		c->is_known = true;
	c->seen = now;
	c->at = uptime > c->at ? uptime : c->at;
	grow(c, n_cpus);
	for (size_t i = 0; i < n_cpus; i++)
		add(&c->cpus[i], &more, n_cpus, i);
	add(&c->sum, &more, 1, 0);
}

void clock_fini(struct clock *c)
{
	free(c->cpus);
	*c = (struct clock){ 0 };
}

void view_uptime(const struct clock *c, struct buf *out)
{
	uint64_t cs = c->at / (US / 100), idle = c->sum.idle / (US / 100);

	buf_addf(out, "%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", cs / 100, cs % 100, idle / 100, idle % 100);
}

/* ---- /proc/stat ---- */

static void add_cpu(struct buf *out, const char *name, const struct cpu_time *t, unsigned hz)
{
	const uint64_t tick = US / hz;

	buf_addf(out, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 0 0 0 0 0\n", name, t->user / tick,
		 t->nice / tick, t->system / tick, t->idle / tick);
}

static bool is_key(const char *line, const char *key)
{
	return strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ';
}

static uint64_t or_zero(uint64_t n)
{
	return n == NUM_NONE ? 0 : n;
}

void machine_read(struct machine *m, const char *stat, uint64_t start, unsigned hz)
{
	*m = (struct machine){ .hz = hz,
			       .boot = num_add(or_zero(num_of_key(stat, "btime")), start),
			       .ctxt = or_zero(num_of_key(stat, "ctxt")),
			       .processes = or_zero(num_of_key(stat, "processes")),
			       .intr = or_zero(num_of_key(stat, "intr")),
			       .softirq = or_zero(num_of_key(stat, "softirq")) };
}

/* The first number is the sum, then comes one for each source; a line may have thousands. */
static void add_interrupts(struct buf *out, const char *line, size_t n, uint64_t since)
{
	size_t word = strcspn(line, " "), first = word + 1 + strcspn(line + word + 1, " \n");

	buf_addn(out, line, word);
	buf_addf(out, " %" PRIu64, num_sub(or_zero(num_read(line + word)), since));
	for (size_t i = first; i < n; i++)
		if (line[i] == ' ')
			buf_add(out, " 0");
	buf_add(out, "\n");
}

static void add_other(struct buf *out, const char *line, size_t n, const struct machine *m, const struct tasks *t)
{
	const uint64_t number = or_zero(num_read(line + strcspn(line, " \n")));
	const struct {
		const char *key;
		uint64_t value;
	} NUMBERS[] = {
		{ "ctxt", num_sub(number, m->ctxt) },
		{ "btime", m->boot },
		{ "processes", num_sub(number, m->processes) },
		{ "procs_running", t->running },
		{ "procs_blocked", t->blocked },
	};

	for (size_t i = 0; i < N_ELEMS(NUMBERS); i++)
		if (is_key(line, NUMBERS[i].key)) {
			buf_addf(out, "%s %" PRIu64 "\n", NUMBERS[i].key, NUMBERS[i].value);
			return;
		}
	if (is_key(line, "intr") || is_key(line, "softirq")) {
		add_interrupts(out, line, n, line[0] == 'i' ? m->intr : m->softirq);
	} else if (strncmp(line, "cpu", 3) != 0) {
		buf_addn(out, line, n);
		buf_add(out, "\n");
	}
}

void view_stat(const struct clock *c, const char *host, size_t n_cpus, const struct machine *m, const struct tasks *t,
	       struct buf *out)
{
	if (!c->is_known) {
		buf_add(out, host);
		return;
	}
	add_cpu(out, "cpu ", &c->sum, m->hz);
	for (size_t i = 0; i < n_cpus && i < c->n_cpus; i++) {
		char name[32];

		snprintf(name, sizeof(name), "cpu%zu", i);
		add_cpu(out, name, &c->cpus[i], m->hz);
	}
	for (const char *line = host; *line;) {
		size_t n = strcspn(line, "\n");

		add_other(out, line, n, m, t);
		line += n + (line[n] == '\n');
	}
}
