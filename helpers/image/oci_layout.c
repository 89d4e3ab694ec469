/* SPDX-License-Identifier: Apache-2.0 */
/* image/oci_layout.c - an OCI image layout, a directory or an archive of one: index.json, and blobs by digest */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "image_config.h"
#include "local.h"

/* A small blob, which is what its descriptor says. */
static int read_blob(struct source *s, const struct descriptor *d, size_t max, char **out, size_t *len, struct err *e)
{
	AUTO_FREE char *name = str_fmt("blobs/%s", d->digest);
	char got[DIGEST_MAX];

	*strchr(name, ':') = '/';
	if (d->size > max)
		return err_set(e, ERR_STATE, "%s has %" PRIu64 " bytes; at most %zu are read", name, d->size, max);
	if (files_read(&local_of(s)->files, name, max, out, len, e) < 0) {
		e->kind = ERR_STATE;
		return -1;
	}
	if (*len != d->size)
		return err_set(e, ERR_STATE, "%s has %zu bytes, and was said to have %" PRIu64, name, *len, d->size);
	if (digest_of(*out, *len, d->digest, got, e) < 0)
		return -1;
	return str_eq(got, d->digest) ? 0 : err_set(e, ERR_STATE, "%s is not what its digest says: it is %s", name, got);
}

/* The names that the index has for it; a bare tag is none. */
static int add_names(struct source *s, struct image *im, const struct index_entry *ie, struct err *e)
{
	const char *name = ie->full_name ? ie->full_name : ie->ref_name;

	return name && (ie->full_name || strchr(name, '/')) ? local_name(s, im, name, e) : 0;
}

static int add_image(struct source *s, const struct index_entry *named, struct manifest *m, const struct descriptor *d, char **text,
		     size_t len, struct err *e)
{
	AUTO_SOURCE_IMAGE struct source_image one = { 0 };
	AUTO_FREE char *config = NULL;
	size_t config_len;

	if (read_blob(s, &m->config, CONFIG_BYTES_MAX, &config, &config_len, e) < 0 || config_read(config, config_len, &one.im, e) < 0 ||
	    config_layers(&one.im, m, e) < 0)
		return -1;
	str_copy(one.im.manifest, sizeof(one.im.manifest), d->digest);
	one.config = ptr_take(&config);
	one.config_len = config_len;
	one.manifest = ptr_take(text);
	one.manifest_len = len;
	if (add_names(s, &one.im, named, e) < 0)
		return -1;
	return source_add(s, &one, NULL, e);
}

/* Follows indexes down to the image for the platform. */
static int add_entry(struct source *s, const struct index_entry *named, struct err *e)
{
	struct descriptor d = named->d;

	for (int depth = 0; depth < INDEX_DEPTH_MAX; depth++) {
		AUTO_MANIFEST struct manifest m = { 0 };
		AUTO_FREE char *text = NULL;
		size_t len, at = 0;

		if (read_blob(s, &d, MANIFEST_BYTES_MAX, &text, &len, e) < 0 || manifest_read(text, len, d.media_type, &m, e) < 0)
			return -1;
		if (!m.is_index)
			return add_image(s, named, &m, &d, &text, len, e);
		if (index_choose(&m, &s->platform, &at, e) < 0)
			return -1;
		d = m.entries[at].d;
	}
	return err_set(e, ERR_STATE, "there are more than %d indexes within each other", INDEX_DEPTH_MAX);
}

/* ---- which ones ---- */

static bool is_one_name(const struct index_entry *a, const struct index_entry *b)
{
	return str_eq(a->ref_name, b->ref_name) && str_eq(a->full_name, b->full_name);
}

static bool is_meant(const struct index_entry *ie, const char *tag)
{
	return !ie->is_aside && (!tag || str_eq(ie->ref_name, tag) || str_eq(ie->full_name, tag));
}

/* Of the entries with the name of the @first the one for the platform. */
static int add_named(struct source *s, const struct manifest *index, size_t first, struct err *e)
{
	struct manifest same = { .is_index = true, .entries = mem_alloc(index->n_entries * sizeof(*same.entries)) };
	size_t at = 0;
	int r = 0;

	for (size_t i = first; i < index->n_entries; i++)
		if (!index->entries[i].is_aside && is_one_name(&index->entries[i], &index->entries[first]))
			same.entries[same.n_entries++] = index->entries[i];	/* borrows its texts */
	if (same.n_entries > 1)
		r = index_choose(&same, &s->platform, &at, e);
	if (r == 0)
		r = add_entry(s, &same.entries[at], e);
	free(same.entries);
	return r;
}

static void list_tags(const struct manifest *index, struct buf *out)
{
	for (size_t i = 0; i < index->n_entries && out->len < 300; i++) {
		const struct index_entry *ie = &index->entries[i];

		if (ie->is_aside)
			continue;
		buf_add(out, out->len ? ", " : "");
		buf_add_safe(out, ie->ref_name ? ie->ref_name : ie->full_name ? ie->full_name : "one without a name");
	}
}

static int choose(struct source *s, const struct manifest *index, struct err *e)
{
	const char *tag = talk_str(s->talk, "tag");
	AUTO_FREE size_t *firsts = mem_alloc((index->n_entries + 1) * sizeof(*firsts));
	AUTO_BUF struct buf tags = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < index->n_entries; i++) {
		bool is_new = is_meant(&index->entries[i], tag);

		for (size_t k = 0; is_new && k < n; k++)
			is_new = !is_one_name(&index->entries[firsts[k]], &index->entries[i]);
		if (is_new)
			firsts[n++] = i;
	}
	list_tags(index, &tags);
	if (n == 0 && tag) {
		err_set(e, ERR_STATE, "there is no image %s in it", tag);
		return err_hint(e, "there is %s", tags.len ? tags.s : "none at all");
	}
	if (n == 0)
		return err_set(e, ERR_STATE, "there is no image in it");
	if (n > 1 && !talk_flag(s->talk, "all")) {
		err_set(e, ERR_STATE, "there are %zu images in it", n);
		return err_hint(e, "there are %s: a name behind a colon, as in oci:DIR:NAME, says which one is meant", tags.s);
	}
	for (size_t i = 0; i < n; i++)
		if (add_named(s, index, firsts[i], e) < 0)
			return -1;
	return 0;
}

int oci_list(struct source *s, struct err *e)
{
	AUTO_MANIFEST struct manifest index = { 0 };
	AUTO_FREE char *text = NULL;
	size_t len;

	if (files_read(&local_of(s)->files, "index.json", MANIFEST_BYTES_MAX, &text, &len, e) < 0) {
		if (e->kind == ERR_NOTFOUND)
			err_hint(e, "an OCI image layout has oci-layout, index.json and blobs/");
		e->kind = ERR_STATE;
		return -1;
	}
	if (manifest_read(text, len, TYPE_OCI_INDEX, &index, e) < 0)
		return err_wrap(e, "index.json");
	return choose(s, &index, e);
}
