/* SPDX-License-Identifier: Apache-2.0 */
/* steps/landlock.h - what a spec's rules ask of a Landlock of some version */
#ifndef STEPS_LANDLOCK_H
#define STEPS_LANDLOCK_H

#include "base/sys.h"
#include "spec/spec.h"

/**
 * landlock_choose() - The rights that the ruleset handles, so denies where no rule allows
 * @abi:	the kernel's; unit tests call it with others
 * Errors:	ERR_HOST: a rule asks for what came later; it names the kernel that has it
 */
NODISCARD int landlock_choose(const struct spec *spec, int abi, struct sys_landlock_ruleset *out, struct err *e);

#endif
