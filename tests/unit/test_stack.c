/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_stack.c - layers: each way to the kernel's overlay, looks without one, and copies */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "spec/spec.h"
#include "steps/copy.h"
#include "steps/idmap.h"
#include "steps/merged.h"
#include "steps/stack.h"
#include "store/store.h"

enum { LAYERS = 40 };

static char dir[64];
static int at;
static struct strv lowers;	/* DIR/0, the topmost ... */

static int set_up(void **state)
{
	(void)state;
	umask(022);
	str_copy(dir, sizeof(dir), "/var/tmp/lichen-test-stack-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < LAYERS; i++) {
		strv_addf(&lowers, "%s/%d", dir, i);
		if (mkdir(lowers.v[i], 0755) < 0)
			return -1;
	}
	return at < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct err e;

	(void)state;
	close(at);
	strv_fini(&lowers);
	return store_remove_tree(dir, &e);
}

static void put(const char *path, const char *text)
{
	assert_int_equal(fd_write_file(at, path, text, strlen(text)), 0);
}

static void make_dir(const char *path)
{
	assert_int_equal(mkdirat(at, path, 0755), 0);
}

static void link_to(const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, at, path), 0);
}

static void white_out(const char *path)
{
	assert_int_equal(mknodat(at, path, S_IFCHR, 0), 0);
}

static void make_opaque(const char *path)
{
	AUTO_FREE char *full = str_fmt("%s/%s", dir, path);

	assert_int_equal(setxattr(full, MERGED_OPAQUE, "y", 1, 0), 0);
}

/* ---- by the kernel ---- */

static bool holds(int root, const char *path, const char *text)
{
	AUTO_FREE char *got = NULL;

	return fd_read_file(root, path, 100, &got, NULL) == 0 && str_eq(got, text);
}

/* 0: all is well; else where it is not, 77: no user namespaces, or none with an overlay in it. */
static int mount_by(enum stack_way way, bool is_writable, size_t n)
{
	struct stack s = { .name = "test", .n = n, .upper = -1, .work = -1, .is_volatile = is_writable };
	AUTO_FREE char *upper = str_fmt("%s/upper", dir), *work = str_fmt("%s/work", dir);
	struct id_map uids = { 0 }, gids = { 0 };
	char before[256], after[256];
	int fds[LAYERS], fd;
	struct err e = { 0 };
	struct stat st;

	id_map_add(&uids, 0, geteuid(), 1);
	id_map_add(&gids, 0, getegid(), 1);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || idmap_write("self", &uids, &gids, true, &e) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	for (size_t i = 0; i < n; i++)
		fds[i] = open(lowers.v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
	s.lowers = fds;
	if (is_writable) {
		/* by path: "at" is of the mount namespace before */
		s.upper = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
		s.work = open(work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else {
		s.attrs = 1; /* MOUNT_ATTR_RDONLY */
	}
	if (chdir(dir) < 0 || !getcwd(before, sizeof(before)))
		return 2;
	fd = stack_mount(&s, way, &e);
	if (fd < 0 && str_eq(e.op, "overlay") && (e.errnum == EPERM || e.errnum == ENODEV))
		return 77;
	if (fd < 0)
		return 3;
	if (!holds(fd, "n", "0\n") || !holds(fd, "last", "39\n") || !holds(fd, "d/38", "38\n"))
		return 4;
	if (faccessat(fd, "d/gone", F_OK, 0) == 0)
		return 5;
	if (is_writable != (mkdirat(fd, "new", 0755) == 0))
		return 6;
	if (!getcwd(after, sizeof(after)) || !str_eq(before, after))
		return 7;
	/* nothing of it stays mounted */
	return stat("/sys/n", &st) == 0 ? 8 : 0;
}

static void each_way(void **state)
{
	AUTO_FREE char *upper = str_fmt("%s/upper", dir), *work = str_fmt("%s/work", dir);

	(void)state;
	for (int i = 0; i < LAYERS; i++) {
		AUTO_FREE char *text = str_fmt("%d\n", i), *d = str_fmt("%d/d", i), *f = str_fmt("%d/d/%d", i, i), *n = str_fmt("%d/n", i);

		make_dir(d);
		put(f, text);
		put(n, text);
	}
	put("39/last", "39\n");
	put("20/d/gone", "x");
	white_out("10/d/gone");
	make_dir("upper");
	make_dir("work");
	for (int way = STACK_STRING; way <= STACK_PAGE; way++)
		for (int writes = 0; writes < 2; writes++) {
			pid_t pid = fork();
			struct err e;
			int status;

			if (pid == 0)
				_exit(mount_by((enum stack_way)way, writes, LAYERS));
			assert_int_equal(waitpid(pid, &status, 0), pid);
			if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
				print_message("# skip: no-kernel-overlay\n");
				skip();
			}
			if (status)
				fail_msg("way %d, %s: %d", way, writes ? "writable" : "read-only", WEXITSTATUS(status));
			/* a layer written as "volatile" is taken once */
			assert_int_equal(store_remove_tree(work, &e) | store_remove_tree(upper, &e), 0);
			make_dir("upper");
			make_dir("work");
		}
}

/* ---- looks ---- */

static void make_looks(void)
{
	make_dir("0/etc");
	put("0/etc/top", "top");
	link_to("../usr/lib/os", "0/etc/os");
	link_to("loop", "0/loop");
	link_to("/deep/../usr/lib", "0/abs");
	link_to("/etc", "2/conf");
	make_dir("1/etc");
	white_out("1/etc/gone");
	white_out("1/away");
	make_dir("1/opq");
	make_opaque("1/opq");
	make_dir("1/usr");
	link_to("usr/lib", "1/lib");
	put("1/plain", "file");
	make_dir("2/etc");
	make_dir("2/opq");
	make_dir("2/usr");
	make_dir("2/usr/lib");
	make_dir("2/away");
	make_dir("2/plain");
	put("2/etc/gone", "x");
	put("2/etc/base", "base");
	put("2/etc/top", "hidden");
	put("2/opq/old", "x");
	put("2/usr/lib/os", "os");
	put("2/away/f", "x");
	put("2/plain/f", "x");
	make_dir("3/opq2");
	put("3/dir-above", "x");
	make_dir("2/dir-above");
	make_dir("3/a");
	link_to("/usr", "3/a/l");
	link_to("l/../etc/base", "3/a/up");
}

static void looks(void **state)
{
	static const struct {
		const char *path, *text;	/* NULL: not there */
		const char *resolved;		/* NULL: as the path */
	} rows[] = {
		{ "/etc/top", "top", NULL },
		{ "/etc/base", "base", NULL },
		{ "/etc/gone", NULL, NULL },
		{ "/etc/os", "os", "/usr/lib/os" },
		{ "/abs/os", "os", "/usr/lib/os" },	/* "deep" is missing, and so is what is above it */
		{ "/lib/os", "os", "/usr/lib/os" },
		{ "/conf/base", "base", "/etc/base" },
		{ "/conf/none/x", NULL, "/etc/none/x" },
		{ "/opq/old", NULL, NULL },
		{ "/away/f", NULL, NULL },
		{ "/plain", "file", NULL },
		{ "/plain/f", NULL, NULL },
		{ "/loop", NULL, NULL },
		{ "/a/up", "base", "/etc/base" },	/* from where the link leads, not from where it is */
		{ "/../../etc/./base", "base", "/etc/base" },
		{ "/dir-above", NULL, NULL },		/* a directory */
		{ "/lib/new/x", NULL, "/usr/lib/new/x" },
	};

	(void)state;
	make_looks();
	make_dir("2/deep");
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_CLOSE int fd = merged_open(&lowers, rows[i].path, O_RDONLY);
		AUTO_FREE char *got = NULL, *resolved = merged_resolve(&lowers, rows[i].path);

		if (fd >= 0 && fd_read_file(fd, "", 100, &got, NULL) < 0)
			got = NULL;
		if (!str_eq(got, rows[i].text))
			fail_msg("%s: expected %s, got %s", rows[i].path, rows[i].text ? rows[i].text : "nothing", got ? got : "nothing");
		if (str_eq(rows[i].path, "/loop"))
			continue;
		assert_string_equal(resolved, rows[i].resolved ? rows[i].resolved : rows[i].path);
	}
	assert_int_equal(merged_open(&lowers, "/loop", O_RDONLY), -1);
	assert_int_equal(errno, ELOOP);
}

/* ---- copies ---- */

static char *text_of(const char *path)
{
	char *got = NULL;

	return fd_read_file(at, path, 100, &got, NULL) == 0 ? got : NULL;
}

static void copies(void **state)
{
	static const struct {
		const char *path, *text;
	} rows[] = {
		{ "dst/etc/top", "top" }, { "dst/etc/base", "base" }, { "dst/etc/gone", NULL }, { "dst/opq/old", NULL },
		{ "dst/usr/lib/os", "os" }, { "dst/away/f", NULL }, { "dst/plain", "file" }, { "dst/plain/f", NULL },
		{ "dst/two", "linked" }, { "dst/one", NULL }, { "dst/dir-above", NULL },
	};
	AUTO_FREE char *dst = str_fmt("%s/dst", dir), *owners = str_fmt("%s/owners", dir);
	struct copy_layers l = { .lowers = &lowers };
	AUTO_CLOSE int fd = -1;
	struct copy_stats cs;
	struct err e = { 0 };
	uint64_t unmapped;
	struct stat a, b;

	(void)state;
	make_looks();
	put("5/one", "linked");
	assert_int_equal(linkat(at, "5/one", at, "5/two", 0) | linkat(at, "5/one", at, "5/three", 0), 0);
	white_out("4/one");
	make_dir("dst");
	if (copy_layers(&l, dst, owners, &cs, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, e.path);
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_FREE char *got = text_of(rows[i].path);

		if (!str_eq(got, rows[i].text))
			fail_msg("%s: expected %s, got %s", rows[i].path, rows[i].text ? rows[i].text : "nothing", got ? got : "nothing");
	}
	assert_int_equal(fstatat(at, "dst/dir-above", &a, 0), 0);
	assert_true(S_ISDIR(a.st_mode));
	assert_int_equal(fstatat(at, "dst/away", &a, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(at, "dst/two", &a, 0) | fstatat(at, "dst/three", &b, 0), 0);
	assert_true(a.st_ino == b.st_ino && a.st_nlink == 2);
	assert_int_equal(cs.unreadable, 0);
	/* each has one line, of what was copied */
	fd = openat(at, "dst", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (geteuid() == 0 && copy_fix(fd, owners, &unmapped, &e) < 0)
		fail_msg("%s: %s %s", e.what, e.op, e.path);
}

/* Inside a map the list says what the ids are outside. */
static void copies_in_a_map(void **state)
{
	AUTO_FREE char *dst = str_fmt("%s/dst", dir), *owners = str_fmt("%s/owners", dir), *list = NULL;
	struct id_map map = { 0 };
	struct copy_layers l = { .lowers = &lowers, .uids = &map, .gids = &map };
	struct err e = { 0 };
	size_t len;

	(void)state;
	id_map_add(&map, geteuid(), 4711, 1);
	put("0/f", "x");
	make_dir("dst");
	if (copy_layers(&l, dst, owners, NULL, &e) < 0)
		fail_msg("%s", e.what);
	assert_int_equal(fd_read_file(AT_FDCWD, owners, 1 << 16, &list, &len), 0);
	assert_true(str_starts(list + strlen(list) + 1, "4711 4711 100600 - /f"));
	id_map_fini(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(copies_in_a_map, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
