/* SPDX-License-Identifier: Apache-2.0 */
/* plan/check.c - the invariants of a plan, as rules */

#include "plan/plan.h"

struct seen {
	bool child[SLOTS_MAX], supervisor[SLOTS_MAX];	/* which place has the slot */
	size_t first[STEP_KINDS], last[STEP_KINDS];	/* index + 1; 0: none */
};

static int broken(struct err *e, const struct plan *p, size_t i, const char *rule)
{
	return err_set(e, ERR_BUG, "plan: step %zu, %s %s: %s", i + 1, step_name(p->v[i].kind), p->v[i].object, rule);
}

static bool exists(const struct plan *p, short slot)
{
	return slot > SLOT_NONE && slot < p->n_slots && slot < SLOTS_MAX;
}

static int check_read(const struct plan *p, size_t i, short slot, const struct seen *seen, struct err *e)
{
	const struct step *s = &p->v[i];
	bool from_child = s->kind == STEP_MEET ? hs_point_from_child(s->u.meet) : s->place == AT_CHILD;

	if (!exists(p, slot))
		return broken(e, p, i, "a slot that does not exist");
	if (!(from_child ? seen->child[slot] : seen->supervisor[slot]))
		return broken(e, p, i, "reads a slot that nobody has written at this place");
	return 0;
}

static int check_write(const struct plan *p, size_t i, short slot, struct seen *seen, struct err *e)
{
	const struct step *s = &p->v[i];

	if (!exists(p, slot))
		return broken(e, p, i, "a slot that does not exist");
	if (s->place == AT_CHILD || s->kind == STEP_MEET)
		seen->child[slot] = true;
	if (s->place == AT_SUPERVISOR || s->kind == STEP_MEET)
		seen->supervisor[slot] = true;
	/* what is there before the clone, the child inherits */
	if (s->place == AT_SUPERVISOR && !seen->first[STEP_CLONE] && s->kind != STEP_CLONE)
		seen->child[slot] = true;
	return 0;
}

/* Every slot is written before it is read, at the same place or carried by a meeting point. */
static int check_slots(const struct plan *p, size_t i, struct seen *seen, struct err *e)
{
	const struct step *s = &p->v[i];

	for (size_t k = 0; k < STEP_READS && s->reads[k]; k++)
		if (check_read(p, i, s->reads[k], seen, e) < 0)
			return -1;
	for (short k = 0; k < s->reads_all.n; k++)
		if (check_read(p, i, (short)(s->reads_all.first + k), seen, e) < 0)
			return -1;
	for (size_t k = 0; k < STEP_WRITES && s->writes[k]; k++)
		if (check_write(p, i, s->writes[k], seen, e) < 0)
			return -1;
	for (short k = 0; k < s->writes_all.n; k++)
		if (check_write(p, i, (short)(s->writes_all.first + k), seen, e) < 0)
			return -1;
	return 0;
}

/* Pairs of kinds of which the first must stand before every one of the second. */
static const struct {
	enum step_kind first, second;
	const char *rule;
} ORDER[] = {
	{ STEP_ENTER, STEP_CLONE, "user namespaces are entered before the clone" },
	{ STEP_ENTER, STEP_JOIN, "the owner's user namespace is entered before what it owns is joined" },
	{ STEP_JOIN, STEP_CLONE, "namespaces are joined before the clone: a pid namespace counts for children only" },
	{ STEP_ENTER, STEP_ROOT_ID, "ids are taken in the user namespace that has them" },
	{ STEP_OUTER, STEP_CLONE, "time offsets are written before the clone" },
	{ STEP_CGROUP, STEP_LIMIT, "the cgroup is there before it is limited" },
	{ STEP_LIMIT, STEP_CLONE, "the child is born within its limits" },
	{ STEP_PROC_LIMITS, STEP_MASK, "what is masked stays masked" },
	{ STEP_ROOT_ID, STEP_DELEGATE, "root inside gives the cgroup to itself" },
	{ STEP_CLONE, STEP_IDMAP, "there is no map before the clone" },
	{ STEP_ROOT_ID, STEP_FILL, "what is copied into a volume gets its owners from root inside" },
	{ STEP_FILL, STEP_MASK, "what is copied is the root's, not what covers it" },
	{ STEP_IDMAP, STEP_ROOT_ID, "ids are mapped before they are taken" },
	{ STEP_PRIVATE, STEP_ATTACH, "nothing is mounted before propagation is cut" },
	{ STEP_ATTACH, STEP_PIVOT, "the root is attached before it becomes the root" },
	{ STEP_USER, STEP_SET_USER, "the user is known before it is taken" },
	{ STEP_PIVOT, STEP_CWD, "the working directory is one of the new root" },
	{ STEP_PIVOT, STEP_STDIO, "the console is the new root's" },
	{ STEP_MASK, STEP_PIVOT, "masks are there before the root is" },
	{ STEP_CAPS_BOUND, STEP_SET_USER, "the bounding set shrinks while that is allowed" },
	{ STEP_CAPS_BOUND, STEP_CAPS, "the bounding set's step finds out which capabilities there are" },
	{ STEP_SET_USER, STEP_CAPS, "the change of ids clears capabilities" },
	{ STEP_SET_USER, STEP_DEATHSIG, "the change of ids clears the death signal" },
	{ STEP_LANDLOCK, STEP_VERIFY, "the domain is entered before what was set up is verified" },
	{ STEP_SECCOMP, STEP_VERIFY, "the filter is loaded before it is verified" },
	{ STEP_STDIO, STEP_RLIMITS, "a low limit does not hit lichen's own descriptors" },
	{ STEP_LANDLOCK, STEP_RLIMITS, "the rules' files are opened before there is a low limit" },
	{ STEP_DEATHSIG, STEP_INIT, "pid 1 dies with the supervisor" },
	{ STEP_SECCOMP, STEP_INIT, "init has the filter of the command" },
	{ STEP_LOWERS, STEP_ROOT_ID, "layers are opened as the caller" },
	{ STEP_INIT_LOAD, STEP_ROOT_ID, "init is opened as the caller" },
	{ STEP_INIT, STEP_VERIFY, "what is verified is the command's own process" },
	{ STEP_SYSCTL, STEP_READONLY, "parameters are written while /proc/sys can be" },
	{ STEP_CWD, STEP_LANDLOCK, "the working directory is entered before Landlock forbids it" },
	{ STEP_STDIO, STEP_LANDLOCK, "the terminal is opened before Landlock forbids it" },
	{ STEP_NO_NEW_PRIVS, STEP_LANDLOCK, "a domain is entered with no_new_privs, or while privileged" },
	{ STEP_VERIFY, STEP_EXEC, "what was set up is verified before exec" },
};

/* Kinds that change what is mounted. */
static bool mounts_something(enum step_kind kind)
{
	static const enum step_kind kinds[] = {
		STEP_PRIVATE, STEP_TREE, STEP_ATTACH, STEP_OVERLAY, STEP_NEWFS, STEP_SETATTR, STEP_MOUNT, STEP_FILL,
		STEP_MASK, STEP_READONLY, STEP_DEVICES, STEP_CONSOLE, STEP_PIVOT, STEP_PROC_LIMITS,
	};

	for (size_t i = 0; i < N_ELEMS(kinds); i++)
		if (kind == kinds[i])
			return true;
	return false;
}

int plan_check(const struct plan *p, struct err *e)
{
	struct seen seen = { 0 };
	bool is_bare = false;

	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->v[i];

		if (check_slots(p, i, &seen, e) < 0)
			return -1;
		if (!s->object || !s->n_rungs || s->n_rungs > RUNGS_MAX)
			return broken(e, p, i, "has no object or no rung");
		if ((s->kind == STEP_MEET) != (s->place == AT_BOTH))
			return broken(e, p, i, "meeting points, and only they, are at both places");
		if (s->kind == STEP_CLONE && !s->u.clone_flags && !seen.first[STEP_CLONE] && !seen.first[STEP_JOIN])
			is_bare = true;
		if (is_bare && s->kind != STEP_CONSOLE && mounts_something(s->kind))
			return broken(e, p, i, "without namespaces nothing of the machine's mounts is touched");
		if (seen.first[STEP_LANDLOCK] && mounts_something(s->kind))
			return broken(e, p, i, "nothing can be mounted under Landlock");
		if (!seen.first[s->kind])
			seen.first[s->kind] = i + 1;
		seen.last[s->kind] = i + 1;
		if (s->u.mount.target && (s->kind == STEP_MOUNT || s->kind == STEP_NEWFS) && s->u.mount.target[0] != '/')
			return broken(e, p, i, "a target that is not absolute");
	}
	for (size_t k = 0; k < N_ELEMS(ORDER); k++) {
		size_t last = seen.last[ORDER[k].first], first = seen.first[ORDER[k].second];

		/* attach before pivot means the first attach; elsewhere all of them */
		if (ORDER[k].first == STEP_ATTACH)
			last = seen.first[ORDER[k].first];
		if (last && first && last > first)
			return broken(e, p, last - 1, ORDER[k].rule);
	}
	if (!p->n || p->v[p->n - 1].kind != STEP_EXEC)
		return err_set(e, ERR_BUG, "plan: exec is not the last step");
	if (seen.first[STEP_CLONE] != seen.last[STEP_CLONE] || !seen.first[STEP_CLONE])
		return err_set(e, ERR_BUG, "plan: there must be one clone");
	if (is_bare && (!seen.first[STEP_LANDLOCK] || !seen.first[STEP_NO_NEW_PRIVS]))
		return err_set(e, ERR_BUG, "plan: without namespaces there must be a Landlock domain and no_new_privs");
	if (seen.last[STEP_SECCOMP] && seen.first[STEP_NO_NEW_PRIVS] && seen.last[STEP_SECCOMP] + 2 + !!seen.last[STEP_INIT] != p->n)
		return err_set(e, ERR_BUG, "plan: with no_new_privs the filter comes last, before init, verify and exec");
	return 0;
}
