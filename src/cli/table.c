/* SPDX-License-Identifier: Apache-2.0 */
/* cli/table.c - rows of columns, for people as text and for programs as JSON */

#include "cli/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/help.h"

enum { GAP = 2 };	/* blanks between columns */

static const char DOTS[] = "...";	/* in place of what was cut off */

/* ---- cells ---- */

/* Takes @json; copies @text. */
static void add_cell(struct table *t, char *json, const char *text)
{
	AUTO_BUF struct buf safe = { 0 };

	buf_add_safe(&safe, text);
	t->cells = mem_grow(t->cells, t->n_cells + 1, sizeof(*t->cells));
	t->cells[t->n_cells++] = (struct cell){ buf_take(&safe), json };
}

void table_null(struct table *t, const char *shown)
{
	add_cell(t, str_dup("null"), shown ? shown : "-");
}

void table_text_as(struct table *t, const char *value, const char *shown)
{
	AUTO_BUF struct buf json = { 0 };

	if (!value) {
		table_null(t, shown);
		return;
	}
	buf_add_json(&json, value);
	add_cell(t, buf_take(&json), shown ? shown : value);
}

void table_text(struct table *t, const char *value)
{
	table_text_as(t, value, NULL);
}

void table_list(struct table *t, const struct strv *values)
{
	struct buf json = { 0 };
	AUTO_BUF struct buf shown = { 0 };

	buf_add(&json, "[");
	for (size_t i = 0; i < values->n; i++) {
		buf_add(&json, i ? ", " : "");
		buf_add_json(&json, values->v[i]);
		buf_addf(&shown, "%s%s", i ? ", " : "", values->v[i]);
	}
	buf_add(&json, "]");
	add_cell(t, buf_take(&json), values->n ? shown.s : "-");
}

void table_int(struct table *t, int64_t value, const char *shown)
{
	char *json = str_fmt("%" PRId64, value);

	add_cell(t, json, shown ? shown : json);
}

void table_real(struct table *t, double value, const char *shown)
{
	char *json;

	if (!isfinite(value)) {
		table_null(t, shown);
		return;
	}
	json = str_fmt("%.10g", value);
	add_cell(t, json, shown ? shown : json);
}

void table_bool(struct table *t, bool value, const char *shown)
{
	add_cell(t, str_dup(value ? "true" : "false"), shown ? shown : value ? "yes" : "no");
}

void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++) {
		free(t->cells[i].text);
		free(t->cells[i].json);
	}
	t->n_cells = 0;
}

void table_fini(struct table *t)
{
	table_clear(t);
	free(t->cells);
	t->cells = NULL;
}

/* ---- text ---- */

/* How many columns printable text takes. */
static size_t columns_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* The bytes of the first @n characters. */
static size_t bytes_of(const char *s, size_t n)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80 && n-- == 0)
			break;
	return i;
}

static size_t rows_of(const struct table *t)
{
	return t->n_columns ? t->n_cells / t->n_columns : 0;
}

static const char *text_of(const struct table *t, size_t row, size_t column)
{
	return t->cells[row * t->n_columns + column].text;
}

/* Fills @widths; returns the last column that people see, SIZE_MAX: none. */
static size_t measure(const struct table *t, size_t *widths)
{
	size_t last = SIZE_MAX;

	for (size_t c = 0; c < t->n_columns; c++) {
		widths[c] = 0;
		if (!t->columns[c].title)
			continue;
		last = c;
		widths[c] = columns_of(t->columns[c].title);
		for (size_t r = 0; r < rows_of(t); r++)
			if (columns_of(text_of(t, r, c)) > widths[c])
				widths[c] = columns_of(text_of(t, r, c));
	}
	return last;
}

/* The last column gives way, but keeps its title and what stands for the rest. */
static void fit(const struct table *t, size_t *widths, size_t last, size_t width)
{
	size_t least = columns_of(t->columns[last].title), before = 0;

	if (least < sizeof(DOTS))
		least = sizeof(DOTS);
	for (size_t c = 0; c < last; c++)
		if (t->columns[c].title)
			before += widths[c] + GAP;
	if (!width || before + widths[last] <= width)
		return;
	if (before + least < width)
		least = width - before;
	if (least < widths[last])
		widths[last] = least;
}

static void blanks(struct buf *out, size_t n)
{
	while (n--)
		buf_add(out, " ");
}

/* A cell, and the blanks that @is_last need not have behind it. */
static void add_text(struct buf *out, const char *text, size_t width, enum column_align align, bool is_last)
{
	size_t n = columns_of(text), bytes = strlen(text);
	bool is_cut = n > width;

	if (is_cut) {
		bytes = bytes_of(text, width - (sizeof(DOTS) - 1));
		n = width;
	}
	if (align == COLUMN_RIGHT)
		blanks(out, width - n);
	buf_addn(out, text, bytes);
	if (is_cut)
		buf_add(out, DOTS);
	if (!is_last && align == COLUMN_LEFT)
		blanks(out, width - n);
}

/* @row SIZE_MAX: the titles. */
static void add_line(const struct table *t, size_t row, const size_t *widths, size_t last, struct buf *out)
{
	for (size_t c = 0; c <= last; c++) {
		const struct column *column = &t->columns[c];

		if (!column->title)
			continue;
		add_text(out, row == SIZE_MAX ? column->title : text_of(t, row, c), widths[c], column->align, c == last);
		if (c < last)
			blanks(out, GAP);
	}
	/* an empty last cell, and others before it */
	while (out->len && out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
}

size_t table_width(const struct table *t)
{
	AUTO_FREE size_t *widths = mem_alloc((t->n_columns + 1) * sizeof(*widths));
	size_t last = measure(t, widths), n = 0;

	for (size_t c = 0; last != SIZE_MAX && c <= last; c++)
		if (t->columns[c].title)
			n += widths[c] + (c < last ? GAP : 0);
	return n;
}

void table_render(const struct table *t, const struct table_style *style, struct buf *out)
{
	AUTO_FREE size_t *widths = mem_alloc((t->n_columns + 1) * sizeof(*widths));
	size_t last = measure(t, widths);

	if (last == SIZE_MAX)
		return;
	fit(t, widths, last, style->width);
	for (size_t r = 0; r <= rows_of(t); r++) {
		bool is_bold = style->is_coloured && r == 0;
		AUTO_BUF struct buf line = { 0 };

		add_line(t, r ? r - 1 : SIZE_MAX, widths, last, &line);
		buf_addf(out, "%s%s%s\n", is_bold ? "\x1b[1m" : "", line.s ? line.s : "", is_bold ? "\x1b[0m" : "");
	}
}

void table_render_column(const struct table *t, const char *key, struct buf *out)
{
	for (size_t c = 0; c < t->n_columns; c++)
		for (size_t r = 0; r < rows_of(t) && str_eq(t->columns[c].key, key); r++)
			buf_addf(out, "%s\n", text_of(t, r, c));
}

struct table_style table_style_here(void)
{
	enum { USUAL = 80 };
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct table_style style = { 0, false };
	struct winsize ws;

	if (!isatty(STDOUT_FILENO))
		return style;
	style.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col ? ws.ws_col : USUAL;
	style.is_coloured = !(no_color && *no_color) && !str_eq(term, "dumb");
	return style;
}

/* ---- JSON ---- */

static void add_object(const struct table *t, size_t row, struct buf *out)
{
	const char *before = "{";

	for (size_t c = 0; c < t->n_columns; c++) {
		if (!t->columns[c].key)
			continue;
		buf_add(out, before);
		buf_add_json(out, t->columns[c].key);
		buf_addf(out, ": %s", t->cells[row * t->n_columns + c].json);
		before = ", ";
	}
	buf_add(out, *before == '{' ? "{}" : "}");
}

void table_render_json(const struct table *t, struct buf *out)
{
	buf_add(out, "[");
	for (size_t r = 0; r < rows_of(t); r++) {
		buf_add(out, r ? ",\n  " : "\n  ");
		add_object(t, r, out);
	}
	buf_add(out, rows_of(t) ? "\n]\n" : "]\n");
}

void table_render_json_lines(const struct table *t, struct buf *out)
{
	for (size_t r = 0; r < rows_of(t); r++) {
		add_object(t, r, out);
		buf_add(out, "\n");
	}
}

/* ---- standard output ---- */

int table_print(const struct table *t, struct err *e)
{
	struct table_style style = table_style_here();
	AUTO_BUF struct buf out = { 0 };

	table_render(t, &style, &out);
	return help_print(&out, e);
}

int table_print_column(const struct table *t, const char *key, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	table_render_column(t, key, &out);
	return help_print(&out, e);
}

int table_print_json(const struct table *t, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	table_render_json(t, &out);
	return help_print(&out, e);
}
