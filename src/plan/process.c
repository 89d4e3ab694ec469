/* SPDX-License-Identifier: Apache-2.0 */
/* plan/process.c - the last steps: from the working root to exec; and step helpers */

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
	s = plan_add(b, STEP_CLONE, AT_SUPERVISOR, plan_text_take(b, buf_take(&names)));
	s->u.clone_flags = flags;
	s->writes[0] = SLOT_CHILD;
}

void plan_process(struct build *b)
{
	const struct spec *spec = b->spec;
	bool has_nnp = spec->process.no_new_privs;
	struct step *s;

	if (spec->process.n_rlimits)
		plan_add(b, STEP_RLIMITS, AT_CHILD, "rlimits");
	plan_add(b, STEP_STDIO, AT_CHILD, spec->process.terminal ? "console" : "stdin, stdout, stderr")->reads[0] = SLOT_USER;
	plan_add(b, STEP_CAPS_BOUND, AT_CHILD, "bounding set");
	if (has_nnp)
		plan_add(b, STEP_NO_NEW_PRIVS, AT_CHILD, "no_new_privs");
	else /* without no_new_privs only CAP_SYS_ADMIN may load a filter */
		plan_add(b, STEP_SECCOMP, AT_CHILD, spec->seccomp == SECCOMP_DEFAULT && !spec->privileged ? "default" : "terminal");
	s = plan_add(b, STEP_SET_USER, AT_CHILD, "user");
	s->reads[0] = SLOT_USER;
	plan_add(b, STEP_CAPS, AT_CHILD, "capability sets")->reads[0] = SLOT_USER;
	plan_add(b, STEP_DEATHSIG, AT_CHILD, "SIGKILL")->why = "after the last change of ids, which clears it";
	if (has_nnp)
		plan_add(b, STEP_SECCOMP, AT_CHILD, spec->seccomp == SECCOMP_DEFAULT && !spec->privileged ? "default" : "terminal");
	plan_add(b, STEP_VERIFY, AT_CHILD, "ids, capabilities, filter")->reads[0] = SLOT_USER;
	s = plan_add(b, STEP_EXEC, AT_CHILD, spec->process.args.n ? spec->process.args.v[0] : "");
	s->reads[0] = SLOT_USER;
}
