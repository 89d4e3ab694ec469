/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_use.c - an image for a run: its layers are there, or are unpacked for the run's ids from its blobs */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "run/imager_internal.h"
#include "run/internal.h"

static const char WHEN[] = "while the image was being unpacked";

struct use {
	struct images *im;
	const struct image *image;
	const char *cls;
	struct layer_use *v;	/* one a layer, the lowest first, as in the image; path NULL: not held yet */
};

/* How many are still missing; -1 with @e */
static int take_layers(struct use *u, struct err *e)
{
	int missing = 0;

	for (size_t i = 0; i < u->image->n_layers; i++) {
		int rc = u->v[i].path ? 1 : images_use_layer(u->im, u->cls, u->image->layers[i].diff_id, &u->v[i], e);

		if (rc < 0)
			return -1;
		missing += rc == 0;
	}
	return missing;
}

/* Whether layer @i is to be unpacked: one that is there twice is once. */
static bool is_first(const struct use *u, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (str_eq(u->image->layers[k].diff_id, u->image->layers[i].diff_id))
			return false;
	return true;
}

static int no_blob(const struct image_layer *l, struct err *e)
{
	char label[IMAGER_LABEL_MAX];

	err_set(e, ERR_STATE, "layer %s of the image is not unpacked for these ids, and what it is made from is no longer there",
		imager_label(l->digest, label));
	return err_hint(e, "`lichen pull NAME` or `lichen load -i FILE` brings it again");
}

static int give_layers(struct use *u, struct unpacker *p, const struct imager_view *view, struct err *e)
{
	for (size_t i = 0; i < u->image->n_layers; i++) {
		const struct image_layer *l = &u->image->layers[i];
		const bool is_there = u->v[i].path || !is_first(u, i);
		char label[IMAGER_LABEL_MAX];

		if (!is_there && !images_has_blob(u->im, l->digest, l->size))
			return no_blob(l, e);
		if (view && view->layer)
			view->layer(view->arg, (uint32_t)i, imager_label(l->digest, label), l->size, is_there);
		if (is_there)
			continue;
		unpacker_give(p, i, l->digest, l->diff_id, l->size, -1, -1);
	}
	return unpacker_start(p, e);
}

/* What was unpacked must be what the record says: a blob on this disk may have been damaged. */
static int on_made(struct use *u, struct unpacker *p, size_t i, struct err *e)
{
	const struct image_layer *l = &u->image->layers[i];

	if (!str_eq(p->v[i].digest, l->digest) || !str_eq(p->v[i].diff_id, l->diff_id)) {
		err_set(e, ERR_STATE, "the blob of a layer is damaged: %s was expected, and it is %s", l->digest, p->v[i].digest);
		return err_hint(e, "remove the image and bring it again");
	}
	return unpacker_commit(p, i, &u->v[i], e);
}

static int unpack_all(struct use *u, struct unpacker *p, const struct imager_view *view, struct err *e)
{
	struct pollfd fds[IMAGER_WORKERS_MAX];
	size_t which[IMAGER_WORKERS_MAX];

	while (unpacker_is_busy(p)) {
		size_t n = unpacker_poll(p, fds, which);

		if (imager_wait(fds, n, view, WHEN, e) < 0)
			return -1;
		for (size_t k = 0; k < n; k++) {
			int rc = fds[k].revents ? unpacker_hear(p, which[k], e) : 0;

			if (rc < 0 || (rc > 0 && on_made(u, p, which[k], e) < 0))
				return -1;
		}
		if (unpacker_start(p, e) < 0)
			return -1;
	}
	return 0;
}

static int unpack_shown(struct use *u, const struct facts *f, const struct id_map *uids, const struct id_map *gids, int missing,
			const struct imager_view *view, struct err *e)
{
	AUTO_FREE char *text = str_fmt("unpacking %d layer%s for ids %s", missing, missing == 1 ? "" : "s", u->cls);
	struct imager_stop stop;
	struct unpacker p;
	int rc;

	if (imager_stop_begin(&stop, e) < 0)
		return -1;
	images_sweep(u->im, in_map);
	if (view && view->step)
		view->step(view->arg, text);
	rc = unpacker_init(&p, u->im, uids, gids, u->image->n_layers, f->uid, NULL, view, e);
	if (rc == 0)
		rc = give_layers(u, &p, view, e);
	if (rc == 0)
		rc = unpack_all(u, &p, view, e);
	imager_stop_clean(rc);
	unpacker_fini(&p);
	return imager_stop_end(&stop, rc, e);
}

static int unpack(struct use *u, const struct facts *f, const struct id_map *uids, const struct id_map *gids, int missing,
		  const struct imager_view *view, struct err *e)
{
	int rc;

	if (view && view->begin && view->begin(view->arg, e) < 0)
		return -1;
	rc = unpack_shown(u, f, uids, gids, missing, view, e);
	if (view && view->end)
		view->end(view->arg);
	return rc;
}

static int use_layers(struct use *u, const struct facts *f, const struct id_map *uids, const struct id_map *gids,
		      const struct imager_view *view, struct err *e)
{
	int missing = take_layers(u, e);

	if (missing <= 0)
		return missing;
	if (unpack(u, f, uids, gids, missing, view, e) < 0) {
		err_wrap(e, "cannot unpack the image");
		/* a blob that is here is not brought a second time */
		return e->kind == ERR_SPEC && !e->hint[0] ? err_hint(e, "where what lies in the store is damaged, remove the image with "
			"`lichen rmi -f`, then pull or load it again") : -1;
	}
	missing = take_layers(u, e);
	return missing <= 0 ? missing : err_set(e, ERR_STATE, "somebody removed a layer of the image at the same time: try again");
}

int imager_use(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids, const char *id,
	       const struct imager_view *view, struct image *image, int *lock, struct layer_use **lowers, size_t *n, struct err *e)
{
	AUTO_FREE char *cls = images_class(uids, gids, f->uid);
	struct use u = { .im = im, .image = image, .cls = cls };
	int rc;

	if (images_load(im, id, image, lock, e) < 0)
		return -1;
	u.v = mem_grow(NULL, image->n_layers + 1, sizeof(*u.v));
	for (size_t i = 0; i < image->n_layers; i++)
		u.v[i] = (struct layer_use){ .fd = -1 };
	rc = use_layers(&u, f, uids, gids, view, e);
	if (rc == 0) {
		*n = image->n_layers;
		*lowers = mem_grow(NULL, *n + 1, sizeof(**lowers));
		for (size_t i = 0; i < *n; i++)
			(*lowers)[i] = u.v[*n - 1 - i];
	} else {
		for (size_t i = 0; i < image->n_layers; i++)
			layer_use_fini(&u.v[i]);
		image_fini(image);
		if (lock)
			auto_close(lock);
	}
	free(u.v);
	return rc;
}

/* ---- a file of this machine ---- */

/* What of the file is meant: one archive may have several images, for several machines. */
static char *part_of(const struct imager_job *job)
{
	const struct image_source *s = &job->source;
	AUTO_FREE char *name = s->ref.repository ? ref_format(&s->ref) : NULL;

	return str_fmt("%d %s %s %lld %s", (int)s->kind, name ? name : "-", s->tag ? s->tag : "-",
		       s->kind == SOURCE_DOCKER_ARCHIVE ? (long long)s->number : -1LL, job->platform ? job->platform : "-");
}

/* What the open file @fd became before: 1, 0, -1. *@is_file: whether that is ever noted. */
static int find_source(struct images *im, int fd, const char *part, const struct imager_job *job, bool *is_file, char **id, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat", job->source.path, "reading the image");
	*is_file = S_ISREG(st.st_mode);
	return *is_file ? images_find_source(im, fd, part, id, e) : 0;
}

int imager_known_path(struct images *im, const struct imager_job *job, char **id, struct err *e)
{
	AUTO_CLOSE int fd = imager_open_source(&job->source, e);
	AUTO_FREE char *part = part_of(job);
	bool is_file;

	if (fd < 0)
		return -1;
	return im ? find_source(im, fd, part, job, &is_file, id, e) : 0;
}

int imager_path(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids,
		const struct imager_job *job, char **id, struct err *e)
{
	AUTO_FREE char *part = part_of(job);
	AUTO_STRV struct strv ids = { 0 };
	AUTO_CLOSE int fd = imager_open_source(&job->source, e);
	bool is_file;
	int rc;

	if (fd < 0)
		return -1;
	rc = find_source(im, fd, part, job, &is_file, id, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (imager_bring(im, f, uids, gids, job, &ids, e) < 0)
		return -1;
	if (ids.n != 1)
		return err_set(e, ERR_SPEC, "%s has %zu images: say which one", job->source.path, ids.n);
	if (is_file && images_note_source(im, fd, part, ids.v[0], e) < 0)
		return -1;
	*id = str_dup(ids.v[0]);
	return 0;
}

/* ---- ids ---- */

int imager_ids(const struct facts *f, struct id_map *uids, struct id_map *gids, struct err *e)
{
	struct plan_input in = { .is_root = f->is_root };
	struct spec s;
	int rc;

	spec_init(&s);
	s.root.kind = ROOT_IMAGE;
	rc = ids_usual(&in, &s, f, e);
	if (rc == 0) {
		id_map_copy(uids, &in.uids);
		id_map_copy(gids, &in.gids);
	}
	plan_input_fini(&in);
	spec_fini(&s);
	return rc;
}
