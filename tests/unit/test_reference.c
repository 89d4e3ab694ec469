/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_reference.c - names of images, digests, and the words that say where an image is */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "spec/reference.h"

#define HEX32 "0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX32 HEX32
#define SHA512 "sha512:" HEX32 HEX32 HEX32 HEX32
#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void is_str(const char *got, const char *want)
{
	if (!want)
		assert_null(got);
	else if (!got)
		fail_msg("nothing, not %s", want);
	else
		assert_string_equal(got, want);
}

static void names(void **state)
{
	static const struct {
		const char *text, *registry, *repository, *tag, *digest, *full, *familiar;
	} ROWS[] = {
		{ "alpine", NULL, "alpine", NULL, NULL, "alpine:latest", "alpine:latest" },
		{ "alpine:3.20", NULL, "alpine", "3.20", NULL, "alpine:3.20", "alpine:3.20" },
		{ "a/b-c/d__e.f_g", NULL, "a/b-c/d__e.f_g", NULL, NULL, "a/b-c/d__e.f_g:latest", "a/b-c/d__e.f_g:latest" },
		{ "a---b", NULL, "a---b", NULL, NULL, "a---b:latest", "a---b:latest" },
		{ "docker.io/alpine", "docker.io", "library/alpine", NULL, NULL, "docker.io/library/alpine:latest", "alpine:latest" },
		{ "docker.io/library/alpine:3", "docker.io", "library/alpine", "3", NULL, "docker.io/library/alpine:3", "alpine:3" },
		{ "index.docker.io/alpine", "docker.io", "library/alpine", NULL, NULL, "docker.io/library/alpine:latest", "alpine:latest" },
		{ "Docker.IO/me/it:X", "docker.io", "me/it", "X", NULL, "docker.io/me/it:X", "me/it:X" },
		{ "docker.io/library/a/b", "docker.io", "library/a/b", NULL, NULL, "docker.io/library/a/b:latest", "library/a/b:latest" },
		{ "docker.io/a.b/c", "docker.io", "a.b/c", NULL, NULL, "docker.io/a.b/c:latest", "docker.io/a.b/c:latest" },
		{ "docker.io/localhost/c", "docker.io", "localhost/c", NULL, NULL, "docker.io/localhost/c:latest",
		  "docker.io/localhost/c:latest" },
		{ "localhost/a", "localhost", "a", NULL, NULL, "localhost/a:latest", "localhost/a:latest" },
		{ "localhost:5000", NULL, "localhost", "5000", NULL, "localhost:5000", "localhost:5000" },
		{ "localhost:5000/a:b", "localhost:5000", "a", "b", NULL, "localhost:5000/a:b", "localhost:5000/a:b" },
		{ "somewhere:65535/a", "somewhere:65535", "a", NULL, NULL, "somewhere:65535/a:latest", "somewhere:65535/a:latest" },
		{ "[::1]:5000/a/b", "[::1]:5000", "a/b", NULL, NULL, "[::1]:5000/a/b:latest", "[::1]:5000/a/b:latest" },
		{ "[fe80::1]/a", "[fe80::1]", "a", NULL, NULL, "[fe80::1]/a:latest", "[fe80::1]/a:latest" },
		{ "127.0.0.1/a", "127.0.0.1", "a", NULL, NULL, "127.0.0.1/a:latest", "127.0.0.1/a:latest" },
		{ "quay.io/a@" SHA256, "quay.io", "a", NULL, SHA256, "quay.io/a@" SHA256, "quay.io/a@" SHA256 },
		{ "docker.io/a:1@" SHA256, "docker.io", "library/a", "1", SHA256, "docker.io/library/a@" SHA256, "a@" SHA256 },
		{ "a@" SHA512, NULL, "a", NULL, SHA512, "a@" SHA512, "a@" SHA512 },
		{ "a:_x.Y-9", NULL, "a", "_x.Y-9", NULL, "a:_x.Y-9", "a:_x.Y-9" },
		{ "a:" A32 A32 A32 A32, NULL, "a", A32 A32 A32 A32, NULL, "a:" A32 A32 A32 A32, "a:" A32 A32 A32 A32 },
		/* 255 bytes, "latest" counted */
		{ A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbbbbbbbbbbb", NULL, A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbbbbbbbbbbb", NULL,
		  NULL, A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbbbbbbbbbbb:latest", A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbbbbbbbbbbb:latest" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *full = NULL, *familiar = NULL;
		struct image_ref r, copy = { 0 };
		struct err e = { 0 };

		if (ref_parse(ROWS[i].text, &r, &e) < 0)
			fail_msg("%s: %s", ROWS[i].text, e.what);
		ref_copy(&copy, &r);
		ref_fini(&r);
		is_str(copy.registry, ROWS[i].registry);
		is_str(copy.repository, ROWS[i].repository);
		is_str(copy.tag, ROWS[i].tag);
		is_str(copy.digest, ROWS[i].digest);
		full = ref_format(&copy);
		familiar = ref_familiar(&copy);
		is_str(full, ROWS[i].full);
		is_str(familiar, ROWS[i].familiar);
		ref_fini(&copy);
		/* what is printed is read as the same again */
		assert_int_equal(ref_parse(full, &r, &e), 0);
		is_str(r.registry, ROWS[i].registry);
		is_str(r.repository, ROWS[i].repository);
		ref_fini(&r);
	}
}

struct wrong {
	const char *text, *what, *hint;	/* parts of the error; NULL: none is looked for */
};

static void has_part(const char *text, const char *got, const char *part)
{
	if (part && !strstr(got, part))
		fail_msg("%s: '%s' has no '%s'", text, got, part);
}

static void wrong_names(void **state)
{
	static const struct wrong ROWS[] = {
		{ "", "empty", NULL },
		{ "Alpine", "capitals in the repository", "did you mean alpine ?" },
		{ "quay.io/Some/Thing:Tag", "capitals", "did you mean quay.io/some/thing:Tag ?" },
		{ "Foo/bar", "capitals", "did you mean foo/bar ?" },
		{ "https://quay.io/a", "a name has no 'https://'", "did you mean quay.io/a ?" },
		{ "docker://alpine", "a name has no 'docker://'", "did you mean alpine ?" },
		{ "http://", "no 'http://'", "REGISTRY/REPOSITORY" },
		{ "al pine", "a blank", NULL },
		{ "alpine ", "a blank", NULL },
		{ "al\x1b[31mpine", "a control character", NULL },
		{ "alpine:", "there is no tag behind the colon", "alpine:3.20" },
		{ "quay.io/a:@" SHA256, "there is no tag", NULL },
		{ "alpine:.3", "'.3' is not a tag", NULL },
		{ "alpine:-3", "is not a tag", NULL },
		{ "alpine:3+4", "'3+4' is not a tag", NULL },
		{ "alpine:" A32 A32 A32 A32 "a", "longer than 128", NULL },
		{ "alpine@", "'' is not a digest", "sha256:" },
		{ "alpine@sha256:0123", "is not a digest", NULL },
		{ "alpine@md5:" HEX32, "is not a digest", NULL },
		{ "alpine@sha256:0123456789ABCDEF0123456789abcdef" HEX32, "is not a digest", NULL },
		{ "alpine@" SHA256 "0", "is not a digest", NULL },
		{ "a@" SHA256 "@" SHA256, "is not a digest", NULL },
		{ ":3", "there is no repository", NULL },
		{ "@" SHA256, "there is no repository", NULL },
		{ "quay.io/", "there is no repository", NULL },
		{ "a//b", "empty part", NULL },
		{ "a/", "empty part", NULL },
		{ "/a", "empty part", NULL },
		{ "a:b:c", "is not a tag", NULL },
		{ "a_", "unexpected '_'", NULL },
		{ "a..b", "unexpected '..b'", NULL },
		{ "a___b", "unexpected '___b'", NULL },
		{ "-a", "unexpected '-a'", NULL },
		{ "a/%2e", "unexpected '%2e'", NULL },
		{ "a/../b", "unexpected '../b'", NULL },
		{ "\xc3\xa4", "unexpected", NULL },
		{ "quay.io:/a", "'quay.io:' is not a registry", "HOST:PORT" },
		{ "quay.io:0/a", "is not a registry", NULL },
		{ "quay.io:65536/a", "is not a registry", NULL },
		{ "quay.io:123456/a", "is not a registry", NULL },
		{ "quay..io/a", "is not a registry", NULL },
		{ "quay.io./a", "is not a registry", NULL },
		{ ".quay.io/a", "is not a registry", NULL },
		{ "-quay.io/a", "is not a registry", NULL },
		{ "quay-.io/a", "is not a registry", NULL },
		{ "qu_ay.io/a", "is not a registry", NULL },
		{ "user:secret@quay.io/a", "is not a digest", NULL },
		{ "[::1/a", "is not a registry", NULL },
		{ "[]:5000/a", "is not a registry", NULL },
		{ "[fe80::1%25eth0]/a", "is not a registry", NULL },
		{ A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbbbbbbbbbbbb", "256 bytes long", NULL },
		{ "quay.io/" A32 A32 A32 A32 "@" SHA512, "is 272 bytes long", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct image_ref r;
		struct err e = { 0 };

		if (ref_parse(ROWS[i].text, &r, &e) == 0)
			fail_msg("taken: '%s'", ROWS[i].text);
		assert_int_equal(e.kind, ERR_USAGE);
		has_part(ROWS[i].text, e.what, ROWS[i].what);
		has_part(ROWS[i].text, e.hint, ROWS[i].hint);
		assert_null(r.repository);
	}
}

static void completing(void **state)
{
	struct image_ref r;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ref_parse("alpine", &r, &e), 0);
	ref_set_registry(&r, "quay.io");
	is_str(r.repository, "alpine");
	ref_set_registry(&r, "docker.io");
	is_str(r.repository, "library/alpine");
	ref_set_registry(&r, "docker.io");
	is_str(r.repository, "library/alpine");
	ref_fini(&r);
	/* room for itself, and not for a registry */
	assert_int_equal(ref_parse(A32 A32 A32 A32 A32 A32 A32 "/bbbbbbbbbbbbbb", &r, &e), 0);
	assert_int_equal(ref_check_length(&r, &e), 0);
	ref_set_registry(&r, "registry.example.org");
	assert_int_equal(ref_check_length(&r, &e), -1);
	assert_non_null(strstr(e.what, "267 bytes long"));
	ref_fini(&r);
}

static void digests(void **state)
{
	(void)state;
	assert_true(digest_is_valid(SHA256));
	assert_true(digest_is_valid(SHA512));
	assert_false(digest_is_valid(""));
	assert_false(digest_is_valid("sha256:"));
	assert_false(digest_is_valid(HEX32 HEX32));
	assert_false(digest_is_valid(SHA256 "0"));
	assert_false(digest_is_valid("sha512:" HEX32 HEX32));
	assert_false(digest_is_valid("sha256:" HEX32 "0123456789abcdef0123456789abcdeg"));
	assert_false(digest_is_valid("sha256:" HEX32 "../../../../../../../../../../x/"));
	assert_int_equal(strlen(SHA512) + 1, DIGEST_MAX);
}

static void sources(void **state)
{
	static const struct {
		const char *word;
		enum source_kind kind;
		const char *name, *path, *tag;	/* @name: ref_format() */
		int64_t number;
		bool is_transport;
	} ROWS[] = {
		{ "alpine", SOURCE_NAME, "alpine:latest", NULL, NULL, -1, false },
		{ "docker://quay.io/a:1", SOURCE_NAME, "quay.io/a:1", NULL, NULL, -1, true },
		{ "docker:dind", SOURCE_NAME, "docker:dind", NULL, NULL, -1, false },
		{ "docker:5000/x", SOURCE_NAME, "docker:5000/x:latest", NULL, NULL, -1, false },
		{ "oc:1", SOURCE_NAME, "oc:1", NULL, NULL, -1, false },
		{ "oci/x:1", SOURCE_NAME, "oci/x:1", NULL, NULL, -1, false },
		{ "oci-archive", SOURCE_NAME, "oci-archive:latest", NULL, NULL, -1, false },
		{ "a.tar", SOURCE_NAME, "a.tar:latest", NULL, NULL, -1, false },
		{ "./a.tar", SOURCE_PATH, NULL, "./a.tar", NULL, -1, false },
		{ "/x:y", SOURCE_PATH, NULL, "/x:y", NULL, -1, false },
		{ "~/x", SOURCE_PATH, NULL, "~/x", NULL, -1, false },
		{ "..", SOURCE_PATH, NULL, "..", NULL, -1, false },
		{ "oci:dir", SOURCE_OCI, NULL, "dir", NULL, -1, false },
		{ "oci:/a/b:docker.io/library/alpine:3--1@x", SOURCE_OCI, NULL, "/a/b", "docker.io/library/alpine:3--1@x", -1, false },
		{ "oci-archive:a.tar:v1", SOURCE_OCI_ARCHIVE, NULL, "a.tar", "v1", -1, false },
		{ "docker-archive:a.tar", SOURCE_DOCKER_ARCHIVE, NULL, "a.tar", NULL, -1, false },
		{ "docker-archive:a.tar:alpine:3", SOURCE_DOCKER_ARCHIVE, "alpine:3", "a.tar", NULL, -1, false },
		{ "docker-archive:a.tar:localhost:5000/x:3", SOURCE_DOCKER_ARCHIVE, "localhost:5000/x:3", "a.tar", NULL, -1, false },
		{ "docker-archive:./a b.tar:@12", SOURCE_DOCKER_ARCHIVE, NULL, "./a b.tar", NULL, 12, false },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *name = NULL;
		struct image_source s;
		struct err e = { 0 };

		if (source_parse(ROWS[i].word, &s, &e) < 0)
			fail_msg("%s: %s", ROWS[i].word, e.what);
		assert_int_equal(s.kind, ROWS[i].kind);
		name = s.ref.repository ? ref_format(&s.ref) : NULL;
		is_str(name, ROWS[i].name);
		is_str(s.path, ROWS[i].path);
		is_str(s.tag, ROWS[i].tag);
		assert_int_equal(s.number, ROWS[i].number);
		assert_int_equal(s.is_transport, ROWS[i].is_transport);
		source_fini(&s);
	}
}

static void wrong_sources(void **state)
{
	static const struct wrong ROWS[] = {
		{ "", "empty", NULL },
		{ "docker://", "empty", NULL },
		{ "docker://Alpine", "capitals", "did you mean alpine ?" },
		{ "https://quay.io/a", "a name has no 'https://'", "did you mean quay.io/a ?" },
		{ "oci:", "there is no path behind 'oci:'", "oci:DIR[:TAG]" },
		{ "oci-archive::x", "there is no path", "oci-archive:FILE[:TAG]" },
		{ "oci:dir:", "nothing behind the last colon", "oci:DIR[:TAG]" },
		{ "oci:dir:a b", "'a b' is not a name within", "cannot have a colon" },
		{ "oci:dir:a..b", "is not a name within", NULL },
		{ "oci:dir:a/", "is not a name within", NULL },
		{ "oci:dir:@1", "is not a name within", NULL },
		{ "docker-archive:", "there is no path", "docker-archive:FILE[:REF|:@N]" },
		{ "docker-archive:a.tar:", "nothing behind", NULL },
		{ "docker-archive:a.tar:@", "'@' is not the number", "from 0" },
		{ "docker-archive:a.tar:@-1", "is not the number", NULL },
		{ "docker-archive:a.tar:@1x", "is not the number", NULL },
		{ "docker-archive:a.tar:@1234567", "is not the number", NULL },
		{ "docker-archive:a.tar:Alpine", "docker-archive:a.tar:Alpine: image name 'Alpine'", "alpine" },
		{ "docker-archive:a.tar:alpine@" SHA256, "an archive has no digests", NULL },
		{ "dir:/tmp/x", "'dir:' is not read here", "oci:DIR" },
		{ "dir:x", "'dir:' is not read here", "docker.io/library/dir:x" },
		{ "containers-storage:alpine", "'containers-storage:' is not read here", "podman save" },
		{ "docker-daemon:alpine:latest", "'docker-daemon:' is not read here", "docker save" },
		{ "oci-archve:a.tar", "'oci-archve:' is not known", "did you mean oci-archive:a.tar ?" },
		{ "oci-archiv:a.tar", "is not known", "did you mean oci-archive:a.tar ?" },
		{ "docker_archive:a.tar", "is not known", "did you mean docker-archive:a.tar ?" },
		{ "ocu:./dir", "'ocu:' is not known", "did you mean oci:./dir ?" },
		{ "OCI:dir", "capitals", "did you mean oci:dir ?" },
		{ "docker:/alpine", "'docker:' is not known", "did you mean docker://alpine ?" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct image_source s;
		struct err e = { 0 };

		if (source_parse(ROWS[i].text, &s, &e) == 0)
			fail_msg("taken: '%s'", ROWS[i].text);
		assert_int_equal(e.kind, ERR_USAGE);
		has_part(ROWS[i].text, e.what, ROWS[i].what);
		has_part(ROWS[i].text, e.hint, ROWS[i].hint);
		assert_null(s.path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),     cmocka_unit_test(wrong_names), cmocka_unit_test(completing),
		cmocka_unit_test(digests),   cmocka_unit_test(sources),	    cmocka_unit_test(wrong_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
