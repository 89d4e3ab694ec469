/* SPDX-License-Identifier: Apache-2.0 */
/* spec/control_msg.h - what a process of the user's says to a supervisor over RUN/ID/control
 *
 * A SOCK_SEQPACKET socket. Every packet begins with a struct control_msg, what follows is its payload. The supervisor (the
 * launcher of a foreground run, lichen-supervisor of one that is detached) answers only its own user in its own user namespace.
 *
 *   start    (create, whose supervisor waits for it)      the word "start"; answered by one struct err (run/control.h)
 *
 *   exec     lichen exec                     supervisor                      lichen __exec
 *                │ ── CTL_EXEC, fds {request,    │                                │
 *                │     stdin, stdout, stderr} ─► │ ── fork, execveat ───────────► │  fds: the connection, the four, the namespaces
 *                │ ◄─────────────── CTL_CONSOLE (pty's outer end) ─────────────── │  only with a terminal: the client relays and resizes
 *                │ ◄─────────────── CTL_BEGUN (pid on the host) ───────────────── │  the command has been executed
 *                │ ── CTL_SIGNAL sig ───────────────────────────────────────────► │
 *                │ ◄─────────────── CTL_ENDED status ──────────────────────────── │
 *                │ ◄─────────────── CTL_ERROR (struct err) ────────────────────── │  in place of any
 *                │ ◄─────────────── CTL_LOG level, line ───────────────────────── │  at any time
 *
 *            The supervisor is out of it once it has forked: who is not detached (-d) and closes the connection ends the command.
 *
 *   attach   lichen attach                   lichen-supervisor
 *                │ ── CTL_ATTACH flags ────────► │
 *                │ ◄── CTL_STREAM (tty or not) ─ │
 *                │ ── CTL_STDIN bytes ─────────► │   CTL_EOF: stdin is closed; CTL_RESIZE rows, columns; CTL_SIGNAL sig
 *                │ ◄── CTL_OUTPUT 1|2 bytes ──── │   CTL_GAP n: who was too slow has missed n bytes; the log has them
 *                │ ◄── CTL_ENDED status ──────── │   the payload has ended
 *
 * Whoever receives a packet ends its texts itself, and looks at its length before it believes a number in it.
 */
#ifndef SPEC_CONTROL_MSG_H
#define SPEC_CONTROL_MSG_H

#include <stdint.h>

enum { CONTROL_VERSION = 1, CONTROL_BYTES_MAX = 1 << 15 };

enum control_kind {
	CTL_NONE,
	CTL_EXEC,	/* @a: flags of enum exec_flags */
	CTL_CONSOLE,	/* fd */
	CTL_BEGUN,	/* @a: pid on the host */
	CTL_ENDED,	/* @a: exit status as lichen's own would be, 128+n for a signal */
	CTL_ERROR,	/* payload: struct err */
	CTL_SIGNAL,	/* @a */
	CTL_ATTACH,	/* @a: flags of enum attach_flags */
	CTL_STREAM,	/* @a: 1: it has a terminal; @b: 1: its stdin is open */
	CTL_STDIN,	/* payload: at most CONTROL_BYTES_MAX bytes */
	CTL_EOF,
	CTL_RESIZE,	/* @a: rows, @b: columns */
	CTL_OUTPUT,	/* @a: 1 stdout (or the terminal), 2 stderr; payload */
	CTL_GAP,	/* @bytes */
	CTL_LOG,	/* @a: enum log_level; payload: a line */
	CTL_KINDS
};

enum exec_flags { EXEC_TERMINAL = 1, EXEC_DETACHED = 2, EXEC_VERBOSE = 4, EXEC_DEBUG = 8 };
enum attach_flags { ATTACH_STDIN = 1 };

struct control_msg {
	uint32_t version;	/* CONTROL_VERSION; another one is answered with CTL_ERROR */
	uint32_t kind;
	int32_t a, b;
	uint64_t bytes;
};

/* Descriptors of lichen __exec: the connection, the request (JSON in a memfd: spec/exec_request.h), stdin, stdout and stderr, then the
 * namespaces that the container has of its own, in the order of enum ns_type, of which the environment variable LICHEN_EXEC_NS has a
 * bit each. LICHEN_EXEC_FLAGS are the flags of CTL_EXEC. */
enum { EXEC_CONN_FD = 3, EXEC_REQUEST_FD, EXEC_STDIO_FD, EXEC_NS_FD = EXEC_STDIO_FD + 3 };

#endif
