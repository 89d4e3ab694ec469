/* SPDX-License-Identifier: Apache-2.0 */
/* cli/help.h - the help texts, made from the tables */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct opt;
struct verb;
struct verb_group;

/* They append; lines are at most @width columns wide where words allow it. */
void help_overview(struct buf *out, size_t width);
void help_verb(struct buf *out, const struct verb *v, size_t width);
void help_group(struct buf *out, const struct verb_group *g, size_t width);

/* "-v, --volume SRC:DST[:OPTIONS]" */
void help_opt_left(struct buf *out, const struct opt *o);

/* Columns of the terminal: $COLUMNS, else what standard output says, else 80; 40 to 120. */
size_t help_width(void);

/* Prints the help of @v (NULL: the overview) on standard output. Errors: SYS. */
NODISCARD int help_show(const struct verb *v, struct err *e);
NODISCARD int help_show_group(const struct verb_group *g, struct err *e);

/* Writes @text to standard output and makes sure that it arrived. Errors: SYS. */
NODISCARD int help_print(const struct buf *text, struct err *e);

#endif
