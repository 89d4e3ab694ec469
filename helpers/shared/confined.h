/* SPDX-License-Identifier: Apache-2.0 */
/* shared/confined.h - what every confined helper gives up in the same way; each one's confine.c has the order and the rest */
#ifndef SHARED_CONFINED_H
#define SHARED_CONFINED_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sys.h"

/* Standard input and output become /dev/null. */
NODISCARD int confined_stdio(struct err *e);

/* Keeps the capabilities in @caps (bits), and none that a program started from here would get. */
NODISCARD int confined_caps(uint64_t caps, struct err *e);

/* All that the kernel's Landlock can refuse, and its ABI; below 1: it has none. @connects: TCP may connect. */
int confined_landlock(struct sys_landlock_ruleset *all, bool connects);

/* The list of calls, all else fails with EPERM; NULL: no memory. Nothing on it is of use to who takes the process over, and a
 * library's call that nobody foresaw costs its result only. */
scmp_filter_ctx confined_filter(void);
/* Allows @calls, whatever their arguments. Return: 0, -errno */
int confined_allow(scmp_filter_ctx filter, const int *calls, size_t n);
/* Loads the filter, unless @r says that making it failed, and frees it. */
NODISCARD int confined_load(scmp_filter_ctx filter, int r, struct err *e);

#endif
