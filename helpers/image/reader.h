/* SPDX-License-Identifier: Apache-2.0 */
/* image/reader.h - bytes one after the other: of a file, a pipe, an entry of an archive, or decompressed */
#ifndef IMAGE_READER_H
#define IMAGE_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct archive;
struct inflate;

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_XZ, COMPRESSION_BZIP2 };

struct reader {
	int fd;			/* borrowed, or owned where @owns; -1 */
	bool owns;
	char *buf;
	size_t have;		/* peeked at, in buf */
	struct archive *a;	/* NULL: the file itself */
	struct inflate *inflate; /* NULL: as it is; owned, as what it reads from, @inner */
	struct reader *inner;
	const void *peeked;	/* a block of @a that was peeked at; or what @inner gave and @inflate has not taken yet */
	size_t n_peeked;
	uint64_t size;		/* of all; 0: not known */
};

void reader_fd(struct reader *r, int fd, bool owns);
/* The entry whose header begins at @at of the archive @fd, which nobody else reads meanwhile. Errors: STATE */
NODISCARD int reader_entry(struct reader *r, int fd, int64_t at, struct err *e);
/* What it begins with says what it is. */
NODISCARD int reader_compression(struct reader *r, enum compression *c, struct err *e);
/* Of a reader of a file or pipe: whether it begins as a tar does, or as something compressed. */
NODISCARD int reader_may_be_archive(struct reader *r, bool *may, struct err *e);
/* From now on decompressed; what is not compressed stays as it is. @max_memory: as inflate_begin(); 0: INFLATE_MEMORY */
void reader_inflate(struct reader *r, uint64_t max_memory);
/* The next bytes, good until the next call. Return: how many, 0 at the end, -1 */
ssize_t reader_next(struct reader *r, const void **data, struct err *e);
void reader_fini(struct reader *r);

/* Has @a, whose formats are chosen, read from @r, which has to outlive it. Errors: STATE */
NODISCARD int reader_archive(struct reader *r, struct archive *a, struct err *e);
/* From libarchive's words; evaluates to -1. */
int reader_archive_err(struct archive *a, const char *what, struct err *e);

#define AUTO_READER __attribute__((cleanup(reader_fini)))

#endif
