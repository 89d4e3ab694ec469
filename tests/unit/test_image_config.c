/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_image_config.c - an image's config: what is taken, what is refused, and what is made for an import */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "image/image_config.h"

#define D64 "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" D64 "\"]}"
#define WITH(config) "{\"os\":\"linux\",\"config\":" config "," ROOTFS "}"

static void read_it(const char *text, struct image *im)
{
	struct err e = { 0 };

	if (config_read(text, strlen(text), im, &e) < 0)
		fail_msg("%s", e.what);
}

static void refused(const char *text, const char *words)
{
	struct err e = { 0 };
	struct image im;

	assert_int_equal(config_read(text, strlen(text), &im, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	if (!strstr(e.what, words))
		fail_msg("expected \"%s\" in \"%s\"", words, e.what);
	image_fini(&im);
}

static void all_of_it(void **state)
{
	static const char TEXT[] =
		"{\"architecture\":\"arm\",\"os\":\"linux\",\"variant\":\"v7\",\"created\":\"2020-01-02T03:04:05Z\",\"author\":\"me\","
		"\"config\":{\"Env\":[\"PATH=/bin\",\"EMPTY=\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\",\"d\"],\"User\":\"1:2\",\"WorkingDir\":\"/w\","
		"\"Volumes\":{\"/z\":{},\"/a\":{}},\"ExposedPorts\":{\"80/tcp\":{},\"53/udp\":{}},\"Labels\":{\"k\":\"v=w\"},"
		"\"StopSignal\":\"SIGQUIT\",\"Shell\":[\"/bin/sh\",\"-c\"],\"OnBuild\":[\"RUN x\"],"
		"\"Healthcheck\":{\"Test\":[\"CMD\",\"t\"],\"Interval\":30000000000,\"Timeout\":5,\"StartPeriod\":6,\"Retries\":3}},"
		ROOTFS ",\"history\":[{\"created_by\":\"a\\tb\"},{\"empty_layer\":true,\"comment\":\"c\"}],\"unknown\":[1,{}]}";
	struct image im;

	(void)state;
	read_it(TEXT, &im);
	assert_string_equal(im.architecture, "arm");
	assert_string_equal(im.variant, "v7");
	assert_string_equal(im.author, "me");
	assert_int_equal(im.env.n, 2);
	assert_string_equal(im.entrypoint.v[0], "/e");
	assert_string_equal(im.cmd.v[1], "d");
	assert_string_equal(im.user, "1:2");
	assert_string_equal(im.working_dir, "/w");
	assert_string_equal(im.volumes.v[0], "/a");
	assert_string_equal(im.exposed_ports.v[0], "53/udp");
	assert_string_equal(im.labels.v[0], "k=v=w");
	assert_string_equal(im.stop_signal, "SIGQUIT");
	assert_string_equal(im.shell.v[1], "-c");
	assert_string_equal(im.onbuild.v[0], "RUN x");
	assert_int_equal(im.health_interval_ns, 30000000000);
	assert_int_equal(im.health_retries, 3);
	assert_int_equal(im.n_layers, 1);
	assert_string_equal(im.layers[0].diff_id, "sha256:" D64);
	assert_int_equal(im.n_history, 2);
	assert_true(im.history[1].is_empty);
	image_fini(&im);
}

/* docker writes null, "" and {} for what is not set. */
static void nothing_set(void **state)
{
	static const char TEXT[] = WITH("{\"Env\":null,\"Cmd\":null,\"User\":\"\",\"WorkingDir\":\"\",\"Volumes\":null,\"Labels\":{},"
					"\"StopSignal\":\"\",\"Healthcheck\":null,\"Entrypoint\":[]}");
	struct image im;

	(void)state;
	read_it(TEXT, &im);
	assert_null(im.user);
	assert_null(im.working_dir);
	assert_null(im.stop_signal);
	assert_int_equal(im.cmd.n, 0);
	image_fini(&im);
	read_it("{" ROOTFS "}", &im);
	image_fini(&im);
	read_it("{\"rootfs\":{\"diff_ids\":[]}}", &im);
	assert_int_equal(im.n_layers, 0);
	image_fini(&im);
}

static void what_docker_tolerates(void **state)
{
	struct image im;

	(void)state;
	read_it(WITH("{\"Env\":[\"NOVALUE\",\"A=1\",\"=x\",\"B=2\"],\"Volumes\":{\"z\":{},\"/z\":{},\"data\":{}}}"), &im);
	assert_int_equal(im.env.n, 2);
	assert_int_equal(im.volumes.n, 2);
	assert_string_equal(im.env.v[0], "A=1");
	assert_string_equal(im.env.v[1], "B=2");
	assert_string_equal(im.volumes.v[0], "/data");
	image_fini(&im);
}

static void wrong_fields(void **state)
{
	(void)state;
	refused("", "the image's config");
	refused("[]", "no JSON object");
	refused("{}", "\"rootfs\" is missing");
	refused("{\"rootfs\":[]}", "\"rootfs\" is no object");
	refused("{\"rootfs\":{\"type\":\"tar\",\"diff_ids\":[]}}", "of the type \"tar\"");
	refused("{\"rootfs\":{\"diff_ids\":[\"sha256:xyz\"]}}", "is no digest");
	refused("{\"rootfs\":{\"diff_ids\":\"sha256:" D64 "\"}}", "\"diff_ids\" is no list");
	refused(WITH("[]"), "\"config\" is no object");
	refused(WITH("{\"Env\":{}}"), "\"Env\" is no list");
	refused(WITH("{\"Env\":[1]}"), "\"Env\" is no text");
	refused(WITH("{\"Cmd\":\"sh\"}"), "\"Cmd\" is no list");
	refused(WITH("{\"User\":0}"), "\"User\" is no text");
	refused(WITH("{\"User\":\"a\\u001b[2J\"}"), "control character");
	refused(WITH("{\"WorkingDir\":\"relative\"}"), "workingDir");
	refused(WITH("{\"Volumes\":[]}"), "\"Volumes\" is no object");
	refused(WITH("{\"Volumes\":{\"/a/../..\":{}}}"), "volumes");
	refused(WITH("{\"StopSignal\":\"SIGNONE\"}"), "stopSignal");
	refused(WITH("{\"ExposedPorts\":{\"x\":{}}}"), "exposedPorts");
	refused(WITH("{\"Labels\":{\"a\":1}}"), "\"Labels\" is no text");
	refused(WITH("{\"Healthcheck\":{\"Interval\":-1}}"), "\"Interval\" is no number");
	refused(WITH("{\"Env\":[\"A=1\\u0000B=2\"]}"), "\\u0000");
	refused(WITH("{\"Env\":[\"A=\xc0\xaf\"]}"), "unable to decode");
	refused(WITH("{\"Cmd\":[],\"Cmd\":[\"other\"]}"), "duplicate");
	refused("{\"history\":[1]," ROOTFS "}", "\"history\" has what is no object");
	refused("{\"history\":[{\"empty_layer\":1}]," ROOTFS "}", "\"empty_layer\" is no true or false");
	refused("{\"architecture\":\"a\\nb\"," ROOTFS "}", "control character");
}

static void too_much(void **state)
{
	AUTO_BUF struct buf b = { 0 };

	(void)state;
	buf_add(&b, "{\"rootfs\":{\"diff_ids\":[");
	for (int i = 0; i <= IMAGE_LAYERS_MAX; i++)
		buf_addf(&b, "%s\"sha256:%s\"", i ? "," : "", D64);
	buf_add(&b, "]}}");
	refused(b.s, "\"diff_ids\" has 501 parts");
	buf_fini(&b);
	buf_add(&b, "{" ROOTFS ",\"config\":{\"Env\":[");
	for (int i = 0; i <= IMAGE_LIST_MAX; i++)
		buf_addf(&b, "%s\"A=%d\"", i ? "," : "", i);
	buf_add(&b, "]}}");
	refused(b.s, "\"Env\" has 4097 parts");
	buf_fini(&b);
	buf_add(&b, "{" ROOTFS ",\"config\":{\"Labels\":{\"a\":\"");
	for (int i = 0; i < IMAGE_STRING_MAX; i++)
		buf_add(&b, "x");
	buf_add(&b, "\"}}}");
	refused(b.s, "\"Labels\" has a text of 131072 bytes");
	while (b.len <= CONFIG_BYTES_MAX)
		buf_add(&b, "                                                                ");
	refused(b.s, "larger than 4096 KiB");
}

/* What an import says becomes a config that says the same, in the same bytes each time. */
static void made_is_read(void **state)
{
	static const char TEXT[] = "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2020-01-02T03:04:05Z\","
				   "\"config\":{\"Env\":[\"A=\\u001b\\\"\\\\\"],\"Cmd\":[\"\"],\"Volumes\":{\"/v\":{}},\"Labels\":{\"k\":\"v\"},"
				   "\"Healthcheck\":{\"Test\":[\"NONE\"],\"Retries\":2}}," ROOTFS ",\"history\":[{\"comment\":\"import\"}]}";
	AUTO_BUF struct buf first = { 0 }, second = { 0 }, record = { 0 }, back = { 0 };
	struct image im, made;

	(void)state;
	read_it(TEXT, &im);
	config_make(&im, &first);
	read_it(first.s, &made);
	config_make(&made, &second);
	assert_string_equal(first.s, second.s);
	image_write(&im, &record);
	image_write(&made, &back);
	assert_string_equal(record.s, back.s);
	image_fini(&im);
	image_fini(&made);
}

static void layers_of_a_manifest(void **state)
{
	struct manifest m = { .n_layers = 1, .layers = mem_alloc(sizeof(struct descriptor)) };
	struct image im;
	struct err e;

	(void)state;
	str_copy(m.config.digest, sizeof(m.config.digest), "sha256:" D64);
	m.layers[0] = (struct descriptor){ .digest = "sha256:" D64, .media_type = TYPE_OCI_LAYER, .size = 3 };
	read_it("{" ROOTFS "}", &im);
	assert_int_equal(config_layers(&im, &m, &e), 0);
	assert_int_equal(im.layers[0].size, 3);
	assert_string_equal(im.id, "sha256:" D64);
	m.n_layers = 0;
	assert_int_equal(config_layers(&im, &m, &e), -1);
	assert_string_equal(e.what, "the image's manifest has 0 layers, its config has 1");
	manifest_fini(&m);
	image_fini(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),	cmocka_unit_test(nothing_set),	cmocka_unit_test(what_docker_tolerates),
		cmocka_unit_test(wrong_fields), cmocka_unit_test(too_much),	cmocka_unit_test(made_is_read),
		cmocka_unit_test(layers_of_a_manifest),
	};

	return cmocka_run_group_tests_name("image config", tests, NULL, NULL);
}
