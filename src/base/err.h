/* SPDX-License-Identifier: Apache-2.0 */
/* base/err.h - the one structured error: what failed, on what, why, what to do
 *
 * A failing function fills a struct err (always the last parameter) and returns
 * -1. Callers add context with err_wrap(), outermost first. The struct holds no
 * pointers that need freeing, so it works after clone and crosses the handshake
 * socket as bytes. Rendering happens in one place, main.c.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Picks the exit status (err_status) and the JSON word of the kind. */
enum err_kind {
	ERR_NONE,
	ERR_USAGE,	/* the command line is wrong */
	ERR_SPEC,	/* what was asked for is contradictory or impossible */
	ERR_HOST,	/* this machine lacks something */
	ERR_SYS,	/* a system call failed */
	ERR_STATE,	/* the state on disk is not what it should be */
	ERR_PEER,	/* the other process died or spoke out of turn */
	ERR_NOEXEC,	/* the payload was found and cannot be executed */
	ERR_NOTFOUND,	/* the payload was not found */
	ERR_SIGNAL,	/* a signal asked us to end: 128+n */
	ERR_BUG,	/* an invariant of ours is broken */
	ERR_KINDS
};

/* docker's meanings; everything of our own is 125. */
enum exit_status { EXIT_LICHEN = 125, EXIT_NOEXEC = 126, EXIT_NOTFOUND = 127, EXIT_SIGNAL = 128 };

struct err {
	enum err_kind kind;
	int errnum;		/* errno at the failing call; 0 if none */
	char op[24];		/* the failing call: "mount", "newuidmap" */
	char path[256];		/* what it was applied to; middle elided if longer */
	char what[512];		/* context chain, outermost first, joined by ": " */
	char hint[512];		/* likely cause and remedy, when the failing place knows it */
	char place[16];		/* "child" when it happened there; empty: here */
	const char *file;	/* shown by --debug; valid across fork, cleared across exec */
	int line;
	int sig;		/* of ERR_SIGNAL */
};

/* Both fill *e and evaluate to -1, so that `return err_sys(...)` reads well.
 * err_sys() captures errno before anything else. */
#define err_sys(e, op, path, ...) err_fill_(e, ERR_SYS, __FILE__, __LINE__, op, path, __VA_ARGS__)
#define err_set(e, kind, ...)     err_fill_(e, kind, __FILE__, __LINE__, NULL, NULL, __VA_ARGS__)

int err_fill_(struct err *e, enum err_kind kind, const char *file, int line, const char *op,
	      const char *path, const char *fmt, ...) PRINTF(7, 8);

/* Puts "context: " before the chain; evaluates to -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Sets the hint of an error that is filled already; evaluates to -1. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF(2, 3);

void err_clear(struct err *e);
int err_status(const struct err *e);		/* exit status of the launcher for this error */
const char *err_kind_name(enum err_kind kind);
bool err_is_limit(const struct err *e);		/* of descriptors: whatever was being made is not the cause */
const char *err_errno_name(int errnum);		/* "EPERM"; "errno 4711" is never returned: "?" */

/* Both append to @out. Text: one line, then indented lines; control bytes escaped. */
void err_print_text(const struct err *e, struct buf *out, int debug);
void err_print_json(const struct err *e, struct buf *out);
/* All in one line without an end, as a helper says it to whoever started it (base/child.h quotes the first). */
void err_print_line(const struct err *e, struct buf *out);

#endif
