/* SPDX-License-Identifier: Apache-2.0 */
/* image/http_run.c - what libcurl calls while a request runs: bodies, headers, and what is sent */

#include "http_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

enum { REFUSAL_MAX = 64 << 10 };	/* of what belongs to a status of failure */

static int64_t number(const char *s, const char **end)
{
	char *stop;
	long long n;

	errno = 0;
	n = *s >= '0' && *s <= '9' ? strtoll(s, &stop, 10) : -1;
	*end = n < 0 ? s : stop;
	return errno ? -1 : n;
}

/* Before the first byte of a success: from where on it is. */
static int look_at_range(struct http_run *r)
{
	struct http_call *c = r->c;
	const char *range = http_header(c, "content-range", NULL), *end;

	r->skip = 0;
	if (c->done == 0)
		return 0;
	if (c->status != 206) {
		r->skip = c->done;
		return 0;
	}
	if (range && str_starts(range, "bytes ") && number(range + 6, &end) == (int64_t)c->done && *end == '-')
		return 0;
	r->no_range = r->is_lost = true;	/* another part than we asked for */
	return -1;
}

static size_t to_sink(struct http_run *r, const char *data, size_t n)
{
	struct http_call *c = r->c;
	size_t old = n < r->skip ? n : (size_t)r->skip;

	r->skip -= old;
	if (n - old > c->size - c->done) {
		err_set(&c->err, ERR_PEER, "%s %s: there is more than the %llu bytes that the manifest says", c->method, c->at.shown,
			(unsigned long long)c->size);
		return 0;
	}
	if (n > old && c->sink(c->arg, data + old, n - old, &c->err) < 0)
		return 0;
	c->done += n - old;
	return n;
}

size_t http_on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_run *r = arg;
	struct http_call *c = r->c;

	(void)size;	/* is 1 */
	if (!r->has_begun) {
		r->has_begun = true;
		curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &c->status);
		if (http_is_success(c->status) && c->sink && look_at_range(r) < 0)
			return 0;
	}
	if (http_is_success(c->status) && c->sink)
		return to_sink(r, data, n);
	if (!http_is_success(c->status) && c->text.len + n > REFUSAL_MAX) {
		r->is_cut = true;
		return 0;
	}
	if (c->text.len + n > HTTP_TEXT_MAX) {
		err_set(&c->err, ERR_PEER, "%s %s: the answer is larger than %d MiB", c->method, c->at.shown, HTTP_TEXT_MAX >> 20);
		return 0;
	}
	buf_addn(&c->text, data, n);
	return n;
}

static void keep_header(struct http_call *c, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	AUTO_FREE char *name = NULL;

	while (n && strchr(" \t\r\n", line[n - 1]))
		n--;
	if (!colon || memchr(line, '\0', n) || colon >= line + n)
		return;
	name = str_dupn(line, (size_t)(colon - line));
	for (char *s = name; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	for (colon++; colon < line + n && (*colon == ' ' || *colon == '\t');)
		colon++;
	strv_addf(&c->answer, "%s: %.*s", name, (int)(line + n - colon), colon);
}

size_t http_on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http_run *r = arg;
	struct http_call *c = r->c;

	(void)size;
	r->header_bytes += n;
	if (r->header_bytes > HTTP_HEADERS_MAX) {
		err_set(&c->err, ERR_PEER, "%s %s: the answer has more than %d KiB of headers", c->method, c->at.shown,
			HTTP_HEADERS_MAX >> 10);
		return 0;
	}
	if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)	/* a proxy's, 100, then the answer's own */
		strv_fini(&c->answer);
	else
		keep_header(c, line, n);
	return n;
}

size_t http_on_send(char *out, size_t size, size_t n, void *arg)
{
	struct http_run *r = arg;
	struct http_call *c = r->c;
	size_t left = c->body_len - r->sent, want = size * n < left ? size * n : left;
	ssize_t got = want ? pread(c->body_fd, out, want, c->body_at + (off_t)r->sent) : 0;

	if (got < 0 || (got == 0 && want)) {
		err_sys(&c->err, "pread", NULL, "reading the blob to be sent");
		return CURL_READFUNC_ABORT;
	}
	r->sent += (size_t)got;
	if (c->sent)
		c->sent(c->arg, r->sent);
	return (size_t)got;
}

int http_on_seek(void *arg, curl_off_t to, int origin)
{
	struct http_run *r = arg;

	if (origin != SEEK_SET || to < 0 || (uint64_t)to > r->c->body_len)
		return CURL_SEEKFUNC_CANTSEEK;
	r->sent = (size_t)to;
	return CURL_SEEKFUNC_OK;
}

curl_socket_t http_on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http_run *r = arg;
	char ip[INET6_ADDRSTRLEN] = "";
	union {
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };

	(void)purpose;
	memcpy(&at, &to->addr, to->addrlen < sizeof(at) ? to->addrlen : sizeof(at));
	if (inet_ntop(to->family, to->family == AF_INET6 ? (void *)&at.v6.sin6_addr : (void *)&at.v4.sin_addr, ip, sizeof(ip)) &&
	    url_is_local(ip)) {
		r->is_local = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}
