/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_manifest.c - manifests and indexes: what is taken, what is refused and with which words, which platform is chosen */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "image/manifest.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DESC(type, hex, size) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" hex "\",\"size\":" size "}"
#define CONFIG "\"config\":" DESC(TYPE_OCI_CONFIG, A64, "10")
#define LAYERS "\"layers\":[" DESC(TYPE_OCI_LAYER "+gzip", B64, "20") "]"
#define IMAGE "{\"schemaVersion\":2," CONFIG "," LAYERS "}"
#define ENTRY(os, arch, more) \
	"{\"mediaType\":\"" TYPE_OCI_MANIFEST "\",\"digest\":\"sha256:" A64 "\",\"size\":3,\"platform\":{\"os\":\"" os \
	"\",\"architecture\":\"" arch "\"" more "}}"
#define INDEX(entries) "{\"schemaVersion\":2,\"manifests\":[" entries "]}"
#define VARIANT(v) ",\"variant\":\"" v "\""

static void refused(const char *text, const char *type, const char *words)
{
	struct manifest m;
	struct err e = { 0 };

	assert_int_equal(manifest_read(text, strlen(text), type, &m, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	if (!strstr(e.what, words))
		fail_msg("expected \"%s\" in \"%s\"", words, e.what);
	assert_null(m.layers);
	assert_null(m.entries);
}

static void image_of_oci(void **state)
{
	static const char *const TYPES[] = { NULL, "", TYPE_OCI_MANIFEST, TYPE_OCI_MANIFEST "; charset=utf-8", "application/json" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(TYPES); i++) {
		struct manifest m;
		struct err e;

		assert_int_equal(manifest_read(IMAGE, strlen(IMAGE), TYPES[i], &m, &e), 0);
		assert_false(m.is_index);
		assert_string_equal(m.media_type, TYPE_OCI_MANIFEST);
		assert_string_equal(m.config.digest, "sha256:" A64);
		assert_int_equal(m.config.size, 10);
		assert_int_equal(m.n_layers, 1);
		assert_string_equal(m.layers[0].digest, "sha256:" B64);
		assert_string_equal(m.layers[0].media_type, TYPE_OCI_LAYER "+gzip");
		manifest_fini(&m);
	}
}

static void image_of_docker(void **state)
{
	static const char TEXT[] = "{\"schemaVersion\":2,\"mediaType\":\"" TYPE_DOCKER_MANIFEST "\",\"config\":" DESC(
		"application/vnd.docker.container.image.v1+json", A64, "10") ",\"layers\":[" DESC(
		"application/vnd.docker.image.rootfs.diff.tar.gzip", B64, "20") "],\"annotations\":{\"b\":\"2\",\"a\":\"1\"}}";
	struct manifest m;
	struct err e;

	(void)state;
	assert_int_equal(manifest_read(TEXT, strlen(TEXT), TYPE_DOCKER_MANIFEST, &m, &e), 0);
	assert_int_equal(m.annotations.n, 2);
	assert_string_equal(m.annotations.v[0], "a=1");
	manifest_fini(&m);
	refused(TEXT, TYPE_OCI_MANIFEST, "says of itself");
	refused(TEXT, TYPE_DOCKER_LIST, "says of itself");
}

/* CVE-2021-41190: two readers must not see two things. */
static void two_things_at_once(void **state)
{
	static const char BOTH[] = "{\"schemaVersion\":2," CONFIG "," LAYERS ",\"manifests\":[]}";

	(void)state;
	refused(BOTH, NULL, "at once");
	refused(BOTH, TYPE_OCI_INDEX, "at once");
	refused(BOTH, TYPE_OCI_MANIFEST, "at once");
	refused(IMAGE, TYPE_OCI_INDEX, "has layers");
	refused(INDEX(""), TYPE_OCI_MANIFEST, "has manifests");
	refused("{\"schemaVersion\":2,\"mediaType\":\"" TYPE_OCI_INDEX "\"," CONFIG "," LAYERS "}", NULL, "has layers");
	refused("{\"schemaVersion\":2,\"schemaVersion\":2," CONFIG "," LAYERS "}", NULL, "duplicate");
	refused("{\"schemaVersion\":2," CONFIG "," CONFIG "," LAYERS "}", NULL, "duplicate");
}

static void lies_and_nonsense(void **state)
{
	(void)state;
	refused("", NULL, "the manifest");
	refused("[]", NULL, "no JSON object");
	refused("{\"schemaVersion\":2}", NULL, "neither layers nor manifests");
	refused("{" CONFIG "," LAYERS "}", NULL, "\"schemaVersion\" is not 2");
	refused("{\"schemaVersion\":\"2\"," CONFIG "," LAYERS "}", NULL, "\"schemaVersion\" is no number");
	refused("{\"schemaVersion\":2,\"config\":7," LAYERS "}", NULL, "\"config\" is no object");
	refused("{\"schemaVersion\":2,\"layers\":[]}", NULL, "the config is no object");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", NULL, "\"layers\" is no list");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER, B64, "-1") "]}", NULL, "\"size\" is no number from 0 on");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER, B64, "1.5") "]}", NULL, "\"size\" is no number");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER, B64, "9223372036854775807") "]}", NULL, "larger than");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER, B64, "99999999999999999999") "]}", NULL, "too big");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER, "../../etc/passwd", "1") "]}", NULL, "is no digest");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\"" TYPE_OCI_LAYER "\",\"digest\":\"sha256:" A64 "\"}]}", NULL,
		"has no size");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC("", B64, "1") "]}", NULL, "has no mediaType");
	refused("{\"schemaVersion\":2," CONFIG "," LAYERS ",\"annotations\":{\"a\":1}}", NULL, "\"annotations\" is no text");
	refused("{\"schemaVersion\":2," CONFIG "," LAYERS ",\"annotations\":{\"a\":\"\\u0000\"}}", NULL, "\\u0000");
	refused("{\"schemaVersion\":2," CONFIG "," LAYERS ",\"annotations\":{\"a\":\"\xff\"}}", NULL, "unable to decode");
}

static void too_many(void **state)
{
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	buf_add(&b, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
	for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
		buf_addf(&b, "%s%s", i ? "," : "", DESC(TYPE_OCI_LAYER, B64, "1"));
	buf_add(&b, "]}");
	refused(b.s, NULL, "\"layers\" has 501 parts");
	buf_fini(&b);
	for (int i = 0; i < 100000; i++)
		buf_add(&b, "[");
	refused(b.s, NULL, "depth");
	buf_fini(&b);
	buf_add(&b, IMAGE);
	while (b.len <= MANIFEST_BYTES_MAX)
		buf_add(&b, "                                                                ");
	refused(b.s, NULL, "larger than 4096 KiB");
}

static void no_images(void **state)
{
	(void)state;
	refused("{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}", NULL, "schema 1");
	refused("{\"schemaVersion\":2," CONFIG "," LAYERS "}", "application/vnd.docker.distribution.manifest.v1+prettyjws", "schema 1");
	refused("{\"schemaVersion\":2,\"config\":" DESC("application/vnd.cncf.helm.config.v1+json", A64, "1") "," LAYERS "}", NULL,
		"its config is of the type application/vnd.cncf.helm");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC("application/wasm", B64, "1") "]}", NULL, "a layer is of the type");
	refused("{\"schemaVersion\":2," CONFIG ",\"layers\":[" DESC(TYPE_OCI_LAYER "+gzip+encrypted", B64, "1") "]}", NULL, "is encrypted");
	refused("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\"," LAYERS "}", NULL, "it is of the type");
}

/* ---- platforms ---- */

static void chosen(const char *index, const char *wish, int expected)
{
	struct platform want;
	struct manifest m;
	size_t at = 99;
	struct err e;

	assert_int_equal(manifest_read(index, strlen(index), NULL, &m, &e), 0);
	assert_true(m.is_index);
	assert_int_equal(platform_parse(wish, &want, &e), 0);
	if (expected < 0) {
		assert_int_equal(index_choose(&m, &want, &at, &e), -1);
		assert_int_equal(e.kind, ERR_STATE);
	} else {
		assert_int_equal(index_choose(&m, &want, &at, &e), 0);
		assert_int_equal(at, expected);
	}
	manifest_fini(&m);
}

static void platforms(void **state)
{
	static const char MANY[] = INDEX(ENTRY("windows", "amd64", "") "," ENTRY("linux", "arm", VARIANT("v5")) "," ENTRY(
		"linux", "arm", VARIANT("v6")) "," ENTRY("linux", "arm64", VARIANT("v8")) "," ENTRY("linux", "amd64", "") "," ENTRY(
		"unknown", "unknown", ""));
	static const char LEVELS[] = INDEX(ENTRY("linux", "amd64", VARIANT("v3")) "," ENTRY("linux", "amd64", VARIANT("v2")));

	(void)state;
	chosen(MANY, "linux/amd64", 4);
	chosen(MANY, "linux/x86_64", 4);
	chosen(MANY, "windows/amd64", 0);
	chosen(MANY, "linux/arm64", 3);
	chosen(MANY, "linux/arm64/v8", 3);
	chosen(MANY, "linux/aarch64", 3);
	chosen(MANY, "linux/arm/v7", 2);
	chosen(MANY, "linux/armv7l", 2);
	chosen(MANY, "linux/arm/v6", 2);
	chosen(MANY, "linux/arm/v5", 1);
	chosen(MANY, "linux/arm", 1);
	chosen(MANY, "linux/s390x", -1);
	chosen(LEVELS, "linux/amd64/v4", 0);
	chosen(LEVELS, "linux/amd64/v2", 1);
	chosen(LEVELS, "linux/amd64", 1);
	chosen(LEVELS, "linux/amd64/v1", -1);
	chosen(INDEX(""), "linux/amd64", -1);
}

static void platforms_on_offer(void **state)
{
	static const char TEXT[] = INDEX(ENTRY("linux", "arm", VARIANT("v6")) "," ENTRY("linux", "arm64", "") "," ENTRY("unknown", "unknown", ""));
	struct platform want;
	struct manifest m;
	struct err e;
	size_t at;

	(void)state;
	assert_int_equal(manifest_read(TEXT, strlen(TEXT), NULL, &m, &e), 0);
	assert_int_equal(platform_parse("linux/amd64", &want, &e), 0);
	assert_int_equal(index_choose(&m, &want, &at, &e), -1);
	assert_string_equal(e.what, "there is no image for linux/amd64");
	assert_non_null(strstr(e.hint, "there is linux/arm/v6, linux/arm64;"));
	manifest_fini(&m);
}

static void platform_words(void **state)
{
	static const char *const WRONG[] = { "", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/arm/", "linux/\x1b[2J",
					     "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	struct platform p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(WRONG); i++) {
		assert_int_equal(platform_parse(WRONG[i], &p, &e), -1);
		assert_int_equal(e.kind, ERR_USAGE);
	}
	assert_int_equal(platform_parse(NULL, &p, &e), 0);
	assert_string_equal(p.os, "linux");
	assert_true(p.arch[0] != '\0');
}

/* ---- making ---- */

static void made_is_read(void **state)
{
	struct image im = { .n_layers = 2, .layers = mem_alloc(2 * sizeof(struct image_layer)) };
	AUTO_BUF struct buf once = { 0 }, again = { 0 };
	struct manifest m;
	struct err e;

	(void)state;
	str_copy(im.id, sizeof(im.id), "sha256:" A64);
	for (size_t i = 0; i < 2; i++) {
		str_copy(im.layers[i].digest, DIGEST_MAX, "sha256:" B64);
		str_copy(im.layers[i].media_type, sizeof(im.layers[i].media_type), TYPE_OCI_LAYER);
		im.layers[i].size = 7 + i;
	}
	manifest_make(&im, 123, &once);
	manifest_make(&im, 123, &again);
	assert_string_equal(once.s, again.s);
	assert_int_equal(manifest_read(once.s, once.len, TYPE_OCI_MANIFEST, &m, &e), 0);
	assert_int_equal(m.config.size, 123);
	assert_int_equal(m.n_layers, 2);
	assert_int_equal(m.layers[1].size, 8);
	manifest_fini(&m);
	image_fini(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_of_oci),	      cmocka_unit_test(image_of_docker),    cmocka_unit_test(two_things_at_once),
		cmocka_unit_test(lies_and_nonsense),  cmocka_unit_test(too_many),	    cmocka_unit_test(no_images),
		cmocka_unit_test(platforms),	      cmocka_unit_test(platforms_on_offer), cmocka_unit_test(platform_words),
		cmocka_unit_test(made_is_read),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
