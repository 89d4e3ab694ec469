/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_cgroup.c - lichen cgroup create, set, exec, rm */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/limit_options.h"
#include "cli/run_spec.h"
#include "cli/verbs.h"
#include "run/groups.h"

static int open_groups(struct groups *gs, const struct args *a, struct err *e)
{
	return groups_open(gs, (enum cgroup_manager)a->cgroup_manager, e);
}

int verb_cgroup_create(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	struct spec_limits l = { 0 };
	int rc = limit_options(&l, a, e);

	if (rc == 0)
		rc = limit_check(&l, e);
	if (rc == 0)
		rc = open_groups(&gs, a, e);
	if (rc == 0)
		rc = groups_make(&gs, a->operands[0], &l, a->parents, e);
	limits_fini(&l);
	*status = 0;
	return rc;
}

/* ---- set ---- */

/* KEY=VALUE behind the group. The one key that is no limit goes to *freeze. */
static int take_words(struct spec_limits *l, const struct args *a, const char **freeze, struct err *e)
{
	for (int i = 1; i < a->n_operands; i++) {
		const char *word = a->operands[i];

		if (word[0] == '-') {
			err_set(e, ERR_USAGE, "%s: expected KEY=VALUE", word);
			return err_hint(e, "options stand before the group: lichen cgroup set %s ... %s", word, a->operands[0]);
		}
		if (str_starts(word, "cgroup.freeze=")) {
			*freeze = word + strlen("cgroup.freeze=");
			if (!str_eq(*freeze, "0") && !str_eq(*freeze, "1"))
				return err_set(e, ERR_USAGE, "%s: expected 0 or 1", word);
		} else if (limit_add_conf(l, "", word, e) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Memory and swap are one number in docker's words, and two in the kernel's. */
static void take_memory(struct spec_limits *l, const struct own_group *g)
{
	AUTO_FREE char *now = l->memory_swap && !l->memory ? cgroup_read_line(g->dir, "memory.max") : NULL;

	if (now && *now >= '0' && *now <= '9')
		l->memory = strtoull(now, NULL, 10);
}

static int set_limits(const struct groups *gs, struct spec_limits *l, const struct args *a, struct err *e)
{
	AUTO_OWN_GROUP struct own_group g = { 0 };
	const char *freeze = NULL;
	int rc;

	if (limit_options(l, a, e) < 0 || take_words(l, a, &freeze, e) < 0)
		return -1;
	if (!limits_any(l) && !freeze) {
		err_set(e, ERR_USAGE, "nothing is to be changed: give options of limits, or KEY=VALUE");
		return err_hint(e, "for example lichen cgroup set -m 200m %s", a->operands[0]);
	}
	rc = groups_find(gs, a->operands[0], &g, e);
	if (rc <= 0)
		return rc < 0 ? -1 : groups_missing(gs, a->operands[0], e);
	take_memory(l, &g);
	return limit_check(l, e) < 0 ? -1 : groups_set(gs, &g, l, freeze, e);
}

int verb_cgroup_set(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	struct spec_limits l = { 0 };
	int rc = open_groups(&gs, a, e);

	if (rc == 0)
		rc = set_limits(&gs, &l, a, e);
	limits_fini(&l);
	*status = 0;
	return rc;
}

/* ---- exec ---- */

static int run_in_new(const struct groups *gs, const struct spec_limits *l, const struct strv *command, const struct args *a, int *status,
		      struct err *e)
{
	struct run_end end = { 0 };

	if (groups_run(gs, a->operands[0], l, command, &end, e) < 0)
		return -1;
	*status = end.status;
	return end.text[0] ? say_end(&end, a->json, e) : 0;
}

static int exec_in(const struct groups *gs, const struct spec_limits *l, const struct args *a, int *status, struct err *e)
{
	AUTO_OWN_GROUP struct own_group g = { 0 };
	AUTO_STRV struct strv command = { 0 };
	int rc = groups_find(gs, a->operands[0], &g, e);

	if (rc < 0)
		return -1;
	for (int i = 1; i < a->n_operands; i++)
		strv_add(&command, a->operands[i]);
	if (rc == 0 && limits_any(l))
		return run_in_new(gs, l, &command, a, status, e);
	if (rc == 0) {
		(void)!groups_missing(gs, a->operands[0], e);
		if (str_starts(e->hint, "did you mean"))
			return -1;
		return err_hint(e, "with limits it is made for the command (lichen cgroup exec -m 200m %s ...); 'lichen cgroup create' makes one "
				   "that stays", a->operands[0]);
	}
	if (limits_any(l)) {
		err_set(e, ERR_STATE, "the group '%s' is there, and limits are for one that is made for the command", g.name);
		return err_hint(e, "'lichen cgroup set' changes its limits; or take another name");
	}
	return groups_exec(gs, &g, &command, e);
}

int verb_cgroup_exec(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	struct spec_limits l = { 0 };
	int rc = limit_options(&l, a, e);

	if (rc == 0)
		rc = limit_check(&l, e);
	if (rc == 0)
		rc = open_groups(&gs, a, e);
	if (rc == 0)
		rc = exec_in(&gs, &l, a, status, e);
	limits_fini(&l);
	return rc;
}

/* ---- rm ---- */

int verb_cgroup_rm(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	int failed = 0;

	if (open_groups(&gs, a, e) < 0)
		return -1;
	for (int i = 0; i < a->n_operands; i++) {
		struct err why = { 0 };

		if (groups_remove(&gs, a->operands[i], a->force, a->recursive, &why) == 0)
			continue;
		/* the last one is the verb's own error */
		if (failed++)
			log_err(e);
		*e = why;
	}
	*status = 0;
	return failed ? -1 : 0;
}
