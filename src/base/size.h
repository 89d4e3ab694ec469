/* SPDX-License-Identifier: Apache-2.0 */
/* base/size.h - sizes as docker writes them */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

enum { SIZE_TEXT_MAX = 32 };

bool size_parse(const char *text, uint64_t *out);
const char *size_format(uint64_t bytes, char text[SIZE_TEXT_MAX]);

#endif
