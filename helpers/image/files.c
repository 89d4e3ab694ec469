/* SPDX-License-Identifier: Apache-2.0 */
/* image/files.c - the files that an image is saved as, by name */

#include "files.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/path.h"
#include "base/str.h"

enum { LINKS_MAX = 8, HEADER_BLOCK = 64 << 10, NAMES_BYTES_MAX = 16 << 20 };

/* Puts @name, as seen from the directory of @from ("": the top), to @out, without "." and "..". NULL: it leads out. */
static char *clean(const char *from, const char *name)
{
	AUTO_STRV struct strv parts = { 0 }, raw = { 0 };
	AUTO_BUF struct buf out = { 0 };
	const char *slash = strrchr(from, '/');

	if (slash && name[0] != '/') {
		AUTO_FREE char *dir = str_dupn(from, (size_t)(slash - from));

		strv_split(&raw, dir, '/');
	}
	strv_split(&raw, name, '/');
	for (size_t i = 0; i < raw.n; i++) {
		if (str_eq(raw.v[i], "..")) {
			if (parts.n == 0)
				return NULL;
			free(parts.v[--parts.n]);
			parts.v[parts.n] = NULL;
		} else if (raw.v[i][0] && !str_eq(raw.v[i], ".")) {
			strv_add(&parts, raw.v[i]);
		}
	}
	for (size_t i = 0; i < parts.n; i++) {
		buf_add(&out, i ? "/" : "");
		buf_add(&out, parts.v[i]);
	}
	return buf_take(&out);
}

/* ---- the index of an archive ---- */

static int compare(const void *a, const void *b)
{
	const struct file_entry *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : x->at < y->at ? -1 : 1;
}

static void add_entry(struct files *f, struct archive *a, struct archive_entry *ae)
{
	const char *name = archive_entry_pathname(ae), *link = archive_entry_hardlink(ae);
	bool is_symlink = archive_entry_filetype(ae) == AE_IFLNK;
	char *cleaned = name && strlen(name) < FILES_NAME_MAX ? clean("", name) : NULL;

	if (!cleaned)
		return;	/* nothing that one can ask for */
	if (is_symlink)
		link = archive_entry_symlink(ae);
	if ((f->n & (f->n - 1)) == 0)
		f->v = mem_grow(f->v, f->n ? 2 * f->n : 1, sizeof(*f->v));
	f->v[f->n++] = (struct file_entry){
		.name = cleaned, .link = str_dup(link), .size = (uint64_t)archive_entry_size(ae), .at = archive_read_header_position(a),
		.is_file = archive_entry_filetype(ae) == AE_IFREG && !archive_entry_sparse_count(ae), .is_symlink = is_symlink,
	};
}

static int read_headers(struct files *f, struct archive *a, struct err *e)
{
	struct archive_entry *ae;
	size_t names = 0;
	int rc;

	while ((rc = archive_read_next_header(a, &ae)) >= ARCHIVE_WARN && rc != ARCHIVE_EOF) {
		if (f->n == FILES_ENTRIES_MAX)
			return err_set(e, ERR_STATE, "the archive has more than %d entries", FILES_ENTRIES_MAX);
		add_entry(f, a, ae);
		names += f->n ? strlen(f->v[f->n - 1].name) : 0;
		if (names > NAMES_BYTES_MAX)
			return err_set(e, ERR_STATE, "the names in the archive are longer than %d MiB together", NAMES_BYTES_MAX >> 20);
	}
	return rc == ARCHIVE_EOF ? 0 : reader_archive_err(a, "the archive", e);
}

int files_tar(struct files *f, int fd, struct err *e)
{
	struct archive *a = archive_read_new();
	int r;

	*f = (struct files){ .dir = -1, .tar = fd };
	if (lseek(fd, 0, SEEK_SET) < 0)
		r = err_sys(e, "lseek", NULL, "reading the archive");
	else if (archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_open_fd(a, fd, HEADER_BLOCK) != ARCHIVE_OK)
		r = reader_archive_err(a, "the archive", e);
	else
		r = read_headers(f, a, e);
	archive_read_free(a);
	if (f->n > 1)
		qsort(f->v, f->n, sizeof(*f->v), compare);
	for (size_t i = 0; i + 1 < f->n; i++)
		if (str_eq(f->v[i].name, f->v[i + 1].name))
			f->v[i].is_twice = f->v[i + 1].is_twice = true;
	return r;
}

void files_dir(struct files *f, int dir)
{
	*f = (struct files){ .dir = dir, .tar = -1 };
}

void files_fini(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].name);
		free(f->v[i].link);
	}
	free(f->v);
	*f = (struct files){ .dir = -1, .tar = -1 };
}

/* ---- by name ---- */

static int compare_name(const void *key, const void *entry)
{
	return strcmp(key, ((const struct file_entry *)entry)->name);
}

static const struct file_entry *look_up(const struct files *f, const char *name)
{
	return f->n ? bsearch(name, f->v, f->n, sizeof(*f->v), compare_name) : NULL;
}

const struct file_entry *files_find(const struct files *f, const char *name, struct err *e)
{
	AUTO_FREE char *at = name[0] == '/' ? NULL : clean("", name);

	for (int links = 0; at && links <= LINKS_MAX; links++) {
		const struct file_entry *fe = look_up(f, at);
		char *next;

		if (fe && fe->is_twice) {
			err_set(e, ERR_STATE, "the archive has %s twice", at);
			return NULL;
		}
		if (fe && fe->is_file && !fe->link)
			return fe;
		if (!fe || !fe->link) {
			err_set(e, fe ? ERR_STATE : ERR_NOTFOUND, fe ? "%s of the archive is no file" : "the archive has no %s", at);
			return NULL;
		}
		next = fe->link[0] == '/' ? NULL : clean(fe->is_symlink ? at : "", fe->link);
		free(at);
		at = next;
	}
	err_set(e, ERR_STATE, at ? "%s of the archive is a link that leads round" : "%s leads out of the archive", name);
	return NULL;
}

bool files_has(const struct files *f, const char *name)
{
	struct stat st;

	if (f->dir < 0)
		return look_up(f, name);
	return fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

/* Of a directory: a regular file below it, without waiting for who is at the other end of a FIFO. */
static int open_below(const struct files *f, const char *name, struct reader *r, struct err *e)
{
	AUTO_CLOSE int fd = path_open_in(f->dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "the directory has no %s", name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "openat2", name, "reading the directory");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_STATE, "%s of the directory is no file", name);
	reader_fd(r, fd_take(&fd), true);
	r->size = (uint64_t)st.st_size;
	return 0;
}

int files_open(const struct files *f, const char *name, struct reader *r, struct err *e)
{
	const struct file_entry *fe;

	if (f->dir >= 0)
		return open_below(f, name, r, e);
	fe = files_find(f, name, e);
	return fe ? reader_entry(r, f->tar, fe->at, e) : -1;
}

int files_read(const struct files *f, const char *name, size_t max, char **out, size_t *len, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	AUTO_BUF struct buf b = { 0 };
	const void *data;
	ssize_t n;

	if (files_open(f, name, &r, e) < 0)
		return -1;
	while ((n = reader_next(&r, &data, e)) > 0) {
		if (b.len + (size_t)n > max)
			return err_set(e, ERR_STATE, "%s is larger than %zu KiB", name, max >> 10);
		buf_addn(&b, data, (size_t)n);
	}
	if (n < 0)
		return err_wrap(e, "%s", name);
	*len = b.len;
	*out = buf_take(&b);
	return 0;
}
