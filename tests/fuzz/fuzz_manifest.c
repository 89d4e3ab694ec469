/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_manifest.c - manifest_read() of anything: what it takes is whole, and one thing only, whatever it came as */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_index(const struct manifest *m)
{
	struct platform want;
	struct err e = { 0 };
	size_t at = m->n_entries;

	must(m->n_layers == 0 && m->n_entries <= INDEX_ENTRIES_MAX);
	must(platform_parse("linux/arm/v7", &want, &e) == 0);
	if (index_choose(m, &want, &at, &e) < 0)
		must(e.kind == ERR_STATE && e.what[0]);
	else
		must(at < m->n_entries && digest_is_valid(m->entries[at].d.digest) && !m->entries[at].is_aside);
}

/* Return: 0 refused, 1 an image, 2 an index */
static int read_as(const char *text, size_t len, const char *type)
{
	struct manifest m;
	struct err e = { 0 };
	int what;

	if (manifest_read(text, len, type, &m, &e) < 0) {
		must(e.kind == ERR_STATE && e.what[0]);
		return 0;
	}
	must(m.is_index == manifest_type_is_index(m.media_type) && m.is_index != manifest_type_is_image(m.media_type));
	must(m.is_index || (digest_is_valid(m.config.digest) && m.n_layers <= IMAGE_LAYERS_MAX));
	for (size_t i = 0; i < m.n_layers; i++)
		must(digest_is_valid(m.layers[i].digest) && m.layers[i].media_type[0]);
	if (m.is_index)
		check_index(&m);
	what = 1 + m.is_index;
	manifest_fini(&m);
	return what;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const TYPES[] = { NULL, TYPE_OCI_MANIFEST, TYPE_OCI_INDEX, TYPE_DOCKER_MANIFEST, TYPE_DOCKER_LIST };
	int what = 0;

	for (size_t i = 0; i < N_ELEMS(TYPES); i++) {
		int now = read_as((const char *)data, size, TYPES[i]);

		must(!now || !what || now == what);
		what = now ? now : what;
	}
	return 0;
}
