/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_names.c - records and names: coming, finding, listing
 *
 * A name's file holds the id and a newline. One whose name is too long for a file is called "%%" and the digest
 * of the name, which is a second line then. A file that holds anything else is no name: a crash of
 * the machine may have emptied it.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "store/images_internal.h"

enum { NAME_FILE_MAX = 4096, SHOWN_MAX = 5 };

int images_no_image(const char *id, struct err *e)
{
	err_set(e, ERR_STATE, "there is no image %.80s", id);
	err_hint(e, "`lichen images` shows those that are there");
	e->errnum = ENOENT;
	return -1;
}

/* ---- names ---- */

/* "names/FILE" of a name; NULL where it can be none. */
static char *name_file(const char *name)
{
	AUTO_FREE char *file = str_fmt("names/%s", name);
	char hex[SHA256_HEX + 1];

	if (!name[0] || name[0] == '.')
		return NULL;
	for (char *s = file + strlen("names/"); *s; s++) {
		if (*s <= ' ' || *s >= 0x7f || *s == '%')
			return NULL;
		if (*s == '/')
			*s = '%';
	}
	if (strlen(name) <= NAME_MAX)
		return ptr_take(&file);
	sha256_hex(name, strlen(name), hex);
	return str_fmt("names/%%%%%s", hex);
}

char *images_read_name(const struct images *im, const char *file, char **name)
{
	AUTO_FREE char *path = str_fmt("names/%s", file), *text = NULL;
	AUTO_STRV struct strv lines = { 0 };
	const bool is_long = str_starts(file, "%%");

	if (fd_read_file(im->fd, path, NAME_FILE_MAX, &text, NULL) < 0)
		return NULL;
	strv_split(&lines, text, '\n');
	if (lines.n != (is_long ? 3 : 2) || !digest_is_valid(lines.v[0]))
		return NULL;
	if (name) {
		*name = str_dup(is_long ? lines.v[1] : file);
		for (char *s = *name; !is_long && *s; s++)
			if (*s == '%')
				*s = '/';
	}
	return str_dup(lines.v[0]);
}

static bool has_record(const struct images *im, const char *id)
{
	AUTO_FREE char *record = images_record(id);

	return record && faccessat(im->fd, record, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int bad_name(const char *name, struct err *e)
{
	return err_set(e, ERR_USAGE, "\"%.200s\" cannot be an image's name", name);
}

int images_name(struct images *im, const char *name, const char *id, char **was, struct err *e)
{
	AUTO_FREE char *file = name_file(name), *record = images_record(id), *text = NULL;
	const struct tmp_place p = images_place(im);
	AUTO_CLOSE int lock = -1;
	int r;

	if (was)
		*was = NULL;
	if (!file)
		return bad_name(name, e);
	if (images_may_write(im, e) < 0)
		return -1;
	/* with the lock, so that no record is removed that just gets a name */
	r = record ? lock_share(im->fd, record, O_RDONLY, &lock) : 0;
	if (r == 0)
		return images_no_image(id, e);
	if (r < 0)
		return err_sys(e, "openat", record, "cannot name the image");
	if (was)
		*was = images_read_name(im, file + strlen("names/"), NULL);
	text = str_starts(file, "names/%%") ? str_fmt("%s\n%s\n", id, name) : str_fmt("%s\n", id);
	return tmp_put(&p, file, text, strlen(text), true, false, e) < 0 ? err_wrap(e, "cannot give the name \"%.100s\"", name) : 0;
}

int images_unname(struct images *im, const char *name, struct err *e)
{
	AUTO_FREE char *file = name_file(name);

	if (!file)
		return bad_name(name, e);
	if (images_may_write(im, e) < 0)
		return -1;
	if (unlinkat(im->fd, file, 0) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "unlinkat", file, "cannot take the name \"%.100s\" away", name);
	err_set(e, ERR_STATE, "no image has the name \"%.200s\"", name);
	e->errnum = ENOENT;
	return -1;
}

/* ---- records ---- */

char *images_record(const char *id)
{
	const char *hex = images_hex(id);

	return hex ? str_fmt("records/%s", hex) : NULL;
}

int images_read_record(int fd, const char *path, struct image *image, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd_read_file(fd, "", IMAGE_RECORD_MAX, &text, &len) < 0)
		return err_sys(e, "read", path, "cannot read an image's record");
	return image_read(text, len, image, e) < 0 ? err_wrap(e, "%s", path) : 0;
}

int images_load(const struct images *im, const char *id, struct image *image, int *lock, struct err *e)
{
	AUTO_FREE char *record = images_record(id), *path = NULL;
	AUTO_CLOSE int fd = -1;
	int r = 0;

	if (lock)
		*lock = -1;
	if (record && lock) {
		r = lock_share(im->fd, record, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd);
	} else if (record) {
		fd = openat(im->fd, record, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = fd >= 0 ? 1 : errno == ENOENT ? 0 : -1;
	}
	if (r == 0)
		return images_no_image(id, e);
	path = str_fmt("%s/%s", im->dir, record);
	if (r < 0)
		return err_sys(e, "openat", path, "cannot open an image's record");
	if (images_read_record(fd, path, image, e) < 0)
		return -1;
	if (!str_eq(image->id, id)) {
		image_fini(image);
		return err_set(e, ERR_STATE, "%s is the record of another image", path);
	}
	if (lock)
		*lock = fd_take(&fd);
	return 0;
}

/* Whether all that the image is made of is there; young from now on, for who collects. */
static bool has_blobs(const struct images *im, const struct image *image, const char **missing)
{
	*missing = image->id;
	if (!images_has_blob(im, image->id, 0))
		return false;
	*missing = image->manifest;
	if (!images_has_blob(im, image->manifest, 0))
		return false;
	for (size_t i = 0; i < image->n_layers; i++) {
		*missing = image->layers[i].digest;
		if (!images_has_blob(im, *missing, image->layers[i].size))
			return false;
	}
	return true;
}

/* The image is there already, and stays as it is where nothing of it is missing: its id is the digest of
 * all that it says. 1, 0: it should be replaced */
static int is_complete(const struct images *im, const char *record, const struct image *image)
{
	struct image there = { 0 };
	AUTO_CLOSE int lock = -1;
	const char *missing;
	struct err ignored;
	int r;

	if (lock_share(im->fd, record, O_RDONLY | O_NONBLOCK | O_NOCTTY, &lock) <= 0)
		return 0;
	if (images_read_record(lock, record, &there, &ignored) < 0)
		return 0;
	r = str_eq(there.id, image->id) && has_blobs(im, &there, &missing);
	image_fini(&there);
	return r;
}

int images_commit(struct images *im, const struct image *image, struct err *e)
{
	AUTO_FREE char *record = images_record(image->id);
	const struct tmp_place p = images_place(im);
	AUTO_BUF struct buf text = { 0 };
	const char *missing;
	int r;

	if (!record)
		return err_set(e, ERR_BUG, "\"%.80s\" is no id of an image", image->id);
	for (size_t i = 0; i < image->n_layers; i++)
		if (!digest_is_valid(image->layers[i].diff_id))
			return err_set(e, ERR_BUG, "layer %zu of the image %.80s is not known yet", i, image->id);
	if (!has_blobs(im, image, &missing)) {
		err_set(e, ERR_STATE, "a part of the image is not there: %.80s", missing[0] ? missing : "its digest is not known");
		return err_hint(e, "somebody removed it meanwhile; try again");
	}
	image_write(image, &text);
	r = tmp_put(&p, record, text.s, text.len, false, !im->skips_sync, e);
	if (r > 0)
		r = is_complete(im, record, image) ? 0 : tmp_put(&p, record, text.s, text.len, true, !im->skips_sync, e);
	return r < 0 ? err_wrap(e, "the image %.19s is not kept", image->id) : 0;
}

/* ---- finding ---- */

static int ambiguous(const char *word, const struct strv *ids, struct err *e)
{
	AUTO_BUF struct buf some = { 0 };

	for (size_t i = 0; i < ids->n && i < SHOWN_MAX; i++)
		buf_addf(&some, "%s%.12s", i ? ", " : "", ids->v[i]);
	err_set(e, ERR_STATE, "%zu images have an id that begins with \"%.64s\": %s%s", ids->n, word, some.s,
		ids->n > SHOWN_MAX ? " ..." : "");
	return err_hint(e, "give more digits");
}

static int find_id(const struct images *im, const char *word, char **id, struct err *e)
{
	AUTO_STRV struct strv all = { 0 }, ids = { 0 };
	const char *digits = str_starts(word, "sha256:") ? word + strlen("sha256:") : word;

	if (has_record(im, word)) {
		*id = str_dup(word);
		return 1;
	}
	if (!digits[0] || digits[strspn(digits, "0123456789abcdef")])
		return 0;
	if (images_entries(im, "records", &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		AUTO_FREE char *full = str_starts(all.v[i], digits) ? images_digest(all.v[i]) : NULL;

		if (full)
			strv_add(&ids, all.v[i]);
	}
	if (ids.n > 1)
		return ambiguous(word, &ids, e);
	if (ids.n)
		*id = images_digest(ids.v[0]);
	return (int)ids.n;
}

int images_find(const struct images *im, const char *word, char **id, struct err *e)
{
	AUTO_FREE char *file = name_file(word), *held = NULL;

	*id = NULL;
	if (file)
		held = images_read_name(im, file + strlen("names/"), NULL);
	if (held && has_record(im, held)) {
		*id = ptr_take(&held);
		return 1;
	}
	return find_id(im, word, id, e);
}

/* ---- listing ---- */

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct image_entry *)a)->id, ((const struct image_entry *)b)->id);
}

static int by_age(const void *a, const void *b)
{
	const struct image_entry *x = a, *y = b;

	return x->since != y->since ? (x->since < y->since ? 1 : -1) : strcmp(x->id, y->id);
}

static int list_records(const struct images *im, struct image_list *out, struct err *e)
{
	AUTO_STRV struct strv files = { 0 };

	if (images_entries(im, "records", &files, e) < 0)
		return -1;
	out->v = mem_alloc(files.n * sizeof(*out->v));
	for (size_t i = 0; i < files.n; i++) {
		AUTO_FREE char *id = images_digest(files.v[i]), *record = id ? images_record(id) : NULL;
		struct stat sb;

		if (!id || fstatat(im->fd, record, &sb, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		out->v[out->n++] = (struct image_entry){ .id = ptr_take(&id), .since = sb.st_mtime };
	}
	return 0;
}

int images_list(const struct images *im, struct image_list *out, struct err *e)
{
	AUTO_STRV struct strv files = { 0 };

	*out = (struct image_list){ 0 };
	/* names first: whatever comes meanwhile has a record before it has a name */
	if (images_entries(im, "names", &files, e) < 0 || list_records(im, out, e) < 0)
		return -1;
	if (!out->n)
		return 0;
	qsort(out->v, out->n, sizeof(*out->v), by_id);
	for (size_t i = 0; i < files.n; i++) {
		AUTO_FREE char *name = NULL;
		struct image_entry key = { .id = images_read_name(im, files.v[i], &name) }, *found;

		found = key.id ? bsearch(&key, out->v, out->n, sizeof(*out->v), by_id) : NULL;
		free(key.id);
		if (found && name)
			strv_add(strchr(name, '@') ? &found->digests : &found->names, name);
	}
	for (size_t i = 0; i < out->n; i++) {
		strv_sort(&out->v[i].names);
		strv_sort(&out->v[i].digests);
	}
	qsort(out->v, out->n, sizeof(*out->v), by_age);
	return 0;
}

void image_list_fini(struct image_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].id);
		strv_fini(&list->v[i].names);
		strv_fini(&list->v[i].digests);
	}
	free(list->v);
	*list = (struct image_list){ 0 };
}
