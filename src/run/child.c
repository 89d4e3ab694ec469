/* SPDX-License-Identifier: Apache-2.0 */
/* run/child.c - the child: in the new namespaces, from the clone to exec */

#include <signal.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "run/internal.h"

static void sink(enum log_level level, const char *text, void *hs)
{
	hs_log_sink((int)level, text, hs);
}

static int take_step(struct ctx *c, size_t i, struct err *e)
{
	const struct step *s = &c->plan->v[i];

	if (s->kind == STEP_MEET)
		return hs_pass(c, s, e);
	if (s->place != AT_CHILD)
		return 0;
	if (s->kind == STEP_EXEC && hs_check_open(c->hs, e) < 0)
		return -1;
	return walk_step(c, i, e);
}

/* What a profile of the user's refuses has an errno of the profile's choice, which explains nothing. */
static void explain_filter(const struct ctx *c, size_t failed, struct err *e)
{
	bool is_loaded = false;

	for (size_t i = 0; i < failed; i++)
		is_loaded = is_loaded || c->plan->v[i].kind == STEP_SECCOMP;
	if (is_loaded && !e->hint[0] && c->spec->seccomp == SECCOMP_PROFILE && c->plan->v[failed].kind != STEP_EXEC)
		(void)err_hint(e, "the seccomp profile %s may refuse what the start itself needs: prctl, capget, read, write and so on",
			       c->spec->seccomp_profile);
}

/* ---- in new namespaces, ids unmapped or our own, every capability in them ---- */
int child_main(struct ctx *c)
{
	struct err e;

	c->place = AT_CHILD;
	log_set_sink(sink, c->hs);
	/* the supervisor may be gone already: then 'go' never comes and the walk ends there */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* a stage that joined others' namespaces has closed us to ptrace: steps/join.c */
	if (c->spec->ns[NS_USER].mode != NS_PATH && c->spec->ns[NS_PID].mode != NS_PATH && c->spec->ns[NS_MOUNT].mode != NS_PATH)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	for (size_t i = 0; i < c->plan->n; i++)
		if (take_step(c, i, &e) < 0) {
			explain_filter(c, i, &e);
			hs_send_err(c->hs, &e);
			return err_status(&e);
		}
	return EXIT_LICHEN;
}
