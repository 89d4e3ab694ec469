/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/image-task.c - asks lichen-image for a task as the launcher does, and prints what it says
 *
 *	image-task HELPER TASK DIR KEY=TEXT... KEY:=JSON...
 *
 * DIR/images is made, and DIR/images/tmp/task. Of a source every layer is wanted. Lines:
 *
 *	step TEXT	warn TEXT	draft RECORD	image RECORD
 *	blob INDEX TOTAL	done INDEX DIGEST SIZE [TEXT]	whole INDEX (the counter said so)
 *	end DIGEST TEXT	token TEXT	error WHAT	hint HINT
 *
 * Exit status: 0 it is done, 1 it failed, 2 it said what it must not.
 */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "spec/image.h"
#include "spec/image_msg.h"

enum { LAYERS = 600 };

static int counters[LAYERS];

static void die(const char *what)
{
	fprintf(stderr, "image-task: %s: %s\n", what, strerror(errno));
	exit(2);
}

static json_t *request(char **words, int n)
{
	json_t *out = json_object();

	for (int i = 0; i < n; i++) {
		char *eq = strchr(words[i], '=');
		json_t *value;

		if (!eq || eq == words[i])
			die(words[i]);
		if (eq[-1] == ':') {
			eq[-1] = '\0';
			value = json_loads(eq + 1, JSON_DECODE_ANY, NULL);
		} else {
			value = json_string(eq + 1);
		}
		*eq = '\0';
		json_object_set_new(out, words[i], value);
	}
	return out;
}

static void say_more(int sock, uint32_t layers)
{
	struct image_msg m = { .kind = IMSG_WANT };

	for (m.index = 0; m.index < layers; m.index++)
		if (fd_send(sock, &m, sizeof(m), NULL, 0) < 0)
			die("IMSG_WANT");
	m = (struct image_msg){ .kind = IMSG_GO };
	if (fd_send(sock, &m, sizeof(m), NULL, 0) < 0)
		die("IMSG_GO");
}

/* A record is printed, and has to be one. Return: how many layers */
static uint32_t print_record(const char *what, int fd)
{
	AUTO_FREE char *text = NULL;
	struct image im = { 0 };
	struct err e = { 0 };
	size_t len;
	uint32_t n;
	char path[FD_PATH_MAX];

	if (fd_read_any(fd_path(fd, path), IMAGE_RECORD_MAX, &text, &len) < 0)
		die("reading a record");
	printf("%s %s\n", what, text);
	if (image_read(text, len, &im, &e) < 0) {
		printf("bad-record %s\n", e.what);
		exit(2);
	}
	n = (uint32_t)im.n_layers;
	image_fini(&im);
	return n;
}

/* Numbers grow, and end with the word that all is there. */
static void drain(uint32_t index)
{
	uint64_t n, last = 0;

	while (read(counters[index], &n, sizeof(n)) == sizeof(n)) {
		if (n < last) {
			printf("bad-counter %u\n", index);
			exit(2);
		}
		last = n;
	}
	if (last == IMAGE_BLOB_WHOLE)
		printf("whole %u\n", index);
	auto_close(&counters[index]);
}

/* Return: whether it goes on */
static bool heard(int sock, const struct image_msg *m, int *fds, size_t n_fds, int *status)
{
	static uint32_t layers;
	char path[FD_PATH_MAX];
	AUTO_FREE char *text = NULL;

	switch (m->kind) {
	case IMSG_STEP:
	case IMSG_WARN:
		printf("%s %s\n", m->kind == IMSG_STEP ? "step" : "warn", m->text);
		break;
	case IMSG_DRAFT:
		layers = print_record("draft", fds[0]);
		say_more(sock, layers);
		break;
	case IMSG_IMAGE:
		print_record("image", fds[0]);
		break;
	case IMSG_BLOB:
		printf("blob %u %llu\n", m->index, (unsigned long long)m->total);
		if (n_fds == 2 && m->index < LAYERS)
			counters[m->index] = fd_take(&fds[1]);
		break;
	case IMSG_PROGRESS:
		break;
	case IMSG_BLOB_DONE:
		if (m->index < LAYERS && counters[m->index] >= 0)
			drain(m->index);
		printf("done %u %s %llu %s\n", m->index, m->digest, (unsigned long long)m->total, m->text);
		break;
	case IMSG_DONE:
		printf("end %s %s\n", m->digest, m->text);
		if (n_fds == 1 && fd_read_any(fd_path(fds[0], path), IMAGE_RECORD_MAX, &text, NULL) == 0)
			printf("token %s\n", text);
		*status = 0;
		return false;
	case IMSG_ERROR:
		printf("error %s\n", m->err.what);
		if (m->err.hint[0])
			printf("hint %s\n", m->err.hint);
		*status = 1;
		return false;
	default:
		printf("bad-message %u\n", m->kind);
		*status = 2;
		return false;
	}
	return true;
}

static int talk(int sock)
{
	int status = 2;

	for (bool goes_on = true; goes_on;) {
		struct image_msg m;
		int fds[2] = { -1, -1 };
		size_t n_fds = 2;

		if (fd_recv(sock, &m, sizeof(m), fds, &n_fds) != (ssize_t)sizeof(m)) {
			printf("died\n");
			return 2;
		}
		goes_on = heard(sock, &m, fds, n_fds, &status);
		fflush(stdout);
		auto_close(&fds[0]);
		auto_close(&fds[1]);
	}
	return status;
}

int main(int argc, char **argv)
{
	AUTO_FREE char *images = NULL, *tmp = NULL, *text = NULL, *parent = NULL;
	int pair[2], fds[2], status;
	json_t *wanted;
	pid_t pid;

	if (argc < 4)
		die("HELPER TASK DIR KEY=TEXT...");
	for (size_t i = 0; i < LAYERS; i++)
		counters[i] = -1;
	images = str_fmt("%s/images", argv[3]);
	parent = str_fmt("%s/tmp", images);
	tmp = str_fmt("%s/task", parent);
	mkdir(images, 0700);
	mkdir(parent, 0700);
	mkdir(tmp, 0700);
	wanted = request(argv + 4, argc - 4);
	text = json_dumps(wanted, 0);
	fds[0] = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!text || fds[0] < 0 || fds[1] < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die("beginning");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (pair[1] == IMAGE_TALK_FD ? fd_cloexec(IMAGE_TALK_FD, false) < 0 : dup2(pair[1], IMAGE_TALK_FD) < 0)
			die("dup2");
		execl(argv[1], argv[1], argv[2], (char *)NULL);
		die(argv[1]);
	}
	close(pair[1]);
	if (fd_send(pair[0], text, strlen(text), fds, 2) < 0)
		die("sending the request");
	status = talk(pair[0]);
	close(pair[0]);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	if (rmdir(tmp) < 0 && errno != EEXIST && errno != ENOTEMPTY)
		die(tmp);
	json_decref(wanted);
	return status;
}
