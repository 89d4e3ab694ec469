/* SPDX-License-Identifier: Apache-2.0 */
/* steps/process.h - what steps/process.c does for others, too */
#ifndef STEPS_PROCESS_H
#define STEPS_PROCESS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

/* What is ignored or blocked would stay so across exec: all signals back to their defaults,
 * and with @unblocks none blocked. */
NODISCARD int signals_reset(bool unblocks, struct err *e);

/* The words for where a program is looked for, and for whom. */
struct exec_where {
	const char *root, *user;	/* "the root", "the sandbox's user" */
	bool has_rules;			/* of Landlock */
};

/**
 * exec_program() - Become a program, or say why not
 * @args:	at least one; without a slash in it, it is looked for in @path
 * @argv0:	its name for itself; NULL: as in @args
 * @path:	NULL or empty: the usual one
 * Errors:	NOTFOUND (127), NOEXEC (126), with execve's errno
 * Return: -1 with @e; does not return where all is well
 */
NODISCARD int exec_program(const struct strv *args, const char *argv0, char *const *env, const char *path,
			   const struct exec_where *w, struct err *e);

#endif
