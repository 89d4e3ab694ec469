/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_image.c - an image's record in and out, its rules, and what it makes of a spec */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "spec/image.h"
#include "spec/oci.h"

#define HEX32 "0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX32 HEX32
#define SHA512 "sha512:" HEX32 HEX32 HEX32 HEX32

/* Every field there is. */
static const char FULL[] =
	"{\"version\":1,\"id\":\"" SHA256 "\",\"manifest\":\"" SHA512 "\",\"architecture\":\"arm64\",\"os\":\"linux\","
	"\"variant\":\"v8\",\"created\":\"2024-05-22T18:18:12Z\",\"author\":\"Ä <a@b>\\n\","
	"\"names\":[\"docker.io/library/alpine:3.20\",\"localhost:5000/a@" SHA256 "\"],"
	"\"env\":[\"PATH=/bin\",\"EMPTY=\",\"LINES=a\\nb\"],\"entrypoint\":[\"/entry\",\"\"],\"cmd\":[\"a\",\"b c\"],"
	"\"shell\":[\"/bin/sh\",\"-c\"],\"volumes\":[\"/data\",\"/var/lib/x/\"],\"exposedPorts\":[\"53/udp\",\"80\",\"8000-8010/tcp\"],"
	"\"labels\":[\"a=b\",\"org.opencontainers.image.os=mine\"],\"annotations\":[\"k=v=w\"],\"user\":\"www:33\","
	"\"workingDir\":\"/srv\",\"stopSignal\":\"RTMIN+3\",\"healthcheck\":[\"CMD\",\"true\"],\"healthIntervalNs\":1000000000,"
	"\"healthTimeoutNs\":9223372036854775807,\"healthStartNs\":1,\"healthRetries\":4294967295,\"onbuild\":[\"RUN x\"],"
	"\"layers\":[{\"diffId\":\"" SHA256 "\",\"digest\":\"" SHA256 "\",\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\","
	"\"size\":3623807},{\"diffId\":\"" SHA512 "\"},{}],"
	"\"history\":[{\"created\":\"2024\",\"createdBy\":\"/bin/sh -c #(nop)\\tADD\",\"comment\":\"c\",\"empty\":true,\"size\":7},{}]}\n";

static void take(const char *json, struct image *im)
{
	struct err e = { 0 };

	if (image_read(json, strlen(json), im, &e) < 0)
		fail_msg("%s", e.what);
}

static void round_trip(void **state)
{
	static const char *const RECORDS[] = {
		FULL,
		"{\"version\":1,\"layers\":[],\"history\":[]}\n",
		"{\"version\":1,\"author\":\"\",\"layers\":[{}],\"history\":[]}\n",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(RECORDS); i++) {
		AUTO_BUF struct buf out = { 0 };
		struct image im;

		take(RECORDS[i], &im);
		image_write(&im, &out);
		assert_string_equal(out.s, RECORDS[i]);
		image_fini(&im);
	}
}

static void fields(void **state)
{
	struct image im;

	(void)state;
	take(FULL, &im);
	assert_string_equal(im.id, SHA256);
	assert_string_equal(im.manifest, SHA512);
	assert_string_equal(im.variant, "v8");
	assert_int_equal(im.names.n, 2);
	assert_string_equal(im.env.v[2], "LINES=a\nb");
	assert_string_equal(im.entrypoint.v[1], "");
	assert_int_equal(im.n_layers, 3);
	assert_int_equal(im.layers[0].size, 3623807);
	assert_string_equal(im.layers[1].diff_id, SHA512);
	assert_string_equal(im.layers[2].digest, "");
	assert_int_equal(im.n_history, 2);
	assert_true(im.history[0].is_empty);
	assert_int_equal(im.history[0].size, 7);
	assert_false(im.history[1].is_empty);
	assert_true(im.health_timeout_ns == INT64_MAX);
	assert_int_equal(im.health_retries, UINT32_MAX);
	assert_false(image_is_complete(&im));
	for (size_t i = 0; i < im.n_layers; i++) {
		str_copy(im.layers[i].diff_id, DIGEST_MAX, SHA256);
		str_copy(im.layers[i].digest, DIGEST_MAX, SHA256);
	}
	assert_true(image_is_complete(&im));
	im.manifest[0] = '\0';
	assert_false(image_is_complete(&im));
	image_fini(&im);
	assert_null(im.layers);
}

/* A record with one member more, or what is no record at all, is refused with @what. */
static void refused(const char *json, size_t len, const char *what)
{
	struct err e = { 0 };
	struct image im;

	if (image_read(json, len, &im, &e) == 0)
		fail_msg("taken: %.300s", json);
	assert_int_equal(e.kind, ERR_STATE);
	if (!str_starts(e.what, "the record of an image: ") || !strstr(e.what, what))
		fail_msg("%.300s: '%s' has no '%s'", json, e.what, what);
	assert_null(im.layers);
	assert_null(im.env.v);
}

static void wrong_fields(void **state)
{
	static const struct {
		const char *member, *what;
	} ROWS[] = {
		{ "\"id\":1", "field id: expected a string" },
		{ "\"id\":\"sha256:0\"", "field id: expected sha256:" },
		{ "\"id\":\"" SHA512 "0\"", "field id: expected a string, and a shorter one" },
		{ "\"manifest\":\"sha256:../../x\"", "field manifest: expected sha256:" },
		{ "\"os\":null", "field os: expected a string" },
		{ "\"os\":\"a\\u001b[2J\"", "field os: expected at most 255 bytes without control" },
		{ "\"architecture\":{}", "field architecture" },
		{ "\"variant\":[]", "field variant" },
		{ "\"created\":\"\\n\"", "field created" },
		{ "\"author\":true", "field author" },
		{ "\"author\":\"\\u0000\"", "line 1" },
		{ "\"author\":\"\\ud800\"", "line 1" },
		{ "\"author\":\"\xff\"", "line 1" },
		{ "\"names\":[\"alpine\"]", "field names: expected a full name" },
		{ "\"names\":[\"../../etc\"]", "field names: expected a full name" },
		{ "\"env\":\"A=b\"", "field env: expected an array of at most 4096 strings" },
		{ "\"env\":[1]", "field env: expected an array of strings" },
		{ "\"env\":[\"A\"]", "field env: expected KEY=VALUE" },
		{ "\"env\":[\"=A\"]", "field env: expected KEY=VALUE" },
		{ "\"env\":[\"\"]", "field env: expected KEY=VALUE" },
		{ "\"entrypoint\":[null]", "field entrypoint" },
		{ "\"cmd\":{}", "field cmd" },
		{ "\"shell\":1", "field shell" },
		{ "\"volumes\":[\"data\"]", "field volumes: expected an absolute path" },
		{ "\"volumes\":[\"\"]", "field volumes: expected an absolute path" },
		{ "\"volumes\":[\"/a/../b\"]", "field volumes: expected a path without .." },
		{ "\"volumes\":[\"/..\"]", "field volumes: expected a path without .." },
		{ "\"volumes\":[\"/a\\n\"]", "field volumes: expected a path without" },
		{ "\"volumes\":{\"/data\":{}}", "field volumes: expected an array" },
		{ "\"exposedPorts\":[\"\"]", "field exposedPorts: expected a port" },
		{ "\"exposedPorts\":[\"65536\"]", "field exposedPorts" },
		{ "\"exposedPorts\":[\"80/icmp\"]", "field exposedPorts" },
		{ "\"exposedPorts\":[\"1-2-3\"]", "field exposedPorts" },
		{ "\"exposedPorts\":[\"80-/tcp\"]", "field exposedPorts" },
		{ "\"exposedPorts\":[\"-80\"]", "field exposedPorts" },
		{ "\"labels\":[\"=b\"]", "field labels: expected KEY=VALUE" },
		{ "\"annotations\":[\"b\"]", "field annotations: expected KEY=VALUE" },
		{ "\"user\":\"\"", "field user: expected USER" },
		{ "\"user\":\"a\\nb\"", "field user: expected USER" },
		{ "\"workingDir\":\"srv\"", "field workingDir: expected an absolute path" },
		{ "\"workingDir\":\"\"", "field workingDir" },
		{ "\"stopSignal\":\"SIGNONE\"", "field stopSignal: expected a signal" },
		{ "\"stopSignal\":\"65\"", "field stopSignal" },
		{ "\"healthcheck\":\"true\"", "field healthcheck" },
		{ "\"healthIntervalNs\":-1", "field healthIntervalNs: expected a whole number" },
		{ "\"healthTimeoutNs\":1.5", "field healthTimeoutNs" },
		{ "\"healthStartNs\":\"1\"", "field healthStartNs" },
		{ "\"healthStartNs\":9223372036854775808", "line 1" },
		{ "\"healthRetries\":4294967296", "field healthRetries" },
		{ "\"onbuild\":[[]]", "field onbuild" },
		{ "\"unknown\":1", "field unknown is not one of a record" },
		{ "\"ID\":\"\"", "field ID is not one of a record" },
		{ "\"version\":1", "duplicate" },
		{ "\"os\":\"a\",\"os\":\"b\"", "duplicate" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE char *json = str_fmt("{\"version\":1,\"layers\":[],\"history\":[],%s}", ROWS[i].member);

		refused(json, strlen(json), ROWS[i].what);
	}
}

static void wrong_records(void **state)
{
	static const struct {
		const char *json, *what;
	} ROWS[] = {
		{ "", "line" },
		{ "{", "line" },
		{ "[]", "expected an object" },
		{ "{}", "field version: expected 1" },
		{ "{\"version\":2}", "field version: expected 1" },
		{ "{\"version\":\"1\"}", "field version: expected 1" },
		{ "{\"version\":1}", "field layers" },
		{ "{\"version\":1,\"layers\":{}}", "field layers: expected an array" },
		{ "{\"version\":1,\"layers\":[1]}", "field layers: expected an array of objects" },
		{ "{\"version\":1,\"layers\":[{}]}", "field history" },
		{ "{\"version\":1,\"layers\":[],\"history\":[[]]}", "field history: expected an array of objects" },
		{ "{\"version\":1,\"layers\":[{},{\"size\":-1}],\"history\":[]}", "field layers[1].size" },
		{ "{\"version\":1,\"layers\":[{\"digest\":\"x\"}],\"history\":[]}", "field layers[0].digest" },
		{ "{\"version\":1,\"layers\":[{\"diffId\":\"sha256:" HEX32 "\"}],\"history\":[]}", "field layers[0].diffId" },
		{ "{\"version\":1,\"layers\":[{\"mediaType\":\"a b\"}],\"history\":[]}", "field layers[0].mediaType: expected a media type" },
		{ "{\"version\":1,\"layers\":[{\"x\":1}],\"history\":[]}", "field x is not one" },
		{ "{\"version\":1,\"layers\":[{\"size\":1,\"size\":2}],\"history\":[]}", "duplicate" },
		{ "{\"version\":1,\"layers\":[],\"history\":[{},{\"empty\":1}]}", "field history[1].empty: expected true or false" },
		{ "{\"version\":1,\"layers\":[],\"history\":[{\"created\":1}]}", "field history[0].created" },
		{ "{\"version\":1,\"layers\":[],\"history\":[{\"createdBy\":[]}]}", "field history[0].createdBy" },
		{ "{\"version\":1,\"layers\":[],\"history\":[]} x", "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++)
		refused(ROWS[i].json, strlen(ROWS[i].json), ROWS[i].what);
	refused("{\"version\":1,\0\"layers\":[],\"history\":[]}", 39, "line 1");
}

/* @n times @part, with commas between */
static char *repeated(const char *part, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", part);
	return buf_take(&b);
}

static void caps(void **state)
{
	AUTO_FREE char *layers = repeated("{}", IMAGE_LAYERS_MAX), *entries = repeated("\"\"", IMAGE_LIST_MAX);
	AUTO_FREE char *history = repeated("{}", IMAGE_LIST_MAX), *text = mem_alloc(IMAGE_STRING_MAX + 1), *space = mem_alloc(IMAGE_RECORD_MAX + 2);
	AUTO_FREE char *most = NULL, *layer = NULL, *entry = NULL, *step = NULL, *longer = NULL, *deep = repeated("[", 100000);
	struct image im;

	(void)state;
	memset(text, 'x', IMAGE_STRING_MAX - 1);
	most = str_fmt("{\"version\":1,\"author\":\"%s\",\"cmd\":[%s],\"layers\":[%s],\"history\":[%s]}", text, entries, layers, history);
	take(most, &im);
	assert_int_equal(im.n_layers, IMAGE_LAYERS_MAX);
	assert_int_equal(im.cmd.n, IMAGE_LIST_MAX);
	image_fini(&im);
	layer = str_fmt("{\"version\":1,\"layers\":[%s,{}],\"history\":[]}", layers);
	refused(layer, strlen(layer), "field layers");
	entry = str_fmt("{\"version\":1,\"cmd\":[%s,\"\"],\"layers\":[],\"history\":[]}", entries);
	refused(entry, strlen(entry), "field cmd: expected an array of at most 4096");
	step = str_fmt("{\"version\":1,\"layers\":[],\"history\":[%s,{}]}", history);
	refused(step, strlen(step), "field history");
	text[IMAGE_STRING_MAX - 1] = 'x';
	longer = str_fmt("{\"version\":1,\"env\":[\"A=%s\"],\"layers\":[],\"history\":[]}", text);
	refused(longer, strlen(longer), "field env: expected less than 128 KiB");
	memset(space, ' ', IMAGE_RECORD_MAX + 1);
	refused(space, IMAGE_RECORD_MAX + 1, "larger than 4194304 bytes");
	for (char *p = deep; *p; p++)
		*p = *p == ',' ? '[' : *p;
	refused(deep, strlen(deep), "line");
}

/* What no record can have in it, but a helper's struct. */
static void checked(void **state)
{
	struct image im;
	struct err e = { 0 };

	(void)state;
	take(FULL, &im);
	assert_int_equal(image_check(&im, &e), 0);
	str_set(&im.env.v[0], "A=\xff");
	assert_int_equal(image_check(&im, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.what, "field env: expected UTF-8");
	str_set(&im.env.v[0], "A=\xed\xa0\x80");
	assert_int_equal(image_check(&im, &e), -1);
	str_set(&im.env.v[0], "A=b");
	im.layers[1].size = UINT64_MAX;
	assert_int_equal(image_check(&im, &e), -1);
	assert_string_equal(e.what, "field layers[1].size: expected a number below 2^63");
	im.layers[1].size = 0;
	for (size_t i = im.names.n; i <= IMAGE_LIST_MAX; i++)
		strv_add(&im.names, im.names.v[0]);
	assert_int_equal(image_check(&im, &e), -1);
	assert_string_equal(e.what, "field names: expected at most 4096 entries");
	image_fini(&im);
}

/* ---- the spec's defaults ---- */

static char *joined(const struct strv *sv)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < sv->n; i++)
		buf_addf(&b, "%s%s", i ? "|" : "", sv->v[i]);
	return buf_take(&b);
}

static void list(struct strv *sv, const char *text)
{
	strv_fini(sv);
	if (text)
		strv_split(sv, text, '|');
}

static void commands(void **state)
{
	static const struct {
		const char *entrypoint, *cmd, *option, *args, *want;	/* words with | between; NULL: none; @want NULL: an error */
	} ROWS[] = {
		{ "/e|1", "c|2", NULL, NULL, "/e|1|c|2" },
		{ "/e|1", "c|2", NULL, "a|b", "/e|1|a|b" },
		{ "/e", NULL, NULL, NULL, "/e" },
		{ NULL, "c", NULL, NULL, "c" },
		{ NULL, "c", NULL, "a", "a" },
		{ NULL, NULL, NULL, "a", "a" },
		{ "", "c", NULL, NULL, "c" },
		{ "/e", "c", "/o", NULL, "/o" },
		{ "/e", "c", "/o|x", "a", "/o|x|a" },
		{ "/e", "c", "", "a", "a" },
		{ "/e", "c", NULL, "", "/e|" },
		{ NULL, NULL, NULL, NULL, NULL },
		{ "", "", NULL, NULL, NULL },
		{ "/e", "c", "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_STRV struct strv args = { 0 };
		AUTO_FREE char *got = NULL;
		struct image im = { 0 };
		struct err e = { 0 };
		struct spec s;
		int rc;

		spec_init(&s);
		list(&im.entrypoint, ROWS[i].entrypoint);
		list(&im.cmd, ROWS[i].cmd);
		list(&s.process.args, ROWS[i].option);
		list(&args, ROWS[i].args);
		rc = image_apply(&s, &im, &args, &e);
		assert_int_equal(rc, ROWS[i].want ? 0 : -1);
		if (rc < 0) {
			assert_int_equal(e.kind, ERR_SPEC);
			assert_non_null(strstr(e.what, "there is no command"));
			assert_non_null(strstr(e.hint, "lichen run IMAGE"));
		} else {
			got = joined(&s.process.args);
			assert_string_equal(got, ROWS[i].want);
		}
		image_fini(&im);
		spec_fini(&s);
	}
}

static void apply(struct spec *s, const struct image *im)
{
	struct strv none = { 0 };
	struct err e = { 0 };

	if (image_apply(s, im, &none, &e) < 0 || spec_check(s, &e) < 0)
		fail_msg("%s", e.what);
}

static void begin(struct spec *s)
{
	spec_init(s);
	s->root.path = str_dup("/root");
	strv_add(&s->process.env, "PATH=/default");
	strv_add(&s->process.env, "TERM=xterm");
}

static void defaults(void **state)
{
	AUTO_FREE char *env = NULL, *notes = NULL, *args = NULL;
	struct image im;
	struct spec s;

	(void)state;
	take(FULL, &im);
	begin(&s);
	apply(&s, &im);
	env = joined(&s.process.env);
	assert_string_equal(env, "PATH=/bin|TERM=xterm|EMPTY=|LINES=a\nb");
	args = joined(&s.process.args);
	assert_string_equal(args, "/entry||a|b c");
	assert_string_equal(s.process.user, "www:33");
	assert_string_equal(s.process.cwd, "/srv");
	assert_string_equal(s.stop_signal, "SIGRTMIN+3");
	assert_int_equal(s.n_paths, 2);
	assert_int_equal(s.paths[0].kind, PATH_DIR);
	assert_string_equal(s.paths[1].path, "/var/lib/x");
	assert_int_equal(s.n_mounts, 0);
	notes = joined(&s.annotations);
	assert_string_equal(notes, "a=b|org.opencontainers.image.os=mine|org.opencontainers.image.architecture=arm64|"
				   "org.opencontainers.image.variant=v8|org.opencontainers.image.author=Ä <a@b>\n|"
				   "org.opencontainers.image.created=2024-05-22T18:18:12Z|org.opencontainers.image.stopSignal=RTMIN+3|"
				   "org.opencontainers.image.exposedPorts=53/udp,80,8000-8010/tcp");
	image_fini(&im);
	spec_fini(&s);
}

static void options_stay(void **state)
{
	AUTO_FREE char *env = NULL;
	struct image im;
	struct spec s;

	(void)state;
	take(FULL, &im);
	begin(&s);
	str_set(&s.process.env.v[0], "PATH=/mine");
	strv_add(&s.process.own_env, "PATH");
	strv_add(&s.process.unset_env, "EMPTY");
	s.process.user = str_dup("me");
	s.process.cwd = str_dup("/here");
	s.stop_signal = str_dup("SIGINT");
	strv_add(&s.annotations, "a=mine");
	apply(&s, &im);
	env = joined(&s.process.env);
	assert_string_equal(env, "PATH=/mine|TERM=xterm|LINES=a\nb");
	assert_string_equal(s.process.user, "me");
	assert_string_equal(s.process.cwd, "/here");
	assert_string_equal(s.stop_signal, "SIGINT");
	assert_string_equal(s.annotations.v[0], "a=mine");
	assert_false(strv_has(&s.annotations, "a=b"));
	spec_fini(&s);

	/* --unsetenv-all, and who is somebody by the id map */
	begin(&s);
	strv_fini(&s.process.env);
	s.process.no_image_env = true;
	s.userns = str_dup("keep-id:uid=5");
	apply(&s, &im);
	assert_int_equal(s.process.env.n, 0);
	assert_null(s.process.user);
	spec_fini(&s);
	image_fini(&im);
}

static void add_mount(struct spec *s, const char *type, const char *at)
{
	struct spec_mount *m = spec_add_mount(s);

	m->type = str_dup(type);
	m->source = str_dup("/tmp");
	m->destination = str_dup(at);
}

static void volumes(void **state)
{
	AUTO_BUF struct buf got = { 0 };
	struct image im = { 0 };
	struct spec s;

	(void)state;
	list(&im.cmd, "x");
	list(&im.volumes, "/|/bound|/bound/below|/data//x/|/dev/shm|/made|/proc|/proc/self|/sys/fs/cgroup|/tmp/a|/tmpfs|/boundary");
	begin(&s);
	add_mount(&s, "bind", "/bound");
	add_mount(&s, "tmpfs", "/tmp");
	add_mount(&s, "tmpfs", "/tmpfs");
	spec_add_path(&s)->path = str_dup("/made");
	apply(&s, &im);
	for (size_t i = 0; i < s.n_paths; i++)
		buf_addf(&got, "%s ", s.paths[i].path);
	assert_string_equal(got.s, "/made /data/x /tmp/a /boundary ");
	assert_int_equal(s.n_mounts, 3);
	spec_fini(&s);

	begin(&s);
	s.root.readonly = true;
	add_mount(&s, "bind", "/bound");
	apply(&s, &im);
	assert_int_equal(s.n_paths, 0);
	assert_int_equal(s.n_mounts, 6);
	assert_string_equal(s.mounts[1].type, "tmpfs");
	assert_string_equal(s.mounts[1].destination, "/data/x");
	assert_string_equal(s.mounts[5].destination, "/boundary");
	spec_fini(&s);
	image_fini(&im);
}

/* What a stranger's label says is never obeyed, not after the config was written and read again either. */
static void ours_are_ours(void **state)
{
	AUTO_BUF struct buf config = { 0 };
	struct image im = { 0 };
	struct err e = { 0 };
	struct spec s, back;

	(void)state;
	list(&im.cmd, "x");
	list(&im.labels, SPEC_ANNOTATION "privileged=true|" SPEC_ANNOTATION "root-kind=host|good=1|a b=\"\n");
	begin(&s);
	apply(&s, &im);
	assert_int_equal(s.annotations.n, 2);
	oci_write(&s, &config);
	spec_init(&back);
	assert_int_equal(oci_read(config.s, config.len, OCI_TRUSTED, &back, NULL, &e), 0);
	assert_false(back.privileged);
	assert_int_equal(back.root.kind, ROOT_DIR);
	assert_true(strv_has(&back.annotations, "good=1"));
	spec_fini(&back);
	spec_fini(&s);
	image_fini(&im);
}

static void wrong_image(void **state)
{
	struct strv none = { 0 };
	struct image im = { 0 };
	struct err e = { 0 };
	struct spec s;

	(void)state;
	list(&im.cmd, "x");
	im.stop_signal = str_dup("SIGNOTHING");
	begin(&s);
	assert_int_equal(image_apply(&s, &im, &none, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	assert_string_equal(e.what, "the image: field stopSignal: expected a signal's name or number");
	assert_null(s.stop_signal);
	spec_fini(&s);
	image_fini(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	cmocka_unit_test(fields),	cmocka_unit_test(wrong_fields),
		cmocka_unit_test(wrong_records), cmocka_unit_test(caps),	cmocka_unit_test(checked),
		cmocka_unit_test(commands),	cmocka_unit_test(defaults),	cmocka_unit_test(options_stay),
		cmocka_unit_test(volumes),	cmocka_unit_test(ours_are_ours), cmocka_unit_test(wrong_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
