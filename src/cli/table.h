/* SPDX-License-Identifier: Apache-2.0 */
/* cli/table.h - rows of columns, for people as text and for programs as JSON
 *
 *	static const struct column COLUMNS[] = {
 *		{ "NAME", "name", COLUMN_LEFT },
 *		{ "MEMORY", "memory", COLUMN_RIGHT },
 *		{ NULL, "id", COLUMN_LEFT },		in JSON only
 *	};
 *	AUTO_TABLE struct table t = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) };
 *
 *	table_text(&t, name);
 *	table_int(&t, (int64_t)bytes, size_format(bytes, text));
 *	table_text(&t, id);
 *	...
 *	return a->json ? table_print_json(&t, e) : table_print(&t, e);
 *
 * Cells are added from left to right, row by row. Each has a value, which is what JSON says, and
 * a text, which is what people read.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum column_align { COLUMN_LEFT, COLUMN_RIGHT };

struct column {
	const char *title;	/* above the column; NULL: for programs only */
	const char *key;	/* of the member in JSON; NULL: for people only */
	enum column_align align;
};

struct cell {
	char *text;		/* printable: what could move a cursor is escaped; owned */
	char *json;		/* the value as JSON; owned */
};

struct table {
	const struct column *columns;	/* borrowed */
	size_t n_columns;
	struct cell *cells;	/* owned; row after row */
	size_t n_cells;
};

/* They add one cell. @shown: what people read instead of the value, copied; NULL: the value. */
void table_text(struct table *t, const char *value);			/* NULL as table_null() */
void table_text_as(struct table *t, const char *value, const char *shown);
void table_list(struct table *t, const struct strv *values);		/* an array; people read them with commas, "-" where there is none */
void table_int(struct table *t, int64_t value, const char *shown);
void table_real(struct table *t, double value, const char *shown);	/* no number: null */
void table_bool(struct table *t, bool value, const char *shown);	/* "yes", "no" */
void table_null(struct table *t, const char *shown);			/* "-" */

/* How a table is to look on a descriptor. */
struct table_style {
	size_t width;		/* columns of the terminal; 0: none, nothing is cut */
	bool is_coloured;	/* the titles stand out */
};

/* As standard output wants it: a terminal's width; colours where it is one, NO_COLOR is empty
 * or not set and TERM is not "dumb". */
struct table_style table_style_here(void);

/**
 * table_render() - Titles and rows, columns as wide as their widest cell, two spaces between
 *
 * Where a line is wider than @style->width, the cells of the last column are cut, down to its
 * title; what is wider still is left to the terminal. No line ends in a blank. A character
 * counts as one column, so that those of double width shift their row.
 */
void table_render(const struct table *t, const struct table_style *style, struct buf *out);

/* How wide the lines are that nothing cuts; 0 where people see no column. */
size_t table_width(const struct table *t);

/* The column @key alone, a line for each row, without a title: for -q. */
void table_render_column(const struct table *t, const char *key, struct buf *out);

/* An array of objects, one a line; "[]" where there is no row. */
void table_render_json(const struct table *t, struct buf *out);

/* Objects, one a line, for what is printed again and again. */
void table_render_json_lines(const struct table *t, struct buf *out);

/* The same, on standard output. Errors: SYS. */
NODISCARD int table_print(const struct table *t, struct err *e);
NODISCARD int table_print_column(const struct table *t, const char *key, struct err *e);
NODISCARD int table_print_json(const struct table *t, struct err *e);

void table_clear(struct table *t);	/* no rows, the same columns */
void table_fini(struct table *t);

#define AUTO_TABLE __attribute__((cleanup(table_fini)))

#endif
