/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_challenge.c - WWW-Authenticate, as registries and strangers write it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/challenge.h"

static void bearer_with_all(void **state)
{
	struct challenge c = { 0 };

	(void)state;
	challenge_add(&c, "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
			  "scope=\"repository:library/alpine:pull,push\",error=\"invalid_token\"");
	assert_true(c.wants_bearer);
	assert_false(c.wants_basic);
	assert_string_equal(c.realm, "https://auth.docker.io/token");
	assert_string_equal(c.service, "registry.docker.io");
	assert_string_equal(c.scope, "repository:library/alpine:pull,push");
	assert_string_equal(c.error, "invalid_token");
	challenge_fini(&c);
}

static void spelling(void **state)
{
	struct challenge c = { 0 };

	(void)state;
	challenge_add(&c, "  ,, bEARER   Realm = \"a\\\"b\\\\c\" , SERVICE=plain , , unknown=1");
	assert_true(c.wants_bearer);
	assert_string_equal(c.realm, "a\"b\\c");
	assert_string_equal(c.service, "plain");
	assert_null(c.scope);
	challenge_fini(&c);
}

static void several(void **state)
{
	struct challenge c = { 0 };

	(void)state;
	challenge_add(&c, "Negotiate dGVzdA==, Basic realm=\"x, Bearer realm=no\", Bearer realm=first, Digest realm=\"y\", nonce=\"1\"");
	challenge_add(&c, "Bearer realm=second");
	challenge_add(&c, "NTLM");
	assert_true(c.wants_basic);
	assert_true(c.wants_bearer);
	assert_string_equal(c.realm, "first");
	assert_int_equal(c.others.n, 3);
	assert_string_equal(c.others.v[0], "Negotiate");
	assert_string_equal(c.others.v[1], "Digest");
	assert_string_equal(c.others.v[2], "NTLM");
	challenge_fini(&c);
}

/* What was read before counts; a bearer without a realm is none. */
static void malformed(void **state)
{
	static const char *const NONE[] = { "", ",", "Bearer", "Bearer ", "Bearer realm", "Bearer realm=", "Bearer realm=\"open",
					    "Bearer realm=\"a\x01\"", "Bearer realm=\"a\"b", "=", "\"Bearer\" realm=a", "Bearer=realm",
					    "Bearer service=x", "Bearer realm=\"\\", "B\xff" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(NONE); i++) {
		struct challenge c = { 0 };

		challenge_add(&c, NONE[i]);
		if (c.realm)	/* what stood before the fault */
			assert_string_equal(c.realm, "a");
		else
			assert_false(c.wants_bearer);
		challenge_fini(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bearer_with_all),
		cmocka_unit_test(spelling),
		cmocka_unit_test(several),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
