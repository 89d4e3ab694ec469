/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h - words to the user that are not errors
 *
 * In the launcher a line goes to stderr at once. The child's stderr belongs to the
 * user's program, so the child sets a sink that sends its lines to the supervisor.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
	LOG_LEVEL_WARN,		/* always shown */
	LOG_LEVEL_INFO,		/* --verbose: which rung was taken and why */
	LOG_LEVEL_DEBUG,	/* --debug: each step */
};

typedef void log_sink(enum log_level level, const char *text, void *arg);

void log_set_level(enum log_level highest_shown);
enum log_level log_get_level(void);
void log_set_sink(log_sink *sink, void *arg);	/* NULL: stderr */
void log_set_line_end(const char *literal);	/* "\r\n" while the terminal is raw */
void log_line(enum log_level level, const char *text);

#define log_warn(...)  log_fmt_(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_fmt_(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_fmt_(LOG_LEVEL_DEBUG, __VA_ARGS__)
void log_fmt_(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/* A failure that we survive: its whole chain as one warning. */
void log_err(const struct err *e);

#endif
