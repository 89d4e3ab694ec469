/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_images_store.c - images on disk: coming, finding, going, and who is quicker */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sha256.h"
#include "store/images.h"
#include "store_help.h"

/* ---- helpers ---- */

static struct images im;

static int setup(void **state)
{
	struct err e = { 0 };

	(void)state;
	help_setup();
	if (images_open(&st, true, &im, &e) < 0)
		fail_msg("%s: %s", e.what, strerror(e.errnum));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	images_close(&im);
	help_teardown();
	return 0;
}

static bool exists(const char *path)
{
	struct stat sb;

	return fstatat(im.fd, path, &sb, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many entries a directory of the store has. */
static size_t count(const char *name)
{
	return count_in(im.dir, name);
}

static void digest_of(const char *text, char out[DIGEST_MAX])
{
	char hex[SHA256_HEX + 1];

	sha256_hex(text, strlen(text), hex);
	snprintf(out, DIGEST_MAX, "sha256:%s", hex);
}

static const char *blob_path(const char *digest)
{
	static char path[256];

	snprintf(path, sizeof(path), "blobs/sha256/%s", digest + strlen("sha256:"));
	return path;
}

/* As who fetches it: made beside, then renamed. */
static int put_blob(const char *text, char digest[DIGEST_MAX])
{
	struct image_tmp t;
	struct err e = { 0 };
	int r, saved;

	digest_of(text, digest);
	if (images_tmp(&im, &t, &e) < 0) {
		errno = e.errnum;
		return -1;
	}
	r = fd_write_file(t.fd, "blob", text, strlen(text));
	if (r == 0)
		r = renameat(t.fd, "blob", im.fd, blob_path(digest));
	saved = errno;
	images_tmp_end(&im, &t, NULL, NULL, NULL);
	errno = saved;
	return r;
}

static const char *layer_path(const char *cls, const char *diff_id)
{
	static char path[256];

	snprintf(path, sizeof(path), "layers/%s/%s", cls, diff_id + strlen("sha256:"));
	return path;
}

/* A layer with one file, which says @text. */
static int put_layer(struct images *to, const char *text, struct err *e)
{
	const struct layer_info info = { .bytes = strlen(text), .entries = 2 };
	char diff_id[DIGEST_MAX];
	struct image_tmp t;
	int r;

	digest_of(text, diff_id);
	if (images_tmp(to, &t, e) < 0)
		return -1;
	if (mkdirat(t.fd, "root", 0755) < 0 || fd_write_file(t.fd, "root/file", text, strlen(text)) < 0)
		r = err_sys(e, "write", t.path, "layer");
	else
		r = images_commit_layer(to, &t, "single", &uids, &gids, diff_id, &info, e);
	images_tmp_end(to, &t, NULL, NULL, NULL);
	return r;
}

/* An image of @n layers, whose blobs are made; each image has its own but for the first layer. */
static int make_image(const char *name, size_t n, struct image *image)
{
	AUTO_FREE char *config = str_fmt("config of %s", name), *manifest = str_fmt("manifest of %s", name);

	*image = (struct image){ 0 };
	image->os = str_dup("linux");
	image->architecture = str_dup("amd64");
	image->layers = mem_alloc(n * sizeof(*image->layers));
	image->n_layers = n;
	if (put_blob(config, image->id) < 0 || put_blob(manifest, image->manifest) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		AUTO_FREE char *text = i ? str_fmt("layer %zu of %s", i, name) : str_dup("base");
		AUTO_FREE char *blob = str_fmt("compressed %s", text);

		digest_of(text, image->layers[i].diff_id);
		if (put_blob(blob, image->layers[i].digest) < 0)
			return -1;
		image->layers[i].size = strlen(blob);
		str_copy(image->layers[i].media_type, sizeof(image->layers[i].media_type), "application/vnd.oci.image.layer.v1.tar");
	}
	return 0;
}

static int bring(struct images *to, const char *name, size_t n, char id[DIGEST_MAX], struct err *e)
{
	struct image image;
	struct image_tmp work;
	int r = images_tmp(to, &work, e);

	if (r < 0)
		return -1;
	r = make_image(name, n, &image);
	if (r < 0)
		err_sys(e, "write", "blob", "blobs");
	for (size_t i = 0; i < n && r == 0; i++) {
		AUTO_FREE char *text = i ? str_fmt("layer %zu of %s", i, name) : str_dup("base");

		r = put_layer(to, text, e);
	}
	if (r == 0)
		r = images_commit(to, &image, e);
	memcpy(id, image.id, DIGEST_MAX);
	image_fini(&image);
	images_tmp_end(to, &work, NULL, NULL, NULL);
	return r;
}

static void must_bring(const char *name, size_t n, char id[DIGEST_MAX])
{
	struct err e = { 0 };

	if (bring(&im, name, n, id, &e) < 0)
		fail_msg("%s: %s %s: %s", e.what, e.op, e.path, strerror(e.errnum));
}

static void must_name(const char *name, const char *id)
{
	struct err e = { 0 };

	if (images_name(&im, name, id, NULL, &e) < 0)
		fail_msg("%s", e.what);
}

static int find(const char *word, char **id)
{
	struct err e = { 0 };

	return images_find(&im, word, id, &e);
}

/* What is not as it should be, for processes where cmocka's assertions do not end the test. */
static bool is_wrong(const char *what)
{
	print_error("%s\n", what);
	return true;
}

static bool is_image_broken(const char *id)
{
	struct image image = { 0 };
	struct err e = { 0 };
	bool is_bad;

	if (images_load(&im, id, &image, NULL, &e) < 0)
		return is_wrong(e.what);
	is_bad = !images_has_blob(&im, image.id, 0) || !images_has_blob(&im, image.manifest, 0);
	for (size_t k = 0; k < image.n_layers && !is_bad; k++) {
		struct layer_use use;
		struct stat sb;

		is_bad = !images_has_blob(&im, image.layers[k].digest, image.layers[k].size) ||
			 images_use_layer(&im, "single", image.layers[k].diff_id, &use, &e) != 1 ||
			 fstatat(use.fd, "root/file", &sb, 0) < 0 || sb.st_size == 0;
		layer_use_fini(&use);
	}
	image_fini(&image);
	return is_bad && is_wrong("an image lacks a part");
}

/* Every record's parts are there: what no kill, race or full disk may break. */
static bool is_whole(void)
{
	struct image_list list;
	struct err e = { 0 };
	bool is_bad = images_list(&im, &list, &e) < 0 && is_wrong(e.what);

	for (size_t i = 0; i < list.n && !is_bad; i++)
		is_bad = is_image_broken(list.v[i].id);
	image_list_fini(&list);
	return !is_bad;
}

/* ---- opening, classes ---- */

static void test_open(void **state)
{
	AUTO_FREE char *none = str_fmt("%s/none", tmp), *dir = NULL;
	struct store other = { .data_dir = none };
	struct images x;
	struct stat sb;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(images_open(&other, false, &x, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(access(none, F_OK), -1);
	assert_int_equal(images_open(&st, false, &x, &e), 0);
	images_close(&x);
	assert_int_equal(fstat(im.fd, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	/* killed in the middle of making */
	assert_int_equal(unlinkat(im.fd, "tmp", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(im.fd, "sources", AT_REMOVEDIR), 0);
	assert_int_equal(images_open(&st, true, &x, &e), 0);
	assert_true(exists("sources") && exists("tmp"));
	images_close(&x);
	assert_int_equal(chmod(im.dir, 0770), 0);
	assert_int_equal(images_open(&st, true, &x, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_true(e.hint[0]);
	assert_int_equal(chmod(im.dir, 0700), 0);
	/* a link is not followed */
	dir = str_fmt("%s.away", im.dir);
	assert_int_equal(rename(im.dir, dir), 0);
	assert_int_equal(symlink(dir, im.dir), 0);
	assert_int_equal(images_open(&st, true, &x, &e), -1);
	assert_int_equal(unlink(im.dir), 0);
	assert_int_equal(rename(dir, im.dir), 0);
}

struct class_row {
	const char *class;	/* NULL: "map-..." */
	struct id_extent u[3], g[3];
};

static char *class_of(const struct class_row *row)
{
	struct id_map u = { 0 }, g = { 0 };
	char *class;

	for (size_t i = 0; i < 3; i++) {
		if (row->u[i].count)
			id_map_add(&u, row->u[i].inside, row->u[i].outside, row->u[i].count);
		if (row->g[i].count)
			id_map_add(&g, row->g[i].inside, row->g[i].outside, row->g[i].count);
	}
	class = images_class(&u, &g, 1000);
	id_map_fini(&u);
	id_map_fini(&g);
	return class;
}

static void test_class(void **state)
{
	static const struct class_row rows[] = {
		{ "single", { { 0, 1000, 1 } }, { { 0, 1000, 1 } } },
		{ "single-g100", { { 5, 1000, 1 } }, { { 0, 100, 1 } } },
		{ "caller-100000", { { 0, 1000, 1 }, { 1, 100000, 65536 } }, { { 0, 1000, 1 }, { 1, 100000, 65536 } } },
		{ "caller-100000-g100", { { 0, 1000, 1 }, { 1, 100000, 65536 } }, { { 0, 100, 1 }, { 1, 100000, 65536 } } },
		{ "caller-100000.9", { { 0, 1000, 1 }, { 1, 100000, 9 } }, { { 0, 1000, 1 }, { 1, 100000, 9 } } },
		{ "subid-100000", { { 0, 100000, 65536 } }, { { 0, 100000, 65536 } } },
		{ "subid-100000.1000", { { 0, 100000, 1000 } }, { { 0, 100000, 1000 } } },
		/* files of one of these would have other owners in the others */
		{ NULL, { { 0, 1001, 1 } }, { { 0, 1000, 1 } } },
		{ NULL, { { 0, 1001, 1 }, { 1, 100000, 65536 } }, { { 0, 1000, 1 }, { 1, 100000, 65536 } } },
		{ NULL, { { 0, 1000, 1 }, { 1, 100000, 65536 } }, { { 0, 1000, 1 }, { 1, 200000, 65536 } } },
		{ NULL, { { 0, 1000, 1 }, { 1, 100000, 65536 } }, { { 0, 1000, 1 }, { 1, 100000, 65535 } } },
		{ NULL, { { 0, 1000, 1 }, { 2, 100000, 65536 } }, { { 0, 1000, 1 }, { 2, 100000, 65536 } } },
		{ NULL, { { 0, 100000, 65536 }, { 65536, 1000, 1 } }, { { 0, 100000, 65536 }, { 65536, 1000, 1 } } },
		{ NULL, { { 0, 100000, 1000 }, { 1000, 1000, 1 }, { 1001, 101000, 64536 } }, { { 0, 100000, 65536 } } },
		{ NULL, { { 0, 1000, 1 } }, { { 0, 1000, 1 }, { 1, 100000, 65536 } } },
		{ NULL, { { 0, 100000, 65536 } }, { { 0, 100000, 65535 } } },
		{ NULL, { { 1, 100000, 65536 } }, { { 1, 100000, 65536 } } },
	};
	/* the order in which a map is written means nothing */
	static const struct class_row same[] = {
		{ NULL, { { 0, 100000, 10 }, { 10, 100010, 10 }, { 50, 1000, 1 } }, { { 0, 7, 1 } } },
		{ NULL, { { 50, 1000, 1 }, { 0, 100000, 20 } }, { { 0, 7, 1 } } },
	};
	AUTO_STRV struct strv seen = { 0 };
	AUTO_FREE char *a = class_of(&same[0]), *b = class_of(&same[1]);

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_FREE char *class = class_of(&rows[i]);

		if (rows[i].class)
			assert_string_equal(class, rows[i].class);
		else
			assert_true(str_starts(class, "map-") && strlen(class) == 16);
		if (strv_has(&seen, class))
			fail_msg("row %zu has the class of another: %s", i, class);
		strv_add(&seen, class);
		assert_true(str_is_name(class));
	}
	assert_string_equal(a, b);
}

/* ---- layers ---- */

static void test_layers(void **state)
{
	struct id_map u, g;
	AUTO_STRV struct strv classes = { 0 };
	struct layer_info info;
	struct layer_use use;
	struct image_tmp t;
	char diff_id[DIGEST_MAX];
	struct err e = { 0 };

	(void)state;
	digest_of("one", diff_id);
	assert_int_equal(images_use_layer(&im, "single", diff_id, &use, &e), 0);
	assert_int_equal(use.fd, -1);
	assert_int_equal(put_layer(&im, "one", &e), 0);
	assert_int_equal(images_use_layer(&im, "single", diff_id, &use, &e), 1);
	assert_int_equal(access(use.path, F_OK), 0);
	assert_false(exists("layers/single/map") && faccessat(use.fd, "map", F_OK, 0) == 0);
	layer_use_fini(&use);
	assert_int_equal(count("tmp"), 0);
	/* again: the one that is there stays */
	assert_int_equal(put_layer(&im, "one", &e), 0);
	assert_int_equal(count("tmp"), 0);
	assert_int_equal(images_layer_info(&im, "single", diff_id, &info, &e), 0);
	assert_int_equal(info.bytes, 3);
	assert_int_equal(info.entries, 2);
	assert_false(info.has_owners);
	assert_int_equal(images_classes(&im, &classes, &e), 0);
	assert_int_equal(classes.n, 1);
	assert_int_equal(images_class_map(&im, "single", &u, &g, &e), 0);
	assert_int_equal(u.n, 1);
	assert_int_equal(u.v[0].outside, getuid());
	id_map_fini(&u);
	/* the same class with other ids */
	u = (struct id_map){ 0 };
	id_map_add(&u, 0, 4711, 1);
	digest_of("two", diff_id);
	assert_int_equal(images_tmp(&im, &t, &e), 0);
	assert_int_equal(mkdirat(t.fd, "root", 0755), 0);
	assert_int_equal(images_commit_layer(&im, &t, "single", &u, &g, diff_id, &info, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	images_tmp_end(&im, &t, NULL, NULL, NULL);
	assert_int_equal(count("tmp"), 0);
	id_map_fini(&u);
	id_map_fini(&g);
	/* what is no digest or class never becomes a path */
	assert_int_equal(images_use_layer(&im, "single", "sha256:../../etc", &use, &e), -1);
	assert_int_equal(images_use_layer(&im, "../x", diff_id, &use, &e), -1);
	/* without a tree it is no layer */
	assert_int_equal(images_tmp(&im, &t, &e), 0);
	assert_int_equal(images_commit_layer(&im, &t, "single", &uids, &gids, diff_id, &info, &e), -1);
	images_tmp_end(&im, &t, NULL, NULL, NULL);
	assert_int_equal(images_use_layer(&im, "single", diff_id, &use, &e), 0);
	{
		static const char *const bad[] = { "", "[]", "{", "{\"bytes\": -1}", "{\"bytes\": 1, \"entries\": 2, \"devices\": 0}" };
		char path[300];

		digest_of("one", diff_id);
		snprintf(path, sizeof(path), "%s/layer.json", layer_path("single", diff_id));
		for (size_t i = 0; i < N_ELEMS(bad); i++) {
			assert_int_equal(fd_write_file(im.fd, path, bad[i], strlen(bad[i])), 0);
			assert_int_equal(images_layer_info(&im, "single", diff_id, &info, &e), -1);
			assert_int_equal(e.kind, ERR_STATE);
		}
	}
}

static void test_blobs(void **state)
{
	char digest[DIGEST_MAX];
	struct err e = { 0 };
	int fd;

	(void)state;
	digest_of("nothing", digest);
	assert_false(images_has_blob(&im, digest, 0));
	assert_int_equal(images_open_blob(&im, digest, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_true(e.hint[0]);
	assert_int_equal(put_blob("some", digest), 0);
	assert_true(images_has_blob(&im, digest, 0));
	assert_true(images_has_blob(&im, digest, 4));
	assert_false(images_has_blob(&im, digest, 5));
	fd = images_open_blob(&im, digest, &e);
	assert_true(fd >= 0);
	close(fd);
	assert_false(images_has_blob(&im, "sha256:..", 0));
	assert_int_equal(images_open_blob(&im, "sha256:../../names/x", &e), -1);
	/* neither a link nor a FIFO is one */
	assert_int_equal(unlinkat(im.fd, blob_path(digest), 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", im.fd, blob_path(digest)), 0);
	assert_false(images_has_blob(&im, digest, 0));
	assert_int_equal(images_open_blob(&im, digest, &e), -1);
	assert_int_equal(unlinkat(im.fd, blob_path(digest), 0), 0);
	assert_int_equal(mkfifoat(im.fd, blob_path(digest), 0600), 0);
	assert_false(images_has_blob(&im, digest, 0));
	assert_int_equal(images_open_blob(&im, digest, &e), -1);
}

/* ---- records and names ---- */

static void test_commit(void **state)
{
	struct image image = { 0 };
	char id[DIGEST_MAX];
	struct err e = { 0 };
	struct stat before, after;
	char record[256];
	int lock;

	(void)state;
	must_bring("a", 3, id);
	assert_true(is_whole());
	assert_int_equal(images_load(&im, id, &image, &lock, &e), 0);
	assert_int_equal(image.n_layers, 3);
	assert_string_equal(image.os, "linux");
	image_fini(&image);
	assert_int_equal(count("tmp"), 0);
	/* the same again leaves the record that runs hold */
	snprintf(record, sizeof(record), "records/%s", id + strlen("sha256:"));
	assert_int_equal(fstatat(im.fd, record, &before, 0), 0);
	must_bring("a", 3, id);
	assert_int_equal(fstatat(im.fd, record, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	close(lock);
	/* one that has lost a blob is replaced by one that has all */
	assert_int_equal(make_image("a", 3, &image), 0);
	assert_int_equal(unlinkat(im.fd, blob_path(image.layers[2].digest), 0), 0);
	assert_int_equal(images_commit(&im, &image, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_non_null(strstr(e.what, image.layers[2].digest));
	assert_int_equal(put_blob("compressed in another way", image.layers[2].digest), 0);
	image.layers[2].size = 0;
	assert_int_equal(images_commit(&im, &image, &e), 0);
	image_fini(&image);
	assert_int_equal(fstatat(im.fd, record, &after, 0), 0);
	assert_true(before.st_ino != after.st_ino);
	assert_true(is_whole());
	/* not yet an image */
	assert_int_equal(make_image("b", 1, &image), 0);
	image.layers[0].diff_id[0] = '\0';
	assert_int_equal(images_commit(&im, &image, &e), -1);
	image_fini(&image);
	/* a record under another's id, and one that is none */
	digest_of("other", id);
	assert_int_equal(images_load(&im, id, &image, NULL, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(images_load(&im, "sha256:../x", &image, NULL, &e), -1);
	snprintf(record, sizeof(record), "records/%s", id + strlen("sha256:"));
	assert_int_equal(fd_write_file(im.fd, record, "{}", 2), 0);
	assert_int_equal(images_load(&im, id, &image, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_non_null(strstr(e.what, record));
}

static void test_names(void **state)
{
	char a[DIGEST_MAX], b[DIGEST_MAX];
	AUTO_FREE char *was = NULL, *id = NULL, *longest = NULL, *other = NULL;
	struct buf path = { 0 };
	struct image_list list;
	struct err e = { 0 };

	(void)state;
	must_bring("a", 1, a);
	must_bring("b", 1, b);
	assert_int_equal(images_name(&im, "docker.io/library/x:1", a, &was, &e), 0);
	assert_null(was);
	assert_true(exists("names/docker.io%library%x:1"));
	assert_int_equal(find("docker.io/library/x:1", &id), 1);
	assert_string_equal(id, a);
	auto_free(&id);
	assert_int_equal(images_name(&im, "docker.io/library/x:1", b, &was, &e), 0);
	assert_string_equal(was, a);
	assert_int_equal(find("docker.io/library/x:1", &id), 1);
	assert_string_equal(id, b);
	auto_free(&id);
	/* the name of a directory of another's name */
	must_name("localhost:5000/x:1", a);
	must_name("localhost:5000/x/y:1", a);
	must_name("localhost:5000/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", a);
	/* longer than a file's name */
	buf_add(&path, "registry.example.org");
	for (int i = 0; i < 25; i++)
		buf_add(&path, "/component");
	longest = str_fmt("%s:one", path.s);
	other = str_fmt("%s:two", path.s);
	buf_fini(&path);
	must_name(longest, a);
	must_name(other, b);
	assert_int_equal(find(longest, &id), 1);
	assert_string_equal(id, a);
	auto_free(&id);
	assert_int_equal(images_list(&im, &list, &e), 0);
	assert_int_equal(list.n, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct image_entry *x = &list.v[i];

		assert_true(x->since > 0);
		if (str_eq(x->id, a)) {
			assert_int_equal(x->names.n, 3);
			assert_string_equal(x->names.v[0], "localhost:5000/x/y:1");
			assert_string_equal(x->names.v[1], "localhost:5000/x:1");
			assert_string_equal(x->names.v[2], longest);
			assert_int_equal(x->digests.n, 1);
		} else {
			assert_string_equal(x->id, b);
			assert_int_equal(x->names.n, 2);
			assert_string_equal(x->names.v[0], "docker.io/library/x:1");
		}
	}
	image_list_fini(&list);
	assert_int_equal(images_unname(&im, longest, &e), 0);
	assert_int_equal(find(longest, &id), 0);
	assert_int_equal(images_unname(&im, longest, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	{
		static const char *const odd[] = { "", ".", "..", "../x", ".hidden", "a%b", "a b", "a\nb", "a\x1b[2J", "\xff" };

		for (size_t i = 0; i < N_ELEMS(odd); i++) {
			assert_int_equal(images_name(&im, odd[i], a, NULL, &e), -1);
			assert_int_equal(e.kind, ERR_USAGE);
			assert_int_equal(find(odd[i], &id), 0);
			assert_int_equal(images_unname(&im, odd[i], &e), -1);
		}
	}
	digest_of("no image", a);
	assert_int_equal(images_name(&im, "x:1", a, NULL, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	/* what a crash of the machine emptied, and what somebody put there, is no name */
	assert_int_equal(fd_write_file(im.fd, "names/empty:1", "", 0), 0);
	assert_int_equal(find("empty:1", &id), 0);
	assert_int_equal(fd_write_file(im.fd, "names/odd:1", "sha256:../../x\n", 15), 0);
	assert_int_equal(find("odd:1", &id), 0);
	assert_int_equal(images_list(&im, &list, &e), 0);
	assert_int_equal(list.n, 2);
	image_list_fini(&list);
}

static void test_find_id(void **state)
{
	AUTO_FREE char *id = NULL;
	struct err e = { 0 };
	char a[DIGEST_MAX], word[DIGEST_MAX], first[2] = "";
	size_t n_same = 0;

	(void)state;
	for (int i = 0; i < 17; i++) {
		AUTO_FREE char *name = str_fmt("image %d", i);
		char x[DIGEST_MAX];

		must_bring(name, 1, x);
		if (i == 0) {
			memcpy(a, x, sizeof(a));
			first[0] = x[7];
		}
		n_same += x[7] == first[0];
	}
	assert_int_equal(find(a, &id), 1);
	assert_string_equal(id, a);
	auto_free(&id);
	for (size_t n = 20; n <= 64; n += 22) {
		snprintf(word, sizeof(word), "%.*s", (int)n, a + 7);
		assert_int_equal(find(word, &id), 1);
		assert_string_equal(id, a);
		auto_free(&id);
		snprintf(word, sizeof(word), "%.*s", (int)n + 7, a);
		assert_int_equal(find(word, &id), 1);
		auto_free(&id);
	}
	/* with 17 of them two begin with the same digit; and one digit is enough where there is one */
	for (char c = '0'; c <= 'f'; c = c == '9' ? 'a' : (char)(c + 1)) {
		int r;

		word[0] = c;
		word[1] = '\0';
		r = images_find(&im, word, &id, &e);
		if (r < 0) {
			assert_int_equal(e.kind, ERR_STATE);
			assert_non_null(strstr(e.what, "images have an id that begins with"));
			n_same = 0;
		}
		auto_free(&id);
	}
	assert_int_equal(n_same, 0);
	assert_int_equal(find("sha256:", &id), 0);
	assert_int_equal(find("ABCDEF", &id), 0);
	assert_int_equal(find("zz", &id), 0);
	/* a name wins over an id */
	snprintf(word, sizeof(word), "%.20s", a + 7);
	must_bring("another", 1, a);
	must_name(word, a);
	assert_int_equal(find(word, &id), 1);
	assert_string_equal(id, a);
}

/* ---- what is being made ---- */

static size_t in_map_calls;
static uint32_t in_map_first;	/* root inside, in the last one */

/* As if the ids were others': what we could not do, it can. */
static int fake_in_map(const struct id_map *u, const struct id_map *g, int (*fn)(const void *arg, struct err *e), const void *arg,
		       struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/tmp", im.dir);
	AUTO_DIR DIR *dir = opendir(path);

	(void)g;
	in_map_calls++;
	in_map_first = u->v[0].outside;
	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_name[0] != '.')
			(void)!fchmodat(dirfd(dir), d->d_name, 0700, 0);
	return fn(arg, e);
}

static void test_sweep(void **state)
{
	struct image_tmp t;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(images_tmp(&im, &t, &e), 0);
	/* who dies with half a layer, and one between mkdir and flock */
	pid = fork();
	if (pid == 0) {
		struct image_tmp half;

		if (images_tmp(&im, &half, &e) < 0 || images_tmp_map(&half, &uids, &gids, &e) < 0 || mkdirat(half.fd, "root", 0755) < 0 ||
		    mkdirat(half.fd, "root/dir", 0500) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waits_for(pid), 0);
	assert_int_equal(mkdirat(im.fd, "tmp/0-x", 0700), 0);
	assert_int_equal(fd_write_file(im.fd, "tmp/0-file", "x", 1), 0);
	assert_int_equal(symlinkat("/etc", im.fd, "tmp/0-link"), 0);
	assert_int_equal(mkfifoat(im.fd, "tmp/0-fifo", 0600), 0);
	assert_int_equal(count("tmp"), 6);
	images_sweep(&im, fake_in_map);
	assert_int_equal(count("tmp"), 1);
	assert_int_equal(access(t.path, F_OK), 0);
	images_tmp_end(&im, &t, NULL, NULL, NULL);
	assert_int_equal(count("tmp"), 0);
}

/* Other ids' files are removed in the map that is noted, else in those of the classes. */
static void test_sweep_in_map(void **state)
{
	struct id_map u = { 0 };
	struct err e = { 0 };

	(void)state;
	id_map_add(&u, 0, 100000, 65536);
	assert_int_equal(put_layer(&im, "one", &e), 0);
	for (int noted = 0; noted < 2; noted++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct image_tmp t;

			if (images_tmp(&im, &t, &e) < 0 || (noted && images_tmp_map(&t, &u, &u, &e) < 0) || mkdirat(t.fd, "root", 0700) < 0 ||
			    fchmod(t.fd, 0500) < 0)
				_exit(1);
			_exit(0);
		}
		assert_int_equal(waits_for(pid), 0);
		in_map_calls = 0;
		images_sweep(&im, fake_in_map);
		assert_int_equal(count("tmp"), 0);
		assert_int_equal(in_map_calls, 1);
		assert_int_equal(in_map_first, noted ? 100000 : getuid());
	}
	id_map_fini(&u);
}

/* A tree of others' files in the directory that a descriptor stands for, as unpack makes it. */
static int make_tree(const void *arg, struct err *e)
{
	const int *fd = arg;

	if (mkdirat(*fd, "root", 0755) < 0 || fd_write_file(*fd, "root/file", "text", 4) < 0 || mkdirat(*fd, "root/dir", 0700) < 0 ||
	    fd_write_file(*fd, "root/dir/file", "text", 4) < 0 || fchownat(*fd, "root/dir", 5, 6, 0) < 0)
		return err_sys(e, "fchownat", "root", "a layer of others' files");
	return 0;
}

static void make_mapped(struct image_tmp *t, const struct id_map *u, const struct id_map *g)
{
	struct err e = { 0 };

	if (images_tmp(&im, t, &e) < 0 || images_tmp_map(t, u, g, &e) < 0 || fchmod(t->fd, 0777) < 0 ||
	    in_map(u, g, make_tree, &t->fd, &e) < 0 || fchmod(t->fd, 0700) < 0)
		fail_msg("%s %s", e.what, e.hint);
}

static void test_subordinate_ids(void **state)
{
	struct layer_info info = { .bytes = 8, .entries = 4 };
	struct images_gone gone = { 0 };
	struct id_map u = { 0 }, g = { 0 };
	char diff_id[DIGEST_MAX];
	struct image_tmp t;
	struct err e = { 0 };
	AUTO_FREE char *class = NULL;

	(void)state;
	real_maps(&u, &g);
	class = images_class(&u, &g, getuid());
	digest_of("mapped", diff_id);
	/* given up */
	make_mapped(&t, &u, &g);
	images_tmp_end(&im, &t, &u, &g, in_map);
	assert_int_equal(count("tmp"), 0);
	/* its maker is dead */
	make_mapped(&t, &u, &g);
	close(t.fd);
	images_sweep(&im, in_map);
	assert_int_equal(count("tmp"), 0);
	auto_free(&t.name);
	auto_free(&t.path);
	/* a layer that no image needs */
	make_mapped(&t, &u, &g);
	assert_int_equal(images_commit_layer(&im, &t, class, &u, &g, diff_id, &info, &e), 0);
	images_tmp_end(&im, &t, &u, &g, in_map);
	assert_true(exists(layer_path(class, diff_id)));
	assert_int_equal(images_collect(&im, false, in_map, &gone, &e), 0);
	assert_int_equal(gone.layers, 1);
	assert_int_equal(gone.bytes, 8);
	assert_int_equal(count("tmp"), 0);
	assert_false(exists(layer_path(class, diff_id)));
	id_map_fini(&u);
	id_map_fini(&g);
}

/* ---- files that became images ---- */

static void wait_a_tick(void)
{
	const struct timespec ts = { 0, 30 * 1000 * 1000 };

	nanosleep(&ts, NULL);
}

static void test_sources(void **state)
{
	AUTO_FREE char *path = str_fmt("%s/file.tar", tmp), *id = NULL;
	struct images_gone gone = { 0 };
	struct err e = { 0 };
	char a[DIGEST_MAX];
	int fd;

	(void)state;
	must_bring("a", 1, a);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, "one", 3), 0);
	/* written this instant: it may be written again, and look the same */
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	assert_int_equal(images_note_source(&im, fd, NULL, a, &e), 0);
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	wait_a_tick();
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	assert_int_equal(images_note_source(&im, fd, NULL, a, &e), 0);
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 1);
	assert_string_equal(id, a);
	auto_free(&id);
	assert_int_equal(images_find_source(&im, fd, "@1", &id, &e), 0);
	/* changed while it is read */
	assert_int_equal(fd_write_all(fd, "two", 3), 0);
	wait_a_tick();
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	assert_int_equal(fd_write_all(fd, "three", 5), 0);
	wait_a_tick();
	assert_int_equal(images_note_source(&im, fd, NULL, a, &e), 0);
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	assert_int_equal(images_note_source(&im, fd, NULL, a, &e), 0);
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 1);
	auto_free(&id);
	/* the image has gone */
	assert_int_equal(images_remove(&im, a, &gone, &e), 0);
	assert_int_equal(images_find_source(&im, fd, NULL, &id, &e), 0);
	assert_true(count("sources") > 0);
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_int_equal(count("sources"), 0);
	close(fd);
}

/* ---- removal ---- */

static void test_remove(void **state)
{
	struct images_gone gone = { 0 };
	struct image image = { 0 };
	struct images_size size;
	char a[DIGEST_MAX], b[DIGEST_MAX];
	struct layer_use use;
	struct err e = { 0 };
	int lock;

	(void)state;
	must_bring("a", 3, a);
	must_bring("b", 2, b);
	must_name("x:1", a);
	assert_int_equal(images_remove(&im, a, &gone, &e), -1);
	assert_non_null(strstr(e.what, "x:1"));
	assert_int_equal(images_unname(&im, "x:1", &e), 0);
	assert_int_equal(images_load(&im, a, &image, &lock, &e), 0);
	assert_int_equal(images_remove(&im, a, &gone, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_int_equal(e.errnum, EBUSY);
	/* nothing is lost while its record is there */
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_int_equal(gone.layers + gone.blobs + gone.images, 0);
	assert_int_equal(images_use_layer(&im, "single", image.layers[1].diff_id, &use, &e), 1);
	close(lock);
	assert_int_equal(images_remove(&im, a, &gone, &e), 0);
	assert_int_equal(gone.images, 1);
	assert_int_equal(images_remove(&im, a, &gone, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	/* of a: two layers of its own, of which one is held; config, manifest, two blobs */
	gone = (struct images_gone){ 0 };
	assert_int_equal(images_measure(&im, &size, &e), 0);
	assert_int_equal(size.images, 1);
	assert_int_equal(size.layers, 4);
	assert_int_equal(size.blobs, 8);
	assert_int_equal(images_collect(&im, true, NULL, &gone, &e), 0);
	assert_int_equal(gone.layers, 1);
	assert_int_equal(gone.blobs, 4);
	assert_int_equal(gone.bytes, size.free_bytes);
	assert_true(exists(layer_path("single", image.layers[2].diff_id)));
	gone = (struct images_gone){ 0 };
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_int_equal(gone.bytes, size.free_bytes);
	assert_false(exists(layer_path("single", image.layers[2].diff_id)));
	assert_true(exists(layer_path("single", image.layers[1].diff_id)));
	layer_use_fini(&use);
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_false(exists(layer_path("single", image.layers[1].diff_id)));
	assert_true(exists(layer_path("single", image.layers[0].diff_id)));
	assert_int_equal(images_measure(&im, &size, &e), 0);
	assert_int_equal(size.layers, 2);
	assert_int_equal(size.blobs, 4);
	assert_int_equal(size.free_bytes, 0);
	assert_int_equal(count("tmp"), 0);
	image_fini(&image);
	assert_true(is_whole());
}

/* What work that goes on has fetched already has no record yet. */
static void test_collect_spares(void **state)
{
	struct images_gone gone = { 0 };
	char old[DIGEST_MAX], fresh[DIGEST_MAX], id[DIGEST_MAX];
	const struct timespec long_ago[2] = { { 1000000, 0 }, { 1000000, 0 } };
	struct image_tmp work;
	struct err e = { 0 };
	char record[256];

	(void)state;
	assert_int_equal(images_tmp(&im, &work, &e), 0);
	assert_int_equal(put_blob("old", old), 0);
	assert_int_equal(put_blob("fresh", fresh), 0);
	assert_int_equal(put_layer(&im, "unpacked", &e), 0);
	/* the time that counts is the one that nobody sets */
	assert_int_equal(utimensat(im.fd, blob_path(old), long_ago, 0), 0);
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_int_equal(gone.layers + gone.blobs, 0);
	images_tmp_end(&im, &work, NULL, NULL, NULL);
	/* a record that cannot be read may have any of it */
	digest_of("broken", id);
	snprintf(record, sizeof(record), "records/%s", id + strlen("sha256:"));
	assert_int_equal(fd_write_file(im.fd, record, "{\"new\": 1}", 10), 0);
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), -1);
	assert_int_equal(e.kind, ERR_STATE);
	assert_true(e.hint[0]);
	assert_true(exists(blob_path(fresh)));
	assert_int_equal(images_remove(&im, id, &gone, &e), 0);
	assert_int_equal(images_collect(&im, false, NULL, &gone, &e), 0);
	assert_int_equal(gone.layers, 1);
	assert_int_equal(gone.blobs, 2);
	assert_false(exists(blob_path(fresh)));
}

/* ---- many at once ---- */

/* All bring the same image: one is the first, and all succeed. */
static void test_race_commit(void **state)
{
	enum { N = 6, TURNS = 5 };
	struct err e = { 0 };

	(void)state;
	for (int turn = 0; turn < TURNS; turn++) {
		AUTO_FREE char *name = str_fmt("image %d", turn);
		pid_t pids[N];

		for (int i = 0; i < N; i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				char id[DIGEST_MAX];

				images_sweep(&im, NULL);
				if (bring(&im, name, 4, id, &e) < 0 || images_name(&im, "x:1", id, NULL, &e) < 0) {
					log_err(&e);
					_exit(1);
				}
				_exit(0);
			}
		}
		for (int i = 0; i < N; i++)
			assert_int_equal(waits_for(pids[i]), 0);
		assert_true(is_whole());
		assert_int_equal(count("tmp"), 0);
		assert_int_equal(count("records"), turn + 1);
	}
}

/* Takes the image as a run does: where its record can be held, its layers are there. */
static int use_image(const char *id, struct err *e)
{
	struct image image = { 0 };
	int lock, r = 0;

	if (images_load(&im, id, &image, &lock, e) < 0)
		return e->errnum == ENOENT ? 0 : -1;
	for (size_t i = 0; i < image.n_layers && r == 0; i++) {
		struct layer_use use;
		int got = images_use_layer(&im, "single", image.layers[i].diff_id, &use, e);

		if (got > 0 && faccessat(use.fd, "root/file", F_OK, 0) < 0)
			got = err_sys(e, "faccessat", use.path, "used while it is removed");
		if (got == 0)
			err_set(e, ERR_BUG, "a record without its layer %zu", i);
		r = got > 0 ? 0 : -1;
		layer_use_fini(&use);
	}
	image_fini(&image);
	close(lock);
	return r;
}

static void bring_and_use(int turns, const char *name)
{
	struct err e = { 0 };
	char id[DIGEST_MAX];

	im.skips_sync = true;
	for (int i = 0; i < turns; i++)
		if (bring(&im, name, 3, id, &e) < 0 || use_image(id, &e) < 0) {
			log_err(&e);
			_exit(1);
		}
	_exit(0);
}

static void remove_and_collect(int turns, const char *id)
{
	struct images_gone gone = { 0 };
	struct err e = { 0 };

	for (int i = 0; i < turns; i++) {
		if (images_remove(&im, id, &gone, &e) < 0 && e.errnum != ENOENT && e.errnum != EBUSY) {
			log_err(&e);
			_exit(1);
		}
		if (images_collect(&im, false, NULL, &gone, &e) < 0) {
			log_err(&e);
			_exit(1);
		}
		images_sweep(&im, NULL);
	}
	_exit(0);
}

static void test_race_remove(void **state)
{
	enum { TURNS = 60 };
	char id[DIGEST_MAX];
	pid_t pids[4];

	(void)state;
	must_bring("a", 3, id);
	for (size_t i = 0; i < N_ELEMS(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0 && i < 2)
			bring_and_use(TURNS, "a");
		if (pids[i] == 0)
			remove_and_collect(TURNS * 4, id);
	}
	for (size_t i = 0; i < N_ELEMS(pids); i++)
		assert_int_equal(waits_for(pids[i]), 0);
	assert_true(is_whole());
	assert_int_equal(count("tmp"), 0);
}

/* Waits until a child waits for a lock. */
static void wait_until_asleep(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/stat", (int)pid);

	for (;;) {
		AUTO_FREE char *text = NULL;

		assert_int_equal(fd_read_file(AT_FDCWD, path, 4096, &text, NULL), 0);
		if (strstr(text, ") S "))
			return;
	}
}

/* Who waits while a layer is moved away does not take it. */
static void test_use_of_what_goes(void **state)
{
	char diff_id[DIGEST_MAX];
	struct err e = { 0 };
	pid_t pid;
	int fd;

	(void)state;
	assert_int_equal(put_layer(&im, "one", &e), 0);
	digest_of("one", diff_id);
	fd = openat(im.fd, layer_path("single", diff_id), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		struct layer_use use;

		close(fd);
		_exit(images_use_layer(&im, "single", diff_id, &use, &e) == 0 ? 0 : 1);
	}
	wait_until_asleep(pid);
	assert_int_equal(renameat(im.fd, layer_path("single", diff_id), im.fd, "tmp/0-gone"), 0);
	close(fd);
	assert_int_equal(waits_for(pid), 0);
	images_sweep(&im, NULL);
	assert_int_equal(count("tmp"), 0);
}

/* What is just being made is not swept, not even between mkdir and flock. */
static void test_race_sweep(void **state)
{
	enum { TURNS = 1500 };
	pid_t pids[2];
	int lost = 0;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			for (;;)
				images_sweep(&im, NULL);
	}
	for (int i = 0; i < TURNS; i++) {
		struct image_tmp t;
		struct err e = { 0 };

		if (images_tmp(&im, &t, &e) < 0) {
			lost++;
			continue;
		}
		lost += access(t.path, F_OK) < 0;
		images_tmp_end(&im, &t, NULL, NULL, NULL);
	}
	for (size_t i = 0; i < N_ELEMS(pids); i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waits_for(pids[i]), 128 + SIGKILL);
	}
	assert_int_equal(lost, 0);
	images_sweep(&im, NULL);
	assert_int_equal(count("tmp"), 0);
}

/* ---- killed, and no room ---- */

static _Noreturn void work_for_ever(void)
{
	struct images_gone gone = { 0 };
	struct err e = { 0 };
	char id[DIGEST_MAX];

	im.skips_sync = true;
	for (int i = 0;; i++) {
		AUTO_FREE char *name = str_fmt("image %d", i % 3);

		if (bring(&im, name, 3, id, &e) < 0 || images_name(&im, "x:1", id, NULL, &e) < 0)
			_exit(1);
		if (i % 4 == 3 && (images_unname(&im, "x:1", &e) < 0 || images_remove(&im, id, &gone, &e) < 0 ||
				   images_collect(&im, false, NULL, &gone, &e) < 0))
			_exit(1);
	}
}

static void test_kill(void **state)
{
	unsigned seed = (unsigned)getpid();

	(void)state;
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();
		struct timespec ts = { 0, 1000 * (rand_r(&seed) % 12000) };
		AUTO_FREE char *id = NULL;
		int r;

		if (pid == 0)
			work_for_ever();
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waits_for(pid), 128 + SIGKILL);
		assert_true(is_whole());
		r = find("x:1", &id);
		assert_true(r == 0 || r == 1);
		images_sweep(&im, NULL);
		assert_int_equal(count("tmp"), 0);
	}
}

static bool remove_all_images(void)
{
	struct images_gone gone = { 0 };
	struct image_list list;
	struct err e = { 0 };
	bool is_bad = images_list(&im, &list, &e) < 0;

	for (size_t k = 0; k < list.n && !is_bad; k++) {
		for (size_t n = 0; n < list.v[k].names.n && !is_bad; n++)
			is_bad = images_unname(&im, list.v[k].names.v[n], &e) < 0;
		is_bad = is_bad || images_remove(&im, list.v[k].id, &gone, &e) < 0;
	}
	image_list_fini(&list);
	is_bad = is_bad || images_collect(&im, false, NULL, &gone, &e) < 0;
	if (is_bad)
		return !is_wrong(e.what);
	return count("records") + count("names") + count("blobs/sha256") == 0 && count("layers/single") <= 1;
}

/* Brings images until there is no room; what is there then is whole, and room can be made. */
static bool fills(void)
{
	struct err e = { 0 };
	char id[DIGEST_MAX];
	int i, r = 0;

	for (i = 0; i < 2000 && r == 0; i++) {
		AUTO_FREE char *name = str_fmt("image %d", i);

		r = bring(&im, name, 3, id, &e);
		if (r == 0)
			r = images_name(&im, name + strlen("image "), id, NULL, &e);
	}
	if (r == 0 || i < 2 || e.errnum != ENOSPC) {
		log_err(&e);
		return !is_wrong("there is room for ever, or for nothing");
	}
	if (str_starts(e.what, "cannot") && !strstr(e.hint, "used up"))
		return !is_wrong("no hint");
	if (count("tmp"))
		return !is_wrong("something is left in tmp/");
	return is_whole() && remove_all_images();
}

static bool enter_namespaces(uid_t uid, gid_t gid)
{
	AUTO_FREE char *u = str_fmt("0 %u 1", (unsigned)uid), *g = str_fmt("0 %u 1", (unsigned)gid);

	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && fd_burn(AT_FDCWD, "/proc/self/setgroups", "deny") == 0 &&
	       fd_burn(AT_FDCWD, "/proc/self/uid_map", u) == 0 && fd_burn(AT_FDCWD, "/proc/self/gid_map", g) == 0;
}

static void test_full(void **state)
{
	enum { NOT_ALLOWED = 77, BAD = 1 };
	/* no room, and no inodes, each at another step */
	static const char *const options[] = { "size=256k", "size=260k", "size=264k", "size=268k", "size=400k", "nr_inodes=60", "nr_inodes=61",
					       "nr_inodes=62", "nr_inodes=63", "nr_inodes=64", "nr_inodes=65", "nr_inodes=90" };
	AUTO_FREE char *full = str_fmt("%s/full", tmp);
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir(full, 0700), 0);
	pid = fork();
	if (pid == 0) {
		struct store there = { .data_dir = full };
		struct err e = { 0 };

		if (!enter_namespaces(getuid(), getgid()))
			_exit(NOT_ALLOWED);
		id_map_fini(&uids);
		id_map_fini(&gids);
		id_map_add(&uids, 0, 0, 1);
		id_map_add(&gids, 0, 0, 1);
		for (size_t i = 0; i < N_ELEMS(options); i++) {
			if (mount("tmpfs", full, "tmpfs", 0, options[i]) < 0)
				_exit(NOT_ALLOWED);
			images_close(&im);
			if (images_open(&there, true, &im, &e) < 0)
				_exit(BAD);
			im.skips_sync = true;
			if (!fills())
				_exit(BAD);
			if (umount2(full, MNT_DETACH) < 0)
				_exit(BAD);
		}
		_exit(0);
	}
	status = waits_for(pid);
	if (status == NOT_ALLOWED)
		skip();
	assert_int_equal(status, 0);
}

/* The record is longer than files may be. */
static void test_file_limit(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		const struct rlimit limit = { 512, 512 };
		struct err e = { 0 };
		char id[DIGEST_MAX];

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
			_exit(2);
		if (bring(&im, "a", 4, id, &e) == 0 || e.errnum != EFBIG || !strstr(e.hint, "ulimit -f"))
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waits_for(pid), 0);
	assert_int_equal(count("records"), 0);
	assert_int_equal(count("tmp"), 0);
	assert_true(is_whole());
}

/* ---- speed: what a start pays ---- */

static void test_speed(void **state)
{
	enum { TURNS = 300 };
	struct timespec a, b;
	struct err e = { 0 };
	char id[DIGEST_MAX];
	double best = 1e9;

	(void)state;
	must_bring("a", 3, id);
	must_name("docker.io/library/a:latest", id);
	for (int i = 0; i < TURNS; i++) {
		AUTO_FREE char *found = NULL;
		struct image image = { 0 };
		struct layer_use use[3];
		struct images x;
		double us;
		int lock;

		clock_gettime(CLOCK_MONOTONIC, &a);
		assert_int_equal(images_open(&st, false, &x, &e), 0);
		assert_int_equal(images_find(&x, "docker.io/library/a:latest", &found, &e), 1);
		assert_int_equal(images_load(&x, found, &image, &lock, &e), 0);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(images_use_layer(&x, "single", image.layers[k].diff_id, &use[k], &e), 1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
		best = us < best ? us : best;
		for (size_t k = 0; k < 3; k++)
			layer_use_fini(&use[k]);
		close(lock);
		image_fini(&image);
		images_close(&x);
	}
	print_message("# a start's look at an image of 3 layers: %.0f us at best\n", best);
	if (!getenv("LICHEN_SLOW"))
		assert_true(best < 200);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_open),	TEST(test_class),	  TEST(test_layers),	  TEST(test_blobs),	  TEST(test_commit),
		TEST(test_names),	TEST(test_find_id),	  TEST(test_sweep),	  TEST(test_sweep_in_map), TEST(test_subordinate_ids), TEST(test_sources),
		TEST(test_remove),	TEST(test_collect_spares), TEST(test_race_commit), TEST(test_race_remove), TEST(test_use_of_what_goes), TEST(test_race_sweep), TEST(test_kill),
		TEST(test_full),	TEST(test_file_limit),	  TEST(test_speed),
	};

	/* the rights of files mean nothing to root; and who changed its ids may not write its id map */
	if (getuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)) {
		print_message("1..0 # SKIP cannot become unprivileged\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
