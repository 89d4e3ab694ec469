/* SPDX-License-Identifier: Apache-2.0 */
/* run/mend.c - what a kept layer needs before fuse-overlayfs serves it again
 *
 * With a changed file fuse-overlayfs keeps a handle of the one below it that it was copied
 * from, and takes the file's number from there. Of a file with several names (hard links) the
 * other names are then the same file to the kernel, with the size of the one and the bytes of
 * the other (seen with 1.10). Without the handle each name has what is stored under it.
 */

#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "run/internal.h"

static const char ORIGIN[] = "user.fuseoverlayfs.origin";

/* How many names the file has below, in the topmost layer that has it. */
static nlink_t names_below(const char *lowers, size_t n, const char *path)
{
	struct stat st;

	for (size_t i = 1; i <= n; i++) {
		AUTO_FREE char *below = str_fmt("%s/%zu%s", lowers, i, path);

		if (lstat(below, &st) == 0)
			return S_ISREG(st.st_mode) ? st.st_nlink : 0;
	}
	return 0;
}

void layer_mend(const char *upper, const char *lowers, size_t n)
{
	AUTO_FREE char *root = str_dup(upper), *first = NULL;
	char *const roots[] = { root, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	size_t links = 0;

	if (!walk)
		return;
	for (FTSENT *f; (f = fts_read(walk));) {
		if (f->fts_info != FTS_F || lremovexattr(f->fts_path, ORIGIN) < 0)
			continue;
		if (names_below(lowers, n, f->fts_path + strlen(upper)) < 2)
			continue;
		if (!links++)
			first = str_dup(f->fts_path + strlen(upper));
	}
	fts_close(walk);
	if (links)
		log_warn("%s has several names (hard links), and was changed by an earlier run: only this name has the change%s",
			 first, links > 1 ? ", and there are more such files" : "");
}
