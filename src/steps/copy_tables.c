/* SPDX-License-Identifier: Apache-2.0 */
/* steps/copy_tables.c - what a copy remembers: files with several names, and what upper layers hide */

#include <stdlib.h>

#include "base/sys.h"
#include "steps/copy_internal.h"

/* ---- files with several names ---- */

static struct link_row *links_slot(const struct links *l, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino ^ (ino_t)dev << 17) * 0x9e3779b97f4a7c15u) & (l->cap - 1);

	while (l->v[i].path && (l->v[i].dev != dev || l->v[i].ino != ino))
		i = (i + 1) & (l->cap - 1);
	return &l->v[i];
}

const char *copy_links_find(const struct links *l, const struct stat *st)
{
	return l->cap ? links_slot(l, st->st_dev, st->st_ino)->path : NULL;
}

void copy_links_add(struct links *l, const struct stat *st, const char *path)
{
	if (2 * (l->n + 1) > l->cap) {
		struct links bigger = { .cap = l->cap ? 2 * l->cap : 256, .n = l->n };

		bigger.v = mem_alloc(bigger.cap * sizeof(*bigger.v));
		for (size_t i = 0; i < l->cap; i++)
			if (l->v[i].path)
				*links_slot(&bigger, l->v[i].dev, l->v[i].ino) = l->v[i];
		free(l->v);
		*l = bigger;
	}
	*links_slot(l, st->st_dev, st->st_ino) =
		(struct link_row){ .dev = st->st_dev, .ino = st->st_ino, .path = str_dup(path) };
	l->n++;
}

void copy_links_fini(struct links *l)
{
	for (size_t i = 0; i < l->cap; i++)
		free(l->v[i].path);
	free(l->v);
	*l = (struct links){ 0 };
}

/* ---- what upper layers hide ---- */

static struct hidden_row *hidden_slot(const struct hidden *h, const char *path)
{
	size_t hash = 5381;

	for (const char *s = path; *s; s++)
		hash = hash * 33 ^ (unsigned char)*s;
	hash *= 0x9e3779b97f4a7c15u;
	for (hash >>= 16;; hash++)
		if (!h->v[hash & (h->cap - 1)].path || str_eq(h->v[hash & (h->cap - 1)].path, path))
			return &h->v[hash & (h->cap - 1)];
}

bool copy_is_hidden(const struct hidden *h, const char *path, size_t layer)
{
	const struct hidden_row *row = h->n ? hidden_slot(h, path) : NULL;

	return row && row->path && row->layer < layer;
}

/* The topmost layer that hides it counts, and comes first. */
void copy_hide(struct hidden *h, const char *path, size_t layer)
{
	struct hidden_row *row;

	if (2 * (h->n + 1) > h->cap) {
		struct hidden bigger = { .cap = h->cap ? 2 * h->cap : 256, .n = h->n };

		bigger.v = mem_alloc(bigger.cap * sizeof(*bigger.v));
		for (size_t i = 0; i < h->cap; i++)
			if (h->v[i].path)
				*hidden_slot(&bigger, h->v[i].path) = h->v[i];
		free(h->v);
		*h = bigger;
	}
	row = hidden_slot(h, path);
	if (row->path)
		return;
	*row = (struct hidden_row){ .path = str_dup(path), .layer = layer };
	h->n++;
}

void copy_hidden_fini(struct hidden *h)
{
	for (size_t i = 0; i < h->cap; i++)
		free(h->v[i].path);
	free(h->v);
	*h = (struct hidden){ 0 };
}
