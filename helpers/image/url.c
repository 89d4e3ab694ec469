/* SPDX-License-Identifier: Apache-2.0 */
/* image/url.c - addresses of registries: taken apart, compared, shown */

#include "url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

static void free_handle(CURLU **u)
{
	curl_url_cleanup(*u);
}

static char *part(CURLU *u, CURLUPart which, unsigned flags)
{
	char *got = NULL, *out = NULL;

	if (curl_url_get(u, which, &got, flags) == CURLUE_OK)
		out = str_dup(got);
	curl_free(got);
	return out;
}

static bool is_loopback(const char *host)
{
	unsigned n = 0;

	if (str_eq(host, "localhost") || str_eq(host, "[::1]"))
		return true;
	/* an address, not a name that begins like one: 127.example.com is anybody's */
	for (const char *s = host; *s; s++) {
		if (*s == '.')
			n++;
		else if (*s < '0' || *s > '9')
			return false;
	}
	return n == 3 && str_starts(host, "127.");
}

static bool is_local_v4(const unsigned char *a)
{
	return a[0] == 0 || a[0] == 127 || (a[0] == 169 && a[1] == 254);
}

bool url_is_local(const char *host)
{
	static const unsigned char MAPPED[12] = { [10] = 0xff, [11] = 0xff }, ZERO[15] = { 0 };
	const size_t len = strlen(host), bracket = host[0] == '[';
	AUTO_FREE char *plain = str_dupn(host + bracket, len > 2 * bracket ? len - 2 * bracket : 0);
	unsigned char a[16];

	plain[strcspn(plain, "%")] = '\0';	/* a zone */
	if (inet_pton(AF_INET, plain, a) == 1)
		return is_local_v4(a);
	if (inet_pton(AF_INET6, plain, a) == 1)
		return (memcmp(a, ZERO, sizeof(ZERO)) == 0 && a[15] <= 1) || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
		       (memcmp(a, MAPPED, sizeof(MAPPED)) == 0 && is_local_v4(a + 12));
	return str_eq(plain, "localhost") || str_eq(plain, "localhost.") || (len > 10 && str_eq(plain + len - 10, ".localhost"));
}

static bool is_inside(const unsigned char *a, const unsigned char *net, unsigned bits)
{
	const unsigned rest = bits % 8, mask = (0xff00u >> rest) & 0xff;

	return memcmp(a, net, bits / 8) == 0 && (rest == 0 || ((a[bits / 8] ^ net[bits / 8]) & mask) == 0);
}

bool url_is_in(const char *host, const char *list)
{
	const size_t len = strlen(host), bracket = host[0] == '[';
	AUTO_FREE char *plain = str_dupn(host + bracket, len > 2 * bracket ? len - 2 * bracket : 0);
	AUTO_STRV struct strv nets = { 0 };
	unsigned char a[16], net[16];
	const int family = inet_pton(AF_INET, plain, a) == 1 ? AF_INET : inet_pton(AF_INET6, plain, a) == 1 ? AF_INET6 : AF_UNSPEC;

	if (family == AF_UNSPEC)
		return false;
	strv_split(&nets, list, ',');
	for (size_t i = 0; i < nets.n; i++) {
		char *one = nets.v[i] + strspn(nets.v[i], " \t"), *slash = strchr(one, '/'), *end;
		unsigned long bits;

		if (!slash || slash[1] < '0' || slash[1] > '9')
			continue;
		*slash = '\0';
		bits = strtoul(slash + 1, &end, 10);
		if (!end[strspn(end, " \t")] && bits <= (family == AF_INET ? 32 : 128) && inet_pton(family, one, net) == 1 && is_inside(a, net, (unsigned)bits))
			return true;
	}
	return false;
}

int url_parse(const char *text, const char *base, struct url *u, struct err *e)
{
	__attribute__((cleanup(free_handle))) CURLU *h = curl_url();
	AUTO_FREE char *scheme = NULL, *port = NULL, *shown = NULL;
	char *mark;

	*u = (struct url){ 0 };
	if (!h || (base && curl_url_set(h, CURLUPART_URL, base, 0) != CURLUE_OK) ||
	    curl_url_set(h, CURLUPART_URL, text, 0) != CURLUE_OK)
		return err_set(e, ERR_PEER, "\"%.200s\" is no address", text);
	scheme = part(h, CURLUPART_SCHEME, 0);
	if (!str_eq(scheme, "https") && !str_eq(scheme, "http"))
		return err_set(e, ERR_PEER, "\"%.200s\" is neither https nor http", text);
	/* a password in a Location would be sent as ours, and be shown */
	if (curl_url_set(h, CURLUPART_USER, NULL, 0) != CURLUE_OK || curl_url_set(h, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK ||
	    curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK)
		return err_set(e, ERR_PEER, "an address cannot be taken apart");
	u->text = part(h, CURLUPART_URL, 0);
	u->host = part(h, CURLUPART_HOST, 0);
	port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	if (!u->text || !u->host || !u->host[0] || !port) {
		url_fini(u);
		return err_set(e, ERR_PEER, "\"%.200s\" has no host", text);
	}
	for (char *s = u->host; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	u->port = (unsigned)strtoul(port, NULL, 10);
	u->is_https = str_eq(scheme, "https");
	u->is_loopback = is_loopback(u->host);
	u->is_local = url_is_local(u->host);
	shown = str_dup(u->text);
	mark = strchr(shown, '?');
	if (mark)
		*mark = '\0';
	u->shown = ptr_take(&shown);
	return 0;
}

void url_fini(struct url *u)
{
	free(u->text);
	free(u->host);
	free(u->shown);
	*u = (struct url){ 0 };
}

bool url_same_origin(const struct url *a, const struct url *b)
{
	return a->is_https == b->is_https && a->port == b->port && str_eq(a->host, b->host);
}

char *url_escape(const char *text)
{
	static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	struct buf out = { 0 };

	for (const char *s = text; *s; s++) {
		if (strchr(PLAIN, *s))
			buf_addn(&out, s, 1);
		else
			buf_addf(&out, "%%%02X", (unsigned char)*s);
	}
	return buf_take(&out);
}

void url_add_query(struct buf *out, const char *name, const char *value)
{
	AUTO_FREE char *n = url_escape(name), *v = url_escape(value);

	buf_addf(out, "%s%s=%s", out->s && strchr(out->s, '?') ? "&" : "?", n, v);
}
