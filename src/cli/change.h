/* SPDX-License-Identifier: Apache-2.0 */
/* cli/change.h - --change of import: instructions of a Dockerfile that say something of an image. Pure */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "spec/image.h"

/**
 * change_apply() - "CMD ["sh"]", "ENV A=1 B=2", "LABEL a=b", ... into @im
 * Errors:	USAGE: another instruction, or nothing behind it; names what is known
 */
NODISCARD int change_apply(struct image *im, const char *text, struct err *e);

#endif
