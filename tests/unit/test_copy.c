/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_copy.c - a tree copied, its owners noted and put back */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "steps/copy.h"

/* ---- helpers ---- */

static char dir[64];
static int at;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void quiet(enum log_level level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	++*(int *)arg;
}

static int warnings;

static int set_up(void **state)
{
	(void)state;
	umask(022);
	str_copy(dir, sizeof(dir), "/tmp/lichen-test-copy-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	warnings = 0;
	log_set_sink(quiet, &warnings);
	return at < 0 || mkdirat(at, "src", 0755) < 0 || mkdirat(at, "dst", 0755) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	close(at);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(fd_write_file(at, path, text, strlen(text)), 0);
	assert_int_equal(fchmodat(at, path, mode, 0), 0);
}

static struct stat look(const char *path)
{
	struct stat st;

	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s is missing", path);
	return st;
}

static void copy(struct copy_stats *st)
{
	AUTO_FREE char *src = str_fmt("%s/src", dir), *dst = str_fmt("%s/dst", dir);
	AUTO_FREE char *owners = str_fmt("%s/owners", dir);
	struct err e = { 0 };

	if (copy_tree(src, dst, owners, st, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, e.path);
}

static int fix(struct err *e)
{
	AUTO_FREE char *owners = str_fmt("%s/owners", dir);
	AUTO_CLOSE int fd = openat(at, "dst", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t unmapped;

	return copy_fix(fd, owners, &unmapped, e);
}

static void assert_text(const char *path, const char *text)
{
	AUTO_FREE char *got = NULL;

	assert_int_equal(fd_read_file(at, path, 1 << 20, &got, NULL), 0);
	assert_string_equal(got, text);
}

/* ---- the copy ---- */

static void odd_names_and_modes(void **state)
{
	struct copy_stats st;
	struct err e = { 0 };

	(void)state;
	put("src/a\nb \\ \x01\xff", "odd", 0640);
	put("src/-rf", "dash", 0600);
	put("src/suid", "s", 04755);
	assert_int_equal(mkdirat(at, "src/d ", 0755), 0);
	put("src/d /x", "", 0444);
	assert_int_equal(mkfifoat(at, "src/d /fifo", 0610), 0);
	assert_int_equal(fchmodat(at, "src/d ", 0555, 0), 0);
	copy(&st);
	assert_int_equal(st.files, 4);
	assert_int_equal(st.dirs, 1);
	assert_int_equal(st.fifos, 1);
	assert_int_equal(st.unreadable, 0);
	assert_text("dst/a\nb \\ \x01\xff", "odd");
	assert_int_equal(look("dst/d ").st_mode & 07777, 0700);
	assert_int_equal(look("dst/suid").st_mode & 07777, 0700);
	if (geteuid() == 0) {
		assert_int_equal(fix(&e), 0);
		assert_int_equal(look("dst/d ").st_mode & 07777, 0555);
		assert_int_equal(look("dst/a\nb \\ \x01\xff").st_mode & 07777, 0640);
		assert_int_equal(look("dst/suid").st_mode & 07777, 04755);
		assert_int_equal(look("dst/d /fifo").st_mode & 07777, 0610);
	}
	assert_int_equal(fchmodat(at, "src/d ", 0755, 0), 0);
	assert_int_equal(fchmodat(at, "dst/d ", 0755, 0), 0);
}

static void owners_come_back(void **state)
{
	struct err e = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip();
	put("src/f", "x", 06755);
	assert_int_equal(symlinkat("/etc/shadow", at, "src/l"), 0);
	assert_int_equal(fchownat(at, "src/f", 1234, 4321, 0), 0);
	assert_int_equal(fchmodat(at, "src/f", 06755, 0), 0);
	assert_int_equal(fchownat(at, "src/l", 77, 78, AT_SYMLINK_NOFOLLOW), 0);
	copy(NULL);
	assert_int_equal(look("dst/f").st_uid, 0);
	assert_int_equal(fix(&e), 0);
	assert_int_equal(look("dst/f").st_uid, 1234);
	assert_int_equal(look("dst/f").st_gid, 4321);
	assert_int_equal(look("dst/f").st_mode & 07777, 06755);
	assert_int_equal(look("dst/l").st_uid, 77);
}

static void links(void **state)
{
	struct copy_stats st;
	char target[64] = "";

	(void)state;
	put("src/one", "1", 0644);
	assert_int_equal(mkdirat(at, "src/d", 0755), 0);
	assert_int_equal(linkat(at, "src/one", at, "src/d/two", 0), 0);
	assert_int_equal(symlinkat("/etc", at, "src/out"), 0);
	assert_int_equal(symlinkat("../../..", at, "src/up"), 0);
	copy(&st);
	assert_int_equal(st.hardlinks, 1);
	assert_int_equal(st.symlinks, 2);
	assert_int_equal(look("dst/one").st_ino, look("dst/d/two").st_ino);
	assert_int_equal(look("dst/one").st_nlink, 2);
	assert_true(readlinkat(at, "dst/out", target, sizeof(target) - 1) == 4);
	assert_string_equal(target, "/etc");
}

static void times_and_holes(void **state)
{
	const struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } };
	AUTO_CLOSE int fd = -1;

	(void)state;
	fd = openat(at, "src/sparse", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(pwrite(fd, "end", 3, 9 << 20), 3);
	assert_int_equal(ftruncate(fd, 10 << 20), 0);
	assert_int_equal(mkdirat(at, "src/d", 0755), 0);
	put("src/d/f", "x", 0644);
	assert_int_equal(utimensat(at, "src/d", t, 0), 0);
	copy(NULL);
	assert_int_equal(look("dst/sparse").st_size, 10 << 20);
	assert_true(look("dst/sparse").st_blocks < 1024);
	assert_int_equal(look("dst/d").st_mtim.tv_sec, 2000);
}

static void sockets_and_unreadable_are_left_out(void **state)
{
	struct copy_stats st;

	(void)state;
	if (geteuid() == 0) {
		assert_int_equal(mknodat(at, "src/sock", S_IFSOCK | 0600, 0), 0);
		copy(&st);
		assert_int_equal(st.devices, 1);
		return;
	}
	put("src/secret", "x", 0);
	assert_int_equal(mkdirat(at, "src/closed", 0), 0);
	copy(&st);
	assert_int_equal(st.unreadable, 2);
	assert_int_equal(warnings, 1);
	assert_true(str_starts(st.first[0], "/"));
	assert_int_equal(fchmodat(at, "src/closed", 0755, 0), 0);
}

static void copy_below_its_source(void **state)
{
	AUTO_FREE char *dst = str_fmt("%s/dst", dir), *owners = str_fmt("%s/owners", dir);
	struct stat st;
	struct err e = { 0 };

	(void)state;
	put("src/f", "x", 0644);
	assert_int_equal(copy_tree(dir, dst, owners, NULL, &e), 0);
	look("dst/src/f");
	assert_int_equal(fstatat(at, "dst/dst", &st, 0), -1);
	assert_int_equal(fstatat(at, "dst/owners", &st, 0), -1);
}

/* ---- the list of owners ---- */

static void hostile_lists(void **state)
{
#define LIST(s) { "lichen-owners 2\0" s, sizeof("lichen-owners 2\0" s) - 1 }
	static const struct {
		const char *s;
		size_t n;
	} bad[] = {
		{ "", 0 }, { "lichen-owners 1", 16 }, LIST(""), LIST("0 0 100644 - /f"), LIST("0 0 100644 -\0"),
		LIST("0 0 100644 - f\0"), LIST("0 0 100644 - /../f\0"), LIST("0 0 100644 - /a//f\0"),
		LIST("-1 0 100644 - /f\0"), LIST("4294967295 0 100644 - /f\0"), LIST("0 0 777777777777777777777 - /f\0"),
		LIST("0 0 100648 - /f\0"), LIST("0 0 100644 - /\0"), LIST("0 0 40755 - /f\0end\0"), LIST("0 0 100644 - /none\0"),
		LIST("0 0 40755 - /./f\0"), LIST("0 0 100644 /f\0end\0"), LIST("0 0 100644  /f\0end\0"), LIST("0 0 100644 0 /f\0end\0"),
		LIST("0 0 100644 0g /f\0end\0"),
		LIST("0 0 100644 000000000000000000000000000000000000000000000000000000000000000000 /f\0end\0"),
	};

	(void)state;
	put("dst/f", "x", 0644);
	for (size_t i = 0; i < N_ELEMS(bad); i++) {
		struct err e = { 0 };

		assert_int_equal(unlinkat(at, "owners", 0) == 0 || i == 0, 1);
		assert_int_equal(fd_write_file(at, "owners", bad[i].s, bad[i].n), 0);
		if (fix(&e) == 0)
			fail_msg("list %zu was taken", i);
	}
}

/* However deep: with the descriptors of one level, and back up. */
static void deep(void **state)
{
	enum { DEPTH = 600, FILES = 40 };
	struct rlimit old, few;
	AUTO_FREE char *src = str_fmt("%s/src", dir), *dst = str_fmt("%s/dst", dir), *owners = str_fmt("%s/owners", dir);
	AUTO_CLOSE int in = openat(at, "src", O_RDONLY | O_DIRECTORY | O_CLOEXEC), out = -1;
	struct copy_stats cs;
	struct err e;

	(void)state;
	for (int i = 0; i < DEPTH; i++) {
		int next;

		assert_int_equal(mkdirat(in, "d", 0755), 0);
		assert_int_equal(mkdirat(in, "e", 0755), 0);
		next = openat(in, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(in);
		in = next;
	}
	assert_int_equal(fd_write_file(in, "f", "x", 1), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ FILES, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	if (copy_tree(src, dst, owners, &cs, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, e.path);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(cs.dirs, 2 * DEPTH);
	assert_int_equal(cs.files, 1);
	assert_int_equal(cs.unreadable, 0);
	out = openat(at, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < DEPTH; i++) {
		int next = openat(out, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_true(next >= 0);
		assert_int_equal(faccessat(out, "e", F_OK, 0), 0);
		close(out);
		out = next;
	}
	assert_int_equal(faccessat(out, "f", F_OK, 0), 0);
}

static void a_signal_ends_it(void **state)
{
	AUTO_FREE char *src = str_fmt("%s/src", dir), *dst = str_fmt("%s/dst", dir), *owners = str_fmt("%s/owners", dir);
	struct err e = { 0 };
	sigset_t quit, old;

	(void)state;
	put("src/f", "x", 0644);
	sigemptyset(&quit);
	sigaddset(&quit, SIGQUIT);
	sigprocmask(SIG_BLOCK, &quit, &old);
	assert_int_equal(stop_arm(&quit), 0);
	raise(SIGQUIT);
	assert_int_equal(copy_tree(src, dst, owners, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_SIGNAL);
	assert_int_equal(err_status(&e), 128 + SIGQUIT);
	stop_disarm();
	signal(SIGQUIT, SIG_IGN);	/* takes it away */
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGQUIT, SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(odd_names_and_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(owners_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(times_and_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sockets_and_unreadable_are_left_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copy_below_its_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_lists, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deep, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_signal_ends_it, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
