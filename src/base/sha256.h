/* SPDX-License-Identifier: Apache-2.0 */
/* base/sha256.h - SHA-256, to name things by what they hold
 *
 * Names in caches, not signatures: the launcher links no cryptographic library, and
 * AF_ALG is refused by the very filter that is being made.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>

enum { SHA256_HEX = 64 };

/* Writes the digest of @len bytes as lower-case hex and a NUL. */
void sha256_hex(const void *data, size_t len, char out[SHA256_HEX + 1]);

#endif
