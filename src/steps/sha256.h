/* SPDX-License-Identifier: Apache-2.0 */
/* steps/sha256.h - SHA-256, to name what was compiled from a text
 *
 * A name in a cache, not a signature: the launcher links no cryptographic library, and
 * AF_ALG is refused by the very filter that is being made.
 */
#ifndef STEPS_SHA256_H
#define STEPS_SHA256_H

#include <stddef.h>

enum { SHA256_HEX = 64 };

/* Writes the digest of @len bytes as lower-case hex and a NUL. */
void sha256_hex(const void *data, size_t len, char out[SHA256_HEX + 1]);

#endif
