/* SPDX-License-Identifier: Apache-2.0 */
/* image/auth.h - how a registry is told who asks: basic, bearer tokens, identity tokens, or nobody
 *
 * The name and password go to the registry that they are for, and to the token service that it names (docker's
 * protocol wants that), which has to be reached as safely as the registry itself. Nothing of them is in an error.
 */
#ifndef IMAGE_AUTH_H
#define IMAGE_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "challenge.h"
#include "http.h"

enum { AUTH_TRIES = 2 };	/* a call that gets 401 again is through */

struct auth {
	struct http *http;		/* borrowed */
	const char *username, *password;/* borrowed; NULL: nobody */
	const char *identity_token;	/* in place of a password; borrowed; NULL */
	const char *registry;		/* as people say it; borrowed */
	struct url origin;		/* of the registry */
	struct strv scopes;		/* "repository:library/alpine:pull"; without any, as the registry says */
	bool wants_identity;		/* login: asks for an identity token, too */
	void (*say)(void *arg, const char *text);	/* where the token service is another host */
	void *say_arg;

	struct challenge challenge;	/* the last that came */
	char *token;			/* owned */
	int64_t until_ms;
	char *identity;			/* that a service gave in place of the password; owned */
	bool is_told;			/* of the other host */
};

void auth_fini(struct auth *a);

/* Gives the call its Authorization, where it is known by now what is wanted; gets a token where there is none that is valid. */
NODISCARD int auth_prepare(struct auth *a, struct http_call *c, struct err *e);

/**
 * auth_answer() - What a 401 means
 * @tried:	how many times this call was made so far
 * Return:	1 it is prepared again and may be made again; 0 it is final
 * Errors:	PEER: no token is to be had; credentials are not taken
 */
NODISCARD int auth_answer(struct auth *a, struct http_call *c, unsigned tried, struct err *e);

/* The error of a final 401 or 403. -1 */
int auth_refused(const struct auth *a, const struct http_call *c, const char *what, struct err *e);

#endif
