/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_share.c - the socket that hands namespaces over: to whom, and that nobody can hold it up */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/share.h"

struct fixture {
	char dir[64];
	struct run_dir rd;
	int listener;
	struct share_answer a;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	struct spec s;
	struct err e;

	strcpy(f->dir, "/var/tmp/lichen-share.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->rd = (struct run_dir){ .id = str_dup("0123456789ab"), .live = str_dup(f->dir), .lock_fd = -1 };
	spec_init(&s);
	s.ns[NS_IPC].mode = NS_HOST;
	f->a.pid = getpid();
	f->a.host[NS_IPC] = true;
	if (share_open(getpid(), &s, f->a.fds) < 0 || share_listen(&f->rd, &f->listener, &e) < 0)
		return -1;
	spec_fini(&s);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = str_fmt("%s/ns", f->dir);

	share_answer_fini(&f->a);
	auto_close(&f->listener);
	unlink(path);
	rmdir(f->dir);
	free(f->rd.id);
	free(f->rd.live);
	free(f);
	return 0;
}

/* Waits for a connection, at most 5 s, and serves it. */
static void serve_one(struct fixture *f)
{
	struct pollfd p = { .fd = f->listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
	share_serve(f->listener, &f->a);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

enum { ASKED_WELL = 10, REFUSED = 20, ODD = 30 };

/* The asker: a process of its own, as it must not be its own server. */
static int ask(struct fixture *f)
{
	struct share_answer a;
	struct err e;

	if (share_ask(&f->rd, &a, &e) < 0)
		return e.kind == ERR_PEER || e.kind == ERR_SYS ? REFUSED : ODD;
	for (enum ns_type t = 0; t < NS_TYPES; t++) {
		bool is_there = t != NS_IPC && t != NS_MOUNT;

		if ((a.fds[t] >= 0) != is_there || a.host[t] != (t == NS_IPC))
			return ODD;
		if (is_there && !is_same(a.fds[t], f->a.fds[t]))
			return ODD;
		if (is_there && !(fcntl(a.fds[t], F_GETFD) & FD_CLOEXEC))
			return ODD;
	}
	return a.pid == f->a.pid ? ASKED_WELL : ODD;
}

static int status_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_ask(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0)
			_exit(ask(f));
		serve_one(f);
		assert_int_equal(status_of(pid), ASKED_WELL);
	}
}

/* Root inside a sandbox of one id is the caller by number. */
static void test_other_userns(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER) < 0 ? ODD : ask(f));
	serve_one(f);
	assert_int_equal(status_of(pid), REFUSED);
}

static int connect_raw(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/ns", f->dir);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		auto_close(&sock);
	return sock;
}

/* Whatever it sends, without the asker's own checks. */
static int take_raw(struct fixture *f)
{
	int fds[NS_TYPES], sock = connect_raw(f);
	size_t n = NS_TYPES;
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char text[64];

	if (sock < 0 || poll(&p, 1, 5000) != 1)
		return ODD;
	return fd_recv(sock, text, sizeof(text), fds, &n) <= 0 && n == 0 ? REFUSED : ODD;
}

static void test_other_uid(void **state)
{
	struct fixture *f = *state;
	AUTO_FREE char *path = NULL;
	pid_t pid;

	if (geteuid() != 0)
		skip(); /* needs setuid, so root; the functional test tries it with another sandbox's map */
	path = str_fmt("%s/ns", f->dir); /* skip() does not come back to free it */
	/* the directory would refuse it before */
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(path, 0777), 0);
	pid = fork();
	if (pid == 0) /* the asker is careful, too: a directory of ours may be another's */
		_exit(setresuid(65534, 65534, 65534) < 0 || ask(f) != ODD ? ODD : take_raw(f));
	serve_one(f);
	serve_one(f);
	assert_int_equal(status_of(pid), REFUSED);
}

/* Connects without end and reads nothing: the server goes on, and others get their answer. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	int socks[64];
	size_t n = 0;
	pid_t pid;

	share_serve(f->listener, &f->a); /* nobody there: returns at once */
	for (size_t i = 0; i < N_ELEMS(socks); i++) {
		socks[n] = connect_raw(f);
		if (socks[n] >= 0)
			n++;
		if (i % 2)
			share_serve(f->listener, &f->a);
	}
	assert_true(n >= 16);
	for (size_t i = 0; i < N_ELEMS(socks); i++)
		share_serve(f->listener, &f->a);
	pid = fork();
	if (pid == 0)
		_exit(ask(f));
	serve_one(f);
	assert_int_equal(status_of(pid), ASKED_WELL);
	for (size_t i = 0; i < n; i++)
		close(socks[i]);
}

/* ---- a supervisor that lies ---- */

struct lie {
	uint32_t version, served, host;
	int32_t pid;
	size_t n_fds, len;
};

static void test_lies(void **state)
{
	static const struct lie LIES[] = {
		{ 2, 1, 0, 1, 1, 16 },		/* another version */
		{ 1, 3, 0, 1, 1, 16 },		/* fewer descriptors than it says */
		{ 1, 1, 0, 1, 2, 16 },		/* more */
		{ 1, 1u << 20, 0, 1, 1, 16 },	/* a type that does not exist */
		{ 1, 1, 0, 1, 1, 8 },		/* half a message */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMS(LIES); i++) {
		struct pollfd p = { .fd = f->listener, .events = POLLIN };
		int fds[2] = { f->a.fds[NS_USER], f->a.fds[NS_NETWORK] }, conn;
		pid_t pid = fork();

		if (pid == 0) {
			struct share_answer a;
			struct err e;

			_exit(share_ask(&f->rd, &a, &e) < 0 && e.kind == ERR_STATE && a.fds[NS_USER] == -1 ? REFUSED : ODD);
		}
		assert_int_equal(poll(&p, 1, 5000), 1);
		conn = accept(f->listener, NULL, NULL);
		assert_int_equal(fd_send(conn, &LIES[i], LIES[i].len, fds, LIES[i].n_fds), 0);
		close(conn);
		assert_int_equal(status_of(pid), REFUSED);
	}
}

static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct share_answer a;
	struct err e = { 0 };
	AUTO_FREE char *path = str_fmt("%s/ns", f->dir);

	auto_close(&f->listener);
	assert_int_equal(share_ask(&f->rd, &a, &e), -1);
	assert_int_equal(e.errnum, ECONNREFUSED);
	assert_non_null(strstr(e.hint, "gone"));
	unlink(path);
	assert_int_equal(share_ask(&f->rd, &a, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_non_null(strstr(e.hint, "not started"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_userns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_uid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
