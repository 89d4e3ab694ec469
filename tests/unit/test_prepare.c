/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_prepare.c - from a spec and faked facts to the plan's input */

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
#include "run/internal.h"
#include "store/store.h"

struct fix {
	struct spec spec;
	struct facts facts;
	struct plan_input in;
	struct err e;
	char *root;
};

static void write_in(const struct fix *f, const char *name, const char *text)
{
	AUTO_FREE char *path = str_fmt("%s/%s", f->root, name);

	assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text)), 0);
}

static int setup(void **state)
{
	struct fix *f = mem_alloc(sizeof(*f));
	AUTO_FREE char *etc = NULL;

	f->root = str_dup("/tmp/lichen-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	etc = str_fmt("%s/etc", f->root);
	assert_int_equal(mkdir(etc, 0755), 0);
	write_in(f, "etc/passwd", "root:x:0:0::/root:/bin/sh\ngames:x:5:60::/usr/games:/bin/sh\n");
	write_in(f, "etc/group", "root:x:0:\nstaff:x:50:\n");
	spec_init(&f->spec);
	f->spec.root.kind = ROOT_DIR;
	str_set(&f->spec.root.path, f->root);
	f->facts = (struct facts){ .uid = getuid(), .gid = getgid(), .home = str_dup("/home/alice"),
				   .hostname = str_dup("machine"), .newuidmap = str_dup("x"), .newgidmap = str_dup("x") };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;
	struct err e;

	assert_int_equal(store_remove_tree(f->root, &e), 0);
	plan_input_fini(&f->in);
	spec_fini(&f->spec);
	facts_fini(&f->facts);
	free(f->root);
	free(f);
	return 0;
}

static int prepare(struct fix *f)
{
	plan_input_fini(&f->in);
	err_clear(&f->e);
	return prepare_input(&f->in, &f->spec, &f->facts, NULL, NULL, NULL, &f->e);
}

static void must_prepare(struct fix *f)
{
	if (prepare(f) < 0)
		fail_msg("%s", f->e.what);
}

static void maps_to(const struct id_map *m, const char *expected)
{
	AUTO_FREE char *text = id_map_format(m);

	assert_string_equal(text, expected);
}

static void add_range(struct subids *s, uint32_t first, uint32_t count)
{
	s->v[s->n++] = (struct subid_range){ first, count };
}

/* ---- ids ---- */

static void test_second_range(void **state)
{
	struct fix *f = *state;

	/* the tree's owner plays the first id of the second range */
	add_range(&f->facts.subuids, 100000, 10);
	add_range(&f->facts.subuids, getuid(), 20);
	add_range(&f->facts.subgids, 100000, 10);
	add_range(&f->facts.subgids, getgid(), 20);
	f->facts.uid = f->facts.gid = 77777;
	must_prepare(f);
	assert_int_equal(f->in.owner, OWNER_SUBID);
	assert_int_equal(id_map_inside(&f->in.uids, getuid()), 0);
	assert_int_equal(id_map_inside(&f->in.gids, getgid()), 0);
	assert_int_equal(id_map_inside(&f->in.uids, 100000), 20);
	assert_int_equal(id_map_inside(&f->in.uids, 77777), 77777);
}

static void test_ranges_end(void **state)
{
	struct fix *f = *state;

	add_range(&f->facts.subuids, 1, 4294967290u);
	add_range(&f->facts.subuids, 5, 1000);
	add_range(&f->facts.subuids, 7, 1000);
	add_range(&f->facts.subgids, 1, 10);
	must_prepare(f);
	assert_int_equal(f->in.uids.n, 3);
	/* ids end at 4294967294 */
	assert_int_equal(f->in.uids.v[2].inside, 4294967291u);
	assert_int_equal(f->in.uids.v[2].count, 4);
}

static void test_single_user(void **state)
{
	static const struct {
		const char *user;
		uint32_t uid, gid;
	} rows[] = {
		{ NULL, 0, 0 },	 { "5", 5, 60 },     { "games", 5, 60 }, { "5:7", 5, 7 },
		{ "games:staff", 5, 50 }, { "1234", 1234, 0 }, { "root", 0, 0 },
		{ "nosuch", 0, 0 },	/* STEP_USER says why */
	};
	struct fix *f = *state;

	f->spec.ids = IDS_SINGLE;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_FREE char *uids = str_fmt("%u:%u:1", rows[i].uid, getuid()), *gids = str_fmt("%u:%u:1", rows[i].gid, getgid());

		str_set(&f->spec.process.user, rows[i].user);
		must_prepare(f);
		maps_to(&f->in.uids, uids);
		maps_to(&f->in.gids, gids);
	}
}

static void test_bare_root(void **state)
{
	struct fix *f = *state;

	f->facts.is_bare_root = true;
	assert_int_equal(prepare(f), -1);
	assert_int_equal(f->e.kind, ERR_HOST);
	assert_non_null(strstr(f->e.what, "CAP_SYS_ADMIN"));
	assert_non_null(strstr(f->e.hint, "ordinary user"));
	f->spec.root.kind = ROOT_HOST;
	assert_int_equal(prepare(f), -1);
}

/* ---- the tree ---- */

static void test_kernel_fs(void **state)
{
	struct fix *f = *state;

	str_set(&f->spec.root.path, "/proc");
	f->spec.overlay = OVERLAY_COPY;
	assert_int_equal(prepare(f), -1);
	assert_int_equal(f->e.kind, ERR_SPEC);
	assert_non_null(strstr(f->e.what, "/proc is no root file system"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_second_range), TEST(test_ranges_end), TEST(test_single_user), TEST(test_bare_root), TEST(test_kernel_fs),
	};

	return cmocka_run_group_tests_name("prepare", tests, NULL, NULL);
}
