/* SPDX-License-Identifier: Apache-2.0 */
/* image/digest.h - sha256 and sha512 of what goes by, by libcrypto */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include <stddef.h>

#include "base/err.h"
#include "spec/reference.h"

struct digest {
	void *ctx;	/* libcrypto's; NULL: not begun */
	char algorithm[8];
};

/* Makes libcrypto read what it wants to read; before this process is confined. */
NODISCARD int digest_prepare(struct err *e);

/* @like: a digest whose algorithm is used; NULL or "": sha256. Loads what libcrypto needs, the first time.
 * Errors: SPEC, another algorithm; HOST */
NODISCARD int digest_begin(struct digest *d, const char *like, struct err *e);
void digest_add(struct digest *d, const void *data, size_t n);
/* "sha256:..." of all that was added. The digest has to be begun anew after it. */
void digest_end(struct digest *d, char out[DIGEST_MAX]);
void digest_fini(struct digest *d);

/* Of one piece. */
NODISCARD int digest_of(const void *data, size_t n, const char *like, char out[DIGEST_MAX], struct err *e);

#define AUTO_DIGEST __attribute__((cleanup(digest_fini)))

#endif
