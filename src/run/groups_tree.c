/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups_tree.c - the hierarchy of what is lichen's: read, drawn, and as JSON */

#include "run/groups_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/size.h"
#include "run/groups_internal.h"
#include "store/store.h"

enum { DEPTH_MAX = 64, ID_SHORT = 12, RUNS_MAX = 4096 };

/* ---- reading ---- */

static uint64_t number(const char *text)
{
	return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : LIMIT_MAX;
}

static void measure(struct group_node *n)
{
	AUTO_FREE char *used = cgroup_read_line(n->dir, "memory.current"), *max = cgroup_read_line(n->dir, "memory.max");
	AUTO_FREE char *cpu = cgroup_read_line(n->dir, "cpu.max");
	unsigned long long quota, period;

	n->processes = groups_count(n->dir, true);
	n->has_memory = used;
	n->memory = used ? number(used) : 0;
	n->memory_max = max ? number(max) : LIMIT_MAX;
	n->has_cpus = cpu;
	if (cpu && sscanf(cpu, "%llu %llu", &quota, &period) == 2 && period)
		n->cpus = (double)quota / (double)period;
}

static struct group_node *add(struct group_node *to, enum node_kind kind, const char *label, const char *dir)
{
	struct group_node *n;

	to->v = mem_grow(to->v, to->n + 1, sizeof(*to->v));
	n = &to->v[to->n++];
	*n = (struct group_node){ .kind = kind, .label = str_dup(label), .dir = str_dup(dir) };
	return n;
}

/* The running sandboxes, and the directory of each that has a cgroup of its own. */
struct runs {
	struct run_names names;
	struct strv dirs;
};

static void read_runs(const struct groups *gs, struct runs *r)
{
	struct store st;
	struct err e;

	/* without a store there are no sandboxes */
	if (store_open(&st, gs->f.uid, gs->f.home, &e) < 0) {
		log_debug("%s: %s", e.path, e.what);
		return;
	}
	if (store_list(&st, RUNS_MAX, &r->names, &e) < 0)
		log_debug("%s: %s", e.path, e.what);
	for (size_t i = 0; i < r->names.n; i++) {
		struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
		AUTO_FREE char *dir = store_find(&st, r->names.v[i].id, &rd, &e) == 0 ? store_cgroup_of(&rd) : NULL;

		if (dir)
			strv_add(&r->dirs, dir);
		run_dir_fini(&rd);
	}
	store_close(&st);
}

static void runs_fini(struct runs *r)
{
	run_names_fini(&r->names);
	strv_fini(&r->dirs);
}

static void add_sandbox(struct group_node *to, const struct runs *r, const char *leaf, const char *dir)
{
	AUTO_FREE char *id = str_dupn(leaf + strlen("lichen-"), ID_SHORT), *box = NULL;
	struct group_node *n;
	const char *name = NULL;

	for (size_t i = 0; i < r->names.n; i++)
		if (str_starts(r->names.v[i].id, id))
			name = r->names.v[i].name;
	/* the limits lie in the box; lichen itself may sit beside it */
	box = str_fmt("%s/box", dir);
	n = add(to, NODE_SANDBOX, name ? name : id, box);
	n->id = ptr_take(&id);
	n->name = str_dup(name);
	measure(n);
}

static void scan(struct group_node *to, const struct runs *r, const char *within, bool all, int depth);

static void add_group(struct group_node *to, const struct runs *r, const char *label, const char *name, const char *dir, bool all,
		      int depth)
{
	struct group_node *n = add(to, NODE_GROUP, label, dir);

	n->name = str_dup(name);
	n->for_command = group_is_for_command(dir);
	measure(n);
	scan(n, r, name, all, depth);
}

/* What is in to->dir. @within: the name of the group that it is, or NULL. */
static void scan(struct group_node *to, const struct runs *r, const char *within, bool all, int depth)
{
	AUTO_STRV struct strv names = { 0 };

	if (depth > DEPTH_MAX)
		return;
	group_children(to->dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *dir = str_fmt("%s/%s", to->dir, names.v[i]), *box = str_fmt("%s/box", dir), *first = NULL, *name = NULL;
		bool is_scope = false;

		first = group_of_leaf(names.v[i], &is_scope);
		if (group_is_sandbox(names.v[i])) {
			add_sandbox(to, r, names.v[i], dir);
		} else if (first && group_is_dir(dir)) {
			add_group(to, r, first, first, is_scope ? box : dir, all, depth + 1);
		} else if (within && !str_starts(names.v[i], "lichen-")) {
			name = str_fmt("%s/%s", within, names.v[i]);
			add_group(to, r, names.v[i], name, dir, all, depth + 1);
		} else if (all) {
			struct group_node *n = add(to, NODE_OTHER, names.v[i], dir);

			measure(n);
			scan(n, r, NULL, all, depth + 1);
		}
	}
}

/* Whether @dir has been read already, as a place or as a group of one. */
static bool has_dir(const struct group_node *n, const char *dir)
{
	for (size_t i = 0; i < n->n; i++)
		if (str_eq(n->v[i].dir, dir) || has_dir(&n->v[i], dir))
			return true;
	return false;
}

static void add_place(struct group_node *root, const struct groups *gs, const struct runs *r, const char *dir, bool all)
{
	struct group_node *n;

	if (has_dir(root, dir) || access(dir, F_OK) < 0)
		return;
	n = add(root, NODE_PLACE, dir + (str_starts(dir, gs->tree.mount) ? strlen(gs->tree.mount) : 0), dir);
	if (!*n->label)
		str_set(&n->label, "/");
	measure(n);
	scan(n, r, NULL, all, 0);
	if (n->n || all)
		return;
	group_node_fini(n);
	root->n--;
}

void group_tree(const struct groups *gs, const struct own_group *only, bool all, struct group_node *out)
{
	struct runs r = { 0 };

	*out = (struct group_node){ 0 };
	read_runs(gs, &r);
	if (only) {
		struct group_node *n = add(out, only->kind == OWN_SANDBOX ? NODE_SANDBOX : NODE_GROUP, only->name, only->dir);

		n->name = str_dup(only->name);
		n->for_command = only->for_command;
		measure(n);
		scan(n, &r, only->kind == OWN_SANDBOX ? NULL : only->name, all || only->kind == OWN_SANDBOX, 0);
	} else {
		/* with all that is below, the uppermost one has the others */
		for (size_t i = all && gs->levels.n ? gs->levels.n - 1 : 0; i < gs->levels.n; i++)
			add_place(out, gs, &r, gs->levels.v[i], all);
		if (gs->slice)
			add_place(out, gs, &r, gs->slice, all);
		for (size_t i = 0; !all && i < r.dirs.n; i++) {
			*strrchr(r.dirs.v[i], '/') = '\0';
			add_place(out, gs, &r, r.dirs.v[i], false);
		}
	}
	runs_fini(&r);
}

void group_node_fini(struct group_node *n)
{
	for (size_t i = 0; i < n->n; i++)
		group_node_fini(&n->v[i]);
	free(n->v);
	auto_free(&n->label);
	auto_free(&n->name);
	auto_free(&n->id);
	auto_free(&n->dir);
	n->v = NULL;
	n->n = 0;
}

/* ---- drawing ---- */

static void add_values(const struct group_node *n, struct buf *out)
{
	char used[SIZE_TEXT], max[SIZE_TEXT];

	buf_addf(out, "%zu process%s", n->processes, n->processes == 1 ? "" : "es");
	if (n->has_memory)
		buf_addf(out, ", %s", size_format(n->memory, used));
	if (n->has_memory && n->memory_max != LIMIT_MAX)
		buf_addf(out, " of %s", size_format(n->memory_max, max));
	if (n->cpus > 0)
		buf_addf(out, ", %.4g cpus", n->cpus);
}

static void add_node(const struct group_node *n, struct buf *out)
{
	static const char *const kinds[] = { [NODE_PLACE] = NULL, [NODE_GROUP] = NULL, [NODE_SANDBOX] = "sandbox",
					     [NODE_OTHER] = "not lichen's" };

	buf_add_safe(out, n->label);
	if (n->kind != NODE_PLACE) {
		buf_add(out, "  (");
		if (kinds[n->kind])
			buf_addf(out, "%s%s%s, ", kinds[n->kind], n->id && n->name ? " " : "", n->id && n->name ? n->id : "");
		if (n->for_command)
			buf_add(out, "for one command, ");
		add_values(n, out);
		buf_add(out, ")");
	}
	buf_add(out, "\n");
}

static void draw(const struct group_node *n, bool is_utf8, const char *lead, struct buf *out)
{
	for (size_t i = 0; i < n->n; i++) {
		const bool is_last = i + 1 == n->n;
		AUTO_FREE char *below = str_fmt("%s%s", lead, is_last ? "   " : is_utf8 ? "│  " : "|  ");

		buf_add(out, lead);
		buf_add(out, is_utf8 ? is_last ? "└─ " : "├─ " : is_last ? "`- " : "|- ");
		add_node(&n->v[i], out);
		draw(&n->v[i], is_utf8, below, out);
	}
}

void group_tree_draw(const struct group_node *n, bool is_utf8, struct buf *out)
{
	if (n->label) {
		add_node(n, out);
		draw(n, is_utf8, "", out);
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		group_tree_draw(&n->v[i], is_utf8, out);
}

bool locale_is_utf8(const char *all, const char *ctype, const char *lang)
{
	const char *name = all && *all ? all : ctype && *ctype ? ctype : lang ? lang : "";
	const char *charset = strchr(name, '.');
	size_t n;

	if (!charset)
		return false;
	n = strcspn(++charset, "@");
	return (n == 5 && strncasecmp(charset, "UTF-8", n) == 0) || (n == 4 && strncasecmp(charset, "utf8", n) == 0);
}

/* ---- JSON ---- */

static void json_text(struct buf *out, const char *key, const char *value)
{
	buf_addf(out, ",\"%s\":", key);
	if (value)
		buf_add_json(out, value);
	else
		buf_add(out, "null");
}

static void json_number(struct buf *out, const char *key, bool is_known, uint64_t value)
{
	if (is_known && value != LIMIT_MAX)
		buf_addf(out, ",\"%s\":%" PRIu64, key, value);
	else
		buf_addf(out, ",\"%s\":null", key);
}

static void json_children(const struct group_node *n, struct buf *out)
{
	buf_add(out, "[");
	for (size_t i = 0; i < n->n; i++) {
		buf_add(out, i ? "," : "");
		group_tree_json(&n->v[i], out);
	}
	buf_add(out, "]");
}

void group_tree_json(const struct group_node *n, struct buf *out)
{
	static const char *const kinds[] = { [NODE_PLACE] = "place", [NODE_GROUP] = "group", [NODE_SANDBOX] = "sandbox",
					     [NODE_OTHER] = "other" };

	if (!n->label) {
		json_children(n, out);
		return;
	}
	buf_addf(out, "{\"kind\":\"%s\"", kinds[n->kind]);
	json_text(out, "name", n->name);
	json_text(out, "id", n->id);
	json_text(out, "path", n->dir);
	buf_addf(out, ",\"forCommand\":%s,\"processes\":%zu", n->for_command ? "true" : "false", n->processes);
	json_number(out, "memory", n->has_memory, n->memory);
	json_number(out, "memoryMax", n->has_memory, n->memory_max);
	if (n->cpus > 0)
		buf_addf(out, ",\"cpus\":%.4g", n->cpus);
	else
		buf_add(out, ",\"cpus\":null");
	buf_add(out, ",\"children\":");
	json_children(n, out);
	buf_add(out, "}");
}
