/* SPDX-License-Identifier: Apache-2.0 */
/* image/http.h - requests to registries: several at once in one loop, over libcurl
 *
 * A call is started and then runs while anybody waits, in http_next() or http_wait(). It is finished with
 * an answer, whatever its status, or with an error where none came. Inside of that lie:
 *
 *   redirects     GET and HEAD, at most 10; Authorization goes to the host it was meant for only (CVE-2020-15157),
 *                 and nothing goes from https to http, or from elsewhere to this machine or its link (169.254.169.254
 *                 answers with a cloud's secrets): neither by address, nor by a name that has one
 *   once more     after a lost connection, 408, 429 and 5xx; the pause doubles, Retry-After is respected
 *   going on      where a body was cut off: by Range; a server that knows none is read again from the beginning,
 *                 and what is there already is skipped. What is asked for like this has a digest, which the
 *                 caller compares, so no ETag is needed to see that it was another file the second time.
 *
 * Plain http goes to loopback only, and where @is_insecure.
 */
#ifndef IMAGE_HTTP_H
#define IMAGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "url.h"

enum { HTTP_TEXT_MAX = 4 << 20, HTTP_HEADERS_MAX = 64 << 10, HTTP_REDIRECTS_MAX = 10 };

struct http;

int64_t http_now_ms(void);	/* of a clock that only goes forward */

struct http_options {
	const char *cacert;		/* certificates (PEM), believed beside the system's; NULL */
	const char *cadir;		/* a directory of certificates in place of the system's; NULL */
	bool is_insecure;		/* certificates are not compared, and http goes anywhere */
	const char *http_proxy, *https_proxy, *all_proxy, *no_proxy;	/* as in the environment; NULL */
	unsigned connect_ms, stall_ms;	/* 0: 30 s, 60 s of less than a KiB a second */
	unsigned tries;			/* without anything new; 0: 5 */
	unsigned pause_ms;		/* the first one; 0: 1 s */
	void (*say)(void *arg, const char *text);	/* why it takes longer; NULL */
	void *say_arg;
};

/* Takes a body as it comes. -1 with @e ends the call. */
typedef int http_sink_fn(void *arg, const char *data, size_t n, struct err *e);

struct http_call {
	/* what is asked for; zeroed, then set by the caller */
	const char *method;		/* a literal: "GET" */
	char *url;			/* owned */
	struct strv headers;		/* "Accept: ..." */
	char *authorization;		/* "Bearer ...", for the url's origin; owned; NULL */
	const char *body;		/* to be sent; borrowed; NULL */
	size_t body_len;
	int body_fd;			/* where @has_file: in place of @body, @body_len bytes from @body_at on; borrowed */
	off_t body_at;
	bool has_file, is_once;		/* is_once: a failure is not tried again here */
	http_sink_fn *sink;		/* of a 2xx answer's body; NULL: it is kept as @text */
	void (*sent)(void *arg, uint64_t n);	/* so many bytes of the file have gone out; NULL */
	void *arg;			/* of both, and of whoever finds the call finished */
	uint64_t size;			/* with a sink: what the body must have */
	uint64_t done;			/* and what the sink has by now: a call that is made again goes on there */
	unsigned delay_ms;		/* before it goes out */

	/* what came */
	int result;			/* 0: @status and the rest; -1: @err */
	struct err err;
	long status;
	struct strv answer;		/* headers: "name: value", names in lower case */
	struct buf text;		/* at most HTTP_TEXT_MAX */
	bool spoke_tls;			/* whoever answers there speaks TLS, were it to show a wrong certificate */
	struct url at;			/* who has answered in the end; while it runs, who is asked */

	struct http_run *run;		/* http.c's, while it runs */
};

NODISCARD int http_new(const struct http_options *options, struct http **out, struct err *e);
/* What still runs is ended. NULL is fine. */
void http_free(struct http *h);

/* Always finishes, perhaps at once and with an error. @c stays where it is until then. May be used again then. */
void http_start(struct http *h, struct http_call *c);
/* Waits until some call is finished; NULL: none runs. */
struct http_call *http_next(struct http *h);
/* Waits for this one; others go on meanwhile, and http_next() tells of them later. Return: @c->result */
int http_wait(struct http *h, struct http_call *c);
/* Frees what it owns; it must not run. */
void http_call_fini(struct http_call *c);

/* The first such header of the answer, or the one behind @after (a result of this function); NULL: none. Borrowed. */
const char *http_header(const struct http_call *c, const char *name, const char *after);

/* Whether @u may be asked at all: https, loopback, or where @options say so. */
NODISCARD int http_is_allowed(const struct http *h, const struct url *u, struct err *e);

/**
 * http_refused() - An error of an answer with a status that is none of success
 * @what:	that was to be done: "reading the manifest of ..."
 * Return:	-1; it has the address, the status, what the registry says about it, and what to do
 */
int http_refused(const struct http_call *c, const char *what, struct err *e);

#endif
