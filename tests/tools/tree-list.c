/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/tree-list.c - prints all that a file system keeps of a tree, a line a name, for comparing
 *
 *	tree-list DIR
 *
 * NAME TYPE MODE UID:GID LINKS SIZE MTIME SUM [-> TARGET] [ATTRIBUTE=HEX...], sorted by name; the sum is of the content. A
 * directory's size and links are the file system's own, and left out.
 */

#include <fcntl.h>
#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

static uint64_t sum_of(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char buf[65536];
	uint64_t sum = UINT64_C(14695981039346656037);
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * UINT64_C(1099511628211);
	return sum;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_xattrs(const char *path)
{
	static char names[65536], value[65536];
	ssize_t n = llistxattr(path, names, sizeof(names));
	AUTO_STRV struct strv lines = { 0 };

	for (const char *s = names; n > 0 && s < names + n; s += strlen(s) + 1) {
		ssize_t len = lgetxattr(path, s, value, sizeof(value));
		struct buf b = { 0 };

		buf_addf(&b, " %s=", s);
		for (ssize_t i = 0; i < len; i++)
			buf_addf(&b, "%02x", (unsigned)(unsigned char)value[i]);
		strv_add_take(&lines, buf_take(&b));
	}
	if (lines.n)
		qsort(lines.v, lines.n, sizeof(*lines.v), by_text);
	for (size_t i = 0; i < lines.n; i++)
		fputs(lines.v[i], stdout);
}

static void print(const FTSENT *f)
{
	const struct stat *st = f->fts_statp;
	char target[8192] = "";

	printf("%s %o %o %u:%u", *f->fts_path == '.' && f->fts_path[1] == '/' ? f->fts_path + 2 : f->fts_path, (unsigned)(st->st_mode & S_IFMT) >> 12,
	       (unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid);
	if (!S_ISDIR(st->st_mode))
		printf(" %u %lld", (unsigned)st->st_nlink, (long long)st->st_size);
	printf(" %lld.%09ld", (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode))
		printf(" %016llx", (unsigned long long)sum_of(f->fts_accpath));
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		printf(" %u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (S_ISLNK(st->st_mode) && readlink(f->fts_accpath, target, sizeof(target) - 1) >= 0)
		printf(" -> %s", target);
	print_xattrs(f->fts_accpath);
	putchar('\n');
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int main(int argc, char **argv)
{
	char dot[] = ".", *paths[] = { dot, NULL };
	FTS *fts;
	FTSENT *f;

	if (argc != 2 || chdir(argv[1]) < 0 || !(fts = fts_open(paths, FTS_PHYSICAL, by_name))) {
		fprintf(stderr, "usage: tree-list DIR\n");
		return 2;
	}
	while ((f = fts_read(fts)))
		if (f->fts_info != FTS_DP)
			print(f);
	fts_close(fts);
	return 0;
}
