/* SPDX-License-Identifier: Apache-2.0 */
/* spec/exec_request.h - what `lichen exec` asks for, laid over what the sandbox is
 *
 * The request travels as a config.json (spec/oci.h), of which the process alone counts, and privileged.
 */
#ifndef SPEC_EXEC_REQUEST_H
#define SPEC_EXEC_REQUEST_H

#include "base/err.h"
#include "spec/spec.h"

/**
 * exec_request_lay() - The spec of a command more in a sandbox that runs
 * @s:	what the sandbox is; changed to what the command is to be
 * @rq:	args; env, and names in unset_env, over the sandbox's; user where it is given, cwd where it is not empty (NULL becomes / on the way); terminal, interactive, privileged
 * Capabilities, no_new_privs, limits, filter, rules and umask stay the sandbox's; privileged gives every capability that
 * there is inside, and no filter. Errors: SPEC: privileged where there are no namespaces
 */
NODISCARD int exec_request_lay(struct spec *s, const struct spec *rq, struct err *e);

#endif
