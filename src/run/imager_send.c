/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_send.c - save, push, verify, and whether a registry takes a password: one helper, whose end is waited for */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/imager_internal.h"
#include "run/internal.h"
#include "store/tmp.h"

enum { TEXT_MAX = 2 << 20 };	/* an identity token, ten thousand tags */

/* One task without layers to be unpacked. */
struct errand {
	const char *program, *task, *what;	/* what: that is shown of its progress */
	struct image_helper helper;
	const struct id_map *uids, *gids;	/* root inside this map; NULL: as the caller */
	const struct imager_view *view;
	uint32_t n_layers;		/* that the view has; what is behind them is small */
	const struct strv *blobs;	/* of verify: what @bad may be told of; from @first on, which is progress's first, too */
	size_t first, n_blobs;
	imager_bad_fn *bad;
	void *bad_arg;
	bool is_done, has_token;
	char digest[DIGEST_MAX];	/* that DONE said; "" */
	char *text;			/* of DONE, or of what came with it; owned */
};

static void show(const struct errand *r, const struct image_msg *m)
{
	const struct imager_view *v = r->view;

	/* with its digest it has gone; with a reason in words, too, it was there */
	const char *what = !m->digest[0] ? r->what : m->text[0] ? "already there" : "done";

	if (v && v->progress && m->index < r->n_layers)
		v->progress(v->arg, (uint32_t)r->first + m->index, what, m->done, m->total);
}

/* A token may be longer than a message. */
static int take_text(struct errand *r, const struct image_msg *m, const int *fds, size_t n_fds, struct err *e)
{
	struct stat st;

	r->is_done = true;
	str_copy(r->digest, sizeof(r->digest), m->digest);
	if (!n_fds) {
		r->text = str_dup(m->text);
		return 0;
	}
	if (fstat(fds[0], &st) < 0 || !S_ISREG(st.st_mode) || lseek(fds[0], 0, SEEK_SET) < 0 ||
	    fd_read_file(fds[0], "", TEXT_MAX, &r->text, NULL) < 0)
		return err_set(e, ERR_PEER, "%s, %s, gave an answer that cannot be read", r->helper.program, r->helper.job);
	r->has_token = true;
	return 0;
}

static int take(struct errand *r, const struct image_msg *m, const int *fds, size_t n_fds, struct err *e)
{
	const bool is_done = m->kind == IMSG_DONE, is_blob = m->kind == IMSG_BLOB_DONE && r->bad;

	if ((n_fds && !is_done) || (m->kind != IMSG_PROGRESS && !is_blob && !is_done))
		return err_set(e, ERR_PEER, "%s, %s, said something out of turn", r->helper.program, r->helper.job);
	if (is_done)
		return take_text(r, m, fds, n_fds, e);
	if (is_blob && m->text[0] && m->index < r->n_blobs)
		r->bad(r->bad_arg, r->blobs->v[r->first + m->index], m->text);
	if (!is_blob)
		show(r, m);
	return 0;
}

static int wait_for_done(struct errand *r, struct err *e)
{
	while (!r->is_done) {
		struct pollfd p = { .fd = r->helper.sock, .events = helper_events(&r->helper) };
		int fds[IMAGER_MSG_FDS], rc;
		struct image_msg m;
		size_t n_fds;

		if (imager_wait(&p, 1, r->view, "while images were at work", e) < 0)
			return -1;
		if (!p.revents)
			continue;
		rc = helper_hear(&r->helper, &m, fds, &n_fds, e);
		if (rc > 0)
			rc = take(r, &m, fds, n_fds, e);
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Starts, asks, waits; the request is used up. */
static int run_errand(struct errand *r, const char *job, struct buf *request, const int *fds, size_t n_fds, struct err *e)
{
	struct in_map_server inside;
	struct imager_stop stop;
	bool has_map = false;
	int rc;

	helper_init(&r->helper, r->program, job, r->view);
	if (imager_stop_begin(&stop, e) < 0) {
		request_fini(request);
		return -1;
	}
	rc = r->uids ? helper_serve(&inside, r->program, r->task, r->uids, r->gids, e) : 0;
	has_map = r->uids && rc == 0;
	if (rc == 0)
		rc = helper_start(&r->helper, r->task, has_map ? &inside : NULL, e);
	if (rc == 0)
		rc = helper_ask(&r->helper, request, fds, n_fds, e);
	request_fini(request);
	if (rc == 0)
		rc = wait_for_done(r, e);
	imager_stop_clean(rc);
	helper_end(&r->helper, r->is_done);
	if (has_map)
		in_map_server_end(&inside);
	return imager_stop_end(&stop, rc, e);
}

/* ---- save, push ---- */

static void make_request(const struct imager_out *out, struct buf *b)
{
	static const char *const KINDS[] = { [SINK_DOCKER_ARCHIVE] = "docker-archive", [SINK_OCI_ARCHIVE] = "oci-archive",
					     [SINK_OCI_DIR] = "oci", [SINK_REGISTRY] = "registry" };
	AUTO_BUF struct buf images = { 0 };

	request_open(b);
	request_str(b, "kind", KINDS[out->kind]);
	buf_add(&images, "[");
	for (size_t i = 0; i < out->n; i++) {
		AUTO_BUF struct buf one = { 0 };

		request_open(&one);
		request_str(&one, "id", out->ids[i]);
		request_str(&one, "name", out->names ? out->names[i] : NULL);
		request_close(&one);
		buf_addf(&images, "%s%s", i ? "," : "", one.s);
	}
	buf_add(&images, "]");
	request_json(b, "images", images.s);
	request_number(b, "max_memory", out->memory);
	if (out->kind == SINK_REGISTRY) {
		request_str(b, "registry", out->ref.registry);
		request_str(b, "repository", out->ref.repository);
		request_str(b, "tag", out->ref.tag);
		request_str(b, "digest", out->ref.digest);
		request_str(b, "from", out->from);
		request_registry(b, &out->registry);
	}
	request_close(b);
}

struct held {
	int *locks;			/* of the records, so that nobody removes what is being read; owned */
	struct strv layers;		/* digests, each once, in the order in which they go */
};

static void show_layers(struct held *h, const struct image *image, const struct imager_view *v)
{
	char label[IMAGER_LABEL_MAX];

	for (size_t i = 0; i < image->n_layers && v && v->layer; i++) {
		const struct image_layer *l = &image->layers[i];

		if (strv_has(&h->layers, l->digest))
			continue;
		v->layer(v->arg, (uint32_t)h->layers.n, imager_label(l->digest, label), l->size, false);
		strv_add(&h->layers, l->digest);
	}
}

static int hold(struct images *im, const struct imager_out *out, struct held *h, struct err *e)
{
	h->locks = mem_grow(NULL, out->n + 1, sizeof(*h->locks));
	for (size_t i = 0; i < out->n; i++)
		h->locks[i] = -1;
	for (size_t i = 0; i < out->n; i++) {
		struct image image = { 0 };

		if (images_load(im, out->ids[i], &image, &h->locks[i], e) < 0)
			return -1;
		show_layers(h, &image, out->view);
		image_fini(&image);
	}
	return 0;
}

static int send_held(struct images *im, const struct imager_out *out, const struct held *h, struct image_tmp *t, char **digest,
		     struct err *e)
{
	struct errand r = { .program = out->kind == SINK_REGISTRY ? REGISTRY_PROGRAM : IMAGE_PROGRAM, .task = "sink", .view = out->view, .what = out->kind == SINK_REGISTRY ? "uploading" : "writing",
			     .n_layers = (uint32_t)h->layers.n };
	/* the sink does not use it; a store that cannot be written has none */
	AUTO_CLOSE int tmp = openat(t->fd < 0 ? im->fd : t->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const int fds[] = { im->fd, tmp, out->fd };
	struct buf request = { 0 };
	int rc;

	if (tmp < 0)
		return err_sys(e, "openat", t->path, "starting a helper for images");
	make_request(out, &request);
	rc = run_errand(&r, "which writes the image", &request, fds, out->kind == SINK_REGISTRY ? 2 : 3, e);
	free(r.text);
	for (uint32_t i = 0; rc == 0 && out->view && out->view->progress && i < r.n_layers; i++)
		out->view->progress(out->view->arg, i, "done", 0, 0);
	if (rc == 0 && digest)
		*digest = digest_is_valid(r.digest) ? str_dup(r.digest) : NULL;
	return rc;
}

int imager_send(struct images *im, const struct imager_out *out, char **digest, struct err *e)
{
	struct image_tmp t = { .fd = -1 };
	struct held h = { 0 };
	int rc = hold(im, out, &h, e);

	if (rc == 0 && !im->why_fixed)
		rc = images_tmp(im, &t, e);
	if (rc == 0)
		rc = send_held(im, out, &h, &t, digest, e);
	images_tmp_end(im, &t, NULL, NULL, NULL);
	for (size_t i = 0; i < out->n; i++)
		auto_close(&h.locks[i]);
	free(h.locks);
	strv_fini(&h.layers);
	return rc;
}

/* ---- login ---- */

int imager_login(const char *registry, const struct imager_registry *how, char **token, struct err *e)
{
	struct errand r = { .program = REGISTRY_PROGRAM, .task = "login", .what = "asking" };
	struct buf request = { 0 };
	int rc;

	request_open(&request);
	request_str(&request, "registry", registry);
	request_registry(&request, how);
	request_close(&request);
	*token = NULL;
	rc = run_errand(&r, "which asks the registry", &request, NULL, 0, e);
	if (rc == 0 && r.has_token)
		*token = ptr_take(&r.text);
	else if (rc == 0 && r.text[0])
		log_warn("%s: %s", registry, r.text);
	if (r.text)
		explicit_bzero(r.text, strlen(r.text));
	free(r.text);
	return rc;
}

/* ---- tags ---- */

int imager_tags(const struct image_ref *ref, const struct imager_registry *how, struct strv *tags, struct err *e)
{
	struct errand r = { .program = REGISTRY_PROGRAM, .task = "tags", .what = "asking" };
	struct buf request = { 0 };
	int rc;

	request_open(&request);
	request_str(&request, "registry", ref->registry);
	request_str(&request, "repository", ref->repository);
	request_registry(&request, how);
	request_close(&request);
	rc = run_errand(&r, "which lists the tags", &request, NULL, 0, e);
	for (char *line = rc == 0 ? r.text : NULL, *next; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		strv_add(tags, line);
	}
	free(r.text);
	return rc;
}

/* ---- verify ---- */

enum { VERIFY_AT_ONCE = 1000 };	/* blobs that one request names */

static const char VERIFIES[] = "which reads what images are made of";

int imager_verify(struct images *im, const struct strv *blobs, const struct imager_view *view, imager_bad_fn *bad, void *arg, struct err *e)
{
	for (size_t first = 0; first < blobs->n; first += VERIFY_AT_ONCE) {
		struct errand r = { .program = IMAGE_PROGRAM, .task = "verify", .what = "reading", .view = view, .blobs = blobs, .first = first,
				    .bad = bad, .bad_arg = arg };
		AUTO_BUF struct buf list = { 0 };
		struct buf request = { 0 };
		int rc;

		for (; r.n_blobs < VERIFY_AT_ONCE && first + r.n_blobs < blobs->n; r.n_blobs++) {
			buf_add(&list, r.n_blobs ? "," : "[");
			buf_add_json(&list, blobs->v[first + r.n_blobs]);
		}
		buf_add(&list, "]");
		r.n_layers = (uint32_t)r.n_blobs;
		request_open(&request);
		request_json(&request, "blobs", list.s);
		request_close(&request);
		rc = run_errand(&r, VERIFIES, &request, &im->fd, 1, e);
		free(r.text);
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* Of a layer that is held: the helper does it, inside the map. */
static int compare_held(const struct layer_check *c, const struct layer_use *use, const struct map_pair *map, int blob, struct err *e)
{
	AUTO_STRV struct strv object = { 0 };
	AUTO_CLOSE int root = openat(use->fd, "root", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_CLOSE int owners = openat(use->fd, "owners", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct errand r = { .program = IMAGE_PROGRAM, .task = "verify", .what = "comparing", .uids = &map->uids, .gids = &map->gids, .view = c->view, .n_layers = 1,
			    .blobs = &object, .n_blobs = 1, .bad = c->bad, .bad_arg = c->arg };
	const int fds[] = { root, blob, owners };
	struct buf request = { 0 };
	int rc;

	strv_add(&object, c->layer->diff_id);
	if (root < 0) {
		c->bad(c->arg, c->layer->diff_id, "/: its files are not there");
		return 0;
	}
	request_open(&request);
	request_flag(&request, "tree", true);
	request_str(&request, "digest", c->layer->digest);
	request_str(&request, "diff_id", c->layer->diff_id);
	request_number(&request, "size", c->layer->size);
	request_flag(&request, "single", map->uids.n == 1 && map->uids.v[0].count == 1);
	request_close(&request);
	rc = run_errand(&r, VERIFIES, &request, fds, owners < 0 ? 2 : 3, e);
	free(r.text);
	return rc;
}

int imager_verify_layer(struct images *im, const struct layer_check *c, struct err *e)
{
	struct map_pair map = { 0 };
	struct layer_use use = { .fd = -1 };
	struct layer_info info;
	int rc = images_use_layer(im, c->cls, c->layer->diff_id, &use, e);

	if (rc <= 0)
		return rc;
	rc = images_class_map(im, c->cls, &map.uids, &map.gids, e);
	if (rc == 0)
		rc = images_layer_info(im, c->cls, c->layer->diff_id, &info, e);
	if (rc == 0) {
		AUTO_CLOSE int blob = images_open_blob(im, c->layer->digest, e);

		rc = blob < 0 ? -1 : compare_held(c, &use, &map, blob, e);
	}
	id_map_fini(&map.uids);
	id_map_fini(&map.gids);
	layer_use_fini(&use);
	/* of one layer, what keeps it from being compared is something that is wrong with it */
	if (rc < 0 && e->kind != ERR_SIGNAL && e->kind != ERR_HOST) {
		c->bad(c->arg, c->layer->diff_id, e->what);
		err_clear(e);
		rc = 0;
	}
	return rc < 0 ? -1 : 1;
}
