/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_limits.c - from docker's words for limits to the files of cgroup v2; reading them back */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/autopsy.h"
#include "spec/limits.h"
#include "steps/cgroup.h"

/* ---- what is written ---- */

/* "memory.max=67108864;..." */
static char *files_of(const struct spec_limits *l)
{
	struct limit_files f;
	struct buf b = { 0 };

	limits_files(l, &f);
	for (size_t i = 0; i < f.n; i++)
		buf_addf(&b, "%s%s=%s", i ? ";" : "", f.v[i].file, f.v[i].value);
	limit_files_fini(&f);
	return buf_take(&b);
}

static void each_limit_has_its_file(void **state)
{
	const struct {
		struct spec_limits l;
		const char *files;
	} rows[] = {
		{ { 0 }, "" },
		{ { .memory = 64 << 20 }, "memory.max=67108864;memory.swap.max=67108864;memory.oom.group=1" },
		{ { .memory = 64 << 20, .memory_swap = 64 << 20 }, "memory.max=67108864;memory.swap.max=0;memory.oom.group=1" },
		{ { .memory = 64 << 20, .memory_swap = 96 << 20 }, "memory.max=67108864;memory.swap.max=33554432;memory.oom.group=1" },
		{ { .memory = 64 << 20, .memory_swap = LIMIT_MAX }, "memory.max=67108864;memory.swap.max=max;memory.oom.group=1" },
		{ { .memory = LIMIT_MAX }, "memory.max=max;memory.oom.group=1" },
		{ { .memory_reservation = 4096 }, "memory.low=4096;memory.oom.group=1" },
		{ { .cpu_quota = 150000 }, "cpu.max=150000 100000" },
		{ { .cpu_quota = 5000, .cpu_period = 10000 }, "cpu.max=5000 10000" },
		{ { .cpu_period = 10000 }, "cpu.max=max 10000" },
		{ { .cpu_quota = LIMIT_MAX }, "cpu.max=max 100000" },
		{ { .cpu_shares = 2 }, "cpu.weight=1" },
		{ { .cpu_shares = 1024 }, "cpu.weight=39" },
		{ { .cpu_shares = 262144 }, "cpu.weight=10000" },
		{ { .pids = 50 }, "pids.max=50" },
		{ { .pids = LIMIT_MAX }, "pids.max=max" },
		{ { .blkio_weight = 10 }, "io.weight=default 1" },
		{ { .blkio_weight = 1000 }, "io.weight=default 10000" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_FREE char *files = files_of(&rows[i].l);

		assert_string_equal(files, rows[i].files);
	}
}

static void unified_wins_and_is_kept_in_order(void **state)
{
	AUTO_STRV struct strv controllers = { 0 };
	struct spec_limits l = { .memory = 64 << 20, .cpuset_cpus = str_dup("0-1") };
	struct limit_files f;
	AUTO_FREE char *files = NULL;

	(void)state;
	limits_set_unified(&l, "memory.swap.max", "0");
	limits_set_unified(&l, "memory.oom.group", "0");
	limits_set_unified(&l, "hugetlb.2MB.max", "4194304");
	limits_set_unified(&l, "cgroup.max.depth", "3");
	limits_set_unified(&l, "memory.swap.max", "1");	/* the last one counts */
	limits_add_throttle(&l, &(struct spec_throttle){ THROTTLE_WRITE_BPS, 8, 0, 1000 });
	limits_add_throttle(&l, &(struct spec_throttle){ THROTTLE_WRITE_BPS, 8, 0, 2000 });
	files = files_of(&l);
	assert_string_equal(files, "memory.max=67108864;cpuset.cpus=0-1;io.max=8:0 wbps=2000;memory.swap.max=1;memory.oom.group=0;"
				   "hugetlb.2MB.max=4194304;cgroup.max.depth=3");
	limits_files(&l, &f);
	limits_controllers(&f, &controllers);
	assert_int_equal(controllers.n, 4);
	assert_true(strv_has(&controllers, "memory") && strv_has(&controllers, "cpuset") && strv_has(&controllers, "io") &&
		    strv_has(&controllers, "hugetlb"));
	limit_files_fini(&f);
	limits_fini(&l);
}

static void what_is_laid_over_wins(void **state)
{
	struct spec_limits a = { .memory = 100 << 20, .pids = 7, .cpuset_cpus = str_dup("0") }, b = { .memory = 50 << 20, .cpu_shares = 8 };
	struct spec_limits copy = { 0 };

	(void)state;
	limits_set_unified(&a, "memory.high", "1");
	limits_set_unified(&b, "memory.high", "2");
	limits_merge(&a, &b);
	assert_true(a.memory == 50 << 20 && a.pids == 7 && a.cpu_shares == 8);
	assert_string_equal(a.cpuset_cpus, "0");
	assert_string_equal(limits_unified(&a, "memory.high"), "2");
	limits_copy(&copy, &a);
	limits_fini(&a);
	assert_true(copy.memory == 50 << 20 && copy.unified.n == 1);
	assert_string_equal(copy.cpuset_cpus, "0");
	assert_true(limits_any(&copy) && !limits_any(&a));
	limits_fini(&copy);
	limits_fini(&b);
}

static void nonsense_is_named(void **state)
{
	const struct {
		struct spec_limits l;
		const char *fault;	/* NULL: none */
	} rows[] = {
		{ { .memory = 6 << 20 }, NULL },
		{ { .memory = (6 << 20) - 1 }, "memory: 6291455 bytes are too few" },
		{ { .memory_swap = 8 << 20 }, "memory-swap: it is memory and swap together" },
		{ { .memory = 8 << 20, .memory_swap = 7 << 20 }, "memory-swap: 7340032 bytes are less than --memory" },
		{ { .memory = 8 << 20, .memory_reservation = 9 << 20 }, "memory-reservation: " },
		{ { .cpu_quota = 999 }, "cpu-quota: " },
		{ { .cpu_period = 999 }, "cpu-period: " },
		{ { .cpu_period = 1000001 }, "cpu-period: " },
		{ { .cpu_shares = 1 }, "cpu-shares: " },
		{ { .cpu_shares = 262145 }, "cpu-shares: " },
		{ { .blkio_weight = 9 }, "blkio-weight: " },
		{ { .blkio_weight = 1001 }, "blkio-weight: " },
		{ { .cpuset_cpus = (char *)(uintptr_t) "0-" }, "cpuset-cpus: '0-' is no list" },
		{ { .cpuset_mems = (char *)(uintptr_t) "x" }, "cpuset-mems: 'x' is no list" },
	};
	static const char *const keys[] = { "cgroup.procs=1", "cgroup.kill=1", "cgroup.freeze=1", "cgroup.subtree_control=+memory",
					    "../memory.max=1", "memory/max=1", ".x=1", "memory=1", "memory.=1", "memory..max=1",
					    "memory.max=", "memory.max=1\n2" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_STRV struct strv faults = { 0 };

		limits_check(&rows[i].l, &faults);
		assert_int_equal(faults.n, !!rows[i].fault);
		if (rows[i].fault)
			assert_true(str_starts(faults.v[0], rows[i].fault));
	}
	for (size_t i = 0; i < N_ELEMS(keys); i++) {
		AUTO_STRV struct strv faults = { 0 };
		struct spec_limits l = { 0 };

		strv_add(&l.unified, keys[i]);
		limits_check(&l, &faults);
		if (!faults.n)
			fail_msg("'%s' is taken", keys[i]);
		limits_fini(&l);
	}
}

static void lists_of_processors(void **state)
{
	static const char *const bad[] = { "", "-1", "1-", "1,", ",1", "2-1", "1,,2", "a", "0x1", "99999", "1 2", "1-2-3" };
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(bad); i++)
		assert_false(limits_is_list(bad[i]));
	assert_true(limits_is_list("0") && limits_is_list("0-3,7,9-9"));
	assert_true(limits_list_within("1,3", "0-3") && !limits_list_within("1,4", "0-3") && !limits_list_within("0", ""));
	assert_int_equal(limits_list_count("0-3,2,9"), 5);
	limits_list_normal("9,0-2,3,1", &b);
	assert_string_equal(b.s, "0-3,9");
}

/* ---- what stands there afterwards ---- */

static char dir[] = "/tmp/lichen-limits.XXXXXX";

static void put(const char *file, const char *text)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, file);

	assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text)), 0);
}

static void is_read_back(void **state)
{
	static char memory[] = "memory.max", cpus[] = "cpuset.cpus", weight[] = "io.weight", none[] = "memory.swap.max";
	static char bytes[] = "8193", list[] = "1,0", part[] = "default 7", zero[] = "0";
	struct limit_file f = { .file = memory, .value = bytes, .check = LIMIT_PAGES, .option = "--memory" };
	struct err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	/* a plain file keeps what is behind what was written, as nothing of the kernel does */
	put("memory.max", "");
	assert_int_equal(cgroup_set_limit(dir, &f, &e), -1);	/* 8193 is not what a kernel would show: 8192 is */
	assert_int_equal(e.kind, ERR_HOST);
	assert_non_null(strstr(e.what, "'8193' was written"));
	bytes[3] = '2';
	put("memory.max", "");
	assert_int_equal(cgroup_set_limit(dir, &f, &e), 0);
	f = (struct limit_file){ .file = cpus, .value = list, .check = LIMIT_LIST };
	put("cpuset.cpus", "");
	assert_int_equal(cgroup_set_limit(dir, &f, &e), -1);	/* "1,0", where a kernel would show 0-1 */
	f = (struct limit_file){ .file = weight, .value = part, .check = LIMIT_PART };
	put("io.weight", "default 100\n8:0 50\n");
	assert_int_equal(cgroup_set_limit(dir, &f, &e), 0);
	f = (struct limit_file){ .file = none, .value = zero, .check = LIMIT_PAGES, .may_lack = true };
	assert_int_equal(cgroup_set_limit(dir, &f, &e), 0);
	f.may_lack = false;
	assert_int_equal(cgroup_set_limit(dir, &f, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_non_null(strstr(e.hint, "no such file"));
}

/* ---- what it died of ---- */

static void counts_tell_the_cause(void **state)
{
	struct cgroup_box b = { .box = dir };
	struct autopsy_facts f = { .status = 137, .signal = SIGKILL };
	struct run_end end;
	struct spec s;

	(void)state;
	spec_init(&s);
	put("memory.events", "low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n");
	put("memory.max", "67108864\n");
	put("memory.peak", "67108864\n");
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "memory");
	assert_true(end.oom_killed && end.oom_kills == 2);
	assert_non_null(strstr(end.text, "64MiB"));
	/* the level above, or the machine */
	put("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "memory-above");
	assert_true(end.oom_killed);
	put("memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n");
	put("pids.max", "50\n");
	put("pids.events", "max 35\n");
	f = (struct autopsy_facts){ .status = 2 };
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "pids");
	assert_non_null(strstr(end.text, "35 times"));
	put("pids.events", "max 0\n");
	put("cpu.stat", "usage_usec 5\nnr_periods 10\nnr_throttled 9\nthrottled_usec 700000\n");
	put("cpu.max", "20000 100000\n");
	f = (struct autopsy_facts){ .status = 124, .has_timed_out = true, .was_ours = true };
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "cpu");
	assert_int_equal(end.throttled_ms, 700);
	f = (struct autopsy_facts){ .status = 137, .signal = SIGKILL };
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "signal");
	f.was_ours = true;
	autopsy(&end, &s, &b, &f);
	assert_null(end.cause);
	/* a good end has no cause, whatever the counts say */
	put("memory.events", "oom_kill 1\n");
	f = (struct autopsy_facts){ .status = 0 };
	autopsy(&end, &s, &b, &f);
	assert_true(!end.cause && !end.text[0] && !end.oom_killed);
	spec_fini(&s);
}

static void a_payloads_own_limits_are_not_ours(void **state)
{
	AUTO_FREE char *inner = str_fmt("%s/inner", dir), *payload = str_fmt("%s/payload", inner);
	struct cgroup_box b = { .box = dir, .inner = inner };
	struct autopsy_facts f = { .status = 3 };
	struct run_end end;
	struct spec s;

	(void)state;
	spec_init(&s);
	assert_true(mkdir(inner, 0700) == 0 && mkdir(payload, 0700) == 0);
	put("memory.events", "oom 1\noom_kill 1\n");
	put("memory.events.local", "oom 0\noom_kill 0\n");
	put("inner/memory.events.local", "oom 0\noom_kill 0\n");
	put("memory.max", "67108864\n");
	put("inner/memory.max", "67108864\n");
	autopsy(&end, &s, &b, &f);
	assert_true(!end.cause && !end.oom_killed);
	/* the level in which the child is born has the box's limit, and comes to it first */
	put("inner/memory.events.local", "oom 1\noom_kill 1\n");
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "memory");
	put("inner/memory.max", "1048576\n");
	autopsy(&end, &s, &b, &f);
	assert_null(end.cause);
	put("memory.events", "oom 0\noom_kill 0\n");
	/* a fork is counted where its process is */
	put("pids.max", "9\n");
	put("pids.events", "max 0\n");
	put("inner/pids.max", "9\n");
	put("inner/pids.events", "max 2\n");
	put("inner/payload/pids.max", "max\n");
	put("inner/payload/pids.events", "max 5\n");
	autopsy(&end, &s, &b, &f);
	assert_string_equal(end.cause, "pids");
	assert_int_equal(end.pids_hits, 7);
	put("inner/payload/pids.max", "1\n");
	autopsy(&end, &s, &b, &f);
	assert_int_equal(end.pids_hits, 2);
	spec_fini(&s);
}

static void a_start_names_its_limit(void **state)
{
	struct cgroup_box b = { .box = dir };
	struct err e = { 0 };

	(void)state;
	put("memory.max", "6291456\n");
	put("memory.events", "oom_kill 0\n");
	put("pids.max", "1\n");
	put("pids.events", "max 0\n");
	err_set(&e, ERR_PEER, "the child died");
	autopsy_start(&b, &e);
	assert_string_equal(e.hint, "");
	put("pids.events", "max 2\n");
	autopsy_start(&b, &e);
	assert_non_null(strstr(e.hint, "the limit of processes, 1 (--pids-limit)"));
	put("memory.events", "oom_kill 1\n");
	autopsy_start(&b, &e);
	assert_non_null(strstr(e.hint, "6MiB (--memory)"));
}

static void the_kernels_log_is_read(void **state)
{
	static const char line[] = "5,1,77,-;audit: type=1326 audit(1.2:3): auid=1 uid=1000 gid=1 ses=1 pid=4711 comm=\"x\" exe=\"/x\" "
				   "sig=31 arch=c000003e syscall=169 compat=0 ip=0x7f code=0x80000000";
	static const char *const others[] = {
		"", "5,1,77,-;type=1400 uid=1 pid=4711 sig=31 syscall=1 arch=1", "5,1,77,-;type=1326 uid=1 pid=2 sig=0 syscall=1 arch=1",
		"type=1326 uid=1 pid=2 sig=31 syscall=1 arch=1", "5,1,77,-;type=1326 uid=x pid=2 sig=31 syscall=1 arch=1",
	};
	struct audit_kill k;

	(void)state;
	assert_true(autopsy_parse_audit(line, &k));
	assert_true(k.time_us == 77 && k.pid == 4711 && k.uid == 1000 && k.nr == 169 && k.arch == 0xc000003eUL);
	for (size_t i = 0; i < N_ELEMS(others); i++)
		assert_false(autopsy_parse_audit(others[i], &k));
}

static int clean_up(void **state)
{
	struct err e;

	(void)state;
	return store_remove_tree(dir, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_limit_has_its_file),
		cmocka_unit_test(unified_wins_and_is_kept_in_order),
		cmocka_unit_test(what_is_laid_over_wins),
		cmocka_unit_test(nonsense_is_named),
		cmocka_unit_test(lists_of_processors),
		cmocka_unit_test(is_read_back),
		cmocka_unit_test(counts_tell_the_cause),
		cmocka_unit_test(a_payloads_own_limits_are_not_ours),
		cmocka_unit_test(a_start_names_its_limit),
		cmocka_unit_test(the_kernels_log_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, clean_up);
}
