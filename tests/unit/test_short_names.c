/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_short_names.c - images.conf: its lines, their errors, and what a short name becomes */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/short_names.h"

#define HEX32 "0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX32 HEX32

static const char USERS[] =
	"# mine\n"
	"alias tool = localhost:5000/me/tool:stable\r\n"
	"\talias\ta/b=quay.io/c/d\n"
	"\n"
	"  # no reference\n"
	"insecure REG.example.org:5000\n"
	"mirror docker.io = mirror.example.org/hub\n"
	"mirror docker.io=[::1]:5000\n"
	"blocked evil.example.org";

static const char MACHINES[] =
	"search quay.io evil.example.org Docker.io\n"
	"search localhost\n"
	"alias tool = quay.io/other/tool\n"
	"alias alpine = docker.io/alpine\n"
	"mirror index.docker.io = evil.example.org\n"
	"mirror docker.io = last.example.org\n";

static const char SHIPPED[] = "search gone.example.org\nalias only = evil.example.org/only\n";

static void add(struct short_names *sn, const char *file, const char *text)
{
	struct err e = { 0 };

	if (short_names_read(sn, file, text, strlen(text), &e) < 0)
		fail_msg("%s", e.what);
}

static struct short_names three(void)
{
	struct short_names sn = { 0 };

	add(&sn, "/u", USERS);
	add(&sn, "/m", MACHINES);
	add(&sn, "/s", SHIPPED);
	return sn;
}

/* The candidates of @name with blanks between; NULL with @e. */
static char *completed(const struct short_names *sn, const char *name, struct err *e)
{
	AUTO_STRV struct strv out = { 0 };
	AUTO_REF struct image_ref r = { 0 };
	struct buf b = { 0 };

	assert_int_equal(ref_parse(name, &r, e), 0);
	if (short_names_complete(sn, &r, &out, e) < 0)
		return NULL;
	for (size_t i = 0; i < out.n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", out.v[i]);
	return buf_take(&b);
}

static void completing(void **state)
{
	static const struct {
		const char *name, *want;
	} ROWS[] = {
		{ "quay.io/x", "quay.io/x:latest" },
		{ "docker.io/x:1", "docker.io/library/x:1" },
		{ "tool", "localhost:5000/me/tool:stable" },
		{ "tool:1", "localhost:5000/me/tool:1" },
		{ "tool@" SHA256, "localhost:5000/me/tool@" SHA256 },
		{ "a/b", "quay.io/c/d:latest" },
		{ "alpine:3", "docker.io/library/alpine:3" },
		{ "x", "quay.io/x:latest docker.io/library/x:latest localhost/x:latest" },
		{ "x/y@" SHA256, "quay.io/x/y@" SHA256 " docker.io/x/y@" SHA256 " localhost/x/y@" SHA256 },
		{ "tool/more", "quay.io/tool/more:latest docker.io/tool/more:latest localhost/tool/more:latest" },
	};
	struct short_names sn = three();

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct err e = { 0 };
		AUTO_FREE char *got = completed(&sn, ROWS[i].name, &e);

		if (!got)
			fail_msg("%s: %s", ROWS[i].name, e.what);
		assert_string_equal(got, ROWS[i].want);
	}
	short_names_fini(&sn);
	assert_null(sn.v);
}

static void without_files(void **state)
{
	struct short_names none = { 0 };
	struct err e = { 0 };
	AUTO_FREE char *got = completed(&none, "x", &e);

	(void)state;
	assert_string_equal(got, "docker.io/library/x:latest");
	assert_false(short_names_is_insecure(&none, "docker.io"));
}

static void blocking(void **state)
{
	struct short_names sn = three(), all = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_null(completed(&sn, "evil.example.org/x", &e));
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.what, "the registry evil.example.org is blocked");
	assert_string_equal(e.hint, "/u:9 says so");
	e = (struct err){ 0 };
	assert_null(completed(&sn, "only", &e));
	assert_string_equal(e.hint, "/u:9 says so");
	add(&all, "/a", "search a.b c.d\nblocked c.d\nblocked a.b\n");
	e = (struct err){ 0 };
	assert_null(completed(&all, "x", &e));
	assert_string_equal(e.what, "the registry c.d is blocked");
	short_names_fini(&all);
	short_names_fini(&sn);
}

static void too_long(void **state)
{
	AUTO_FREE char *name = mem_alloc(248);
	AUTO_REF struct image_ref r = { 0 };
	AUTO_STRV struct strv out = { 0 };
	struct short_names sn = { 0 };
	struct err e = { 0 };

	(void)state;
	memset(name, 'a', 240);
	assert_null(completed(&sn, name, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.what, "265 bytes long"));
	/* a mirror that does not fit is left out */
	add(&sn, "/a", "mirror a.b = c.d/a-prefix-of-more-than-ten-bytes\nmirror a.b = e.f\n");
	assert_int_equal(ref_parse(name, &r, &e), 0);
	ref_set_registry(&r, "a.b");
	short_names_mirrors(&sn, &r, &out);
	assert_int_equal(out.n, 2);
	assert_true(str_starts(out.v[0], "e.f/"));
	assert_true(str_starts(out.v[1], "a.b/"));
	short_names_fini(&sn);
}

static void registries(void **state)
{
	static const struct {
		const char *name;
		const char *want[5];
	} ROWS[] = {
		{ "docker.io/alpine:3", { "mirror.example.org/hub/library/alpine:3", "[::1]:5000/library/alpine:3",
					  "last.example.org/library/alpine:3", "docker.io/library/alpine:3" } },
		{ "docker.io/a/b@" SHA256, { "mirror.example.org/hub/a/b@" SHA256, "[::1]:5000/a/b@" SHA256, "last.example.org/a/b@" SHA256,
					     "docker.io/a/b@" SHA256 } },
		{ "quay.io/a", { "quay.io/a:latest" } },
	};
	struct short_names sn = three();
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_REF struct image_ref r = { 0 };
		AUTO_STRV struct strv out = { 0 };

		assert_int_equal(ref_parse(ROWS[i].name, &r, &e), 0);
		short_names_mirrors(&sn, &r, &out);
		for (size_t n = 0; n <= out.n; n++)
			if (ROWS[i].want[n])
				assert_string_equal(out.v[n], ROWS[i].want[n]);
			else
				assert_int_equal(n, out.n);
	}
	assert_true(short_names_is_insecure(&sn, "reg.example.org:5000"));
	assert_false(short_names_is_insecure(&sn, "reg.example.org"));
	short_names_fini(&sn);
}

static void wrong_lines(void **state)
{
	static const struct {
		const char *line, *what, *hint;
	} ROWS[] = {
		{ "x", "'x' is not known", "a line begins with" },
		{ "alais a = b.c/d", "'alais' is not known", "did you mean alias ?" },
		{ "Alias a = b.c/d", "'Alias' is not known", NULL },
		{ "alias", "malformed", "expected alias NAME = REGISTRY/REPOSITORY[:TAG]" },
		{ "alias a", "malformed", NULL },
		{ "alias a b.c/d", "malformed", NULL },
		{ "alias = b.c/d", "malformed", NULL },
		{ "alias a =", "malformed", NULL },
		{ "alias a = b.c/d e", "malformed", NULL },
		{ "alias a b = c.d/e", "malformed", NULL },
		{ "alias a b =", "malformed", NULL },
		{ "alias a = b.c/d # why", "malformed", NULL },
		{ "alias a = b.c/d = e", "malformed", NULL },
		{ "alias a = D", "capitals", "did you mean d ?" },
		{ "alias A = b.c/d", "capitals", NULL },
		{ "alias a:1 = b.c/d", "'a:1' is not a short name", NULL },
		{ "alias a.b/a = b.c/d", "'a.b/a' is not a short name", NULL },
		{ "alias a@" SHA256 " = b.c/d", "is not a short name", NULL },
		{ "alias a = d", "'d' is not a name with a registry", NULL },
		{ "alias a = b.c/d@" SHA256, "without a digest", NULL },
		{ "search", "malformed", "expected search REGISTRY..." },
		{ "search a.b somewhere", "'somewhere' is not a registry", "HOST:PORT" },
		{ "search https://a.b", "'https://a.b' is not a registry", NULL },
		{ "search = a.b", "'=' is not a registry", NULL },
		{ "insecure", "malformed", NULL },
		{ "insecure a.b c.d", "malformed", "expected insecure REGISTRY" },
		{ "insecure a.b/c", "is not a registry", NULL },
		{ "blocked", "malformed", NULL },
		{ "blocked *.b", "is not a registry", NULL },
		{ "mirror a.b", "malformed", "expected mirror REGISTRY = REGISTRY[/PREFIX]" },
		{ "mirror a.b = c", "'c' is not a registry, nor", NULL },
		{ "mirror a.b = c.d/", "'c.d/' is not a registry, nor", NULL },
		{ "mirror a.b = c.d/E", "'c.d/E' is not a registry, nor", NULL },
		{ "mirror a.b = c.d/e:1", "is not a registry, nor", NULL },
		{ "mirror a = c.d", "'a' is not a registry", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *text = str_fmt("# first\n\n%s\nx\n", ROWS[i].line);
		struct short_names sn = { 0 };
		struct err e = { 0 };

		if (short_names_read(&sn, "/etc/f", text, strlen(text), &e) == 0)
			fail_msg("taken: %s", ROWS[i].line);
		assert_int_equal(e.kind, ERR_USAGE);
		if (!str_starts(e.what, "/etc/f:3: ") || !strstr(e.what, ROWS[i].what) || (ROWS[i].hint && !strstr(e.hint, ROWS[i].hint)))
			fail_msg("%s: '%s' (%s) has no '%s' (%s)", ROWS[i].line, e.what, e.hint, ROWS[i].what, ROWS[i].hint);
		short_names_fini(&sn);
	}
}

static void wrong_files(void **state)
{
	AUTO_FREE char *large = mem_alloc(SHORT_NAMES_MAX + 2);
	struct short_names sn = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(short_names_read(&sn, "/f", "# \0x\n", 5, &e), -1);
	assert_string_equal(e.what, "/f: there is a NUL byte in it");
	memset(large, '\n', SHORT_NAMES_MAX + 1);
	assert_int_equal(short_names_read(&sn, "/f", large, SHORT_NAMES_MAX + 1, &e), -1);
	assert_string_equal(e.what, "/f: it is larger than 262144 bytes");
	assert_int_equal(short_names_read(&sn, "/f", large + 1, SHORT_NAMES_MAX, &e), 0);
	assert_int_equal(short_names_read(&sn, "/f", "", 0, &e), 0);
	short_names_fini(&sn);
}

/* ---- from disk ---- */

static void write_own(const char *dir, const char *text)
{
	AUTO_FREE char *lichen = str_fmt("%s/lichen", dir), *file = str_fmt("%s/images.conf", lichen);

	assert_true(mkdir(lichen, 0700) == 0 || errno == EEXIST);
	assert_int_equal(fd_write_file(AT_FDCWD, file, text, strlen(text)), 0);
}

static void loading(void **state)
{
	char dir[] = "/tmp/lichen-test-XXXXXX";
	AUTO_FREE char *file = NULL, *lichen = NULL, *got = NULL;
	struct short_names sn;
	struct err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	file = str_fmt("%s/lichen/images.conf", dir);
	lichen = str_fmt("%s/lichen", dir);
	assert_int_equal(setenv("XDG_CONFIG_HOME", dir, 1), 0);
	/* none of the user's */
	assert_int_equal(short_names_load(&sn, &e), 0);
	short_names_fini(&sn);
	write_own(dir, "alias unusual = a.b/c\n");
	assert_int_equal(short_names_load(&sn, &e), 0);
	got = completed(&sn, "unusual", &e);
	assert_string_equal(got, "a.b/c:latest");
	short_names_fini(&sn);
	write_own(dir, "\nalias unusual\n");
	assert_int_equal(short_names_load(&sn, &e), -1);
	assert_null(sn.v);
	assert_true(str_starts(e.what, file));
	assert_non_null(strstr(e.what, "images.conf:2: malformed"));
	/* what is no file */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(short_names_load(&sn, &e), -1);
	assert_int_equal(e.kind, ERR_SYS);
	assert_string_equal(e.path, file);
	rmdir(file);
	rmdir(lichen);
	rmdir(dir);
	unsetenv("XDG_CONFIG_HOME");
}

/* The file that comes with lichen. */
static void shipped(void **state)
{
	const char *top = getenv("top_srcdir");
	AUTO_FREE char *file = str_fmt("%s/data/images.conf", top ? top : "."), *text = NULL, *debian = NULL, *fedora = NULL, *other = NULL;
	struct short_names sn = { 0 };
	struct err e = { 0 };
	size_t len;

	(void)state;
	assert_int_equal(fd_read_file(AT_FDCWD, file, SHORT_NAMES_MAX, &text, &len), 0);
	if (short_names_read(&sn, file, text, len, &e) < 0)
		fail_msg("%s", e.what);
	debian = completed(&sn, "debian:12", &e);
	fedora = completed(&sn, "fedora", &e);
	other = completed(&sn, "some/thing", &e);
	assert_string_equal(debian, "docker.io/library/debian:12");
	assert_string_equal(fedora, "registry.fedoraproject.org/fedora:latest");
	assert_string_equal(other, "docker.io/some/thing:latest");
	short_names_fini(&sn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(completing), cmocka_unit_test(without_files), cmocka_unit_test(blocking),
		cmocka_unit_test(too_long),   cmocka_unit_test(registries),    cmocka_unit_test(wrong_lines),
		cmocka_unit_test(wrong_files), cmocka_unit_test(loading),      cmocka_unit_test(shipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
