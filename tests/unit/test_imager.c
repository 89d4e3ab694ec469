/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_imager.c - what the source of images may say when, and what is asked of it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "run/imager_state.h"

/* A digest of one letter's making, of which capitals, contents, are digits there; 0: not known. */
static const char *sha(char c)
{
	static char text[4][DIGEST_MAX];
	static unsigned turn;
	char *out = text[turn++ % 4];

	memset(text[(turn - 1) % 4], 0, DIGEST_MAX);
	if (c) {
		memcpy(out, "sha256:", 7);
		memset(out + 7, c >= 'A' && c <= 'F' ? '1' + (c - 'A') : c, 64);
	}
	return out;
}

/* "ab" is a layer of blob a and content b; '-' is not known. Layers are separated by spaces. */
static struct image image_of(const char *layers)
{
	struct image im = { 0 };

	for (const char *s = layers; *s; s += s[2] ? 3 : 2) {
		struct image_layer l = { .size = s[0] == '-' ? 0 : (uint64_t)(100 + s[0]) };

		str_copy(l.digest, sizeof(l.digest), sha(s[0] == '-' ? 0 : s[0]));
		str_copy(l.diff_id, sizeof(l.diff_id), sha(s[1] == '-' ? 0 : s[1]));
		im.layers = mem_grow(im.layers, im.n_layers + 1, sizeof(*im.layers));
		im.layers[im.n_layers++] = l;
	}
	return im;
}

static struct image complete_of(const char *layers)
{
	struct image im = image_of(layers);

	str_copy(im.id, sizeof(im.id), sha('8'));
	str_copy(im.manifest, sizeof(im.manifest), sha('9'));
	return im;
}

/* What the store has: letters. */
struct has {
	const char *blobs, *trees;
};

static bool has_blob(void *arg, const char *digest, uint64_t size)
{
	const struct has *h = arg;

	return size && strchr(h->blobs, digest[7]);
}

static bool has_tree(void *arg, const char *diff_id)
{
	const struct has *h = arg;

	return strchr(h->trees, 'A' + (diff_id[7] - '1'));
}

static int hear(struct coming *c, enum image_msg_kind kind, uint32_t index, uint64_t total, const char *digest, size_t n_fds)
{
	struct image_msg m = { .kind = kind, .index = index, .total = total };
	struct err e = { 0 };
	int rc;

	str_copy(m.digest, sizeof(m.digest), digest);
	rc = coming_hear(c, &m, n_fds, &e);
	assert_int_equal(rc, e.kind == ERR_NONE ? 0 : -1);
	if (rc < 0)
		assert_true(e.kind == ERR_PEER || e.kind == ERR_STATE);
	return rc;
}

static void draft(struct coming *c, uint32_t index, uint32_t total, const char *layers)
{
	struct image im = image_of(layers);
	struct err e = { 0 };

	assert_int_equal(hear(c, IMSG_DRAFT, index, total, "", 1), 0);
	assert_int_equal(coming_draft(c, &im, &e), 0);
}

static int plan(struct coming *c, const char *blobs, const char *trees)
{
	struct has h = { blobs, trees };
	const struct coming_store store = { &h, has_blob, has_tree };
	struct err e = { 0 };

	assert_true(coming_is_listed(c));
	return coming_plan(c, &store, &e);
}

/* The layers that are asked for, and those that are unpacked: "+" wanted, "u" unpacked, "*" both, "." neither. */
static void assert_plan(const struct coming *c, const char *expected)
{
	assert_int_equal(c->n_layers, strlen(expected));
	for (uint32_t i = 0; i < c->n_layers; i++) {
		bool wants = c->layers[i].is_wanted, unpacks = coming_needs_tree(c, i);
		char is = wants && unpacks ? '*' : wants ? '+' : unpacks ? 'u' : '.';

		if (is != expected[i])
			fail_msg("layer %u of \"%s\" is '%c'", i, expected, is);
	}
}

static void one_plan(const char *layers, const char *blobs, const char *trees, const char *expected)
{
	struct coming c = { 0 };

	draft(&c, 0, 1, layers);
	assert_int_equal(plan(&c, blobs, trees), 0);
	assert_plan(&c, expected);
	coming_fini(&c);
}

static void test_plan(void **state)
{
	(void)state;
	one_plan("aA bB cC", "", "", "***");
	one_plan("aA bB cC", "ac", "A", ".*u");	/* a is there, b comes, c is unpacked from its blob */
	one_plan("aA bB", "", "A", "+*");	/* a blob that is not there comes, though its tree is */
	one_plan("aA bB aA", "", "", "**.");	/* once */
	one_plan("aA bA", "", "", "*+");	/* one content, compressed twice */
	one_plan("-A -B", "", "", "**");	/* docker's archives: digests of blobs are not known */
	one_plan("-A -B -A", "", "B", "*++");
	one_plan("--", "ab", "AB", "*");	/* a plain tar */
	one_plan("a- a-", "", "", "*.");	/* the same blob is the same tree */
	one_plan("", "", "", "");
}

static void test_plan_of_several(void **state)
{
	struct coming c = { 0 };

	(void)state;
	draft(&c, 0, 3, "aA bB");
	assert_false(coming_is_listed(&c));
	draft(&c, 1, 3, "aA cC");
	draft(&c, 2, 3, "");
	assert_int_equal(plan(&c, "", ""), 0);
	assert_plan(&c, "**.*");
	assert_false(coming_is_listed(&c));
	coming_fini(&c);
}

static void test_contradictions(void **state)
{
	static const char *const wrong[] = { "aA aB", "aA bB aC", "aA a-" };

	(void)state;
	for (size_t i = 0; i < N_ELEMS(wrong); i++) {
		struct coming c = { 0 };

		draft(&c, 0, 1, wrong[i]);
		assert_int_equal(plan(&c, "", ""), -1);
		coming_fini(&c);
	}
}

static int finish(struct coming *c, const char *layers)
{
	struct image im = complete_of(layers);
	struct err e = { 0 };
	int rc = hear(c, IMSG_IMAGE, 0, 0, "", 1);

	if (rc == 0)
		rc = coming_image(c, 0, &im, &e);
	image_fini(&im);
	return rc;
}

static int unpacked(struct coming *c, uint32_t i, char blob, char tree)
{
	struct err e = { 0 };

	return coming_unpacked(c, i, sha(blob), sha(tree), &e);
}

static void begin(struct coming *c, const char *layers)
{
	*c = (struct coming){ 0 };
	draft(c, 0, 1, layers);
	assert_int_equal(plan(c, "", ""), 0);
}

static void test_all_goes_well(void **state)
{
	struct coming c;

	(void)state;
	begin(&c, "aA -B --");
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB, 2, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_PROGRESS, 0, UINT64_MAX, "", 0), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('a'), 0), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 2, 5, sha('c'), 0), 0);
	assert_int_equal(hear(&c, IMSG_BLOB, 1, 7, "", 1), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 1, 7, sha('b'), 0), 0);
	assert_int_equal(unpacked(&c, 0, 'a', 'A'), 0);
	assert_int_equal(unpacked(&c, 1, 'b', 'B'), 0);
	assert_int_equal(unpacked(&c, 2, 'c', 'C'), 0);
	assert_int_equal(finish(&c, "aA bB cC"), 0);
	assert_int_equal(hear(&c, IMSG_DONE, 0, 0, "", 0), 0);
	assert_true(c.is_done);
	assert_string_equal(c.images[0].id, sha('8'));
	assert_int_equal(hear(&c, IMSG_DONE, 0, 0, "", 0), -1);
	assert_int_equal(hear(&c, IMSG_PROGRESS, 0, 0, "", 0), -1);
	coming_fini(&c);
}

/* Of one whose digest comes from who unpacks it, in whatever order. */
static void test_left_digests(void **state)
{
	struct coming c;

	(void)state;
	begin(&c, "aA -B");
	c.layers[0].leaves_digest = c.layers[1].leaves_digest = true;
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 100 + 'a', "", 0), -1);	/* has not begun */
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB, 1, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 5, "", 0), -1);	/* another size */
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 100 + 'a', "", 1), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 100 + 'a', "", 0), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 100 + 'a', "", 0), -1);	/* again */
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 1, 7, "", 0), 0);
	assert_int_equal(unpacked(&c, 1, 'b', 'B'), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 1, 7, sha('c'), 0), -1);	/* not what was unpacked */
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 1, 7, sha('b'), 0), 0);
	assert_int_equal(unpacked(&c, 0, 'b', 'A'), -1);	/* not what it was said to be */
	assert_int_equal(unpacked(&c, 0, 'a', 'A'), 0);
	assert_int_equal(finish(&c, "aA bB"), -1);	/* one is not in the store */
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('a'), 0), 0);
	assert_int_equal(finish(&c, "aA bB"), 0);
	assert_int_equal(hear(&c, IMSG_DONE, 0, 0, "", 0), 0);
	coming_fini(&c);
	begin(&c, "aA");
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_READ, 0, 100 + 'a', "", 0), -1);	/* it was to hash it */
	coming_fini(&c);
}

static void test_other_digests(void **state)
{
	struct coming c;

	(void)state;
	begin(&c, "aA -B");
	assert_int_equal(unpacked(&c, 0, 'b', 'A'), -1);
	assert_int_equal(unpacked(&c, 0, 'a', 'B'), -1);
	assert_int_equal(unpacked(&c, 0, 0, 0), -1);
	assert_int_equal(unpacked(&c, 0, 'a', 'A'), 0);
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('b'), 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 99, sha('a'), 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', "sha256:../..", 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB, 1, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 1, 1, "", 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 1, 1, sha('b'), 0), 0);
	assert_int_equal(unpacked(&c, 1, 'c', 'B'), -1);
	coming_fini(&c);
}

/* Every message that may not come now, at each stage. */
static void test_out_of_turn(void **state)
{
	struct coming c = { 0 };

	(void)state;
	for (uint32_t kind = IMSG_BLOB; kind <= IMSG_KINDS; kind++)
		assert_int_equal(hear(&c, kind, 0, 0, sha('a'), 1), -1);
	assert_int_equal(hear(&c, IMSG_DRAFT, 0, 1, "", 0), -1);	/* no record */
	assert_int_equal(hear(&c, IMSG_DRAFT, 0, 1, "", 2), -1);
	assert_int_equal(hear(&c, IMSG_DRAFT, 1, 2, "", 1), -1);	/* not the first */
	assert_int_equal(hear(&c, IMSG_DRAFT, 0, UINT64_MAX, "", 1), -1);
	draft(&c, 0, 2, "aA");
	assert_int_equal(hear(&c, IMSG_DRAFT, 0, 2, "", 1), -1);	/* again */
	assert_int_equal(hear(&c, IMSG_DRAFT, 1, 3, "", 1), -1);	/* another number of them */
	draft(&c, 1, 2, "bB aA");
	assert_int_equal(plan(&c, "b", ""), 0);
	assert_int_equal(hear(&c, IMSG_DRAFT, 2, 3, "", 1), -1);
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 0), -1);		/* no file */
	assert_int_equal(hear(&c, IMSG_BLOB, 1, 0, "", 2), -1);		/* it is there */
	assert_int_equal(hear(&c, IMSG_BLOB, 2, 0, "", 2), -1);		/* it comes for another */
	assert_int_equal(hear(&c, IMSG_BLOB, 3, 0, "", 2), -1);
	assert_int_equal(hear(&c, IMSG_BLOB, UINT32_MAX, 0, "", 2), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 0, sha('a'), 0), -1);	/* has not begun */
	assert_int_equal(hear(&c, IMSG_PROGRESS, 3, 0, "", 0), -1);
	assert_int_equal(hear(&c, IMSG_PROGRESS, 0, 0, "", 1), -1);
	assert_int_equal(hear(&c, IMSG_IMAGE, 2, 0, "", 1), -1);
	assert_int_equal(hear(&c, IMSG_IMAGE, 0, 0, "", 0), -1);
	assert_int_equal(hear(&c, IMSG_DONE, 0, 0, "", 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), 0);
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), -1);		/* again */
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('a'), 1), -1);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('a'), 0), 0);
	assert_int_equal(hear(&c, IMSG_BLOB_DONE, 0, 100 + 'a', sha('a'), 0), -1);
	assert_int_equal(hear(&c, IMSG_BLOB, 0, 0, "", 2), -1);
	coming_fini(&c);
}

static void test_other_image(void **state)
{
	static const char *const wrong[] = { "", "aA", "aA bB cC", "bB aA", "aA bC", "aA cB", "aA -B", "aA b-" };
	struct image im;
	struct coming c;
	struct err e = { 0 };

	(void)state;
	begin(&c, "aA bB");
	assert_int_equal(finish(&c, "aA bB"), -1);	/* nothing has come */
	for (uint32_t i = 0; i < 2; i++) {
		char letter = (char)('a' + i);

		assert_int_equal(hear(&c, IMSG_BLOB, i, 0, "", 2), 0);
		assert_int_equal(hear(&c, IMSG_BLOB_DONE, i, (uint64_t)(100 + letter), sha(letter), 0), 0);
	}
	for (size_t i = 0; i < N_ELEMS(wrong); i++)
		assert_int_equal(finish(&c, wrong[i]), -1);
	im = complete_of("aA bB");
	im.id[0] = '\0';
	assert_int_equal(coming_image(&c, 0, &im, &e), -1);
	image_fini(&im);
	str_copy(c.images[0].id, sizeof(c.images[0].id), sha('9'));
	assert_int_equal(finish(&c, "aA bB"), -1);	/* another id than the draft's */
	c.images[0].id[0] = '\0';
	assert_int_equal(finish(&c, "aA bB"), 0);
	assert_int_equal(finish(&c, "aA bB"), -1);	/* twice */
	coming_fini(&c);
}

static void test_caps(void **state)
{
	struct coming c = { 0 };
	struct image im = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(hear(&c, IMSG_DRAFT, 0, COMING_IMAGES_MAX + 1, "", 1), -1);
	im.n_layers = COMING_LAYERS_MAX + 1;
	im.layers = mem_alloc(im.n_layers * sizeof(*im.layers));
	assert_int_equal(coming_draft(&c, &im, &e), -1);
	image_fini(&im);
	coming_fini(&c);
}

static void test_bytes(void **state)
{
	struct coming c;

	(void)state;
	begin(&c, "aA bB");
	assert_int_equal(coming_bytes(&c), 200 + 'a' + 'b');
	str_copy(c.images[0].layers[0].media_type, 64, "application/vnd.oci.image.layer.v1.tar+gzip");
	assert_int_equal(coming_bytes(&c), 300 + 'a' + 'a' + 'b');
	c.layers[0].size = UINT64_MAX;
	assert_true(coming_bytes(&c) == UINT64_MAX);
	coming_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan),	     cmocka_unit_test(test_plan_of_several), cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_all_goes_well), cmocka_unit_test(test_left_digests),
		cmocka_unit_test(test_other_digests),   cmocka_unit_test(test_out_of_turn),
		cmocka_unit_test(test_other_image),  cmocka_unit_test(test_caps),	     cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
