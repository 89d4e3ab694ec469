/* SPDX-License-Identifier: Apache-2.0 */
/* image/inflate.h - compressed streams: gzip, zstd, xz, bzip2 or none, told by their content
 *
 * Members and frames that follow each other are one stream, and zeros behind the last one are none; whatever else
 * follows is an error, as an end in the middle is. What it was said to be is not asked.
 */
#ifndef IMAGE_INFLATE_H
#define IMAGE_INFLATE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { INFLATE_INPUT = 128 << 10 };

/* The window of zstd and xz, where nobody says another. */
#define INFLATE_MEMORY (UINT64_C(128) << 20)

/* The compressed bytes: up to @size of them. Return: how many, 0 at the end, -1 with @e */
typedef ssize_t inflate_source_fn(void *arg, void *buf, size_t size, struct err *e);

struct inflate;

/* @max_memory: of the window of zstd and xz. Nothing is read yet. Never NULL. */
struct inflate *inflate_begin(inflate_source_fn *source, void *arg, uint64_t max_memory);
/* Fills @out as far as there is anything. Return: how many, 0 at the end, -1 with @e */
NODISCARD ssize_t inflate_read(struct inflate *in, unsigned char *out, size_t size, struct err *e);
/* "gzip", "zstd", "xz", "bzip2"; "" for none, and before the first read. */
const char *inflate_name(const struct inflate *in);
void inflate_end(struct inflate *in);

#endif
