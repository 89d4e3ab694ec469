/* SPDX-License-Identifier: Apache-2.0 */
/* image/http_run.h - a call of http.h while it runs, and what libcurl calls for it */
#ifndef IMAGE_HTTP_RUN_H
#define IMAGE_HTTP_RUN_H

#include <curl/curl.h>

#include "http.h"

enum run_state { RUN_GOES, RUN_PAUSES, RUN_FINISHED };

struct http_run {
	struct http_call *c;
	enum run_state state;
	CURL *easy;
	struct curl_slist *headers;
	char text[CURL_ERROR_SIZE];
	struct url first;	/* what was asked for: Authorization is for that origin */
	const char *proxy;	/* borrowed */
	char *proxy_shown;	/* owned */
	int64_t due_ms;		/* of RUN_PAUSES */
	unsigned tries, redirects;
	size_t header_bytes;
	uint64_t mark;		/* of the call's @done, when the tries were last counted */
	uint64_t skip;		/* what comes again and is there already */
	size_t sent;
	bool no_range;		/* it was answered wrongly */
	bool has_begun;		/* the answer's first byte was looked at */
	bool is_cut;		/* enough of a refusal is there */
	bool is_local;		/* a socket to this machine was refused: http_on_socket() */
	bool is_lost;		/* whatever curl says: it is to be tried again */
};

static inline bool http_is_success(long status)
{
	return status >= 200 && status < 300;
}

/* libcurl's CURLOPT_WRITEFUNCTION, HEADERFUNCTION, READFUNCTION, SEEKFUNCTION; @arg: the struct http_run. What is wrong is in
 * the call's err, or in is_cut and is_lost. */
size_t http_on_body(char *data, size_t size, size_t n, void *arg);
size_t http_on_header(char *line, size_t size, size_t n, void *arg);
size_t http_on_send(char *out, size_t size, size_t n, void *arg);
int http_on_seek(void *arg, curl_off_t to, int origin);
/* CURLOPT_OPENSOCKETFUNCTION: none to this machine or its link, whatever the name is. */
curl_socket_t http_on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to);

#endif
