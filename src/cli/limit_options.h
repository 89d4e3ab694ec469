/* SPDX-License-Identifier: Apache-2.0 */
/* cli/limit_options.h - the options of limits, as `run`, `update` and `cgroup` have them */
#ifndef CLI_LIMIT_OPTIONS_H
#define CLI_LIMIT_OPTIONS_H

#include "base/err.h"
#include "spec/spec.h"

struct args;

/* Takes the options of limits from @a into @l. Errors: USAGE */
NODISCARD int limit_options(struct spec_limits *l, const struct args *a, struct err *e);

/* The rules across them, once all are there. Errors: USAGE */
NODISCARD int limit_check(const struct spec_limits *l, struct err *e);

/* One KEY=VALUE; @option names it in the error, "" for an operand. */
NODISCARD int limit_add_conf(struct spec_limits *l, const char *option, const char *text, struct err *e);

/* `run`: these, and who makes the cgroup. */
NODISCARD int take_cgroup(struct spec *s, const struct args *a, struct err *e);

#endif
