/* SPDX-License-Identifier: Apache-2.0 */
/* cli/credentials_ask.c - a name or password from the terminal */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"
#include "cli/credentials.h"

enum { LINE_BYTES_MAX = 4096 };

/* A line, which the terminal gives as a whole. */
static char *read_line(int tty, struct err *e)
{
	char line[LINE_BYTES_MAX];
	ssize_t n;

	do {
		if (stop_poll(tty, POLLIN, -1) < 0) {
			(void)!stop_err(e, "while it was asked for");
			return NULL;
		}
		n = read(tty, line, sizeof(line));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		(void)!err_sys(e, "read", "/dev/tty", "asking on the terminal");
		return NULL;
	}
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	return str_dupn(line, (size_t)n);
}

char *credentials_ask(const char *prompt, bool is_secret, struct err *e)
{
	AUTO_CLOSE int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios before, quiet;
	sigset_t all, mask;
	char *line;

	if (tty < 0 || tcgetattr(tty, &before) < 0) {
		err_set(e, ERR_HOST, "there is no terminal to ask for it: %s", prompt);
		err_hint(e, "give a name with -u and the password on standard input with --password-stdin");
		return NULL;
	}
	/* whatever ends us, the terminal must show again what is typed */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	if (stop_arm(&all) < 0) {
		sigprocmask(SIG_SETMASK, &mask, NULL);
		(void)!err_sys(e, "signalfd", NULL, "asking on the terminal");
		return NULL;
	}
	quiet = before;
	if (is_secret)
		quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	(void)!fd_write_all(tty, prompt, strlen(prompt));
	line = read_line(tty, e);
	tcsetattr(tty, TCSAFLUSH, &before);
	if (is_secret || !line)
		(void)!fd_write_all(tty, "\n", 1);
	stop_disarm();
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return line;
}

int credentials_given(const char *text, struct credentials *c, struct err *e)
{
	const char *colon = strchr(text, ':');

	*c = (struct credentials){ 0 };
	if (colon == text)
		return err_set(e, ERR_USAGE, "--creds: expected USER[:PASSWORD], and there is no user before the colon");
	c->username = str_dupn(text, colon ? (size_t)(colon - text) : strlen(text));
	c->password = colon ? str_dup(colon + 1) : credentials_ask("Password: ", true, e);
	return c->password ? 0 : -1;
}
