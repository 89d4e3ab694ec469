/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_cgroup_look.c - lichen cgroup tree, ls, show */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "run/groups.h"
#include "run/groups_tree.h"

enum { VALUE_MAX = 1 << 20 };

/* ---- tree ---- */

int verb_cgroup_tree(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	AUTO_OWN_GROUP struct own_group only = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct group_node root;

	if (groups_open(&gs, (enum cgroup_manager)a->cgroup_manager, e) < 0)
		return -1;
	if (a->n_operands && groups_find_any(&gs, a->operands[0], &only, e) < 0)
		return -1;
	group_tree(&gs, a->n_operands ? &only : NULL, a->all, &root);
	if (a->json) {
		group_tree_json(&root, &out);
		buf_add(&out, "\n");
	} else {
		group_tree_draw(&root, locale_is_utf8(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")), &out);
	}
	group_node_fini(&root);
	*status = 0;
	return help_print(&out, e);
}

/* ---- ls ---- */

static const struct column LS[] = {
	{ "GROUP", "name", COLUMN_LEFT },	  { "CONTROLLERS", "controllers", COLUMN_LEFT },
	{ "PROCESSES", "processes", COLUMN_RIGHT }, { "DIRECTORY", "path", COLUMN_LEFT },
	{ NULL, "manager", COLUMN_LEFT },	  { NULL, "forCommand", COLUMN_LEFT },
};

static void add_row(struct table *t, const struct own_group *g)
{
	AUTO_FREE char *controllers = cgroup_read_line(g->dir, "cgroup.controllers");

	table_text(t, g->name);
	table_text_as(t, controllers ? controllers : "", controllers && *controllers ? NULL : "-");
	table_int(t, (int64_t)groups_count(g->dir, false), NULL);
	table_text(t, g->dir);
	table_text(t, g->kind == OWN_SYSTEMD ? "systemd" : "cgroupfs");
	table_bool(t, g->for_command, NULL);
}

int verb_cgroup_ls(const struct args *a, int *status, struct err *e)
{
	AUTO_TABLE struct table t = { .columns = LS, .n_columns = N_ELEMS(LS) };
	AUTO_OWN_GROUP struct own_group only = { 0 };
	AUTO_OWN_GROUPS struct own_groups all = { 0 };
	AUTO_GROUPS struct groups gs = { 0 };
	int rc;

	if (a->quiet && a->json)
		return err_set(e, ERR_USAGE, "--quiet prints names and --json everything: give one of them");
	if (groups_open(&gs, (enum cgroup_manager)a->cgroup_manager, e) < 0)
		return -1;
	rc = a->n_operands ? groups_find(&gs, a->operands[0], &only, e) : 1;
	if (rc <= 0)
		return rc < 0 ? -1 : groups_missing(&gs, a->operands[0], e);
	groups_list(&gs, &all);
	for (size_t i = 0; i < all.n; i++)
		if (!only.name || path_is_within(all.v[i].dir, only.dir))
			add_row(&t, &all.v[i]);
	*status = 0;
	if (a->quiet)
		return table_print_column(&t, "name", e);
	return a->json ? table_print_json(&t, e) : table_print(&t, e);
}

/* ---- show ---- */

/* Whether a file is asked for: by its name, or by its controller's. */
static bool matches(const char *file, const char *key)
{
	const size_t n = strlen(key);

	return str_eq(file, key) || (!strchr(key, '.') && strncmp(file, key, n) == 0 && file[n] == '.');
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files that can be read. */
static int list_files(const char *dir, struct strv *out, struct err *e)
{
	AUTO_DIR DIR *d = opendir(dir);
	struct stat st;

	if (!d)
		return err_sys(e, "opendir", dir, "looking at a cgroup");
	for (const struct dirent *x; (x = readdir(d));)
		if (fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0444))
			strv_add(out, x->d_name);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare);
	return 0;
}

static int check_keys(const struct own_group *g, const struct strv *files, char *const *keys, int n, struct err *e)
{
	for (int k = 0; k < n; k++) {
		const char *near;
		size_t i = 0;

		while (i < files->n && !matches(files->v[i], keys[k]))
			i++;
		if (i < files->n)
			continue;
		near = files->n ? str_nearest(keys[k], (const char *const *)files->v, files->n) : NULL;
		err_set(e, ERR_STATE, "the group '%s' has no file '%s'", g->name, keys[k]);
		if (near)
			return err_hint(e, "did you mean %s?", near);
		return err_hint(e, "a controller's files are there where it is enabled above: lichen cgroup ls %s", g->name);
	}
	return 0;
}

static bool is_wanted(const char *file, char *const *keys, int n)
{
	for (int k = 0; k < n; k++)
		if (matches(file, keys[k]))
			return true;
	return n == 0;
}

static void add_text(struct buf *out, const char *file, const char *value)
{
	AUTO_STRV struct strv lines = { 0 };

	strv_split(&lines, value, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		/* behind the last newline there is no line */
		if (i && !*lines.v[i])
			continue;
		buf_addf(out, "%s:%s", file, *lines.v[i] ? " " : "");
		buf_add_safe(out, lines.v[i]);
		buf_add(out, "\n");
	}
}

static void add_json(struct buf *out, const char *file, const char *value, bool is_first)
{
	AUTO_STRV struct strv lines = { 0 };

	strv_split(&lines, value, '\n');
	buf_add(out, is_first ? "" : ",");
	buf_add_json(out, file);
	buf_add(out, ":[");
	for (size_t i = 0, n = 0; i < lines.n; i++)
		if (*lines.v[i]) {
			buf_add(out, n++ ? "," : "");
			buf_add_json(out, lines.v[i]);
		}
	buf_add(out, "]");
}

static int add_files(const struct own_group *g, const struct strv *files, const struct args *a, struct buf *out, struct err *e)
{
	bool is_first = true;

	for (size_t i = 0; i < files->n; i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", g->dir, files->v[i]), *value = NULL;

		if (!is_wanted(files->v[i], a->operands + 1, a->n_operands - 1))
			continue;
		if (fd_read_file(AT_FDCWD, path, VALUE_MAX, &value, NULL) < 0) {
			/* what its kind of group has not, or only root reads */
			if (a->n_operands == 1)
				continue;
			return err_sys(e, "read", path, "reading %s of the group '%s'", files->v[i], g->name);
		}
		if (a->json)
			add_json(out, files->v[i], value, is_first);
		else
			add_text(out, files->v[i], value);
		is_first = false;
	}
	return 0;
}

int verb_cgroup_show(const struct args *a, int *status, struct err *e)
{
	AUTO_GROUPS struct groups gs = { 0 };
	AUTO_OWN_GROUP struct own_group g = { 0 };
	AUTO_STRV struct strv files = { 0 };
	AUTO_BUF struct buf out = { 0 };

	if (groups_open(&gs, (enum cgroup_manager)a->cgroup_manager, e) < 0 || groups_find_any(&gs, a->operands[0], &g, e) < 0 ||
	    list_files(g.dir, &files, e) < 0 || check_keys(&g, &files, a->operands + 1, a->n_operands - 1, e) < 0)
		return -1;
	if (a->json) {
		buf_add(&out, "{\"name\":");
		buf_add_json(&out, g.name);
		buf_add(&out, ",\"path\":");
		buf_add_json(&out, g.dir);
		buf_add(&out, ",\"files\":{");
	}
	if (add_files(&g, &files, a, &out, e) < 0)
		return -1;
	if (a->json)
		buf_add(&out, "}}\n");
	*status = 0;
	return help_print(&out, e);
}
