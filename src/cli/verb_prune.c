/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_prune.c - `lichen image prune`, `lichen system prune` */

#include <inttypes.h>

#include "base/auto.h"
#include "base/size.h"
#include "cli/args.h"
#include "cli/confirm.h"
#include "cli/help.h"
#include "cli/image_prune.h"
#include "cli/verbs.h"
#include "run/inmap.h"
#include "store/volumes.h"

/* What went. */
struct pruned {
	struct strv images, volumes;
	struct images_gone sums;
	uint64_t volume_bytes;
};

static void pruned_fini(struct pruned *d)
{
	strv_fini(&d->images);
	strv_fini(&d->volumes);
}

static void add_list(struct buf *out, const char *key, const struct strv *list)
{
	buf_addf(out, "\"%s\":[", key);
	for (size_t i = 0; i < list->n; i++) {
		buf_add(out, i ? "," : "");
		buf_add_json(out, list->v[i]);
	}
	buf_add(out, "],");
}

static int print(const struct pruned *d, const struct args *a, struct err *e)
{
	const uint64_t bytes = d->sums.bytes + d->volume_bytes;
	AUTO_BUF struct buf out = { 0 };
	char shown[SIZE_TEXT];

	if (a->json) {
		buf_add(&out, "{");
		add_list(&out, "images", &d->images);
		add_list(&out, "volumes", &d->volumes);
		buf_addf(&out, "\"layers\":%" PRIu64 ",\"blobs\":%" PRIu64 ",\"bytes\":%" PRIu64 "}\n", d->sums.layers, d->sums.blobs, bytes);
		return help_print(&out, e);
	}
	for (size_t i = 0; i < d->images.n; i++)
		buf_addf(&out, "Deleted: %s\n", d->images.v[i]);
	for (size_t i = 0; i < d->volumes.n; i++)
		buf_addf(&out, "Deleted: volume %s\n", d->volumes.v[i]);
	buf_addf(&out, "Freed: %s\n", size_format(bytes, shown));
	return help_print(&out, e);
}

static int prune_volumes(struct image_place *p, struct pruned *d, struct err *e)
{
	struct volumes vs;
	int rc;

	if (volumes_open(&p->store, true, &vs, e) < 0)
		return -1;
	volumes_sweep(&vs, in_map);
	rc = volumes_prune(&vs, NULL, NULL, in_map, &d->volumes, &d->volume_bytes, e);
	volumes_close(&vs);
	return rc;
}

/* @question: what it is going to do */
static int prune(const struct args *a, const char *question, bool is_system, struct err *e)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image_prune what = { 0 };
	struct pruned d = { 0 };
	struct err late = { 0 };
	int rc = prune_make(&what, a, e), yes = 0;

	if (rc == 0)
		rc = yes = confirm(question, a->force, e);
	if (yes > 0) {
		rc = place_open(&p, true, e);
		/* what is used by the dead is used by nobody */
		if (rc == 0) {
			store_sweep(&p.store, in_map);
			place_sweep(&p);
			rc = prune_images(&p, &what, &d.images, &d.sums, e);
		}
		if (rc == 0 && is_system && a->with_volumes)
			rc = prune_volumes(&p, &d, e);
		if (print(&d, a, rc < 0 ? &late : e) < 0)
			rc = -1;
	}
	prune_fini(&what);
	pruned_fini(&d);
	return rc < 0 ? -1 : 0;
}

int verb_image_prune(const struct args *a, int *status, struct err *e)
{
	*status = 0;
	return prune(a, a->all ? "This removes all images that no sandbox uses" : "This removes all images that have no tag and that no sandbox uses", false, e);
}

int verb_system_prune(const struct args *a, int *status, struct err *e)
{
	AUTO_FREE char *question = str_fmt("This removes what dead sandboxes left, all images that %sno sandbox uses%s",
					   a->all ? "" : "have no tag and that ", a->with_volumes ? ", and all volumes that no sandbox uses" : "");

	*status = 0;
	return prune(a, question, true, e);
}
