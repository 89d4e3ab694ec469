/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_relay.c - terminals and pipes between launcher and payload */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/stop.h"
#include "run/relay.h"

enum { TAG = 0x100, BIG = 300000 };

/* ---- helpers: the test's own stdio is put aside while a case runs ---- */

static int kept[3];
static int user_m = -1, user_s = -1;	/* the user's terminal: what he sees, what lichen has */
static int in_m = -1, in_s = -1;	/* the sandbox's */
static int ep = -1;
static struct relay *relay;
static int child_fds[3];
static char big[BIG], got[BIG + 64];

static int setup(void **state)
{
	struct termios t;
	struct winsize ws = { .ws_row = 33, .ws_col = 77 };

	(void)state;
	for (int n = 0; n < 3; n++)
		kept[n] = fcntl(n, F_DUPFD_CLOEXEC, 100);
	if (openpty(&user_m, &user_s, NULL, NULL, &ws) < 0 || openpty(&in_m, &in_s, NULL, NULL, NULL) < 0)
		return -1;
	tcgetattr(in_s, &t);
	cfmakeraw(&t);
	tcsetattr(in_s, TCSANOW, &t);
	ep = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 26);
	for (int n = 0; n < 3; n++)
		child_fds[n] = -1;
	signal(SIGPIPE, SIG_IGN);
	return 0;
}

static void close_it(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int teardown(void **state)
{
	(void)state;
	relay_free(relay);
	relay = NULL;
	for (int n = 0; n < 3; n++) {
		dup2(kept[n], n);
		close_it(&kept[n]);
		close_it(&child_fds[n]);
	}
	close_it(&user_m);
	close_it(&user_s);
	close_it(&in_m);
	close_it(&in_s);
	close_it(&ep);
	return 0;
}

static void stdio_set(int in, int out, int err)
{
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
}

static void start(bool terminal, bool interactive)
{
	struct err e = { 0 };

	if (relay_new(&relay, terminal, interactive, child_fds, &e) < 0)
		fail_msg("%s", e.what);
	if (terminal && relay_console(relay, fcntl(in_m, F_DUPFD_CLOEXEC, 3), &e) < 0)
		fail_msg("%s", e.what);
	if (relay_watch(relay, ep, TAG, &e) < 0)
		fail_msg("%s", e.what);
	if (terminal)
		close_it(&in_m);
}

/* Runs the relay until nothing has happened for @ms. Return: how many events there were. */
static int turn(int ms)
{
	struct epoll_event ev[8];
	int n, total = 0;

	while ((n = epoll_wait(ep, ev, 8, ms)) > 0 && total < 100000) {
		for (int i = 0; i < n; i++) {
			assert_int_equal(ev[i].data.u64 & ~(uint64_t)0xff, TAG);
			relay_event(relay, (unsigned)ev[i].data.u64 & 0xff, ev[i].events);
		}
		total += n;
	}
	return total;
}

static void put(int fd, const char *s)
{
	assert_int_equal(write(fd, s, strlen(s)), strlen(s));
}

/* Reads what is there, at most @max bytes. */
static size_t take(int fd, size_t max)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < max && poll(&p, 1, 100) > 0) {
		ssize_t r = read(fd, got + n, max - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	got[n] = '\0';
	return n;
}

static void must_take(int fd, const char *s)
{
	take(fd, sizeof(got) - 1);
	assert_string_equal(got, s);
}

static pid_t writer(int fd, size_t n)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		signal(SIGHUP, SIG_IGN);
		dup2(fd, 0);
		close_range(1, ~0U, 0);	/* the relay's ends above all */
		for (size_t at = 0; at < n;) {
			ssize_t w = write(0, big + at, n - at);

			if (w < 0)
				_exit(errno == EIO ? 5 : 1);
			at += (size_t)w;
		}
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static bool is_raw(void)
{
	struct termios t;

	assert_int_equal(tcgetattr(user_s, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_oflag & OPOST);
}

static void same_modes(const struct termios *a)
{
	struct termios b;

	assert_int_equal(tcgetattr(user_s, &b), 0);
	assert_int_equal(a->c_iflag, b.c_iflag);
	assert_int_equal(a->c_oflag, b.c_oflag);
	assert_int_equal(a->c_lflag, b.c_lflag);
}

/* ---- cases ---- */

static void raw_mode_is_set_and_restored(void **state)
{
	struct termios before;
	struct winsize ws = { 0 };

	(void)state;
	tcgetattr(user_s, &before);
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	assert_int_equal(child_fds[0], -1);
	assert_int_equal(child_fds[1], -1);
	assert_true(is_raw());
	assert_true(relay_tty_fd(relay) > 2);
	assert_int_equal(ioctl(in_s, TIOCGWINSZ, &ws), 0);
	assert_int_equal(ws.ws_row, 33);
	assert_int_equal(ws.ws_col, 77);
	relay_suspend(relay);
	same_modes(&before);
	ws.ws_row = 44;
	ioctl(user_m, TIOCSWINSZ, &ws);
	relay_resume(relay);
	assert_true(is_raw());
	ioctl(in_s, TIOCGWINSZ, &ws);
	assert_int_equal(ws.ws_row, 44);
	relay_free(relay);
	relay = NULL;
	same_modes(&before);
	relay_emergency_restore();
}

static void warnings_are_no_staircase(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	log_warn("word");
	must_take(user_m, "lichen: warning: word\r\n");
	relay_suspend(relay);	/* the terminal itself does it again */
	log_warn("word");
	must_take(user_m, "lichen: warning: word\r\n");
}

static void terminal_without_i_is_not_touched(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, false);
	assert_false(is_raw());
	assert_int_equal(relay_tty_fd(relay), -1);
	put(in_s, "out");
	turn(50);
	must_take(user_m, "out");
}

static void data_goes_both_ways(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	put(user_m, "typed\x03");
	turn(50);
	must_take(in_s, "typed\x03");
	put(in_s, "shown\n");
	turn(50);
	must_take(user_m, "shown\n");
	assert_int_equal(fcntl(0, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(fcntl(1, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(turn(50), 0);
}

static void stdin_must_be_a_terminal(void **state)
{
	struct err e = { 0 };
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	stdio_set(p[0], user_s, user_s);
	assert_int_equal(relay_new(&relay, true, true, child_fds, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.hint, "-t"));
	assert_null(relay);
	close(p[0]);
	close(p[1]);
}

static void a_directory_is_refused(void **state)
{
	struct err e = { 0 };
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	stdio_set(dir, user_s, user_s);
	close(dir);
	assert_int_equal(relay_new(&relay, false, true, child_fds, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_int_equal(child_fds[0], -1);
}

static void what_is_no_terminal_is_passed(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	stdio_set(p[0], p[1], p[1]);
	start(false, true);
	put(child_fds[1], "x");
	assert_int_equal(take(child_fds[0], 1), 1);
	for (int n = 0; n < 3; n++)
		assert_true(child_fds[n] > 2 && (fcntl(child_fds[n], F_GETFD) & FD_CLOEXEC));
	assert_int_equal(turn(20), 0);
	relay_drain(relay, false);
	close(p[0]);
	close(p[1]);
}

static void without_i_stdin_is_null(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	close(2);
	start(false, false);
	assert_int_equal(read(child_fds[0], got, 1), 0);
	assert_int_equal(write(child_fds[2], "x", 1), 1);
	assert_false(isatty(child_fds[1]));
	assert_false(isatty(child_fds[2]));
}

static void pipes_replace_the_terminal(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, true);
	assert_false(is_raw());
	for (int n = 0; n < 3; n++) {
		assert_false(isatty(child_fds[n]));
		assert_int_equal(fcntl(child_fds[n], F_GETFL) & O_NONBLOCK, 0);
	}
	put(child_fds[1], "one ");
	turn(20);
	put(child_fds[2], "two");
	turn(20);
	must_take(user_m, "one two");
	put(user_m, "line\n");
	turn(20);
	assert_int_equal(take(child_fds[0], 5), 5);
	assert_string_equal(got, "line\n");
	put(user_m, "\x04");	/* end of file at a line's beginning */
	turn(20);
	assert_int_equal(read(child_fds[0], got, 1), 0);
}

static void closed_input_stops_reading(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, true);
	close_it(&child_fds[0]);
	turn(20);
	put(user_m, "for the shell\n");
	assert_int_equal(turn(20), 0);
	take(user_s, 14);
	assert_string_equal(got, "for the shell\n");
}

/* The reader of the caller's stdout takes nothing for a while: no event, no blocking. */
static void slow_reader(int out_r, int from)
{
	size_t total = 0;
	pid_t pid;
	int status;

	pid = writer(from, BIG);
	turn(100);
	assert_int_equal(turn(50), 0);
	while (total < BIG) {
		struct pollfd p = { .fd = out_r, .events = POLLIN };
		ssize_t n;

		turn(1);
		if (poll(&p, 1, 1000) <= 0)
			break;
		n = read(out_r, got + total, 5000 < BIG - total ? 5000 : BIG - total);
		if (n <= 0)
			break;
		total += (size_t)n;
	}
	assert_int_equal(total, BIG);
	assert_memory_equal(got, big, BIG);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void slow_reader_of_a_pty(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	slow_reader(user_m, in_s);
}

static void slow_reader_of_a_pipe(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	stdio_set(user_s, p[1], user_s);
	start(true, true);
	slow_reader(p[0], in_s);
	close(p[0]);
	close(p[1]);
}

static void slow_reader_without_t(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, false);
	slow_reader(user_m, child_fds[1]);
}

static void slow_payload(void **state)
{
	size_t total = 0;
	pid_t pid;
	int status;

	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	pid = writer(user_m, BIG);
	turn(100);
	assert_int_equal(turn(50), 0);
	while (total < BIG) {
		struct pollfd p = { .fd = in_s, .events = POLLIN };
		ssize_t n;

		turn(1);
		if (poll(&p, 1, 1000) <= 0)
			break;
		n = read(in_s, got + total, BIG - total);
		if (n <= 0)
			break;
		total += (size_t)n;
	}
	assert_int_equal(total, BIG);
	assert_memory_equal(got, big, BIG);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void output_to_a_file(void **state)
{
	char path[] = "/tmp/test_relay.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	stdio_set(user_s, fd, user_s);
	start(true, true);
	put(in_s, "kept");
	turn(30);
	assert_int_equal(pread(fd, got, 10, 0), 4);
	assert_memory_equal(got, "kept", 4);
	close_it(&in_s);
	turn(30);
	close(fd);
}

/* Nobody inside has it open for a while: the next one finds it as it was. */
static void a_pty_lives_on_without_users(void **state)
{
	char name[64];

	(void)state;
	stdio_set(user_s, user_s, user_s);
	assert_int_equal(ptsname_r(in_m, name, sizeof(name)), 0);
	start(true, true);
	put(in_s, "one ");
	close_it(&in_s);
	turn(30);
	in_s = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(in_s >= 0);
	put(in_s, "two");
	turn(30);
	must_take(user_m, "one two");
	put(user_m, "typed");
	turn(30);
	must_take(in_s, "typed");
}

static void the_drain_delivers_what_a_pty_holds(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	put(in_s, "last");
	relay_drain(relay, false);
	must_take(user_m, "last");
}

static void broken_output(bool terminal)
{
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	stdio_set(user_s, p[1], user_s);
	close(p[1]);
	if (terminal) {
		start(true, true);
		close(p[0]);
		dup2(user_s, 1);
		pid = writer(in_s, BIG);
		turn(100);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 5);
		return;
	}
	/* Without -t: the user's terminal goes away. */
	stdio_set(user_s, user_s, user_s);
	close(p[0]);
	start(false, false);
	close_it(&user_m);
	pid = writer(child_fds[1], BIG);
	turn(100);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

static void broken_output_of_a_pty(void **state)
{
	(void)state;
	broken_output(true);
}

static void broken_output_of_a_pipe(void **state)
{
	(void)state;
	broken_output(false);
}

static void drain_delivers(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, false);
	assert_int_equal(write(child_fds[1], big, 60000), 60000);	/* a surviving writer */
	pid = fork();
	if (pid == 0) {
		relay_drain(relay, false);
		_exit(0);
	}
	assert_int_equal(take(user_m, 60000), 60000);
	assert_memory_equal(got, big, 60000);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void drain_of_a_pty_delivers(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(true, true);
	put(in_s, "the end");
	relay_drain(relay, false);
	must_take(user_m, "the end");
	relay_drain(relay, false);
}

static void stuck_drain_ends_with_a_signal(void **state)
{
	sigset_t term;
	pid_t pid;
	int status;

	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, false);
	assert_int_equal(write(child_fds[1], big, 60000), 60000);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	pid = fork();
	if (pid == 0) {
		if (stop_arm(&term) < 0)
			_exit(1);
		relay_drain(relay, false);
		_exit(7);
	}
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	usleep(50000);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void stuck_drain_after_a_signal(void **state)
{
	(void)state;
	stdio_set(user_s, user_s, user_s);
	start(false, false);
	assert_int_equal(write(child_fds[1], big, 60000), 60000);
	relay_drain(relay, true);	/* comes back */
	assert_true(take(user_m, 60000) < 60000);
}

/* ---- what is neither a terminal nor a pipe ---- */

static int temp_file(const char *text)
{
	char path[] = "/tmp/test_relay.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	put(fd, text);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void files_do_not_go_inside(void **state)
{
	int in = temp_file("line one\nline two\n"), out = temp_file("");
	struct stat st;

	(void)state;
	stdio_set(in, out, out);
	start(false, true);
	for (int n = 0; n < 3; n++)
		assert_true(fstat(child_fds[n], &st) == 0 && S_ISFIFO(st.st_mode));
	for (int i = 0; i < 5; i++) {	/* both through one pipe: in their order */
		put(child_fds[1], "o");
		put(child_fds[2], "e");
	}
	turn(30);
	assert_int_equal(pread(out, got, 20, 0), 10);
	assert_memory_equal(got, "oeoeoeoeoe", 10);
	assert_int_equal(read(child_fds[0], got, 9), 9);
	assert_memory_equal(got, "line one\n", 9);
	close_it(&child_fds[0]);
	relay_drain(relay, false);
	assert_int_equal(lseek(in, 0, SEEK_CUR), 9);	/* what was not taken is there for the next one */
	close(in);
	close(out);
}

static void sockets_do_not_go_inside(void **state)
{
	struct stat st;
	int sv[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	stdio_set(sv[1], sv[1], user_s);
	start(false, true);
	assert_true(fstat(child_fds[0], &st) == 0 && S_ISFIFO(st.st_mode));
	assert_true(fstat(child_fds[1], &st) == 0 && S_ISFIFO(st.st_mode));
	put(sv[0], "question");
	turn(30);
	assert_int_equal(take(child_fds[0], 8), 8);
	assert_string_equal(got, "question");
	put(child_fds[1], "answer");
	turn(30);
	assert_int_equal(take(sv[0], 6), 6);
	assert_string_equal(got, "answer");
	shutdown(sv[0], SHUT_WR);
	turn(30);
	assert_int_equal(read(child_fds[0], got, 1), 0);
	close(sv[0]);
	close(sv[1]);
}

static void null_goes_inside(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat a, b;

	(void)state;
	stdio_set(null, null, null);
	start(false, true);
	assert_int_equal(fstat(null, &a), 0);
	for (int n = 0; n < 3; n++)
		assert_true(fstat(child_fds[n], &b) == 0 && a.st_rdev == b.st_rdev);
	close(null);
}

static void o_path_is_refused(void **state)
{
	struct err e = { 0 };
	int fd = open("/etc/passwd", O_PATH | O_CLOEXEC);

	(void)state;
	stdio_set(user_s, fd, user_s);
	close(fd);
	assert_int_equal(relay_new(&relay, false, false, child_fds, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	assert_non_null(strstr(e.what, "stdout"));
}

static void output_that_is_lost_is_known(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	stdio_set(user_s, full, user_s);
	close(full);
	start(false, false);
	assert_false(relay_has_lost(relay));
	put(child_fds[1], "x");
	turn(30);
	assert_true(relay_has_lost(relay));
}

/* The keeper is forked before raw mode is entered, and restores after the launcher's death. */
static void emergency(bool restored_already)
{
	struct termios before;
	struct err e = { 0 };
	int go[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	tcgetattr(user_s, &before);
	stdio_set(user_s, user_s, user_s);
	assert_int_equal(relay_new(&relay, true, true, child_fds, &e), 0);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		stdio_set(go[0], go[0], go[0]);
		if (read(go[0], &c, 1) == 1)
			relay_emergency_restore();
		_exit(0);
	}
	assert_int_equal(relay_console(relay, fcntl(in_m, F_DUPFD_CLOEXEC, 3), &e), 0);
	assert_true(is_raw());
	if (restored_already) {	/* another program's raw mode must stay */
		struct termios t = before;

		relay_free(relay);
		relay = NULL;
		cfmakeraw(&t);
		tcsetattr(user_s, TCSANOW, &t);
	}
	put(go[1], "x");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (restored_already)
		assert_true(is_raw());
	else
		same_modes(&before);
	close(go[0]);
	close(go[1]);
}

static void another_process_restores(void **state)
{
	(void)state;
	emergency(false);
}

static void another_process_leaves_alone(void **state)
{
	(void)state;
	emergency(true);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(raw_mode_is_set_and_restored),
		CASE(warnings_are_no_staircase),
		CASE(terminal_without_i_is_not_touched),
		CASE(data_goes_both_ways),
		CASE(stdin_must_be_a_terminal),
		CASE(a_directory_is_refused),
		CASE(what_is_no_terminal_is_passed),
		CASE(without_i_stdin_is_null),
		CASE(pipes_replace_the_terminal),
		CASE(closed_input_stops_reading),
		CASE(slow_reader_of_a_pty),
		CASE(slow_reader_of_a_pipe),
		CASE(slow_reader_without_t),
		CASE(slow_payload),
		CASE(output_to_a_file),
		CASE(a_pty_lives_on_without_users),
		CASE(the_drain_delivers_what_a_pty_holds),
		CASE(broken_output_of_a_pty),
		CASE(broken_output_of_a_pipe),
		CASE(drain_delivers),
		CASE(drain_of_a_pty_delivers),
		CASE(stuck_drain_ends_with_a_signal),
		CASE(stuck_drain_after_a_signal),
		CASE(files_do_not_go_inside),
		CASE(sockets_do_not_go_inside),
		CASE(null_goes_inside),
		CASE(o_path_is_refused),
		CASE(output_that_is_lost_is_known),
		CASE(another_process_restores),
		CASE(another_process_leaves_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
