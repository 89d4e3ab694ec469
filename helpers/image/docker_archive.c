/* SPDX-License-Identifier: Apache-2.0 */
/* image/docker_archive.c - what docker save and podman save write: manifest.json, and for each image a config and layers
 *
 * A layer is "HEX/layer.tar" (which old dockers made a link to another's), "HEX.tar" (podman, skopeo) or
 * "blobs/sha256/HEX" (docker since 25). It is mostly not compressed: then its digest is its diff id.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "image_config.h"
#include "jsonin.h"
#include "local.h"

enum { REPO_TAGS_MAX = 1000, HEX_LEN = 64 };

/* One of manifest.json. */
struct saved {
	char *config;
	struct strv tags, layers;
};

static void saved_fini(struct saved *d)
{
	free(d->config);
	strv_fini(&d->tags);
	strv_fini(&d->layers);
	*d = (struct saved){ 0 };
}

static int read_saved(const json_t *j, struct saved *d, struct err *e)
{
	if (!json_is_object(j))
		return err_set(e, ERR_STATE, "manifest.json lists what is no object");
	if (jin_str(j, "Config", FILES_NAME_MAX, &d->config, e) < 0 ||
	    jin_list(j, "RepoTags", REPO_TAGS_MAX, FILES_NAME_MAX, &d->tags, e) < 0 ||
	    jin_list(j, "Layers", IMAGE_LAYERS_MAX, FILES_NAME_MAX, &d->layers, e) < 0)
		return err_wrap(e, "manifest.json");
	return d->config ? 0 : err_set(e, ERR_STATE, "manifest.json has an image without \"Config\"");
}

/* ---- names that are digests ---- */

/* "blobs/sha256/HEX" and "HEX.json" say what the file's digest is; "" for other names. */
static void digest_in_name(const char *name, char out[DIGEST_MAX])
{
	const char *hex = str_starts(name, "blobs/sha256/") ? name + strlen("blobs/sha256/") : name;
	size_t n = strspn(hex, "0123456789abcdef");

	out[0] = '\0';
	if (n != HEX_LEN || (hex == name ? !str_eq(hex + n, ".json") : hex[n] != '\0'))
		return;
	str_copy(out, DIGEST_MAX, "sha256:");
	strncat(out, hex, HEX_LEN);
}

/* ---- one image ---- */

/* What can be said of a layer without reading it. */
static int look_at_layer(struct source *s, const char *name, struct image_layer *il, void **where, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	const struct file_entry *fe = files_find(&local_of(s)->files, name, e);
	enum compression c;

	if (!fe || files_open(&local_of(s)->files, fe->name, &r, e) < 0 || reader_compression(&r, &c, e) < 0)
		return -1;
	*where = fe->name;
	if (c == COMPRESSION_NONE || !local_is_kept(c))
		str_copy(il->digest, sizeof(il->digest), il->diff_id);
	else
		digest_in_name(fe->name, il->digest);
	il->size = local_is_kept(c) ? fe->size : 0;
	local_media_type(c, il->media_type);
	return 0;
}

static int add_saved(struct source *s, const struct saved *d, struct err *e)
{
	AUTO_SOURCE_IMAGE struct source_image one = { 0 };
	AUTO_FREE void **wheres = mem_alloc((d->layers.n + 1) * sizeof(*wheres));
	AUTO_FREE char *config = NULL;
	size_t len;

	if (files_read(&local_of(s)->files, d->config, CONFIG_BYTES_MAX, &config, &len, e) < 0 ||
	    config_read(config, len, &one.im, e) < 0)
		return err_wrap(e, "%s", d->config);
	digest_in_name(d->config, one.im.id);
	one.config = ptr_take(&config);
	one.config_len = len;
	if (d->layers.n != one.im.n_layers)
		return err_set(e, ERR_STATE, "manifest.json has %zu layers, %s has %zu", d->layers.n, d->config, one.im.n_layers);
	for (size_t i = 0; i < d->layers.n; i++)
		if (look_at_layer(s, d->layers.v[i], &one.im.layers[i], &wheres[i], e) < 0)
			return -1;
	for (size_t i = 0; i < d->tags.n; i++)
		if (local_name(s, &one.im, d->tags.v[i], e) < 0)
			return -1;
	return source_add(s, &one, wheres, e);
}

/* ---- which ones ---- */

static char *full_name(const char *name)
{
	struct image_ref ref;
	struct err ignored;
	char *out = NULL;

	if (ref_parse(name, &ref, &ignored) == 0) {
		if (!ref.registry)
			ref_set_registry(&ref, "docker.io");
		out = ref_format(&ref);
	}
	ref_fini(&ref);
	return out;
}

static bool is_named(const struct saved *d, const char *name)
{
	AUTO_FREE char *full = full_name(name);

	for (size_t i = 0; i < d->tags.n; i++) {
		AUTO_FREE char *tag = full_name(d->tags.v[i]);

		if (str_eq(d->tags.v[i], name) || (full && str_eq(tag, full)))
			return true;
	}
	return false;
}

static void list_names(const struct saved *v, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n && out->len < 300; i++) {
		buf_addf(out, "%s@%zu", i ? ", " : "", i);
		for (size_t k = 0; k < v[i].tags.n && out->len < 300; k++) {
			buf_add(out, k ? " " : " (");
			buf_add_safe(out, v[i].tags.v[k]);
		}
		buf_add(out, v[i].tags.n ? ")" : "");
	}
}

static int choose(struct source *s, const struct saved *v, size_t n, struct err *e)
{
	const char *ref = talk_str(s->talk, "ref");
	bool has_number = json_is_integer(json_object_get(s->talk->request, "number"));
	uint64_t number = talk_number(s->talk, "number");
	AUTO_BUF struct buf names = { 0 };
	size_t before = s->n_images;

	for (size_t i = 0; i < n; i++) {
		bool is_meant = has_number ? i == number : ref ? is_named(&v[i], ref) : n == 1 || talk_flag(s->talk, "all");

		if (is_meant && add_saved(s, &v[i], e) < 0)
			return -1;
		if (is_meant && !talk_flag(s->talk, "all"))
			return 0;
	}
	if (s->n_images > before)
		return 0;
	list_names(v, n, &names);
	if (n == 0)
		return err_set(e, ERR_STATE, "the archive has no image");
	if (has_number)
		err_set(e, ERR_STATE, "the archive has no image @%" PRIu64, number);
	else if (ref)
		err_set(e, ERR_STATE, "the archive has no image %s", ref);
	else
		err_set(e, ERR_STATE, "the archive has %zu images", n);
	return err_hint(e, "it has %s: docker-archive:FILE:@0 or docker-archive:FILE:NAME says which one is meant", names.s);
}

int docker_list(struct source *s, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json_t *j = NULL;
	struct saved *v;
	json_error_t why;
	size_t len, n, i;
	json_t *item;
	int r = 0;

	if (files_read(&local_of(s)->files, "manifest.json", MANIFEST_BYTES_MAX, &text, &len, e) < 0) {
		if (e->kind == ERR_NOTFOUND)
			err_hint(e, "docker save has written it since 2015; this is another kind of archive");
		e->kind = ERR_STATE;
		return -1;
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(e, ERR_STATE, "manifest.json: line %d: %s", why.line, why.text);
	if (!json_is_array(j) || json_array_size(j) > SOURCE_IMAGES_MAX)
		return err_set(e, ERR_STATE, "manifest.json is no list of at most %d images", SOURCE_IMAGES_MAX);
	n = json_array_size(j);
	v = mem_alloc((n + 1) * sizeof(*v));
	json_array_foreach(j, i, item)
		if (r == 0)
			r = read_saved(item, &v[i], e);
	if (r == 0)
		r = choose(s, v, n, e);
	for (i = 0; i < n; i++)
		saved_fini(&v[i]);
	free(v);
	return r;
}
