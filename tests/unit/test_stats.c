/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_stats.c - texts of cgroup files as numbers, two readings as what is shown */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/stats.h"
#include "store/store.h"

enum { SECOND = 1000000, MIB = 1 << 20 };

static bool near(double a, double b)
{
	return a > b - 0.001 && a < b + 0.001;
}

/* ---- texts ---- */

static void whole_files(void **state)
{
	static const struct {
		enum stat_file file;
		const char *text;
	} TEXTS[] = {
		{ STAT_F_CPU, "usage_usec 5000\nuser_usec 4000\nsystem_usec 1000\nnr_periods 10\nnr_throttled 4\nthrottled_usec 70000\n"
			      "nr_bursts 0\nburst_usec 0\n" },
		{ STAT_F_MEMORY, "10485760\n" },
		{ STAT_F_MEMORY_STAT, "anon 8388608\nfile 2097152\nactive_file 1048576\ninactive_file 1048576\nworkingset_refault_file 7\n" },
		{ STAT_F_MEMORY_MAX, "20971520\n" },
		{ STAT_F_MEMORY_PEAK, "11534336\n" },
		{ STAT_F_MEMORY_EVENTS, "low 0\nhigh 0\nmax 31\noom 2\noom_kill 1\noom_group_kill 0\n" },
		{ STAT_F_SWAP, "0\n" },
		{ STAT_F_IO, "8:0 rbytes=1000 wbytes=20 rios=1 wios=2 dbytes=9000 dios=0\n253:0 rbytes=500 wbytes=4 rios=1 wios=2 dbytes=0 dios=0\n" },
		{ STAT_F_PIDS, "7\n" },
		{ STAT_F_PIDS_MAX, "max\n" },
		{ STAT_F_PIDS_EVENTS, "max 3\n" },
		{ STAT_F_IO_PRESSURE, "some avg10=12.34 avg60=1.00 avg300=0.00 total=99\nfull avg10=5.00 avg60=0.00 avg300=0.00 total=9\n" },
	};
	static const uint64_t EXPECTED[STAT_NUMBERS] = {
		[STAT_CPU_USEC] = 5000, [STAT_PERIODS] = 10, [STAT_THROTTLED] = 4, [STAT_THROTTLED_USEC] = 70000,
		[STAT_MEMORY] = 10485760, [STAT_INACTIVE_FILE] = 1048576, [STAT_MEMORY_MAX] = 20971520,
		[STAT_MEMORY_PEAK] = 11534336, [STAT_OOMS] = 2, [STAT_SWAP] = 0, [STAT_IO_READ] = 1500, [STAT_IO_WRITTEN] = 24,
		[STAT_PIDS] = 7, [STAT_PIDS_MAX] = STAT_UNBOUND, [STAT_PIDS_REFUSED] = 3,
	};
	struct stat_reading r;

	(void)state;
	stat_reading_init(&r, 17);
	for (size_t i = 0; i < N_ELEMS(TEXTS); i++)
		stat_parse(TEXTS[i].file, TEXTS[i].text, &r);
	for (size_t i = 0; i < STAT_NUMBERS; i++)
		if (r.n[i] != EXPECTED[i])
			fail_msg("number %zu is %llu, expected %llu", i, (unsigned long long)r.n[i], (unsigned long long)EXPECTED[i]);
	assert_true(near(r.pressure[STAT_IO_R].some, 12.34));
	assert_true(near(r.pressure[STAT_IO_R].full, 5));
	assert_true(r.pressure[STAT_CPU_R].some < 0 && r.pressure[STAT_MEMORY_R].full < 0);
	assert_int_equal(r.at, 17);
}

static void part_files(void **state)
{
	struct stat_reading r;

	(void)state;
	stat_reading_init(&r, 0);
	/* without the controller there are times only */
	stat_parse(STAT_F_CPU, "usage_usec 12\nuser_usec 12\nsystem_usec 0\n", &r);
	assert_int_equal(r.n[STAT_CPU_USEC], 12);
	assert_true(r.n[STAT_PERIODS] == STAT_NONE && r.n[STAT_THROTTLED_USEC] == STAT_NONE);
	/* a group that did no I/O: no lines, or lines without numbers */
	stat_parse(STAT_F_IO, "", &r);
	assert_true(r.n[STAT_IO_READ] == 0 && r.n[STAT_IO_WRITTEN] == 0);
	stat_parse(STAT_F_IO, "8:0 \n8:16 cost.vrate=100.00 rbytes=5 wbytes=0\n", &r);
	assert_int_equal(r.n[STAT_IO_READ], 5);
	/* before Linux 5.13 a group's cpu.pressure has no "full" */
	stat_parse(STAT_F_CPU_PRESSURE, "some avg10=100.00 avg60=0.00 avg300=0.00 total=1\n", &r);
	assert_true(near(r.pressure[STAT_CPU_R].some, 100) && r.pressure[STAT_CPU_R].full < 0);
	/* what nobody wrote like this */
	for (enum stat_file f = 0; f < STAT_FILES; f++) {
		stat_reading_init(&r, 0);
		stat_parse(f, "\n \nusage_usec\nsome\nfull avg60=1\nmax\nnonsense -1\n", &r);
		assert_true(r.n[STAT_CPU_USEC] == STAT_NONE && r.n[STAT_MEMORY] == STAT_NONE);
		assert_true(r.pressure[STAT_CPU_R].full < 0);
	}
	stat_parse(STAT_F_PIDS, "-3\n", &r);
	assert_true(r.n[STAT_PIDS] == STAT_NONE);
}

/* ---- two readings ---- */

/* All controllers, nothing going on. */
static void quiet(struct stat_reading *r, uint64_t at)
{
	stat_reading_init(r, at);
	for (size_t i = 0; i < STAT_NUMBERS; i++)
		r->n[i] = 0;
	r->n[STAT_MEMORY] = 30 * MIB;
	r->n[STAT_INACTIVE_FILE] = 10 * MIB;
	r->n[STAT_MEMORY_MAX] = 100 * MIB;
	r->n[STAT_PIDS] = 2;
	r->n[STAT_PIDS_MAX] = 10;
	for (size_t i = 0; i < STAT_RESOURCES; i++)
		r->pressure[i] = (struct stat_pressure){ 0, 0 };
}

static void differences(void **state)
{
	struct stat_reading a, b;
	struct stat_sample s;

	(void)state;
	quiet(&a, 5 * SECOND);
	quiet(&b, 7 * SECOND);
	a.n[STAT_CPU_USEC] = 100;
	b.n[STAT_CPU_USEC] = 100 + 3 * SECOND;
	b.n[STAT_PERIODS] = 20;
	b.n[STAT_THROTTLED] = 4;
	b.n[STAT_THROTTLED_USEC] = 123456;
	stat_compare(&a, &b, UINT64_C(1) << 40, &s);
	assert_true(near(s.cpu_percent, 150));
	assert_true(near(s.throttled_percent, 20));
	assert_int_equal(s.throttled_usec, 123456);
	assert_int_equal(s.memory, 20 * MIB);
	assert_int_equal(s.memory_limit, 100 * MIB);
	assert_true(near(s.memory_percent, 20));
	assert_int_equal(s.pids_limit, 10);
	assert_int_equal(s.bottleneck, STAT_NOTHING);
	/* a level above, or the machine, has less */
	stat_compare(&a, &b, 40 * MIB, &s);
	assert_int_equal(s.memory_limit, 40 * MIB);
	b.n[STAT_MEMORY_MAX] = STAT_UNBOUND;
	stat_compare(&a, &b, 80 * MIB, &s);
	assert_true(near(s.memory_percent, 25));
	/* a group without a quota is not throttled */
	b.n[STAT_PERIODS] = 0;
	stat_compare(&a, &b, 80 * MIB, &s);
	assert_true(near(s.throttled_percent, 0));
	/* memory.stat was read after memory.current */
	b.n[STAT_INACTIVE_FILE] = 31 * MIB;
	stat_compare(&a, &b, 80 * MIB, &s);
	assert_int_equal(s.memory, 0);
}

static void unknown(void **state)
{
	struct stat_reading a, b, nothing;
	struct stat_sample s, none;

	(void)state;
	quiet(&a, SECOND);
	quiet(&b, SECOND);
	stat_reading_init(&nothing, 2 * SECOND);
	/* the first one: what is so, is known; what happened, is not */
	stat_compare(NULL, &b, STAT_NONE, &s);
	assert_true(s.cpu_percent < 0 && s.throttled_percent < 0 && s.throttled_usec == STAT_NONE && s.ooms == STAT_NONE);
	assert_int_equal(s.memory, 20 * MIB);
	/* at the same moment */
	b.n[STAT_CPU_USEC] = 10;
	stat_compare(&a, &b, STAT_NONE, &s);
	assert_true(s.cpu_percent < 0);
	/* a counter that went back */
	b.at = 2 * SECOND;
	a.n[STAT_CPU_USEC] = 11;
	a.n[STAT_THROTTLED] = 5;
	b.n[STAT_PERIODS] = 3;
	stat_compare(&a, &b, STAT_NONE, &s);
	assert_true(s.cpu_percent < 0 && s.throttled_percent < 0);
	/* removed in between: nothing at all, and nothing is called the bottleneck */
	stat_compare(&a, &nothing, 80 * MIB, &s);
	assert_true(s.memory == STAT_NONE && s.memory_limit == STAT_NONE && s.memory_percent < 0);
	assert_true(s.cpu_percent < 0 && s.swap == STAT_NONE && s.pids == STAT_NONE && s.io_read == STAT_NONE);
	assert_true(s.pressure[STAT_CPU_R].some < 0);
	assert_int_equal(s.bottleneck, STAT_NOTHING);
	stat_sample_init(&none);
	assert_true(none.cpu_percent < 0 && none.throttled_percent < 0 && none.memory == STAT_NONE && none.pids_limit == STAT_NONE);
	/* memory.stat alone missing */
	b.n[STAT_INACTIVE_FILE] = STAT_NONE;
	stat_compare(&a, &b, STAT_NONE, &s);
	assert_int_equal(s.memory, 30 * MIB);
}

/* ---- the word ---- */

static enum stat_bottleneck word(const struct stat_reading *b)
{
	struct stat_reading a;
	struct stat_sample s;

	quiet(&a, SECOND);
	stat_compare(&a, b, STAT_NONE, &s);
	return s.bottleneck;
}

static void bottlenecks(void **state)
{
	struct stat_reading b;

	(void)state;
	quiet(&b, 2 * SECOND);
	b.n[STAT_PERIODS] = 100;
	b.n[STAT_THROTTLED] = STAT_THROTTLED_PERIODS - 1;
	assert_int_equal(word(&b), STAT_NOTHING);
	b.n[STAT_THROTTLED] = STAT_THROTTLED_PERIODS;
	assert_int_equal(word(&b), STAT_BY_CPU);
	/* of processor and disk the one that is waited for more */
	b.pressure[STAT_IO_R].some = STAT_IO_PRESSURE;
	assert_int_equal(word(&b), STAT_BY_CPU);
	b.pressure[STAT_IO_R].some = STAT_THROTTLED_PERIODS + 1;
	assert_int_equal(word(&b), STAT_BY_IO);
	b.pressure[STAT_CPU_R].some = STAT_THROTTLED_PERIODS + 2;
	assert_int_equal(word(&b), STAT_BY_CPU);
	/* who is short of memory waits for the disk as well */
	b.pressure[STAT_MEMORY_R].some = STAT_MEMORY_PRESSURE;
	assert_int_equal(word(&b), STAT_BY_MEMORY);
	b.n[STAT_PIDS_REFUSED] = 1;
	assert_int_equal(word(&b), STAT_BY_PIDS);

	quiet(&b, 2 * SECOND);
	b.pressure[STAT_CPU_R].some = STAT_CPU_PRESSURE;
	assert_int_equal(word(&b), STAT_BY_CPU);
	quiet(&b, 2 * SECOND);
	b.pressure[STAT_IO_R].some = STAT_IO_PRESSURE - 0.01;
	assert_int_equal(word(&b), STAT_NOTHING);
	b.pressure[STAT_IO_R].some = STAT_IO_PRESSURE;
	assert_int_equal(word(&b), STAT_BY_IO);
	quiet(&b, 2 * SECOND);
	b.n[STAT_MEMORY] = (10 + STAT_NEAR_LIMIT) * MIB - 1;
	assert_int_equal(word(&b), STAT_NOTHING);
	b.n[STAT_MEMORY]++;
	assert_int_equal(word(&b), STAT_BY_MEMORY);
	/* pages of files that nobody used lately are given back at no cost */
	b.n[STAT_INACTIVE_FILE] = 60 * MIB;
	assert_int_equal(word(&b), STAT_NOTHING);
	b.n[STAT_OOMS] = 1;
	assert_int_equal(word(&b), STAT_BY_MEMORY);
	quiet(&b, 2 * SECOND);
	b.n[STAT_PIDS] = 10;
	assert_int_equal(word(&b), STAT_BY_PIDS);
	b.n[STAT_PIDS_MAX] = STAT_UNBOUND;
	assert_int_equal(word(&b), STAT_NOTHING);
	assert_string_equal(stat_bottleneck_name(STAT_NOTHING), "-");
	assert_string_equal(stat_bottleneck_name(STAT_BY_MEMORY), "memory");
}

/* ---- files that stay open ---- */

static void put(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name);

	assert_return_code(fd_write_file(AT_FDCWD, path, text, strlen(text)), errno);
}

static size_t open_files(const struct stats *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		for (size_t f = 0; f < STAT_FILES; f++)
			n += s->v[i].fds[f] >= 0;
	return n;
}

/* A directory with files like a cgroup's; @keep: descriptors that may stay open. */
static void watch(size_t keep)
{
	char dir[] = "/tmp/lichen-test-XXXXXX";
	AUTO_STATS struct stats s = { 0 };
	struct err e = { 0 };

	assert_non_null(mkdtemp(dir));
	put(dir, "cpu.stat", "usage_usec 1000\n");
	put(dir, "pids.current", "1\n");
	stats_init(&s);
	s.fds_left = keep;
	s.v = mem_alloc(sizeof(*s.v));
	s.n = 1;
	s.v[0] = (struct stat_box){ .id = str_dup("x"), .dir = str_dup(dir), .bound = STAT_NONE };
	for (size_t f = 0; f < STAT_FILES; f++)
		s.v[0].fds[f] = -1;
	stats_sample(&s);
	assert_true(s.v[0].now.cpu_percent < 0 && s.v[0].now.memory == STAT_NONE);
	assert_int_equal(s.v[0].now.pids, 1);
	assert_int_equal(open_files(&s), keep < 2 ? keep : 2);
	/* what was not there at the first time is not asked for again */
	put(dir, "memory.current", "4096\n");
	put(dir, "cpu.stat", "usage_usec 9000\n");
	put(dir, "pids.current", "2\n");
	stats_sample(&s);
	assert_true(s.v[0].now.cpu_percent > 0);
	assert_true(s.v[0].history[STAT_HISTORY - 1] > 0 && s.v[0].history[STAT_HISTORY - 2] < 0);
	assert_int_equal(s.v[0].now.pids, 2);
	assert_true(s.v[0].now.memory == STAT_NONE);
	assert_int_equal(open_files(&s), keep < 2 ? keep : 2);
	assert_return_code(store_remove_tree(dir, &e), 0);
}

static void kept_open(void **state)
{
	(void)state;
	watch(100);
}

static void opened_each_time(void **state)
{
	(void)state;
	watch(0);
	watch(1);
}

static void file_limit(void **state)
{
	struct rlimit before, after;
	struct stats s;

	(void)state;
	assert_return_code(getrlimit(RLIMIT_NOFILE, &before), errno);
	stats_init(&s);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &after), errno);
	assert_true(after.rlim_cur >= before.rlim_cur);
	assert_true(s.fds_left > 0 && s.fds_left < after.rlim_cur);
	assert_true(s.machine != STAT_NONE && s.machine > MIB);
	stats_fini(&s);
	assert_return_code(setrlimit(RLIMIT_NOFILE, &before), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_files),
		cmocka_unit_test(part_files),
		cmocka_unit_test(differences),
		cmocka_unit_test(unknown),
		cmocka_unit_test(bottlenecks),
		cmocka_unit_test(kept_open),
		cmocka_unit_test(opened_each_time),
		cmocka_unit_test(file_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
