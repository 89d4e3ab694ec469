/* SPDX-License-Identifier: Apache-2.0 */
/* image/hash.c - digests as OCI writes them: sha256 and sha512 */

/* a name of base/err.h, too */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "hash.h"

int hash_begin(struct hash *h, const char *like, struct err *e)
{
	bool is_512 = like && str_starts(like, "sha512:");

	*h = (struct hash){ .algorithm = is_512 ? "sha512" : "sha256" };
	if (like && *like && !is_512 && !str_starts(like, "sha256:"))
		return err_set(e, ERR_SPEC, "the digest \"%.80s\" is neither sha256 nor sha512", like);
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx || EVP_DigestInit_ex(h->ctx, is_512 ? EVP_sha512() : EVP_sha256(), NULL) != 1) {
		hash_fini(h);
		return err_set(e, ERR_HOST, "libcrypto has no %s", is_512 ? "sha512" : "sha256");
	}
	return 0;
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	EVP_DigestUpdate(h->ctx, data, len);
}

void hash_end(struct hash *h, char digest[DIGEST_MAX])
{
	unsigned char md[EVP_MAX_MD_SIZE] = { 0 };
	unsigned n = 0;
	size_t at;

	EVP_DigestFinal_ex(h->ctx, md, &n);
	at = (size_t)snprintf(digest, DIGEST_MAX, "%s:", h->algorithm);
	for (unsigned i = 0; i < n && at + 2 < DIGEST_MAX; i++, at += 2)
		snprintf(digest + at, DIGEST_MAX - at, "%02x", md[i]);
	hash_fini(h);
}

void hash_fini(struct hash *h)
{
	EVP_MD_CTX_free(h->ctx);
	h->ctx = NULL;
}
