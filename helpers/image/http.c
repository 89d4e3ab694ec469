/* SPDX-License-Identifier: Apache-2.0 */
/* image/http.c - requests to registries: several at once in one loop, over libcurl */

#include "http.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "config.h"
#include "http_run.h"
#include "http_say.h"

enum {
	CONNECT_MS = 30000, STALL_MS = 60000, TRIES = 5, PAUSE_MS = 1000, PAUSE_MAX_MS = 30000,
	RETRY_AFTER_MAX_S = 120,	/* who wants us to wait longer is told so to the user */
	SLOW = 1024,			/* bytes a second: what is slower for that long does not want to end */
	TEXT_MS = 120000,		/* of a whole answer that is kept */
	STORE_MS = 600000,		/* of an answer to a large body, which is stored and hashed first */
	NEWS = 64 << 10,		/* so many new bytes make tries count from the beginning */
	CA_MAX = 16 << 20,
};

struct http {
	CURLM *multi;
	struct http_options o;
	struct http_run **runs;
	size_t n_runs;
	int ca_fd;
	bool has_asked, is_here;	/* somebody was asked; and the first of all is on this machine, or its link */
};

int64_t http_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- a call on its way ---- */

#define SET(r, option, value) ((void)curl_easy_setopt((r)->easy, option, value))

static void set_proxy(struct http *h, struct http_run *r)
{
	const struct url *u = &r->c->at;
	const char *proxy = u->is_https ? h->o.https_proxy : h->o.http_proxy;
	const char *at;

	if (!proxy || !proxy[0])
		proxy = h->o.all_proxy;
	/* networks: libcurl knows them from 7.86 on */
	if (!proxy || u->is_loopback || (h->o.no_proxy && url_is_in(u->host, h->o.no_proxy)))
		proxy = "";
	SET(r, CURLOPT_PROXY, proxy);	/* "": none, whatever the environment says */
	SET(r, CURLOPT_NOPROXY, h->o.no_proxy ? h->o.no_proxy : "");
	auto_free(&r->proxy_shown);
	if (!proxy[0])
		return;
	at = strrchr(proxy, '@');
	r->proxy_shown = str_dup(at ? at + 1 : proxy);
}

static void set_trust(const struct http *h, struct http_run *r)
{
	char path[FD_PATH_MAX];

	if (h->o.is_insecure) {
		SET(r, CURLOPT_SSL_VERIFYPEER, 0L);
		SET(r, CURLOPT_SSL_VERIFYHOST, 0L);
		return;
	}
	if (h->ca_fd >= 0)
		SET(r, CURLOPT_CAINFO, fd_path(h->ca_fd, path));
	if (h->o.cadir)
		SET(r, CURLOPT_CAPATH, h->o.cadir);
}

static void set_body(struct http_run *r)
{
	struct http_call *c = r->c;

	if (c->has_file) {
		SET(r, CURLOPT_UPLOAD, 1L);
		SET(r, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->body_len);
		SET(r, CURLOPT_READFUNCTION, http_on_send);
		SET(r, CURLOPT_READDATA, r);
		SET(r, CURLOPT_SEEKFUNCTION, http_on_seek);
		SET(r, CURLOPT_SEEKDATA, r);
	} else if (c->body) {
		SET(r, CURLOPT_POSTFIELDS, c->body);
		SET(r, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
	} else if (str_eq(c->method, "HEAD")) {
		SET(r, CURLOPT_NOBODY, 1L);
	}
	SET(r, CURLOPT_CUSTOMREQUEST, str_eq(c->method, "HEAD") ? NULL : c->method);
}

static void set_times(const struct http *h, struct http_run *r)
{
	const struct http_call *c = r->c;
	unsigned stall = c->has_file ? STORE_MS : h->o.stall_ms;

	SET(r, CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_ms);
	SET(r, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW);
	SET(r, CURLOPT_LOW_SPEED_TIME, (long)(stall + 999) / 1000);
	if (!c->sink && !c->has_file)
		SET(r, CURLOPT_TIMEOUT_MS, (long)TEXT_MS);
}

static void set_headers(struct http_run *r)
{
	struct http_call *c = r->c;

	curl_slist_free_all(r->headers);
	r->headers = NULL;
	for (size_t i = 0; i < c->headers.n; i++)
		r->headers = curl_slist_append(r->headers, c->headers.v[i]);
	r->headers = curl_slist_append(r->headers, "Expect:");
	if (c->authorization && url_same_origin(&r->first, &c->at)) {
		AUTO_FREE char *line = str_fmt("Authorization: %s", c->authorization);

		r->headers = curl_slist_append(r->headers, line);
	}
	if (c->done && !r->no_range) {
		AUTO_FREE char *line = str_fmt("Range: bytes=%llu-", (unsigned long long)c->done);

		r->headers = curl_slist_append(r->headers, line);
	}
	SET(r, CURLOPT_HTTPHEADER, r->headers);
}

/* One request of the call, perhaps not the first. */
static void send_it(struct http *h, struct http_run *r)
{
	struct http_call *c = r->c;

	strv_fini(&c->answer);
	buf_fini(&c->text);
	err_clear(&c->err);
	c->status = 0;
	r->header_bytes = 0;
	r->sent = 0;
	r->text[0] = '\0';
	r->has_begun = r->is_cut = r->is_lost = r->is_local = false;
	curl_easy_reset(r->easy);
	SET(r, CURLOPT_URL, c->at.text);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(r, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(r, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(r, CURLOPT_FOLLOWLOCATION, 0L);
	SET(r, CURLOPT_NOSIGNAL, 1L);
	SET(r, CURLOPT_USERAGENT, "lichen/" PACKAGE_VERSION);
	SET(r, CURLOPT_ERRORBUFFER, r->text);
	SET(r, CURLOPT_WRITEFUNCTION, http_on_body);
	SET(r, CURLOPT_WRITEDATA, r);
	SET(r, CURLOPT_HEADERFUNCTION, http_on_header);
	SET(r, CURLOPT_HEADERDATA, r);
	SET(r, CURLOPT_PRIVATE, r);
	SET(r, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(r, CURLOPT_BUFFERSIZE, (long)(256 << 10));
	set_proxy(h, r);
	if (h->has_asked && !h->is_here && !r->proxy_shown) {	/* also of the same name, which may mean another address by now */
		SET(r, CURLOPT_OPENSOCKETFUNCTION, http_on_socket);
		SET(r, CURLOPT_OPENSOCKETDATA, r);
	}
	set_trust(h, r);
	set_body(r);
	set_times(h, r);
	set_headers(r);
	r->state = RUN_GOES;
	if (curl_multi_add_handle(h->multi, r->easy) != CURLM_OK) {
		c->result = err_set(&c->err, ERR_BUG, "libcurl does not take the request");
		r->state = RUN_FINISHED;
	}
}

static void finish(struct http_run *r, int result)
{
	r->c->result = result;
	r->state = RUN_FINISHED;
}

/* ---- what becomes of an answer ---- */

static bool may_pass(long status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

/* Sends it again after a pause. Return: 0; -1: often enough, or it would take too long */
static int once_more(struct http *h, struct http_run *r)
{
	struct http_call *c = r->c;
	curl_off_t wanted_s = 0;
	int64_t pause;

	if (c->is_once)
		return -1;
	if (c->done - r->mark >= NEWS)
		r->tries = 0;
	r->mark = c->done;
	if (++r->tries >= h->o.tries)
		return -1;
	pause = (int64_t)h->o.pause_ms << (r->tries - 1);
	pause = pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
	if (c->status == 429 || c->status == 503)	/* both forms: seconds and a date */
		curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &wanted_s);
	if (wanted_s > RETRY_AFTER_MAX_S)
		return -1;
	if (wanted_s * 1000 > pause)
		pause = wanted_s * 1000;
	if (h->o.say && (r->tries > 1 || pause >= 1000)) {
		const long long s = (pause + 999) / 1000;
		AUTO_FREE char *text = c->status ? str_fmt("%s answers %ld; once more in %llds", c->at.host, c->status, s)
						 : str_fmt("the connection to %s was lost; once more in %llds", c->at.host, s);

		h->o.say(h->o.say_arg, text);
	}
	r->due_ms = http_now_ms() + pause;
	r->state = RUN_PAUSES;
	return 0;
}

/* Return: 0 it goes on elsewhere, -1 with the call's error */
static int redirect(struct http *h, struct http_run *r)
{
	struct http_call *c = r->c;
	const char *to = http_header(c, "location", NULL);
	struct url next = { 0 };

	if (!to)
		return err_set(&c->err, ERR_PEER, "%s %s: status %ld without a Location", c->method, c->at.shown, c->status);
	if (++r->redirects > HTTP_REDIRECTS_MAX)
		return err_set(&c->err, ERR_PEER, "%s %s: it was sent on more than %d times", c->method, r->first.shown, HTTP_REDIRECTS_MAX);
	if (url_parse(to, c->at.text, &next, &c->err) < 0)
		return err_wrap(&c->err, "%s %s sends us elsewhere", c->method, c->at.shown);
	if (c->at.is_https && !next.is_https)
		err_set(&c->err, ERR_PEER, "%s %s sends us from https to %s", c->method, c->at.shown, next.shown);
	else if (!h->is_here && next.is_local)
		err_set(&c->err, ERR_PEER, "%s %s sends us to this machine, %s", c->method, c->at.shown, next.shown);
	else if (http_is_allowed(h, &next, &c->err) < 0)
		err_wrap(&c->err, "%s %s sends us on", c->method, c->at.shown);
	if (c->err.kind != ERR_NONE) {
		url_fini(&next);
		return -1;
	}
	url_fini(&c->at);
	c->at = next;
	send_it(h, r);
	return 0;
}

/* A body that ended, as HTTP sees it, before it had the size of the manifest. */
static int too_short(struct http_call *c)
{
	err_set(&c->err, ERR_PEER, "%s %s: it ends after %llu of %llu bytes", c->method, c->at.shown, (unsigned long long)c->done,
		(unsigned long long)c->size);
	return err_hint(&c->err, "The registry, or what stands between, cut it off each time. Try again later.");
}

static void answered(struct http *h, struct http_run *r)
{
	struct http_call *c = r->c;
	bool reads = str_eq(c->method, "GET") || str_eq(c->method, "HEAD");

	if (reads && c->status >= 300 && c->status < 400 && c->status != 304) {
		if (redirect(h, r) < 0)
			finish(r, -1);
		return;
	}
	if (c->status == 416 && c->done && !r->no_range) {
		r->no_range = true;
		if (once_more(h, r) == 0)
			return;
	}
	if (may_pass(c->status) && once_more(h, r) == 0)
		return;
	if (http_is_success(c->status) && c->sink && c->done < c->size) {
		if (once_more(h, r) < 0)
			finish(r, too_short(c));
		return;
	}
	finish(r, 0);
}

/* Whom the first call of all has reached: where the registry is. */
static void look_where(struct http *h, const struct http_run *r)
{
	char *ip = NULL;

	if (h->has_asked || curl_easy_getinfo(r->easy, CURLINFO_PRIMARY_IP, &ip) != CURLE_OK || !ip || !ip[0])
		return;
	h->has_asked = true;
	h->is_here = r->c->at.is_local || (!r->proxy_shown && url_is_local(ip));
}

/* curl is through with one. */
static void ended(struct http *h, struct http_run *r, CURLcode code)
{
	struct http_call *c = r->c;
	curl_off_t tls_us = 0;
	long connect_status = 0;
	bool may_pass_by;

	look_where(h, r);
	if (c->at.is_https && (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_ISSUER_ERROR ||
			       (curl_easy_getinfo(r->easy, CURLINFO_APPCONNECT_TIME_T, &tls_us) == CURLE_OK && tls_us > 0)))
		c->spoke_tls = true;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &c->status);
	curl_multi_remove_handle(h->multi, r->easy);
	if (c->err.kind != ERR_NONE) {	/* of a function above */
		finish(r, -1);
		return;
	}
	if (code != CURLE_OK && r->is_local) {
		finish(r, err_set(&c->err, ERR_PEER, "%s %s: the name leads to this machine or its link, where the registry is not: "
				  "nothing is asked there", c->method, c->at.shown));
		return;
	}
	if (code == CURLE_OK || (r->is_cut && !r->is_lost)) {
		answered(h, r);
		return;
	}
	curl_easy_getinfo(r->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (connect_status >= 400 && connect_status < 500) {	/* the same words the next time */
		finish(r, http_say_proxy(c, r->proxy_shown, connect_status, &c->err));
		return;
	}
	may_pass_by = r->is_lost || http_may_pass(r->easy, code);
	if (may_pass_by) {
		c->status = 0;
		r->tries += code == CURLE_OPERATION_TIMEDOUT;	/* each takes a minute: half as many */
		if (once_more(h, r) == 0)
			return;
	}
	if (c->done && may_pass_by)
		finish(r, too_short(c));
	else
		finish(r, http_say_lost(r->easy, code, r->text, c, r->proxy_shown, &c->err));
}

/* ---- the loop ---- */

void http_start(struct http *h, struct http_call *c)
{
	struct http_run *r = mem_alloc(sizeof(*r));

	r->c = c;
	c->run = r;
	h->runs = mem_grow(h->runs, h->n_runs + 1, sizeof(struct http_run *));
	h->runs[h->n_runs++] = r;
	url_fini(&c->at);
	err_clear(&c->err);
	r->easy = curl_easy_init();
	if (!r->easy)
		finish(r, err_set(&c->err, ERR_BUG, "libcurl gives no handle"));
	else if (url_parse(c->url, NULL, &c->at, &c->err) < 0 || url_parse(c->url, NULL, &r->first, &c->err) < 0 ||
		 http_is_allowed(h, &c->at, &c->err) < 0)
		finish(r, -1);
	else if (h->has_asked && !h->is_here && c->at.is_local)
		finish(r, err_set(&c->err, ERR_PEER, "%s %s is on this machine or its link, where the registry is not: nothing is sent there",
				  c->method, c->at.shown));
	r->mark = c->done;
	r->due_ms = http_now_ms() + c->delay_ms;
	if (r->state != RUN_FINISHED && c->delay_ms)
		r->state = RUN_PAUSES;
	else if (r->state != RUN_FINISHED)
		send_it(h, r);
}

/* What is due goes out, what is there comes in. */
static void turn(struct http *h)
{
	int64_t now = http_now_ms(), wait = 1000;
	int running, left;
	CURLMsg *m;
	bool found = false;

	for (size_t i = 0; i < h->n_runs; i++)
		if (h->runs[i]->state == RUN_PAUSES && h->runs[i]->due_ms <= now)
			send_it(h, h->runs[i]);
		else if (h->runs[i]->state == RUN_PAUSES && h->runs[i]->due_ms - now < wait)
			wait = h->runs[i]->due_ms - now;
	curl_multi_perform(h->multi, &running);
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_run *r = NULL;
		CURLcode code = m->data.result;	/* @m does not outlive the handle's removal */

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r) != CURLE_OK || !r)
			continue;
		ended(h, r, code);
		found = true;
	}
	if (!found)
		curl_multi_poll(h->multi, NULL, 0, (int)wait, NULL);
}

static void release(struct http *h, struct http_run *r)
{
	for (size_t i = 0; i < h->n_runs; i++) {
		if (h->runs[i] != r)
			continue;
		h->runs[i] = h->runs[--h->n_runs];
		break;
	}
	r->c->run = NULL;
	if (r->state == RUN_GOES)
		curl_multi_remove_handle(h->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	url_fini(&r->first);
	free(r->proxy_shown);
	free(r);
}

struct http_call *http_next(struct http *h)
{
	while (h->n_runs) {
		for (size_t i = 0; i < h->n_runs; i++) {
			struct http_call *c = h->runs[i]->c;

			if (h->runs[i]->state != RUN_FINISHED)
				continue;
			release(h, h->runs[i]);
			return c;
		}
		turn(h);
	}
	return NULL;
}

int http_wait(struct http *h, struct http_call *c)
{
	while (c->run && c->run->state != RUN_FINISHED)
		turn(h);
	if (c->run)
		release(h, c->run);
	return c->result;
}

void http_call_fini(struct http_call *c)
{
	free(c->url);
	free(c->authorization);
	strv_fini(&c->headers);
	strv_fini(&c->answer);
	buf_fini(&c->text);
	url_fini(&c->at);
	*c = (struct http_call){ 0 };
}

const char *http_header(const struct http_call *c, const char *name, const char *after)
{
	size_t len = strlen(name);
	bool is_behind = after == NULL;

	for (size_t i = 0; i < c->answer.n; i++) {
		const char *line = c->answer.v[i];

		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		if (is_behind)
			return line + len + 2;
		is_behind = line + len + 2 == after;
	}
	return NULL;
}

int http_is_allowed(const struct http *h, const struct url *u, struct err *e)
{
	if (u->is_https || u->is_loopback || h->o.is_insecure)
		return 0;
	err_set(e, ERR_PEER, "%s is plain HTTP: whoever is on the way can read and change what comes", u->shown);
	return err_hint(e, "--tls-verify=false allows it.");
}

/* ---- the whole ---- */

/* The system's authorities and @cacert in one file: curl takes one, and it would replace the others. */
static int make_trust(struct http *h, const char *cacert, struct err *e)
{
	static const char *const BUNDLES[] = { "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
					       "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem" };
	AUTO_FREE char *system = NULL;
	size_t len = 0;

	h->ca_fd = memfd_create("authorities", MFD_CLOEXEC);
	if (h->ca_fd < 0 || fd_write_all(h->ca_fd, cacert, strlen(cacert)) < 0 || fd_write_all(h->ca_fd, "\n", 1) < 0)
		return err_sys(e, "memfd_create", NULL, "keeping the certificates of --cacert");
	for (size_t i = 0; i < N_ELEMS(BUNDLES) && !system; i++)
		if (fd_read_file(-1, BUNDLES[i], CA_MAX, &system, &len) < 0)
			system = NULL;
	if (system && fd_write_all(h->ca_fd, system, len) < 0)
		return err_sys(e, "write", NULL, "keeping the certificates of --cacert");
	return 0;
}

int http_new(const struct http_options *options, struct http **out, struct err *e)
{
	struct http *h = mem_alloc(sizeof(*h));

	h->o = *options;
	h->ca_fd = -1;
	h->o.connect_ms = options->connect_ms ? options->connect_ms : CONNECT_MS;
	h->o.stall_ms = options->stall_ms ? options->stall_ms : STALL_MS;
	h->o.tries = options->tries ? options->tries : TRIES;
	h->o.pause_ms = options->pause_ms ? options->pause_ms : PAUSE_MS;
	*out = NULL;
	signal(SIGPIPE, SIG_IGN);	/* OpenSSL writes to sockets without MSG_NOSIGNAL */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		h->multi = curl_multi_init();
	if (!h->multi)
		err_set(e, ERR_BUG, "libcurl cannot be set up");
	if (!h->multi || (options->cacert && make_trust(h, options->cacert, e) < 0)) {
		http_free(h);
		return -1;
	}
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->n_runs)
		release(h, h->runs[0]);
	free(h->runs);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	auto_close(&h->ca_fd);
	free(h);
}
