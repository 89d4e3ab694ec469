/* SPDX-License-Identifier: Apache-2.0 */
/* host/cgroup.c - the cgroup that we sit in, what of the tree is ours, which controllers it has */

#include "host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"

#define CGROUPS "/sys/fs/cgroup"

enum { FILE_MAX = 1 << 20 };

/* ---- the tree ---- */

static bool is_cgroup2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

void cgroups_read(struct cgroups *g)
{
	AUTO_BUF struct buf v1 = { 0 };
	AUTO_FREE char *text = NULL;
	char *save = NULL;

	*g = (struct cgroups){ 0 };
	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", FILE_MAX, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*names++ = *path++ = '\0';
		if (str_eq(line, "0"))
			str_set(&g->own, path);
		else if (*names && !str_starts(names, "name="))
			buf_addf(&v1, "%s%s", v1.len ? ", " : "", names);
	}
	g->v1 = str_dup(v1.s ? v1.s : "");
	if (is_cgroup2(CGROUPS))
		g->mount = CGROUPS;
	else if (is_cgroup2(CGROUPS "/unified"))
		g->mount = CGROUPS "/unified";
	g->kind = g->mount ? *g->v1 ? CGROUPS_HYBRID : CGROUPS_V2 : *g->v1 ? CGROUPS_V1 : CGROUPS_NONE;
}

void cgroups_fini(struct cgroups *g)
{
	auto_free(&g->own);
	auto_free(&g->v1);
}

char *cgroup_dir(const struct cgroups *g, const char *path)
{
	return str_fmt("%s%s", g->mount, str_eq(path, "/") ? "" : path);
}

/* ---- files ---- */

char *cgroup_read_line(const char *dir, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name), *text = NULL;

	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return ptr_take(&text);
}

bool cgroup_has_word(const char *dir, const char *name, const char *word)
{
	AUTO_FREE char *text = cgroup_read_line(dir, name);
	AUTO_STRV struct strv words = { 0 };

	if (!text)
		return false;
	strv_split(&words, text, ' ');
	return strv_has(&words, word);
}

unsigned long long cgroup_event(const char *dir, const char *name, const char *key)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name), *text = NULL;
	const size_t n = strlen(key);
	char *save = NULL;

	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	return 0;
}

char *cgroup_lacking_level(const struct cgroups *g, const char *path, const char *controller)
{
	AUTO_FREE char *whole = cgroup_dir(g, path);

	/* what one level has, all above it have */
	if (cgroup_has_word(whole, "cgroup.controllers", controller))
		return NULL;
	for (size_t at = 0;;) {
		AUTO_FREE char *level = str_dupn(path, at), *dir = cgroup_dir(g, level);

		if (!cgroup_has_word(dir, "cgroup.controllers", controller))
			return str_dup(*level ? level : "/");
		if (!path[at] || str_eq(path + at, "/"))
			return NULL;
		at += 1 + strcspn(path + at + 1, "/");
	}
}

bool cgroup_is_marked(const char *dir)
{
	char value[8] = "";

	return getxattr(dir, "user.delegate", value, sizeof(value) - 1) == 1 && value[0] == '1';
}

/* ---- systemd ---- */

static bool is_dir_of(const char *path, uid_t uid)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid;
}

char *cgroup_manager_of(const struct cgroups *g, uid_t uid, bool is_root)
{
	AUTO_FREE char *path = str_fmt("/user.slice/user-%u.slice/user@%u.service", (unsigned)uid, (unsigned)uid);
	AUTO_FREE char *dir = NULL;

	if (!g->mount)
		return NULL;
	if (is_root)
		return access("/run/systemd/system", F_OK) == 0 ? str_dup("/") : NULL;
	dir = cgroup_dir(g, path);
	return is_dir_of(dir, uid) ? ptr_take(&path) : NULL;
}

bool cgroup_manager_answers(uid_t uid, bool is_root)
{
	static const char *const sockets[] = { "systemd/private", "bus" };

	if (is_root)
		return access("/run/systemd/private", F_OK) == 0;
	for (size_t i = 0; i < N_ELEMS(sockets); i++) {
		AUTO_FREE char *path = str_fmt("/run/user/%u/%s", (unsigned)uid, sockets[i]);

		if (access(path, W_OK) == 0)
			return true;
	}
	return false;
}

/* Whether a manager sits in the cgroup: it keeps itself in a leaf of that name. */
static bool is_managers(const char *dir)
{
	AUTO_FREE char *leaf = str_fmt("%s/init.scope", dir);

	return access(leaf, F_OK) == 0;
}

/* ---- what is ours ---- */

static bool may_write(const char *dir, bool must_own)
{
	AUTO_FREE char *procs = str_fmt("%s/cgroup.procs", dir), *control = str_fmt("%s/cgroup.subtree_control", dir);

	return access(dir, W_OK) == 0 && access(procs, W_OK) == 0 && access(control, W_OK) == 0 &&
	       (!must_own || is_dir_of(dir, geteuid()));
}

/* The level above @path, in place; false at the top. */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || str_eq(path, "/"))
		return false;
	slash[slash == path] = '\0';
	return true;
}

/* Below a user's systemd whose version sets no marks: which unit is delegated only it can tell. */
static bool is_below_manager(const char *path)
{
	const char *at = strstr(path, "/user@");

	return at && strstr(at, ".service");
}

/* The uppermost cgroup that is ours, from @own upwards: owned, or NULL. */
static char *find_top(const struct cgroups *g, const char *own, bool is_root)
{
	AUTO_FREE char *path = str_dup(own), *top = NULL;

	do {
		AUTO_FREE char *dir = cgroup_dir(g, path);

		if (!may_write(dir, !is_root))
			break;
		if (cgroup_is_marked(dir))
			return is_managers(dir) ? NULL : ptr_take(&path);
		str_set(&top, path);
	} while (go_up(path));
	if (!top || is_below_manager(own))
		return NULL;
	if (is_root)
		return access("/run/systemd/system", F_OK) == 0 ? NULL : str_dup(own);
	return ptr_take(&top);
}

void cgroup_our_levels(const struct cgroups *g, bool is_root, struct strv *out)
{
	AUTO_FREE char *top = g->mount && g->own ? find_top(g, g->own, is_root) : NULL, *path = str_dup(g->own);

	while (top) {
		strv_add_take(out, cgroup_dir(g, path));
		if (str_eq(path, top) || !go_up(path))
			break;
	}
}

size_t cgroup_count_others(const char *dir)
{
	AUTO_FREE char *path = str_fmt("%s/cgroup.procs", dir), *text = NULL;
	char *save = NULL;
	size_t n = 0;

	if (fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		n += strtol(line, NULL, 10) != getpid();
	return n;
}

/* The first of @controllers that the words of @name in @dir lack; NULL: all are there. */
static const char *lacking(const char *dir, const char *name, const struct strv *controllers)
{
	AUTO_FREE char *text = controllers->n ? cgroup_read_line(dir, name) : NULL;
	AUTO_STRV struct strv words = { 0 };

	strv_split(&words, text ? text : "", ' ');
	for (size_t i = 0; i < controllers->n; i++)
		if (!strv_has(&words, controllers->v[i]))
			return controllers->v[i];
	return NULL;
}

/* The root of the hierarchy itself, to which the rule of no internal processes does not apply. */
static bool is_root_cgroup(const char *dir)
{
	AUTO_FREE char *type = str_fmt("%s/cgroup.type", dir);

	return access(type, F_OK) < 0;
}

/* Whether a subtree can be made below @path; what is against it goes to @out. */
static bool fits(const struct cgroups *g, const char *path, const struct strv *controllers, struct cgroup_place *out)
{
	AUTO_FREE char *dir = cgroup_dir(g, path);
	const bool is_own = str_eq(path, g->own);
	const char *lack = lacking(dir, "cgroup.controllers", controllers);

	if (lack) {
		out->fault = PLACE_LACKS;
		str_set(&out->controller, lack);
		free(out->level);
		out->level = cgroup_lacking_level(g, path, lack);
		if (!out->level)
			out->level = str_dup(path);
		return false;
	}
	out->enables = lacking(dir, "cgroup.subtree_control", controllers);
	out->moves = false;
	if (out->enables && !is_root_cgroup(dir)) {
		out->others = cgroup_count_others(dir);
		if (out->others) {
			out->fault = PLACE_BUSY;
			return false;
		}
		out->moves = is_own;
	}
	out->fault = PLACE_FOUND;
	str_set(&out->path, path);
	return true;
}

/* --cgroup-parent: as it is typed, or below the cgroup that we sit in. */
static char *parent_path(const struct cgroups *g, const char *parent)
{
	AUTO_FREE char *joined = parent[0] == '/' ? str_dup(parent)
						  : str_fmt("%s/%s", str_eq(g->own, "/") ? "" : g->own, parent);

	return path_clean(joined);
}

void cgroup_find_place(const struct cgroups *g, const struct strv *controllers, const char *parent, bool is_root,
		       struct cgroup_place *out)
{
	AUTO_FREE char *top = NULL, *path = NULL;

	*out = (struct cgroup_place){ .fault = g->mount && g->own ? PLACE_NOT_OURS : PLACE_NO_TREE };
	if (out->fault == PLACE_NO_TREE)
		return;
	if (parent) {
		AUTO_FREE char *dir = NULL;

		path = parent_path(g, parent);
		dir = cgroup_dir(g, path);
		/* what is asked for must be ours, too; real root may ask for anything */
		top = is_root ? NULL : find_top(g, path, false);
		if (top || (is_root && may_write(dir, false)))
			(void)fits(g, path, controllers, out);
		return;
	}
	top = find_top(g, g->own, is_root);
	path = str_dup(g->own);
	while (top && !fits(g, path, controllers, out) && !str_eq(path, top) && go_up(path))
		;
}

void cgroup_place_fini(struct cgroup_place *p)
{
	auto_free(&p->path);
	auto_free(&p->controller);
	auto_free(&p->level);
}
