/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups_tree.h - the hierarchy of what is lichen's, with what it uses */
#ifndef RUN_GROUPS_TREE_H
#define RUN_GROUPS_TREE_H

#include <stdint.h>

#include "run/groups.h"

enum node_kind { NODE_PLACE, NODE_GROUP, NODE_SANDBOX, NODE_OTHER };

struct group_node {
	enum node_kind kind;
	char *label;		/* what it is called at its place; owned */
	char *name;		/* a group's whole name, a sandbox's name or NULL; owned */
	char *id;		/* a sandbox's, 12 digits; owned; NULL */
	char *dir;		/* owned */
	bool for_command;
	size_t processes;	/* in it and below */
	bool has_memory, has_cpus;	/* the controller is there */
	uint64_t memory, memory_max;	/* bytes; max LIMIT_MAX */
	double cpus;		/* 0: no bound */
	struct group_node *v;
	size_t n;
};

/**
 * group_tree() - Read the hierarchy
 * @only:	the group or sandbox to begin with; NULL: every place where something of lichen's is
 * @all:	what is not lichen's, too
 * @out:	a node without a label, whose children are the places; or @only's
 * Errors:	none of its own: what has gone meanwhile is left out
 */
void group_tree(const struct groups *gs, const struct own_group *only, bool all, struct group_node *out);
void group_node_fini(struct group_node *n);

/* Appends the tree as text, a line for each node. Pure. */
void group_tree_draw(const struct group_node *n, bool is_utf8, struct buf *out);
void group_tree_json(const struct group_node *n, struct buf *out);

/* Whether these values of LC_ALL, LC_CTYPE and LANG (or NULL) name UTF-8. Pure. */
bool locale_is_utf8(const char *all, const char *ctype, const char *lang);

#endif
