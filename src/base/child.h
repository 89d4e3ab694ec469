/* SPDX-License-Identifier: Apache-2.0 */
/* base/child.h - run a tool of the host: argv, captured stderr, deadline; no shell
 *
 * Used for newuidmap, newgidmap, getent, lichen-seccomp, lichen-scope and docker's credential helpers. The tool
 * gets an empty environment but PATH, /dev/null as stdin and stdout (or a pipe), its stderr is
 * captured for the error.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	pid_t pid;	/* 0: not running */
	int err_fd;	/* read end: the tool's stderr */
	int out_fd;	/* read end: the tool's stdout, or -1 */
	const char *name;	/* borrowed: argv[0] */
	uint64_t deadline;	/* CLOCK_MONOTONIC in ms; 0: none */
};

/* What is different from the above. */
struct child_how {
	bool wants_stdout;	/* captured, too */
	char *const *env;	/* NULL: PATH alone */
	const char *input;	/* for its stdin; NULL: /dev/null */
	int timeout_ms;		/* child_wait() ends it then; 0: never */
};

/**
 * child_spawn() - Start @argv[0] (an absolute path)
 * @wants_stdout:	capture stdout too
 * Errors:	ERR_SYS "execve"
 */
NODISCARD int child_spawn(struct child *c, const char *const *argv, bool wants_stdout, struct err *e);
NODISCARD int child_spawn_how(struct child *c, const char *const *argv, const struct child_how *how, struct err *e);

/**
 * child_wait() - Wait for it
 * @out:	what it printed on stdout (when captured), also where it failed; owned by the caller; may be NULL
 * Return: its exit status, or -1 with @e: killed by a signal, or an exit status other
 * than 0 (then @e quotes the first line of its stderr); HOST with ETIME where its time was over; SIGNAL where
 * we are asked to end meanwhile (base/stop.h): in both cases it is killed, with what it started
 */
NODISCARD int child_wait(struct child *c, char **out, struct err *e);

/* Looks for @name in the directories where administrators install tools; owned, or NULL. */
char *child_find(const char *name);

#endif
