/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups.c - the groups there are: their names, where they lie, whose they are */

#include "run/groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/groups_internal.h"
#include "run/internal.h"

enum { PART_MAX = 64, DEPTH_MAX = 16, ID_SHORT = 12, PROCS_MAX = 1 << 22 };

/* ---- names ---- */

char *group_first(const char *name)
{
	return str_dupn(name, strcspn(name, "/"));
}

bool group_is_sandbox(const char *leaf)
{
	const char *id = leaf + strlen("lichen-");

	return str_starts(leaf, "lichen-") && strspn(id, "0123456789abcdef") == ID_SHORT &&
	       (!id[ID_SHORT] || str_eq(id + ID_SHORT, SCOPE_SUFFIX));
}

char *group_of_leaf(const char *leaf, bool *is_scope)
{
	const size_t n = strlen(leaf), prefix = strlen(SCOPE_PREFIX), suffix = strlen(SCOPE_SUFFIX);
	const bool scope = str_starts(leaf, SCOPE_PREFIX) && n > prefix + suffix && str_eq(leaf + n - suffix, SCOPE_SUFFIX);
	AUTO_FREE char *name = scope ? str_dupn(leaf + prefix, n - prefix - suffix)
				     : str_dup(str_starts(leaf, GROUP_PREFIX) ? leaf + strlen(GROUP_PREFIX) : "");

	if (is_scope)
		*is_scope = scope;
	return str_is_name(name) && strlen(name) <= PART_MAX ? ptr_take(&name) : NULL;
}

/* A part behind the first must not be taken for what lichen makes there. */
static const char *part_fault(const char *part, bool is_first)
{
	if (!str_is_name(part))
		return "each part is [A-Za-z0-9][A-Za-z0-9_.-]*";
	if (strlen(part) > PART_MAX)
		return "a part has no more than 64 characters";
	if (!is_first && (str_starts(part, "lichen.") || str_starts(part, "lichen-")))
		return "names that begin with lichen. or lichen- are lichen's own";
	return NULL;
}

int groups_check_name(const char *name, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	const char *why = NULL;

	strv_split(&parts, name, '/');
	for (size_t i = 0; i < parts.n && !why; i++)
		why = part_fault(parts.v[i], i == 0);
	if (parts.n > DEPTH_MAX)
		why = "it has more than 16 parts";
	if (!why)
		return 0;
	err_set(e, ERR_USAGE, "'%.100s' is no name of a group: expected NAME[/NAME...]", name);
	return err_hint(e, "%s", why);
}

/* ---- where they are ---- */

int groups_open(struct groups *gs, enum cgroup_manager manager, struct err *e)
{
	AUTO_FREE char *path = NULL, *dir = NULL;

	*gs = (struct groups){ .manager = manager };
	if (manager == CGROUP_OFF) {
		err_set(e, ERR_USAGE, "--cgroup-manager=none: a group is a cgroup, and somebody has to make it");
		return err_hint(e, "leave it out, or give cgroupfs or systemd");
	}
	if (facts_read(&gs->f, false, e) < 0)
		return -1;
	cgroups_read(&gs->tree);
	if (!gs->tree.mount || !gs->tree.own)
		return cgroup_no_tree(&gs->tree, "groups", e);
	if (manager != CGROUP_SYSTEMD)
		cgroup_our_levels(&gs->tree, gs->f.is_root, &gs->levels);
	path = manager != CGROUP_CGROUPFS ? cgroup_manager_of(&gs->tree, gs->f.uid, gs->f.is_root) : NULL;
	if (path) {
		dir = cgroup_dir(&gs->tree, path);
		gs->slice = str_fmt("%s/lichen.slice", dir);
	}
	return 0;
}

void groups_close(struct groups *gs)
{
	facts_fini(&gs->f);
	cgroups_fini(&gs->tree);
	strv_fini(&gs->levels);
	auto_free(&gs->slice);
}

bool group_is_dir(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

bool group_is_for_command(const char *dir)
{
	char mark[128] = "";

	return getxattr(dir, GROUP_MARK, mark, sizeof(mark) - 1) > 0 && str_starts(mark, "command");
}

static void fill(struct own_group *out, const char *name, enum own_kind kind, const char *base, const char *dir)
{
	*out = (struct own_group){ .name = str_dup(name), .kind = kind, .base = str_dup(base), .dir = str_dup(dir) };
}

/* The directory of the first part: *kind and *base tell the rest. NULL: there is none. Owned. */
static char *find_first(const struct groups *gs, const char *first, enum own_kind *kind, char **base)
{
	AUTO_FREE char *scope = gs->slice ? str_fmt("%s/" SCOPE_PREFIX "%s" SCOPE_SUFFIX, gs->slice, first) : NULL;

	for (size_t i = 0; i < gs->levels.n; i++) {
		AUTO_FREE char *dir = str_fmt("%s/" GROUP_PREFIX "%s", gs->levels.v[i], first);

		if (group_is_dir(dir)) {
			*kind = OWN_CGROUPFS;
			*base = str_dup(gs->levels.v[i]);
			return ptr_take(&dir);
		}
	}
	if (!scope || !group_is_dir(scope))
		return NULL;
	*kind = OWN_SYSTEMD;
	*base = str_dup(scope);
	return str_fmt("%s/box", scope);
}

int groups_find(const struct groups *gs, const char *name, struct own_group *out, struct err *e)
{
	AUTO_FREE char *first = group_first(name), *base = NULL, *top = NULL, *dir = NULL;
	enum own_kind kind;

	*out = (struct own_group){ 0 };
	if (groups_check_name(name, e) < 0)
		return -1;
	top = find_first(gs, first, &kind, &base);
	if (!top)
		return 0;
	dir = str_fmt("%s%s", top, name + strlen(first));
	if (name[strlen(first)] && !group_is_dir(dir))
		return 0;
	fill(out, name, kind, base, dir);
	out->for_command = group_is_for_command(dir);
	return 1;
}

/* ---- a sandbox's ---- */

static int find_sandbox(const struct groups *gs, const char *ref, struct own_group *out, struct err *e)
{
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	struct run_state state = { 0 };
	AUTO_FREE char *name = NULL;
	struct store st;
	int rc;

	if (store_open(&st, gs->f.uid, gs->f.home, e) < 0)
		return -1;
	rc = store_find(&st, ref, &rd, e);
	if (rc == 0 && store_read_state(&rd, &state, e) < 0)
		rc = -1;
	if (rc == 0 && !state.cgroup) {
		rc = err_set(e, ERR_STATE, "the sandbox %s has no cgroup of its own", ref);
		err_hint(e, "it gets one with limits (-m, --cpus ...), or with --cgroup-manager");
	}
	if (rc == 0) {
		AUTO_FREE char *base = str_dupn(state.cgroup, (size_t)(strrchr(state.cgroup, '/') - state.cgroup));

		name = store_name_of(&rd);
		if (!name)
			name = str_dupn(rd.id, ID_SHORT);
		fill(out, name, OWN_SANDBOX, base, state.cgroup);
	}
	run_state_fini(&state);
	run_dir_fini(&rd);
	store_close(&st);
	return rc;
}

int groups_find_any(const struct groups *gs, const char *ref, struct own_group *out, struct err *e)
{
	struct err ignored = { 0 };
	int rc = groups_find(gs, ref, out, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	/* what there is no store for is no sandbox */
	if (!strchr(ref, '/') && find_sandbox(gs, ref, out, &ignored) == 0)
		return 0;
	if (strstr(ignored.what, "no cgroup of its own")) {
		*e = ignored;
		return -1;
	}
	return groups_missing(gs, ref, e);
}

/* ---- all of them ---- */

static void add(struct own_groups *l, const char *name, enum own_kind kind, const char *base, const char *dir)
{
	l->v = mem_grow(l->v, l->n + 1, sizeof(*l->v));
	fill(&l->v[l->n++], name, kind, base, dir);
	l->v[l->n - 1].for_command = group_is_for_command(dir);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void group_children(const char *dir, struct strv *out)
{
	AUTO_DIR DIR *d = opendir(dir);

	for (const struct dirent *x; d && (x = readdir(d));)
		if (x->d_type == DT_DIR && x->d_name[0] != '.')
			strv_add(out, x->d_name);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare);
}

static void add_below(struct own_groups *l, const char *name, enum own_kind kind, const char *base, const char *dir, int depth)
{
	AUTO_STRV struct strv names = { 0 };

	add(l, name, kind, base, dir);
	if (depth >= DEPTH_MAX)
		return;
	group_children(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *below = str_fmt("%s/%s", name, names.v[i]), *path = str_fmt("%s/%s", dir, names.v[i]);

		if (!part_fault(names.v[i], false) && group_is_dir(path))
			add_below(l, below, kind, base, path, depth + 1);
	}
}

static bool has_name(const struct own_groups *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].name, name))
			return true;
	return false;
}

/* Those whose first directory is in @level. */
static void add_level(struct own_groups *l, const char *level, bool wants_scopes)
{
	AUTO_STRV struct strv names = { 0 };

	group_children(level, &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *dir = str_fmt("%s/%s", level, names.v[i]), *box = str_fmt("%s/box", dir), *name = NULL;
		bool is_scope;

		name = group_of_leaf(names.v[i], &is_scope);
		/* one that is nearer to us has taken the name */
		if (!name || is_scope != wants_scopes || !group_is_dir(dir) || has_name(l, name))
			continue;
		add_below(l, name, is_scope ? OWN_SYSTEMD : OWN_CGROUPFS, is_scope ? dir : level, is_scope ? box : dir, 1);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct own_group *)a)->name, ((const struct own_group *)b)->name);
}

void groups_list(const struct groups *gs, struct own_groups *out)
{
	for (size_t i = 0; i < gs->levels.n; i++)
		add_level(out, gs->levels.v[i], false);
	if (gs->slice)
		add_level(out, gs->slice, true);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
}

int groups_missing(const struct groups *gs, const char *name, struct err *e)
{
	AUTO_OWN_GROUPS struct own_groups all = { 0 };
	AUTO_STRV struct strv names = { 0 };
	const char *near;

	groups_list(gs, &all);
	for (size_t i = 0; i < all.n; i++)
		strv_add(&names, all.v[i].name);
	near = names.n ? str_nearest(name, (const char *const *)names.v, names.n) : NULL;
	err_set(e, ERR_STATE, "there is no group '%s'", name);
	if (near)
		return err_hint(e, "did you mean '%s'?", near);
	return err_hint(e, "'lichen cgroup ls' shows those there are, 'lichen cgroup create %s' makes it", name);
}

/* ---- what is in them ---- */

size_t groups_count(const char *dir, bool below)
{
	AUTO_FREE char *path = str_fmt("%s/cgroup.procs", dir), *text = NULL;
	AUTO_STRV struct strv names = { 0 };
	size_t n = 0;

	if (fd_read_file(AT_FDCWD, path, PROCS_MAX, &text, NULL) == 0)
		for (const char *s = text; (s = strchr(s, '\n')); s++)
			n++;
	if (below)
		group_children(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *child = str_fmt("%s/%s", dir, names.v[i]);

		n += groups_count(child, true);
	}
	return n;
}

void own_group_fini(struct own_group *g)
{
	auto_free(&g->name);
	auto_free(&g->dir);
	auto_free(&g->base);
}

void own_groups_fini(struct own_groups *l)
{
	for (size_t i = 0; i < l->n; i++)
		own_group_fini(&l->v[i]);
	free(l->v);
	*l = (struct own_groups){ 0 };
}
