/* SPDX-License-Identifier: Apache-2.0 */
/* image/digest.c - sha256 and sha512 of what goes by, by libcrypto */

/* a name of OpenSSL's, too, for a type that is of no use here */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "digest.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

int digest_prepare(struct err *e)
{
	char out[DIGEST_MAX];

	return digest_of("", 0, NULL, out, e);
}

int digest_begin(struct digest *d, const char *like, struct err *e)
{
	bool is_long = like && str_starts(like, "sha512:");

	*d = (struct digest){ 0 };
	if (like && *like && !is_long && !str_starts(like, "sha256:"))
		return err_set(e, ERR_SPEC, "the digest \"%.80s\" is neither sha256 nor sha512", like);
	str_copy(d->algorithm, sizeof(d->algorithm), is_long ? "sha512" : "sha256");
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx && EVP_DigestInit_ex(d->ctx, is_long ? EVP_sha512() : EVP_sha256(), NULL) == 1)
		return 0;
	digest_fini(d);
	return err_set(e, ERR_HOST, "libcrypto has no %s here", is_long ? "sha512" : "sha256");
}

void digest_add(struct digest *d, const void *data, size_t n)
{
	if (EVP_DigestUpdate(d->ctx, data, n) != 1)
		d->algorithm[0] = '\0';	/* equals no digest then */
}

void digest_end(struct digest *d, char out[DIGEST_MAX])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	size_t at;

	if (EVP_DigestFinal_ex(d->ctx, raw, &n) != 1)
		n = 0;
	at = (size_t)snprintf(out, DIGEST_MAX, "%s:", d->algorithm);
	for (unsigned i = 0; i < n && at + 2 < DIGEST_MAX; i++, at += 2)
		snprintf(out + at, DIGEST_MAX - at, "%02x", raw[i]);
	digest_fini(d);
}

void digest_fini(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
}

int digest_of(const void *data, size_t n, const char *like, char out[DIGEST_MAX], struct err *e)
{
	AUTO_DIGEST struct digest d = { 0 };

	if (digest_begin(&d, like, e) < 0)
		return -1;
	digest_add(&d, data, n);
	digest_end(&d, out);
	return 0;
}
