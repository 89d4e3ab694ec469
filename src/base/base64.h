/* SPDX-License-Identifier: Apache-2.0 */
/* base/base64.h - RFC 4648, with padding */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

#include "base/str.h"

void base64_add(struct buf *out, const char *bytes, size_t len);

/* What @text stands for; owned, and ended by a NUL that *@len does not count. NULL: it is no base64. */
char *base64_decode(const char *text, size_t *len);

#endif
