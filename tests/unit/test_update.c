/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_update.c - limits laid over limits: which files change, in which order, and how it is taken back */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/update.h"

enum { MIB = 1 << 20 };

/* ---- which files ---- */

/* "memory.max=5 pids.max=7", in the order of writing. */
static char *changes(const struct spec_limits *before, const struct spec_limits *over)
{
	struct spec_limits after = { 0 };
	struct limit_files f;
	struct buf out = { 0 };

	update_files(before, over, &after, &f);
	for (size_t i = 0; i < f.n; i++)
		buf_addf(&out, "%s%s=%s", i ? " " : "", f.v[i].file, f.v[i].value);
	limit_files_fini(&f);
	limits_fini(&after);
	return buf_take(&out);
}

static void assert_changes(const struct spec_limits *before, const struct spec_limits *over, const char *expected)
{
	AUTO_FREE char *got = changes(before, over);

	assert_string_equal(got, expected);
}

static void only_what_differs(void **state)
{
	const struct spec_limits before = { .memory = 8 * MIB, .pids = 50, .cpu_quota = 50000, .cpu_period = 100000 };
	const struct spec_limits nothing = { 0 }, pids = { .pids = 60 }, quota = { .cpu_quota = 20000 }, same = { .pids = 50 };
	char list[] = "0-1";
	const struct spec_limits fresh = { .cpuset_cpus = list };

	(void)state;
	assert_changes(&before, &nothing, "");
	assert_changes(&before, &pids, "pids.max=60");
	/* what it belongs to stays */
	assert_changes(&before, &quota, "cpu.max=20000 100000");
	assert_changes(&before, &fresh, "cpuset.cpus=0-1");
	/* somebody else may have written there meanwhile */
	assert_changes(&before, &same, "pids.max=50");
}

static void memory_comes_last(void **state)
{
	const struct spec_limits before = { .memory = 8 * MIB, .pids = 50 };
	const struct spec_limits both = { .memory = 16 * MIB, .pids = 60 }, swap = { .memory_swap = 8 * MIB },
				 first = { .memory = 16 * MIB }, none = { .memory = LIMIT_MAX }, nothing = { 0 };

	(void)state;
	assert_changes(&before, &both, "memory.swap.max=16777216 pids.max=60 memory.max=16777216");
	/* no swap beside 8m of memory */
	assert_changes(&before, &swap, "memory.swap.max=0");
	assert_changes(&nothing, &first, "memory.swap.max=16777216 memory.oom.group=1 memory.max=16777216");
	/* the bound of swap came with that of memory, and goes with it */
	assert_changes(&before, &none, "memory.swap.max=max memory.max=max");
}

static void the_later_one_wins(void **state)
{
	struct spec_limits before = { .memory = 8 * MIB }, over = { .memory = 32 * MIB, .cpu_shares = 100 }, after = { 0 };
	struct limit_files f;

	(void)state;
	limits_set_unified(&before, "memory.high", "1");
	limits_set_unified(&before, "hugetlb.2MB.max", "2");
	limits_set_unified(&over, "memory.high", "3");
	update_files(&before, &over, &after, &f);
	assert_true(after.memory == 32 * MIB && after.cpu_shares == 100);
	assert_string_equal(limits_unified(&after, "memory.high"), "3");
	assert_string_equal(limits_unified(&after, "hugetlb.2MB.max"), "2");
	assert_true(before.memory == 8 * MIB);
	limit_files_fini(&f);
	limits_fini(&after);
	limits_fini(&before);
	limits_fini(&over);
}

/* ---- writing and taking back, in directories that look like cgroups ---- */

static char box[] = "/tmp/lichen-test-update.XXXXXX";
static char *inner;

static void put(const char *dir, const char *file, const char *text)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, file);

	assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text)), 0);
}

static void assert_holds(const char *dir, const char *file, const char *expected)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, file), *text = NULL;

	assert_int_equal(fd_read_file(AT_FDCWD, path, 4096, &text, NULL), 0);
	assert_string_equal(text, expected);
}

/* A plain file keeps the rest of a longer text: all of one file have the same length here. */
static struct limit_file file(const char *name, const char *value, const char *option)
{
	return (struct limit_file){ .file = str_dup(name), .value = str_dup(value), .option = option, .check = LIMIT_EXACT };
}

static int make_dirs(void **state)
{
	(void)state;
	if (!mkdtemp(box))
		return -1;
	inner = str_fmt("%s/inner", box);
	return mkdir(inner, 0700);
}

static int remove_dirs(void **state)
{
	struct err e;

	(void)state;
	auto_free(&inner);
	return store_remove_tree(box, &e);
}

static void fill(void)
{
	put(box, "pids.max", "50\n");
	put(inner, "pids.max", "40\n");
	put(box, "cpu.weight", "10\n");
	put(inner, "cpu.weight", "70\n");
}

static void all_is_written(void **state)
{
	struct limit_file v[] = { file("pids.max", "60\n", "--pids-limit"), file("cpu.weight", "20\n", NULL) };
	const struct limit_files f = { v, N_ELEMS(v) };
	struct undo u = { 0 };
	struct err e;

	(void)state;
	fill();
	/* what is read back is a line */
	v[0].check = v[1].check = LIMIT_TAKEN;
	assert_int_equal(update_write(box, inner, &f, &u, &e), 0);
	assert_holds(box, "pids.max", "60\n");
	assert_holds(inner, "pids.max", "60\n");
	assert_holds(box, "cpu.weight", "20\n");
	/* nobody named it */
	assert_holds(inner, "cpu.weight", "70\n");
	undo_all(&u);
	assert_int_equal(u.n, 0);
	assert_holds(box, "pids.max", "50\n");
	assert_holds(inner, "pids.max", "40\n");
	assert_holds(box, "cpu.weight", "10\n");
	undo_fini(&u);
	for (size_t i = 0; i < N_ELEMS(v); i++) {
		free(v[i].file);
		free(v[i].value);
	}
}

/* The same file twice: backwards it holds the first text again, forwards the second. */
static void it_is_taken_back_backwards(void **state)
{
	struct limit_file v[] = { file("pids.max", "60", "--pids-limit"), file("cpu.weight", "20", "--cpu-shares"),
				  file("pids.max", "70", "--pids-limit"), file("pids.nosuch", "1", "--cgroup-conf") };
	const struct limit_files f = { v, N_ELEMS(v) };
	struct undo u = { 0 };
	struct err e;

	(void)state;
	fill();
	assert_int_equal(update_write(box, NULL, &f, &u, &e), -1);
	assert_non_null(strstr(e.what, "--cgroup-conf"));
	assert_non_null(strstr(e.path, "pids.nosuch"));
	assert_holds(box, "pids.max", "70\n");
	undo_all(&u);
	assert_holds(box, "pids.max", "50\n");
	assert_holds(box, "cpu.weight", "10\n");
	assert_holds(inner, "pids.max", "40\n");
	undo_fini(&u);
	for (size_t i = 0; i < N_ELEMS(v); i++) {
		free(v[i].file);
		free(v[i].value);
	}
}

/* What was written and is not what stands there afterwards is taken back, too. */
static void another_value_is_taken_back(void **state)
{
	struct limit_file v[] = { file("memory.max", "4096", "--memory") };
	const struct limit_files f = { v, N_ELEMS(v) };
	struct undo u = { 0 };
	struct err e;

	(void)state;
	put(box, "memory.max", "819200\n");	/* the end of it stays: "409600" */
	assert_int_equal(update_write(box, NULL, &f, &u, &e), -1);
	assert_int_equal(e.kind, ERR_HOST);
	undo_all(&u);
	assert_holds(box, "memory.max", "819200\n");
	undo_fini(&u);
	free(v[0].file);
	free(v[0].value);
}

/* Of a file with a line for each device: its own line, none where it had none. */
static void a_device_has_its_line(void **state)
{
	struct limit_file v[] = { file("io.max", "8:16 rbps=200", "--device-read-bps"), file("io.max", "8:1 rbps=300", "--device-read-bps") };
	const struct limit_files f = { v, N_ELEMS(v) };
	struct undo u = { 0 };
	struct err e;

	(void)state;
	v[0].check = v[1].check = LIMIT_TAKEN;
	put(box, "io.max", "8:0 rbps=1 wbps=max\n8:16 rbps=100 wbps=max\n");
	assert_int_equal(update_write(box, NULL, &f, &u, &e), 0);
	assert_int_equal(u.n, 2);
	assert_string_equal(u.v[0].value, "8:16 rbps=100 wbps=max");
	assert_string_equal(u.v[1].value, "8:1 rbps=max wbps=max riops=max wiops=max");
	undo_fini(&u);
	for (size_t i = 0; i < N_ELEMS(v); i++) {
		free(v[i].file);
		free(v[i].value);
	}
}

/* An empty list is written as an empty line: a write of nothing changes nothing. */
static void an_empty_list_comes_back(void **state)
{
	struct limit_file v[] = { file("cpuset.cpus", "0", "--cpuset-cpus") };
	const struct limit_files f = { v, N_ELEMS(v) };
	struct undo u = { 0 };
	struct err e;

	(void)state;
	v[0].check = LIMIT_TAKEN;
	put(box, "cpuset.cpus", "\n");
	assert_int_equal(update_write(box, NULL, &f, &u, &e), 0);
	assert_string_equal(u.v[0].value, "\n");
	undo_fini(&u);
	free(v[0].file);
	free(v[0].value);
}

/* ---- paused ---- */

static void what_is_paused(void **state)
{
	(void)state;
	assert_false(box_is_paused(NULL));
	assert_false(box_is_paused(box));
	put(box, "cgroup.freeze", "0\n");
	assert_false(box_is_paused(box));
	put(box, "cgroup.freeze", "1\n");
	assert_true(box_is_paused(box));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_differs),	     cmocka_unit_test(memory_comes_last),
		cmocka_unit_test(the_later_one_wins),	     cmocka_unit_test(all_is_written),
		cmocka_unit_test(it_is_taken_back_backwards), cmocka_unit_test(another_value_is_taken_back),
		cmocka_unit_test(a_device_has_its_line),     cmocka_unit_test(an_empty_list_comes_back),
		cmocka_unit_test(what_is_paused),
	};

	return cmocka_run_group_tests(tests, make_dirs, remove_dirs);
}
