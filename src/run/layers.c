/* SPDX-License-Identifier: Apache-2.0 */
/* run/layers.c - an image's layers before the plan is made: whose they are, and their copy */

#include <errno.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/auto.h"
#include "run/internal.h"
#include "steps/copy.h"
#include "steps/merged.h"

/* The kernel's overlay asks no layer's top whether it is opaque. */
static void cut_below_opaque(struct strv *lowers)
{
	for (size_t i = 0; i + 1 < lowers->n; i++) {
		char value = 0;

		if (lgetxattr(lowers->v[i], MERGED_OPAQUE, &value, 1) != 1 || value != 'y')
			continue;
		while (lowers->n > i + 1)
			auto_free(&lowers->v[--lowers->n]);
	}
}

/* What root inside is outside; without one, whoever the first id is. */
static uint32_t top_of(const struct id_map *m)
{
	int64_t root = id_map_outside(m, 0);

	return root >= 0 ? (uint32_t)root : m->n ? m->v[0].outside : 0;
}

int image_look(struct plan_input *in, struct spec *s, const struct facts *f, bool is_dry, struct err *e)
{
	struct stat st;

	cut_below_opaque(&s->root.lowers);
	in->top_uid = top_of(&in->uids);
	in->top_gid = top_of(&in->gids);
	in->owner = !f->is_root && in->top_uid == f->uid ? OWNER_CALLER : OWNER_SUBID;
	if (!s->root.lowers.n)
		return 0;	/* plan_build() says so */
	if (stat(s->root.lowers.v[0], &st) < 0)
		return is_dry ? 0 : err_sys(e, "stat", s->root.lowers.v[0], "the topmost layer of %s", s->root.image);
	in->top_mode = (st.st_mode & 0777) | 0555;
	return 0;
}

struct job {
	const struct copy_layers *layers;
	const char *dst, *owners;
};

static int copy_inside(const void *arg, struct err *e)
{
	const struct job *j = arg;

	return copy_layers(j->layers, j->dst, j->owners, NULL, e);
}

int image_copy(const struct plan_input *in, const struct spec *s, const char *dst, const char *owners, struct err *e)
{
	struct copy_layers layers = { .lowers = &s->root.lowers };
	const struct job j = { &layers, dst, owners };
	int rc;

	/* real root reads everything; who joins other ids is not in a map of its own */
	if (!in->is_root && in->how != IDMAP_JOINED) {
		layers.uids = &in->uids;
		layers.gids = &in->gids;
	}
	rc = layers.uids ? in_map_as_caller(&in->uids, &in->gids, copy_inside, &j, e) : copy_inside(&j, e);
	return rc < 0 ? err_wrap(e, "copying the image") : 0;
}
