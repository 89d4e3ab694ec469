/* SPDX-License-Identifier: Apache-2.0 */
/* cli/profile.h - options from files: --profile FILE|NAME */
#ifndef CLI_PROFILE_H
#define CLI_PROFILE_H

#include "base/err.h"
#include "base/str.h"

struct args;
struct verb;

/**
 * profile_words() - One line of a profile as words
 * @out:	the words are appended; none for an empty line or a comment
 *
 * Blanks separate words. In single quotes everything is itself; in double quotes and
 * outside of quotes a backslash takes the next character as it is. A # where a word would
 * begin starts a comment. Nothing is replaced: no variables, no patterns, no ~.
 * Errors:	USAGE, for a quote that is not closed or a backslash at the end
 */
NODISCARD int profile_words(struct strv *out, const char *line, struct err *e);

/**
 * profile_read() - Add the options of a profile to @a
 * @word:	a file where it has a slash in it, else a name: looked for below the user's
 *		configuration directory, then among those that come with lichen
 * @v:		whose options they are
 * Errors:	as opts_parse(), with file and line before; SYS open, read
 */
NODISCARD int profile_read(const struct verb *v, const char *word, struct args *a, struct err *e);

#endif
