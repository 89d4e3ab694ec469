/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_credentials.c - whose credentials are found where, what stays in a file, helpers */

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
#include "base/base64.h"
#include "base/fd.h"
#include "cli/credentials.h"

static char top[64];

static void put(const char *name, const char *text, mode_t mode)
{
	AUTO_FREE char *path = str_fmt("%s/%s", top, name);

	assert_int_equal(fd_write_file(AT_FDCWD, path, text, strlen(text)), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static char *get(const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", top, name);
	char *text;

	assert_int_equal(fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL), 0);
	return text;
}

static void set(const char *name, const char *value)
{
	AUTO_FREE char *path = str_fmt("%s/%s", top, value);

	setenv(name, path, 1);
}

static int setup(void **state)
{
	static const char *const DIRS[] = { "", "/run", "/run/containers", "/config", "/config/containers", "/home", "/home/.docker", "/bin" };

	(void)state;
	strcpy(top, "/tmp/test-credentials-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	for (size_t i = 1; i < N_ELEMS(DIRS); i++) {
		AUTO_FREE char *dir = str_fmt("%s%s", top, DIRS[i]);

		if (mkdir(dir, 0700) < 0)
			return -1;
	}
	unsetenv("REGISTRY_AUTH_FILE");
	unsetenv("DOCKER_CONFIG");
	set("XDG_RUNTIME_DIR", "run");
	set("XDG_CONFIG_HOME", "config");
	set("HOME", "home");
	setenv("PATH", "/usr/bin:/bin", 1);
	return 0;
}

static int teardown(void **state)
{
	AUTO_FREE char *command = str_fmt("rm -rf '%s'", top);

	(void)state;
	return system(command);
}

/* "USER:PASSWORD" of what is found, "USER:=TOKEN", "" for nothing, "!" for an error. */
static void must_find(const char *registry, const char *repository, const char *expected)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	struct err e = { 0 };
	int rc = credentials_find(registry, repository, &c, &e);
	AUTO_FREE char *found = rc < 0 ? str_dup("!") : rc == 0 ? str_dup("")
			      : str_fmt("%s:%s%s", c.username ? c.username : "", c.token ? "=" : "", c.token ? c.token : c.password);

	if (rc < 0 && expected[0] != '!')
		fail_msg("%s: %s", e.path, e.what);
	assert_string_equal(found, expected);
}

static void keys(void **state)
{
	static const char *const ROWS[][2] = {
		{ "docker.io", "docker.io" }, { "https://index.docker.io/v1/", "docker.io" }, { "index.docker.io", "docker.io" },
		{ "registry-1.docker.io", "docker.io" }, { "https://ghcr.io", "ghcr.io" }, { "http://localhost:5000/v2/", "localhost:5000" },
		{ "ghcr.io/me/", "ghcr.io/me" }, { "ghcr.io/me/app", "ghcr.io/me/app" }, { "docker.io/library", "docker.io/library" },
		{ "index.docker.io/me", "docker.io/me" }, { "ghcr.io/v1", "ghcr.io" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *key = credentials_key(ROWS[i][0]);

		assert_string_equal(key, ROWS[i][1]);
	}
}

static void base64_both_ways(void **state)
{
	static const char *const ROWS[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "a:\xff\xfe", "YTr//g==" },
	};
	static const char *const WRONG[] = { "Zg", "Zg=", "Z===", "Zg==Zg==", "Z!==", "=Zg=", "====" };
	size_t len;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_BUF struct buf out = { 0 };
		AUTO_FREE char *plain = base64_decode(ROWS[i][1], &len);

		base64_add(&out, ROWS[i][0], strlen(ROWS[i][0]));
		assert_string_equal(out.s ? out.s : "", ROWS[i][1]);
		assert_string_equal(plain, ROWS[i][0]);
		assert_int_equal(len, strlen(ROWS[i][0]));
	}
	for (size_t i = 0; i < N_ELEMS(WRONG); i++)
		assert_null(base64_decode(WRONG[i], &len));
}

static void the_order_of_files(void **state)
{
	(void)state;
	must_find("reg.io", "a/b", "");
	put("home/.docker/config.json", "{\"auths\":{\"reg.io\":{\"auth\":\"ZG9ja2VyOnA=\"}}}", 0600);
	must_find("reg.io", "a/b", "docker:p");
	put("config/containers/auth.json", "{\"auths\":{\"reg.io\":{\"auth\":\"Y29uZmlnOnA=\"}}}", 0600);
	must_find("reg.io", "a/b", "config:p");
	put("run/containers/auth.json", "{\"auths\":{\"https://reg.io/v2/\":{\"auth\":\"cnVuOnA=\"}}}", 0600);
	must_find("reg.io", "a/b", "run:p");
	put("own.json", "{\"auths\":{\"other.io\":{\"auth\":\"b3duOnA=\"}}}", 0600);
	set("REGISTRY_AUTH_FILE", "own.json");
	must_find("other.io", NULL, "own:p");
	must_find("reg.io", NULL, "run:p");
}

static void the_longest_key_counts(void **state)
{
	(void)state;
	put("run/containers/auth.json",
	    "{\"auths\":{\"reg.io\":{\"auth\":\"aG9zdDpw\"},\"reg.io/a\":{\"auth\":\"YTpw\"},\"reg.io/a/b\":{\"auth\":\"YWI6cA==\"},"
	    "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnA6cQ==\"}}}", 0600);
	must_find("reg.io", "a/b", "ab:p");
	must_find("reg.io", "a/bc", "a:p");
	must_find("reg.io", "ab", "host:p");
	must_find("reg.io", NULL, "host:p");
	must_find("reg.io:5000", "a", "");
	must_find("docker.io", "library/alpine", "hub:p:q");
}

static void forms_of_entries(void **state)
{
	(void)state;
	put("run/containers/auth.json",
	    "{\"auths\":{\"a.io\":{},\"b.io\":{\"auth\":\"!\"},\"c.io\":{\"auth\":\"bm9jb2xvbg==\"},"
	    "\"d.io\":{\"auth\":\"PHRva2VuPjo=\",\"identitytoken\":\"tok\"},\"e.io\":{\"username\":\"u\",\"password\":\"p\"},"
	    "\"f.io\":7,\"g.io\":{\"auth\":\"YQBiOmM=\"}}}", 0600);
	must_find("a.io", NULL, "");
	must_find("b.io", NULL, "!");
	must_find("c.io", NULL, "!");
	must_find("d.io", NULL, "<token>:=tok");
	must_find("e.io", NULL, "u:p");
	must_find("f.io", NULL, "");
	must_find("g.io", NULL, "!");
	put("run/containers/auth.json", "{\"auths\":", 0600);
	must_find("a.io", NULL, "!");
	put("run/containers/auth.json", "[]", 0600);
	must_find("a.io", NULL, "!");
	put("run/containers/auth.json", "\n", 0600);
	must_find("a.io", NULL, "");
}

static void a_login_keeps_what_others_wrote(void **state)
{
	struct credentials c = { .username = str_dup("me"), .password = str_dup("secret") };
	AUTO_FREE char *where = NULL, *text = NULL, *after = NULL;
	AUTO_STRV struct strv gone = { 0 };
	AUTO_FREE char *path = str_fmt("%s/run/containers/auth.json", top);
	struct err e = { 0 };
	struct stat st;

	(void)state;
	put("run/containers/auth.json", "{\"future\":{\"x\":[1]},\"auths\":{\"a.io\":{\"auth\":\"YTpw\",\"note\":1},\"https://b.io\":{}}}", 0644);
	assert_int_equal(credentials_store("b.io", &c, &where, &e), 0);
	assert_string_equal(where, path);
	must_find("b.io", NULL, "me:secret");
	must_find("a.io", NULL, "a:p");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	text = get("run/containers/auth.json");
	assert_non_null(strstr(text, "\"future\""));
	assert_non_null(strstr(text, "\"note\": 1"));
	assert_null(strstr(text, "https://b.io"));
	assert_int_equal(credentials_erase("b.io", &gone, &e), 0);
	assert_int_equal(gone.n, 1);
	assert_int_equal(credentials_erase("b.io", &gone, &e), 0);
	assert_int_equal(gone.n, 1);
	must_find("b.io", NULL, "");
	must_find("a.io", NULL, "a:p");
	assert_int_equal(credentials_erase(NULL, &gone, &e), 0);
	assert_int_equal(gone.n, 2);
	must_find("a.io", NULL, "");
	after = get("run/containers/auth.json");
	assert_non_null(strstr(after, "\"future\""));
	credentials_fini(&c);
}

static void a_login_makes_the_file(void **state)
{
	struct credentials c = { .username = str_dup("me"), .token = str_dup("tok") };
	AUTO_FREE char *where = NULL;
	struct err e = { 0 };

	(void)state;
	set("REGISTRY_AUTH_FILE", "new/dir/auth.json");
	assert_int_equal(credentials_store("b.io", &c, &where, &e), 0);
	must_find("b.io", "a/b", "me:=tok");
	credentials_fini(&c);
}

static const char HELPER[] =
	"#!/bin/sh\n"
	"read -r server || :\n"
	"case $1,$server in\n"
	"get,b.io) printf '{\"ServerURL\":\"b.io\",\"Username\":\"hu\",\"Secret\":\"hp\"}\\n' ;;\n"
	"get,t.io) printf '{\"Username\":\"<token>\",\"Secret\":\"tok\"}' ;;\n"
	"get,https://index.docker.io/v1/) printf '{\"Username\":\"hub\",\"Secret\":\"p\"}' ;;\n"
	"get,broken.io) echo nonsense ;;\n"
	"get,locked.io) echo 'the keyring is locked'; exit 1 ;;\n"
	"get,*) echo 'credentials not found in native keychain'; exit 1 ;;\n"
	"store,*) printf '%s' \"$server\" >\"$HOME/stored\" ;;\n"
	"erase,*) printf '%s' \"$server\" >\"$HOME/erased\" ;;\n"
	"esac\n";

static void helpers_are_asked(void **state)
{
	AUTO_FREE char *path = str_fmt("%s/bin:/usr/bin:/bin", top);

	(void)state;
	put("bin/docker-credential-fake", HELPER, 0755);
	setenv("PATH", path, 1);
	put("run/containers/auth.json",
	    "{\"credHelpers\":{\"b.io\":\"fake\",\"t.io\":\"fake\",\"none.io\":\"fake\",\"broken.io\":\"fake\",\"locked.io\":\"fake\","
	    "\"gone.io\":\"missing\",\"evil.io\":\"../../bin/sh\",\"docker.io\":\"fake\"},"
	    "\"auths\":{\"none.io\":{\"auth\":\"YTpw\"}}}", 0600);
	must_find("b.io", "a", "hu:hp");
	must_find("t.io", "a", ":=tok");
	must_find("docker.io", "library/alpine", "hub:p");
	must_find("none.io", "a", "a:p");
	must_find("broken.io", "a", "!");
	must_find("locked.io", "a", "!");
	must_find("gone.io", "a", "!");
	must_find("evil.io", "a", "!");
	must_find("other.io", "a", "");
}

static void a_store_that_is_gone_is_left_out(void **state)
{
	AUTO_FREE char *path = str_fmt("%s/bin:/usr/bin:/bin", top);

	(void)state;
	put("home/.docker/config.json", "{\"credsStore\":\"desktop\"}", 0600);
	must_find("b.io", NULL, "");
	put("bin/docker-credential-desktop", HELPER, 0755);
	setenv("PATH", path, 1);
	must_find("b.io", NULL, "hu:hp");
	must_find("c.io", NULL, "");
}

static void a_helper_keeps_what_is_its(void **state)
{
	struct credentials c = { .username = str_dup("me"), .password = str_dup("s\"x") };
	AUTO_FREE char *path = str_fmt("%s/bin:/usr/bin:/bin", top), *where = NULL, *stored = NULL, *erased = NULL;
	AUTO_STRV struct strv gone = { 0 };
	struct err e = { 0 };

	(void)state;
	put("bin/docker-credential-fake", HELPER, 0755);
	setenv("PATH", path, 1);
	put("run/containers/auth.json", "{\"credHelpers\":{\"b.io\":\"fake\"}}", 0600);
	assert_int_equal(credentials_store("b.io", &c, &where, &e), 0);
	assert_string_equal(where, "docker-credential-fake");
	stored = get("home/stored");
	assert_string_equal(stored, "{\"ServerURL\":\"b.io\",\"Username\":\"me\",\"Secret\":\"s\\\"x\"}");
	assert_int_equal(credentials_erase("b.io", &gone, &e), 0);
	erased = get("home/erased");
	assert_string_equal(erased, "b.io");
	credentials_fini(&c);
}

int main(void)
{
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys), cmocka_unit_test(base64_both_ways), IN_PLACE(the_order_of_files), IN_PLACE(the_longest_key_counts),
		IN_PLACE(forms_of_entries), IN_PLACE(a_login_keeps_what_others_wrote), IN_PLACE(a_login_makes_the_file),
		IN_PLACE(helpers_are_asked), IN_PLACE(a_store_that_is_gone_is_left_out), IN_PLACE(a_helper_keeps_what_is_its),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
