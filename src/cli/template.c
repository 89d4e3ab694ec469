/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template.c - the part of Go's templates that --format has */

#include "cli/template.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/table.h"

enum { WORDS_MAX = 6, DEPTH_MAX = 16 };

static void json_drop(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

#define AUTO_JSON __attribute__((cleanup(json_drop)))

struct scan {
	const char *format;	/* the whole */
	const char *at;		/* what comes next */
	struct buf *out;
	struct err *e;
	int depth;
	bool trims;		/* the last action ended with -}} */
};

/* What ended a block. */
enum end { END_ERROR = -1, END_TEXT, END_END, END_ELSE };

enum word_kind { WORD_NONE, WORD_VALUE, WORD_NAME, WORD_PIPE };

struct word {
	enum word_kind kind;
	json_t *value;		/* WORD_VALUE; owned */
	char name[16];		/* WORD_NAME */
};

static int wrong(const struct scan *s, const char *what, const char *at, int len)
{
	err_set(s->e, ERR_USAGE, "--format: %s '%.*s'", what, len > 64 ? 64 : len, at);
	return err_hint(s->e, "known are {{.FIELD}}, json, index, join, len, upper, lower, println, range, if, else and end; for example "
			      "--format '{{json .}}'");
}

/* ---- values ---- */

static void add_value(struct buf *out, json_t *v)
{
	const char *key, *before = "";
	json_t *x;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_STRING:
		buf_add_safe(out, json_string_value(v));
		break;
	case JSON_INTEGER:
		buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_addf(out, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_add(out, json_is_true(v) ? "true" : "false");
		break;
	case JSON_NULL:
		buf_add(out, "<no value>");
		break;
	case JSON_ARRAY:
		buf_add(out, "[");
		json_array_foreach(v, i, x) {
			buf_add(out, i ? " " : "");
			add_value(out, x);
		}
		buf_add(out, "]");
		break;
	case JSON_OBJECT:
		buf_add(out, "map[");
		json_object_foreach(v, key, x) {
			buf_add(out, before);
			buf_add_safe(out, key);
			buf_add(out, ":");
			add_value(out, x);
			before = " ";
		}
		buf_add(out, "]");
		break;
	}
}

static bool is_true(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return *json_string_value(v) != '\0';
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) < 0 || json_real_value(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	default:
		return json_is_true(v);
	}
}

static int no_field(const struct scan *s, json_t *of, const char *name)
{
	AUTO_BUF struct buf known = { 0 };
	const char *key, *near;
	const char **keys = mem_alloc((json_object_size(of) + 1) * sizeof(*keys));
	size_t n = 0;
	json_t *v;

	json_object_foreach(of, key, v) {
		buf_addf(&known, "%s.%s", n ? " " : "", key);
		keys[n++] = key;
	}
	near = n ? str_nearest(name, keys, n) : NULL;
	err_set(s->e, ERR_USAGE, "--format: there is no field '.%.64s'", name);
	if (near)
		err_hint(s->e, "did you mean .%s ?", near);
	else
		err_hint(s->e, n ? "there are %s" : "it is below something that has no fields%s", n ? known.s : "");
	free(keys);
	return -1;
}

/* ".A.B" of @dot; a new reference. */
static json_t *field(const struct scan *s, json_t *dot, const char *path, size_t len)
{
	json_t *v = dot;

	for (const char *p = path + 1; p < path + len;) {
		const size_t n = strcspn(p, ".");
		AUTO_FREE char *name = str_dupn(p, n < (size_t)(path + len - p) ? n : (size_t)(path + len - p));
		json_t *next = json_object_get(v, name);

		if (!next && !json_is_null(v)) {
			(void)!no_field(s, v, name);
			return NULL;
		}
		v = next ? next : v;
		p += strlen(name) + 1;
	}
	return json_incref(v);
}

/* ---- words of an action ---- */

static size_t path_len(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '.' || s[n] == '_')
		n++;
	return n;
}

/* "text", `text` */
static json_t *quoted(struct scan *s)
{
	AUTO_BUF struct buf text = { 0 };
	const char quote = *s->at, *p = s->at + 1;

	for (; *p && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1]) {
			p++;
			buf_addn(&text, *p == 'n' ? "\n" : *p == 't' ? "\t" : p, 1);
		} else {
			buf_addn(&text, p, 1);
		}
	}
	if (*p != quote) {
		(void)!wrong(s, "a string has no end:", s->at, (int)strlen(s->at));
		return NULL;
	}
	s->at = p + 1;
	return json_string(text.s ? text.s : "");
}

/* The next word before "}}"; WORD_NONE at its end. @dot NULL: nothing is looked up. */
static int next_word(struct scan *s, json_t *dot, struct word *w)
{
	const char *start;
	char *end;

	*w = (struct word){ WORD_NONE, NULL, "" };
	s->at += strspn(s->at, " \t\n");
	start = s->at;
	if (!*start)
		return wrong(s, "there is no }} behind", s->format, (int)strlen(s->format));
	if (str_starts(start, "}}") || str_starts(start, "-}}"))
		return 0;
	if (*start == '|') {
		s->at++;
		w->kind = WORD_PIPE;
		return 0;
	}
	w->kind = WORD_VALUE;
	if (*start == '"' || *start == '`') {
		w->value = quoted(s);
		return w->value ? 0 : -1;
	}
	if (isdigit((unsigned char)*start)) {
		w->value = json_integer(strtoll(start, &end, 10));
		s->at = end;
		return 0;
	}
	if (*start == '$' && start[1] == '.')
		return wrong(s, "variables are not known:", start, (int)strcspn(start, " }"));
	s->at += path_len(start);
	if (s->at == start)
		return wrong(s, "unexpected", start, (int)strcspn(start, "}"));
	if (*start == '.') {
		w->value = dot ? field(s, dot, start, (size_t)(s->at - start)) : json_null();
		return w->value ? 0 : -1;
	}
	w->kind = WORD_NAME;
	if ((size_t)(s->at - start) >= sizeof(w->name))
		return wrong(s, "there is no function", start, (int)(s->at - start));
	memcpy(w->name, start, (size_t)(s->at - start));
	return 0;
}

/* Past "}}". */
static void end_action(struct scan *s)
{
	s->trims = *s->at == '-';
	s->at += s->trims ? 3 : 2;
}

/* ---- JSON ---- */

/* Outside of strings there is nothing to be hidden but the ends of lines. */
void template_json(const json_t *value, size_t flags, struct buf *out)
{
	AUTO_FREE char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
	size_t n;

	for (const char *c = text ? text : "null"; *c; c += n) {
		uint32_t code;

		n = *c == '\n' ? 0 : str_hidden(c, &code);
		if (n)
			buf_add_code(out, code);
		else
			buf_addn(out, c, n = 1);
	}
}

/* ---- functions ---- */

static json_t *text_of(const struct buf *b)
{
	return json_string(b->s ? b->s : "");
}

static json_t *do_json(json_t *const *v)
{
	AUTO_BUF struct buf text = { 0 };

	template_json(v[0], JSON_COMPACT, &text);
	return text_of(&text);
}

static json_t *do_join(json_t *const *v)
{
	AUTO_BUF struct buf text = { 0 };
	json_t *x;
	size_t i;

	json_array_foreach(v[0], i, x) {
		buf_add(&text, i && json_is_string(v[1]) ? json_string_value(v[1]) : "");
		add_value(&text, x);
	}
	return text_of(&text);
}

static json_t *do_index(json_t *const *v)
{
	json_t *found = json_is_string(v[1]) ? json_object_get(v[0], json_string_value(v[1]))
					     : json_array_get(v[0], (size_t)json_integer_value(v[1]));

	return found ? json_incref(found) : json_string("");
}

static json_t *do_len(json_t *const *v)
{
	if (json_is_string(v[0]))
		return json_integer((json_int_t)json_string_length(v[0]));
	return json_integer((json_int_t)(json_is_array(v[0]) ? json_array_size(v[0]) : json_object_size(v[0])));
}

static json_t *in_case(json_t *v, int (*turn)(int))
{
	AUTO_BUF struct buf text = { 0 };

	add_value(&text, v);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.s[i] < 0x80)
			text.s[i] = (char)turn((unsigned char)text.s[i]);
	return text_of(&text);
}

static json_t *do_upper(json_t *const *v)
{
	return in_case(v[0], toupper);
}

static json_t *do_lower(json_t *const *v)
{
	return in_case(v[0], tolower);
}

static const struct function {
	const char *name;
	size_t n;	/* arguments */
	json_t *(*call)(json_t *const *v);
} FUNCTIONS[] = {
	{ "json", 1, do_json },	{ "index", 2, do_index }, { "join", 2, do_join },
	{ "len", 1, do_len },	{ "upper", 1, do_upper }, { "lower", 1, do_lower },
};

static const struct function *function_find(const char *name)
{
	for (size_t i = 0; i < N_ELEMS(FUNCTIONS); i++)
		if (str_eq(FUNCTIONS[i].name, name))
			return &FUNCTIONS[i];
	return NULL;
}

/* One stage of a pipeline: what stands in @w, then what came out of the stage before (NULL: there is none). */
static int stage(const struct scan *s, struct word *w, size_t n, json_t **value)
{
	const struct function *f = n && w[0].kind == WORD_NAME ? function_find(w[0].name) : NULL;
	json_t *v[WORDS_MAX + 1];
	size_t given = 0;

	if (n && w[0].kind == WORD_NAME && !f)
		return wrong(s, "there is no function", w[0].name, (int)strlen(w[0].name));
	for (size_t i = f ? 1 : 0; i < n; i++) {
		if (w[i].kind != WORD_VALUE)
			return wrong(s, "unexpected", w[i].name, (int)strlen(w[i].name));
		v[given++] = w[i].value;
	}
	if (*value)
		v[given++] = *value;
	if (given != (f ? f->n : 1))
		return wrong(s, f ? "the wrong number of values for" : "expected one value in", f ? f->name : s->format,
			     (int)strlen(f ? f->name : s->format));
	v[0] = f ? f->call(v) : json_incref(v[0]);
	json_decref(*value);
	*value = v[0];
	return 0;
}

/* The rest of an action, up to "}}"; @value is a new reference. @dot NULL: only its form counts. */
static int pipeline(struct scan *s, json_t *dot, json_t **value)
{
	struct word w[WORDS_MAX], next;
	size_t n = 0;
	int rc;

	*value = NULL;
	do {
		rc = next_word(s, dot, &next);
		if (rc == 0 && (next.kind == WORD_PIPE || next.kind == WORD_NONE)) {
			rc = stage(s, w, n, value);
			while (n)
				json_decref(w[--n].value);
		} else if (rc == 0 && n == WORDS_MAX) {
			json_decref(next.value);
			rc = wrong(s, "too many words in", s->format, (int)strlen(s->format));
		} else if (rc == 0) {
			w[n++] = next;
		}
	} while (rc == 0 && next.kind != WORD_NONE);
	while (n)
		json_decref(w[--n].value);
	if (rc == 0)
		end_action(s);
	else
		json_drop(value);
	return rc;
}

/* ---- blocks ---- */

static enum end block(struct scan *s, json_t *dot);

static int unclosed(const struct scan *s, const char *what)
{
	return wrong(s, "there is no {{end}} for", what, (int)strlen(what));
}

static int do_range(struct scan *s, json_t *dot)
{
	AUTO_JSON json_t *list = NULL;
	const char *start, *key;
	enum end end = END_TEXT;
	bool trims;
	json_t *x;
	size_t i;

	if (pipeline(s, dot, &list) < 0)
		return -1;
	start = s->at;
	trims = s->trims;
	/* its form is looked at even where there is nothing to go over */
	end = block(s, NULL);
	if (end == END_ERROR)
		return -1;
	if (end != END_END)
		return unclosed(s, "range");
	json_array_foreach(list, i, x) {
		s->at = start;
		s->trims = trims;
		if (block(s, x) == END_ERROR)
			return -1;
	}
	json_object_foreach(list, key, x) {
		s->at = start;
		s->trims = trims;
		if (block(s, x) == END_ERROR)
			return -1;
	}
	return 0;
}

static int do_if(struct scan *s, json_t *dot)
{
	AUTO_JSON json_t *condition = NULL;
	enum end end;
	bool holds;

	if (pipeline(s, dot, &condition) < 0)
		return -1;
	holds = is_true(condition);
	end = block(s, holds ? dot : NULL);
	if (end == END_ELSE)
		end = block(s, holds ? NULL : dot);
	if (end == END_ERROR)
		return -1;
	return end == END_END ? 0 : unclosed(s, "if");
}

/* Literal text up to the next action. */
static void text(struct scan *s, bool is_live)
{
	const char *end = strstr(s->at, "{{"), *stop = end ? end : s->at + strlen(s->at);
	const char *p = s->at;

	if (s->trims)
		p += strspn(p, " \t\n");
	if (p > stop)
		p = stop;
	if (end && end[2] == '-')
		while (stop > p && strchr(" \t\n", stop[-1]))
			stop--;
	for (; is_live && p < stop; p++) {
		if (*p == '\\' && p + 1 < stop && strchr("tn\\", p[1])) {
			p++;
			buf_add(s->out, *p == 't' ? "\t" : *p == 'n' ? "\n" : "\\");
		} else {
			buf_addn(s->out, p, 1);
		}
	}
	s->at = end ? end : s->at + strlen(s->at);
	s->trims = false;
}

/* Takes the word where the action begins with it. */
static bool begins(struct scan *s, const char *word)
{
	const char *p = s->at + strspn(s->at, " \t\n");
	const size_t n = strlen(word);

	if (!str_starts(p, word) || isalnum((unsigned char)p[n]) || p[n] == '_')
		return false;
	s->at = p + n;
	return true;
}

static enum end close_block(struct scan *s, enum end end)
{
	struct word w;

	if (next_word(s, NULL, &w) < 0)
		return END_ERROR;
	json_decref(w.value);
	if (w.kind != WORD_NONE) {
		(void)!wrong(s, "there is something behind", end == END_END ? "end" : "else", end == END_END ? 3 : 4);
		return END_ERROR;
	}
	end_action(s);
	return end;
}

/* One action, behind "{{". END_TEXT: go on. */
static enum end action(struct scan *s, json_t *dot)
{
	AUTO_JSON json_t *value = NULL;
	bool has_end;

	if (begins(s, "end"))
		return close_block(s, END_END);
	if (begins(s, "else"))
		return close_block(s, END_ELSE);
	if (begins(s, "range"))
		return do_range(s, dot) < 0 ? END_ERROR : END_TEXT;
	if (begins(s, "if"))
		return do_if(s, dot) < 0 ? END_ERROR : END_TEXT;
	has_end = begins(s, "println");
	if (pipeline(s, dot, &value) < 0)
		return END_ERROR;
	if (dot)
		add_value(s->out, value);
	if (dot && has_end)
		buf_add(s->out, "\n");
	return END_TEXT;
}

/* Up to the {{end}} or {{else}} that closes it. @dot NULL: nothing is printed. */
static enum end block(struct scan *s, json_t *dot)
{
	enum end end = END_TEXT;

	if (s->depth++ == DEPTH_MAX) {
		(void)!wrong(s, "too many blocks in each other in", s->format, (int)strlen(s->format));
		return END_ERROR;
	}
	while (end == END_TEXT) {
		text(s, dot != NULL);
		if (!*s->at)
			break;
		s->at += s->at[2] == '-' ? 3 : 2;
		end = action(s, dot);
	}
	s->depth--;
	return end;
}

int template_render(const char *format, json_t *value, struct buf *out, struct err *e)
{
	struct scan s = { .format = format, .at = format, .out = out, .e = e };
	const enum end end = block(&s, value);

	if (end == END_ERROR)
		return -1;
	return end == END_TEXT ? 0 : wrong(&s, "there is nothing for the {{end}} or {{else}} of", format, (int)strlen(format));
}

/* ---- lists ---- */

static int add_row(const char *format, json_t *row, struct buf *out, struct err *e)
{
	if (str_eq(format, "json")) {
		template_json(row, JSON_COMPACT, out);
	} else if (template_render(format, row, out, e) < 0) {
		return -1;
	}
	buf_add(out, "\n");
	return 0;
}

/* The parts of a line between tabs. */
static int cells(const char *format, json_t *row, struct strv *out, struct err *e)
{
	AUTO_BUF struct buf line = { 0 };

	if (template_render(format, row, &line, e) < 0)
		return -1;
	strv_split(out, line.s ? line.s : "", '\t');
	return 0;
}

static int add_table(const char *format, json_t *titles, json_t *rows, struct buf *out, struct err *e)
{
	const struct table_style style = table_style_here();
	AUTO_TABLE struct table t = { 0 };
	AUTO_STRV struct strv heads = { 0 };
	AUTO_FREE struct column *columns = NULL;
	json_t *row;
	size_t i;

	if (cells(format, titles, &heads, e) < 0)
		return -1;
	columns = mem_alloc(heads.n * sizeof(*columns));
	for (size_t c = 0; c < heads.n; c++)
		columns[c] = (struct column){ heads.v[c], NULL, COLUMN_LEFT };
	t.columns = columns;
	t.n_columns = heads.n;
	json_array_foreach(rows, i, row) {
		AUTO_STRV struct strv line = { 0 };

		if (cells(format, row, &line, e) < 0)
			return -1;
		for (size_t c = 0; c < heads.n; c++)
			table_text(&t, c < line.n ? line.v[c] : "");
	}
	table_render(&t, &style, out);
	return 0;
}

int template_rows(const char *format, json_t *titles, json_t *rows, struct buf *out, struct err *e)
{
	json_t *row;
	size_t i;

	if (str_starts(format, "table "))
		return add_table(format + strlen("table "), titles, rows, out, e);
	json_array_foreach(rows, i, row)
		if (add_row(format, row, out, e) < 0)
			return -1;
	return 0;
}
