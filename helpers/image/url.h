/* SPDX-License-Identifier: Apache-2.0 */
/* image/url.h - addresses of registries: taken apart, compared, shown. Pure, over libcurl's parser. */
#ifndef IMAGE_URL_H
#define IMAGE_URL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct url {
	char *text;	/* http or https, without name and password, without fragment; owned */
	char *host;	/* as it is written, an IPv6 address in brackets; lower case; owned */
	char *shown;	/* for people: without the query, which may hold a signature; owned */
	unsigned port;	/* the scheme's where none is written */
	bool is_https, is_loopback;	/* localhost, 127.0.0.0/8, ::1: as it is written, nothing is looked up */
	bool is_local;			/* url_is_local() of the host */
};

/* Whether a host or an address is this machine, or what answers on its link only (169.254.0.0/16, fe80::/10), as it is written. */
bool url_is_local(const char *host);

/* Whether an address lies in one of the networks of @list, "10.0.0.0/8,::1/128", between whose commas other things may stand. */
bool url_is_in(const char *host, const char *list);

/**
 * url_parse() - Take @text apart, which may be relative to @base (NULL: it must not)
 * Errors:	PEER: it is none, or neither http nor https. @u is empty then
 */
NODISCARD int url_parse(const char *text, const char *base, struct url *u, struct err *e);
void url_fini(struct url *u);

/* Same scheme, host and port: credentials for one are meant for the other. */
bool url_same_origin(const struct url *a, const struct url *b);

/* @text made fit for a query's value or name. Owned. */
char *url_escape(const char *text);

/* Behind @out, a parameter "name=value" with the right one of '?' and '&' before it. */
void url_add_query(struct buf *out, const char *name, const char *value);

#endif
