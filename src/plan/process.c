/* SPDX-License-Identifier: Apache-2.0 */
/* plan/process.c - the last steps: from the working root to exec */

#include <errno.h>
#include <signal.h>

#include "base/sys.h"
#include "plan/internal.h"

/* As the caller, who can reach the file: before ids change and the root does. */
void plan_init_load(struct build *b)
{
	struct step *s = plan_add(b, STEP_INIT_LOAD, AT_CHILD, b->in->init_path ? b->in->init_path : "lichen-init");

	s->u.mount.source = s->object;
	s->rungs[0] = (struct rung){ .name = "memfd", .next_on = { EACCES, EPERM, ENOSYS, EINVAL } };
	s->rungs[1] = (struct rung){ .name = "mount" };
	s->n_rungs = 2;
	s->writes[0] = SLOT_INIT;
	s->writes[1] = SLOT_INIT_GO;
	s->writes[2] = SLOT_INIT_WAIT;
	s->why = "what runs from it cannot be written inside";
}

static void add_landlock(struct build *b)
{
	struct step *s;

	if (!b->spec->landlock.n)
		return;
	s = plan_add(b, STEP_LANDLOCK, AT_CHILD, "domain");
	s->u.paths = &b->spec->landlock;
	s->why = "nothing can be mounted from here on";
}

static const char *filter_word(const struct spec *s)
{
	if (s->seccomp == SECCOMP_PROFILE)
		return s->seccomp_profile;
	return s->seccomp == SECCOMP_DEFAULT && !s->privileged ? "default" : "terminal";
}

void plan_process(struct build *b)
{
	const struct spec *spec = b->spec;
	bool has_nnp = spec->process.no_new_privs;
	struct step *s;

	if (spec->process.has_umask)
		plan_add(b, STEP_UMASK, AT_CHILD, plan_text_take(b, str_fmt("%03o", spec->process.umask)));
	if (spec->process.has_personality) {
		s = plan_add(b, STEP_PERSONALITY, AT_CHILD, plan_text_take(b, personality_format(spec->process.personality)));
		s->why = "the filter may not let it through later";
	}
	plan_add(b, STEP_STDIO, AT_CHILD, spec->process.terminal ? "console" : "stdin, stdout, stderr")->reads[0] = SLOT_USER;
	plan_add(b, STEP_CAPS_BOUND, AT_CHILD, "bounding set");
	if (has_nnp)
		plan_add(b, STEP_NO_NEW_PRIVS, AT_CHILD, "no_new_privs");
	else /* without no_new_privs only CAP_SYS_ADMIN may enter a domain */
		add_landlock(b);
	if (!has_nnp) /* or load a filter */
		plan_add(b, STEP_SECCOMP, AT_CHILD, filter_word(spec));
	s = plan_add(b, STEP_SET_USER, AT_CHILD, "user");
	s->reads[0] = SLOT_USER;
	plan_add(b, STEP_CAPS, AT_CHILD, "capability sets")->reads[0] = SLOT_USER;
	s = plan_add(b, STEP_DEATHSIG, AT_CHILD, spec_is_bare(spec) ? "none" : "SIGKILL");
	s->why = spec_is_bare(spec) ? "the keeper ends all: a parent that dies first would hide its children"
				    : "after the last change of ids, which clears it";
	s->u.signal = spec_is_bare(spec) ? 0 : SIGKILL;
	if (has_nnp)
		add_landlock(b);
	/* the steps before need descriptors, the filter may not let it through */
	if (spec->process.n_rlimits)
		plan_add(b, STEP_RLIMITS, AT_CHILD, "rlimits");
	if (has_nnp)
		plan_add(b, STEP_SECCOMP, AT_CHILD, filter_word(spec));
	if (spec->process.init) {
		s = plan_add(b, STEP_INIT, AT_CHILD, "lichen-init");
		s->reads[0] = SLOT_INIT;
		s->reads[1] = SLOT_INIT_GO;
		s->reads[2] = SLOT_INIT_WAIT;
		s->why = "with all that binds the command; its child goes on";
	}
	plan_add(b, STEP_VERIFY, AT_CHILD, "ids, capabilities, filter")->reads[0] = SLOT_USER;
	s = plan_add(b, STEP_EXEC, AT_CHILD, spec->process.args.n ? spec->process.args.v[0] : "");
	s->reads[0] = SLOT_USER;
}
