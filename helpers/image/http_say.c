/* SPDX-License-Identifier: Apache-2.0 */
/* image/http_say.c - what goes wrong between us and a registry, in words */

#include "http_say.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"

enum { WORDS_MAX = 300 };

static bool is_connected(CURL *easy)
{
	double s = 0;

	return curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME, &s) == CURLE_OK && s > 0;
}

bool http_may_pass(CURL *easy, CURLcode code)
{
	switch (code) {
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	case CURLE_OPERATION_TIMEDOUT:
		return is_connected(easy);
	default:
		return false;
	}
}

static int say_connect(CURL *easy, const struct http_call *c, const char *proxy, struct err *e)
{
	long number = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
	if (proxy) {
		err_set(e, ERR_PEER, "%s %s: the proxy %s cannot be reached", c->method, c->at.shown, proxy);
		err_hint(e, "It is named by https_proxy, http_proxy or all_proxy; no_proxy=%s goes around it.", c->at.host);
	} else {
		err_set(e, ERR_PEER, "%s %s: nobody answers at %s, port %u", c->method, c->at.shown, c->at.host, c->at.port);
		if (number == ECONNREFUSED)
			err_hint(e, "Nothing listens there: is the registry running, and the port right?");
		else
			err_hint(e, "Is the network up? Behind a firewall, name its proxy in https_proxy.");
	}
	e->errnum = (int)number;
	str_copy(e->op, sizeof(e->op), "connect");
	return -1;
}

static int say_name(const struct http_call *c, const char *who, struct err *e)
{
	err_set(e, ERR_PEER, "%s %s: there is no host %s, or no name server that knows it", c->method, c->at.shown, who);
	return err_hint(e, "Is it spelt right? Does /etc/resolv.conf name a server that answers? Behind a proxy, set https_proxy.");
}

static int say_tls(CURLcode code, const char *text, const struct http_call *c, struct err *e)
{
	err_set(e, ERR_PEER, "%s %s: %s", c->method, c->at.shown, text);
	if (code == CURLE_SSL_CONNECT_ERROR)
		return err_hint(e, "Perhaps %s speaks plain HTTP at port %u: --tls-verify=false allows that.", c->at.host, c->at.port);
	return err_hint(e, "%s shows a certificate that this machine does not believe. --cacert FILE names the authority that "
			"signed it; --tls-verify=false does without.", c->at.host);
}

static const char *status_name(long status)
{
	static const struct {
		long status;
		const char *name;
	} NAMES[] = {
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 407, "Proxy Authentication Required" }, { 413, "Content Too Large" },
		{ 416, "Range Not Satisfiable" }, { 429, "Too Many Requests" }, { 500, "Internal Server Error" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" }, { 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < N_ELEMS(NAMES); i++)
		if (NAMES[i].status == status)
			return NAMES[i].name;
	return "";
}

static const char PROXY_PASSWORD[] = "The proxy wants a name and password, or others than these: https_proxy=http://NAME:PASSWORD@HOST:PORT.";

int http_say_proxy(const struct http_call *c, const char *proxy, long status, struct err *e)
{
	const char *name = status_name(status);

	err_set(e, ERR_PEER, "%s %s: the proxy %s does not go on to %s: it answers %ld%s%s", c->method, c->at.shown, proxy ? proxy : "",
		c->at.host, status, name[0] ? " " : "", name);
	if (status == 407)
		return err_hint(e, "%s", PROXY_PASSWORD);
	return err_hint(e, "Whoever runs it decides where it leads; no_proxy=%s goes around it.", c->at.host);
}

int http_say_lost(CURL *easy, CURLcode code, const char *text, const struct http_call *c, const char *proxy, struct err *e)
{
	if (!text[0])
		text = curl_easy_strerror(code);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return say_name(c, c->at.host, e);
	case CURLE_COULDNT_RESOLVE_PROXY:
		return say_name(c, proxy ? proxy : "of the proxy", e);
	case CURLE_COULDNT_CONNECT:
		return say_connect(easy, c, proxy, e);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
		return say_tls(code, text, c, e);
	case CURLE_OPERATION_TIMEDOUT:
		if (!is_connected(easy))
			return say_connect(easy, c, proxy, e);
		err_set(e, ERR_PEER, "%s %s: no answer, or not its end, in time", c->method, c->at.shown);
		return err_hint(e, "The connection stands, but nothing comes. Try again later.");
	default:
		err_set(e, ERR_PEER, "%s %s: %s", c->method, c->at.shown, text);
		if (proxy && strstr(text, "CONNECT"))
			err_hint(e, "The proxy %s does not let this through; no_proxy=%s goes around it.", proxy, c->at.host);
		return -1;
	}
}

/* ---- an answer that is none of success ---- */

/* {"errors":[{"code":"...","message":"..."}]}, as registries say it; token services have "details" or
 * "error_description". Control characters become visible, and it is cut. */
static void add_words(const struct http_call *c, struct buf *out)
{
	json_t *all = c->text.len ? json_loadb(c->text.s, c->text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *one = json_array_get(json_object_get(all, "errors"), 0);
	const char *words = json_string_value(json_object_get(one, "message"));
	AUTO_FREE char *cut = NULL;

	if (!words || !words[0])
		words = json_string_value(json_object_get(one, "code"));
	if (!words)
		words = json_string_value(json_object_get(all, "details"));
	if (!words)
		words = json_string_value(json_object_get(all, "error_description"));
	if (!words)
		words = json_string_value(json_object_get(all, "error"));
	if (words && words[0]) {
		cut = str_dupn(words, strnlen(words, WORDS_MAX));
		buf_add(out, ": it says \"");
		buf_add_safe(out, cut);
		buf_add(out, "\"");
	}
	json_decref(all);
}

int http_refused(const struct http_call *c, const char *what, struct err *e)
{
	AUTO_BUF struct buf words = { 0 };
	const char *name = status_name(c->status);

	add_words(c, &words);
	err_set(e, ERR_PEER, "%s: %s %s: %ld%s%s%s", what, c->method, c->at.shown, c->status, name[0] ? " " : "", name,
		words.s ? words.s : "");
	switch (c->status) {
	case 401:
	case 403:
		return err_hint(e, "There is no such image for who asks: is the name right? A private one needs `lichen login`.");
	case 404:
		return err_hint(e, "Is the name right, and is there such a tag?");
	case 407:
		return err_hint(e, "%s", PROXY_PASSWORD);
	case 429:
		return err_hint(e, "The registry limits how often it is asked; it often allows more after `lichen login`.");
	default:
		if (c->status >= 500)
			err_hint(e, "It is the registry's own trouble. Try again later.");
		return -1;
	}
}
