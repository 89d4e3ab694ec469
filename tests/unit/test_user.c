/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_user.c - USER[:GROUP] against a root's own passwd and group */

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

#include "base/fd.h"
#include "steps/ctx.h"

#define PASSWD                                          \
	"# comment\n"                                   \
	"root:x:0:0:root:/root:/bin/sh\n"               \
	"+::::::\n"                                     \
	"evil:x:-1:0::/:\n"                             \
	"space:x: 0:0::/:\n"                            \
	"huge:x:4294967296:0::/:\n"                     \
	"short:x\n"                                     \
	"alice:x:1000:1000:Alice:/home/alice:/bin/sh\n" \
	"nohome:x:1001:1001::relative:\n"               \
	"badgid:x:1002:x::/:\n"                         \
	"far:x:70000:0::/:\n"                           \
	"last:x:33:33::/var/www"
#define GROUP "root:x:0:\nwheel:x:10:root,alice\nvideo:x:44:alice\nfar:x:70000:alice\nali:x:45:ali,alicex\n" \
	      "users:x:100:\nalice:x:1000:alice\n"

struct fix {
	char dir[64];
	int root;
	struct spec spec;
	struct plan_input in;
	struct ctx c;
	struct step s;
	int fds[SLOT_FIRST_FREE];
	struct err e;
};

static int setup(void **state)
{
	struct fix *f = mem_alloc(sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/test-user-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->root = open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->root >= 0);
	assert_int_equal(mkdirat(f->root, "etc", 0755), 0);
	assert_int_equal(fd_write_file(f->root, "etc/passwd", PASSWD, strlen(PASSWD)), 0);
	assert_int_equal(fd_write_file(f->root, "etc/group", GROUP, strlen(GROUP)), 0);
	spec_init(&f->spec);
	id_map_add(&f->in.uids, 0, 100000, 65536);
	id_map_add(&f->in.gids, 0, 100000, 65536);
	f->fds[SLOT_ROOT] = f->root;
	f->s = (struct step){ .kind = STEP_USER, .object = "user", .reads = { SLOT_ROOT }, .n_rungs = 1 };
	f->c = (struct ctx){ .spec = &f->spec, .in = &f->in, .fds = f->fds };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	unlinkat(f->root, "etc/passwd", 0);
	unlinkat(f->root, "etc/group", 0);
	unlinkat(f->root, "etc/inside", 0);
	unlinkat(f->root, "etc", AT_REMOVEDIR);
	rmdir(f->dir);
	close(f->root);
	spec_fini(&f->spec);
	id_map_fini(&f->in.uids);
	id_map_fini(&f->in.gids);
	free(f->in.home);
	free(f);
	return 0;
}

static int look_up(struct fix *f, const char *user)
{
	str_set(&f->spec.process.user, user);
	err_clear(&f->e);
	memset(&f->c.user, 0, sizeof(f->c.user));
	return step_user(&f->c, &f->s, 0, &f->e);
}

static void is(struct fix *f, const char *user, uid_t uid, gid_t gid, const char *home)
{
	if (look_up(f, user) < 0)
		fail_msg("%s: %s", user ? user : "NULL", f->e.what);
	assert_int_equal(f->c.user.uid, uid);
	assert_int_equal(f->c.user.gid, gid);
	assert_string_equal(f->c.user.home, home);
}

static void is_refused(struct fix *f, const char *user, const char *what, const char *hint)
{
	assert_int_equal(look_up(f, user), -1);
	assert_int_equal(f->e.kind, ERR_SPEC);
	if (!strstr(f->e.what, what) || !strstr(f->e.hint, hint))
		fail_msg("%s: %s (%s)", user, f->e.what, f->e.hint);
}

static void replace(struct fix *f, const char *name, const char *text)
{
	unlinkat(f->root, name, 0);
	assert_int_equal(fd_write_file(f->root, name, text, strlen(text)), 0);
}

static void test_names(void **state)
{
	struct fix *f = *state;

	is(f, NULL, 0, 0, "/root");
	is(f, "", 0, 0, "/root");
	is(f, "root", 0, 0, "/root");
	is(f, "alice", 1000, 1000, "/home/alice");
	is(f, "alice:users", 1000, 100, "/home/alice");
	is(f, "alice:7", 1000, 7, "/home/alice");
	is(f, "nohome", 1001, 1001, "/");
	is(f, "last", 33, 33, "/var/www");
}

static void test_numbers(void **state)
{
	struct fix *f = *state;

	is(f, "0", 0, 0, "/root");
	is(f, "1000", 1000, 1000, "/home/alice");
	is(f, "4711", 4711, 0, "/");
	is(f, "4711:4712", 4711, 4712, "/");
	is(f, "4711:users", 4711, 100, "/");
	is(f, "65535", 65535, 0, "/");
}

static void test_groups(void **state)
{
	struct fix *f = *state;

	/* its own, wheel and video; not the unmapped one, not those of names that begin alike */
	is(f, "alice", 1000, 1000, "/home/alice");
	assert_int_equal(f->c.user.n_groups, 3);
	assert_int_equal(f->c.user.groups[0], 1000);
	assert_int_equal(f->c.user.groups[1], 10);
	assert_int_equal(f->c.user.groups[2], 44);
	is(f, "4711", 4711, 0, "/");
	assert_int_equal(f->c.user.n_groups, 1);
}

static void test_strict(void **state)
{
	static const char *const BAD[] = { "4294967295", "4294967296", "99999999999999999999", "00", "01000" };
	static const char *const UNKNOWN[] = { "-1", "+0", " 0", "0 ", "0x0", "1000\n", "evil", "space", "huge", "short" };
	struct fix *f = *state;

	for (size_t i = 0; i < N_ELEMS(BAD); i++)
		is_refused(f, BAD[i], "is not a user id", "expected USER[:GROUP]");
	for (size_t i = 0; i < N_ELEMS(UNKNOWN); i++)
		is_refused(f, UNKNOWN[i], "no user", "expected USER[:GROUP] by name or number");
	is_refused(f, "1000:-1", "no group", "expected");
	is_refused(f, "1000:4294967295", "is not a group id", "expected");
	is_refused(f, ":", "is not a user", "expected");
	is_refused(f, ":0", "is not a user", "expected");
	is_refused(f, "0:", "is not a user", "expected");
	is_refused(f, "0:0:0", "is not a user", "expected");
	is_refused(f, "badgid", "no valid group id", "");
}

static void test_nearest(void **state)
{
	struct fix *f = *state;

	is_refused(f, "alcie", "no user \"alcie\" in etc/passwd", "did you mean \"alice\"?");
	is_refused(f, "0:whel", "no group \"whel\" in etc/group", "did you mean \"wheel\"?");
}

static void test_unmapped(void **state)
{
	struct fix *f = *state;

	is_refused(f, "far", "uid 70000 does not exist in the sandbox: mapped are 0-65535", "by number");
	is_refused(f, "0:far", "gid 70000", "by number");
	assert_null(strstr(f->e.hint, "--ids=range")); /* it is one already */
	id_map_fini(&f->in.uids);
	f->in.uids = (struct id_map){ 0 };
	id_map_add(&f->in.uids, 0, 1000, 1);
	is_refused(f, "alice", "mapped are 0", "/etc/subuid");
	f->spec.ids = IDS_SINGLE;
	is_refused(f, "alice", "mapped are 0", "--ids=range");
	/* one group: that one, where none is asked for */
	id_map_fini(&f->in.gids);
	f->in.gids = (struct id_map){ 0 };
	id_map_add(&f->in.gids, 44, 1000, 1);
	assert_int_equal(look_up(f, "0"), 0);
	assert_int_equal(f->c.user.gid, 44);
	is_refused(f, "0:0", "gid 0 does not exist", "--ids=range");
}

static void test_host(void **state)
{
	struct fix *f = *state;

	f->spec.root.kind = ROOT_HOST;
	id_map_fini(&f->in.uids);
	id_map_fini(&f->in.gids);
	f->in.uids = f->in.gids = (struct id_map){ 0 };
	id_map_add(&f->in.uids, 1000, 1000, 1);
	id_map_add(&f->in.gids, 1000, 1000, 1);
	is(f, NULL, 1000, 1000, "/home/alice");
	assert_int_equal(f->c.user.n_groups, 1);
	str_set(&f->in.home, "/home/elsewhere");
	is(f, NULL, 1000, 1000, "/home/elsewhere");
	is(f, "1000", 1000, 1000, "/home/elsewhere");
	is_refused(f, "root", "uid 0 does not exist in the sandbox: mapped are 1000", "by number");
}

/* An absolute link is followed inside the root and not to the host's file. */
static void test_link_stays_inside(void **state)
{
	struct fix *f = *state;

	unlinkat(f->root, "etc/passwd", 0);
	assert_int_equal(symlinkat("/etc/inside", f->root, "etc/passwd"), 0);
	assert_int_equal(fd_write_file(f->root, "etc/inside", "inner:x:5:6::/in:\n", 18), 0);
	is(f, "inner", 5, 6, "/in");
	unlinkat(f->root, "etc/passwd", 0);
	assert_int_equal(symlinkat("/etc/passwd", f->root, "etc/passwd"), 0);
	is_refused(f, "root", "cannot be read", "a number needs no file");
	unlinkat(f->root, "etc/passwd", 0);
	assert_int_equal(symlinkat("../../../../../../etc/inside", f->root, "etc/passwd"), 0);
	is(f, "inner", 5, 6, "/in");
}

static void test_strange_files(void **state)
{
	struct fix *f = *state;
	int fd;

	alarm(20);	/* a hang is a failure */
	unlinkat(f->root, "etc/passwd", 0);
	is_refused(f, "alice", "etc/passwd of the root cannot be read", "");
	is(f, NULL, 0, 0, "/");
	assert_int_equal(mkfifoat(f->root, "etc/passwd", 0644), 0);
	is_refused(f, "alice", "not a regular file", "");
	is(f, "1000", 1000, 0, "/");
	unlinkat(f->root, "etc/passwd", 0);
	assert_int_equal(symlinkat("/etc", f->root, "etc/passwd"), 0);
	is_refused(f, "alice", "cannot be read", "");
	replace(f, "etc/passwd", PASSWD);
	fd = openat(f->root, "etc/passwd", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (4 << 20) + 1), 0);
	close(fd);
	is_refused(f, "alice", "cannot be read", "");
	replace(f, "etc/passwd", "");
	is_refused(f, "alice", "no user \"alice\"", "");
	alarm(0);
}

static void test_too_many_groups(void **state)
{
	AUTO_BUF struct buf b = { 0 };
	struct fix *f = *state;

	for (int i = 0; i < GROUPS_MAX + 1; i++)
		buf_addf(&b, "g%d:x:%d:alice\n", i, 2000 + i);
	replace(f, "etc/group", b.s);
	is_refused(f, "alice", "groups", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nearest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unmapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_stays_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strange_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_groups, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
