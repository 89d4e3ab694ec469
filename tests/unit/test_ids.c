/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_ids.c - from --userns, --uidmap and --groups to maps; where subordinate ids come from */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/auto.h"
#include "host/facts.h"
#include "run/internal.h"
#include "spec/idwish.h"

/* ---- words ---- */

static void test_wishes(void **state)
{
	static const char *const wrong[] = {
		"",	     "0",	  "0:",		  ":0:1",	  "0:0:0",	   "0:0:1:1",  "a:0:1", "0:a:1",
		"0:@:1",     "@0:0:1",	  "-1:0:1",	  "0:0:-1",	  "0:0:4294967295", "+0:0:1",  "u0:0:1", "0:0:1,",
		"99999999999:0:1", "0: 1:1", "0x1:0:1",
	};
	struct id_wishes w = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(id_wishes_parse("--uidmap", "0:1:1000,1000:@100000,4294967294:0:1", &w, &e), 0);
	assert_int_equal(w.n, 3);
	assert_int_equal(w.v[0].count, 1000);
	assert_false(w.v[0].is_host);
	assert_true(w.v[1].is_host);
	assert_int_equal(w.v[1].from, 100000);
	assert_int_equal(w.v[1].count, 1);
	assert_int_equal(w.v[2].inside, 4294967294u);
	id_wishes_fini(&w);
	for (size_t i = 0; i < N_ELEMS(wrong); i++) {
		if (id_wishes_parse("--gidmap", wrong[i], &w, &e) == 0)
			fail_msg("taken: '%s'", wrong[i]);
		assert_int_equal(e.kind, ERR_USAGE);
		assert_non_null(strstr(e.what, "--gidmap"));
		id_wishes_fini(&w);
	}
}

static void test_keep_id_words(void **state)
{
	static const char *const wrong[] = {
		"keep", "keep-id:", "keep-id:uid=", "keep-id:uid=1,uid=2", "keep-id:x=1", "keep-id:uid=-1", "keep-id:size=3",
		"nomap:", "keep-id:uid=4294967295",
	};
	enum userns_wish kind;
	int64_t uid, gid;
	struct err e;

	(void)state;
	assert_int_equal(userns_wish_parse(NULL, &kind, &uid, &gid, &e), 0);
	assert_int_equal(kind, USERNS_PLAIN);
	assert_int_equal(userns_wish_parse("nomap", &kind, &uid, &gid, &e), 0);
	assert_int_equal(kind, USERNS_NOMAP);
	assert_int_equal(userns_wish_parse("keep-id:gid=7", &kind, &uid, &gid, &e), 0);
	assert_int_equal(kind, USERNS_KEEP_ID);
	assert_int_equal(uid, -1);
	assert_int_equal(gid, 7);
	for (size_t i = 0; i < N_ELEMS(wrong); i++)
		assert_int_equal(userns_wish_parse(wrong[i], &kind, &uid, &gid, &e), -1);
}

/* ---- maps ---- */

struct fixture {
	struct facts f;
	struct spec s;
	struct plan_input in;
};

static int setup(void **state)
{
	struct fixture *x = mem_alloc(sizeof(*x));

	spec_init(&x->s);
	str_set(&x->s.root.path, "/srv/root");
	x->f = (struct facts){ .uid = 1000, .gid = 1000, .user = str_dup("ann"), .n_groups = 1, .groups = { 29 },
			       .newuidmap = str_dup("/usr/bin/newuidmap"), .newgidmap = str_dup("/usr/bin/newgidmap") };
	/* two ranges, so that what goes across them is seen */
	x->f.subuids = (struct subids){ .v = { { 100000, 600 }, { 300000, 65000 } }, .n = 2 };
	x->f.subgids = (struct subids){ .v = { { 200000, 65536 } }, .n = 1 };
	x->in.top_uid = x->in.top_gid = 1000;
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	facts_fini(&x->f);
	spec_fini(&x->s);
	plan_input_fini(&x->in);
	free(x);
	return 0;
}

static void expect(struct fixture *x, const char *uids, const char *gids, enum idmap_how how)
{
	struct err e = { 0 };
	int rc = ids_wished(&x->in, &x->s, &x->f, &e);
	AUTO_FREE char *u = id_map_format(&x->in.uids), *g = id_map_format(&x->in.gids);

	if (rc != 1)
		fail_msg("%d: %s", rc, e.what);
	assert_string_equal(u, uids);
	assert_string_equal(g, gids);
	assert_int_equal(x->in.how, how);
}

static void refuse(struct fixture *x, const char *part)
{
	struct err e = { 0 };

	assert_int_equal(ids_wished(&x->in, &x->s, &x->f, &e), -1);
	if (!strstr(e.what, part))
		fail_msg("expected '%s' in '%s'", part, e.what);
}

static void test_nothing(void **state)
{
	struct fixture *x = *state;
	struct err e;

	assert_int_equal(ids_wished(&x->in, &x->s, &x->f, &e), 0);
	assert_int_equal(x->in.uids.n, 0);
}

static void test_keep_id(void **state)
{
	struct fixture *x = *state;

	str_set(&x->s.userns, "keep-id");
	expect(x, "0:100000:600,600:300000:400,1000:1000:1,1001:300400:64600", "0:200000:1000,1000:1000:1,1001:201000:64536",
	       IDMAP_TOOLS);
	assert_true(x->in.has_own);
	assert_int_equal(x->in.own_uid, 1000);
	assert_false(x->in.stays_caller);
	assert_int_equal(x->in.owner, OWNER_CALLER);
}

static void test_keep_id_0(void **state)
{
	struct fixture *x = *state;

	str_set(&x->s.userns, "keep-id:uid=0,gid=0");
	expect(x, "0:1000:1,1:100000:600,601:300000:65000", "0:1000:1,1:200000:65536", IDMAP_TOOLS);
	assert_true(x->in.stays_caller);
}

/* An id of a directory service, beyond all subordinate ones. */
static void test_keep_id_huge(void **state)
{
	struct fixture *x = *state;

	x->f.uid = 3000000000u;
	str_set(&x->s.userns, "keep-id:gid=5");
	expect(x, "0:100000:600,600:300000:65000,3000000000:3000000000:1", "0:200000:5,5:1000:1,6:200005:65531", IDMAP_TOOLS);
	assert_int_equal(x->in.own_gid, 5);
}

static void test_keep_id_alone(void **state)
{
	struct fixture *x = *state;

	x->f.subuids.n = 0;
	str_set(&x->s.userns, "keep-id");
	expect(x, "1000:1000:1", "1000:1000:1", IDMAP_SELF);
	id_map_fini(&x->in.uids);
	id_map_fini(&x->in.gids);
	x->s.ids = IDS_RANGE;
	refuse(x, "--ids=range");
}

static void test_keep_id_host(void **state)
{
	struct fixture *x = *state;

	x->s.root.kind = ROOT_HOST;
	str_set(&x->s.userns, "keep-id:uid=7");
	expect(x, "7:1000:1", "1000:1000:1", IDMAP_SELF);
}

/* A tree of the first subordinate id is root's inside. */
static void test_keep_id_subid_tree(void **state)
{
	struct fixture *x = *state;

	x->in.top_uid = 100000;
	str_set(&x->s.userns, "keep-id");
	assert_int_equal(ids_wished(&x->in, &x->s, &x->f, &(struct err){ 0 }), 1);
	assert_int_equal(x->in.owner, OWNER_SUBID);
}

static void test_nomap(void **state)
{
	struct fixture *x = *state;

	str_set(&x->s.userns, "nomap");
	refuse(x, "writable layer");
	x->s.root.readonly = true;
	expect(x, "0:100000:600,600:300000:65000", "0:200000:65536", IDMAP_TOOLS);
	assert_int_equal(id_map_inside(&x->in.uids, 1000), -1);
	id_map_fini(&x->in.uids);
	id_map_fini(&x->in.gids);
	x->f.subgids.n = 0;
	refuse(x, "subordinate ids");
}

static void test_explicit(void **state)
{
	struct fixture *x = *state;

	str_set(&x->s.uidmap, "1000:0:1,0:1:1000,2000:@300500:10");
	str_set(&x->s.gidmap, "0:0:11");
	expect(x, "0:100000:600,600:300000:400,1000:1000:1,2000:300500:10", "0:1000:1,1:200000:10", IDMAP_TOOLS);
}

static void test_explicit_one(void **state)
{
	struct fixture *x = *state;

	str_set(&x->s.gidmap, "0:0:1");
	expect(x, "0:1000:1", "0:1000:1", IDMAP_SELF);
	id_map_fini(&x->in.uids);
	id_map_fini(&x->in.gids);
	x->s.groups = GROUPS_DROP;
	refuse(x, "range of ids");
}

static void test_explicit_wrong(void **state)
{
	static const struct {
		const char *map, *part;
	} rows[] = {
		{ "1:0:1", "id 0 must exist" },	      { "0:0:65602", "not all of these" },
		{ "0:@0:1", "not all of these" },     { "0:@1000:2", "not all of these" },
		{ "0:@100500:200", "not all of these" }, { "0:@99999:1", "not all of these" },
		{ "0:@4294967294:2", "not all of these" },
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		id_map_fini(&x->in.uids);
		id_map_fini(&x->in.gids);
		str_set(&x->s.uidmap, rows[i].map);
		refuse(x, rows[i].part);
	}
}

/* For real root FROM is an id of the machine. */
static void test_explicit_root(void **state)
{
	struct fixture *x = *state;

	x->f.is_root = true;
	x->f.uid = x->f.gid = 0;
	str_set(&x->s.uidmap, "0:700000:10,10:@5:1");
	expect(x, "0:700000:10,10:5:1", "0:700000:10,10:5:1", IDMAP_SUPERVISOR);
	str_set(&x->s.uidmap, NULL);
	str_set(&x->s.userns, "keep-id");
	refuse(x, "never mapped");
}

static void test_groups(void **state)
{
	struct fixture *x = *state;

	x->s.root.kind = ROOT_HOST;
	x->s.groups = GROUPS_DROP;
	expect(x, "0:100000:600,600:300000:400,1000:1000:1,1001:300400:64600", "0:200000:1000,1000:1000:1,1001:201000:64536",
	       IDMAP_TOOLS);
	assert_true(x->in.stays_caller);
	id_map_fini(&x->in.uids);
	id_map_fini(&x->in.gids);
	x->s.ids = IDS_SINGLE;
	refuse(x, "--ids=single");
	x->s.ids = IDS_AUTO;
	x->f.subuids.n = 0;
	refuse(x, "--groups=drop needs subordinate ids");
}

static void test_other_names(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };

	str_set(&x->s.subuidname, "bob");
	assert_int_equal(ids_prepare(&x->s, &x->f, &e), -1);
	assert_non_null(strstr(e.what, "only your own"));
	x->f.is_root = true;
	str_set(&x->s.subuidname, "nobody-has-this-name");
	assert_int_equal(ids_prepare(&x->s, &x->f, &e), -1);
	assert_non_null(strstr(e.what, "no ids of that name"));
	str_set(&x->s.subuidname, NULL);
	x->s.groups = GROUPS_KEEP;
	assert_int_equal(ids_prepare(&x->s, &x->f, &e), -1);
	assert_non_null(strstr(e.what, "never passed on"));
}

/* ---- where they come from ---- */

static void test_nsswitch(void **state)
{
	(void)state;
	assert_false(subid_is_elsewhere(""));
	assert_false(subid_is_elsewhere("passwd: files sss\n#subid: sss\n"));
	assert_false(subid_is_elsewhere("subid: files\n"));
	assert_false(subid_is_elsewhere("subid:\tfiles # sss\n"));
	assert_false(subid_is_elsewhere("subid:\n"));
	assert_true(subid_is_elsewhere("passwd: files\nsubid: sss\n"));
	assert_true(subid_is_elsewhere(" subid:sss files"));
	assert_true(subid_is_elsewhere("subid: filesystem\n"));
	assert_false(subid_is_elsewhere("xsubid: sss\n"));
}

static void test_getsubids(void **state)
{
	struct subids s = { 0 };

	(void)state;
	subid_parse_tool("0: ann 100000 65536\n1: ann 2147483648 10\n", &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.v[0].first, 100000);
	assert_int_equal(s.v[1].first, 2147483648u);
	assert_int_equal(s.v[1].count, 10);
	s.n = 0;
	subid_parse_tool("Error fetching ranges\n0: ann 0 5\n0: ann 5 0\n0: ann 4294967290 100\n0: ann x 1\nann 1 2\n"
			 "0: ann 7 8 9\n0: ann 7", &s);
	assert_int_equal(s.n, 0);
	subid_parse_tool(NULL, &s);
	assert_int_equal(s.n, 0);
}

#define WITH(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wishes), cmocka_unit_test(test_keep_id_words), WITH(test_nothing),
		WITH(test_keep_id), WITH(test_keep_id_0), WITH(test_keep_id_huge), WITH(test_keep_id_alone),
		WITH(test_keep_id_host), WITH(test_keep_id_subid_tree), WITH(test_nomap), WITH(test_explicit),
		WITH(test_explicit_one), WITH(test_explicit_wrong), WITH(test_explicit_root), WITH(test_groups),
		WITH(test_other_names), cmocka_unit_test(test_nsswitch), cmocka_unit_test(test_getsubids),
	};

	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
