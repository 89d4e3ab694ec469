/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verbs.h - the functions behind the rows of verbs.def */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "base/err.h"

struct args;

/* A verb's body. *status is the exit status where it returns 0; on -1 err_status(e) is. */
typedef int verb_fn(const struct args *a, int *status, struct err *e);

#define VERB(id, name, fn, ...) verb_fn fn;
#include "cli/verbs.def"

#endif
