/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/registry.c - a registry on loopback that does wrong what its repositories' names say
 *
 *	registry DIR [ADDRESS]	DIR is an OCI layout; prints "PORT OTHER-PORT" when it listens, and goes on until it is killed
 *
 * One process a connection, one request a connection. DIR/log gets a line for each:
 *
 *	PORT METHOD PATH auth=SCHEME range=RANGE proxy=HOST
 *
 * HOST where it was asked as a proxy would be: it answers in that host's place.
 *
 * /v2/FAULT/... : the first component of a repository's name is a fault, or "ok". Those of blobs are those of blobs of more
 * than a thousand bytes, so that the config comes; where DIR/only has a digest in hex, of that one. OTHER-PORT is where redirects lead, and the token service of another host; redirect-name calls it inner.test. It is on 127.0.0.1, as is PORT
 * where no ADDRESS is said.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

enum { SMALL = 1000, STEP = 1024, SLOTS = 4096, REQUEST_MAX = 64 << 10, BODY_MAX = 64 << 20 };

static const char *dir;
static unsigned ports[2];
static uint32_t *counts;	/* how often a path was asked for; shared by all processes */

struct request {
	int sock;
	unsigned port;
	char method[16], path[1024];
	char proxied[256];		/* the host of an absolute address; "" */
	char *headers;			/* lines */
	char *body;			/* what came of it behind the headers */
	size_t body_len;
	const char *fault, *rest;	/* of /v2/FAULT/REST: "manifests/..." */
	unsigned count;			/* how often this path was asked for before */
	char fault_text[64];
};

static void put(int sock, const char *data, size_t n)
{
	if (fd_write_all(sock, data, n) < 0)
		_exit(0);	/* the client has gone */
}

__attribute__((format(printf, 2, 3))) static void say(int sock, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n > 0)
		put(sock, text, (size_t)n);
}

static void answer(const struct request *r, const char *status, const char *headers, const char *body, size_t n)
{
	say(r->sock, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status, n, headers);
	put(r->sock, body, strcmp(r->method, "HEAD") == 0 ? 0 : n);
}

static void answer_text(const struct request *r, const char *status, const char *headers, const char *text)
{
	answer(r, status, headers, text, strlen(text));
}

static char *header(const struct request *r, const char *name)
{
	size_t len = strlen(name);

	for (char *s = r->headers; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		if (strncasecmp(s, name, len) == 0 && s[len] == ':')
			return str_dupn(s + len + 2, strcspn(s + len + 2, "\r\n"));
	return str_dup("");
}

static bool is(const struct request *r, const char *fault)
{
	return strcmp(r->fault, fault) == 0;
}

/* ---- what there is ---- */

static char *read_blob(const char *digest, size_t *len)
{
	AUTO_FREE char *path = str_fmt("%s/blobs/sha256/%s", dir, strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : "none");
	char *text = NULL;

	return fd_read_any(path, BODY_MAX, &text, len) < 0 ? NULL : text;
}

/* The digest that a tag has, or the digest itself. Owned; NULL */
static char *find_ref(const char *ref)
{
	AUTO_FREE char *path = str_fmt("%s/index.json", dir);
	json_t *index = json_load_file(path, 0, NULL), *one;
	char *out = strncmp(ref, "sha256:", 7) == 0 ? str_dup(ref) : NULL;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, one) {
		const char *name = json_string_value(json_object_get(json_object_get(one, "annotations"), "org.opencontainers.image.ref.name"));

		if (!out && str_eq(name, ref))
			out = str_dup(json_string_value(json_object_get(one, "digest")));
	}
	json_decref(index);
	return out;
}

/* ---- manifests ---- */

static void manifest(const struct request *r, const char *ref)
{
	AUTO_FREE char *digest = find_ref(ref), *text = NULL, *headers = NULL;
	json_t *json;
	size_t n = 0;

	text = digest ? read_blob(digest, &n) : NULL;
	if (!text) {
		answer_text(r, "404 Not Found", "", is(r, "escapes") ? "{\"errors\":[{\"code\":\"X\",\"message\":\"bad \\u001b[31mred\\u0007\"}]}"
								 : "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\"}]}");
		return;
	}
	if (is(r, "huge-json") || is(r, "duplicate")) {
		struct buf big = { 0 };

		buf_add(&big, is(r, "duplicate") ? "{\"schemaVersion\":2," : "{\"schemaVersion\":2,\"x\":\"");
		if (is(r, "huge-json"))
			for (size_t i = 0; i < 6 << 20; i += 64)
				buf_add(&big, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
		buf_add(&big, is(r, "duplicate") ? "" : "\",");
		buf_add(&big, strchr(text, '{') + 1);
		free(text);
		n = big.len;
		text = buf_take(&big);
	}
	if (is(r, "changed"))
		text[n++] = ' ';	/* over the NUL: still JSON, with another digest */
	if (is(r, "empty"))
		n = 0;
	json = json_loadb(text, n, 0, NULL);
	headers = str_fmt("Content-Type: %s\r\n%s%s%s", json_string_value(json_object_get(json, "mediaType"))
				? json_string_value(json_object_get(json, "mediaType")) : "application/vnd.oci.image.manifest.v1+json",
			  is(r, "lying-digest") ? "Docker-Content-Digest: sha256:" : "",
			  is(r, "lying-digest") ? "0000000000000000000000000000000000000000000000000000000000000000" : "",
			  is(r, "lying-digest") ? "\r\n" : "");
	json_decref(json);
	if (is(r, "huge-headers")) {
		say(r->sock, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n", n);
		for (unsigned i = 0; i < 1000; i++)
			say(r->sock, "X-Filler-%u: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
		put(r->sock, "\r\n", 2);
		put(r->sock, text, n);
		return;
	}
	answer(r, "200 OK", headers, text, n);
}

/* ---- blobs ---- */

/* Until the client gives up. */
static void hang(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };

	poll(&p, 1, 60000);
}

/* A byte now and then, for as long as anybody listens. */
static void drip(int sock, const char *first)
{
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };

	put(sock, first, strlen(first));
	while (poll(&p, 1, 100) == 0)
		put(sock, "x", 1);
}

/* The same again and again, until nobody listens. */
static _Noreturn void flood(int sock, const char *first, const char *then)
{
	for (put(sock, first, strlen(first));;)
		put(sock, then, strlen(then));
}

static const char CHUNKED[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
		  CHUNK[] = "20\r\n  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";

/* What never ends. */
static void endless(const struct request *r)
{
	static char line[] = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";

	if (is(r, "endless-chunks"))
		flood(r->sock, CHUNKED, CHUNK);
	else if (is(r, "endless-headers"))
		flood(r->sock, "HTTP/1.1 200 OK\r\n", line);
	else if (is(r, "endless-100"))
		flood(r->sock, "", "HTTP/1.1 100 Continue\r\n\r\n");
	else if (is(r, "endless-trailers"))
		flood(r->sock, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", line);
	else if (is(r, "slow-headers"))
		drip(r->sock, "HTTP/1.1 200 OK\r\nX-Filler: ");
	else if (is(r, "slow-body"))
		drip(r->sock, "HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n");
}

static void trickle(const struct request *r, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i += STEP) {
		put(r->sock, text + i, n - i < STEP ? n - i : STEP);
		poll(NULL, 0, 1);
	}
}

static void blob(const struct request *r, const char *digest)
{
	AUTO_FREE char *text = NULL, *range = header(r, "range");
	bool is_head = strcmp(r->method, "HEAD") == 0;
	size_t n = 0, from = 0, said, sent;

	text = read_blob(digest, &n);
	if (!text || (is(r, "no-layer") && n > SMALL)) {
		answer_text(r, "404 Not Found", "", "{\"errors\":[{\"message\":\"blob unknown\"}]}");
		return;
	}
	if (n <= SMALL && !is(r, "wrong-config")) {
		answer(r, "200 OK", "", text, n);
		return;
	}
	endless(r);
	if (strncmp(range, "bytes=", 6) == 0 && !is(r, "cut-norange") && !is(r, "cut-always"))
		from = strtoul(range + 6, NULL, 10);
	if (is(r, "cut-elsewhere") && from)	/* answers another part than was asked for */
		from /= 2;
	if ((is(r, "wrong-digest") || is(r, "wrong-config")) && n)
		text[n / 2] ^= 1;
	if (is(r, "too-long"))
		text = mem_grow(text, n + 10, 1), memset(text + n, 'x', 10), n += 10;
	said = sent = n - from;
	if (is(r, "too-short"))
		said = sent = n > 10 ? n - 10 - from : 0;
	if (is(r, "lying-length"))
		said += 10;
	if ((strncmp(r->fault, "cut", 3) == 0 && r->count < 2) || (is(r, "token-dies") && r->count < 1))
		sent = sent / 2;
	if (is(r, "cut-always"))
		sent = n / 3;
	if (is(r, "stall"))
		sent = sent / 2;
	if (from)
		say(r->sock, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %zu-%zu/%zu\r\n", from, n - 1, n);
	else
		say(r->sock, "HTTP/1.1 200 OK\r\n");
	say(r->sock, "Connection: close\r\nContent-Length: %zu\r\n\r\n", said);
	if (is_head)
		return;
	if (is(r, "trickle"))
		trickle(r, text + from, sent);
	else
		put(r->sock, text + from, sent);
	if (is(r, "stall"))
		hang(r->sock);
}

/* ---- uploads: kept below DIR/uploads; the first two sendings of push-cut are cut off ---- */

static void status_of(const struct request *r, const char *status, const char *path)
{
	AUTO_FREE char *headers = NULL;
	struct stat st;

	if (stat(path, &st) < 0)
		st.st_size = 0;
	headers = str_fmt("Location: /v2/%s/%s\r\nRange: 0-%lld\r\n", r->fault, r->rest, (long long)(st.st_size ? st.st_size - 1 : 0));
	answer_text(r, status, headers, "");
}

static void receive(const struct request *r, const char *path)
{
	AUTO_FREE char *length = header(r, "content-length");
	size_t n = strtoul(length, NULL, 10), had = r->body_len;
	bool is_cut = is(r, "push-cut") && strcmp(r->method, "PATCH") == 0 && r->count < 2;
	AUTO_CLOSE int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (is_cut && n > SMALL)
		n /= 2;
	if (out < 0 || fd_write_all(out, r->body, had < n ? had : n) < 0)
		_exit(1);
	while (had < n) {
		char data[65536];
		ssize_t got = read(r->sock, data, n - had < sizeof(data) ? n - had : sizeof(data));

		if (got <= 0 || fd_write_all(out, data, (size_t)got) < 0)
			_exit(0);
		had += (size_t)got;
	}
	if (is_cut)
		_exit(0);
}

static void upload(const struct request *r, const char *id)
{
	AUTO_FREE char *path = str_fmt("%s/uploads/%.*s", dir, (int)strcspn(id, "?"), id);
	const char *digest = strstr(id, "digest=sha256%3A");
	AUTO_FREE char *to = digest ? str_fmt("%s/blobs/sha256/%.64s", dir, digest + 16) : NULL;

	if (strcmp(r->method, "PATCH") == 0) {
		receive(r, path);
		status_of(r, "202 Accepted", path);
	} else if (strcmp(r->method, "GET") == 0) {
		status_of(r, "204 No Content", path);
	} else if (to && rename(path, to) == 0) {
		answer_text(r, "201 Created", "", "");
	} else {
		answer_text(r, "400 Bad Request", "", "{}");
	}
}

static void open_upload(const struct request *r)
{
	AUTO_FREE char *uploads = str_fmt("%s/uploads", dir), *headers = NULL;

	mkdir(uploads, 0700);
	if (is(r, "push-away"))
		headers = str_fmt("Location: http://127.0.0.1:%u/v2/push-away/blobs/uploads/%d?state=a\r\n", ports[1], (int)getpid());
	else
		headers = str_fmt("Location: %d?state=a\r\n", (int)getpid());
	answer_text(r, "202 Accepted", headers, "");
}

static void put_manifest(const struct request *r)
{
	AUTO_FREE char *path = str_fmt("%s/pushed", dir);

	receive(r, path);
	answer_text(r, "201 Created", "", "");
}

/* ---- who asks, and where it goes on ---- */

/* A token that was good when the layer began to come is none any longer when the rest is asked for. */
static bool is_dead(const struct request *r)
{
	return is(r, "token-dies") && strncmp(r->rest, "blobs/", 6) == 0 && r->count == 1;
}

/* Return: whether it was answered */
static bool gate(const struct request *r)
{
	AUTO_FREE char *auth = header(r, "authorization"), *to = NULL;

	if (is(r, "401-loop")) {
		to = str_fmt("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\",service=\"x\"\r\n", ports[0]);
	} else if ((is(r, "basic") || (is(r, "push-away") && r->port == ports[0])) && strcmp(auth, "Basic dXNlcjpwYXNz") != 0) {
		to = str_dup("WWW-Authenticate: Basic realm=\"x\"\r\n");
	} else if ((is(r, "token") || is(r, "token-dies")) && (strcmp(auth, "Bearer good-token") != 0 || is_dead(r))) {
		to = str_fmt("WWW-Authenticate: Bearer realm=\"http://localhost:%u/token\",service=\"x\",scope=\"a,b\"\r\n", ports[1]);
	} else if (is(r, "endless-token")) {
		to = str_fmt("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/endless-token\",service=\"x\"\r\n", ports[0]);
	} else if (is(r, "escape-scheme")) {
		to = str_dup("WWW-Authenticate: \x1b[31mred\x07\r\n");
	} else if (is(r, "escape-realm")) {
		to = str_dup("WWW-Authenticate: Bearer realm=\"http://\x1b[31m.example/token\",service=\"\x1b]0;x\x07\"\r\n");
	} else if (is(r, "negotiate")) {
		to = str_dup("WWW-Authenticate: Negotiate\r\n");
	} else if (is(r, "plain-realm")) {
		to = str_dup("WWW-Authenticate: Bearer realm=\"http://registry.example/token\",service=\"x\"\r\n");
	}
	if (to)
		answer_text(r, "401 Unauthorized", to, "{\"errors\":[{\"message\":\"who are you?\"}]}");
	return to != NULL;
}

static bool trouble(const struct request *r)
{
	AUTO_FREE char *headers = NULL;

	if (is(r, "429") && r->count < 1)
		answer_text(r, "429 Too Many Requests", "Retry-After: 1\r\n", "");
	else if (is(r, "429-long"))
		answer_text(r, "429 Too Many Requests", "Retry-After: 100000\r\n", "{\"errors\":[{\"message\":\"slow down\"}]}");
	else if (is(r, "503") && r->count < 2)
		answer_text(r, "503 Service Unavailable", "", "");
	else if (is(r, "500"))
		answer_text(r, "500 Internal Server Error", "", "{\"errors\":[{\"message\":\"broken\"}]}");
	else if (is(r, "429-year"))
		answer_text(r, "429 Too Many Requests", "Retry-After: Fri, 31 Dec 2999 23:59:59 GMT\r\n", "");
	else if (is(r, "escape-location"))
		headers = str_dup("Location: gopher://\x1b[31mred\x07/\r\n");
	else if (is(r, "redirect-loop"))
		headers = str_fmt("Location: /v2/redirect-loop/%s\r\n", r->rest);
	else if ((is(r, "redirect") || is(r, "redirect-401")) && strncmp(r->rest, "blobs/", 6) == 0 && r->port == ports[0])
		headers = str_fmt("Location: http://user:pass@127.0.0.1:%u/v2/%s/%s?signature=secret\r\n", ports[1], r->fault, r->rest);
	else if (is(r, "redirect-name") && strncmp(r->rest, "blobs/", 6) == 0 && r->port == ports[0])
		headers = str_fmt("Location: http://inner.test:%u/v2/ok/%s\r\n", ports[1], r->rest);
	else if (is(r, "redirect-401") && r->port == ports[1])
		answer_text(r, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"give me\"\r\n", "");
	else
		return false;
	if (headers)
		answer_text(r, "307 Temporary Redirect", headers, "");
	return true;
}

/* To anybody but who has a wrong password: what DIR/token has, or "good-token"; and an identity token, DIR/identity, to who asks. */
static void give_token(const struct request *r)
{
	AUTO_FREE char *auth = header(r, "authorization"), *path = str_fmt("%s/token", dir), *token = NULL, *text = NULL;
	AUTO_FREE char *other = str_fmt("%s/identity", dir), *identity = NULL, *refresh = NULL;

	if (auth[0] && strcmp(auth, "Basic dXNlcjpwYXNz") != 0) {
		answer_text(r, "401 Unauthorized", "", "{\"details\":\"wrong password\"}");
		return;
	}
	if (strcmp(r->method, "POST") == 0 && !strstr(r->body, "refresh_token=long-lived")) {
		answer_text(r, "400 Bad Request", "", "{\"error\":\"invalid_grant\"}");
		return;
	}
	if (fd_read_any(path, REQUEST_MAX, &token, NULL) < 0)
		token = str_dup("good-token");
	if (fd_read_any(other, REQUEST_MAX, &identity, NULL) < 0)
		identity = str_dup("long-lived");
	refresh = strstr(r->path, "offline_token=true") ? str_fmt(",\"refresh_token\":\"%s\"", identity) : str_dup("");
	text = str_fmt("{\"%s\":\"%s\",\"expires_in\":300%s}", strcmp(r->method, "POST") == 0 ? "access_token" : "token", token, refresh);
	answer_text(r, "200 OK", "", text);
}

/* Of the tags "1" and "none", each on a page of its own. */
static void list_tags(const struct request *r)
{
	const bool is_last = strstr(r->rest, "last=") && !is(r, "tags-loop");
	AUTO_FREE char *link = is_last ? str_dup("") : str_fmt("Link: </v2/%s/tags/list?last=1>; rel=\"next\"\r\n", r->fault);

	answer_text(r, "200 OK", link, is(r, "tags-bad") ? "{\"tags\":[\"../\\u001b[31mx\"]}" : is_last ? "{\"tags\":[\"none\"]}" : "{\"tags\":[\"1\"]}");
}

/* Where DIR/away is, the first page of all lies on the other port, where somebody wants a password. Return: whether it does */
static bool is_away(const struct request *r)
{
	AUTO_FREE char *path = str_fmt("%s/away", dir), *headers = NULL;

	if (access(path, F_OK) < 0)
		return false;
	if (r->port == ports[0])
		headers = str_fmt("Location: http://127.0.0.1:%u/v2/\r\n", ports[1]);
	else
		headers = str_fmt("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%u/token\",service=\"x\"\r\n", ports[1]);
	answer_text(r, r->port == ports[0] ? "307 Temporary Redirect" : "401 Unauthorized", headers, "");
	return true;
}

static void serve(struct request *r)
{
	char *query = strchr(r->path, '?');

	if (strncmp(r->path, "/endless-token", 14) == 0)
		flood(r->sock, CHUNKED, CHUNK);
	if (strncmp(r->path, "/token", 6) == 0) {
		give_token(r);
		return;
	}
	if (strcmp(r->path, "/v2/") == 0 && is_away(r))
		return;
	if (strcmp(r->path, "/v2/") == 0) {
		answer_text(r, "200 OK", "", "{}");
		return;
	}
	if (!r->rest) {
		answer_text(r, "404 Not Found", "", "");
		return;
	}
	if (gate(r) || trouble(r))
		return;
	if (strncmp(r->rest, "blobs/uploads/", 14) == 0) {
		if (strcmp(r->method, "POST") == 0)
			open_upload(r);
		else
			upload(r, r->rest + 14);
		return;
	}
	if (strncmp(r->rest, "tags/list", 9) == 0) {
		list_tags(r);
		return;
	}
	if (query)
		*query = '\0';
	if (strncmp(r->rest, "manifests/", 10) == 0 && strcmp(r->method, "PUT") == 0)
		put_manifest(r);
	else if (strncmp(r->rest, "manifests/", 10) == 0)
		manifest(r, r->rest + 10);
	else if (strncmp(r->rest, "blobs/", 6) == 0)
		blob(r, r->rest + 6);
	else
		answer_text(r, "404 Not Found", "", "");
}

/* ---- connections ---- */

/* Where one blob is named, the others behave. */
static void spare_others(struct request *r)
{
	AUTO_FREE char *path = str_fmt("%s/only", dir), *only = NULL;
	size_t n;

	if (!r->rest || strncmp(r->rest, "blobs/sha256:", 13) != 0 || fd_read_any(path, REQUEST_MAX, &only, &n) < 0)
		return;
	if (strncmp(r->rest + 13, only, 64) != 0)
		r->fault = "ok";
}

static void note(const struct request *r)
{
	AUTO_FREE char *log = str_fmt("%s/log", dir), *auth = header(r, "authorization"), *range = header(r, "range"), *line = NULL;
	AUTO_CLOSE int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	auth[strcspn(auth, " ")] = '\0';
	line = str_fmt("%s %s %s auth=%s range=%s proxy=%s\n", r->port == ports[0] ? "first" : "other", r->method, r->path, auth, range,
		       r->proxied);
	if (fd < 0 || fd_write_all(fd, line, strlen(line)) < 0)
		_exit(1);
}

/* A form's; it fits in the rest of the space, up to @end. */
static void read_body(struct request *r, const char *end)
{
	AUTO_FREE char *length = header(r, "content-length");
	size_t n = strtoul(length, NULL, 10);

	while (r->body_len < n && n < (size_t)(end - r->body)) {
		ssize_t got = read(r->sock, r->body + r->body_len, n - r->body_len);

		if (got <= 0)
			_exit(0);
		r->body_len += (size_t)got;
	}
}

/* What a proxy is asked for is a whole address. */
static void take_host(struct request *r)
{
	const char *host = r->path + 7;
	size_t n = strncmp(r->path, "http://", 7) == 0 ? strcspn(host, "/") : 0;

	if (!n || n >= sizeof(r->proxied))
		return;
	memcpy(r->proxied, host, n);
	memmove(r->path, host + n, strlen(host + n) + 1);
}

static void talk(int sock, unsigned port)
{
	struct request r = { .sock = sock, .port = port, .fault = "" };
	char *text = mem_alloc(REQUEST_MAX + 1), *end = NULL, *slash;
	uint32_t hash = 2166136261u;
	size_t n = 0;

	while (!end && n < REQUEST_MAX) {
		ssize_t got = read(sock, text + n, REQUEST_MAX - n);

		if (got <= 0 || text[0] == 0x16)	/* TLS */
			_exit(0);
		n += (size_t)got;
		end = strstr(text, "\r\n\r\n");
	}
	if (!end || sscanf(text, "%15s %1023s", r.method, r.path) != 2)
		_exit(0);
	take_host(&r);
	end[2] = '\0';
	r.body = end + 4;
	r.body_len = n - (size_t)(r.body - text);
	r.headers = strchr(text, '\n') + 1;
	if (strcmp(r.method, "POST") == 0)
		read_body(&r, text + REQUEST_MAX);
	if (strncmp(r.path, "/v2/", 4) == 0 && (slash = strchr(r.path + 4, '/'))) {
		str_copy(r.fault_text, sizeof(r.fault_text), r.path + 4);
		r.fault_text[strcspn(r.fault_text, "/")] = '\0';
		r.fault = r.fault_text;
		r.rest = slash + 1;
	}
	for (const char *s = r.method; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	for (const char *s = r.path; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	r.count = __atomic_fetch_add(&counts[hash % SLOTS], 1u, __ATOMIC_SEQ_CST);
	note(&r);
	spare_others(&r);
	serve(&r);
	shutdown(sock, SHUT_WR);
	free(text);
	_exit(0);
}

static int listen_at(const char *address, unsigned *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0 || getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
		perror("registry: listen");
		exit(1);
	}
	*port = ntohs(at.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	struct pollfd p[2];

	if (argc != 2 && argc != 3)
		return 2;
	dir = argv[1];
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	counts = mmap(NULL, SLOTS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < 2; i++)
		p[i] = (struct pollfd){ .fd = listen_at(i == 0 && argc == 3 ? argv[2] : "127.0.0.1", &ports[i]), .events = POLLIN };
	printf("%u %u\n", ports[0], ports[1]);
	fflush(stdout);
	while (poll(p, 2, -1) >= 0 || errno == EINTR)
		for (size_t i = 0; i < 2; i++) {
			int sock = p[i].revents & POLLIN ? accept(p[i].fd, NULL, NULL) : -1;

			if (sock < 0)
				continue;
			if (fork() == 0) {
				prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
				talk(sock, ports[i]);
			}
			close(sock);
		}
	return 1;
}
