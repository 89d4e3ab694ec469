/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink_oci.c - an OCI image layout, as a directory or an archive: the blobs as they are, and an index
 *
 * An image's name stands in io.containerd.image.name, in full; in org.opencontainers.image.ref.name stands
 * its tag, which is what skopeo and umoci ask for (oci:DIR:TAG), and where two images have the same tag the full name.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/str.h"
#include "manifest.h"
#include "sink.h"

static int write_blob(struct sink *s, const char *digest, bool is_layer, struct err *e)
{
	AUTO_FREE char *name = str_fmt("blobs/%s", digest);

	AUTO_FREE char *dir = str_fmt("blobs/%.*s/", (int)strcspn(digest, ":"), digest);

	*strchr(name, ':') = '/';
	if (sink_dir(s, "blobs/", e) < 0 || sink_dir(s, dir, e) < 0)
		return -1;
	return sink_blob(s, name, digest, is_layer, e);
}

static char *tag_of(const char *name)
{
	struct image_ref ref;
	struct err ignored;
	char *out = NULL;

	if (ref_parse(name, &ref, &ignored) == 0)
		out = str_dup(ref.tag ? ref.tag : "latest");
	ref_fini(&ref);
	return out;
}

static bool is_tag_shared(const struct sink *s, const char *tag, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < s->v[i].names.n; k++) {
			AUTO_FREE char *other = tag_of(s->v[i].names.v[k]);

			if (str_eq(other, tag) && !str_eq(s->v[i].names.v[k], name))
				return true;
		}
	return false;
}

static void add_entry(const struct sink *s, const struct sink_image *one, const char *type, size_t size, const char *name, struct buf *b)
{
	AUTO_FREE char *tag = name ? tag_of(name) : NULL;

	buf_addf(b, "%s{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu", b->s[b->len - 1] == '[' ? "" : ",", type, one->im.manifest, size);
	if (name) {
		buf_add(b, ",\"annotations\":{\"io.containerd.image.name\":");
		buf_add_json(b, name);
		buf_add(b, ",\"org.opencontainers.image.ref.name\":");
		buf_add_json(b, tag && !is_tag_shared(s, tag, name) ? tag : name);
		buf_add(b, "}");
	}
	if (one->im.os && one->im.architecture) {
		buf_add(b, ",\"platform\":{\"architecture\":");
		buf_add_json(b, one->im.architecture);
		buf_add(b, ",\"os\":");
		buf_add_json(b, one->im.os);
		if (one->im.variant && one->im.variant[0]) {
			buf_add(b, ",\"variant\":");
			buf_add_json(b, one->im.variant);
		}
		buf_add(b, "}");
	}
	buf_add(b, "}");
}

static int write_image(struct sink *s, const struct sink_image *one, struct buf *index, struct err *e)
{
	AUTO_MANIFEST struct manifest m = { 0 };
	AUTO_FREE char *text = NULL;
	size_t len;

	if (sink_read(s, one->im.manifest, &text, &len, e) < 0 || manifest_read(text, len, NULL, &m, e) < 0)
		return -1;
	for (size_t i = 0; i < one->im.n_layers; i++)
		if (write_blob(s, one->im.layers[i].digest, true, e) < 0)
			return -1;
	if (write_blob(s, one->im.id, false, e) < 0 || write_blob(s, one->im.manifest, false, e) < 0)
		return -1;
	for (size_t i = 0; i < one->names.n || i == 0; i++)
		add_entry(s, one, m.media_type, len, one->names.n ? one->names.v[i] : NULL, index);
	return 0;
}

static int write_layout(struct sink *s, struct err *e)
{
	static const char LAYOUT[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO_BUF struct buf index = { 0 };

	if (sink_text(s, "oci-layout", LAYOUT, sizeof(LAYOUT) - 1, e) < 0) {
		if (e->errnum == EEXIST)
			err_hint(e, "the directory has an image layout already: name a new one");
		return -1;
	}
	buf_addf(&index, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[", TYPE_OCI_INDEX);
	for (size_t i = 0; i < s->n; i++)
		if (write_image(s, &s->v[i], &index, e) < 0)
			return -1;
	buf_add(&index, "]}");
	return sink_text(s, "index.json", index.s, index.len, e);
}

const struct sink_ops SINK_OPS_OCI_ARCHIVE = { .kind = "oci-archive", .write = write_layout };
const struct sink_ops SINK_OPS_OCI = { .kind = "oci", .to_dir = true, .write = write_layout };
