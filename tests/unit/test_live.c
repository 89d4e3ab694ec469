/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_live.c - a block of lines that is drawn anew: what is on the screen in the end
 *
 * The bytes that reach a pseudo-terminal are obeyed here by a small screen, which wraps and scrolls.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/stop.h"
#include "base/str.h"
#include "cli/live.h"
#include "cli/table.h"

/* ---- a screen ---- */

enum { COLS = 20, ROWS = 6 };

static struct screen {
	char cell[ROWS][COLS + 1];
	int x, y;
	bool is_odd;	/* something that is not known here */
} screen;

static void erase(int y, int from)
{
	for (int x = from; x < COLS; x++)
		screen.cell[y][x] = ' ';
	screen.cell[y][COLS] = '\0';
}

static void screen_clear(void)
{
	screen = (struct screen){ 0 };
	for (int y = 0; y < ROWS; y++)
		erase(y, 0);
}

static void down(void)
{
	if (screen.y + 1 < ROWS) {
		screen.y++;
		return;
	}
	memmove(screen.cell[0], screen.cell[1], sizeof(screen.cell[0]) * (ROWS - 1));
	erase(ROWS - 1, 0);
}

static const char *escape(const char *s)
{
	int n = (int)strtol(s, (char **)(uintptr_t)&s, 10);

	switch (*s) {
	case 'A':
		screen.y = screen.y > n ? screen.y - n : 0;
		break;
	case 'B':
		screen.y = screen.y + n < ROWS ? screen.y + n : ROWS - 1;
		break;
	case 'K':
		erase(screen.y, screen.x);
		break;
	case 'J':
		erase(screen.y, screen.x);
		for (int y = screen.y + 1; y < ROWS; y++)
			erase(y, 0);
		break;
	case 'm':
		break;
	default:
		screen.is_odd = true;
	}
	return s + 1;
}

static void obey(const char *s)
{
	while (*s) {
		if (s[0] == '\x1b' && s[1] == '[') {
			s = escape(s + 2);
			continue;
		}
		if (*s == '\r') {
			screen.x = 0;
		} else if (*s == '\n') {
			down();
		} else {
			if (screen.x == COLS) {
				screen.x = 0;
				down();
			}
			screen.cell[screen.y][screen.x++] = *s;
		}
		s++;
	}
}

/* ---- a terminal ---- */

static int master = -1, slave = -1;

static void resize(int cols, int rows)
{
	struct winsize ws = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };

	assert_int_equal(ioctl(master, TIOCSWINSZ, &ws), 0);
}

/* All that was written up to now. */
static char *output(void)
{
	struct pollfd p = { .fd = master, .events = POLLIN };
	struct buf out = { 0 };
	char part[512];
	ssize_t n;

	while (poll(&p, 1, 0) > 0 && (n = read(master, part, sizeof(part))) > 0)
		buf_addn(&out, part, (size_t)n);
	return buf_take(&out);
}

/* The screen is: lines between "|", blanks at their end left out; and the cursor is in line @y. */
static void must_show(const char *expected, int y)
{
	struct buf got = { 0 };
	char *bytes = output();

	obey(bytes);
	for (int i = 0; i < ROWS; i++) {
		int len = COLS;

		while (len > 0 && screen.cell[i][len - 1] == ' ')
			len--;
		buf_addf(&got, "%.*s|", len, screen.cell[i]);
	}
	assert_string_equal(got.s, expected);
	assert_int_equal(screen.y, y);
	assert_int_equal(screen.x, 0);
	assert_false(screen.is_odd);
	buf_fini(&got);
	free(bytes);
}

static int setup(void **state)
{
	(void)state;
	setenv("TERM", "xterm", 1);
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	resize(COLS, ROWS);
	screen_clear();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(master);
	close(slave);
	return 0;
}

static void must_draw(struct live *l, const char *text)
{
	struct err e = { 0 };

	assert_int_equal(live_draw(l, text, &e), 0);
}

static void must_open(struct live *l, int fd)
{
	struct err e = { 0 };

	assert_int_equal(live_open(l, fd, &e), 0);
}

/* ---- the promises ---- */

static void a_block_replaces_the_last(void **state)
{
	struct live l;

	(void)state;
	obey("$ lichen stats\r\n");
	must_open(&l, slave);
	assert_true(l.is_terminal);
	must_draw(&l, "one two\nthree\nfour\n");
	must_show("$ lichen stats|one two|three|four|||", 1);
	must_draw(&l, "1\n2\n3\n4\n");
	must_show("$ lichen stats|1|2|3|4||", 1);
	must_draw(&l, "a\n\nb");
	must_show("$ lichen stats|a||b|||", 1);
	must_draw(&l, "");
	must_show("$ lichen stats||||||", 1);
	must_draw(&l, "last\nof all\n");
	live_close(&l);
	must_show("$ lichen stats|last|of all||||", 3);
}

static void at_the_bottom_it_scrolls_once(void **state)
{
	struct live l;

	(void)state;
	obey("1\r\n2\r\n3\r\n4\r\n5\r\n");
	must_open(&l, slave);
	must_draw(&l, "a\nb\nc\n");
	must_show("3|4|5|a|b|c|", 3);
	must_draw(&l, "d\ne\nf\n");
	must_show("3|4|5|d|e|f|", 3);
	live_close(&l);
	must_show("4|5|d|e|f||", 5);
}

static void what_has_no_room_is_cut(void **state)
{
	struct live l;

	(void)state;
	must_open(&l, slave);
	assert_int_equal(l.width, COLS - 1);
	must_draw(&l, "0123456789012345678\n01234567890123456789\n\x1b[1mbold 678901234567890\x1b[0m\n");
	must_show("0123456789012345678|0123456789012345678|bold 67890123456789||||", 0);
	must_draw(&l, "1\n2\n3\n4\n5\n6\n");
	must_show("1|2|3|4|5|6|", 0);
	must_draw(&l, "1\n2\n3\n4\n5\n6\n7\n");
	must_show("1|2|3|4|5|(2 more)|", 0);
	live_close(&l);
}

static void colours_end_where_they_are_cut(void **state)
{
	struct live l;
	char *bytes;

	(void)state;
	must_open(&l, slave);
	must_draw(&l, "\x1b[1;31m01234567890123456789\x1b[0m\n\x1b[1mx\x1b[0m\n");
	bytes = output();
	assert_string_equal(bytes, "\r\x1b[1;31m0123456789012345678\x1b[0m\x1b[K\r\n\x1b[1mx\x1b[0m\x1b[K\x1b[J\x1b[1A\r");
	free(bytes);
	live_close(&l);
}

/* What a window that gets narrower does: the lines below the cursor's are wrapped, the cursor keeps its place. */
static void a_new_width_is_drawn_for(void **state)
{
	struct live l;

	(void)state;
	obey("above\r\n");
	must_open(&l, slave);
	must_draw(&l, "0123456789ab\nx\n");
	must_show("above|0123456789ab|x||||", 1);
	assert_int_equal(live_wait(&l, 0, -1), LIVE_TIME);
	resize(9, ROWS);
	raise(SIGWINCH);
	assert_int_equal(live_wait(&l, -1, -1), LIVE_REDRAW);
	assert_int_equal(l.width, 8);
	memcpy(screen.cell[1], "012345678           ", COLS);
	memcpy(screen.cell[2], "9ab                 ", COLS);
	memcpy(screen.cell[3], "x                   ", COLS);
	must_draw(&l, "0123456789ab\nx\n");
	must_show("above|01234567|x||||", 1);
	live_close(&l);
}

static void the_end_is_told(void **state)
{
	static const int SIGS[] = { SIGTERM, SIGHUP, SIGQUIT, SIGINT };
	sigset_t before, after;

	(void)state;
	sigprocmask(SIG_BLOCK, NULL, &before);
	for (size_t i = 0; i < N_ELEMS(SIGS); i++) {
		struct live l;

		screen_clear();
		must_open(&l, slave);
		must_draw(&l, "a\nb\n");
		assert_int_equal(live_status(&l), 0);
		raise(SIGS[i]);
		assert_int_equal(live_wait(&l, -1, -1), LIVE_ENDED);
		assert_int_equal(live_status(&l), 128 + SIGS[i]);
		live_close(&l);
		must_show("a|b|||||", 2);
		assert_int_equal(stop_death(), SIGS[i] == SIGINT ? SIGINT : 0);
		live_close(&l); /* twice is once */
		must_show("a|b|||||", 2);
	}
	stop_die_of(0);
	sigprocmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		assert_int_equal(sigismember(&after, sig), sigismember(&before, sig));
}

static void a_descriptor_is_waited_for(void **state)
{
	struct live l;
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	must_open(&l, slave);
	assert_int_equal(live_wait(&l, 0, p[0]), LIVE_TIME);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(live_wait(&l, -1, p[0]), LIVE_INPUT);
	live_close(&l);
	close(p[0]);
	close(p[1]);
}

static void stopped_it_is_out_of_the_way(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct live l;
		struct err e = { 0 };

		/* stopped, it must not outlive a failed test */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (live_open(&l, slave, &e) < 0 || live_draw(&l, "a\nb\n", &e) < 0)
			_exit(1);
		raise(SIGTSTP);
		if (live_wait(&l, -1, -1) != LIVE_REDRAW || live_draw(&l, "c\n", &e) < 0)
			_exit(2);
		live_close(&l);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	must_show("a|b|||||", 2);
	obey("$ fg\r\n");
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	must_show("a|b|$ fg|c|||", 4);
}

static bool is_echoing(void)
{
	struct termios mode;

	return tcgetattr(slave, &mode) == 0 && (mode.c_lflag & ECHO) && (mode.c_lflag & ICANON);
}

/* In the foreground of the terminal, of whose session it is the first process: 0, or where it failed. */
static int take_a_key(void)
{
	struct live l;
	struct err e = { 0 };

	/* waiting for a key, it must not outlive a failed test */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 || live_open(&l, slave, &e) < 0)
		return 1;
	live_take_keys(&l, slave);
	if (is_echoing() || live_draw(&l, "a\n", &e) < 0)
		return 2;
	if (live_wait(&l, -1, -1) != LIVE_KEY || live_key(&l) != 'q')
		return 3;
	if (live_wait(&l, 0, -1) != LIVE_TIME)
		return 4;
	live_close(&l);
	return is_echoing() ? 0 : 5;
}

static void keys_come_one_by_one(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(take_a_key());
	/* no newline: without the mode it would wait for one */
	while (waitpid(pid, &status, WNOHANG) == 0 && is_echoing())
		poll(NULL, 0, 1);
	assert_int_equal(write(master, "q", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Neither from the background nor from what is no terminal: setting a mode would stop us. */
static void the_keys_of_others_stay(void **state)
{
	struct live l;

	(void)state;
	must_open(&l, slave);
	live_take_keys(&l, slave);
	assert_true(is_echoing());
	assert_int_equal(write(master, "q\n", 2), 2);
	assert_int_equal(live_wait(&l, 0, -1), LIVE_TIME);
	live_close(&l);
	must_open(&l, slave);
	live_take_keys(&l, open("/dev/null", O_RDONLY | O_CLOEXEC));
	assert_int_equal(live_wait(&l, 0, -1), LIVE_TIME);
	assert_int_equal(live_key(&l), -1);
	live_close(&l);
	assert_true(is_echoing());
}

/* Blocks one after the other, whole, and signals act as ever. */
static void elsewhere_blocks_follow(void **state)
{
	char got[128] = "";
	sigset_t mask;
	struct live l;
	int p[2];

	(void)state;
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	must_open(&l, p[1]);
	assert_false(l.is_terminal);
	assert_int_equal(l.width, 0);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGINT), 0);
	must_draw(&l, "a line that is wider than any window of this test\n");
	assert_int_equal(live_wait(&l, 0, -1), LIVE_TIME);
	must_draw(&l, "b\n");
	live_close(&l);
	assert_true(read(p[0], got, sizeof(got) - 1) > 0);
	assert_string_equal(got, "a line that is wider than any window of this test\nb\n");
	close(p[0]);
	close(p[1]);
	setenv("TERM", "dumb", 1);
	must_open(&l, slave);
	assert_false(l.is_terminal);
	live_close(&l);
}

/* cli/table.h asks the same of standard output. */
static struct table_style style_on_terminal(void)
{
	int out = dup(STDOUT_FILENO);
	struct table_style style;

	assert_true(out >= 0 && dup2(slave, STDOUT_FILENO) >= 0);
	style = table_style_here();
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	return style;
}

static void a_table_sees_the_terminal(void **state)
{
	struct table_style style;

	(void)state;
	unsetenv("NO_COLOR");
	style = style_on_terminal();
	assert_int_equal(style.width, COLS);
	assert_true(style.is_coloured);
	setenv("NO_COLOR", "1", 1);
	assert_false(style_on_terminal().is_coloured);
	assert_int_equal(style_on_terminal().width, COLS);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(style_on_terminal().is_coloured);
}

int main(void)
{
#define LIVE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		LIVE_TEST(a_block_replaces_the_last),	   LIVE_TEST(at_the_bottom_it_scrolls_once),
		LIVE_TEST(what_has_no_room_is_cut),	   LIVE_TEST(colours_end_where_they_are_cut),
		LIVE_TEST(a_new_width_is_drawn_for),	   LIVE_TEST(the_end_is_told),
		LIVE_TEST(a_descriptor_is_waited_for),	   LIVE_TEST(stopped_it_is_out_of_the_way),
		LIVE_TEST(keys_come_one_by_one),	   LIVE_TEST(the_keys_of_others_stay),
		LIVE_TEST(elsewhere_blocks_follow),	   LIVE_TEST(a_table_sees_the_terminal),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
