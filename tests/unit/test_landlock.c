/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_landlock.c - the words of --landlock, and what older kernels can do of them */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "spec/landlock.h"
#include "steps/landlock.h"

static const struct {
	const char *text;
	enum landlock_kind kind;
	unsigned bits;
	const char *path;
	int port;	/* -1: none */
} GOOD[] = {
	{ "ro:/etc", LANDLOCK_PATH, LANDLOCK_READ, "/etc", -1 },
	{ "rx:/usr", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_EXEC, "/usr", -1 },
	{ "rw:/a:b c", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_WRITE, "/a:b c", -1 },
	{ "rwx:/", LANDLOCK_PATH, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_EXEC, "/", -1 },
	{ "x:/bin/sh", LANDLOCK_PATH, LANDLOCK_EXEC, "/bin/sh", -1 },
	{ "tcp-bind:0", LANDLOCK_BIND, 0, NULL, 0 },
	{ "tcp-connect:65535", LANDLOCK_CONNECT, 0, NULL, 65535 },
	{ "tcp-connect:none", LANDLOCK_CONNECT, 0, NULL, -1 },
	{ "scope", LANDLOCK_SCOPE, LANDLOCK_SIGNALS | LANDLOCK_ABSTRACT, NULL, -1 },
	{ "scope:signals", LANDLOCK_SCOPE, LANDLOCK_SIGNALS, NULL, -1 },
	{ "scope:abstract", LANDLOCK_SCOPE, LANDLOCK_ABSTRACT, NULL, -1 },
};

static void good(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(GOOD); i++) {
		struct landlock_rule r;
		struct err e = { 0 };

		if (landlock_parse(GOOD[i].text, &r, &e) < 0)
			fail_msg("%s: %s", GOOD[i].text, e.what);
		assert_int_equal(r.kind, GOOD[i].kind);
		assert_int_equal(r.bits, GOOD[i].bits);
		assert_true(str_eq(r.path, GOOD[i].path));
		assert_int_equal(r.has_port ? r.port : -1, GOOD[i].port);
	}
}

static const struct {
	const char *text, *what, *hint;
} BAD[] = {
	{ "", "'' is not a kind of rule", "the forms are" },
	{ "/etc", "'/etc' is not a kind", "the forms are" },
	{ "rox:/usr", "'rox' is not a kind", "did you mean rx:/usr ?" },
	{ "bind-tcp:80", "'bind-tcp'", "did you mean tcp-bind:80 ?" },
	{ "tcp-conect:80", "'tcp-conect'", "did you mean tcp-connect:80 ?" },
	{ "ro", "expected an absolute path", "the forms are" },
	{ "ro:", "expected an absolute path", "the forms are" },
	{ "ro:etc", "expected an absolute path inside the sandbox, found 'etc'", "did you mean /etc ?" },
	{ "ro:~/x", "found '~/x'", "the forms are" },
	{ "tcp-bind", "expected a port from 0 to 65535, or none", "one port a rule" },
	{ "tcp-bind:65536", "expected a port from 0 to 65535", "" },
	{ "tcp-bind:-1", "expected a port", "" },
	{ "tcp-bind:80,81", "expected a port", "one port a rule" },
	{ "tcp-connect:https", "expected a port", "one port" },
	{ "scope:signal", "expected scope, scope:signals or scope:abstract", "did you mean scope:signals ?" },
};

static void bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(BAD); i++) {
		struct landlock_rule r;
		struct err e = { 0 };

		if (landlock_parse(BAD[i].text, &r, &e) == 0)
			fail_msg("'%s' was taken", BAD[i].text);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!strstr(e.what, BAD[i].what) || !strstr(e.hint, BAD[i].hint))
			fail_msg("'%s': %s [%s]", BAD[i].text, e.what, e.hint);
	}
}

#define FS_1 UINT64_C(0x1fff)

static const struct {
	const char *rule;
	int abi;
	uint64_t fs, net, scoped;
	const char *says;	/* the error; NULL: none */
} ABIS[] = {
	{ "ro:/", 1, FS_1, 0, 0, NULL },
	{ "ro:/", 2, FS_1 | LANDLOCK_FS_REFER, 0, 0, NULL },
	{ "ro:/", 4, FS_1 | LANDLOCK_FS_REFER | LANDLOCK_FS_TRUNCATE, 0, 0, NULL },
	{ "ro:/", 9, UINT64_C(0xffff), 0, 0, NULL },
	{ "tcp-bind:1", 4, 0, LANDLOCK_NET_BIND_TCP, 0, NULL },
	{ "tcp-connect:none", 4, 0, LANDLOCK_NET_CONNECT_TCP, 0, NULL },
	{ "tcp-connect:1", 3, 0, 0, 0, "cannot restrict TCP ports: its Landlock has ABI 3, which needs 4" },
	{ "scope", 5, 0, 0, 0, "cannot restrict scopes: its Landlock has ABI 5, which needs 6" },
	{ "scope", 6, 0, 0, LANDLOCK_SCOPE_ABSTRACT | LANDLOCK_SCOPE_SIGNALS, NULL },
	{ "scope:signals", 6, 0, 0, LANDLOCK_SCOPE_SIGNALS, NULL },
};

static void abis(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMS(ABIS); i++) {
		struct sys_landlock_ruleset got;
		struct err e = { 0 };
		struct spec s;
		int rc;

		spec_init(&s);
		strv_add(&s.landlock, ABIS[i].rule);
		rc = landlock_choose(&s, ABIS[i].abi, &got, &e);
		if (ABIS[i].says) {
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_HOST);
			if (!strstr(e.what, ABIS[i].says) || !strstr(e.hint, "Linux 6."))
				fail_msg("%s [%s]", e.what, e.hint);
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(got.access_fs, ABIS[i].fs);
			assert_int_equal(got.access_net, ABIS[i].net);
			assert_int_equal(got.scoped, ABIS[i].scoped);
		}
		spec_fini(&s);
	}
}

/* Without namespaces scopes are taken where they are, and nobody asked for them. */
static void bare(void **state)
{
	struct sys_landlock_ruleset got;
	AUTO_STRV struct strv old = { 0 }, new = { 0 };
	struct err e = { 0 };
	struct spec s;

	(void)state;
	spec_init(&s);
	for (size_t t = 0; t < NS_TYPES; t++)
		s.ns[t].mode = NS_HOST;
	strv_add(&s.landlock, "ro:/");
	strv_add(&s.landlock, "tcp-bind:80");
	assert_int_equal(landlock_choose(&s, 6, &got, &e), 0);
	assert_int_equal(got.scoped, LANDLOCK_SCOPE_ABSTRACT | LANDLOCK_SCOPE_SIGNALS);
	assert_int_equal(landlock_choose(&s, 5, &got, &e), 0);
	assert_int_equal(got.scoped, 0);
	spec_not_isolated(&s, 5, &old);
	spec_not_isolated(&s, 6, &new);
	assert_int_equal(old.n, new.n + 1); /* abstract sockets */
	assert_non_null(strstr(old.v[1], "can be signalled"));
	assert_null(strstr(new.v[1], "can be signalled"));
	assert_non_null(strstr(new.v[2], "bound only by rule"));
	assert_true(spec_is_bare(&s));
	s.ns[NS_UTS].mode = NS_PRIVATE;
	assert_false(spec_is_bare(&s));
	spec_fini(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(abis), cmocka_unit_test(bare),
	};

	return cmocka_run_group_tests_name("landlock", tests, NULL, NULL);
}
