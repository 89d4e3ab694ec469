/* SPDX-License-Identifier: Apache-2.0 */
/* run/ids.c - from what is asked of the id maps to the maps: keep-id, nomap, --uidmap, --groups */

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/log.h"
#include "host/hint.h"
#include "run/internal.h"
#include "spec/idwish.h"

/* One of the two kinds of ids, so that what holds for users is said once for both. */
struct kind {
	const char *option, *file;	/* "--uidmap", "/etc/subuid" */
	uint32_t self;
	const struct subids *subs;
	struct id_map *map;
};

static struct kind kind_of(struct plan_input *in, const struct facts *f, bool groups)
{
	return groups ? (struct kind){ "--gidmap", "/etc/subgid", f->gid, &f->subgids, &in->gids }
		      : (struct kind){ "--uidmap", "/etc/subuid", f->uid, &f->subuids, &in->uids };
}

/* ---- --uidmap, --gidmap ---- */

/* Appends @count ids of the subordinate ranges, taken one after the other, from the
 * @skip-th on. Returns how many there were. */
static uint32_t add_subs(struct id_map *m, uint32_t inside, const struct subids *subs, uint32_t skip, uint32_t count)
{
	uint32_t done = 0;

	for (size_t i = 0; i < subs->n && done < count; i++) {
		uint32_t n = subs->v[i].count;

		if (skip >= n) {
			skip -= n;
			continue;
		}
		n -= skip;
		if (n > count - done)
			n = count - done;
		id_map_add(m, inside + done, subs->v[i].first + skip, n);
		skip = 0;
		done += n;
	}
	return done;
}

static bool is_ours(const struct kind *k, uint32_t first, uint32_t count)
{
	if (first == k->self && count == 1)
		return true;
	for (size_t i = 0; i < k->subs->n; i++)
		if (first >= k->subs->v[i].first && first - k->subs->v[i].first < k->subs->v[i].count &&
		    count <= k->subs->v[i].count - (first - k->subs->v[i].first))
			return true;
	return false;
}

static int not_ours(const struct kind *k, const struct id_wish *w, struct err *e)
{
	AUTO_BUF struct buf have = { 0 };

	buf_addf(&have, "yourself (%u)", k->self);
	for (size_t i = 0; i < k->subs->n; i++)
		buf_addf(&have, ", %u-%u", k->subs->v[i].first, k->subs->v[i].first + k->subs->v[i].count - 1);
	err_set(e, ERR_SPEC, "%s %u:%s%u:%u: not all of these ids are yours", k->option, w->inside, w->is_host ? "@" : "",
		w->from, w->count);
	if (!k->subs->n)
		return err_hint(e, "you are %u, or 0 as FROM, and have no others in %s", k->self, k->file);
	return err_hint(e, "yours are %.200s; behind yourself, 0, they count from 1 to %llu (%s)", have.s,
			(unsigned long long)subid_total(k->subs), k->file);
}

static int add_wish(const struct kind *k, const struct id_wish *w, bool is_root, struct err *e)
{
	uint32_t inside = w->inside, from = w->from, left = w->count;

	if (is_root) { /* every id is in its gift; spec_check() keeps host id 0 out */
		id_map_add(k->map, inside, from, left);
		return 0;
	}
	if (w->is_host) {
		if (!is_ours(k, from, left))
			return not_ours(k, w, e);
		id_map_add(k->map, inside, from, left);
		return 0;
	}
	if (from == 0) {
		id_map_add(k->map, inside++, k->self, 1);
		from++;
		left--;
	}
	if (left && add_subs(k->map, inside, k->subs, from - 1, left) < left)
		return not_ours(k, w, e);
	return 0;
}

static int by_inside(const void *a, const void *b)
{
	const struct id_extent *x = a, *y = b;

	return x->inside < y->inside ? -1 : x->inside > y->inside;
}

static int take_wishes(const struct kind *k, const char *text, bool is_root, struct err *e)
{
	struct id_wishes w = { 0 };
	int rc = id_wishes_parse(k->option, text, &w, e);

	for (size_t i = 0; i < w.n && rc == 0; i++)
		rc = add_wish(k, &w.v[i], is_root, e);
	id_wishes_fini(&w);
	if (rc == 0)
		qsort(k->map->v, k->map->n, sizeof(*k->map->v), by_inside);
	return rc;
}

/* As podman has it: who gives one of the two means both. */
static int map_explicit(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	struct kind u = kind_of(in, f, false), g = kind_of(in, f, true);

	if (take_wishes(&u, s->uidmap ? s->uidmap : s->gidmap, f->is_root, e) < 0 ||
	    take_wishes(&g, s->gidmap ? s->gidmap : s->uidmap, f->is_root, e) < 0)
		return -1;
	if (id_map_outside(&in->uids, 0) >= 0 && id_map_outside(&in->gids, 0) >= 0)
		return 0;
	err_set(e, ERR_SPEC, "%s: id 0 must exist inside, since the sandbox is set up by it",
		id_map_outside(&in->uids, 0) >= 0 ? "--gidmap" : "--uidmap");
	return err_hint(e, "for example --uidmap 0:1:1000 --uidmap 1000:0:1, or --userns=keep-id");
}

/* ---- keep-id, nomap ---- */

/* The caller is @self inside; the subordinate ids fill what is below and above. */
static void map_keep(const struct kind *k, uint32_t self)
{
	uint32_t below = add_subs(k->map, 0, k->subs, 0, self);

	id_map_add(k->map, self, k->self, 1);
	if (below == self)
		add_subs(k->map, self + 1, k->subs, below, UINT32_MAX - 1 - self);
}

int ids_hint(const struct facts *f, struct err *e)
{
	bool has_ranges = f->subuids.n && f->subgids.n;
	AUTO_FREE char *tool = f->subid_elsewhere ? child_find("getsubids") : NULL;
	const char *id = host_has_few_ids() ? "nested-few-ids"
		: has_ranges		    ? "newuidmap-missing"
		: !f->subid_elsewhere	    ? "subids-none"
		: tool			    ? "subids-nss"
					    : "getsubids-missing";
	AUTO_FREE char *text = cause_text(cause_get(id), f->user, f->uid);

	return err_hint(e, "%s", text);
}

static int no_ranges(const struct facts *f, const char *option, struct err *e)
{
	bool has_ranges = f->subuids.n && f->subgids.n;

	err_set(e, ERR_HOST, "%s needs subordinate ids, and %s", option,
		f->writes_maps ? "root of a user namespace has none for this"
		: has_ranges ? "newuidmap and newgidmap are not installed"
		: f->subid_elsewhere ? "getsubids, which asks where /etc/nsswitch.conf says, knows none for you"
				     : "there are none for you in /etc/subuid and /etc/subgid");
	if (f->writes_maps && !host_has_few_ids())
		return err_hint(e, "on a directory as root --ids=range uses the ids of this namespace; else be an ordinary user in "
				   "it, or start lichen outside");
	return ids_hint(f, e);
}

static void map_one(struct plan_input *in, const struct facts *f, uint32_t uid, uint32_t gid)
{
	id_map_add(&in->uids, uid, f->uid, 1);
	id_map_add(&in->gids, gid, f->gid, 1);
	in->how = IDMAP_SELF;
}

/* Who writes its own gid map may not call setgroups: newgidmap must, with a range. */
static const char *sets_groups(const struct spec *s)
{
	return s->groups == GROUPS_DROP ? "--groups=drop" : s->process.groups ? "--group-add" : NULL;
}

static int keep_id(struct plan_input *in, const struct spec *s, const struct facts *f, int64_t uid, int64_t gid,
		   struct err *e)
{
	struct kind u = kind_of(in, f, false), g = kind_of(in, f, true);
	bool has_ranges = f->subuids.n && f->subgids.n && f->newuidmap && f->newgidmap;
	bool is_host = s->root.kind == ROOT_HOST;

	if (f->is_root) {
		err_set(e, ERR_SPEC, "--userns=keep-id: root of this machine is never mapped");
		return err_hint(e, "it is for users; as root, --uidmap says which ids there are");
	}
	in->has_own = true;
	in->own_uid = uid >= 0 ? (uint32_t)uid : f->uid;
	in->own_gid = gid >= 0 ? (uint32_t)gid : f->gid;
	if ((s->ids == IDS_RANGE || sets_groups(s)) && !has_ranges)
		return no_ranges(f, s->ids == IDS_RANGE ? "--ids=range" : sets_groups(s), e);
	/* this machine's own system needs no other id, and starts faster with one */
	if (s->ids == IDS_SINGLE || !has_ranges || (is_host && s->ids == IDS_AUTO && !sets_groups(s))) {
		if (!is_host && s->ids == IDS_AUTO)
			log_info("ids: single (no subordinate ids, or no newuidmap)");
		map_one(in, f, in->own_uid, in->own_gid);
		return 0;
	}
	map_keep(&u, in->own_uid);
	map_keep(&g, in->own_gid);
	in->how = IDMAP_TOOLS;
	in->stays_caller = is_host || in->own_uid == 0 || id_map_outside(&in->uids, 0) < 0;
	return 0;
}

static int nomap(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	struct kind u = kind_of(in, f, false), g = kind_of(in, f, true);

	if (f->is_root) /* never is */
		return 0;
	if (!f->subuids.n || !f->subgids.n || !f->newuidmap || !f->newgidmap)
		return no_ranges(f, "--userns=nomap", e);
	if (spec_has_tree(s) && !s->root.readonly) {
		err_set(e, ERR_SPEC, "--userns=nomap: the writable layer would be yours, and you are not inside");
		return err_hint(e, "give --read-only, with --tmpfs for what must be written, or use host");
	}
	add_subs(&in->uids, 0, u.subs, 0, UINT32_MAX - 1);
	add_subs(&in->gids, 0, g.subs, 0, UINT32_MAX - 1);
	in->how = IDMAP_TOOLS;
	in->has_own = true; /* root inside, for `host` too */
	return 0;
}

/* The layer is made, and a tree is copied, by the caller: who is not inside cannot write there. */
static int check_self_inside(const struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	bool has_uid = id_map_inside(&in->uids, f->uid) >= 0, has_gid = id_map_inside(&in->gids, f->gid) >= 0;

	if (f->is_root || !spec_has_tree(s) || s->root.readonly || (has_uid && has_gid))
		return 0;
	err_set(e, ERR_SPEC, "%s: the writable layer would be yours, and your own %s (0 in the middle) is not mapped",
		has_uid ? "--gidmap" : "--uidmap", has_uid ? "gid" : "uid");
	return err_hint(e, "add --%cidmap 1000:0:1, which makes you 1000 inside; or give --read-only, with --tmpfs for what must "
			   "be written", has_uid ? 'g' : 'u');
}

/* ---- all of it ---- */

/* Whose ranges are used: --subuidname, --subgidname. */
static int other_ranges(const struct spec *s, struct facts *f, struct err *e)
{
	const char *const names[] = { s->subuidname, s->subgidname };

	for (size_t i = 0; i < 2; i++) {
		const char *name = names[i] ? names[i] : names[1 - i];

		if (!name)
			return 0;
		if (!f->is_root && !str_eq(name, f->user)) {
			err_set(e, ERR_SPEC, "--sub%cidname %s: newuidmap gives you only your own ids (%s)", i ? 'g' : 'u', name,
				f->user ? f->user : "you have no name");
			return err_hint(e, "only root can use another's");
		}
		facts_subids_of(f, name, i == 1);
		if (!(i ? &f->subgids : &f->subuids)->n) {
			err_set(e, ERR_HOST, "--sub%cidname %s: there are no ids of that name in /etc/sub%cid", i ? 'g' : 'u',
				name, i ? 'g' : 'u');
			return err_hint(e, "as root: usermod --add-sub%cids FIRST-LAST %s", i ? 'g' : 'u', name);
		}
	}
	return 0;
}

static bool is_only_self(const struct id_map *m, uint32_t self)
{
	return m->n == 1 && m->v[0].count == 1 && m->v[0].outside == self;
}

/* The tree's owner, seen through the map that is asked for. */
static void choose_owner(struct plan_input *in, const struct spec *s, const struct facts *f)
{
	if (f->is_root || s->root.kind == ROOT_HOST || s->root.kind == ROOT_IMAGE)
		return;
	if (id_map_inside(&in->uids, in->top_uid) >= 0)
		in->owner = in->top_uid == f->uid ? OWNER_CALLER : OWNER_SUBID;
	else if (!s->root.readonly)
		in->owner = OWNER_FOREIGN;
	if (in->owner == OWNER_SUBID && in->how == IDMAP_SELF)
		in->owner = OWNER_FOREIGN;
}

int ids_prepare(const struct spec *s, struct facts *f, struct err *e)
{
	if (s->groups == GROUPS_KEEP && f->is_root) {
		err_set(e, ERR_SPEC, "--groups=keep: root's groups are never passed on");
		return err_hint(e, "--group-add gives groups of the sandbox's own");
	}
	return other_ranges(s, f, e);
}

int ids_wished(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	enum userns_wish kind;
	int64_t uid, gid;
	int rc = 0;

	if (userns_wish_parse(s->userns, &kind, &uid, &gid, e) < 0)
		return -1;
	if (s->uidmap || s->gidmap) {
		rc = map_explicit(in, s, f, e);
		if (rc == 0)
			rc = check_self_inside(in, s, f, e);
		in->how = f->is_root ? IDMAP_SUPERVISOR
			: is_only_self(&in->uids, f->uid) && is_only_self(&in->gids, f->gid) ? IDMAP_SELF : IDMAP_TOOLS;
		if (rc == 0 && in->how == IDMAP_TOOLS && (!f->newuidmap || !f->newgidmap))
			return no_ranges(f, "--uidmap", e);
	} else if (kind == USERNS_KEEP_ID) {
		rc = keep_id(in, s, f, uid, gid, e);
	} else if (kind == USERNS_NOMAP && !f->is_root) {
		rc = nomap(in, s, f, e);
	} else if (sets_groups(s) && s->ids == IDS_SINGLE && !f->is_root) {
		return err_set(e, ERR_SPEC, "%s needs a range of ids, not --ids=single", sets_groups(s));
	} else if (s->root.kind == ROOT_HOST && (s->ids == IDS_RANGE || (sets_groups(s) && s->ids == IDS_AUTO)) && !f->is_root) {
		bool is_zero = str_eq(s->process.user, "0") || str_eq(s->process.user, "root");

		rc = keep_id(in, s, f, is_zero ? 0 : -1, is_zero ? 0 : -1, e);
	} else {
		return 0;
	}
	if (rc < 0)
		return -1;
	if (s->groups == GROUPS_DROP && in->how == IDMAP_SELF && f->n_groups) {
		err_set(e, ERR_SPEC, "--groups=drop needs a range of ids: with a single one, groups cannot be dropped");
		return err_hint(e, "the kernel lets nobody call setgroups who wrote the map of groups without privilege");
	}
	choose_owner(in, s, f);
	return 1;
}
