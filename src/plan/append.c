/* SPDX-License-Identifier: Apache-2.0 */
/* plan/append.c - steps of the kinds that several topics need, put behind those that are there */

#include "base/sys.h"
#include "plan/internal.h"

struct step *plan_add(struct build *b, enum step_kind kind, enum place place, const char *object)
{
	struct plan *p = b->plan;
	struct step *s;

	p->v = mem_grow(p->v, p->n + 1, sizeof(*p->v));
	s = &p->v[p->n++];
	*s = (struct step){ .kind = kind, .place = place, .object = object, .n_rungs = 1 };
	return s;
}

struct step *plan_add_meet(struct build *b, enum hs_point point)
{
	struct step *s = plan_add(b, STEP_MEET, AT_BOTH, hs_point_name(point));

	s->u.meet = point;
	return s;
}

const char *plan_text_take(struct build *b, char *text)
{
	strv_add_take(&b->plan->texts, text);
	return text;
}

void plan_add_clone(struct build *b, uint64_t flags)
{
	struct buf names = { 0 };
	struct step *s;

	for (enum ns_type t = NS_USER; t < NS_TYPES; t++)
		if (flags & (uint64_t)(unsigned)ns_clone_flag(t))
			buf_addf(&names, "%s%s", names.len ? "," : "", ns_name(t));
	if (!flags)
		buf_add(&names, "no namespaces");
	s = plan_add(b, STEP_CLONE, AT_SUPERVISOR, plan_text_take(b, buf_take(&names)));
	s->u.clone_flags = flags;
	s->writes[0] = SLOT_CHILD;
	if (b->in->cgroup.is_used || b->in->exec_cgroup)
		s->reads[0] = SLOT_CGROUP;
}

struct step *plan_add_tree(struct build *b, enum step_kind kind, enum place place, const char *source, short slot,
			   uint64_t attrs)
{
	struct step *s = plan_add(b, kind, place, source);

	s->u.mount.source = source;
	s->u.mount.attrs = s->u.mount.rest = attrs;
	s->u.mount.recursive = true;
	s->writes[0] = slot;
	if (kind == STEP_IDTREE)
		s->reads[0] = SLOT_USERNS;
	return s;
}

struct step *plan_add_newfs(struct build *b, const char *fstype, const char *target, short slot, const char *data,
			    uint64_t attrs)
{
	struct step *s = plan_add(b, STEP_NEWFS, AT_CHILD, target ? target : fstype);

	s->u.mount.fstype = fstype;
	s->u.mount.target = target;
	s->u.mount.data = data;
	s->u.mount.attrs = attrs;
	s->u.mount.is_dir = true;
	if (target)
		s->reads[0] = SLOT_ROOT;
	s->writes[0] = slot;
	return s;
}

void plan_add_open_dir(struct build *b, const char *path, short slot)
{
	struct step *s = plan_add(b, STEP_OPEN, AT_CHILD, path);

	s->u.mount.source = path;
	s->u.mount.is_dir = true;
	s->writes[0] = slot;
}

const char *plan_state_path(struct build *b, const char *leaf)
{
	return plan_text_take(b, str_fmt("%s/%s", b->in->state_dir, leaf));
}

bool plan_is_replaced(const struct build *b, const char *target)
{
	for (size_t i = 0; i < b->spec->n_mounts; i++)
		if (str_eq(b->spec->mounts[i].destination, target))
			return true;
	return false;
}
