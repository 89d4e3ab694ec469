/* SPDX-License-Identifier: Apache-2.0 */
/* image/registry.c - the kind "registry" of sources: one image of a repository, several layers at once
 *
 * The request has tag, digest or neither ("latest"), and what remote.h says.
 */

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "image_config.h"
#include "manifest.h"
#include "remote.h"
#include "source.h"

struct registry {
	struct remote_files files;
	struct remote remote;
	int which;			/* of the mirrors @remote is; -1: the registry itself */
	struct flight *flights;
	unsigned n_flights;
	bool *is_missed;		/* by layer: @remote does not give it, the next one is asked */
	size_t n_missed;
};

/* A layer on its way. */
struct flight {
	struct remote_call call;
	struct blob blob;
	struct source *source;
	struct source_layer *layer;	/* NULL: this one is free */
	uint64_t shown_ms;		/* of a mirror's: when progress was told last */
};

/* ---- manifests ---- */

static const char ACCEPT[] = "Accept: " TYPE_OCI_INDEX ", " TYPE_DOCKER_LIST ", " TYPE_OCI_MANIFEST ", " TYPE_DOCKER_MANIFEST;

/* What came has to be what was asked for, and what the registry says that it is. */
static int check_digest(const struct http_call *c, const char *reference, struct err *e)
{
	const char *said = http_header(c, "docker-content-digest", NULL);
	char got[DIGEST_MAX];

	if (digest_is_valid(reference)) {
		if (digest_of(c->text.s, c->text.len, reference, got, e) < 0)
			return -1;
		if (!str_eq(got, reference)) {
			err_set(e, ERR_STATE, "%s %s: it is not what its digest says, but %s", c->method, c->at.shown, got);
			return err_hint(e, "The registry, or somebody between, changed it: it is not used.");
		}
	}
	if (!said || !digest_is_valid(said))
		return 0;
	if (digest_of(c->text.s, c->text.len, said, got, e) < 0)
		return -1;
	if (str_eq(got, said))
		return 0;
	return err_set(e, ERR_STATE, "%s %s: it came with the digest %s, and is %s", c->method, c->at.shown, said, got);
}

/* @reference: a tag or a digest */
static int get_manifest(struct remote *r, const char *reference, struct buf *text, struct manifest *m, struct err *e)
{
	AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "GET" } };
	const char *type;

	c.http.url = remote_url(r, "manifests/%s", reference);
	strv_add(&c.http.headers, ACCEPT);
	if (remote_ask(r, &c, e) < 0)
		return -1;
	if (c.http.status != 200) {
		AUTO_FREE char *what = str_fmt("%s/%s has no %s for us", r->registry, r->repository, reference);

		return remote_refused(r, &c, what, e);
	}
	if (c.http.text.len == 0)
		return err_set(e, ERR_STATE, "GET %s: the manifest is empty", c.http.at.shown);
	type = http_header(&c.http, "content-type", NULL);
	if (check_digest(&c.http, reference, e) < 0)
		return -1;
	/* what else is said of it is no word about an image: the text itself counts then */
	if (type && !manifest_type_is_image(type) && !manifest_type_is_index(type))
		type = NULL;
	if (manifest_read(c.http.text.s, c.http.text.len, type, m, e) < 0)
		return err_wrap(e, "the manifest of %s/%s", r->registry, r->repository);
	*text = (struct buf){ .s = ptr_take(&c.http.text.s), .len = c.http.text.len };
	return 0;
}

/* From the tag or digest through indexes to the one manifest for this machine. */
static int find_manifest(struct source *s, struct remote *r, struct buf *text, struct manifest *m, struct err *e)
{
	const char *tag = talk_str(s->talk, "tag"), *digest = talk_str(s->talk, "digest");
	char reference[DIGEST_MAX > 256 ? DIGEST_MAX : 256];
	struct platform want;

	if (platform_parse(talk_str(s->talk, "platform"), &want, e) < 0)
		return -1;
	str_copy(reference, sizeof(reference), digest && digest[0] ? digest : tag && tag[0] ? tag : "latest");
	for (unsigned depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		size_t at;

		if (get_manifest(r, reference, text, m, e) < 0)
			return -1;
		if (!m->is_index)
			return 0;
		if (index_choose(m, &want, &at, e) < 0)
			return err_wrap(e, "%s/%s", r->registry, r->repository);
		str_copy(reference, sizeof(reference), m->entries[at].d.digest);
		manifest_fini(m);
		buf_fini(text);
	}
	return err_set(e, ERR_STATE, "%s/%s: there are indexes in indexes, more than %d deep", r->registry, r->repository, INDEX_DEPTH_MAX);
}

static int get_config(struct remote *r, const struct descriptor *d, struct buf *text, struct err *e)
{
	AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "GET" } };

	c.http.url = remote_url(r, "blobs/%s", d->digest);
	if (remote_ask(r, &c, e) < 0)
		return -1;
	if (c.http.status != 200)
		return remote_refused(r, &c, "reading the image's config", e);
	if (c.http.text.len != d->size)
		return err_set(e, ERR_STATE, "GET %s: the image's config has %zu bytes, and its manifest says %llu", c.http.at.shown,
			       c.http.text.len, (unsigned long long)d->size);
	*text = (struct buf){ .s = ptr_take(&c.http.text.s), .len = c.http.text.len };
	return 0;
}

/* Layers that registries may not keep: Windows has them. */
static int check_layers(const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n_layers; i++)
		if (strstr(m->layers[i].media_type, ".foreign.") || strstr(m->layers[i].media_type, ".nondistributable."))
			return err_set(e, ERR_STATE, "layer %zu is kept elsewhere than in the registry (%s): lichen does not fetch such layers",
				       i + 1, m->layers[i].media_type);
	return 0;
}

static int list_from(struct source *s, struct remote *r, struct err *e)
{
	AUTO_SOURCE_IMAGE struct source_image one = { 0 };
	AUTO_MANIFEST struct manifest m = { 0 };
	AUTO_BUF struct buf manifest = { 0 }, config = { 0 };
	char got[DIGEST_MAX];

	if (find_manifest(s, r, &manifest, &m, e) < 0 || check_layers(&m, e) < 0 || get_config(r, &m.config, &config, e) < 0 ||
	    digest_of(config.s, config.len, m.config.digest, got, e) < 0)
		return -1;
	if (!str_eq(got, m.config.digest))	/* before anybody takes it apart */
		return err_set(e, ERR_STATE, "the config of %s/%s is not what its digest says: %s was expected, and it is %s", r->registry,
			       r->repository, m.config.digest, got);
	if (config_read(config.s, config.len, &one.im, e) < 0 || config_layers(&one.im, &m, e) < 0)
		return err_wrap(e, "the image %s/%s", r->registry, r->repository);
	strv_copy(&one.im.annotations, &m.annotations);
	str_copy(one.im.id, sizeof(one.im.id), m.config.digest);
	one.config_len = config.len;
	one.config = buf_take(&config);
	one.manifest_len = manifest.len;
	one.manifest = buf_take(&manifest);
	return source_add(s, &one, NULL, e);
}

/* ---- the kind ---- */

static int registry_open(struct source *s, struct err *e)
{
	struct registry *reg = mem_alloc(sizeof(*reg));

	s->of = reg;
	if (remote_files(s->talk, &reg->files, e) < 0)
		return -1;
	for (size_t i = 0; i < reg->files.n_paths; i++)
		source_path(s, reg->files.paths[i].fd, false);
	return 0;
}

/* What a mirror lacks or does wrongly is the next one's, and said. -1: the launcher is gone */
static int leave_mirror(struct source *s, const char *what, struct err *e)
{
	if (talk_warn(s->talk, "%s: %s%s%s", what, e->what, e->hint[0] ? "; " : "", e->hint) < 0)
		return -1;
	err_clear(e);
	return 0;
}

/* The first of the mirrors from @from on, and behind them the registry itself, that answers, and lists where it @lists. */
static int open_from(struct source *s, int from, bool lists, struct err *e)
{
	struct registry *reg = s->of;
	const int n = (int)remote_mirrors(s->talk);

	for (int i = from; i <= n; i++) {
		reg->which = i < n ? i : -1;
		if (remote_open(&reg->remote, s->talk, &reg->files, reg->which, "pull", e) == 0) {
			if (!lists || list_from(s, &reg->remote, e) == 0)
				return 0;
			remote_close(&reg->remote);
		}
		if (reg->which < 0 || leave_mirror(s, "a mirror is of no use", e) < 0)
			return -1;
	}
	return -1;
}

static int registry_list(struct source *s, struct err *e)
{
	return open_from(s, 0, true, e);
}

static int to_blob(void *arg, const char *data, size_t n, struct err *e)
{
	struct flight *f = arg;
	struct source *s = f->source;

	if (blob_add(&f->blob, data, n, e) < 0)
		return -1;
	if (f->blob.index != BLOB_QUIET || !f->layer->is_wanted || !talk_is_due(&f->shown_ms))
		return 0;
	return talk_progress(s->talk, source_index(s, f->layer), f->blob.done, f->blob.total, e);
}

static int take_off(struct source *s, struct flight *f, struct source_layer *l, struct err *e)
{
	struct registry *reg = s->of;
	const struct image_layer *im = source_layer_of(s, l);

	/* what a mirror sends is unpacked when all of it is there: it may have to come anew from the next one */
	const uint32_t index = reg->which < 0 ? source_index(s, l) : BLOB_QUIET;

	f->source = s;
	f->layer = l;
	if (blob_begin(&f->blob, &s->place, index, im->digest, im->size, e) < 0)
		return -1;
	f->call = (struct remote_call){ .http = { .method = "GET", .sink = to_blob, .arg = f, .size = im->size } };
	f->call.http.url = remote_url(&reg->remote, "blobs/%s", im->digest);
	return remote_start(&reg->remote, &f->call, e);
}

/* Return: 0 it is through, 1 it goes on, -1 */
static int land(struct source *s, struct flight *f, struct err *e)
{
	struct registry *reg = s->of;
	const struct image_layer *im = source_layer_of(s, f->layer);
	char got[DIGEST_MAX];
	int again = remote_again(&reg->remote, &f->call, e);

	if (again != 0)
		return again;
	if (f->call.http.status != 200 && f->call.http.status != 206)
		return remote_refused(&reg->remote, &f->call, "reading a layer", e);
	if (blob_end(&f->blob, im->digest, got, e) < 0)
		return err_wrap(e, "GET %s", f->call.http.at.shown);
	if (f->blob.index == BLOB_QUIET && f->layer->is_wanted && blob_tell(&s->place, source_index(s, f->layer), got, e) < 0)
		return -1;
	source_brought(s, f->layer, got, im->size);
	blob_fini(&f->blob);
	remote_call_fini(&f->call);
	f->layer = NULL;
	return 0;
}

/* A layer that a mirror does not give is asked for elsewhere, when its others have come. Return: 0, -1 with @e as it was */
static int miss(struct source *s, struct flight *f, struct err *e)
{
	struct registry *reg = s->of;
	AUTO_FREE char *what = NULL;

	if (reg->which < 0 || (e->kind != ERR_PEER && e->kind != ERR_STATE))
		return -1;
	what = str_fmt("the mirror %s does not give layer %zu", reg->remote.registry, (size_t)f->layer->at + 1);
	if (leave_mirror(s, what, e) < 0)
		return -1;
	reg->is_missed[f->layer - s->layers] = true;
	reg->n_missed++;
	blob_fini(&f->blob);
	remote_call_fini(&f->call);
	f->layer = NULL;
	return 0;
}

/* The next one of which nothing is on its way: a layer may be twice in an image. */
static struct source_layer *next_layer(struct source *s, size_t *at)
{
	const struct registry *reg = s->of;
	struct source_layer *l;
	bool is_twin = true;

	while (is_twin && (l = source_next(s, at))) {
		is_twin = reg->is_missed[l - s->layers];
		for (unsigned i = 0; i < reg->n_flights; i++)
			if (reg->flights[i].layer && str_eq(source_layer_of(s, reg->flights[i].layer)->digest, source_layer_of(s, l)->digest))
				is_twin = true;
	}
	return is_twin ? NULL : l;
}

/* All that the remote of now gives. */
static int fetch_here(struct source *s, struct err *e)
{
	struct registry *reg = s->of;
	struct http_call *c;
	size_t at = 0;

	do {
		for (unsigned i = 0; i < reg->n_flights; i++) {
			struct source_layer *l = reg->flights[i].layer ? NULL : next_layer(s, &at);

			if (l && take_off(s, &reg->flights[i], l, e) < 0 && miss(s, &reg->flights[i], e) < 0)
				return -1;
		}
		c = http_next(reg->remote.http);
		if (c && land(s, c->arg, e) < 0 && miss(s, c->arg, e) < 0)
			return -1;
	} while (c);
	return 0;
}

static int registry_fetch(struct source *s, struct err *e)
{
	struct registry *reg = s->of;

	reg->n_flights = remote_connections(s->talk);
	reg->flights = mem_alloc(reg->n_flights * sizeof(*reg->flights));
	reg->is_missed = mem_alloc(s->n_layers * sizeof(*reg->is_missed));
	for (;;) {
		if (fetch_here(s, e) < 0)
			return -1;
		if (!reg->n_missed)
			return 0;
		reg->n_missed = 0;
		memset(reg->is_missed, 0, s->n_layers * sizeof(*reg->is_missed));
		remote_close(&reg->remote);
		if (open_from(s, reg->which + 1, false, e) < 0)
			return -1;
	}
}

static void registry_close(struct source *s)
{
	struct registry *reg = s->of;

	if (!reg)
		return;
	remote_close(&reg->remote);	/* first: what still comes goes to the flights */
	for (unsigned i = 0; i < reg->n_flights; i++) {
		if (!reg->flights[i].layer)
			continue;
		blob_fini(&reg->flights[i].blob);
		remote_call_fini(&reg->flights[i].call);
	}
	free(reg->flights);
	free(reg->is_missed);
	remote_files_fini(&reg->files);
	free(reg);
	s->of = NULL;
}

const struct source_ops SOURCE_OPS_REGISTRY = {
	.kind = "registry",
	.connects = true,
	.open = registry_open,
	.list = registry_list,
	.fetch = registry_fetch,
	.close = registry_close,
};
