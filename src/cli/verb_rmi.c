/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_rmi.c - lichen rmi, tag: names of images, and their end */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/each.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/verbs.h"
#include "run/inmap.h"

enum { CONFIG_MAX = 1 << 22 };

struct removal {
	const struct args *a;
	struct image_place place;
	bool has_gone;		/* of some image there is nothing left but layers and blobs */
};

/* ---- who uses it ---- */

static bool mentions(const char *dir, const void *id)
{
	AUTO_FREE char *file = str_fmt("%s/config.json", dir), *text = NULL;

	return fd_read_file(AT_FDCWD, file, CONFIG_MAX, &text, NULL) == 0 && strstr(text, id);
}

static int in_use(struct image_place *p, const char *word, const char *id, struct err *e)
{
	AUTO_STRV struct strv users = { 0 };
	AUTO_BUF struct buf list = { 0 };

	store_users(&p->store, mentions, id, &users);
	for (size_t i = 0; i < users.n; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", users.v[i]);
	/* not known: another lichen unpacks or sends it */
	if (users.n)
		err_set(e, ERR_STATE, "the image '%s' is in use by %s", word, list.s);
	else
		err_set(e, ERR_STATE, "the image '%s' is in use by another lichen, which runs, brings or sends it", word);
	e->errnum = EBUSY;
	return err_hint(e, "stop it first; with -f the image loses its names now, and 'lichen rmi' of its id removes it later");
}

/* ---- removing ---- */

static int say(const char *what, const char *name, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	buf_addf(&out, "%s: %s\n", what, name);
	return help_print(&out, e);
}

/* All names of the image. */
static int names_of(struct image_place *p, const char *id, struct strv *tags, struct strv *digests, struct err *e)
{
	struct image_list list;

	if (place_list(p, &list, e) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (str_eq(list.v[i].id, id)) {
			strv_copy(tags, &list.v[i].names);
			strv_copy(digests, &list.v[i].digests);
		}
	image_list_fini(&list);
	return 0;
}

static int untag(struct image_place *p, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		AUTO_FREE char *name = familiar_name(names->v[i]);

		if (images_unname(&p->images, names->v[i], e) < 0 || say("Untagged", name, e) < 0)
			return -1;
	}
	return 0;
}

/* Takes away @gone, after which the image has no name; what is in use gets them back, but with -f. */
static int remove_all(struct removal *r, const char *word, const char *id, const struct strv *gone, struct err *e)
{
	struct images_gone sums = { 0 };
	struct err why = { 0 };

	for (size_t i = 0; i < gone->n; i++)
		/* another lichen may have taken it away meanwhile */
		if (images_unname(&r->place.images, gone->v[i], e) < 0 && e->errnum != ENOENT)
			return -1;
	err_clear(e);
	if (images_remove(&r->place.images, id, &sums, &why) < 0 && why.errnum == EBUSY && !r->a->force) {
		for (size_t i = 0; i < gone->n; i++)
			if (images_name(&r->place.images, gone->v[i], id, NULL, e) < 0)
				return -1;
		return in_use(&r->place, word, id, e);
	}
	for (size_t i = 0; i < gone->n; i++) {
		AUTO_FREE char *name = familiar_name(gone->v[i]);

		if (say("Untagged", name, e) < 0)
			return -1;
	}
	if (why.kind && why.errnum == EBUSY) {
		(void)!in_use(&r->place, word, id, &why);
		log_warn("%s; it has no name any more", why.what);
		return 0;
	}
	/* another lichen was quicker, or has named it anew meanwhile: these names are gone all the same */
	if (why.kind && gone->n && (why.errnum == ENOENT || why.errnum == EEXIST))
		return 0;
	if (why.kind) {
		*e = why;
		return -1;
	}
	r->has_gone = true;
	return say("Deleted", id, e);
}

/* One of several names goes, and nothing else. */
static int remove_name(struct removal *r, const char *name, struct err *e)
{
	AUTO_STRV struct strv one = { 0 };

	strv_add(&one, name);
	return untag(&r->place, &one, e);
}

static int several_names(const char *word, const struct strv *tags, struct err *e)
{
	AUTO_BUF struct buf list = { 0 };

	for (size_t i = 0; i < tags->n; i++) {
		AUTO_FREE char *name = familiar_name(tags->v[i]);

		buf_addf(&list, "%s%s", i ? ", " : "", name);
	}
	err_set(e, ERR_STATE, "the image '%s' has several names: %s", word, list.s);
	return err_hint(e, "remove them one by one, or all of them with -f");
}

static int remove_one(const char *word, void *arg, struct err *e)
{
	struct removal *r = arg;
	AUTO_FREE char *id = NULL, *name = NULL;
	AUTO_STRV struct strv tags = { 0 }, digests = { 0 };
	int rc = place_find(&r->place, word, &id, &name, e);

	if (rc <= 0)
		return rc < 0 ? -1 : r->a->force ? 0 : place_missing(&r->place, word, e);
	if (names_of(&r->place, id, &tags, &digests, e) < 0)
		return -1;
	if (name && !r->a->force && tags.n > (strv_has(&tags, name) ? 1 : 0))
		return remove_name(r, name, e);
	if (!name && tags.n > 1 && !r->a->force)
		return several_names(word, &tags, e);
	if (name && r->a->force && tags.n > 1)
		return remove_name(r, name, e);
	for (size_t i = 0; i < digests.n; i++)
		strv_add(&tags, digests.v[i]);
	return remove_all(r, word, id, &tags, e);
}

int verb_rmi(const struct args *a, int *status, struct err *e)
{
	struct removal r = { .a = a, .place = PLACE_CLOSED };
	struct images_gone sums = { 0 };
	struct err late = { 0 };
	int rc = place_open(&r.place, false, e);

	*status = 0;
	if (rc == 0)
		place_sweep(&r.place);
	if (rc == 0)
		rc = each_word(a, 0, remove_one, &r, e);
	/* what is left of it belongs to nobody, and the next one that removes anything would take it, too */
	if (r.has_gone && images_collect(&r.place.images, false, in_map, &sums, &late) < 0)
		log_err(&late);
	place_close(&r.place);
	return rc;
}

/* ---- tag ---- */

struct tagging {
	struct image_place place;
	char *id;
};

static int tag_one(const char *word, void *arg, struct err *e)
{
	struct tagging *t = arg;
	AUTO_FREE char *name = place_new_name(&t->place, word, e);

	return name ? images_name(&t->place.images, name, t->id, NULL, e) : -1;
}

int verb_tag(const struct args *a, int *status, struct err *e)
{
	struct tagging t = { .place = PLACE_CLOSED };
	int rc = place_open(&t.place, false, e);

	*status = 0;
	if (rc == 0)
		place_sweep(&t.place);
	if (rc == 0)
		rc = place_need(&t.place, a->operands[0], &t.id, NULL, e);
	if (rc == 0)
		rc = each_word(a, 1, tag_one, &t, e);
	free(t.id);
	place_close(&t.place);
	return rc;
}
