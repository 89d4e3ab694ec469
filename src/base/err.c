/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.c - filling, chaining and rendering the structured error */

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const KIND_NAMES[ERR_KINDS] = {
	[ERR_NONE] = "none",	 [ERR_USAGE] = "usage",	  [ERR_SPEC] = "spec",
	[ERR_HOST] = "host",	 [ERR_SYS] = "system",	  [ERR_STATE] = "state",
	[ERR_PEER] = "peer",	 [ERR_NOEXEC] = "noexec", [ERR_NOTFOUND] = "notfound",
	[ERR_BUG] = "bug",	 [ERR_SIGNAL] = "signal",
};

const char *err_kind_name(enum err_kind kind)
{
	return kind < ERR_KINDS ? KIND_NAMES[kind] : "bug";
}

int err_status(const struct err *e)
{
	switch (e->kind) {
	case ERR_NOEXEC:
		return EXIT_NOEXEC;
	case ERR_NOTFOUND:
		return EXIT_NOTFOUND;
	case ERR_SIGNAL:
		return EXIT_SIGNAL + e->sig;
	default:
		return EXIT_LICHEN;
	}
}

bool err_is_limit(const struct err *e)
{
	return e->errnum == EMFILE || e->errnum == ENFILE;
}

const char *err_errno_name(int errnum)
{
	const char *name = strerrorname_np(errnum);

	return name ? name : "?";
}

void err_clear(struct err *e)
{
	*e = (struct err){ 0 };
}

/* Copies @src, with "..." in the middle where it is longer than @size. */
static void elide(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src), head = (size - 4) / 2, tail = size - 4 - head;

	if (len < size) {
		memcpy(dst, src, len + 1);
		return;
	}
	memcpy(dst, src, head);
	memcpy(dst + head, "...", 3);
	memcpy(dst + head + 3, src + len - tail, tail);
	dst[size - 1] = '\0';
}

int err_fill_(struct err *e, enum err_kind kind, const char *file, int line, const char *op,
	      const char *path, const char *fmt, ...)
{
	int errnum = errno;
	va_list ap;

	*e = (struct err){ .kind = kind, .file = file, .line = line };
	if (op) {
		e->errnum = errnum;
		str_copy(e->op, sizeof(e->op), op);
	}
	if (path)
		elide(e->path, sizeof(e->path), path);
	va_start(ap, fmt);
	vsnprintf(e->what, sizeof(e->what), fmt, ap);
	va_end(ap);
	errno = errnum;
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char ctx[sizeof(e->what)], old[sizeof(e->what)];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ctx, sizeof(ctx), fmt, ap);
	va_end(ap);
	memcpy(old, e->what, sizeof(old));
	str_copy(e->what, sizeof(e->what), ctx);
	n = strlen(e->what);
	if (old[0] && n + 3 < sizeof(e->what)) {
		memcpy(e->what + n, ": ", 2);
		elide(e->what + n + 2, sizeof(e->what) - n - 2 > 4 ? sizeof(e->what) - n - 2 : 4, old);
	}
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return -1;
}

void err_print_text(const struct err *e, struct buf *out, int debug)
{
	buf_add(out, "lichen: ");
	buf_add_safe(out, e->what);
	buf_add(out, "\n");
	if (e->op[0]) {
		buf_addf(out, "  %s", e->op);
		if (e->path[0]) {
			buf_add(out, " ");
			buf_add_safe(out, e->path);
		}
		if (e->errnum)
			buf_addf(out, ": %s (%s)", strerror(e->errnum), err_errno_name(e->errnum));
		if (e->place[0])
			buf_addf(out, "  [%s]", e->place);
		buf_add(out, "\n");
	}
	if (e->hint[0]) {
		buf_add(out, "  hint: ");
		for (const char *s = e->hint, *nl; s; s = nl ? nl + 1 : NULL) {
			char line[sizeof(e->hint)];

			nl = strchr(s, '\n');
			str_copy(line, nl ? (size_t)(nl - s) + 1 : sizeof(line), s);
			if (s != e->hint)
				buf_add(out, "        ");
			buf_add_safe(out, line);
			buf_add(out, "\n");
		}
	}
	if (debug && e->file)
		buf_addf(out, "  at %s:%d, kind %s\n", e->file, e->line, err_kind_name(e->kind));
}

void err_print_json(const struct err *e, struct buf *out)
{
	buf_addf(out, "{\"error\":{\"kind\":\"%s\",\"message\":", err_kind_name(e->kind));
	buf_add_json(out, e->what);
	if (e->op[0]) {
		buf_add(out, ",\"call\":");
		buf_add_json(out, e->op);
	}
	if (e->path[0]) {
		buf_add(out, ",\"object\":");
		buf_add_json(out, e->path);
	}
	if (e->errnum)
		buf_addf(out, ",\"errno\":%d,\"errnoName\":\"%s\"", e->errnum, err_errno_name(e->errnum));
	if (e->hint[0]) {
		buf_add(out, ",\"hint\":");
		buf_add_json(out, e->hint);
	}
	if (e->place[0])
		buf_addf(out, ",\"place\":\"%s\"", e->place);
	buf_addf(out, ",\"status\":%d}}\n", err_status(e));
}

void err_print_line(const struct err *e, struct buf *out)
{
	buf_add_safe(out, e->what);
	if (e->op[0]) {
		buf_addf(out, ": %s", e->op);
		if (e->path[0]) {
			buf_add(out, " ");
			buf_add_safe(out, e->path);
		}
		buf_addf(out, ": %s", strerror(e->errnum));
	}
	if (e->hint[0]) {
		buf_add(out, " (");
		buf_add_safe(out, e->hint);
		buf_add(out, ")");
	}
}
