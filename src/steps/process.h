/* SPDX-License-Identifier: Apache-2.0 */
/* steps/process.h - what steps/init.c and steps/process.c share */
#ifndef STEPS_PROCESS_H
#define STEPS_PROCESS_H

#include <stdbool.h>

#include "base/err.h"

/* What is ignored or blocked would stay so across exec: all signals back to their defaults,
 * and with @unblocks none blocked. */
NODISCARD int signals_reset(bool unblocks, struct err *e);

#endif
