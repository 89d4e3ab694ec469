/* SPDX-License-Identifier: Apache-2.0 */
/* cli/each.h - verbs that do the same to several things */
#ifndef CLI_EACH_H
#define CLI_EACH_H

#include "base/err.h"
#include "base/str.h"

struct args;
struct store;

/**
 * each_fn - What is done to one sandbox
 * @ref:	as it was typed
 * @id:		its id, owned by the caller
 * @more:	with --json: gets further members, ",\"key\":value"
 */
typedef int each_fn(struct store *st, const char *ref, const void *arg, char **id, struct buf *more, struct err *e);

/**
 * each_container() - Do @fn to every operand, in their order
 * Prints the operands for which it worked, as they were typed, a line each; with --json an object
 * with "container", "id" and what @fn added. One that fails is told of and keeps no other from its
 * turn; the last such error is returned.
 */
NODISCARD int each_container(const struct args *a, each_fn *fn, const void *arg, struct err *e);

/* What is done to one word. */
typedef int each_word_fn(const char *word, void *arg, struct err *e);

/**
 * each_word() - Do @fn to the operands from @first on
 * One that fails is told of and keeps no other from its turn, but where a signal asked us to end; the last such error is returned.
 */
NODISCARD int each_word(const struct args *a, int first, each_word_fn *fn, void *arg, struct err *e);

#endif
