/* SPDX-License-Identifier: Apache-2.0 */
/* cli/template.h - the part of Go's templates that --format has
 *
 *	{{.A.B}}  {{.}}		a field of a field; all of it
 *	{{json .A}}		as JSON
 *	{{index .A "key"}}	a member, or an element by its number; nothing where there is none
 *	{{join .A ", "}}  {{len .A}}  {{upper .A}}  {{lower .A}}  {{println .A}}  {{.A | json}}
 *	{{range .A}} ... {{end}}	for each element, which is "." there
 *	{{if .A}} ... {{else}} ... {{end}}
 *	{{- ... -}}		without the blanks before and behind it
 *
 * \t and \n in the text stand for what they stand for in C. Of values, what could move a cursor is escaped.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

/**
 * template_render() - Fill in @format for @value, and append it to @out
 * @value:	borrowed
 * Errors:	USAGE: the template is no template, or there is no such field; names those that there are
 */
NODISCARD int template_render(const char *format, json_t *value, struct buf *out, struct err *e);

/**
 * template_rows() - What --format shows of a list
 * @format:	a template for each row, a line each; "table TEMPLATE": with titles, and columns where \t is; "json"
 * @titles:	an object: the title of each field; borrowed
 * @rows:	an array of objects; borrowed
 */
NODISCARD int template_rows(const char *format, json_t *titles, json_t *rows, struct buf *out, struct err *e);

/* Appends @value as JSON with jansson's @flags; what a terminal would obey is escaped in its strings, where jansson leaves it as it is. */
void template_json(const json_t *value, size_t flags, struct buf *out);

#endif
