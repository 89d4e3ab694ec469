/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_fill.c - a fresh volume filled with what the root has, and killed at every system call of that */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "steps/ctx.h"
#include "store/volumes.h"

enum { SLOT_DATA = SLOT_ROOT + 1, SLOTS };
enum { HOLE = 1 << 20 };

static char dir[64];
static int at;
static int warnings;

static void quiet(enum log_level level, const char *text, void *arg)
{
	(void)text;
	*(int *)arg += level == LOG_LEVEL_WARN;
}

static void put(const char *path, const char *text, mode_t mode)
{
	assert_int_equal(fd_write_file(at, path, text, strlen(text)), 0);
	assert_int_equal(fchmodat(at, path, mode, 0), 0);
}

static int set_up(void **state)
{
	(void)state;
	umask(022);
	str_copy(dir, sizeof(dir), "/tmp/lichen-test-fill-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	warnings = 0;
	log_set_sink(quiet, &warnings);
	return at < 0 || mkdirat(at, "root", 0755) < 0 || mkdirat(at, "data", 0755) < 0 || fd_write_file(at, "copy", "", 0) < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	close(at);
	return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* As a start would, with the volume at /srv. */
static int fill(bool copies, struct err *e)
{
	AUTO_CLOSE int root = openat(at, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int data = openat(at, "data", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int copy = openat(at, "copy", O_RDWR | O_CLOEXEC);
	int fds[SLOTS] = { 0 };
	struct ctx c = { .fds = fds };
	struct step s = { .kind = STEP_FILL };

	fds[SLOT_ROOT] = root;
	fds[SLOT_DATA] = data;
	s.reads[0] = SLOT_ROOT;
	s.reads[1] = SLOT_DATA;
	s.u.mount.source = "vol";
	s.u.mount.target = "/srv";
	s.u.mount.copy = &copy;
	s.u.mount.copies = copies;
	*e = (struct err){ 0 };
	return step_fill(&c, &s, 0, e);
}

static void fill_well(bool copies)
{
	struct err e;

	if (fill(copies, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, strerror(e.errnum));
}

static void assert_text(const char *path, const char *text)
{
	AUTO_FREE char *got = NULL;

	if (fd_read_file(at, path, 1 << 21, &got, NULL) < 0)
		fail_msg("%s is missing", path);
	assert_string_equal(got, text);
}

static struct stat look(const char *path)
{
	struct stat st;

	if (fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		fail_msg("%s is missing", path);
	return st;
}

static void make_tree(void)
{
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	AUTO_CLOSE int big = -1;

	assert_int_equal(mkdirat(at, "root/srv", 0755), 0);
	assert_int_equal(mkdirat(at, "root/srv/sub", 0755), 0);
	put("root/srv/a", "first", 0640);
	put("root/srv/sub/b", "second", 04755);
	assert_int_equal(linkat(at, "root/srv/a", at, "root/srv/sub/c", 0), 0);
	assert_int_equal(symlinkat("../a", at, "root/srv/sub/link"), 0);
	assert_int_equal(mkfifoat(at, "root/srv/pipe", 0600), 0);
	big = openat(at, "root/srv/hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(big, "end", 3, HOLE), 3);
	(void)!fsetxattr(big, "user.note", "kept", 4, 0);
	assert_int_equal(fchmodat(at, "root/srv/sub", 01770, 0), 0);
	assert_int_equal(utimensat(at, "root/srv/a", old, 0), 0);
	assert_int_equal(utimensat(at, "root/srv/sub", old, 0), 0);
	assert_int_equal(fchmodat(at, "root/srv", 02750, 0), 0);
	assert_int_equal(utimensat(at, "root/srv", old, 0), 0);
}

static void assert_whole(void)
{
	struct stat hole = look("data/hole");

	assert_text("copy", VOLUME_COPIED);
	assert_text("data/a", "first");
	assert_text("data/sub/b", "second");
	assert_int_equal(look("data/a").st_mode, S_IFREG | 0640);
	assert_int_equal(look("data/sub/b").st_mode, S_IFREG | 04755);
	assert_int_equal(look("data/a").st_ino, look("data/sub/c").st_ino);
	assert_int_equal(look("data/a").st_nlink, 2);
	assert_int_equal(look("data/a").st_mtime, 1000000000);
	assert_int_equal(look("data/sub").st_mode, S_IFDIR | 01770);
	assert_int_equal(look("data/sub").st_mtime, 1000000000);
	assert_true(S_ISLNK(look("data/sub/link").st_mode));
	assert_int_equal(look("data/pipe").st_mode, S_IFIFO | 0600);
	assert_int_equal(look("data").st_mode, S_IFDIR | 02750);
	assert_int_equal(look("data").st_mtime, look("root/srv").st_mtime);
	assert_int_equal(hole.st_size, HOLE + 3);
	if (look("root/srv/hole").st_blocks < HOLE / 512)
		assert_true(hole.st_blocks < HOLE / 512);
}

static void all_of_it(void **state)
{
	AUTO_FREE char *from = str_fmt("%s/root/srv/hole", dir), *to = str_fmt("%s/data/hole", dir);
	char note[8] = "";

	(void)state;
	make_tree();
	fill_well(true);
	assert_whole();
	assert_int_equal(warnings, 0);
	if (getxattr(from, "user.note", note, sizeof(note)) == 4)
		assert_int_equal(getxattr(to, "user.note", note, sizeof(note)), 4);
	/* once: what is changed stays */
	put("data/a", "own", 0600);
	fill_well(true);
	assert_text("data/a", "own");
}

static void nothing_there(void **state)
{
	(void)state;
	fill_well(true);
	assert_text("copy", "");
	put("root/srv", "a file", 0644);
	fill_well(true);
	assert_text("copy", "");
	assert_int_equal(unlinkat(at, "root/srv", 0), 0);
	assert_int_equal(symlinkat("/../../../../../../etc", at, "root/srv"), 0); /* stays inside, where there is none */
	fill_well(true);
	assert_text("copy", "");
	assert_int_equal(mkdirat(at, "root/etc", 0755), 0);
	put("root/etc/x", "by a link", 0644);
	fill_well(true);
	assert_text("data/x", "by a link");
	assert_text("copy", VOLUME_COPIED);
	assert_int_equal(warnings, 0);
}

static void without_a_copy(void **state)
{
	(void)state;
	make_tree();
	fill_well(false);
	assert_text("copy", "");
	put("data/mine", "x", 0644);
	fill_well(true);
	assert_text("copy", VOLUME_COPIED);
	assert_int_equal(faccessat(at, "data/a", F_OK, 0), -1);
}

/* Root inside, with a small file system in the volume's place. */
static int become_root_on_tmpfs(void)
{
	AUTO_FREE char *path = str_fmt("%s/data", dir), *uids = str_fmt("0 %u 1", (unsigned)getuid()), *gids = str_fmt("0 %u 1", (unsigned)getgid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || fd_write_file(AT_FDCWD, "/proc/self/setgroups", "deny", 4) < 0 ||
	    fd_write_file(AT_FDCWD, "/proc/self/uid_map", uids, strlen(uids)) < 0 ||
	    fd_write_file(AT_FDCWD, "/proc/self/gid_map", gids, strlen(gids)) < 0)
		return -1;
	if (mount("small", path, "tmpfs", 0, "size=256k") < 0)
		return -1;
	close(at);	/* it leads to the mounts outside */
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? -1 : 0;
}

/* The full disk is a small tmpfs in namespaces of the child's own. */
static void full(void **state)
{
	struct err e;
	pid_t pid;
	int status;

	(void)state;
	make_tree();
	put("root/srv/large", "", 0644);
	{
		AUTO_CLOSE int fd = openat(at, "root/srv/large", O_WRONLY | O_CLOEXEC);
		AUTO_FREE char *text = mem_alloc(1 << 20);

		memset(text, 'x', 1 << 20);
		assert_int_equal(fd_write_all(fd, text, 1 << 20), 0);
	}
	pid = fork();
	if (pid == 0) {
		AUTO_FREE char *text = NULL;

		if (become_root_on_tmpfs() < 0)
			_exit(77);
		if (fill(true, &e) == 0)
			_exit(1);
		if (e.errnum != ENOSPC || !e.hint[0])
			_exit(2);
		/* its half is gone */
		if (fd_read_file(at, "copy", 64, &text, NULL) < 0 || text[0])
			_exit(3);
		_exit(faccessat(at, "data/a", F_OK, 0) == 0 || faccessat(at, "data/sub", F_OK, 0) == 0 ? 4 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* what is on the disk is as before: it is filled when there is space */
	fill_well(true);
	assert_whole();
}

/* Stopped at its system calls, of which the one of number @n is the last that it makes. false: it ended before that */
static bool fill_and_die(int n)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		struct err e;

		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(fill(true, &e) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (int i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void empty_again(void)
{
	AUTO_FREE char *data = str_fmt("%s/data", dir);

	assert_int_equal(nftw(data, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(mkdirat(at, "data", 0755), 0);
	assert_int_equal(fd_write_file(at, "copy", "", 0), 0);
}

/* The next one sees all of it, or fills it anew. */
static void killed(void **state)
{
	enum { STEP = 5 };
	bool was_half = false, dies = true;
	int n;

	(void)state;
	make_tree();
	for (n = 1; dies; n += STEP) {
		AUTO_FREE char *text = NULL;

		dies = fill_and_die(n);
		assert_int_equal(fd_read_file(at, "copy", 64, &text, NULL), 0);
		was_half = was_half || (str_eq(text, VOLUME_COPYING) && faccessat(at, "data/a", F_OK, 0) == 0);
		if (str_eq(text, VOLUME_COPIED))
			assert_whole();
		fill_well(true);
		assert_whole();
		empty_again();
	}
	assert_true(was_half);
	assert_true(n > 100);
}

/* Killed while what was half is removed, too. */
static void killed_twice(void **state)
{
	enum { STEP = 11, HALF = 150 };
	bool dies = true;

	(void)state;
	make_tree();
	for (int n = 1; dies; n += STEP) {
		assert_true(fill_and_die(HALF));
		dies = fill_and_die(n);
		fill_well(true);
		assert_whole();
		empty_again();
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(all_of_it), TEST(nothing_there), TEST(without_a_copy), TEST(full), TEST(killed), TEST(killed_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
