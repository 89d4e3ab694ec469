/* SPDX-License-Identifier: Apache-2.0 */
/* tools/fake-image.c - stands in for lichen-image, and says what a script tells it to say
 *
 * Beside it lie the scripts, a file named after each task ("source", "unpack"); for a task without one, "real" beside it is
 * executed. A line is a word and its arguments:
 *
 *	draft INDEX TOTAL FILE, image INDEX FILE	a record
 *	await			until GO
 *	force			blobs from now on, whether they were asked for or not
 *	blob INDEX TOTAL FILE	begins with the bytes of FILE, as a growing file with its counter; where it was asked for
 *	more INDEX FILE		and goes on with these
 *	whole INDEX DIGEST SIZE	is in its place
 *	put FILE DIGEST		a blob that is not talked about
 *	diff N			until N diff ids have come
 *	layer DIGEST DIFF_ID BYTES ENTRIES DEVICES
 *	made NAME BYTES		a file in the tree
 *	owners FILE		as layer's descriptor, from now on
 *	say KIND INDEX TOTAL	a message by its number; sayfd: with a descriptor, of FILE (by O_PATH) where one follows
 *	step TEXT, warn TEXT, error ERRNO TEXT, done TEXT
 *	garbage BYTES
 *	note FILE		makes FILE
 *	hang, exit STATUS, kill SIGNAL, print TEXT
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "spec/image_msg.h"

enum { FD_FIRST, FD_SECOND, FD_THIRD, N_FDS, BLOBS = 64 };

static int fds[N_FDS] = { -1, -1, -1 }, counters[BLOBS], files[BLOBS], owners = -1;
static uint64_t lengths[BLOBS];
static bool is_wanted[BLOBS], is_forced;

static void fail(const char *what)
{
	fprintf(stderr, "fake-image: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static void speak(struct image_msg *m, const int *with, size_t n)
{
	if (fd_send(IMAGE_TALK_FD, m, sizeof(*m), with, n) < 0)
		fail("sendmsg");
}

static void copy(int to, const char *path)
{
	char *text;
	size_t len;

	if (fd_read_any(path, FD_READ_MAX, &text, &len) < 0 || fd_write_all(to, text, len) < 0)
		fail(path);
	free(text);
}

static int memory(const char *path)
{
	int fd = memfd_create("record", MFD_CLOEXEC);

	copy(fd, path);
	return fd;
}

static void count(int i)
{
	struct stat st;

	if (fstat(files[i], &st) < 0)
		fail("fstat");
	lengths[i] = (uint64_t)st.st_size;
	if (write(counters[i], &lengths[i], sizeof(lengths[i])) < 0 && errno != EPIPE)
		fail("write");
}

static void blob(int i, uint64_t total, const char *path)
{
	struct image_msg m = { .kind = IMSG_BLOB, .index = (uint32_t)i, .total = total };
	char name[32];
	int p[2], with[2];

	snprintf(name, sizeof(name), "blob-%d", i);
	files[i] = openat(fds[FD_SECOND], name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (files[i] < 0 || pipe(p) < 0)
		fail(name);
	counters[i] = p[1];
	with[0] = files[i];
	with[1] = p[0];
	copy(files[i], path);
	count(i);
	speak(&m, with, 2);
	close(p[0]);
}

static void place(const char *from, int from_dir, const char *digest)
{
	char to[256];

	snprintf(to, sizeof(to), "blobs/sha256/%s", digest + strlen("sha256:"));
	if (renameat(from_dir, from, fds[FD_FIRST], to) < 0)
		fail(to);
}

static void whole(int i, const char *digest, uint64_t size)
{
	struct image_msg m = { .kind = IMSG_BLOB_DONE, .index = (uint32_t)i, .total = size };
	const uint64_t all = IMAGE_BLOB_WHOLE;
	char name[32];

	snprintf(name, sizeof(name), "blob-%d", i);
	place(name, fds[FD_SECOND], digest);
	if (write(counters[i], &all, sizeof(all)) < 0 && errno != EPIPE)
		fail("write");
	close(counters[i]);
	str_copy(m.digest, sizeof(m.digest), digest);
	speak(&m, NULL, 0);
}

static void put(const char *path, const char *digest)
{
	int fd = openat(fds[FD_SECOND], "put", O_RDWR | O_CREAT | O_TRUNC, 0600);

	copy(fd, path);
	close(fd);
	place("put", fds[FD_SECOND], digest);
}

static void await(uint32_t kind, int n)
{
	struct image_msg m;

	while (n > 0) {
		if (recv(IMAGE_TALK_FD, &m, sizeof(m), 0) <= 0)
			_exit(0);
		n -= m.kind == kind;
		if (m.kind == IMSG_WANT && m.index < BLOBS)
			is_wanted[m.index] = true;
	}
}

static void text_message(enum image_msg_kind kind, int errnum, const char *text)
{
	struct image_msg m = { .kind = kind };
	char plain[512];
	size_t n = 0;

	/* \e is an escape */
	for (const char *s = text; *s && n < sizeof(plain) - 1; s++) {
		bool is_escape = s[0] == '\\' && s[1] == 'e';

		plain[n++] = is_escape ? '\033' : *s;
		s += is_escape;
	}
	plain[n] = '\0';
	str_copy(m.text, sizeof(m.text), plain);
	if (kind == IMSG_ERROR) {
		m.err = (struct err){ .kind = ERR_SYS, .errnum = errnum, .file = (const char *)1, .line = 7 };
		str_copy(m.err.what, sizeof(m.err.what), plain);
		str_copy(m.err.op, sizeof(m.err.op), plain);
		str_copy(m.err.path, sizeof(m.err.path), plain);
	}
	speak(&m, NULL, 0);
}

static void layer(char **w)
{
	struct image_msg m = { .kind = IMSG_LAYER, .done = strtoull(w[3], NULL, 10), .total = strtoull(w[4], NULL, 10),
			       .index = (uint32_t)strtoul(w[5], NULL, 10) };

	str_copy(m.digest, sizeof(m.digest), w[1]);
	str_copy(m.text, sizeof(m.text), w[2]);
	speak(&m, &owners, owners >= 0);
}

static void made(const char *name, long bytes)
{
	int fd = openat(fds[FD_FIRST], name, O_RDWR | O_CREAT, 0644);
	static const char block[4096] = "lichen";

	for (; bytes > 0; bytes -= (long)sizeof(block))
		if (fd < 0 || write(fd, block, sizeof(block)) != (ssize_t)sizeof(block)) {
			text_message(IMSG_ERROR, errno, "writing a file of the layer");
			_exit(1);
		}
	close(fd);
}

static void record(enum image_msg_kind kind, const char *index, const char *total, const char *path)
{
	struct image_msg m = { .kind = kind, .index = (uint32_t)strtoul(index, NULL, 10), .total = strtoull(total, NULL, 10) };
	int fd = memory(path);

	speak(&m, &fd, 1);
}

static void number_message(char **w, bool has_fd)
{
	struct image_msg m = { .kind = (uint32_t)strtoul(w[1], NULL, 10), .index = (uint32_t)strtoul(w[2], NULL, 10),
			       .total = strtoull(w[3], NULL, 10) };
	int fd = w[4] ? open(w[4], O_PATH) : open("/dev/null", O_RDONLY);

	speak(&m, &fd, has_fd);
}

static void garbage(size_t n)
{
	char junk[sizeof(struct image_msg) + 64];

	memset(junk, 0xa5, sizeof(junk));
	if (fd_send(IMAGE_TALK_FD, junk, n < sizeof(junk) ? n : sizeof(junk), NULL, 0) < 0)
		fail("sendmsg");
}

static bool is_about_blob(const char *word)
{
	return str_eq(word, "blob") || str_eq(word, "more") || str_eq(word, "whole");
}

static void obey(char **w, const char *rest)
{
	const int n = w[1] ? atoi(w[1]) : 0;

	if (str_eq(w[0], "draft"))
		record(IMSG_DRAFT, w[1], w[2], w[3]);
	else if (str_eq(w[0], "image"))
		record(IMSG_IMAGE, w[1], "0", w[2]);
	else if (str_eq(w[0], "await"))
		await(IMSG_GO, 1);
	else if (str_eq(w[0], "force"))
		is_forced = true;
	else if (is_about_blob(w[0]) && !is_forced && !is_wanted[n])
		return;
	else if (str_eq(w[0], "blob"))
		blob(n, strtoull(w[2], NULL, 10), w[3]);
	else if (str_eq(w[0], "more"))
		copy(files[n], w[2]), count(n);
	else if (str_eq(w[0], "whole"))
		whole(n, w[2], strtoull(w[3], NULL, 10));
	else if (str_eq(w[0], "put"))
		put(w[1], w[2]);
	else if (str_eq(w[0], "diff"))
		await(IMSG_DIFF, n);
	else if (str_eq(w[0], "layer"))
		layer(w);
	else if (str_eq(w[0], "made"))
		made(w[1], atol(w[2]));
	else if (str_eq(w[0], "owners"))
		owners = memory(w[1]);
	else if (str_eq(w[0], "say") || str_eq(w[0], "sayfd"))
		number_message(w, str_eq(w[0], "sayfd"));
	else if (str_eq(w[0], "step") || str_eq(w[0], "warn") || str_eq(w[0], "done"))
		text_message(w[0][0] == 's' ? IMSG_STEP : w[0][0] == 'w' ? IMSG_WARN : IMSG_DONE, 0, rest);
	else if (str_eq(w[0], "error"))
		text_message(IMSG_ERROR, n, strchr(rest, ' ') + 1);
	else if (str_eq(w[0], "garbage"))
		garbage((size_t)n);
	else if (str_eq(w[0], "note"))
		close(open(w[1], O_WRONLY | O_CREAT, 0644));
	else if (str_eq(w[0], "hang"))
		for (;;)
			pause();
	else if (str_eq(w[0], "exit"))
		_exit(n);
	else if (str_eq(w[0], "kill"))
		raise(n);
	else if (str_eq(w[0], "print"))
		fprintf(stderr, "%s\n", rest);
	else
		fprintf(stderr, "fake-image: no such word: %s\n", w[0]);
}

static void play(const char *script)
{
	char line[4096], words[4096], *w[8], *save;
	FILE *f = fopen(script, "re");

	if (!f)
		fail(script);
	while (fgets(line, sizeof(line), f)) {
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		str_copy(words, sizeof(words), line);
		memset(w, 0, sizeof(w));
		for (char *s = strtok_r(words, " ", &save); s && n < N_ELEMS(w) - 1; s = strtok_r(NULL, " ", &save))
			w[n++] = s;
		if (n)
			obey(w, line[strlen(w[0])] ? line + strlen(w[0]) + 1 : "");
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	static char request[IMAGE_REQUEST_MAX];
	char script[4096], *slash;
	size_t n_fds = N_FDS;
	ssize_t n = readlink("/proc/self/exe", script, sizeof(script) - 32);

	if (argc != 2 || n < 0)
		return 2;
	script[n] = '\0';
	slash = strrchr(script, '/') + 1;
	snprintf(slash, 32, "%.30s", argv[1]);
	if (access(script, F_OK) < 0) {
		snprintf(slash, 32, "real");
		execl(script, script, argv[1], (char *)NULL);
		fail(script);
	}
	signal(SIGPIPE, SIG_IGN);
	if (fd_recv(IMAGE_TALK_FD, request, sizeof(request), fds, &n_fds) <= 0)
		fail("recvmsg");
	play(script);
	return 0;
}
