/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_filter.c - which images `images` lists */

#include "cli/image_filter.h"

#include <fnmatch.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "cli/age.h"
#include "cli/args.h"
#include "cli/filter.h"

/* When the image was made that @word means. */
static int time_of(struct image_place *p, const char *word, int64_t *out, struct err *e)
{
	AUTO_FREE char *id = NULL;
	struct image im = { 0 };

	if (place_need(p, word, &id, NULL, e) < 0 || images_load(&p->images, id, &im, NULL, e) < 0)
		return err_wrap(e, "--filter");
	*out = time_of_text(im.created);
	image_fini(&im);
	return 0;
}

static int take(struct image_filter *f, struct image_place *p, const char *text, struct err *e)
{
	static const char *const KEYS[] = { "reference", "before", "since", "until", "dangling", "label" };
	const char *value = strchr(text, '='), *near;
	AUTO_FREE char *key = str_dupn(text, strcspn(text, "="));

	value = value ? value + 1 : "";
	if (str_eq(key, "label") && *value) {
		strv_add(&f->labels, value);
		return 0;
	}
	if (str_eq(key, "reference") && *value) {
		strv_add(&f->references, value);
		return 0;
	}
	if (str_eq(key, "before") && *value)
		return time_of(p, value, &f->before, e);
	if (str_eq(key, "since") && *value)
		return time_of(p, value, &f->since, e);
	if (str_eq(key, "until") && *value)
		return filter_time(text, value, time(NULL), &f->until, e);
	if (str_eq(key, "dangling") && (str_eq(value, "true") || str_eq(value, "false") || str_eq(value, "1") || str_eq(value, "0"))) {
		f->dangling = str_eq(value, "true") || str_eq(value, "1");
		return 0;
	}
	near = str_nearest(key, KEYS, N_ELEMS(KEYS));
	err_set(e, ERR_USAGE, "--filter %s: expected reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME, dangling=true or "
			       "false, or label=KEY[=VALUE]", text);
	return near && !str_eq(near, key) ? err_hint(e, "did you mean %s= ?", near) : -1;
}

int filter_make(struct image_filter *f, struct image_place *p, const struct args *a, struct err *e)
{
	*f = (struct image_filter){ .before = INT64_MAX, .until = INT64_MAX, .since = INT64_MIN, .dangling = -1 };
	for (size_t i = 0; i < a->filters.n; i++)
		if (take(f, p, a->filters.v[i], e) < 0)
			return -1;
	if (a->n_operands)
		strv_add(&f->references, a->operands[0]);
	return 0;
}

void filter_fini(struct image_filter *f)
{
	strv_fini(&f->references);
	strv_fini(&f->labels);
}

bool filter_takes(const struct image_filter *f, const struct image_entry *entry, const struct image *im)
{
	const int64_t made = time_of_text(im->created);

	for (size_t i = 0; i < f->labels.n; i++)
		if (!has_label(&im->labels, f->labels.v[i]))
			return false;
	if (f->dangling >= 0 && f->dangling != !entry->names.n)
		return false;
	/* one that does not say when it was made is as old as it is here, as for prune */
	if (f->until != INT64_MAX && (made == INT64_MIN ? entry->since : made) >= f->until)
		return false;
	return (f->before == INT64_MAX || made < f->before) && (f->since == INT64_MIN || made > f->since);
}

/* A pattern fits a name with its tag or without, whole or as people say it. */
static bool fits(const char *pattern, const char *full)
{
	AUTO_FREE char *familiar = familiar_name(full);
	const char *const names[] = { full, familiar };

	for (size_t i = 0; i < N_ELEMS(names); i++) {
		const char *slash = strrchr(names[i], '/'), *behind = slash ? slash : names[i];
		AUTO_FREE char *bare = str_dupn(names[i], (size_t)(behind - names[i]) + strcspn(behind, ":@"));

		if (fnmatch(pattern, names[i], FNM_PATHNAME) == 0 || fnmatch(pattern, bare, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

bool filter_takes_name(const struct image_filter *f, const char *full)
{
	for (size_t i = 0; full && i < f->references.n; i++)
		if (fits(f->references.v[i], full))
			return true;
	return !f->references.n;
}
