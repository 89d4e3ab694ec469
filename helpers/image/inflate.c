/* SPDX-License-Identifier: Apache-2.0 */
/* image/inflate.c - compressed streams: gzip, zstd, xz, bzip2 or none, told by their content */

#include "inflate.h"

#include <bzlib.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/str.h"

enum { MAGIC_MAX = 6 };

struct codec {
	const char *name;
	bool (*is_it)(const unsigned char *head, size_t n);
	int (*begin)(struct inflate *s, struct err *e);	/* a member; called again for the next one */
	int (*step)(struct inflate *s, struct err *e);	/* takes from in, gives to out; sets is_ended at a member's end */
	void (*end)(struct inflate *s);
};

struct inflate {
	inflate_source_fn *source;
	void *arg;
	uint64_t max_memory;
	const struct codec *codec;	/* NULL: nothing is known yet */
	unsigned char *input;		/* INFLATE_INPUT bytes; owned */
	const unsigned char *in;	/* what is left of it */
	size_t in_len;
	bool is_drained;		/* the source has ended */
	unsigned char *out;
	size_t out_len;
	bool is_ended;			/* between members */
	struct inflate_state *gzip;	/* one of them, by codec; owned */
	ZSTD_DCtx *zstd;
	lzma_stream xz;
	bz_stream bzip2;
	bool has_begun;
};

static int damaged(const struct inflate *s, const char *why, struct err *e)
{
	return err_set(e, ERR_SPEC, "the %s stream is damaged: %s", s->codec->name, why);
}

static int too_large(const struct inflate *s, struct err *e)
{
	err_set(e, ERR_SPEC, "the %s stream needs a window that is larger than the cap of %llu MiB", s->codec->name,
		(unsigned long long)(s->max_memory >> 20));
	return err_hint(e, "--max-unpack-memory SIZE allows more");
}

/* ---- gzip ---- */

static bool is_gzip(const unsigned char *head, size_t n)
{
	return n >= 3 && memcmp(head, "\x1f\x8b\x08", 3) == 0;
}

static int gzip_begin(struct inflate *s, struct err *e)
{
	(void)e;
	if (!s->gzip)
		s->gzip = mem_alloc(sizeof(*s->gzip));
	isal_inflate_init(s->gzip);
	s->gzip->crc_flag = ISAL_GZIP;
	return 0;
}

static int gzip_step(struct inflate *s, struct err *e)
{
	struct inflate_state *z = s->gzip;
	int r;

	z->next_in = (unsigned char *)(uintptr_t)s->in; /* not written to */
	z->avail_in = (uint32_t)s->in_len;
	z->next_out = s->out;
	z->avail_out = (uint32_t)s->out_len;
	r = isal_inflate(z);
	s->in = z->next_in;
	s->in_len = z->avail_in;
	s->out = z->next_out;
	s->out_len = z->avail_out;
	s->is_ended = z->block_state == ISAL_BLOCK_FINISH;
	if (r == ISAL_INCORRECT_CHECKSUM)
		return damaged(s, "its checksum does not match", e);
	return r < 0 ? damaged(s, "this is no deflated data", e) : 0;
}

static void gzip_end(struct inflate *s)
{
	free(s->gzip);
}

/* ---- zstd ---- */

static bool is_zstd(const unsigned char *head, size_t n)
{
	return n >= 4 && (memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0 ||
			  ((head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0)); /* or a frame to be skipped */
}

static int zstd_begin(struct inflate *s, struct err *e)
{
	int log = 10;

	while (log < 31 && UINT64_C(2) << log <= s->max_memory)
		log++;
	if (!s->zstd)
		s->zstd = ZSTD_createDCtx();
	if (!s->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, log)))
		return err_set(e, ERR_HOST, "libzstd cannot be set up");
	return 0;
}

static int zstd_step(struct inflate *s, struct err *e)
{
	ZSTD_inBuffer in = { s->in, s->in_len, 0 };
	ZSTD_outBuffer out = { s->out, s->out_len, 0 };
	size_t r = ZSTD_decompressStream(s->zstd, &out, &in);

	s->in += in.pos;
	s->in_len -= in.pos;
	s->out += out.pos;
	s->out_len -= out.pos;
	s->is_ended = r == 0;
	if (!ZSTD_isError(r))
		return 0;
	return ZSTD_getErrorCode(r) == ZSTD_error_frameParameter_windowTooLarge ? too_large(s, e) : damaged(s, ZSTD_getErrorName(r), e);
}

static void zstd_end(struct inflate *s)
{
	ZSTD_freeDCtx(s->zstd);
}

/* ---- xz ---- */

static bool is_xz(const unsigned char *head, size_t n)
{
	return n >= MAGIC_MAX && memcmp(head, "\xfd" "7zXZ\0", MAGIC_MAX) == 0;
}

static int xz_begin(struct inflate *s, struct err *e)
{
	if (lzma_stream_decoder(&s->xz, s->max_memory, 0) != LZMA_OK)
		return err_set(e, ERR_HOST, "liblzma cannot be set up");
	return 0;
}

static int xz_step(struct inflate *s, struct err *e)
{
	lzma_ret r;

	s->xz.next_in = s->in;
	s->xz.avail_in = s->in_len;
	s->xz.next_out = s->out;
	s->xz.avail_out = s->out_len;
	r = lzma_code(&s->xz, LZMA_RUN);
	s->in = s->xz.next_in;
	s->in_len = s->xz.avail_in;
	s->out = s->xz.next_out;
	s->out_len = s->xz.avail_out;
	s->is_ended = r == LZMA_STREAM_END;
	if (r == LZMA_OK || r == LZMA_STREAM_END || r == LZMA_BUF_ERROR)
		return 0;
	return r == LZMA_MEMLIMIT_ERROR ? too_large(s, e) : damaged(s, "liblzma refuses it", e);
}

static void xz_end(struct inflate *s)
{
	lzma_end(&s->xz);
}

/* ---- bzip2 ---- */

static bool is_bzip2(const unsigned char *head, size_t n)
{
	return n >= 4 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9';
}

static void bzip2_end(struct inflate *s)
{
	BZ2_bzDecompressEnd(&s->bzip2);
}

static int bzip2_begin(struct inflate *s, struct err *e)
{
	if (s->has_begun)
		bzip2_end(s);
	if (BZ2_bzDecompressInit(&s->bzip2, 0, 0) != BZ_OK)
		return err_set(e, ERR_HOST, "libbz2 cannot be set up");
	return 0;
}

static int bzip2_step(struct inflate *s, struct err *e)
{
	int r;

	s->bzip2.next_in = (char *)(uintptr_t)s->in; /* not written to */
	s->bzip2.avail_in = (unsigned)s->in_len;
	s->bzip2.next_out = (char *)s->out;
	s->bzip2.avail_out = (unsigned)s->out_len;
	r = BZ2_bzDecompress(&s->bzip2);
	s->in += s->in_len - s->bzip2.avail_in;
	s->in_len = s->bzip2.avail_in;
	s->out += s->out_len - s->bzip2.avail_out;
	s->out_len = s->bzip2.avail_out;
	s->is_ended = r == BZ_STREAM_END;
	return r == BZ_OK || r == BZ_STREAM_END ? 0 : damaged(s, "libbz2 refuses it", e);
}

/* ---- none ---- */

static bool is_plain(const unsigned char *head, size_t n)
{
	(void)head, (void)n;
	return true;
}

static int plain_begin(struct inflate *s, struct err *e)
{
	(void)s, (void)e;
	return 0;
}

static void plain_end(struct inflate *s)
{
	(void)s;
}

/* Straight to @out, but for what was read to see what it is. */
static ssize_t plain_read(struct inflate *s, unsigned char *out, size_t size, struct err *e)
{
	size_t n = s->in_len < size ? s->in_len : size;

	if (!n)
		return s->is_drained ? 0 : s->source(s->arg, out, size, e);
	memcpy(out, s->in, n);
	s->in += n;
	s->in_len -= n;
	return (ssize_t)n;
}

static const struct codec CODECS[] = {
	{ "gzip", is_gzip, gzip_begin, gzip_step, gzip_end },
	{ "zstd", is_zstd, zstd_begin, zstd_step, zstd_end },
	{ "xz", is_xz, xz_begin, xz_step, xz_end },
	{ "bzip2", is_bzip2, bzip2_begin, bzip2_step, bzip2_end },
	{ "", is_plain, plain_begin, NULL, plain_end },
};

/* ---- all of them ---- */

/* Reads until at least @n bytes are there, or the end. */
static int fill(struct inflate *s, size_t n, struct err *e)
{
	if (s->in_len >= n || s->is_drained)
		return 0;
	memmove(s->input, s->in, s->in_len);
	s->in = s->input;
	while (s->in_len < n && !s->is_drained) {
		ssize_t got = s->source(s->arg, s->input + s->in_len, INFLATE_INPUT - s->in_len, e);

		if (got < 0)
			return -1;
		s->in_len += (size_t)got;
		s->is_drained = got == 0;
	}
	return 0;
}

static int next_member(struct inflate *s, struct err *e)
{
	if (fill(s, MAGIC_MAX, e) < 0)
		return -1;
	while (s->in_len && !*s->in) {
		s->in++;
		s->in_len--;
		if (fill(s, MAGIC_MAX, e) < 0)
			return -1;
	}
	if (!s->in_len)
		return 0;
	if (!s->codec->is_it(s->in, s->in_len))
		return err_set(e, ERR_SPEC, "behind the %s stream there is something else", s->codec->name);
	s->is_ended = false;
	return s->codec->begin(s, e);
}

static int find_codec(struct inflate *s, struct err *e)
{
	if (fill(s, MAGIC_MAX, e) < 0)
		return -1;
	for (s->codec = CODECS; !s->codec->is_it(s->in, s->in_len);)
		s->codec++;
	if (s->codec->begin(s, e) < 0)
		return -1;
	s->has_begun = true;
	return 0;
}

ssize_t inflate_read(struct inflate *s, unsigned char *out, size_t size, struct err *e)
{
	if (!s->codec && find_codec(s, e) < 0)
		return -1;
	if (!s->codec->step)
		return plain_read(s, out, size, e);
	s->out = out;
	s->out_len = size;
	while (s->out_len) {
		size_t in_before, out_before;

		if (s->is_ended && next_member(s, e) < 0)
			return -1;
		if (s->is_ended)
			break;
		if (fill(s, 1, e) < 0)
			return -1;
		in_before = s->in_len;
		out_before = s->out_len;
		if (s->codec->step(s, e) < 0)
			return -1;
		if (!s->is_ended && s->in_len == in_before && s->out_len == out_before && s->is_drained)
			return err_set(e, ERR_SPEC, "the %s stream ends in the middle: it is not complete", s->codec->name);
	}
	return (ssize_t)(size - s->out_len);
}

struct inflate *inflate_begin(inflate_source_fn *source, void *arg, uint64_t max_memory)
{
	struct inflate *s = mem_alloc(sizeof(*s));

	*s = (struct inflate){ .source = source, .arg = arg, .max_memory = max_memory, .xz = LZMA_STREAM_INIT };
	s->input = mem_alloc(INFLATE_INPUT);
	s->in = s->input;
	return s;
}

const char *inflate_name(const struct inflate *s)
{
	return s->codec ? s->codec->name : "";
}

void inflate_end(struct inflate *s)
{
	if (s && s->has_begun)
		s->codec->end(s);
	if (s)
		free(s->input);
	free(s);
}
