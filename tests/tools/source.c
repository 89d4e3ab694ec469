/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/source.c - plays lichen to lichen-image: hands it a request, prints what it says
 *
 *	source [--want-none] [--diff=DIGEST] HELPER TASK REQUEST FILE...
 *
 * REQUEST is JSON, FILEs are opened and sent with it: a directory or a file for reading, "-" is standard input, "+FILE" is
 * made and written, "=" is standard output. All layers are wanted; a layer without a diff id gets its blob's digest, or DIGEST. A line for each message; ends
 * with 1 where the helper says an error.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "spec/image.h"
#include "spec/image_msg.h"

enum { MANY = 600 };

static const char *given_diff;
static bool wants = true;
static uint32_t n_layers;
static uint64_t n_drafts;
static bool lacks_diff[MANY];
static int counters[MANY];

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static pid_t start(const char *helper, const char *task, int sock)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (dup2(sock, IMAGE_TALK_FD) < 0)
		die("dup2");
	execl(helper, helper, task, (char *)NULL);
	die(helper);
}

static int open_file(const char *name)
{
	int fd = str_eq(name, "-") ? dup(STDIN_FILENO) : str_eq(name, "=") ? dup(STDOUT_FILENO)
		: name[0] == '+' ? open(name + 1, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(name);
	return fd;
}

static void say(int sock, enum image_msg_kind kind, uint32_t index, const char *digest)
{
	struct image_msg m = { .kind = kind, .index = index };

	str_copy(m.digest, sizeof(m.digest), digest);
	if (fd_send(sock, &m, sizeof(m), NULL, 0) < 0)
		die("sendmsg");
}

static void show_record(const char *what, int fd, bool is_draft)
{
	AUTO_FREE char *text = NULL;
	struct image im;
	struct err e = { 0 };
	size_t len;

	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_file(fd, "", IMAGE_RECORD_MAX, &text, &len) < 0)
		die("record");
	fprintf(stderr, "%s %s", what, text);
	if (image_read(text, len, &im, &e) < 0) {
		fprintf(stderr, "bad record: %s\n", e.what);
		exit(2);
	}
	for (size_t i = 0; is_draft && i < im.n_layers && n_layers < MANY; i++)
		lacks_diff[n_layers++] = !im.layers[i].diff_id[0];
	image_fini(&im);
}

static void show_error(struct err *e)
{
	AUTO_BUF struct buf b = { 0 };

	e->file = NULL;
	err_print_text(e, &b, 0);
	fputs(b.s, stderr);
}

/* Reads what the counter said; the last number has to be the one for the whole. */
static const char *read_counter(uint32_t index)
{
	uint64_t n, last = 0;
	bool grows = true;

	if (index >= MANY || counters[index] < 0)
		return "none";
	while (read(counters[index], &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		grows = grows && n > last;
		last = n;
	}
	close(counters[index]);
	counters[index] = -1;
	return last != IMAGE_BLOB_WHOLE ? "broken" : grows ? "whole" : "shrinks";
}

static void answer(int sock, const struct image_msg *m)
{
	if (m->kind == IMSG_BLOB_DONE && m->index < MANY && lacks_diff[m->index])
		say(sock, IMSG_DIFF, m->index, given_diff ? given_diff : m->digest);
}

static void show_text(int fd)
{
	AUTO_FREE char *text = NULL;

	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_file(fd, "", IMAGE_RECORD_MAX, &text, NULL) < 0)
		die("text");
	fputs(text, stderr);
}

/* Return: whether there is more to come */
static bool show(int sock, struct image_msg *m, int *fds, size_t n_fds)
{
	m->text[sizeof(m->text) - 1] = m->digest[sizeof(m->digest) - 1] = '\0';
	switch (m->kind) {
	case IMSG_STEP: fprintf(stderr, "step %s\n", m->text); return true;
	case IMSG_WARN: fprintf(stderr, "warn %s\n", m->text); return true;
	case IMSG_DRAFT: show_record("draft", fds[0], true); return true;
	case IMSG_IMAGE: show_record("image", fds[0], false); return true;
	case IMSG_BLOB:
		fprintf(stderr, "blob %u %" PRIu64 " %zu\n", m->index, m->total, n_fds);
		if (m->index < MANY && n_fds == 2) {
			counters[m->index] = fds[1];
			fds[1] = -1;
		}
		return true;
	case IMSG_PROGRESS: return true;
	case IMSG_BLOB_DONE:
		fprintf(stderr, "brought %u %s %" PRIu64 " counter %s%s%s\n", m->index, m->digest, m->total, read_counter(m->index), m->text[0] ? " " : "",
			m->text);
		answer(sock, m);
		return true;
	case IMSG_DONE:
		fprintf(stderr, "done %s %s", m->text, m->digest);
		if (n_fds)
			show_text(fds[0]);
		fprintf(stderr, "\n");
		return false;
	case IMSG_ERROR: show_error(&m->err); return false;
	default: fprintf(stderr, "message %u\n", m->kind); return true;
	}
}

static void go(int sock)
{
	for (uint32_t i = 0; wants && i < n_layers; i++)
		say(sock, IMSG_WANT, i, "");
	say(sock, IMSG_GO, 0, "");
}

static int serve(int sock)
{
	struct image_msg m = { 0 };
	bool more = true;
	int fds[2];

	while (more) {
		size_t n_fds = N_ELEMS(fds);

		if (fd_recv(sock, &m, sizeof(m), fds, &n_fds) != (ssize_t)sizeof(m)) {
			fputs("it ended without a word\n", stderr);
			return 1;
		}
		more = show(sock, &m, fds, n_fds);
		for (size_t i = 0; i < n_fds; i++)
			auto_close(&fds[i]);
		if (m.kind == IMSG_DRAFT && ++n_drafts == m.total)
			go(sock);
	}
	return m.kind == IMSG_ERROR;
}

int main(int argc, char **argv)
{
	int ends[2], fds[4], status;
	size_t n_fds = 0;
	pid_t pid;

	for (; argc > 1 && str_starts(argv[1], "--"); argc--, argv++) {
		if (str_eq(argv[1], "--want-none"))
			wants = false;
		else if (str_starts(argv[1], "--diff="))
			given_diff = argv[1] + strlen("--diff=");
	}
	if (argc < 4 || argc > 8)
		return 2;
	memset(counters, -1, sizeof(counters));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		die("socketpair");
	for (int i = 4; i < argc; i++)
		fds[n_fds++] = open_file(argv[i]);
	pid = start(argv[1], argv[2], ends[1]);
	close(ends[1]);
	if (pid < 0 || fd_send(ends[0], argv[3], strlen(argv[3]), fds, n_fds) < 0)
		die("sendmsg");
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	status = serve(ends[0]);
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return status;
}
