/* SPDX-License-Identifier: Apache-2.0 */
/* image/stream.h - a layer's blob, which may still grow, as the bytes of its tar, with both digests
 *
 *    blob ── digest ──► ring ── inflate ──► ring ──┬──► diff id       each a thread
 *                                                  └──► who calls
 *
 * What is not compressed has one ring and one digest, which is both, and no thread between.
 * Everything is hashed, also what lies behind the end of the tar. Nothing is true before stream_end().
 */
#ifndef IMAGE_STREAM_H
#define IMAGE_STREAM_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "spec/reference.h"

struct stream_how {
	int blob, counter;		/* borrowed; counter -1: the blob is whole */
	const char *digest, *diff_id;	/* what they must be; NULL: whatever they are */
	uint64_t size;			/* of the blob; 0: not known */
	uint64_t max_blob, max_bytes;	/* of the blob, of the tar */
	uint64_t max_ratio;		/* of the tar to the blob, from STREAM_RATIO_FROM on */
	uint64_t max_memory;		/* of the window of zstd and xz */
};

/* Below it any ratio is taken: text of one letter is no attack. */
#define STREAM_RATIO_FROM (UINT64_C(1) << 30)

struct stream;

/* Loads what the libraries need; no thread yet: before confine_end(). @how is copied, its texts are borrowed. */
NODISCARD int stream_open(const struct stream_how *how, struct stream **out, struct err *e);
NODISCARD int stream_start(struct stream *s, struct err *e);
/* The next bytes, valid until the next call. Return: how many, 0 at the end, -1 with @e */
NODISCARD ssize_t stream_next(struct stream *s, const unsigned char **data, struct err *e);
/* Bytes of the blob that are read. */
uint64_t stream_done(const struct stream *s);
/* Reads what is left; then size and digests must be as they were said to be. A stream that failed is left as it is: its
 * thread may wait for a blob that never comes, and ends with the process. */
NODISCARD int stream_end(struct stream *s, char digest[DIGEST_MAX], char diff_id[DIGEST_MAX], struct err *e);
void stream_free(struct stream *s);	/* behind stream_end() only */

#endif
