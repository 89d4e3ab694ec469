/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_tar.c - layer_unpack() of anything: an error that says something, or a tree; and nothing outside of it
 *
 * Real files are made, with one id, in a directory below $TMPDIR or /tmp, beside which a canary stands. The first byte says
 * how much comes at once, so that headers are cut anywhere.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "layer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct feed {
	const unsigned char *at;
	size_t left, step;
};

static ssize_t next(void *arg, const unsigned char **data, struct err *e)
{
	struct feed *f = arg;
	size_t n = f->left < f->step ? f->left : f->step;

	(void)e;
	*data = f->at;
	f->at += n;
	f->left -= n;
	return (ssize_t)n;
}

static char top[256];

static void remove_top(void)
{
	AUTO_CLOSE int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)!unlinkat(fd, "canary", 0);
	rmdir(top);
}

/* The directory with the canary, once. */
static int open_top(void)
{
	static int fd = -1;
	const char *tmp = getenv("TMPDIR");

	if (fd >= 0)
		return fd;
	snprintf(top, sizeof(top), "%s/fuzz-tar.XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(top) != NULL);
	atexit(remove_top);
	fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0 && close(openat(fd, "canary", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == 0);
	umask(0);
	return fd;
}

/* Only root/ and canary, as they were. */
static void check_top(int fd)
{
	AUTO_DIR DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *de;
	struct stat st;
	size_t n = 0;

	must(d != NULL);
	while ((de = readdir(d)))
		n++;
	must(n == 4);
	must(fstatat(fd, "canary", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_mode == (S_IFREG | 0600) &&
	     st.st_size == 0 && st.st_nlink == 1);
	must(fstatat(fd, "root", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));
}

/* Who fuzzes may have no capability: directories that were shut are opened on the way. */
static void open_up(int dir, unsigned depth)
{
	AUTO_DIR DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *de;

	while (d && depth < 400 && (de = readdir(d))) {
		AUTO_CLOSE int fd = -1;
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") || fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) || fchmodat(dir, de->d_name, 0700, 0) < 0)
			continue;
		fd = openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			open_up(fd, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct layer_caps CAPS = { .bytes = 1 << 20, .entries = 200, .depth = 40, .name = 1000 };
	struct feed feed = { size ? data + 1 : data, size ? size - 1 : 0, size && data[0] ? (size_t)data[0] * 64 : 4096 };
	const struct layer_source source = { next, &feed };
	struct tree t = { .is_single = true, .max_memory = 1 << 20, .owners = memfd_create("owners", MFD_CLOEXEC) };
	struct layer_count n;
	struct err e = { 0 }, ignored;
	int fd = open_top(), root;

	must(mkdirat(fd, "root", 0700) == 0);
	root = openat(fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(root >= 0 && t.owners >= 0);
	parents_init(&t.at, root);
	must(tree_begin(&t, &e) == 0);
	if (layer_unpack(&source, &t, &CAPS, &n, &e) < 0)
		must((e.kind == ERR_SPEC || e.kind == ERR_SYS) && e.what[0]);
	else
		must(n.entries <= CAPS.entries && n.bytes <= CAPS.bytes);
	check_top(fd);
	fchmod(root, 0700);
	open_up(root, 0);
	must(parents_clear(&t.at, fd, "root", "root", &ignored) == 0);
	tree_fini(&t);
	close(root);
	close(t.owners);
	return 0;
}
