/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_verify.c - whether what is recorded of images is there
 *
 * Nothing is read but what lichen has written itself; what blobs hold is read by lichen-image.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "store/images_internal.h"

struct verify {
	const struct images *im;
	struct strv classes;
	struct strv *blobs;
	images_problem_fn *say;
	void *arg;
};

/* ---- one image ---- */

/* @what: "its manifest", for a person. @size: 0: not known */
static void check_blob(struct verify *v, const char *id, const char *what, const char *digest, uint64_t size)
{
	const char *hex = images_hex(digest);
	AUTO_FREE char *name = hex ? str_fmt("blobs/%.*s/%s", (int)(hex - 1 - digest), digest, hex) : NULL, *text = NULL;
	struct stat sb;

	if (!hex)
		text = str_fmt("%s: the digest is not known", what);
	else if (fstatat(v->im->fd, name, &sb, AT_SYMLINK_NOFOLLOW) < 0)
		text = str_fmt("%s, %s, %s", what, digest, errno == ENOENT ? "is missing" : strerror(errno));
	else if (!S_ISREG(sb.st_mode))
		text = str_fmt("%s, %s, is no file", what, digest);
	else if (size && (uint64_t)sb.st_size != size)
		text = str_fmt("%s, %s, has %" PRIu64 " bytes and should have %" PRIu64, what, digest, (uint64_t)sb.st_size, size);
	if (text)
		v->say(v->arg, id, text);
	else if (!strv_has(v->blobs, digest))
		strv_add(v->blobs, digest);
}

static void check_image(struct verify *v, const char *id)
{
	struct image image = { 0 };
	struct err e = { 0 };

	if (images_load(v->im, id, &image, NULL, &e) < 0) {
		if (e.errnum != ENOENT)
			v->say(v->arg, id, e.what);
		return;
	}
	if (!image_is_complete(&image))
		v->say(v->arg, id, "its record lacks digests");
	check_blob(v, id, "its config", image.id, 0);
	check_blob(v, id, "its manifest", image.manifest, 0);
	for (size_t i = 0; i < image.n_layers; i++) {
		AUTO_FREE char *what = str_fmt("its layer %zu", i + 1);

		check_blob(v, id, what, image.layers[i].digest, image.layers[i].size);
	}
	image_fini(&image);
}

/* ---- the whole ---- */

static void check_name(struct verify *v, const char *file)
{
	AUTO_FREE char *name = NULL, *id = images_read_name(v->im, file, &name), *record = id ? images_record(id) : NULL;
	AUTO_FREE char *path = str_fmt("names/%s", file), *text = NULL;

	/* it may have been taken away just now */
	if ((record && faccessat(v->im->fd, record, F_OK, AT_SYMLINK_NOFOLLOW) == 0) || faccessat(v->im->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	text = id ? str_fmt("the image that has this name, %s, is not there", id) : str_dup("the file of this name holds no id of an image");
	v->say(v->arg, name ? name : file, text);
}

static void check_class(struct verify *v, const char *cls)
{
	struct id_map uids = { 0 }, gids = { 0 };
	struct err e = { 0 };

	if (images_class_map(v->im, cls, &uids, &gids, &e) < 0)
		v->say(v->arg, cls, e.what);
	id_map_fini(&uids);
	id_map_fini(&gids);
}

static int check_all(struct verify *v, struct err *e)
{
	AUTO_STRV struct strv names = { 0 }, records = { 0 };

	if (images_entries(v->im, "names", &names, e) < 0 || images_entries(v->im, "records", &records, e) < 0)
		return -1;
	for (size_t i = 0; i < records.n; i++) {
		AUTO_FREE char *id = images_digest(records.v[i]);

		if (id)
			check_image(v, id);
		else
			v->say(v->arg, records.v[i], "is among the records of images, and is none");
	}
	for (size_t i = 0; i < names.n; i++)
		check_name(v, names.v[i]);
	for (size_t i = 0; i < v->classes.n; i++)
		check_class(v, v->classes.v[i]);
	return 0;
}

int images_verify(const struct images *im, const char *id, struct strv *blobs, images_problem_fn *say, void *arg, struct err *e)
{
	struct verify v = { .im = im, .blobs = blobs, .say = say, .arg = arg };
	int rc = images_classes(im, &v.classes, e);

	if (rc == 0 && id)
		check_image(&v, id);
	else if (rc == 0)
		rc = check_all(&v, e);
	strv_fini(&v.classes);
	return rc;
}

bool images_is_used(const struct images *im, const char *id)
{
	AUTO_FREE char *record = images_record(id);
	/* for writing: as images_remove() */
	AUTO_CLOSE int fd = record ? openat(im->fd, record, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;

	return fd >= 0 && lock_take(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
