/* SPDX-License-Identifier: Apache-2.0 */
/* image/hash.h - digests as OCI writes them: sha256 and sha512 */
#ifndef IMAGE_HASH_H
#define IMAGE_HASH_H

#include <stddef.h>

#include "base/err.h"
#include "spec/reference.h"

struct hash {
	struct evp_md_ctx_st *ctx;	/* owned */
	const char *algorithm;
};

/* @like: the digest that will be compared, whose algorithm is taken; NULL or "": sha256.
 * Loads what libcrypto needs: before confine_end(). Errors: SPEC, another algorithm */
NODISCARD int hash_begin(struct hash *h, const char *like, struct err *e);
void hash_add(struct hash *h, const void *data, size_t len);
/* "sha256:..."; the hash is used up. */
void hash_end(struct hash *h, char digest[DIGEST_MAX]);
void hash_fini(struct hash *h);	/* of one that is not used up; else nothing */

#endif
