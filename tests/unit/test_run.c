/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_run.c - the handshake, subordinate ids, paths in a root, create and start */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/stop.h"
#include "base/sys.h"
#include "host/facts.h"
#include "run/handshake.h"
#include "run/run.h"
#include "steps/ctx.h"
#include "store/store.h"

/* ---- the handshake, over a plain fork ---- */

enum { N_SLOTS = SLOT_FIRST_FREE + 4, IDMAP_AT = 2 };

struct side {
	struct hs hs;
	struct ctx ctx;
	int fds[N_SLOTS];
};

static struct step plan_steps[IDMAP_AT + 1] = {
	{ .kind = STEP_CLONE, .object = "", .n_rungs = 1 },
	{ .kind = STEP_PRIVATE, .object = "", .n_rungs = 1 },
	{ .kind = STEP_IDMAP, .object = "", .n_rungs = 2 },
};
static const struct plan plan = { .v = plan_steps, .n = N_ELEMS(plan_steps), .n_slots = N_SLOTS };

static struct step meet(enum hs_point point, short slot)
{
	return (struct step){ .kind = STEP_MEET, .place = AT_BOTH, .object = hs_point_name(point), .n_rungs = 1,
			      .u.meet = point, .reads = { slot }, .writes = { slot } };
}

static void side_init(struct side *s, enum place place)
{
	for (size_t i = 0; i < N_SLOTS; i++)
		s->fds[i] = -1;
	s->ctx = (struct ctx){ .plan = &plan, .place = place, .fds = s->fds, .hs = &s->hs };
}

static void side_fini(struct side *s)
{
	hs_close(&s->hs);
	for (size_t i = 0; i < N_SLOTS; i++)
		auto_close(&s->fds[i]);
}

/* Forks a child that runs @fn and exits with what it returns; @sup is the other end. */
static pid_t start_peer(struct side *sup, int (*fn)(struct side *child))
{
	struct side child;
	struct err e = { 0 };
	pid_t pid;

	assert_int_equal(hs_pair(&sup->hs, &child.hs, &e), 0);
	side_init(sup, AT_SUPERVISOR);
	side_init(&child, AT_CHILD);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		hs_close(&sup->hs);
		_exit(fn(&child));
	}
	hs_close(&child.hs);
	return pid;
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int pass(struct side *s, enum hs_point point, short slot, struct err *e)
{
	struct step step = meet(point, slot);

	return hs_pass(&s->ctx, &step, e);
}

static int peer_all(struct side *s)
{
	struct err e;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return 1;
	ctx_put(&s->ctx, SLOT_USERNS, p[0]);
	hs_send_rung(&s->hs, 1, 1);
	if (pass(s, HS_USERNS, SLOT_USERNS, &e) < 0 || write(p[1], "x", 1) != 1)
		return 2;
	if (pass(s, HS_TREES, SLOT_LOWER, &e) < 0 || write(ctx_fd(&s->ctx, SLOT_LOWER), "y", 1) != 1)
		return 3;
	if (!(fcntl(ctx_fd(&s->ctx, SLOT_LOWER), F_GETFD) & FD_CLOEXEC))
		return 4;
	if (pass(s, HS_IDS_MAPPED, SLOT_NONE, &e) < 0 || s->ctx.rung_taken[IDMAP_AT] != 1)
		return 5;
	if (pass(s, HS_ROOT_READY, SLOT_NONE, &e) < 0 || pass(s, HS_GO, SLOT_NONE, &e) < 0)
		return 6;
	return 0;
}

static void test_hs_all_points(void **state)
{
	struct side sup;
	struct err e = { 0 };
	char byte = 0;
	int p[2];
	pid_t pid = start_peer(&sup, peer_all);

	(void)state;
	assert_int_equal(pass(&sup, HS_USERNS, SLOT_USERNS, &e), 0);
	assert_int_equal(sup.ctx.rung_taken[1], 1);
	assert_int_equal(read(ctx_fd(&sup.ctx, SLOT_USERNS), &byte, 1), 1);
	assert_int_equal(byte, 'x');
	assert_true(fcntl(ctx_fd(&sup.ctx, SLOT_USERNS), F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	ctx_put(&sup.ctx, SLOT_LOWER, p[1]);
	assert_int_equal(pass(&sup, HS_TREES, SLOT_LOWER, &e), 0);
	assert_int_equal(read(p[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(p[0]);
	sup.ctx.rung_taken[IDMAP_AT] = 1;
	assert_int_equal(pass(&sup, HS_IDS_MAPPED, SLOT_NONE, &e), 0);
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), 0);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), 0);
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), 0);
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

static int peer_wrong_point(struct side *s)
{
	struct err e;

	return pass(s, HS_USERNS, SLOT_NONE, &e) < 0;
}

static void test_hs_order(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_wrong_point);

	(void)state;
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.what, "root-ready"));
	assert_non_null(strstr(e.what, "userns"));
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

/* The right point without its descriptor, and one that brings what nobody asked for. */
static int peer_surplus_fd(struct side *s)
{
	struct err e;

	ctx_put(&s->ctx, SLOT_CONSOLE, open("/dev/null", O_RDONLY | O_CLOEXEC));
	return pass(s, HS_ROOT_READY, SLOT_CONSOLE, &e) < 0;
}

static int peer_missing_fd(struct side *s)
{
	struct err e;

	return pass(s, HS_ROOT_READY, SLOT_NONE, &e) < 0;
}

static void test_hs_descriptors(void **state)
{
	int lowest = dup(0), again;
	struct side sup;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	close(lowest);
	pid = start_peer(&sup, peer_missing_fd);
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_CONSOLE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.what, "1 descriptors"));
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
	pid = start_peer(&sup, peer_surplus_fd);
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
	again = dup(0); /* nothing was left open */
	assert_int_equal(again, lowest);
	close(again);
}

static int peer_error(struct side *s)
{
	struct err e;

	errno = EINVAL;
	err_sys(&e, "overlay", "/srv/debian", "assembling the root");
	hs_send_err(&s->hs, &e);
	return 0;
}

static void test_hs_error(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_error);

	(void)state;
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_SYS);
	assert_int_equal(e.errnum, EINVAL);
	assert_string_equal(e.op, "overlay");
	assert_string_equal(e.path, "/srv/debian");
	assert_string_equal(e.what, "assembling the root");
	assert_string_equal(e.place, "child");
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);

	/* the error is found by who sends to the dead, and by who waits for exec */
	e = (struct err){ 0 };
	pid = start_peer(&sup, peer_error);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), -1);
	assert_string_equal(e.op, "overlay");
	assert_string_equal(e.place, "child");
	side_fini(&sup);

	e = (struct err){ 0 };
	pid = start_peer(&sup, peer_error);
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), -1);
	assert_string_equal(e.place, "child");
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

static int peer_dies(struct side *s)
{
	(void)s;
	raise(SIGKILL);
	return 0;
}

static void test_hs_death(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_dies);

	(void)state;
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_string_equal(e.what, "the child died before 'root-ready'");
	assert_int_equal(reap(pid), 128 + SIGKILL);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.what, "'go'"));
	side_fini(&sup);
}

static int peer_supervisor_dead(struct side *s)
{
	struct err e = { 0 };

	if (pass(s, HS_GO, SLOT_NONE, &e) == 0 || e.kind != ERR_PEER)
		return 1;
	if (!str_eq(e.what, "the supervisor died before 'go'"))
		return 2;
	if (pass(s, HS_ROOT_READY, SLOT_NONE, &e) == 0 || e.kind != ERR_PEER)
		return 3;
	return 0;
}

static void test_hs_supervisor_death(void **state)
{
	struct side sup;
	pid_t pid = start_peer(&sup, peer_supervisor_dead);

	(void)state;
	hs_close(&sup.hs);
	assert_int_equal(reap(pid), 0);
}

static int peer_after_go(struct side *s)
{
	struct err e;

	return pass(s, HS_ROOT_READY, SLOT_NONE, &e) < 0;
}

static void test_hs_after_go(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_after_go);

	(void)state;
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.what, "root-ready"));
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

static int early[2];

/* What it has to do meanwhile ends when the test closes its end of the pipe. */
static int peer_early(struct side *s)
{
	struct err e;
	char byte;

	close(early[1]);
	if (read(early[0], &byte, 1) != 0 || pass(s, HS_GO, SLOT_NONE, &e) < 0)
		return 1;
	return hs_check_open(&s->hs, &e) < 0 ? 2 : 0;
}

/* go is sent before anybody waits for it */
static void test_hs_early_go(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(early, O_CLOEXEC), 0);
	pid = start_peer(&sup, peer_early);
	close(early[0]);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), 0);
	close(early[1]);
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), 0);
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

/* a child that is killed with go unread has run no payload: that is an error of ours */
static void test_hs_death_before_going(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(early, O_CLOEXEC), 0);
	pid = start_peer(&sup, peer_early);
	close(early[0]);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_non_null(strstr(e.what, "setting up the sandbox"));
	close(early[1]);
	assert_int_equal(reap(pid), 128 + SIGKILL);
	side_fini(&sup);
}

static int peer_error_with_go_unread(struct side *s)
{
	struct err e = { 0 };
	char byte;

	close(early[1]);
	if (read(early[0], &byte, 1) != 0)
		return 1;
	err_set(&e, ERR_SPEC, "its own error");
	hs_send_err(&s->hs, &e);
	return 0;
}

/* its end with go unread must not hide what it had to say */
static void test_hs_error_with_go_unread(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(early, O_CLOEXEC), 0);
	pid = start_peer(&sup, peer_error_with_go_unread);
	close(early[0]);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), 0);
	close(early[1]);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(hs_wait_exec(&sup.hs, &sup.ctx, &e), -1);
	assert_string_equal(e.what, "its own error");
	side_fini(&sup);
}

/* the supervisor dies with go in the socket: the child sees it before exec */
static void test_hs_supervisor_death_after_go(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(early, O_CLOEXEC), 0);
	pid = start_peer(&sup, peer_early);
	close(early[0]);
	assert_int_equal(pass(&sup, HS_GO, SLOT_NONE, &e), 0);
	hs_close(&sup.hs);
	close(early[1]);
	assert_int_equal(reap(pid), 2);
	side_fini(&sup);
}

static int peer_garbage(struct side *s)
{
	const int fds[] = { 0, 0, 0 };

	return fd_send(s->hs.sock, "x", 1, fds, N_ELEMS(fds)) < 0;
}

/* The descriptor that would be opened next. */
static int next_fd(void)
{
	AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd;
}

static void test_hs_garbage(void **state)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_garbage);
	int next = next_fd();

	(void)state;
	assert_int_equal(pass(&sup, HS_ROOT_READY, SLOT_NONE, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	assert_int_equal(next_fd(), next);
	assert_int_equal(reap(pid), 0);
	side_fini(&sup);
}

/* ---- a signal while something is waited for ---- */

/* In a process of its own: SIGTERM blocked, looked for, and sent after a while. */
static void with_sigterm(int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		sigset_t term;

		sigemptyset(&term);
		sigaddset(&term, SIGTERM);
		sigaddset(&term, SIGWINCH);
		if (sigprocmask(SIG_BLOCK, &term, NULL) < 0 || stop_arm(&term) < 0)
			_exit(1);
		raise(SIGWINCH);	/* asks nobody to end */
		if (stop_pending())
			_exit(2);
		pid = fork();
		if (pid == 0) {
			usleep(50000);
			_exit(kill(getppid(), SIGTERM) < 0);
		}
		_exit(fn());
	}
	assert_int_equal(reap(pid), 0);
}

static int peer_silent(struct side *s)
{
	char c;

	return read(s->hs.sock, &c, 1) != 0;
}

static int stop_meeting(void)
{
	struct side sup;
	struct err e = { 0 };
	pid_t pid = start_peer(&sup, peer_silent);

	if (pass(&sup, HS_ROOT_READY, SLOT_NONE, &e) == 0 || e.kind != ERR_SIGNAL || err_status(&e) != 128 + SIGTERM)
		return 3;
	hs_close(&sup.hs);
	return reap(pid);
}

static int stop_tool(void)
{
	static const char *const argv[] = { "/bin/sh", "-c", "sleep 300 & wait", NULL };
	struct err e = { 0 };
	struct child c;
	pid_t pid;

	if (child_spawn(&c, argv, false, &e) < 0)
		return 3;
	pid = c.pid;
	if (child_wait(&c, NULL, &e) == 0 || e.kind != ERR_SIGNAL || e.sig != SIGTERM)
		return 4;
	for (int i = 0; i < 1000 && kill(-pid, 0) == 0; i++)	/* its child, until somebody reaps it */
		usleep(10000);
	if (kill(-pid, 0) == 0)
		return 5;
	stop_disarm();
	return stop_pending();
}

static void test_stop_meeting(void **state)
{
	(void)state;
	with_sigterm(stop_meeting);
}

static void test_stop_tool(void **state)
{
	(void)state;
	with_sigterm(stop_tool);
}

/* ---- subordinate ids ---- */

static void test_subid_parse(void **state)
{
	static const struct {
		const char *text, *user;
		uint32_t id;
		size_t n;
		struct subid_range v[2];
	} rows[] = {
		{ "", "ann", 1000, 0, { { 0, 0 } } },
		{ "ann:100000:65536\n", "ann", 1000, 1, { { 100000, 65536 } } },
		{ "ann:100000:65536", "ann", 1000, 1, { { 100000, 65536 } } },
		{ "1000:100000:65536\n", "ann", 1000, 1, { { 100000, 65536 } } },
		{ "1000:100000:65536\n", NULL, 1000, 1, { { 100000, 65536 } } },
		{ "ann:100000:65536\nbob:1:2\n1000:300000:10\n", "ann", 1000, 2, { { 100000, 65536 }, { 300000, 10 } } },
		{ "anna:100000:65536\nan:1:2\n10000:5:5\n100:5:5\n", "ann", 1000, 0, { { 0, 0 } } },
		{ "# ann:1:2\n\n:1:2\nann\nann:\nann:5\nann:5:\nann::5\n", "ann", 1000, 0, { { 0, 0 } } },
		{ "ann:x:5\nann:5:x\nann:5:6:7\nann:7:8\n", "ann", 1000, 1, { { 7, 8 } } },
		{ "ann:0:65536\nann:5:0\n", "ann", 1000, 0, { { 0, 0 } } },	/* host root is never mapped */
		{ "ann:4294967295:1\nann:4294967290:100\nann:99999999999:1\n", "ann", 1000, 0, { { 0, 0 } } },
		{ "ann:100000:4294967295\n", "ann", 1000, 0, { { 0, 0 } } },
		{ "ann:18446744073709551615:2\n", "ann", 1000, 0, { { 0, 0 } } },	/* the sum wraps */
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		struct subids out = { 0 };
		uint64_t sum = 0;

		subid_parse(rows[i].text, rows[i].user, rows[i].id, &out);
		if (out.n != rows[i].n)
			fail_msg("row %zu: %zu ranges, not %zu", i, out.n, rows[i].n);
		for (size_t k = 0; k < out.n; k++) {
			assert_int_equal(out.v[k].first, rows[i].v[k].first);
			assert_int_equal(out.v[k].count, rows[i].v[k].count);
			sum += out.v[k].count;
		}
		assert_int_equal(subid_total(&out), sum);
	}
}

static void test_subid_many(void **state)
{
	AUTO_BUF struct buf text = { 0 };
	struct subids out = { 0 };

	(void)state;
	for (int i = 0; i < 2 * SUBID_RANGES_MAX; i++)
		buf_addf(&text, "ann:%d:10\n", 100000 + 10 * i);
	subid_parse(text.s, "ann", 1000, &out);
	assert_int_equal(out.n, SUBID_RANGES_MAX);
}

static bool first_is_used(uint32_t first, uint32_t count)
{
	(void)count;
	return first < 524288 + 2 * 65536;
}

static bool all_used(uint32_t first, uint32_t count)
{
	(void)first;
	(void)count;
	return true;
}

static void test_subid_free_range(void **state)
{
	static const struct {
		const char *text;
		bool (*in_use)(uint32_t, uint32_t);
		uint32_t first;
	} rows[] = {
		{ "", NULL, 524288 },
		{ "ann:100000:65536\n", NULL, 524288 },
		{ "ann:524288:65536\n", NULL, 589824 },
		{ "ann:524287:1\n", NULL, 524288 },
		{ "ann:524287:2\n", NULL, 589824 },
		{ "ann:589823:1\nbob:589824:65536", NULL, 655360 },
		{ "ann:1:1878982656\nbob:1878982656:65536\n", NULL, 0 },
		{ "nonsense\n\nann:x\nann:524288\n", NULL, 524288 },
		{ "", first_is_used, 655360 },
		{ "", all_used, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		uint32_t got = subid_free_range(rows[i].text, 65536, rows[i].in_use);

		if (got != rows[i].first)
			fail_msg("row %zu: %u, not %u", i, got, rows[i].first);
	}
}

/* ---- words, id maps ---- */

static void test_nearest(void **state)
{
	static const char *const words[] = { "run", "create", "start", "doctor", "help", "x" };
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "strat", "start" }, { "creat", "create" }, { "docter", "doctor" }, { "hlep", "help" }, { "rnu", "run" },
		{ "doc", "doctor" },  { "zzzzzz", NULL },     { "", NULL },	     { "kubectl", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		const char *got = str_nearest(rows[i].word, words, N_ELEMS(words));

		if (!str_eq(got, rows[i].nearest))
			fail_msg("%s: %s, not %s", rows[i].word, got ? got : "(none)",
				 rows[i].nearest ? rows[i].nearest : "(none)");
	}
	assert_null(str_nearest("run", words, 0));
}

static void test_safe_text(void **state)
{
	static const struct {
		const char *in, *safe, *json;
	} rows[] = {
		{ "a\x1b[0m\x7f", "a\\x1b[0m\\x7f", "\"a\\u001b[0m\\u007f\"" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
		/* C1: U+009B is what ESC [ is */
		{ "\xc2\x9b" "2J", "\\xc2\\x9b" "2J", "\"\\u009b" "2J\"" },
		{ "\xc2\xa0", "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "\x9b" "2J", "\\x9b" "2J", "\"\\ufffd" "2J\"" },
		{ "\xc3", "\\xc3", "\"\\ufffd\"" },
		/* the order turned round, and back: U+202E, U+2066, U+2069 */
		{ "a\xe2\x80\xae" "b", "a\\xe2\\x80\\xaeb", "\"a\\u202eb\"" },
		{ "\xe2\x81\xa6|\xe2\x81\xa9", "\\xe2\\x81\\xa6|\\xe2\\x81\\xa9", "\"\\u2066|\\u2069\"" },
		/* not seen: U+200E, U+200B, U+FEFF, U+E0041 of the tags */
		{ "\xe2\x80\x8e\xe2\x80\x8b", "\\xe2\\x80\\x8e\\xe2\\x80\\x8b", "\"\\u200e\\u200b\"" },
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf", "\"\\ufeff\"" },
		{ "\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81", "\"\\udb40\\udc41\"" },
		/* seen: a dash, and a face */
		{ "\xe2\x80\x94\xf0\x9f\x98\x80", "\xe2\x80\x94\xf0\x9f\x98\x80", "\"\xe2\x80\x94\xf0\x9f\x98\x80\"" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_BUF struct buf safe = { 0 }, json = { 0 };

		buf_add_safe(&safe, rows[i].in);
		buf_add_json(&json, rows[i].in);
		assert_string_equal(safe.s, rows[i].safe);
		assert_string_equal(json.s, rows[i].json);
	}
}

static void test_id_map(void **state)
{
	struct id_map m = { 0 }, copy = { 0 };
	AUTO_FREE char *empty = id_map_format(&m), *text = NULL;

	(void)state;
	assert_string_equal(empty, "");
	assert_int_equal(id_map_outside(&m, 0), -1);
	id_map_add(&m, 0, 1000, 1);
	id_map_add(&m, 1, 100000, 65536);
	id_map_add(&m, 4294967290u, 4294967200u, 5);
	text = id_map_format(&m);
	assert_string_equal(text, "0:1000:1,1:100000:65536,4294967290:4294967200:5");
	assert_int_equal(id_map_outside(&m, 0), 1000);
	assert_int_equal(id_map_outside(&m, 1), 100000);
	assert_int_equal(id_map_outside(&m, 65536), 165535);
	assert_int_equal(id_map_outside(&m, 65537), -1);
	assert_int_equal(id_map_outside(&m, 4294967294u), 4294967204LL);
	assert_int_equal(id_map_outside(&m, 4294967295u), -1);
	assert_int_equal(id_map_inside(&m, 1000), 0);
	assert_int_equal(id_map_inside(&m, 999), -1);
	assert_int_equal(id_map_inside(&m, 165535), 65536);
	assert_int_equal(id_map_inside(&m, 165536), -1);
	id_map_add(&copy, 7, 7, 7);
	id_map_copy(&copy, &m);
	assert_int_equal(copy.n, 3);
	id_map_copy(&m, &m); /* onto itself */
	assert_int_equal(m.n, 3);
	id_map_fini(&m);
	assert_int_equal(copy.v[1].outside, 100000);
	id_map_fini(&copy);
}

/* ---- paths in a root ---- */

static char *tmp;

static int tmp_setup(void **state)
{
	(void)state;
	tmp = str_dup("/var/tmp/lichen-run-XXXXXX");
	return mkdtemp(tmp) ? 0 : -1;
}

static int tmp_teardown(void **state)
{
	struct err e = { 0 };
	int rc = store_remove_tree(tmp, &e);

	(void)state;
	auto_free(&tmp);
	return rc;
}

static void write_at(int dir, const char *path, const char *text)
{
	assert_int_equal(fd_write_file(dir, path, text, strlen(text)), 0);
}

/* What lies at @path of the root, or the errno's name. */
static char *read_in(int root, const char *path)
{
	AUTO_CLOSE int fd = path_open_in(root, path, O_RDONLY, 0);
	char *text = NULL;

	if (fd < 0 || fd_read_file(fd, "", 100, &text, NULL) < 0)
		return str_dup(err_errno_name(errno));
	return text;
}

static void test_path_links(void **state)
{
	static const struct {
		const char *path, *text;
	} rows[] = {
		{ "/etc/word", "inside" },	   { "etc/word", "inside" },
		{ "/../../etc/word", "inside" },   { "/abs/word", "inside" },
		{ "/up/etc/word", "inside" },	   { "/loop", "ELOOP" },
		{ "/out", "ENOENT" },		   { "/none", "ENOENT" },
		{ "/etc/word/x", "ENOTDIR" },
	};
	AUTO_FREE char *root = str_fmt("%s/root", tmp), *secret = str_fmt("%s/secret", tmp);
	AUTO_CLOSE int fd = -1, top = open(tmp, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int made = -1, target = -1;
	struct stat sb;

	(void)state;
	assert_int_equal(mkdir(root, 0755), 0);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0 && top >= 0);
	write_at(top, "secret", "outside");
	assert_int_equal(mkdirat(fd, "etc", 0755), 0);
	write_at(fd, "etc/word", "inside");
	assert_int_equal(symlinkat("/etc", fd, "abs"), 0);
	assert_int_equal(symlinkat("../../../..", fd, "up"), 0);
	assert_int_equal(symlinkat("loop", fd, "loop"), 0);
	assert_int_equal(symlinkat(secret, fd, "out"), 0);
	assert_int_equal(symlinkat(tmp, fd, "away"), 0);
	for (size_t i = 0; i < N_ELEMS(rows); i++) {
		AUTO_FREE char *got = read_in(fd, rows[i].path);

		if (!str_eq(got, rows[i].text))
			fail_msg("%s: %s, not %s", rows[i].path, got, rows[i].text);
	}
	made = path_open_in_nofollow(fd, "/abs", O_RDONLY | O_DIRECTORY, 0);
	assert_int_equal(made, -1);
	assert_true(errno == ELOOP || errno == ENOTDIR);

	/* what is made through a link that leads out is made inside, or not at all */
	made = path_mkdir_in(fd, "/up/new/deep", 0700);
	assert_true(made >= 0);
	assert_int_equal(fstatat(fd, "new/deep", &sb, 0), 0);
	assert_int_equal(sb.st_mode & 0777, 0700);
	target = path_target_in(fd, "/abs/made", false);
	assert_true(target >= 0);
	assert_int_equal(fstatat(fd, "etc/made", &sb, 0), 0);
	assert_true(S_ISREG(sb.st_mode));
	assert_int_equal(path_mkdir_in(fd, "/away/x", 0755), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(path_target_in(fd, "/out", false), -1);
	assert_int_equal(path_mkdir_in(fd, "/etc/word/x", 0755), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(fstatat(top, "x", &sb, 0), -1);
	assert_int_equal(fstatat(top, "new", &sb, 0), -1);
}

/* /proc/self/root of a proc inside: the magic link leads to the host's root. */
static void test_path_magic(void **state)
{
	AUTO_CLOSE int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = path_open_in(slash, "/proc/self/root/etc", O_PATH, 0);

	(void)state;
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ELOOP);
}

static void test_path_words(void **state)
{
	static const char *const clean[][2] = {
		{ "", "/" }, { "/", "/" }, { "//a//b/", "/a/b" }, { "a/./b/.", "/a/b" }, { "/a/../b", "/a/../b" },
		{ "/./", "/" }, { "/...", "/..." },
	};
	static const char *const bad[] = { "/", "", "a/", "/a/.", "/a/..", "..", "." };
	AUTO_CLOSE int top = open(tmp, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *leaf;

	(void)state;
	for (size_t i = 0; i < N_ELEMS(clean); i++) {
		AUTO_FREE char *got = path_clean(clean[i][0]);

		assert_string_equal(got, clean[i][1]);
	}
	for (size_t i = 0; i < N_ELEMS(bad); i++) {
		assert_int_equal(path_parent_in(top, bad[i], true, &leaf), -1);
		assert_int_equal(errno, EINVAL);
	}
	{
		AUTO_CLOSE int fd = path_parent_in(top, "/p/q/leaf", true, &leaf);

		assert_true(fd >= 0);
		assert_string_equal(leaf, "leaf");
	}
	assert_int_equal(path_parent_in(top, "/no/leaf", false, &leaf), -1);
	assert_int_equal(errno, ENOENT);
}

/* ---- create and start ---- */

struct box {
	char *root, *out, *result, *id;
	struct spec spec;
	struct store store;
	struct run_dir dir;
	struct run_state state;
};

/* User namespaces are tried in a process of their own. */
static bool userns_works(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0);
	return pid > 0 && reap(pid) == 0;
}

static void need_busybox(void)
{
	if (access("/bin/busybox", X_OK) < 0) {
		print_message("# skip: no-busybox\n");
		skip();
	}
	if (!userns_works()) {
		print_message("# skip: no-user-namespaces\n");
		skip();
	}
}

static void box_init(struct box *b, const char *script)
{
	static const char *const dirs[] = { "bin", "dev", "proc", "sys", "etc", "out", "tmp" };
	AUTO_FREE char *busybox = NULL, *data = str_fmt("%s/data", tmp), *lichen = str_fmt("%s/data/lichen", tmp);
	AUTO_FREE char *run = str_fmt("%s/run", tmp), *record = str_fmt("%s/data/lichen/runtime-dir", tmp);
	AUTO_CLOSE int fd = -1;
	struct spec_mount *m;
	size_t len;

	*b = (struct box){ .store = { .data_fd = -1, .run_fd = -1 }, .dir = { .lock_fd = -1 } };
	b->root = str_fmt("%s/root", tmp);
	b->out = str_fmt("%s/out", tmp);
	b->result = str_fmt("%s/out/result", tmp);
	assert_int_equal(mkdir(b->root, 0755) | mkdir(b->out, 0755), 0);
	assert_int_equal(mkdir(data, 0700) | mkdir(lichen, 0700) | mkdir(run, 0700), 0);
	/* where there is no /run/user/UID, runs live in our directory too */
	assert_int_equal(symlink(run, record), 0);
	setenv("XDG_DATA_HOME", data, 1);
	fd = open(b->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_ELEMS(dirs); i++)
		assert_int_equal(mkdirat(fd, dirs[i], 0755), 0);
	assert_int_equal(fd_read_file(AT_FDCWD, "/bin/busybox", FD_READ_MAX, &busybox, &len), 0);
	assert_int_equal(fd_write_file(fd, "bin/sh", busybox, len), 0);
	assert_int_equal(fchmodat(fd, "bin/sh", 0755, 0), 0);

	spec_init(&b->spec);
	b->spec.root.kind = ROOT_DIR;
	str_set(&b->spec.root.path, b->root);
	b->spec.ids = IDS_SINGLE;
	b->spec.overlay = OVERLAY_COPY; /* what /var/tmp is on may not take the kernel's */
	strv_add(&b->spec.process.args, "/bin/sh");
	strv_add(&b->spec.process.args, "-c");
	strv_add(&b->spec.process.args, script);
	m = spec_add_mount(&b->spec);
	m->type = str_dup("bind");
	m->source = str_dup(b->out);
	m->destination = str_dup("/out");
}

static void box_fini(struct box *b)
{
	spec_fini(&b->spec);
	run_state_fini(&b->state);
	run_dir_fini(&b->dir);
	store_close(&b->store);
	free(b->root);
	free(b->out);
	free(b->result);
	free(b->id);
}

static void must(int rc, const struct err *e)
{
	if (rc < 0)
		fail_msg("%s [%s %s %s] %s", e->what, e->op, e->path, err_errno_name(e->errnum), e->place);
}

static void box_create(struct box *b)
{
	struct err e = { 0 };

	must(run_create(&b->spec, &b->id, &e), &e);
	must(store_open(&b->store, geteuid(), NULL, &e), &e);
	must(store_find(&b->store, b->id, &b->dir, &e), &e);
	must(store_read_state(&b->dir, &b->state, &e), &e);
	assert_string_equal(b->dir.id, b->id);
	assert_string_equal(b->state.status, "created");
	assert_true(b->state.pid > 0 && b->state.supervisor > 0);
	assert_int_equal(b->state.pid_start, pid_start_time(b->state.pid));
	assert_int_equal(access(b->result, F_OK), -1);
}

/* Another process starts it: 0, or the kind of the error. */
static int start_from_another(const char *ref)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct err e = { 0 };

		_exit(run_start(ref, &e) < 0 ? (int)e.kind : 0);
	}
	return reap(pid);
}

static void assert_removed(const struct box *b)
{
	assert_int_equal(access(b->dir.live, F_OK), -1);
	assert_int_equal(access(b->dir.data, F_OK), -1);
}

static void test_create_start(void **state)
{
	AUTO_FREE char *text = NULL;
	struct box b;

	need_busybox();
	box_init(&b, "echo \"ran $$ `id -u`\" > /out/result; exit 7");
	b.spec.root.readonly = *state != NULL;
	box_create(&b);
	assert_int_equal(start_from_another(b.id), 0);
	assert_int_equal(reap(b.state.supervisor), 7);
	assert_int_equal(fd_read_file(AT_FDCWD, b.result, 100, &text, NULL), 0);
	assert_true(str_starts(text, "ran 1 "));
	assert_removed(&b);
	assert_int_equal(start_from_another(b.id), ERR_STATE);
	box_fini(&b);
}

/* Only the mount points are missing: a read-only root gets a skeleton of them. */
static void test_create_skeleton(void **state)
{
	AUTO_FREE char *missing = NULL;
	struct box b;

	(void)state;
	need_busybox();
	box_init(&b, "echo ran > /out/result");
	b.spec.root.readonly = true;
	missing = str_fmt("%s/out", b.root);
	assert_int_equal(rmdir(missing), 0);
	box_create(&b);
	assert_int_equal(start_from_another(b.id), 0);
	assert_int_equal(reap(b.state.supervisor), 0);
	assert_int_equal(access(b.result, F_OK), 0);
	assert_removed(&b);
	box_fini(&b);
}

/* By a prefix; a second start while it runs is refused. */
static void test_start_twice(void **state)
{
	AUTO_FREE char *prefix = NULL, *fifo = NULL;
	AUTO_CLOSE int fd = -1;
	struct box b;

	(void)state;
	need_busybox();
	box_init(&b, "read word < /out/fifo; echo $word > /out/result");
	fifo = str_fmt("%s/fifo", b.out);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	box_create(&b);
	prefix = str_dupn(b.id, 12);
	assert_int_equal(start_from_another(prefix), 0);
	assert_int_not_equal(start_from_another(b.id), 0);
	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, "x\n", 2), 0);
	assert_int_equal(reap(b.state.supervisor), 0);
	assert_int_equal(access(b.result, F_OK), 0);
	assert_removed(&b);
	box_fini(&b);
}

/* What cannot be executed is known to who starts it, and leaves nothing. */
static void test_start_not_found(void **state)
{
	struct box b;

	(void)state;
	need_busybox();
	box_init(&b, "");
	strv_fini(&b.spec.process.args);
	strv_add(&b.spec.process.args, "/bin/none");
	box_create(&b);
	assert_int_equal(start_from_another(b.id), ERR_NOTFOUND);
	assert_int_equal(reap(b.state.supervisor), EXIT_NOTFOUND);
	assert_removed(&b);
	box_fini(&b);
}

/* What is created ends with its supervisor, unstarted; the next run's sweep removes it. */
static void test_created_dies(void **state)
{
	AUTO_CLOSE int pidfd = -1;
	struct pollfd p;
	struct err e = { 0 };
	struct box b;

	(void)state;
	need_busybox();
	box_init(&b, "echo ran > /out/result");
	box_create(&b);
	pidfd = sys_pidfd_open(b.state.pid, 0);
	assert_true(pidfd >= 0);
	assert_int_equal(kill(b.state.supervisor, SIGKILL), 0);
	assert_int_equal(reap(b.state.supervisor), 128 + SIGKILL);
	p = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(access(b.result, F_OK), -1);
	assert_int_not_equal(start_from_another(b.id), 0);
	store_sweep(&b.store, NULL);
	assert_removed(&b);
	must(store_remove_tree(b.root, &e), &e);
	box_fini(&b);
}

/* An error of the preparation comes back to who creates, and leaves nothing. */
static void test_create_fails(void **state)
{
	struct err e = { 0 };
	AUTO_FREE char *containers = str_fmt("%s/data/lichen/containers", tmp);
	struct box b;

	(void)state;
	need_busybox();
	box_init(&b, "");
	str_set(&b.spec.mounts[0].source, "/nonexistent/source");
	assert_int_equal(run_create(&b.spec, &b.id, &e), -1);
	assert_string_equal(e.path, "/nonexistent/source");
	assert_int_equal(e.errnum, ENOENT);
	/* its supervisor has cleaned up and is reaped when the error is there */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(rmdir(containers), 0);
	box_fini(&b);
}

static void test_start_unknown(void **state)
{
	struct box b;

	(void)state;
	box_init(&b, "");
	assert_int_equal(start_from_another("0123456789ab"), ERR_STATE);
	assert_int_equal(start_from_another("no-such-name"), ERR_STATE);
	box_fini(&b);
}

/* As a plain user also where root runs the tests: root's sandboxes live in /var/lib. */
static int become_user(void)
{
	const struct passwd *pw = NULL;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam("lichen-test");
	if (!pw)
		pw = getpwnam("nobody");
	if (!pw || setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0)
		return -1;
	/* else /proc/self belongs to root */
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

#define IN_TMP(f) cmocka_unit_test_setup_teardown(f, tmp_setup, tmp_teardown)

int main(void)
{
	static const bool yes = true;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hs_all_points),
		cmocka_unit_test(test_hs_order),
		cmocka_unit_test(test_hs_descriptors),
		cmocka_unit_test(test_hs_error),
		cmocka_unit_test(test_hs_death),
		cmocka_unit_test(test_hs_supervisor_death),
		cmocka_unit_test(test_hs_after_go),
		cmocka_unit_test(test_hs_early_go),
		cmocka_unit_test(test_hs_death_before_going),
		cmocka_unit_test(test_hs_error_with_go_unread),
		cmocka_unit_test(test_hs_supervisor_death_after_go),
		cmocka_unit_test(test_hs_garbage),
		cmocka_unit_test(test_stop_meeting),
		cmocka_unit_test(test_stop_tool),
		cmocka_unit_test(test_subid_parse),
		cmocka_unit_test(test_subid_many),
		cmocka_unit_test(test_subid_free_range),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_safe_text),
		cmocka_unit_test(test_id_map),
		IN_TMP(test_path_links),
		cmocka_unit_test(test_path_magic),
		IN_TMP(test_path_words),
		IN_TMP(test_create_start),
		{ "test_create_start_readonly", test_create_start, tmp_setup, tmp_teardown, (void *)(uintptr_t)&yes },
		IN_TMP(test_create_skeleton),
		IN_TMP(test_start_twice),
		IN_TMP(test_start_not_found),
		IN_TMP(test_created_dies),
		IN_TMP(test_create_fails),
		IN_TMP(test_start_unknown),
	};

	umask(022);
	alarm(120); /* a handshake that hangs is a failure, not a wait */
	if (become_user() < 0) {
		print_message("1..0 # SKIP no-user\n");
		return 0;
	}
	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
