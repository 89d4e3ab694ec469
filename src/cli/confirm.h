/* SPDX-License-Identifier: Apache-2.0 */
/* cli/confirm.h - asks before something is removed that nobody has named */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include <stdbool.h>

#include "base/err.h"

/**
 * confirm() - May it be done?
 * @what:	a sentence without its end: "This removes all volumes that no sandbox uses"
 * @forced:	-f: nobody is asked
 *
 * The question is put on standard error, and the answer read from standard input, which must be terminals.
 * Errors:	USAGE where they are not
 * Return:	1 yes, 0 no, -1 with @e
 */
NODISCARD int confirm(const char *what, bool forced, struct err *e);

#endif
