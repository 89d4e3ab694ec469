/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy_content.c - what is in one file: bytes, holes, extended attributes; and how far the copy is */

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"
#include "steps/copy_internal.h"
#include "steps/owners.h"

enum { CHUNK = 8 << 20 };
enum { PROGRESS_AFTER_MS = 1000, PROGRESS_EVERY_MS = 100 };

int64_t copy_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Now and then: shows how far we are; -1 with EINTR when we are told to stop. */
int copy_tick(struct copy *c)
{
	int64_t now = copy_now_ms();

	if (now - c->last < PROGRESS_EVERY_MS)
		return 0;
	c->last = now;
	if (stop_pending()) {
		errno = EINTR;
		return -1;
	}
	if (c->shows && now - c->began >= PROGRESS_AFTER_MS) {
		dprintf(STDERR_FILENO, "\rlichen: copying: %llu files, %llu MB\033[K",
			(unsigned long long)c->st.files, (unsigned long long)(c->st.bytes / 1000000));
		c->shown = true;
	}
	return 0;
}

static void copy_xattr(struct copy *c, int in, int out, const char *name)
{
	AUTO_FREE char *value = mem_alloc(XATTR_SIZE_MAX);
	ssize_t size = fgetxattr(in, name, value, XATTR_SIZE_MAX);

	if (size >= 0 && fsetxattr(out, name, value, (size_t)size, 0) < 0)
		c->st.xattrs++;
}

void copy_xattrs(struct copy *c, int in, int out)
{
	AUTO_FREE char *names = NULL;
	ssize_t len = flistxattr(in, NULL, 0), size;

	c->n_caps = 0;
	if (len <= 0)
		return;
	names = mem_alloc((size_t)len);
	len = flistxattr(in, names, (size_t)len);
	for (char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		if (str_eq(n, OWNERS_CAPS_XATTR)) {
			size = fgetxattr(in, n, c->caps, sizeof(c->caps));
			if (size < 0)
				c->st.caps++; /* of a root that is not in the map */
			else
				c->n_caps = (size_t)size;
		} else if (str_starts(n, "user.") && !str_starts(n, "user.overlay.")) {
			/* user.overlay.* means something to the kernel: not carried over */
			copy_xattr(c, in, out, n);
		}
	}
}

/* Some bytes, at the files' positions: the fastest way that works here. */
static ssize_t copy_some(int in, int out, size_t want)
{
	char buf[16384];
	ssize_t n = copy_file_range(in, NULL, out, NULL, want, 0);

	if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EINTR)))
		return n;
	n = sendfile(out, in, NULL, want);
	if (n > 0 || (n < 0 && errno != EINVAL && errno != ENOSYS))
		return n;
	n = read(in, buf, want < sizeof(buf) ? want : sizeof(buf));
	return n > 0 && fd_write_all(out, buf, (size_t)n) < 0 ? -1 : n;
}

/* From the positions up to @end; a file that got shorter meanwhile is copied as far as it goes. */
static int copy_range(struct copy *c, int in, int out, off_t from, off_t end)
{
	while (from < end) {
		size_t want = end - from < CHUNK ? (size_t)(end - from) : CHUNK;
		ssize_t n = copy_some(in, out, want);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			from += n;
			c->st.bytes += (uint64_t)n;
		}
		if (copy_tick(c) < 0)
			return -1;
	}
	return 0;
}

int copy_content(struct copy *c, int in, int out, const struct stat *st)
{
	off_t pos = 0;

	if (st->st_blocks >= st->st_size / 512)
		return copy_range(c, in, out, 0, st->st_size);
	while (pos < st->st_size) {	/* sparse: only what is there */
		off_t data = lseek(in, pos, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			data = pos;
		hole = lseek(in, data, SEEK_HOLE);
		if (hole <= data || hole > st->st_size)
			hole = st->st_size;
		if (data >= hole)
			break;
		if (lseek(in, data, SEEK_SET) < 0 || lseek(out, data, SEEK_SET) < 0 ||
		    copy_range(c, in, out, data, hole) < 0)
			return -1;
		pos = hole;
	}
	return ftruncate(out, st->st_size);
}
