/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups_make.c - a group is made, or nothing; its limits are set; it is removed */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "run/groups_internal.h"
#include "run/internal.h"
#include "run/supervise.h"

int group_exists(const char *name, struct err *e)
{
	err_set(e, ERR_STATE, "the group '%s' is there already", name);
	return err_hint(e, "'lichen cgroup set' changes its limits, 'lichen cgroup rm' removes it");
}

void group_mark(const char *dir, const char *kind)
{
	/* who has the name alone is ours, too */
	(void)setxattr(dir, GROUP_MARK, kind, strlen(kind), 0);
}

int group_make_dir(const char *dir, const char *name, struct err *e)
{
	if (mkdir(dir, 0755) == 0)
		return 0;
	if (errno == EEXIST)
		return group_exists(name, e);
	err_sys(e, "mkdir", dir, "making the group %s", name);
	if (e->errnum == EAGAIN)
		return err_hint(e, "the limit of cgroups is reached: cgroup.max.descendants or cgroup.max.depth of a level above");
	return -1;
}

int group_limit(const char *dir, const struct limit_files *files, bool is_permanent, struct err *e)
{
	for (size_t i = 0; i < files->n; i++) {
		/* what dies together are the processes of one command, not all that were put into a group */
		if (is_permanent && !files->v[i].option && str_eq(files->v[i].file, "memory.oom.group"))
			continue;
		if (cgroup_set_limit(dir, &files->v[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- controllers ---- */

static int enable_level(const char *dir, const struct strv *needed, struct err *e)
{
	bool lacks = false;

	for (size_t i = 0; i < needed->n; i++) {
		if (!cgroup_has_word(dir, "cgroup.controllers", needed->v[i])) {
			err_set(e, ERR_HOST, "the controller %s is missing in %s", needed->v[i], dir);
			return err_hint(e, "only the level above can give it: 'lichen doctor' says from which level on it is missing");
		}
		lacks = lacks || !cgroup_has_word(dir, "cgroup.subtree_control", needed->v[i]);
	}
	if (!lacks || cgroup_enable_missing(dir, needed, e) == 0)
		return 0;
	if (e->errnum != EBUSY)
		return -1;
	err_set(e, ERR_STATE, "a limit below %s needs a controller there, and processes are in it itself: %zu", dir, groups_count(dir, false));
	return err_hint(e, "cgroups(7): controllers are enabled only above groups without processes. Put them into a group of their own "
			   "beside the new one: lichen cgroup exec GROUP/OTHER ...");
}

/* Each level from @base down to @last is ours. */
static int enable_down(const char *base, const char *last, const struct strv *needed, struct err *e)
{
	for (size_t at = strlen(base);; at += 1 + strcspn(last + at + 1, "/")) {
		AUTO_FREE char *level = str_dupn(last, at);

		if (enable_level(level, needed, e) < 0)
			return -1;
		if (!last[at])
			return 0;
	}
}

/* ---- making ---- */

int group_choose(const struct groups *gs, const char *first, const struct spec_limits *l, struct plan_input *in, struct err *e)
{
	AUTO_FREE char *helper = helper_path("lichen-scope");
	struct plan_cgroup *g = &in->cgroup;
	struct spec s;
	int rc;

	spec_init(&s);
	if (l)
		limits_copy(&s.limits, l);
	s.cgroup_manager = gs->manager;
	rc = cgroup_ways(g, &gs->tree, &s, &gs->f, helper, "groups", e);
	spec_fini(&s);
	if (rc < 0)
		return -1;
	in->is_root = gs->f.is_root;
	g->name = str_fmt(GROUP_PREFIX "%s", first);
	g->unit = str_fmt(SCOPE_PREFIX "%s" SCOPE_SUFFIX, first);
	g->slice = str_dup("lichen.slice");
	g->description = str_fmt("lichen group %s", first);
	return 0;
}

static int make_at_place(const struct plan_cgroup *g, const char *first, struct err *e)
{
	AUTO_FREE char *dir = str_fmt("%s/%s", g->place, g->name);
	int rc;

	if (group_make_dir(dir, first, e) < 0)
		return -1;
	group_mark(dir, "group");
	rc = g->enables ? cgroup_enable_missing(g->place, &g->controllers, e) : 0;
	if (rc == 0)
		rc = group_limit(dir, &g->limits, true, e);
	if (rc < 0) {
		struct cgroup_box b = { .place = str_dup(g->place), .dir = str_dup(dir) };

		(void)cgroup_end(&b, NULL, NULL, NULL);
	}
	return rc;
}

static int move_holder(const char *scope, pid_t pid, struct err *e)
{
	AUTO_FREE char *leaf = str_fmt("%s/holder", scope), *procs = str_fmt("%s/cgroup.procs", leaf), *text = str_fmt("%d", (int)pid);

	if (mkdir(leaf, 0755) < 0)
		return err_sys(e, "mkdir", leaf, "making a group for the process that keeps the scope");
	return fd_burn(AT_FDCWD, procs, text) == 0 ? 0 : err_sys(e, "cgroup.procs", leaf, "moving the process that keeps the scope");
}

static int fill_scope(const char *scope, const struct plan_cgroup *g, pid_t holder, struct err *e)
{
	AUTO_FREE char *box = NULL;

	if (!group_is_dir(scope)) {
		err_set(e, ERR_HOST, "systemd says that it made %s, and %s is no directory of ours", g->unit, scope);
		return err_hint(e, "'lichen doctor' says what this machine's systemd allows");
	}
	if (cgroup_check_scope(scope, g, e) < 0 || move_holder(scope, holder, e) < 0 ||
	    cgroup_make_box(scope, &g->controllers, &box, e) < 0)
		return -1;
	group_mark(box, "group");
	return group_limit(box, &g->limits, true, e);
}

static int make_scope(const struct groups *gs, const struct plan_input *in, const char *first, struct err *e)
{
	AUTO_FREE char *scope = str_fmt("%s/%s", gs->slice, in->cgroup.unit);
	struct holder h;
	int rc;

	if (holder_start(&h, e) < 0)
		return -1;
	rc = cgroup_start_scope(&in->cgroup, h.pid, in->is_root, e);
	if (rc < 0 && strstr(e->what, "UnitExists"))
		(void)!group_exists(first, e);
	if (rc == 0)
		rc = fill_scope(scope, &in->cgroup, h.pid, e);
	if (rc == 0)
		rc = holder_release(&h, e);
	/* without it the scope is empty, and systemd takes it away */
	holder_end(&h);
	return rc;
}

/* @is_above: the limits are another's, below it, and decide where it is made. */
static int make_first(const struct groups *gs, const char *first, const struct spec_limits *l, bool is_above, struct err *e)
{
	struct plan_input in = { 0 };
	int rc = group_choose(gs, first, l, &in, e);

	if (is_above)
		limit_files_fini(&in.cgroup.limits);
	if (rc == 0 && in.cgroup.place && in.cgroup.moves && !in.cgroup.may_systemd) {
		err_set(e, ERR_HOST, "controllers must be enabled in %s, in which this lichen sits alone", in.cgroup.place);
		rc = err_hint(e, "a group for one command is made and entered at once: lichen cgroup exec OPTIONS %s COMMAND; or start lichen "
				 "in a cgroup below", first);
	} else if (rc == 0 && in.cgroup.place && !in.cgroup.moves) {
		rc = make_at_place(&in.cgroup, first, e);
	} else if (rc == 0) {
		rc = make_scope(gs, &in, first, e);
	}
	plan_input_fini(&in);
	return rc;
}

int group_make_below(const struct groups *gs, const char *name, const struct spec_limits *l, struct own_group *parent, char **dir,
		     struct err *e)
{
	AUTO_STRV struct strv needed = { 0 };
	struct limit_files files = { 0 };
	int rc;

	if (l)
		limits_files(l, &files);
	limits_controllers(&files, &needed);
	*dir = str_fmt("%s%s", parent->dir, strrchr(name, '/'));
	rc = files.n ? limits_check_host(l, gs->tree.mount, parent->dir, e) : 0;
	if (rc == 0)
		rc = group_make_dir(*dir, name, e);
	if (rc == 0) {
		rc = needed.n ? enable_down(parent->base, parent->dir, &needed, e) : 0;
		group_mark(*dir, "group");
		if (rc == 0)
			rc = group_limit(*dir, &files, true, e);
		if (rc < 0)
			(void)!rmdir(*dir);
	}
	limit_files_fini(&files);
	return rc;
}

/* One part of the name: what is above it is there. */
static int make_part(const struct groups *gs, const char *name, const struct spec_limits *l, struct err *e)
{
	AUTO_FREE char *above = str_dup(name), *dir = NULL;
	AUTO_OWN_GROUP struct own_group parent = { 0 };
	char *slash = strrchr(above, '/');
	int rc;

	if (!slash)
		return make_first(gs, name, l, false, e);
	*slash = '\0';
	rc = groups_find(gs, above, &parent, e);
	if (rc == 0) {
		err_set(e, ERR_STATE, "the group '%s' cannot be made: there is no group '%s'", name, above);
		return err_hint(e, "-p makes it, too");
	}
	return rc < 0 ? -1 : group_make_below(gs, name, l, &parent, &dir, e);
}

int groups_make(const struct groups *gs, const char *name, const struct spec_limits *l, bool with_parents, struct err *e)
{
	AUTO_OWN_GROUP struct own_group found = { 0 };
	AUTO_STRV struct strv made = { 0 };
	int rc = groups_find(gs, name, &found, e);

	if (rc)
		return rc < 0 ? -1 : group_exists(name, e);
	for (const char *s = name; with_parents && rc == 0 && (s = strchr(s, '/')); s++) {
		AUTO_FREE char *above = str_dupn(name, (size_t)(s - name));
		AUTO_OWN_GROUP struct own_group g = { 0 };

		if (groups_find(gs, above, &g, e) == 1)
			continue;
		rc = strchr(above, '/') ? make_part(gs, above, NULL, e) : make_first(gs, above, l, true, e);
		if (rc == 0)
			strv_add(&made, above);
	}
	if (rc == 0)
		rc = make_part(gs, name, l, e);
	for (size_t i = made.n; rc < 0 && i-- > 0;) {
		struct err ignored;

		(void)!groups_remove(gs, made.v[i], false, false, &ignored);
	}
	return rc;
}

/* ---- limits of what is there ---- */

static void restore(const char *dir, const struct limit_files *files, const struct strv *old, size_t n)
{
	while (n-- > 0) {
		AUTO_FREE char *path = str_fmt("%s/%s", dir, files->v[n].file);

		/* a file of several lines has its own words for taking back */
		if (*old->v[n] && !str_starts(files->v[n].file, "io."))
			(void)!fd_burn(AT_FDCWD, path, old->v[n]);
	}
}

static void drop_oom_group(struct limit_files *files)
{
	if (!files->n || files->v[files->n - 1].option || !str_eq(files->v[files->n - 1].file, "memory.oom.group"))
		return;
	files->n--;
	free(files->v[files->n].file);
	free(files->v[files->n].value);
}

static void add_freeze(struct limit_files *files, const char *freeze)
{
	files->v = mem_grow(files->v, files->n + 1, sizeof(*files->v));
	files->v[files->n++] = (struct limit_file){ .file = str_dup("cgroup.freeze"), .value = str_dup(freeze), .option = "cgroup.freeze",
						    .check = LIMIT_EXACT };
}

static int write_files(const char *dir, const struct limit_files *files, struct err *e)
{
	AUTO_STRV struct strv old = { 0 };

	for (size_t i = 0; i < files->n; i++) {
		AUTO_FREE char *now = cgroup_read_line(dir, files->v[i].file);

		strv_add(&old, now ? now : "");
		if (cgroup_set_limit(dir, &files->v[i], e) < 0) {
			struct err why = *e;

			restore(dir, files, &old, i + 1);
			*e = why;
			return -1;
		}
	}
	return 0;
}

int groups_set(const struct groups *gs, const struct own_group *g, const struct spec_limits *l, const char *freeze, struct err *e)
{
	AUTO_FREE char *above = str_dupn(g->dir, (size_t)(strrchr(g->dir, '/') - g->dir));
	AUTO_STRV struct strv needed = { 0 }, lacking = { 0 };
	struct limit_files files;
	int rc;

	limits_files(l, &files);
	drop_oom_group(&files);
	limits_controllers(&files, &needed);
	for (size_t i = 0; i < files.n; i++)
		if (str_eq(files.v[i].option, "--cgroup-conf"))
			files.v[i].option = files.v[i].file;	/* it was given by that name */
	for (size_t i = 0; i < needed.n; i++)
		if (!cgroup_has_word(g->dir, "cgroup.controllers", needed.v[i]))
			strv_add(&lacking, needed.v[i]);
	if (freeze)
		add_freeze(&files, freeze);
	rc = limits_check_host(l, gs->tree.mount, above, e);
	if (rc == 0 && lacking.n)
		rc = enable_down(g->base, above, &lacking, e);
	if (rc == 0)
		rc = write_files(g->dir, &files, e);
	limit_files_fini(&files);
	return rc;
}

/* ---- removing ---- */

/* The cgroup of a sandbox at @dir or below, owned; NULL. */
static char *find_sandbox_below(const char *dir)
{
	AUTO_STRV struct strv names = { 0 };

	group_children(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dir, names.v[i]), *found = NULL;

		if (group_is_sandbox(names.v[i]) && groups_count(path, true))
			return ptr_take(&path);
		found = find_sandbox_below(path);
		if (found)
			return ptr_take(&found);
	}
	return NULL;
}

static int check_removal(const struct groups *gs, const struct own_group *g, bool force, bool recursive, struct err *e)
{
	AUTO_FREE char *own = cgroup_dir(&gs->tree, gs->tree.own), *sandbox = find_sandbox_below(g->dir);
	AUTO_FREE char *supervisor = g->kind == OWN_SYSTEMD && g->for_command ? str_fmt("%s/supervisor", g->base) : NULL;
	const size_t n = groups_count(g->dir, true) + (supervisor ? groups_count(supervisor, false) : 0);
	AUTO_STRV struct strv below = { 0 };

	if (path_is_within(own, g->dir)) {
		err_set(e, ERR_STATE, "the group '%s' is not removed: this lichen runs in it", g->name);
		return err_hint(e, "remove it from outside");
	}
	if (sandbox) {
		err_set(e, ERR_STATE, "the group '%s' is not removed: a sandbox runs in it (%s)", g->name, sandbox);
		return err_hint(e, "stop it first");
	}
	group_children(g->dir, &below);
	if (below.n && !recursive) {
		err_set(e, ERR_STATE, "the group '%s' is not removed: there are groups in it (%s%s)", g->name, below.v[0], below.n > 1 ? ", ..." : "");
		return err_hint(e, "-r removes them, too");
	}
	if (n && !force) {
		err_set(e, ERR_STATE, "the group '%s' is not removed: %zu process%s in it", g->name, n, n == 1 ? " is" : "es are");
		return err_hint(e, "-f ends them");
	}
	return 0;
}

/* systemd ends the holder and forgets the unit; where it does not answer, the holder is ended. */
static int stop_scope(const struct groups *gs, const struct own_group *g, struct err *e)
{
	AUTO_FREE char *helper = helper_path("lichen-scope");
	const char *argv[] = { helper, "stop", "--unit", strrchr(g->base, '/') + 1, gs->f.is_root ? "--system" : NULL, NULL };
	struct child tool;

	if (child_spawn(&tool, argv, false, e) == 0 && child_wait(&tool, NULL, e) == 0)
		return 0;
	log_debug("%s: %s", g->base, e->what);
	for (size_t i = 0; i < 2; i++) {
		AUTO_FREE char *leaf = str_fmt("%s/%s", g->base, i ? "supervisor" : "holder");

		if (store_end_cgroup(leaf, NULL, NULL, NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int remove_group(const struct groups *gs, const struct own_group *g, bool force, struct err *e)
{
	AUTO_FREE char *above = str_dupn(g->dir, (size_t)(strrchr(g->dir, '/') - g->dir));
	int rc = force ? store_end_cgroup(g->dir, NULL, NULL, NULL, e) : store_remove_cgroup(g->dir, e);

	if (rc < 0 && !force && e->errnum == EBUSY)
		err_hint(e, "a process has come, or a group below has been made, meanwhile");
	if (rc == 0 && !strchr(g->name, '/') && g->kind == OWN_SYSTEMD)
		rc = stop_scope(gs, g, e);
	/* what was enabled there for it and those beside it, with the last of them */
	else if (rc == 0)
		store_disable(above, NULL);
	return rc < 0 ? err_wrap(e, "removing the group '%s'", g->name) : 0;
}

int groups_remove(const struct groups *gs, const char *name, bool force, bool recursive, struct err *e)
{
	AUTO_OWN_GROUP struct own_group g = { 0 };
	int rc = groups_find(gs, name, &g, e);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		struct err ignored;

		if (groups_find_any(gs, name, &g, &ignored) < 0)
			return groups_missing(gs, name, e);
		err_set(e, ERR_STATE, "'%s' is no group but a sandbox, which runs", name);
		return err_hint(e, "stop it; its cgroup goes with it");
	}
	return check_removal(gs, &g, force, recursive, e) < 0 ? -1 : remove_group(gs, &g, force, e);
}
