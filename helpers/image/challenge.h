/* SPDX-License-Identifier: Apache-2.0 */
/* image/challenge.h - what a registry wants before it answers: WWW-Authenticate (RFC 9110, 11.6.1). Pure. */
#ifndef IMAGE_CHALLENGE_H
#define IMAGE_CHALLENGE_H

#include <stdbool.h>

#include "base/str.h"

struct challenge {
	bool wants_basic, wants_bearer;
	char *realm;		/* of bearer: who gives the token; owned; NULL */
	char *service, *scope;	/* of bearer; owned; NULL */
	char *error;		/* of bearer: why the last token was not taken; owned; NULL */
	struct strv others;	/* schemes that we do not know */
};

/* Adds what @value, one header's, asks for; of several of one scheme the first counts. What is malformed ends
 * the reading; what was read before counts. */
void challenge_add(struct challenge *c, const char *value);
void challenge_fini(struct challenge *c);

#endif
