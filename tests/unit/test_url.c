/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_url.c - addresses of registries: who is the same, who is this machine, what may be shown and asked */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "image/http.h"
#include "image/url.h"

static void parts(void **state)
{
	struct err e = { 0 };
	struct url u;

	(void)state;
	assert_int_equal(url_parse("https://user:secret@Reg.Example:5000/v2/a?X-Signature=s#f", NULL, &u, &e), 0);
	assert_string_equal(u.host, "reg.example");
	assert_int_equal(u.port, 5000);
	assert_true(u.is_https);
	assert_null(strstr(u.text, "secret"));
	assert_non_null(strstr(u.text, "X-Signature=s"));
	assert_null(strstr(u.shown, "Signature"));
	assert_null(strchr(u.text, '#'));
	url_fini(&u);
	assert_int_equal(url_parse("../uploads/7?state=a", "http://h/v2/x/blobs/uploads/", &u, &e), 0);
	assert_string_equal(u.text, "http://h/v2/x/blobs/uploads/7?state=a");
	assert_int_equal(u.port, 80);
	url_fini(&u);
	assert_int_equal(url_parse("//other/x", "https://h/v2/", &u, &e), 0);
	assert_string_equal(u.host, "other");
	url_fini(&u);
}

static void local(void **state)
{
	static const struct {
		const char *host;
		bool is_local;
	} rows[] = {
		{ "localhost", true }, { "a.localhost", true }, { "127.9.9.9", true }, { "0.0.0.0", true }, { "169.254.169.254", true },
		{ "[::1]", true }, { "::", true }, { "[fe80::1%25eth0]", true }, { "[::ffff:127.0.0.1]", true }, { "::ffff:169.254.1.1", true },
		{ "10.0.0.1", false }, { "127.example.com", false }, { "localhost.example.com", false }, { "notlocalhost", false },
		{ "[2001:db8::1]", false }, { "::ffff:8.8.8.8", false }, { "169.253.0.1", false }, { "", false }, { "[", false },
	};
	struct err e = { 0 };
	struct url u;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++)
		if (url_is_local(rows[i].host) != rows[i].is_local)
			fail_msg("%s: %d", rows[i].host, !rows[i].is_local);
	/* numbers are addresses, too */
	assert_int_equal(url_parse("http://2130706433/", NULL, &u, &e), 0);
	assert_true(u.is_local);
	url_fini(&u);
	assert_int_equal(url_parse("http://0x7f.1/", NULL, &u, &e), 0);
	assert_true(u.is_local);
	url_fini(&u);
}

static void refused(void **state)
{
	static const char *const WRONG[] = { "", "/v2/", "file:///etc/passwd", "ftp://h/", "gopher://h/x", "http://", "javascript:1",
					     "http://h:99999/", "http://a b/" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(WRONG); i++) {
		struct err e = { 0 };
		struct url u;

		assert_int_equal(url_parse(WRONG[i], NULL, &u, &e), -1);
		assert_int_equal(e.kind, ERR_PEER);
		assert_null(u.text);
	}
}

static bool same(const char *a, const char *b)
{
	struct err e = { 0 };
	struct url x, y;
	bool is_same;

	assert_int_equal(url_parse(a, NULL, &x, &e), 0);
	assert_int_equal(url_parse(b, NULL, &y, &e), 0);
	is_same = url_same_origin(&x, &y);
	url_fini(&x);
	url_fini(&y);
	return is_same;
}

static void origins(void **state)
{
	(void)state;
	assert_true(same("https://h/a", "https://H:443/b?c"));
	assert_false(same("https://h/", "http://h/"));
	assert_false(same("http://h/", "http://h:81/"));
	assert_false(same("https://h/", "https://h.evil/"));
	assert_false(same("https://h/", "https://sub.h/"));
}

static bool is_loopback(const char *text)
{
	struct err e = { 0 };
	struct url u;
	bool is;

	assert_int_equal(url_parse(text, NULL, &u, &e), 0);
	is = u.is_loopback;
	url_fini(&u);
	return is;
}

static void loopback(void **state)
{
	(void)state;
	assert_true(is_loopback("http://localhost:5000/"));
	assert_true(is_loopback("http://127.0.0.1/"));
	assert_true(is_loopback("http://127.9.8.7/"));
	assert_true(is_loopback("http://[::1]:5000/"));
	assert_false(is_loopback("http://127.example.com/"));
	assert_false(is_loopback("http://127.0.0.1.example.com/"));
	assert_false(is_loopback("http://localhost.example/"));
	assert_false(is_loopback("http://10.0.0.1/"));
	assert_false(is_loopback("http://[::2]/"));
}

static void queries(void **state)
{
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	buf_add(&b, "https://h/token");
	url_add_query(&b, "service", "a b&c=d");
	url_add_query(&b, "scope", "repository:x/y:pull,push");
	assert_string_equal(b.s, "https://h/token?service=a%20b%26c%3Dd&scope=repository%3Ax%2Fy%3Apull%2Cpush");
}

/* Plain HTTP goes to this machine, and elsewhere only where that was said. */
static void plain_http(void **state)
{
	struct http_options strict = { 0 }, loose = { .is_insecure = true };
	struct http *a = NULL, *b = NULL;
	struct url away, here, safe;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(http_new(&strict, &a, &e), 0);
	assert_int_equal(http_new(&loose, &b, &e), 0);
	assert_int_equal(url_parse("http://example.com/", NULL, &away, &e), 0);
	assert_int_equal(url_parse("http://127.0.0.1/", NULL, &here, &e), 0);
	assert_int_equal(url_parse("https://example.com/", NULL, &safe, &e), 0);
	assert_int_equal(http_is_allowed(a, &away, &e), -1);
	assert_non_null(strstr(e.hint, "--tls-verify=false"));
	assert_int_equal(http_is_allowed(a, &here, &e), 0);
	assert_int_equal(http_is_allowed(a, &safe, &e), 0);
	assert_int_equal(http_is_allowed(b, &away, &e), 0);
	url_fini(&away);
	url_fini(&here);
	url_fini(&safe);
	http_free(a);
	http_free(b);
}

static void networks(void **state)
{
	(void)state;
	assert_true(url_is_in("10.1.2.3", "10.0.0.0/8"));
	assert_true(url_is_in("10.1.2.3", "x, 10.1.2.0/23 ,y"));
	assert_true(url_is_in("10.1.2.3", "10.1.2.3/32"));
	assert_true(url_is_in("10.1.2.3", "0.0.0.0/0"));
	assert_true(url_is_in("[2001:db8::1]", "10.0.0.0/8,2001:db8::/33"));
	assert_false(url_is_in("10.1.2.3", "10.1.2.2/32"));
	assert_false(url_is_in("10.1.2.3", "10.1.2.128/25"));
	assert_false(url_is_in("10.1.2.3", "10.0.0.0/33,10.0.0.0/,10.0.0.0/8x,/8,10.0.0.0/-1"));
	assert_false(url_is_in("10.1.2.3", "10.1.2.3"));	/* a name like others */
	assert_false(url_is_in("[2001:db9::1]", "2001:db8::/32,::/129"));
	assert_false(url_is_in("ten.example", "0.0.0.0/0,::/0"));
	assert_false(url_is_in("[", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts), cmocka_unit_test(local),   cmocka_unit_test(refused), cmocka_unit_test(origins),
		cmocka_unit_test(loopback), cmocka_unit_test(queries), cmocka_unit_test(plain_http), cmocka_unit_test(networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
