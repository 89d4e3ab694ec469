/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.c - words to the user that are not errors */

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static struct {
	enum log_level level;
	log_sink *sink;
	void *arg;
	const char *line_end;	/* NULL: "\n" */
} log_state;

void log_set_level(enum log_level highest_shown)
{
	log_state.level = highest_shown;
}

enum log_level log_get_level(void)
{
	return log_state.level;
}

void log_set_sink(log_sink *sink, void *arg)
{
	log_state.sink = sink;
	log_state.arg = arg;
}

void log_set_line_end(const char *literal)
{
	log_state.line_end = literal;
}

void log_line(enum log_level level, const char *text)
{
	AUTO_BUF struct buf b = { 0 };
	ssize_t n;
	int saved = errno;

	if (level > log_state.level)
		return;
	if (log_state.sink) {
		log_state.sink(level, text, log_state.arg);
		errno = saved;
		return;
	}
	buf_add(&b, level == LOG_LEVEL_WARN ? "lichen: warning: " : "lichen: ");
	buf_add_safe(&b, text);
	buf_add(&b, log_state.line_end ? log_state.line_end : "\n");
	n = write(STDERR_FILENO, b.s, b.len);
	(void)n; /* a closed stderr must not stop the run */
	errno = saved;
}

void log_fmt_(enum log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (level > log_state.level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_line(level, text);
}

void log_err(const struct err *e)
{
	/* an error number without a call is for programs: the words say it */
	if (e->errnum && e->op[0])
		log_warn("%s: %s%s%s: %s (%s)%s%s", e->what, e->op, e->path[0] ? " " : "", e->path,
			 strerror(e->errnum), err_errno_name(e->errnum), e->hint[0] ? "; " : "", e->hint);
	else
		log_warn("%s%s%s", e->what, e->hint[0] ? "; " : "", e->hint);
}
