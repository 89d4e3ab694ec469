/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_prune.c - images that nobody needs any more */

#include "cli/image_prune.h"

#include <errno.h>
#include <time.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/age.h"
#include "cli/args.h"
#include "cli/filter.h"
#include "run/inmap.h"

int prune_make(struct image_prune *what, const struct args *a, struct err *e)
{
	static const char *const KEYS[] = { "label", "until" };

	*what = (struct image_prune){ .all = a->all, .until = INT64_MAX };
	for (size_t i = 0; i < a->filters.n; i++) {
		const char *value;

		switch (filter_split(a->filters.v[i], KEYS, N_ELEMS(KEYS), &value, e)) {
		case 0:
			strv_add(&what->labels, value);
			break;
		case 1:
			if (filter_time(a->filters.v[i], value, time(NULL), &what->until, e) < 0)
				return -1;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

void prune_fini(struct image_prune *what)
{
	strv_fini(&what->labels);
}

static bool is_meant(const struct image_place *p, const struct image_prune *what, const struct image_entry *entry)
{
	struct image im = { 0 };
	struct err ignored = { 0 };
	int64_t made;
	bool fits;

	if (entry->names.n && !what->all)
		return false;
	if (images_load(&p->images, entry->id, &im, NULL, &ignored) < 0)
		return false;
	made = time_of_text(im.created);
	/* one that does not say when it was made is as old as it is here */
	fits = what->until == INT64_MAX || (made == INT64_MIN ? entry->since : made) < what->until;
	for (size_t i = 0; i < what->labels.n; i++)
		fits = fits && has_label(&im.labels, what->labels.v[i]);
	image_fini(&im);
	return fits;
}

/* 1: it is gone, 0: it is in use, and has its names still, or somebody else removed or named it */
static int remove_image(struct image_place *p, const struct image_entry *entry, struct images_gone *sums, struct err *e)
{
	const struct strv *const lists[] = { &entry->names, &entry->digests };

	/* who uses it is looked for before names */
	if (images_remove(&p->images, entry->id, sums, e) == 0)
		return 1;
	if (e->errnum == EBUSY || e->errnum == ENOENT)
		return 0;
	/* it had no name when it was listed: somebody names it now */
	if (!entry->names.n && !entry->digests.n)
		return e->errnum == EEXIST ? 0 : -1;
	for (size_t i = 0; i < N_ELEMS(lists); i++)
		for (size_t k = 0; k < lists[i]->n; k++)
			if (images_unname(&p->images, lists[i]->v[k], e) < 0 && e->errnum != ENOENT)
				return -1;
	if (images_remove(&p->images, entry->id, sums, e) == 0)
		return 1;
	/* another lichen was quicker, or has just named it */
	if (e->errnum == ENOENT || e->errnum == EEXIST)
		return 0;
	if (e->errnum != EBUSY)
		return -1;
	for (size_t i = 0; i < N_ELEMS(lists); i++)
		for (size_t k = 0; k < lists[i]->n; k++)
			if (images_name(&p->images, lists[i]->v[k], entry->id, NULL, e) < 0)
				return -1;
	return 0;
}

int prune_images(struct image_place *p, const struct image_prune *what, struct strv *gone, struct images_gone *sums, struct err *e)
{
	struct image_list list = { 0 };
	int rc = place_list(p, &list, e);

	for (size_t i = 0; rc >= 0 && i < list.n; i++) {
		if (!is_meant(p, what, &list.v[i]))
			continue;
		rc = remove_image(p, &list.v[i], sums, e);
		if (rc > 0)
			strv_add(gone, list.v[i].id);
	}
	image_list_fini(&list);
	if (rc < 0)
		return -1;
	err_clear(e);
	return p->is_empty ? 0 : images_collect(&p->images, false, in_map, sums, e);
}
