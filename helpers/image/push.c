/* SPDX-License-Identifier: Apache-2.0 */
/* image/push.c - the kind "registry" of sinks: one image goes to a repository
 *
 *   each blob:   ASKS  is it there? ──────────────────────────────────────► done
 *                OPENS an upload, or a mount of another repository's ─────► done
 *                SENDS what is left ─► CLOSES with the digest ────────────► done
 *                  │ ▲                    │ lost: ASKS
 *                  ▼ │ lost
 *                LOOKS how much has arrived; an upload that is gone is OPENed again
 */

#include "push.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "blob.h"
#include "digest.h"
#include "manifest.h"
#include "remote.h"
#include "sink.h"

enum { FAILURES = 5, PAUSE_MS = 500 };

enum upload_state { UP_FREE, UP_ASKS, UP_OPENS, UP_SENDS, UP_LOOKS, UP_CLOSES };

struct upload {
	struct push *push;
	enum upload_state state;
	struct remote_call call;
	const struct descriptor *d;	/* of @push->manifest */
	uint32_t index;
	int fd;				/* the blob; -1 */
	char *location;			/* of the upload; owned; NULL */
	uint64_t sent;			/* has arrived for sure */
	unsigned failures;
	uint64_t shown_ms;
};

struct push {
	struct talk *talk;
	struct remote remote;
	struct image im;
	struct manifest manifest;
	struct buf text;		/* of the manifest */
	struct descriptor *blobs;	/* each once, the config last; borrowed digests are copies */
	size_t n_blobs, next;
	const char *from;
	struct upload *uploads;
	unsigned n_uploads;
};

/* ---- one blob ---- */

/* Bytes of the current request have gone out. */
static void on_sent(void *arg, uint64_t n)
{
	struct upload *u = arg;
	struct err ignored;

	if (!talk_is_due(&u->shown_ms))
		return;
	if (talk_progress(u->push->talk, u->index, u->sent + n, u->d->size, &ignored) < 0)
		return;	/* what is said at the blob's end fails as well */
}

static int done(struct upload *u, const char *why, struct err *e)
{
	struct image_msg m = { .kind = IMSG_PROGRESS, .index = u->index, .done = u->d->size, .total = u->d->size };

	str_copy(m.digest, sizeof(m.digest), u->d->digest);
	str_copy(m.text, sizeof(m.text), why);
	u->state = UP_FREE;
	auto_close(&u->fd);
	auto_free(&u->location);
	remote_call_fini(&u->call);
	return talk_send(u->push->talk, &m, NULL, 0, e);
}

/* The next request; @u->call was finished, or is new. @url: taken */
static int request(struct upload *u, enum upload_state state, const char *method, char *url, struct err *e)
{
	remote_call_fini(&u->call);
	u->state = state;
	u->call.http = (struct http_call){ .method = method, .url = url, .arg = u, .is_once = state != UP_ASKS };
	if (u->failures)
		u->call.http.delay_ms = (unsigned)PAUSE_MS << (u->failures - 1);
	if (state == UP_OPENS || state == UP_CLOSES) {
		u->call.http.body = "";
		strv_add(&u->call.http.headers, "Content-Type: application/octet-stream");
	}
	if (state == UP_SENDS) {
		u->call.http.has_file = true;
		u->call.http.body_fd = u->fd;
		u->call.http.body_at = (off_t)u->sent;
		u->call.http.body_len = u->d->size - u->sent;
		u->call.http.sent = on_sent;
		strv_add(&u->call.http.headers, "Content-Type: application/octet-stream");
		if (u->sent)
			strv_addf(&u->call.http.headers, "Content-Range: %llu-%llu", (unsigned long long)u->sent,
				  (unsigned long long)u->d->size - 1);
	}
	return remote_start(&u->push->remote, &u->call, e);
}

static int ask(struct upload *u, struct err *e)
{
	return request(u, UP_ASKS, "HEAD", remote_url(&u->push->remote, "blobs/%s", u->d->digest), e);
}

static int open_upload(struct upload *u, struct err *e)
{
	struct buf url = { .s = remote_url(&u->push->remote, "blobs/uploads/") };

	url.len = url.cap = strlen(url.s);
	if (u->push->from && !u->failures) {
		url_add_query(&url, "mount", u->d->digest);
		url_add_query(&url, "from", u->push->from);
	}
	u->sent = 0;
	return request(u, UP_OPENS, "POST", buf_take(&url), e);
}

static int send_rest(struct upload *u, struct err *e)
{
	return request(u, UP_SENDS, "PATCH", str_dup(u->location), e);
}

static int close_upload(struct upload *u, struct err *e)
{
	struct buf url = { 0 };

	buf_add(&url, u->location);
	url_add_query(&url, "digest", u->d->digest);
	return request(u, UP_CLOSES, "PUT", buf_take(&url), e);
}

/* Where the upload goes on: each answer may say so anew, relative to what was asked. */
static int take_location(struct upload *u, struct err *e)
{
	__attribute__((cleanup(url_fini))) struct url to = { 0 };
	const char *location = http_header(&u->call.http, "location", NULL);

	if (!location)
		return u->location ? 0 : err_set(e, ERR_PEER, "%s opens an upload and does not say where", u->push->remote.registry);
	if (url_parse(location, u->call.http.at.text, &to, e) < 0)
		return err_wrap(e, "an upload to %s", u->push->remote.registry);
	str_set(&u->location, to.text);
	return 0;
}

/* "0-N", the last byte that has arrived; "0-0" is what registries say of nothing, too. */
static uint64_t arrived(const struct upload *u)
{
	const char *range = http_header(&u->call.http, "range", NULL);
	unsigned long long last;

	if (range && str_starts(range, "bytes="))
		range += 6;
	if (!range || !str_starts(range, "0-"))
		return 0;
	last = strtoull(range + 2, NULL, 10);
	return last == 0 || last >= u->d->size ? 0 : last + 1;
}

static int opened(struct upload *u, long status, struct err *e)
{
	if (status == 201)
		return done(u, "mounted", e);
	if (status != 202 && u->push->from && !u->failures) {	/* perhaps not for us to read there */
		u->failures++;
		return open_upload(u, e);
	}
	if (status != 202)
		return remote_refused(&u->push->remote, &u->call, "opening an upload", e);
	if (take_location(u, e) < 0)
		return -1;
	if (talk_progress(u->push->talk, u->index, 0, u->d->size, e) < 0)
		return -1;
	return u->d->size ? send_rest(u, e) : close_upload(u, e);
}

static int looked(struct upload *u, long status, struct err *e)
{
	if (status != 204 && status != 202 && status != 200)
		return open_upload(u, e);
	if (take_location(u, e) < 0)
		return -1;
	u->sent = arrived(u);
	return u->sent == u->d->size ? close_upload(u, e) : send_rest(u, e);
}

/* Whether a failure may be another one's the next time. */
static bool may_pass(const struct http_call *c)
{
	return c->result < 0 ? c->err.kind == ERR_PEER : c->status >= 500 || c->status == 429 || c->status == 408 || c->status == 416;
}

/* Return: 0 it goes on, or is done; -1 */
static int failed(struct upload *u, struct err *e)
{
	const struct http_call *c = &u->call.http;

	if (!may_pass(c) || ++u->failures > FAILURES) {
		if (c->result == 0)
			return remote_refused(&u->push->remote, &u->call, "sending a layer", e);
		*e = c->err;
		return err_wrap(e, "sending a layer");
	}
	if (u->state == UP_OPENS)
		return open_upload(u, e);
	if (u->state == UP_SENDS)
		return request(u, UP_LOOKS, "GET", str_dup(u->location), e);
	/* the answer to a close that was lost may have been that all is well */
	return ask(u, e);
}

/* A request is finished. */
static int advance(struct upload *u, struct err *e)
{
	struct http_call *c = &u->call.http;
	int again = c->result < 0 ? 0 : remote_again(&u->push->remote, &u->call, e);

	if (again != 0)
		return again < 0 ? -1 : 0;
	if (u->state == UP_LOOKS && c->result == 0 && c->status < 500)
		return looked(u, c->status, e);
	if (u->state != UP_ASKS && (c->result < 0 || may_pass(c)))
		return failed(u, e);
	if (c->result < 0) {
		*e = c->err;
		return err_wrap(e, "asking for a layer");
	}
	switch (u->state) {
	case UP_ASKS:
		if (c->status == 200)
			return done(u, u->failures ? "" : "it is there", e);
		return c->status == 404 || c->status == 405 ? open_upload(u, e) : remote_refused(&u->push->remote, &u->call,
												  "asking for a layer", e);
	case UP_OPENS:
		return opened(u, c->status, e);
	case UP_SENDS:
		if (c->status == 404 && ++u->failures <= FAILURES)	/* the upload is gone */
			return open_upload(u, e);
		if (c->status < 200 || c->status >= 300)
			return remote_refused(&u->push->remote, &u->call, "sending a layer", e);
		u->sent = u->d->size;
		return take_location(u, e) < 0 ? -1 : close_upload(u, e);
	default:
		return c->status == 201 || c->status == 204 ? done(u, "", e)
							    : remote_refused(&u->push->remote, &u->call, "ending an upload", e);
	}
}

static int begin(struct upload *u, size_t at, struct err *e)
{
	struct push *p = u->push;
	struct stat st;

	u->d = &p->blobs[at];
	u->index = (uint32_t)at;
	u->failures = 0;
	u->sent = 0;
	u->fd = blob_open(p->talk->fds[0], u->d->digest);
	if (u->fd < 0 || fstat(u->fd, &st) < 0)
		return err_sys(e, "openat", u->d->digest, "opening a layer's blob, which has to be sent");
	if ((uint64_t)st.st_size != u->d->size)
		return err_set(e, ERR_STATE, "the blob %s has %lld bytes and should have %llu: see `lichen system verify`", u->d->digest,
			       (long long)st.st_size, (unsigned long long)u->d->size);
	return ask(u, e);
}

/* ---- all of them ---- */

static int send_blobs(struct push *p, struct err *e)
{
	struct http_call *c;

	p->n_uploads = remote_connections(p->talk);
	p->uploads = mem_alloc(p->n_uploads * sizeof(*p->uploads));
	for (unsigned i = 0; i < p->n_uploads; i++)
		p->uploads[i] = (struct upload){ .push = p, .fd = -1 };
	do {
		for (unsigned i = 0; i < p->n_uploads && p->next < p->n_blobs; i++)
			if (p->uploads[i].state == UP_FREE && begin(&p->uploads[i], p->next++, e) < 0)
				return -1;
		c = http_next(p->remote.http);
		if (c && advance(c->arg, e) < 0)
			return -1;
	} while (c || p->next < p->n_blobs);
	return 0;
}

static void add_blob(struct push *p, const struct descriptor *d)
{
	for (size_t i = 0; i < p->n_blobs; i++)
		if (str_eq(p->blobs[i].digest, d->digest))
			return;
	p->blobs[p->n_blobs++] = *d;
}

/* The one image of the request. */
static int load(struct push *p, struct err *e)
{
	const json_t *images = json_object_get(p->talk->request, "images");
	const char *id = json_string_value(json_object_get(json_array_get(images, 0), "id"));

	if (json_array_size(images) != 1 || !id || !digest_is_valid(id))
		return err_set(e, ERR_PEER, "the request does not name one image");
	return sink_load(p->talk->fds[0], id, &p->im, e);
}

static int read_manifest(struct push *p, struct err *e)
{
	AUTO_CLOSE int fd = blob_open(p->talk->fds[0], p->im.manifest);
	char got[DIGEST_MAX];

	if (fd < 0 || fd_read_file(fd, "", MANIFEST_BYTES_MAX, &p->text.s, &p->text.len) < 0)
		return err_sys(e, "openat", p->im.manifest, "opening the image's manifest, which has to be sent");
	if (digest_of(p->text.s, p->text.len, p->im.manifest, got, e) < 0)
		return -1;
	if (!str_eq(got, p->im.manifest))
		return err_set(e, ERR_STATE, "the blob %s is another than its name says: see `lichen system verify`", p->im.manifest);
	if (manifest_read(p->text.s, p->text.len, NULL, &p->manifest, e) < 0)
		return err_wrap(e, "the image's manifest");
	if (p->manifest.is_index)
		return err_set(e, ERR_STATE, "%s is an index, not an image's manifest", p->im.manifest);
	p->blobs = mem_alloc((p->manifest.n_layers + 1) * sizeof(*p->blobs));
	for (size_t i = 0; i < p->manifest.n_layers; i++)
		add_blob(p, &p->manifest.layers[i]);
	add_blob(p, &p->manifest.config);
	return 0;
}

static int put_manifest(struct push *p, struct err *e)
{
	AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "PUT", .body = p->text.s, .body_len = p->text.len } };
	const char *tag = talk_str(p->talk, "tag"), *digest = talk_str(p->talk, "digest"), *said;
	const char *mine = p->im.manifest;
	struct image_msg m = { .kind = IMSG_DONE };

	if (digest && digest[0] && !str_eq(digest, mine))
		return err_set(e, ERR_USAGE, "the image cannot have the digest %s there: its own is %s", digest, mine);
	c.http.url = remote_url(&p->remote, "manifests/%s", digest && digest[0] ? digest : tag && tag[0] ? tag : "latest");
	strv_addf(&c.http.headers, "Content-Type: %s", p->manifest.media_type);
	if (remote_ask(&p->remote, &c, e) < 0)
		return err_wrap(e, "sending the manifest");
	if (c.http.status < 200 || c.http.status >= 300)
		return remote_refused(&p->remote, &c, "sending the manifest", e);
	said = http_header(&c.http, "docker-content-digest", NULL);
	if (said && !str_eq(said, mine))
		return err_set(e, ERR_PEER, "%s has made of the manifest another one: %s was sent, and it has %.100s", p->remote.registry, mine,
			       said);
	str_copy(m.digest, sizeof(m.digest), mine);
	return talk_send(p->talk, &m, NULL, 0, e);
}

static void push_fini(struct push *p)
{
	remote_close(&p->remote);
	for (unsigned i = 0; i < p->n_uploads; i++) {
		auto_close(&p->uploads[i].fd);
		free(p->uploads[i].location);
		remote_call_fini(&p->uploads[i].call);
	}
	free(p->uploads);
	free(p->blobs);
	buf_fini(&p->text);
	manifest_fini(&p->manifest);
	image_fini(&p->im);
}

int task_push(struct talk *t, struct err *e)
{
	struct remote_files files = { 0 };
	struct push p = { .talk = t };
	int r = -1;

	if (t->fds[0] < 0)
		return err_set(e, ERR_PEER, "the request has no descriptor of images/");
	p.from = talk_str(t, "from");
	if (confine_begin(t->fds, TALK_FDS, e) == 0 && digest_prepare(e) == 0 && remote_files(t, &files, e) == 0 &&
	    remote_confine(&files, t->fds[0], e) == 0 && load(&p, e) == 0 && read_manifest(&p, e) == 0 &&
	    remote_open(&p.remote, t, &files, -1, "pull,push", e) == 0) {
		if (p.from)
			strv_addf(&p.remote.auth.scopes, "repository:%s:pull", p.from);
		r = send_blobs(&p, e) < 0 ? -1 : put_manifest(&p, e);
	}
	push_fini(&p);
	remote_files_fini(&files);
	return r;
}
