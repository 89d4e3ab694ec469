/* SPDX-License-Identifier: Apache-2.0 */
/* image/blob.c - a blob on its way into the store: written, hashed, counted, verified, renamed */

#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/size.h"
#include "base/str.h"

enum { COUNT_STEP = 256 << 10 };

/* "blobs/sha256/HEX" */
static bool path_of(const char *digest, char out[32 + DIGEST_MAX])
{
	const char *colon = strchr(digest, ':');

	if (!digest_is_valid(digest))
		return false;
	snprintf(out, 32 + DIGEST_MAX, "blobs/%.*s/%s", (int)(colon - digest), digest, colon + 1);
	return true;
}

int blob_open(int images, const char *digest)
{
	char path[32 + DIGEST_MAX];

	if (!path_of(digest, path)) {
		errno = EINVAL;
		return -1;
	}
	return openat(images, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int tell_begun(struct blob *b, struct err *e)
{
	struct image_msg m = { .kind = IMSG_BLOB, .index = b->index, .total = b->total };
	AUTO_CLOSE int file = openat(b->place->tmp, b->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO_CLOSE int reader = -1;
	int ends[2];

	if (file < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "openat", b->name, "handing a blob to lichen");
	reader = ends[0];
	b->counter = ends[1];
	if (fcntl(b->counter, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(e, "fcntl", "O_NONBLOCK", "handing a blob to lichen");
	return talk_send(b->place->talk, &m, (const int[]){ file, reader }, 2, e);
}

int blob_begin(struct blob *b, struct blob_place *place, uint32_t index, const char *like, uint64_t total, struct err *e)
{
	char text[SIZE_TEXT], cap[SIZE_TEXT];

	*b = (struct blob){ .place = place, .index = index, .fd = -1, .counter = -1, .total = total };
	if (total > place->one_max)
		return err_set(e, ERR_STATE, "a blob of %s is more than the %s that one may have", size_format(total, text),
			       size_format(place->one_max, cap));
	if (digest_begin(&b->digest, like, e) < 0)
		return -1;
	snprintf(b->name, sizeof(b->name), "blob-%u", atomic_fetch_add(&place->names, 1u));
	b->fd = openat(place->tmp, b->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->fd < 0)
		return err_sys(e, "openat", b->name, "making a file for a blob");
	return index == BLOB_QUIET ? 0 : tell_begun(b, e);
}

/* No more numbers than a pipe takes, however long it is not read: the steps grow with the file. */
static void count(struct blob *b)
{
	uint64_t step = b->done / 256 > COUNT_STEP ? b->done / 256 : COUNT_STEP;

	if (b->counter < 0 || b->done - b->counted < step)
		return;
	b->counted = b->done;
	if (write(b->counter, &b->done, sizeof(b->done)) < 0 && errno != EAGAIN && errno != EINTR)
		auto_close(&b->counter);	/* nobody reads it */
}

static void count_whole(struct blob *b)
{
	const uint64_t whole = IMAGE_BLOB_WHOLE;
	struct pollfd p = { .fd = b->counter, .events = POLLOUT };

	while (b->counter >= 0 && write(b->counter, &whole, sizeof(whole)) < 0 && (errno == EAGAIN || errno == EINTR))
		poll(&p, 1, -1);
	auto_close(&b->counter);
}

static int check_caps(struct blob *b, size_t n, struct err *e)
{
	struct blob_place *place = b->place;
	char text[SIZE_TEXT];

	if (b->total && n > b->total - b->done)
		return err_set(e, ERR_STATE, "a blob is longer than the %" PRIu64 " bytes that it was said to have", b->total);
	if (n > place->one_max - b->done)
		return err_set(e, ERR_STATE, "a blob is larger than the %s that one may have", size_format(place->one_max, text));
	if (atomic_fetch_add(&place->all, n) + n > place->all_max)
		return err_set(e, ERR_STATE, "all blobs are larger than the %s that they may have together",
			       size_format(place->all_max, text));
	return 0;
}

int blob_add(struct blob *b, const void *data, size_t n, struct err *e)
{
	if (check_caps(b, n, e) < 0)
		return -1;
	if (fd_write_all(b->fd, data, n) < 0)
		return err_sys(e, "write", b->name, "writing a blob");
	if (!b->leaves_digest)
		digest_add(&b->digest, data, n);
	b->done += n;
	count(b);
	if (b->index == BLOB_QUIET)
		return 0;
	if (!talk_is_due(&b->shown_ms))
		return 0;
	return talk_progress(b->place->talk, b->index, b->done, b->total, e);
}

static int check_size(const struct blob *b, struct err *e)
{
	if (!b->total || b->done == b->total)
		return 0;
	return err_set(e, ERR_STATE, "a blob ends after %" PRIu64 " of the %" PRIu64 " bytes that it was said to have", b->done, b->total);
}

static int check_digest(const char *want, const char *got, struct err *e)
{
	if (!want || !want[0] || str_eq(want, got))
		return 0;
	err_set(e, ERR_STATE, "a blob is not what its digest says: %s was expected, and it is %s", want, got);
	return err_hint(e, "it was damaged on its way, or somebody changed it; bring the image again, or from elsewhere");
}

static int move(const struct blob_place *place, char *name, const char *digest, struct err *e)
{
	char path[32 + DIGEST_MAX], dir[24];

	if (!path_of(digest, path))
		return err_set(e, ERR_BUG, "a blob has no digest");
	snprintf(dir, sizeof(dir), "blobs/%.*s", (int)strcspn(digest, ":"), digest);
	if ((mkdirat(place->images, "blobs", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(place->images, dir, 0700) < 0 && errno != EEXIST))
		return err_sys(e, "mkdirat", dir, "making the directory of blobs");
	if (renameat(place->tmp, name, place->images, path) < 0)
		return err_sys(e, "renameat", path, "putting a blob into the store");
	name[0] = '\0';
	return 0;
}

int blob_end(struct blob *b, const char *want, char got[DIGEST_MAX], struct err *e)
{
	struct image_msg m = { .kind = IMSG_BLOB_DONE, .index = b->index, .total = b->done };

	digest_end(&b->digest, m.digest);
	if (check_size(b, e) < 0 || check_digest(want, m.digest, e) < 0 || move(b->place, b->name, m.digest, e) < 0)
		return -1;
	count_whole(b);
	if (got)
		str_copy(got, DIGEST_MAX, m.digest);
	auto_close(&b->fd);
	return b->index == BLOB_QUIET ? 0 : talk_send(b->place->talk, &m, NULL, 0, e);
}

int blob_leave(struct blob *b, char name[BLOB_NAME_MAX], struct err *e)
{
	struct image_msg m = { .kind = IMSG_BLOB_READ, .index = b->index, .total = b->done };

	if (check_size(b, e) < 0)
		return -1;
	str_copy(name, BLOB_NAME_MAX, b->name);
	b->name[0] = '\0';
	count_whole(b);
	auto_close(&b->fd);
	return talk_send(b->place->talk, &m, NULL, 0, e);
}

int blob_name(struct blob_place *place, uint32_t index, char name[BLOB_NAME_MAX], uint64_t size, const char *want, const char *digest,
	      struct err *e)
{
	struct image_msg m = { .kind = IMSG_BLOB_DONE, .index = index, .total = size };

	str_copy(m.digest, sizeof(m.digest), digest);
	if (check_digest(want, digest, e) < 0 || move(place, name, digest, e) < 0)
		return -1;
	return talk_send(place->talk, &m, NULL, 0, e);
}

void blob_fini(struct blob *b)
{
	if (b->place && b->fd >= 0 && b->name[0])
		unlinkat(b->place->tmp, b->name, 0);
	auto_close(&b->fd);
	auto_close(&b->counter);
	digest_fini(&b->digest);
	*b = (struct blob){ .fd = -1, .counter = -1 };
}

int blob_put(struct blob_place *place, const void *data, size_t n, const char *want, char got[DIGEST_MAX], struct err *e)
{
	AUTO_BLOB struct blob b = { .fd = -1, .counter = -1 };

	if (blob_begin(&b, place, BLOB_QUIET, want, n, e) < 0 || blob_add(&b, data, n, e) < 0)
		return -1;
	return blob_end(&b, want, got, e);
}

int blob_tell(struct blob_place *place, uint32_t index, const char *digest, struct err *e)
{
	AUTO_CLOSE int file = blob_open(place->images, digest);
	struct image_msg m = { .kind = IMSG_BLOB, .index = index };
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return err_sys(e, "openat", digest, "handing a blob to lichen");
	m.total = (uint64_t)st.st_size;
	if (talk_send(place->talk, &m, &file, 1, e) < 0)
		return -1;
	m.kind = IMSG_BLOB_DONE;
	str_copy(m.digest, sizeof(m.digest), digest);
	return talk_send(place->talk, &m, NULL, 0, e);
}
