/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink_docker.c - the archive that docker load, podman load and skopeo read
 *
 * As skopeo writes it: "HEX.tar" for each layer by its diff id, "HEX.json" for each config, manifest.json last. Layers are not
 * compressed: docker's image specification says so, and readers that trust it (they are older, or compare a file's digest with
 * the diff id) fail on compressed ones, though docker, containerd and podman of today take both.
 */

#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "sink.h"

static char *file_of(const char *digest, const char *end)
{
	return str_fmt("%s%s", strchr(digest, ':') + 1, end);
}

static void add_list(struct buf *b, const char *key, const struct strv *sv)
{
	buf_addf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < sv->n; i++) {
		buf_add(b, i ? "," : "");
		buf_add_json(b, sv->v[i]);
	}
	buf_add(b, "]");
}

static int write_image(struct sink *s, const struct sink_image *one, struct buf *manifest, struct err *e)
{
	AUTO_FREE char *config = file_of(one->im.id, ".json");
	AUTO_STRV struct strv layers = { 0 };

	for (size_t i = 0; i < one->im.n_layers; i++) {
		strv_add_take(&layers, file_of(one->im.layers[i].diff_id, ".tar"));
		if (sink_tar(s, layers.v[i], &one->im.layers[i], e) < 0)
			return -1;
	}
	if (sink_blob(s, config, one->im.id, false, e) < 0)
		return -1;
	buf_addf(manifest, "%s{\"Config\":\"%s\"", manifest->len > 1 ? "," : "", config);
	add_list(manifest, "RepoTags", &one->names);
	add_list(manifest, "Layers", &layers);
	buf_add(manifest, "}");
	return 0;
}

static int write_archive(struct sink *s, struct err *e)
{
	AUTO_BUF struct buf manifest = { 0 };

	buf_add(&manifest, "[");
	for (size_t i = 0; i < s->n; i++)
		if (write_image(s, &s->v[i], &manifest, e) < 0)
			return -1;
	buf_add(&manifest, "]\n");
	return sink_text(s, "manifest.json", manifest.s, manifest.len, e);
}

const struct sink_ops SINK_OPS_DOCKER_ARCHIVE = { .kind = "docker-archive", .write = write_archive };
