/* SPDX-License-Identifier: Apache-2.0 */
/* image/stream.c - a layer's blob, which may still grow, as the bytes of its tar, with both digests */

#include "stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "digest.h"
#include "inflate.h"
#include "ring.h"
#include "spec/image_msg.h"

enum { READER_CALLER, READER_HASH, READER_INFLATE = 0 /* of @packed */, PACKED_CHUNKS = 4 };

struct stream {
	struct stream_how how;
	struct ring ring, packed;	/* of the tar; of the blob, where that is compressed */
	bool is_packed;			/* there is a reader */
	const unsigned char *left;	/* of what @packed gave last */
	size_t n_left;
	struct inflate *inflate;
	struct digest blob, tar;
	pthread_t reader, filler, hasher;
	struct err err, read_err;	/* the filler's, the reader's: valid once their rings are broken */
	uint64_t good;			/* bytes of the blob that may be read; IMAGE_BLOB_WHOLE: to its end */
	uint64_t bytes;			/* of the tar */
	uint64_t taken;			/* bytes of the blob, by the filler */
	_Atomic uint64_t done;		/* and those that are read */
};

/* ---- the blob ---- */

/* Waits until there is something behind @at. */
static int wait_for(struct stream *s, uint64_t at, struct err *e)
{
	while (s->good <= at) {
		uint64_t told[64];
		ssize_t n = read(s->how.counter, told, sizeof(told));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read", NULL, "asking how much of the blob is there");
		if (n < (ssize_t)sizeof(*told))
			return err_set(e, ERR_PEER, "the blob will not be complete: whoever brings it has ended");
		s->good = told[(size_t)n / sizeof(*told) - 1];
	}
	return 0;
}

static ssize_t read_blob(struct stream *s, void *buf, size_t size, struct err *e)
{
	uint64_t at = atomic_load_explicit(&s->done, memory_order_relaxed);
	ssize_t n;

	if (wait_for(s, at, e) < 0)
		return -1;
	if (s->good - at < size)
		size = (size_t)(s->good - at);
	do {
		n = pread(s->how.blob, buf, size, (off_t)at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "pread", NULL, "reading the blob");
	if (n == 0 && s->good != IMAGE_BLOB_WHOLE)
		return err_set(e, ERR_PEER, "the blob is shorter than it was said to be");
	at += (uint64_t)n;
	if (at > s->how.max_blob)
		return err_set(e, ERR_SPEC, "the blob is larger than the cap of %llu bytes", (unsigned long long)s->how.max_blob);
	if (s->how.size && at > s->how.size)
		return err_set(e, ERR_SPEC, "the blob is larger than the %llu bytes that it was said to have",
			       (unsigned long long)s->how.size);
	if (n > 0)
		digest_add(&s->blob, buf, (size_t)n);
	atomic_store_explicit(&s->done, at, memory_order_relaxed);
	return n;
}

/* ---- the threads ---- */

static int check_caps(const struct stream *s, struct err *e)
{
	uint64_t blob = s->taken;

	if (s->bytes > s->how.max_bytes)
		return err_set(e, ERR_SPEC, "the layer is larger than the cap of %llu bytes", (unsigned long long)s->how.max_bytes);
	if (s->bytes > STREAM_RATIO_FROM && s->bytes / s->how.max_ratio > blob)
		return err_set(e, ERR_SPEC, "%llu bytes of the blob became more than %llu times as many: this looks like an attack",
			       (unsigned long long)blob, (unsigned long long)s->how.max_ratio);
	return 0;
}

/* Reads and hashes a compressed blob, while another thread decompresses what is read. */
static void *read_all(void *arg)
{
	struct stream *s = arg;
	ssize_t n;

	while ((n = read_blob(s, ring_chunk(&s->packed), RING_CHUNK, &s->read_err)) > 0)
		ring_push(&s->packed, (size_t)n);
	ring_end(&s->packed, n < 0);
	return NULL;
}

static ssize_t take_packed(struct stream *s, void *buf, size_t size, struct err *e)
{
	if (!s->n_left) {
		ssize_t n = ring_next(&s->packed, READER_INFLATE, &s->left);

		if (n < 0)
			*e = s->read_err;
		if (n <= 0)
			return n;
		s->n_left = (size_t)n;
	}
	if (size > s->n_left)
		size = s->n_left;
	memcpy(buf, s->left, size);
	s->left += size;
	s->n_left -= size;
	return (ssize_t)size;
}

static ssize_t take_blob(void *arg, void *buf, size_t size, struct err *e)
{
	struct stream *s = arg;
	ssize_t n = s->is_packed ? take_packed(s, buf, size, e) : read_blob(s, buf, size, e);

	if (n > 0)
		s->taken += (uint64_t)n;
	return n;
}

/* The first bytes have said what it is. One that is not compressed goes straight from the file into its ring. */
static int start_reader(struct stream *s)
{
	if (s->is_packed || !*inflate_name(s->inflate))
		return 0;
	ring_init(&s->packed, PACKED_CHUNKS, 1);
	s->is_packed = true;
	errno = pthread_create(&s->reader, NULL, read_all, s);
	return errno ? err_sys(&s->err, "pthread_create", NULL, "reading a layer") : 0;
}

static void *fill(void *arg)
{
	struct stream *s = arg;
	ssize_t n;

	while ((n = inflate_read(s->inflate, ring_chunk(&s->ring), RING_CHUNK, &s->err)) > 0) {
		s->bytes += (uint64_t)n;
		if (check_caps(s, &s->err) < 0 || start_reader(s) < 0) {
			n = -1;
			break;
		}
		ring_push(&s->ring, (size_t)n);
	}
	ring_end(&s->ring, n < 0);
	return NULL;
}

/* A blob that is not compressed is the tar. */
static bool is_same(const struct stream *s)
{
	return !*inflate_name(s->inflate) && str_eq(s->blob.algorithm, s->tar.algorithm);
}

static void *hash(void *arg)
{
	struct stream *s = arg;
	const unsigned char *data;
	ssize_t n;

	while ((n = ring_next(&s->ring, READER_HASH, &data)) > 0)
		if (!is_same(s))
			digest_add(&s->tar, data, (size_t)n);
	return NULL;
}

int stream_open(const struct stream_how *how, struct stream **out, struct err *e)
{
	struct stream *s = mem_alloc(sizeof(*s));

	s->how = *how;
	s->good = how->counter < 0 ? IMAGE_BLOB_WHOLE : 0;
	ring_init(&s->ring, RING_CHUNKS, RING_READERS);
	s->inflate = inflate_begin(take_blob, s, how->max_memory);
	*out = s;
	return digest_begin(&s->blob, how->digest, e) < 0 || digest_begin(&s->tar, how->diff_id, e) < 0 ? -1 : 0;
}

int stream_start(struct stream *s, struct err *e)
{
	errno = pthread_create(&s->hasher, NULL, hash, s);
	if (!errno)
		errno = pthread_create(&s->filler, NULL, fill, s);
	return errno ? err_sys(e, "pthread_create", NULL, "reading a layer") : 0;
}

ssize_t stream_next(struct stream *s, const unsigned char **data, struct err *e)
{
	ssize_t n = ring_next(&s->ring, READER_CALLER, data);

	if (n < 0)
		*e = s->err;
	return n;
}

uint64_t stream_done(const struct stream *s)
{
	return atomic_load_explicit(&s->done, memory_order_relaxed);
}

static int compare(const char *what, const char *is, const char *said, struct err *e)
{
	if (!said || !*said || str_eq(is, said))
		return 0;
	return err_set(e, ERR_SPEC, "the %s is %s, not %.140s: what came is not what was asked for", what, is, said);
}

int stream_end(struct stream *s, char digest[DIGEST_MAX], char diff_id[DIGEST_MAX], struct err *e)
{
	const unsigned char *data;
	uint64_t size;
	ssize_t n;
	int r = 0;

	while ((n = stream_next(s, &data, e)) > 0)
		;
	if (n < 0)
		return -1;
	pthread_join(s->filler, NULL);
	if (s->is_packed)
		pthread_join(s->reader, NULL);
	pthread_join(s->hasher, NULL);
	digest_end(&s->blob, digest);
	digest_end(&s->tar, diff_id);
	if (is_same(s))
		str_copy(diff_id, DIGEST_MAX, digest);
	size = stream_done(s);
	if (s->how.size && size != s->how.size)
		r = err_set(e, ERR_SPEC, "the blob has %llu bytes, and was said to have %llu", (unsigned long long)size,
			    (unsigned long long)s->how.size);
	if (r == 0 && (compare("digest", digest, s->how.digest, e) < 0 || compare("diff id", diff_id, s->how.diff_id, e) < 0))
		r = -1;
	return r;
}

void stream_free(struct stream *s)
{
	inflate_end(s->inflate);
	ring_fini(&s->ring);
	if (s->is_packed)
		ring_fini(&s->packed);
	free(s);
}
