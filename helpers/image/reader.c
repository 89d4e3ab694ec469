/* SPDX-License-Identifier: Apache-2.0 */
/* image/reader.c - bytes one after the other: of a file, a pipe, an entry of an archive, or decompressed */

#include "reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "inflate.h"

enum { BLOCK = 256 << 10, MAGIC_MAX = 6, TAR_BLOCK = 512 };

void reader_fd(struct reader *r, int fd, bool owns)
{
	*r = (struct reader){ .fd = fd, .owns = owns, .buf = mem_alloc(BLOCK) };
}

int reader_archive_err(struct archive *a, const char *what, struct err *e)
{
	const char *why = archive_error_string(a);

	return err_set(e, ERR_STATE, "%s: %s", what, why ? why : "it is damaged");
}

int reader_entry(struct reader *r, int fd, int64_t at, struct err *e)
{
	struct archive_entry *ae;

	*r = (struct reader){ .fd = -1, .a = archive_read_new() };
	if (lseek(fd, at, SEEK_SET) < 0)
		return err_sys(e, "lseek", NULL, "reading the archive");
	if (archive_read_support_format_tar(r->a) != ARCHIVE_OK || archive_read_open_fd(r->a, fd, BLOCK) != ARCHIVE_OK ||
	    archive_read_next_header(r->a, &ae) < ARCHIVE_WARN)
		return reader_archive_err(r->a, "the archive", e);
	r->size = (uint64_t)archive_entry_size(ae);
	return 0;
}

/* ---- what comes next ---- */

static ssize_t read_some(struct reader *r, size_t at, struct err *e)
{
	ssize_t n;

	do
		n = read(r->fd, r->buf + at, BLOCK - at);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "read", NULL, "reading the archive") : n;
}

static ssize_t next_block(struct reader *r, const void **data, struct err *e)
{
	la_int64_t at;
	size_t n = 0;
	int rc;

	do
		rc = archive_read_data_block(r->a, data, &n, &at);
	while (rc == ARCHIVE_OK && n == 0);
	if (rc == ARCHIVE_EOF)
		return 0;
	return rc < ARCHIVE_WARN ? reader_archive_err(r->a, "the archive", e) : (ssize_t)n;
}

ssize_t reader_next(struct reader *r, const void **data, struct err *e)
{
	ssize_t n;

	if (r->inflate) {
		*data = r->buf;
		n = inflate_read(r->inflate, (unsigned char *)r->buf, BLOCK, e);
		return n < 0 ? err_wrap(e, "decompressing") : n;
	}
	if (r->peeked) {
		*data = r->peeked;
		r->peeked = NULL;
		return (ssize_t)r->n_peeked;
	}
	if (r->a)
		return next_block(r, data, e);
	*data = r->buf;
	if (r->have > 0) {
		n = (ssize_t)r->have;
		r->have = 0;
		return n;
	}
	return read_some(r, 0, e);
}

/* ---- compression ---- */

static const struct {
	enum compression c;
	size_t n;
	const char *magic;
} MAGIC[] = {
	{ COMPRESSION_GZIP, 2, "\x1f\x8b" },
	{ COMPRESSION_ZSTD, 4, "\x28\xb5\x2f\xfd" },
	{ COMPRESSION_XZ, 6, "\xfd" "7zXZ" },
	{ COMPRESSION_BZIP2, 3, "BZh" },
};

/* At least @least bytes in the buffer, where there are so many. */
static int peek(struct reader *r, size_t least, struct err *e)
{
	while (r->have < least) {	/* a pipe gives what it has */
		ssize_t n = read_some(r, r->have, e);

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		r->have += (size_t)n;
	}
	return 0;
}

int reader_compression(struct reader *r, enum compression *c, struct err *e)
{
	const void *data = r->buf;
	ssize_t n;

	*c = COMPRESSION_NONE;
	if (r->a && !r->peeked) {
		n = next_block(r, &r->peeked, e);
		if (n <= 0) {
			r->peeked = NULL;
			return n < 0 ? -1 : 0;
		}
		r->n_peeked = (size_t)n;
	}
	if (!r->a && peek(r, MAGIC_MAX, e) < 0)
		return -1;
	if (r->a)
		data = r->peeked;
	for (size_t i = 0; i < N_ELEMS(MAGIC); i++)
		if ((r->a ? r->n_peeked : r->have) >= MAGIC[i].n && memcmp(data, MAGIC[i].magic, MAGIC[i].n) == 0)
			*c = MAGIC[i].c;
	return 0;
}

/* The sum over a header of tar, its own field taken as blanks, is written in that field. */
static bool is_tar_header(const unsigned char *block)
{
	enum { SUM_AT = 148, SUM_LEN = 8 };
	unsigned long sum = 0;
	char text[SUM_LEN + 1] = "";

	memcpy(text, block + SUM_AT, SUM_LEN);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + SUM_LEN ? ' ' : block[i];
	return strtoul(text, NULL, 8) == sum;
}

int reader_may_be_archive(struct reader *r, bool *may, struct err *e)
{
	enum compression c;

	if (reader_compression(r, &c, e) < 0 || peek(r, TAR_BLOCK, e) < 0)
		return -1;
	*may = c != COMPRESSION_NONE || (r->have >= TAR_BLOCK && is_tar_header((const unsigned char *)r->buf));
	return 0;
}

/* What @inner gives lies where it likes, as much as it likes. */
static ssize_t feed_inflate(void *arg, void *buf, size_t size, struct err *e)
{
	struct reader *r = arg;
	size_t n;

	if (!r->n_peeked) {
		ssize_t got = reader_next(r->inner, &r->peeked, e);

		if (got <= 0)
			return got;
		r->n_peeked = (size_t)got;
	}
	n = r->n_peeked < size ? r->n_peeked : size;
	memcpy(buf, r->peeked, n);
	r->peeked = (const char *)r->peeked + n;
	r->n_peeked -= n;
	return (ssize_t)n;
}

void reader_inflate(struct reader *r, uint64_t max_memory)
{
	struct reader *inner = mem_alloc(sizeof(*inner));

	*inner = *r;
	*r = (struct reader){ .fd = -1, .inner = inner, .buf = mem_alloc(BLOCK) };
	r->inflate = inflate_begin(feed_inflate, r, max_memory ? max_memory : INFLATE_MEMORY);
}

static la_ssize_t feed_archive(struct archive *a, void *arg, const void **data)
{
	struct err e = { 0 };
	ssize_t n = reader_next(arg, data, &e);

	if (n < 0)
		archive_set_error(a, EIO, "%s", e.what);
	return n;
}

int reader_archive(struct reader *r, struct archive *a, struct err *e)
{
	return archive_read_open(a, r, NULL, feed_archive, NULL) < ARCHIVE_WARN ? reader_archive_err(a, "the archive", e) : 0;
}

void reader_fini(struct reader *r)
{
	if (r->a)
		archive_read_free(r->a);
	inflate_end(r->inflate);
	if (r->inner) {
		reader_fini(r->inner);
		free(r->inner);
	}
	if (r->owns)
		auto_close(&r->fd);
	free(r->buf);
	*r = (struct reader){ .fd = -1 };
}
