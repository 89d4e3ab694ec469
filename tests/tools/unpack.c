/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/unpack.c - has lichen-image unpack one layer, and prints what it says
 *
 *	unpack [OPTION...] DIR BLOB
 *
 *	--single	one id, else root is the caller and the rest its subordinate ids
 *	--ask JSON	more fields of the request: '{"max_entries":5}'
 *	--grow N	the blob comes N bytes at a time
 *	--give-up N	and whoever brings it ends after N bytes
 *	--stall		"pid N", and it begins to come when standard input has ended; with --grow
 *	--time		the last line says milliseconds and the peak memory in KiB
 *
 * $LICHEN_IMAGE is the helper. A line a message: layer DIGEST DIFF-ID BYTES ENTRIES DEVICES, owner UID GID MODE PATH,
 * warn TEXT, done TEXT, error TEXT, hint TEXT. Status 0: done; 1: an error; 2: neither.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"
#include "spec/image_msg.h"

struct wish {
	bool is_single, is_timed, stalls;
	const char *ask;
	size_t grow, give_up;
	const char *dir, *blob;
};

static void die(const char *what)
{
	fprintf(stderr, "unpack: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- the id map ---- */

static unsigned long first_id(const char *file)
{
	const struct passwd *pw = getpwuid(getuid());
	char line[256];
	FILE *f = fopen(file, "r");
	unsigned long first = 0;

	while (f && pw && !first && fgets(line, sizeof(line), f)) {
		size_t n = strlen(pw->pw_name);

		if (strncmp(line, pw->pw_name, n) == 0 && line[n] == ':')
			first = strtoul(line + n + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return first;
}

static void write_map(const char *tool, const char *map, const char *subordinate, pid_t child, unsigned own, bool is_single)
{
	AUTO_BUF struct buf path = { 0 }, text = { 0 };
	unsigned long first = is_single ? 0 : geteuid() ? first_id(subordinate) : 100000;

	buf_addf(&text, first && geteuid() ? "%s %d 0 %u 1 1 %lu 65536" : "%s %d 0 %u 1\n1 %lu 65536", tool, (int)child, own, first);
	if (first && geteuid()) {
		if (system(text.s) != 0)
			die(tool);
		return;
	}
	text.len = 0;
	buf_addf(&text, first ? "0 %u 1\n1 %lu 65536\n" : "0 %u 1\n", own, first);
	buf_addf(&path, "/proc/%d/%s", (int)child, map);
	if (fd_burn(AT_FDCWD, path.s, text.s) < 0)
		die(path.s);
}

static void map_ids(pid_t child, bool is_single)
{
	AUTO_BUF struct buf path = { 0 };

	buf_addf(&path, "/proc/%d/setgroups", (int)child);
	if (is_single && fd_burn(AT_FDCWD, path.s, "deny") < 0)
		die("setgroups");
	write_map("newuidmap", "uid_map", "/etc/subuid", child, getuid(), is_single);
	write_map("newgidmap", "gid_map", "/etc/subgid", child, getgid(), is_single);
}

static pid_t start(const struct wish *w, int talk)
{
	const char *helper = getenv("LICHEN_IMAGE");
	int ready[2], go[2];
	char c = 0;
	pid_t pid = -1;

	if (!helper)
		die("LICHEN_IMAGE is not set");
	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			die("unshare");
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
		    dup2(talk, IMAGE_TALK_FD) < 0)
			die("start");
		if (talk == IMAGE_TALK_FD && fd_cloexec(talk, false) < 0)
			die("start");
		execl(helper, helper, "unpack", (char *)NULL);
		die(helper);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(2);
	map_ids(pid, w->is_single);
	if (write(go[1], &c, 1) != 1)
		die("start");
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	close(go[1]);
	return pid;
}

/* ---- a blob that grows ---- */

static pid_t grow(const struct wish *w, int from, int to, int counter)
{
	uint64_t good = 0;
	pid_t pid = fork();
	char *buf;
	ssize_t n;

	if (pid != 0)
		return pid;
	buf = mem_alloc(w->grow);
	while (w->stalls && read(STDIN_FILENO, buf, 1) > 0)
		;
	while ((n = read(from, buf, w->grow)) > 0) {
		if (fd_write_all(to, buf, (size_t)n) < 0)
			die("write");
		good += (uint64_t)n;
		if (write(counter, &good, sizeof(good)) < 0)
			_exit(0);
		if (w->give_up && good >= w->give_up)
			_exit(0);
	}
	good = IMAGE_BLOB_WHOLE;
	if (write(counter, &good, sizeof(good)) < 0)
		_exit(0);
	_exit(0);
}

static void request(const struct wish *w, int talk)
{
	json_t *ask = w->ask ? json_loads(w->ask, 0, NULL) : json_object();
	int fds[3], counter[2] = { -1, -1 };
	char *text;

	if (!ask)
		die("--ask is no JSON");
	if (w->is_single)
		json_object_set_new(ask, "single", json_true());
	fds[0] = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fds[1] = open(w->blob, O_RDONLY | O_CLOEXEC);
	if (fds[0] < 0 || fds[1] < 0)
		die("open");
	if (w->grow) {
		int copy = memfd_create("blob", MFD_CLOEXEC);

		if (copy < 0 || pipe2(counter, O_CLOEXEC) < 0 || grow(w, fds[1], copy, counter[1]) < 0)
			die("grow");
		close(counter[1]);
		close(fds[1]);
		fds[1] = copy;
		fds[2] = counter[0];
	}
	text = json_dumps(ask, 0);
	if (fd_send(talk, text, strlen(text), fds, w->grow ? 3 : 2) < 0)
		die("send");
	free(text);
	json_decref(ask);
	for (size_t i = 0; i < (w->grow ? 3 : 2); i++)
		close(fds[i]);
}

/* ---- what it says ---- */

static void print_safe(const char *word, const char *text)
{
	AUTO_BUF struct buf b = { 0 };

	buf_add_safe(&b, text);
	printf("%s %s\n", word, b.s ? b.s : "");
}

static void print_owners(int fd)
{
	struct stat st;
	const char *s;

	if (fstat(fd, &st) < 0 || !st.st_size)
		return;
	s = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	for (const char *at = s; s != MAP_FAILED && at < s + st.st_size; at += strlen(at) + 1)
		print_safe("owner", at);
}

static void print_error(const struct err *e)
{
	AUTO_BUF struct buf b = { 0 };

	err_print_line(e, &b);
	print_safe("error", b.s);
}

static int listen_to(int talk)
{
	struct image_msg m;
	int fd = -1, status = 2;
	size_t n_fds = 1;

	while (status == 2 && fd_recv(talk, &m, sizeof(m), &fd, &n_fds) == (ssize_t)sizeof(m)) {
		if (m.kind == IMSG_WARN) {
			print_safe("warn", m.text);
		} else if (m.kind == IMSG_LAYER) {
			printf("layer %s %s %" PRIu64 " %" PRIu64 " %u\n", m.digest, m.text, m.done, m.total, m.index);
			if (n_fds)
				print_owners(fd);
		} else if (m.kind == IMSG_DONE) {
			print_safe("done", m.text);
			status = 0;
		} else if (m.kind == IMSG_ERROR) {
			print_error(&m.err);
			status = 1;
		}
		if (n_fds)
			close(fd);
		n_fds = 1;
	}
	return status;
}

static int parse(int argc, char **argv, struct wish *w)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (str_eq(argv[i], "--single"))
			w->is_single = true;
		else if (str_eq(argv[i], "--time"))
			w->is_timed = true;
		else if (str_eq(argv[i], "--stall"))
			w->stalls = true;
		else if (str_eq(argv[i], "--ask") && i + 1 < argc)
			w->ask = argv[++i];
		else if (str_eq(argv[i], "--grow") && i + 1 < argc)
			w->grow = strtoul(argv[++i], NULL, 10);
		else if (str_eq(argv[i], "--give-up") && i + 1 < argc)
			w->give_up = strtoul(argv[++i], NULL, 10);
		else
			return -1;
	}
	if (i + 2 != argc)
		return -1;
	w->dir = argv[i];
	w->blob = argv[i + 1];
	return 0;
}

int main(int argc, char **argv)
{
	struct wish w = { 0 };
	struct timespec a, b;
	struct rusage used;
	int talk[2], status, said;
	pid_t pid;

	if (parse(argc, argv, &w) < 0) {
		fputs("usage: unpack [--single] [--ask JSON] [--grow N [--give-up N] [--stall]] [--time] DIR BLOB\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	clock_gettime(CLOCK_MONOTONIC, &a);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		die("socketpair");
	pid = start(&w, talk[1]);
	close(talk[1]);
	request(&w, talk[0]);
	if (w.stalls) {
		printf("pid %d\n", (int)pid);
		fflush(stdout);
	}
	said = listen_to(talk[0]);
	if (wait4(pid, &status, 0, &used) < 0)
		die("wait4");
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (w.is_timed)
		printf("time %.1f %ld\n", (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6, used.ru_maxrss);
	return said;
}
