/* SPDX-License-Identifier: Apache-2.0 */
/* cli/confirm.c - asks before something is removed that nobody has named */

#include "cli/confirm.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

enum { ANSWER_MAX = 64 };

int confirm(const char *what, bool forced, struct err *e)
{
	AUTO_FREE char *question = NULL;
	char answer[ANSWER_MAX];
	size_t len;
	ssize_t n;

	if (forced)
		return 1;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		err_set(e, ERR_USAGE, "%s; nobody can be asked whether that is meant: this is no terminal", what);
		return err_hint(e, "with -f nobody is asked");
	}
	question = str_fmt("%s. Go on? [y/N] ", what);
	if (fd_write_all(STDERR_FILENO, question, strlen(question)) < 0)
		return err_sys(e, "write", "standard error", "asking");
	do
		n = read(STDIN_FILENO, answer, sizeof(answer) - 1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "read", "standard input", "asking");
	len = (size_t)n;
	while (len && isspace((unsigned char)answer[len - 1]))
		len--;
	answer[len] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
