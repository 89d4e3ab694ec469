/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_proc.c - what a box sees of memory, processors, time and load, from fixed texts */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proc/view.h"

#define NO_LIMIT { NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE }
enum { MIB = 1 << 20, SECOND = 1000000 };

static const char HOST[] =
	"MemTotal:        8388608 kB\nMemFree:          300000 kB\nMemAvailable:    6291456 kB\nBuffers:          50000 kB\n"
	"Cached:          4000000 kB\nSwapCached:           12 kB\nActive(file):    1000000 kB\nMlocked:             16 kB\n"
	"SwapTotal:       2097152 kB\nSwapFree:        1048576 kB\nPageTables:        10000 kB\nSlab:             700000 kB\n"
	"CommitLimit:     9000000 kB\nHugePages_Total:       0\nDirectMap4k:       28672 kB\n";

static const char STAT[] =
	"anon 104857600\nfile 52428800\nkernel_stack 65536\npagetables 2097152\nshmem 1048576\nfile_dirty 4096\n"
	"swapcached 1048576\ninactive_file 31457280\nactive_file 10485760\nslab_reclaimable 3145728\nslab_unreclaimable 1048576\n";

/* The value of a line in kB. */
static uint64_t kib(const struct buf *out, const char *key)
{
	assert_non_null(out->s);
	return num_of_key(out->s, key);
}

static struct buf meminfo(const struct level *levels, size_t n)
{
	struct buf out = { 0 };

	view_meminfo(HOST, STAT, levels, n, &out);
	return out;
}

/* ---- numbers ---- */

static void numbers(void **state)
{
	(void)state;
	assert_true(num_read("42\n") == 42);
	assert_true(num_read("  7 8") == 7);
	assert_true(num_read("max\n") == NUM_NONE);
	assert_true(num_read("") == NUM_NONE && num_read(NULL) == NUM_NONE && num_read("-1") == NUM_NONE);
	assert_true(num_read("18446744073709551615") == NUM_MAX);
	assert_true(num_read("99999999999999999999999999") == NUM_MAX);
	assert_true(num_of_key("anon_thp 5\nanon 6\n", "anon") == 6);
	assert_true(num_of_key("anon\n6\n", "anon") == NUM_NONE);
	assert_true(num_of_key("x anon 6", "anon") == NUM_NONE);
	assert_true(num_lines("1\n2\n3\n") == 3 && num_lines(NULL) == 0);
	assert_true(num_add(NUM_MAX, 1) == NUM_MAX && num_add(NUM_MAX - 1, 1) == NUM_MAX && num_sub(1, 2) == 0);
	assert_true(num_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=123\nfull avg10=0.00 total=9\n") == 123);
	assert_true(num_pressure("some avg10=0.00\nfull avg10=0.00 total=9\n") == NUM_NONE);
	assert_true(num_pressure("full avg10=0.00 total=9\n") == NUM_NONE && num_pressure(NULL) == NUM_NONE);
}

static void quota(void **state)
{
	(void)state;
	assert_true(num_quota_cpus("max 100000\n") == NUM_NONE);
	assert_true(num_quota_cpus("150000 100000\n") == 2);
	assert_true(num_quota_cpus("200000 100000\n") == 2);
	assert_true(num_quota_cpus("1000 100000\n") == 1);	/* below one processor */
	assert_true(num_quota_cpus("200000\n") == 2);
	assert_true(num_quota_cpus("0 100000\n") == NUM_NONE && num_quota_cpus("5 0\n") == NUM_NONE);
	assert_true(num_quota_cpus("99999999999999999999 1\n") == NUM_MAX);
	assert_true(num_quota_cpus("") == NUM_NONE && num_quota_cpus("x") == NUM_NONE && num_quota_cpus(NULL) == NUM_NONE);
}

static void cpusets(void **state)
{
	struct cpuset set;

	(void)state;
	assert_int_equal(cpuset_read(&set, "0-3,8,10-11\n"), 7);
	assert_true(cpuset_has(&set, 3) && cpuset_has(&set, 8) && cpuset_has(&set, 11));
	assert_false(cpuset_has(&set, 4) || cpuset_has(&set, 9) || cpuset_has(&set, 12) || cpuset_has(&set, UINT64_MAX));
	assert_int_equal(cpuset_read(&set, "1,1,0-1"), 2);
	assert_int_equal(cpuset_read(&set, "\n"), 0);
	assert_int_equal(cpuset_read(&set, NULL), 0);
	assert_int_equal(cpuset_read(&set, "3-1,x,5-,-,,7"), 1);
	assert_int_equal(cpuset_read(&set, "0-18446744073709551615"), CPUS_MAX);
	assert_int_equal(cpuset_read(&set, "99999999"), 0);
}

/* ---- memory ---- */

static void limits_of_memory(void **state)
{
	static const struct level levels[] = { { 512 * MIB, 200 * MIB, 256 * MIB, 64 * MIB, NUM_NONE } };
	AUTO_BUF struct buf out = meminfo(levels, 1);

	(void)state;
	assert_int_equal(kib(&out, "MemTotal:"), 512 * 1024);
	assert_int_equal(kib(&out, "MemFree:"), 312 * 1024);
	assert_int_equal(kib(&out, "MemAvailable:"), (312 + 30 + 10 + 3) * 1024);
	assert_int_equal(kib(&out, "Buffers:"), 0);
	assert_int_equal(kib(&out, "Cached:"), 49 * 1024);
	assert_int_equal(kib(&out, "SwapCached:"), 1024);
	assert_int_equal(kib(&out, "Active(file):"), 10 * 1024);
	assert_int_equal(kib(&out, "PageTables:"), 2048);
	assert_int_equal(kib(&out, "Slab:"), 4096);
	assert_int_equal(kib(&out, "SwapTotal:"), 256 * 1024);
	assert_int_equal(kib(&out, "SwapFree:"), 192 * 1024);
	/* the machine's */
	assert_int_equal(kib(&out, "CommitLimit:"), 9000000);
	assert_non_null(strstr(out.s, "\nHugePages_Total:       0\nDirectMap4k:       28672 kB\n"));
	assert_non_null(strstr(out.s, "MemTotal:         524288 kB\nMemFree:          319488 kB\n"));
	assert_int_equal(num_lines(out.s), num_lines(HOST));
}

static void limits_above(void **state)
{
	/* a sibling uses 900 MiB of the 1 GiB above, and all of the swap */
	static const struct level levels[] = { { NUM_NONE, 100 * MIB, NUM_NONE, 0, NUM_NONE },
					       { 1024 * MIB, 1000 * MIB, 128 * MIB, 128 * MIB, NUM_NONE },
					       NO_LIMIT };
	AUTO_BUF struct buf out = meminfo(levels, 3);

	(void)state;
	assert_int_equal(kib(&out, "MemTotal:"), 1024 * 1024);
	assert_int_equal(kib(&out, "MemFree:"), 24 * 1024);
	assert_int_equal(kib(&out, "SwapTotal:"), 128 * 1024);
	assert_int_equal(kib(&out, "SwapFree:"), 0);
}

static void no_limit_is_the_machine(void **state)
{
	static const struct level levels[] = { { NUM_NONE, 100 * MIB, NUM_NONE, 0, NUM_NONE } };
	AUTO_BUF struct buf out = meminfo(levels, 1);

	(void)state;
	assert_int_equal(kib(&out, "MemTotal:"), 8388608);
	assert_int_equal(kib(&out, "MemFree:"), 6291456);	/* no more than the machine can give */
	assert_int_equal(kib(&out, "MemAvailable:"), 6291456);
	assert_int_equal(kib(&out, "SwapTotal:"), 2097152);
	assert_int_equal(kib(&out, "SwapFree:"), 1048576);
}

static void odd_limits_of_memory(void **state)
{
	static const struct level zero[] = { { 0, 200 * MIB, 0, 0, NUM_NONE } };
	static const struct level huge[] = { { NUM_MAX, 1, NUM_MAX, NUM_MAX, NUM_NONE } };
	AUTO_BUF struct buf z = meminfo(zero, 1), h = meminfo(huge, 1);

	(void)state;
	assert_int_equal(kib(&z, "MemTotal:"), 0);
	assert_int_equal(kib(&z, "MemFree:"), 0);
	assert_int_equal(kib(&z, "MemAvailable:"), 0);
	assert_int_equal(kib(&z, "SwapTotal:"), 0);
	assert_int_equal(kib(&h, "MemTotal:"), 8388608);
	assert_int_equal(kib(&h, "SwapFree:"), 0);
}

static void no_controller_no_change(void **state)
{
	static const struct level levels[] = { NO_LIMIT };
	AUTO_BUF struct buf without = { 0 }, no_use = { 0 }, empty = { 0 }, no_end = { 0 };
	static const struct level known[] = { { MIB, 0, 0, 0, NUM_NONE } };

	(void)state;
	view_meminfo(HOST, NULL, levels, 1, &without);
	assert_string_equal(without.s, HOST);
	view_meminfo(HOST, STAT, levels, 1, &no_use);
	assert_string_equal(no_use.s, HOST);
	view_meminfo("", STAT, known, 1, &empty);
	assert_int_equal(empty.len, 0);
	view_meminfo("MemTotal: 4096 kB\nOdd\nno colon 5 kB\nx: 1", "", known, 1, &no_end);
	assert_string_equal(no_end.s, "MemTotal:           1024 kB\nOdd\nno colon 5 kB\nx: 1");
}

static void swaps(void **state)
{
	static const char FILES[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
	static const struct level some[] = { { NUM_NONE, 0, 256 * MIB, 64 * MIB, NUM_NONE } };
	static const struct level none[] = { { NUM_NONE, 0, 0, 0, NUM_NONE } };
	static const struct level not_told[] = { NO_LIMIT };
	AUTO_BUF struct buf s = { 0 }, n = { 0 }, t = { 0 };

	(void)state;
	view_swaps("the machine's\n", HOST, some, 1, &s);
	assert_non_null(strstr(s.s, FILES));
	assert_non_null(strstr(s.s, "virtual\t\t262144\t\t65536\t\t0\n"));
	view_swaps("the machine's\n", HOST, none, 1, &n);
	assert_string_equal(n.s, FILES);
	view_swaps("the machine's\n", HOST, not_told, 1, &t);
	assert_string_equal(t.s, "the machine's\n");
}

/* ---- processors ---- */

static size_t cpus(const char *effective, uint64_t quota, uint64_t above)
{
	const struct level levels[] = { { NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, quota },
					{ NUM_NONE, NUM_NONE, NUM_NONE, NUM_NONE, above } };
	struct cpuset set;

	return view_cpus(effective, "0-15\n", levels, 2, &set);
}

static void how_many_cpus(void **state)
{
	struct cpuset set;

	(void)state;
	assert_int_equal(cpus(NULL, NUM_NONE, NUM_NONE), 16);
	assert_int_equal(cpus("\n", NUM_NONE, NUM_NONE), 16);
	assert_int_equal(cpus("0-3,8,10-11\n", NUM_NONE, NUM_NONE), 7);
	assert_int_equal(cpus("0-3,8,10-11\n", 2, NUM_NONE), 2);
	assert_int_equal(cpus("0-3,8,10-11\n", 9, 3), 3);
	assert_int_equal(cpus(NULL, NUM_MAX, 1), 1);
	assert_int_equal(view_cpus(NULL, NULL, NULL, 0, &set), 1);
}

static void cpuinfo(void **state)
{
	static const char host[] = "processor\t: 0\nmodel name\t: A\nflags\t\t: x\n\nprocessor\t: 1\nmodel name\t: B\n\n"
				   "processor\t: 2\nmodel name\t: C\n\nprocessor\t: 3\nmodel name\t: D\n\nHardware\t: board\n";
	AUTO_BUF struct buf two = { 0 }, all = { 0 }, odd = { 0 };
	struct cpuset set;

	(void)state;
	cpuset_read(&set, "1,3");
	view_cpuinfo(host, &set, 2, &two);
	assert_string_equal(two.s, "processor\t: 0\nmodel name\t: B\n\nprocessor\t: 1\nmodel name\t: D\n\nHardware\t: board\n");
	cpuset_read(&set, "0-3");
	view_cpuinfo(host, &set, 4, &all);
	assert_string_equal(all.s, host);
	view_cpuinfo("processor\t: 0", &set, 1, &odd);
	assert_string_equal(odd.s, "processor\t: 0");
}

static void online(void **state)
{
	AUTO_BUF struct buf one = { 0 }, many = { 0 };

	(void)state;
	view_online(1, &one);
	view_online(12, &many);
	assert_string_equal(one.s, "0\n");
	assert_string_equal(many.s, "0-11\n");
}

/* ---- time ---- */

static const char MACHINE[] = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 9 9 9 9 9 9 9 9 9 9\nintr 1000 5 6 7\nctxt 500\nbtime 1000000\n"
			      "processes 70\nprocs_running 9\nprocs_blocked 8\nsoftirq 300 1 2\n";

static void advance(struct clock *c, uint64_t user, uint64_t system, uint64_t uptime, size_t n)
{
	char text[128];

	snprintf(text, sizeof(text), "usage_usec %llu\nuser_usec %llu\nsystem_usec %llu\n", (unsigned long long)(user + system),
		 (unsigned long long)user, (unsigned long long)system);
	clock_advance(c, text, uptime, n);
}

static void stat(void **state)
{
	static const char later[] = "cpu  9 9\nintr 1010 5 6 7\nctxt 620\nbtime 1000000\nprocesses 75\nprocs_running 9\n"
				    "procs_blocked 8\nsoftirq 301 1 2\n";
	const struct tasks t = { .running = 2, .blocked = 1, .total = 5 };
	AUTO_BUF struct buf out = { 0 }, up = { 0 };
	struct machine m;
	struct clock c = { 0 };

	(void)state;
	machine_read(&m, MACHINE, 50, 100);
	advance(&c, 0, 0, 0, 2);
	advance(&c, 3 * SECOND, SECOND, 10 * SECOND, 2);
	view_stat(&c, later, 2, &m, &t, &out);
	assert_string_equal(out.s, "cpu  300 0 100 1600 0 0 0 0 0 0\n"
				   "cpu0 150 0 50 800 0 0 0 0 0 0\n"
				   "cpu1 150 0 50 800 0 0 0 0 0 0\n"
				   "intr 10 0 0 0\nctxt 120\nbtime 1000050\nprocesses 5\nprocs_running 2\nprocs_blocked 1\n"
				   "softirq 1 0 0\n");
	view_uptime(&c, &up);
	assert_string_equal(up.s, "10.00 16.00\n");
	clock_fini(&c);
}

static void grows(const struct cpu_time *before, const struct cpu_time *after)
{
	assert_true(after->user >= before->user && after->nice >= before->nice && after->system >= before->system &&
		    after->idle >= before->idle);
}

/* More time used than there is, counters that go back, limits that change, an uptime that goes back. */
static void time_only_grows(void **state)
{
	static const struct {
		uint64_t user, system, uptime;
		size_t n;
	} STEPS[] = { { 0, 0, 0, 2 },	  { 9, 9, 1, 2 },   { 20, 9, 2, 1 },  { 3, 1, 3, 4 },	    { 21, 10, 2, 4 },
		      { 22, 10, 40, 8 }, { 90, 80, 41, 1 }, { 91, 80, 60, 2 }, { UINT64_MAX / SECOND, 81, 61, 2 } };
	struct clock c = { 0 };
	struct cpu_time before[8] = { 0 }, sum = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(STEPS); i++) {
		uint64_t at = c.at;

		advance(&c, STEPS[i].user * SECOND, STEPS[i].system * SECOND, STEPS[i].uptime * SECOND, STEPS[i].n);
		grows(&sum, &c.sum);
		assert_true(c.at >= at);
		for (size_t cpu = 0; cpu < c.n_cpus; cpu++) {
			grows(&before[cpu], &c.cpus[cpu]);
			before[cpu] = c.cpus[cpu];
		}
		sum = c.sum;
	}
	assert_int_equal(c.n_cpus, 8);
	clock_fini(&c);
}

static void older_cgroup(void **state)
{
	struct clock c = { 0 };

	(void)state;
	advance(&c, 500 * (uint64_t)SECOND, 0, SECOND, 2);
	assert_true(c.sum.user == 0);
	advance(&c, 501 * (uint64_t)SECOND, 0, 2 * SECOND, 2);
	assert_true(c.sum.user == SECOND && c.sum.idle == SECOND);
	clock_fini(&c);
}

static void nice(void **state)
{
	struct clock c = { 0 };

	(void)state;
	clock_advance(&c, "usage_usec 9\nuser_usec 0\nsystem_usec 0\n", 0, 1);
	clock_advance(&c, "user_usec 3000000\nsystem_usec 0\nnice_usec 1000000\n", 4 * SECOND, 1);
	assert_true(c.sum.user == 2 * SECOND && c.sum.nice == SECOND && c.sum.idle == SECOND);
	clock_fini(&c);
}

static void no_cpu_stat(void **state)
{
	AUTO_BUF struct buf out = { 0 }, up = { 0 };
	const struct tasks t = { 1, 0, 1 };
	struct machine m;
	struct clock c = { 0 };

	(void)state;
	machine_read(&m, MACHINE, 0, 100);
	clock_advance(&c, NULL, 3 * SECOND, 2);
	view_stat(&c, MACHINE, 2, &m, &t, &out);
	assert_string_equal(out.s, MACHINE);
	view_uptime(&c, &up);
	assert_string_equal(up.s, "3.00 6.00\n");
	clock_fini(&c);
}

/* ---- load ---- */

/* @ran and @waited: processors' worth in hundredths, in each span. */
static void run_for(struct load *l, unsigned samples, unsigned ran, unsigned waited, uint64_t total)
{
	for (unsigned i = 0; i < samples; i++) {
		uint64_t span = LOAD_SECONDS * SECOND, usage = l->usage + span * ran / 100, stalled = l->waited + span * waited / 100;
		char stat[64], pressure[96];

		snprintf(stat, sizeof(stat), "usage_usec %llu\n", (unsigned long long)usage);
		snprintf(pressure, sizeof(pressure), "some avg10=0.00 avg60=0.00 avg300=0.00 total=%llu\n",
			 (unsigned long long)stalled);
		load_sample(l, stat, pressure, NULL, total, l->at + span);
	}
}

static void shows(const struct load *l, uint64_t total, const char *line)
{
	AUTO_BUF struct buf out = { 0 };
	const struct tasks t = load_tasks(l, total);

	view_loadavg(l, &t, &out);
	assert_string_equal(out.s, line);
}

static void load(void **state)
{
	struct load l = { 0 };

	(void)state;
	load_sample(&l, "usage_usec 700\n", "some total=3\n", NULL, 9, 1000);
	shows(&l, 9, "0.00 0.00 0.00 1/9 9\n");
	run_for(&l, 12, 200, 0, 9);	/* a minute with two tasks: 2 * (1 - 1/e) */
	shows(&l, 9, "1.27 0.37 0.13 2/9 9\n");
	run_for(&l, 720, 200, 0, 9);
	shows(&l, 9, "2.00 2.00 2.00 2/9 9\n");
	run_for(&l, 180, 0, 0, 9);	/* a quarter of an hour without */
	shows(&l, 9, "0.00 0.08 0.73 1/9 9\n");
}

static void load_of_who_waits(void **state)
{
	struct load one = { .at = 1 }, two = { .at = 1 }, few = { .at = 1 };

	(void)state;
	run_for(&one, 1000, 50, 50, 9);	/* one task at half a processor */
	shows(&one, 9, "1.00 1.00 1.00 1/9 9\n");
	run_for(&two, 1000, 200, 100, 9);	/* on both processors one runs and one waits */
	shows(&two, 9, "4.00 4.00 4.00 4/9 9\n");
	run_for(&few, 1000, 200, 100, 3);	/* never more than there are */
	shows(&few, 3, "3.00 3.00 3.00 3/3 3\n");
}

static void load_of_disks(void **state)
{
	struct load l = { .at = 1 };

	(void)state;
	for (uint64_t i = 1; i < 1000; i++) {
		char text[96];

		snprintf(text, sizeof(text), "some avg10=0.00 total=%llu\n", (unsigned long long)(i * LOAD_SECONDS * SECOND));
		load_sample(&l, "usage_usec 0\n", NULL, text, 4, 1 + i * LOAD_SECONDS * SECOND);
	}
	shows(&l, 4, "1.00 1.00 1.00 1/4 4\n");
	assert_int_equal(load_tasks(&l, 4).blocked, 1);
}

static void odd_loads(void **state)
{
	struct load l = { 0 };

	(void)state;
	load_sample(&l, NULL, NULL, NULL, NUM_NONE, 1);
	load_sample(&l, "usage_usec 99999999999999999999\n", "some total=99999999999999999999\n",
		    "some total=99999999999999999999\n", NUM_NONE, 2);
	load_sample(&l, "usage_usec 5\n", "some total=5\n", "x", NUM_MAX, 2);
	load_sample(&l, "usage_usec 4\n", "some total=4\n", "x", 0, 1);
	assert_true(load_tasks(&l, NUM_NONE).running >= 1 && load_tasks(&l, 0).total >= 1);
	run_for(&l, 2000, 0, 0, NUM_NONE);
	shows(&l, NUM_NONE, "0.00 0.00 0.00 1/1 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(quota),
		cmocka_unit_test(cpusets),
		cmocka_unit_test(limits_of_memory),
		cmocka_unit_test(limits_above),
		cmocka_unit_test(no_limit_is_the_machine),
		cmocka_unit_test(odd_limits_of_memory),
		cmocka_unit_test(no_controller_no_change),
		cmocka_unit_test(swaps),
		cmocka_unit_test(how_many_cpus),
		cmocka_unit_test(cpuinfo),
		cmocka_unit_test(online),
		cmocka_unit_test(stat),
		cmocka_unit_test(time_only_grows),
		cmocka_unit_test(older_cgroup),
		cmocka_unit_test(nice),
		cmocka_unit_test(no_cpu_stat),
		cmocka_unit_test(load),
		cmocka_unit_test(load_of_who_waits),
		cmocka_unit_test(load_of_disks),
		cmocka_unit_test(odd_loads),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
