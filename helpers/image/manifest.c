/* SPDX-License-Identifier: Apache-2.0 */
/* image/manifest.c - manifests and indexes, of OCI and of docker: read and made */

#include "manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "jsonin.h"

enum { ANNOTATIONS_MAX = 1000, ANNOTATION_MAX = 64 << 10 };
#define SIZE_MAX_OF_BLOB (UINT64_C(1) << 50)

static const char NO_IMAGE[] = "what tools keep in a registry beside images (charts, signatures, modules) is brought by the tool that made it";

static void index_entry_fini(struct index_entry *ie)
{
	free(ie->ref_name);
	free(ie->full_name);
}

void manifest_fini(struct manifest *m)
{
	for (size_t i = 0; i < m->n_entries; i++)
		index_entry_fini(&m->entries[i]);
	free(m->entries);
	free(m->layers);
	strv_fini(&m->annotations);
	*m = (struct manifest){ 0 };
}

bool manifest_type_is_image(const char *type)
{
	return str_eq(type, TYPE_OCI_MANIFEST) || str_eq(type, TYPE_DOCKER_MANIFEST);
}

bool manifest_type_is_index(const char *type)
{
	return str_eq(type, TYPE_OCI_INDEX) || str_eq(type, TYPE_DOCKER_LIST);
}

static bool is_schema1(const char *type)
{
	return str_starts(type, "application/vnd.docker.distribution.manifest.v1+");
}

/* ---- reading ---- */

static int read_descriptor(const json_t *o, const char *what, struct descriptor *d, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_STATE, "%s is no object", what);
	if (jin_text(o, "mediaType", d->media_type, sizeof(d->media_type), e) < 0 ||
	    jin_text(o, "digest", d->digest, sizeof(d->digest), e) < 0 || jin_u64(o, "size", SIZE_MAX_OF_BLOB, &d->size, e) < 0)
		return err_wrap(e, "%s", what);
	if (!d->media_type[0])
		return err_set(e, ERR_STATE, "%s has no mediaType", what);
	if (!digest_is_valid(d->digest))
		return err_set(e, ERR_STATE, "%s: \"%s\" is no digest (sha256: or sha512:, and lower-case hexadecimal digits)", what, d->digest);
	if (!json_object_get(o, "size"))
		return err_set(e, ERR_STATE, "%s has no size", what);
	return 0;
}

static int check_config(const struct manifest *m, struct err *e)
{
	const char *type = m->config.media_type;

	if (str_eq(type, TYPE_OCI_CONFIG) || str_eq(type, "application/vnd.docker.container.image.v1+json"))
		return 0;
	err_set(e, ERR_STATE, "this is no image: its config is of the type %s", type);
	return err_hint(e, "%s", NO_IMAGE);
}

static int check_layer(const struct descriptor *d, struct err *e)
{
	const char *type = d->media_type;
	size_t len = strlen(type);

	if (len > 10 && str_eq(type + len - 10, "+encrypted"))
		return err_set(e, ERR_STATE, "a layer is encrypted (%s), and lichen has no keys", type);
	if (str_starts(type, "application/vnd.oci.image.layer.") || str_starts(type, "application/vnd.docker.image.rootfs."))
		return 0;
	err_set(e, ERR_STATE, "this is no image: a layer is of the type %s", type);
	return err_hint(e, "%s", NO_IMAGE);
}

static int read_layers(const json_t *j, struct manifest *m, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (jin_array(j, "layers", IMAGE_LAYERS_MAX, &list, e) < 0)
		return -1;
	m->layers = mem_alloc((json_array_size(list) + 1) * sizeof(*m->layers));
	json_array_foreach(list, i, item)
		if (read_descriptor(item, "a layer", &m->layers[m->n_layers++], e) < 0 || check_layer(&m->layers[i], e) < 0)
			return -1;
	return 0;
}

static int read_platform(const json_t *o, struct platform *p, struct err *e)
{
	const json_t *j;

	if (jin_object(o, "platform", &j, e) < 0 || !j)
		return j ? -1 : 0;
	if (jin_text(j, "os", p->os, sizeof(p->os), e) < 0 || jin_text(j, "architecture", p->arch, sizeof(p->arch), e) < 0 ||
	    jin_text(j, "variant", p->variant, sizeof(p->variant), e) < 0)
		return err_wrap(e, "a platform");
	return 0;
}

static int read_entry(const json_t *o, struct index_entry *ie, struct err *e)
{
	const json_t *notes;
	char type[64] = "";

	if (read_descriptor(o, "an entry", &ie->d, e) < 0 || read_platform(o, &ie->platform, e) < 0 ||
	    jin_object(o, "annotations", &notes, e) < 0)
		return -1;
	if (notes && (jin_str(notes, "org.opencontainers.image.ref.name", ANNOTATION_MAX, &ie->ref_name, e) < 0 ||
		      jin_str(notes, "io.containerd.image.name", ANNOTATION_MAX, &ie->full_name, e) < 0 ||
		      jin_text(notes, "vnd.docker.reference.type", type, sizeof(type), e) < 0))
		return -1;
	ie->is_aside = type[0] || str_eq(ie->platform.os, "unknown") ||
		       (!manifest_type_is_image(ie->d.media_type) && !manifest_type_is_index(ie->d.media_type));
	return 0;
}

static int read_entries(const json_t *j, struct manifest *m, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (jin_array(j, "manifests", INDEX_ENTRIES_MAX, &list, e) < 0)
		return -1;
	m->entries = mem_alloc((json_array_size(list) + 1) * sizeof(*m->entries));
	json_array_foreach(list, i, item)
		if (read_entry(item, &m->entries[m->n_entries++], e) < 0)
			return -1;
	return 0;
}

/* ---- what it is ---- */

/* The content type without parameters; "" for one that says nothing about manifests. */
static void clean_type(const char *type, char out[MEDIA_TYPE_MAX])
{
	size_t n = type ? strcspn(type, "; \t") : 0;

	out[0] = '\0';
	if (n == 0 || n >= MEDIA_TYPE_MAX)
		return;
	memcpy(out, type, n);
	out[n] = '\0';
	if (!manifest_type_is_image(out) && !manifest_type_is_index(out) && !is_schema1(out))
		out[0] = '\0';
}

/* One text must not be two things, one for who believes the header and one for who looks at the keys (CVE-2021-41190). */
static int tell_type(const json_t *j, const char *type, struct manifest *m, struct err *e)
{
	bool has_layers = json_object_get(j, "layers") || json_object_get(j, "config"), has_entries = json_object_get(j, "manifests");
	char came_as[MEDIA_TYPE_MAX];

	clean_type(type, came_as);
	if (jin_text(j, "mediaType", m->media_type, sizeof(m->media_type), e) < 0)
		return -1;
	if (has_layers && has_entries)
		return err_set(e, ERR_STATE, "it has layers and manifests at once: nobody can say whether it is an image or an index");
	if (!has_layers && !has_entries)
		return err_set(e, ERR_STATE, "it has neither layers nor manifests");
	if (m->media_type[0] && !manifest_type_is_image(m->media_type) && !manifest_type_is_index(m->media_type)) {
		err_set(e, ERR_STATE, "this is no image: it is of the type %s", m->media_type);
		return err_hint(e, "%s", NO_IMAGE);
	}
	if (m->media_type[0] && came_as[0] && !str_eq(m->media_type, came_as))
		return err_set(e, ERR_STATE, "it says of itself that it is %s, and came as %s", m->media_type, came_as);
	if (!m->media_type[0])
		str_copy(m->media_type, sizeof(m->media_type), came_as[0] ? came_as : has_entries ? TYPE_OCI_INDEX : TYPE_OCI_MANIFEST);
	m->is_index = manifest_type_is_index(m->media_type);
	if (m->is_index != has_entries)
		return err_set(e, ERR_STATE, "it is said to be %s, and has %s", m->media_type, has_entries ? "manifests" : "layers");
	return 0;
}

static int check_schema(const json_t *j, const char *type, struct err *e)
{
	uint64_t version;

	if (jin_u64(j, "schemaVersion", 1000, &version, e) < 0)
		return -1;
	if (version == 1 || (type && is_schema1(type)) || json_object_get(j, "fsLayers")) {
		err_set(e, ERR_STATE, "this image is in docker's format of 2014 (schema 1), which says neither sizes nor what the layers are");
		return err_hint(e, "make it anew: docker pull and docker push of today do");
	}
	return version == 2 ? 0 : err_set(e, ERR_STATE, "\"schemaVersion\" is not 2");
}

int manifest_read(const char *json, size_t len, const char *type, struct manifest *m, struct err *e)
{
	AUTO_JSON json_t *j = jin_load(json, len, MANIFEST_BYTES_MAX, e);
	const json_t *config;
	int r;

	*m = (struct manifest){ 0 };
	if (!j || check_schema(j, type, e) < 0 || tell_type(j, type, m, e) < 0)
		return err_wrap(e, "the manifest");
	r = jin_map(j, "annotations", ANNOTATIONS_MAX, ANNOTATION_MAX, &m->annotations, e);
	if (r == 0 && m->is_index) {
		r = read_entries(j, m, e);
	} else if (r == 0) {
		r = jin_object(j, "config", &config, e);
		if (r == 0)
			r = read_descriptor(config, "the config", &m->config, e);
		if (r == 0)
			r = check_config(m, e);
		if (r == 0)
			r = read_layers(j, m, e);
	}
	if (r == 0)
		return 0;
	manifest_fini(m);
	return err_wrap(e, "the manifest");
}

/* ---- making ---- */

static void add_descriptor(struct buf *out, const char *type, const char *digest, uint64_t size)
{
	buf_add(out, "{\"mediaType\":");
	buf_add_json(out, type);
	buf_addf(out, ",\"digest\":\"%s\",\"size\":%" PRIu64 "}", digest, size);
}

void manifest_make(const struct image *im, size_t config_len, struct buf *out)
{
	buf_addf(out, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":", TYPE_OCI_MANIFEST);
	add_descriptor(out, TYPE_OCI_CONFIG, im->id, config_len);
	buf_add(out, ",\"layers\":[");
	for (size_t i = 0; i < im->n_layers; i++) {
		buf_add(out, i ? "," : "");
		add_descriptor(out, im->layers[i].media_type, im->layers[i].digest, im->layers[i].size);
	}
	buf_add(out, "]}");
}
