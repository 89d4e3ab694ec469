/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_exec.c - what lichen exec asks for: there and back as JSON, laid over a sandbox; the door that it knocks at */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/door.h"
#include "base/fd.h"
#include "spec/exec_request.h"
#include "spec/oci.h"

/* What is not UTF-8 and what JSON escapes comes back as it was. */
static void test_json(void **state)
{
	static const char *const words[] = { "sh", "-c", "\xff\xfe", "a\"b\\n\n", "" };
	AUTO_BUF struct buf json = { 0 };
	struct spec rq, back;
	struct err e;

	(void)state;
	spec_init(&rq);
	spec_init(&back);
	for (size_t i = 0; i < N_ELEMS(words); i++)
		strv_add(&rq.process.args, words[i]);
	strv_add(&rq.process.env, "A=\x80");
	strv_add(&rq.process.unset_env, "GONE");
	rq.process.user = str_dup("me:us");
	rq.process.cwd = str_dup("");
	rq.process.terminal = rq.process.interactive = rq.privileged = true;
	oci_write(&rq, &json);
	assert_int_equal(oci_read(json.s, json.len, OCI_TRUSTED, &back, NULL, &e), 0);
	assert_int_equal(back.process.args.n, N_ELEMS(words));
	for (size_t i = 0; i < N_ELEMS(words); i++)
		assert_string_equal(back.process.args.v[i], words[i]);
	assert_string_equal(back.process.env.v[0], "A=\x80");
	assert_string_equal(back.process.unset_env.v[0], "GONE");
	assert_string_equal(back.process.user, "me:us");
	assert_string_equal(back.process.cwd, "");
	assert_true(back.process.terminal && back.process.interactive && back.privileged);
	spec_fini(&rq);
	spec_fini(&back);
}

static void test_lay(void **state)
{
	struct spec s, rq;
	struct err e;

	(void)state;
	spec_init(&s);
	spec_init(&rq);
	strv_add(&s.process.args, "httpd");
	strv_add(&s.process.env, "PATH=/bin");
	strv_add(&s.process.env, "PATHS=1");
	strv_add(&s.process.env, "GONE=1");
	s.process.cwd = str_dup("/srv");
	s.process.user = str_dup("app");
	s.process.argv0 = str_dup("-httpd");
	s.process.init = true;
	s.process.preserve_fds = 3;
	strv_add(&rq.process.args, "ls");
	strv_add(&rq.process.env, "PATH=/own");
	strv_add(&rq.process.unset_env, "GONE");
	assert_int_equal(exec_request_lay(&s, &rq, &e), 0);
	assert_int_equal(s.process.args.n, 1);
	assert_string_equal(s.process.args.v[0], "ls");
	assert_null(s.process.argv0);
	assert_int_equal(s.process.env.n, 2);
	assert_string_equal(s.process.env.v[0], "PATHS=1");
	assert_string_equal(s.process.env.v[1], "PATH=/own");
	assert_true(strv_has(&s.process.unset_env, "GONE"));
	assert_string_equal(s.process.cwd, "/srv");
	assert_string_equal(s.process.user, "app");
	assert_false(s.process.init);
	assert_int_equal(s.process.preserve_fds, 0);
	assert_true(s.process.caps.bounding == CAPS_DOCKER && s.process.no_new_privs && s.seccomp == SECCOMP_DEFAULT);
	rq.process.cwd = str_dup("/");
	rq.process.user = str_dup("0");
	rq.privileged = true;
	assert_int_equal(exec_request_lay(&s, &rq, &e), 0);
	assert_string_equal(s.process.cwd, "/");
	assert_string_equal(s.process.user, "0");
	assert_true(s.process.caps.effective == CAP_MASK_ALL && s.process.caps.inheritable == 0 && s.process.no_new_privs);
	assert_int_equal(s.seccomp, SECCOMP_UNCONFINED);
	for (size_t t = 0; t < NS_TYPES; t++)
		s.ns[t].mode = NS_HOST;
	assert_int_equal(exec_request_lay(&s, &rq, &e), -1);
	assert_int_equal(e.kind, ERR_SPEC);
	spec_fini(&s);
	spec_fini(&rq);
}

/* ---- the door ---- */

static int listen_at(struct sockaddr_un *a, socklen_t *len)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)a, sizeof(a->sun_family)) == 0 && listen(fd, 64) == 0);
	*len = sizeof(*a);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, len), 0);
	return fd;
}

static int knock(const struct sockaddr_un *a, socklen_t len)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)a, len), 0);
	return fd;
}

static void test_door(void **state)
{
	struct sockaddr_un a;
	socklen_t len;
	int silent[DOOR_SILENT], speaks, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct door_caller c;
	struct door d;
	struct err e;
	char buf[8], byte;

	(void)state;
	assert_int_equal(door_open(&d, listen_at(&a, &len), &e), 0);
	assert_int_equal(door_next(&d, buf, sizeof(buf), &c), 0);
	for (size_t i = 0; i < N_ELEMS(silent); i++)
		silent[i] = knock(&a, len);
	/* nobody is waited for, and the next one is heard all the same */
	assert_int_equal(door_next(&d, buf, sizeof(buf), &c), 0);
	speaks = knock(&a, len);
	assert_int_equal(fd_send(speaks, "hello", 5, &fd, 1), 0);
	assert_int_equal(door_next(&d, buf, sizeof(buf), &c), 1);
	assert_int_equal(c.len, 5);
	assert_int_equal(c.n_fds, 1);
	assert_memory_equal(buf, "hello", 5);
	assert_int_not_equal(fcntl(c.fds[0], F_GETFD) & FD_CLOEXEC, 0);
	door_caller_close(&c);
	/* it was one too many: the first is cut off, the second is not */
	assert_int_equal(recv(silent[0], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(recv(silent[1], &byte, 1, MSG_DONTWAIT), -1);
	/* who hangs up is forgotten */
	for (size_t i = 0; i < N_ELEMS(silent); i++)
		close(silent[i]);
	assert_int_equal(door_next(&d, buf, sizeof(buf), &c), 0);
	assert_int_equal(d.n, 0);
	door_close(&d);
	door_close(&d);
	close(speaks);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_json), cmocka_unit_test(test_lay), cmocka_unit_test(test_door) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
