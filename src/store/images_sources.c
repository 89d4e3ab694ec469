/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_sources.c - files of this machine that became images
 *
 * A file is told by what changes with it: device, inode, size and its two times. What was looked
 * up before it was read is what counts: a file that was changed meanwhile is not noted.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "store/images_internal.h"

/* The clock of files stands still for so long: a second change within it is not seen. */
enum { TICK_MS = 20, SOURCE_MAX = 256 };

static bool is_fresh(const struct timespec *t)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - t->tv_sec) * 1000 + (now.tv_nsec - t->tv_nsec) / 1000000 < TICK_MS;
}

/* "sources/KEY"; owned. *@is_young: it may change again without being seen. */
static char *source_file(int fd, const char *part, bool *is_young, struct err *e)
{
	AUTO_FREE char *text = NULL;
	char hex[SHA256_HEX + 1];
	struct stat sb;

	if (fstat(fd, &sb) < 0) {
		err_sys(e, "fstat", NULL, "cannot look at the image's file");
		return NULL;
	}
	*is_young = is_fresh(&sb.st_ctim);
	text = str_fmt("%ju %ju %jd %jd.%ld %jd.%ld %s", (uintmax_t)sb.st_dev, (uintmax_t)sb.st_ino, (intmax_t)sb.st_size,
		       (intmax_t)sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec, (intmax_t)sb.st_ctim.tv_sec, sb.st_ctim.tv_nsec, part ? part : "");
	sha256_hex(text, strlen(text), hex);
	return str_fmt("sources/%s", hex);
}

char *images_read_id(const struct images *im, const char *file)
{
	AUTO_FREE char *text = NULL;

	if (fd_read_file(im->fd, file, SOURCE_MAX, &text, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return digest_is_valid(text) ? ptr_take(&text) : NULL;
}

int images_find_source(struct images *im, int fd, const char *part, char **id, struct err *e)
{
	bool is_young;
	AUTO_FREE char *file = source_file(fd, part, &is_young, e), *held = NULL, *record = NULL;

	*id = NULL;
	if (!file)
		return -1;
	str_set(&im->source_key, is_young ? NULL : file);
	held = images_read_id(im, file);
	record = held ? images_record(held) : NULL;
	if (!record || faccessat(im->fd, record, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	*id = ptr_take(&held);
	return 1;
}

int images_note_source(struct images *im, int fd, const char *part, const char *id, struct err *e)
{
	bool is_young;
	AUTO_FREE char *file = source_file(fd, part, &is_young, e), *text = str_fmt("%s\n", id);
	const struct tmp_place p = images_place(im);

	if (!file || images_may_write(im, e) < 0)
		return -1;
	if (!str_eq(file, im->source_key))
		return 0;
	return tmp_put(&p, file, text, strlen(text), true, false, e);
}
