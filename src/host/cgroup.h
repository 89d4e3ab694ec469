/* SPDX-License-Identifier: Apache-2.0 */
/* host/cgroup.h - the cgroup that we sit in, what of the tree is ours, which controllers it has
 *
 * cgroups(7). Paths of cgroups are as /proc/self/cgroup has them, from the top of what this cgroup
 * namespace shows ("/", "/user.slice"); cgroup_dir() makes directories of them. Only looks.
 *
 * Ours is what was delegated to us: systemd marks the top of it with the attribute user.delegate
 * (the machine's from version 251 on, a user's later than 252), and lichen marks what it hands on. The top of a systemd manager's own
 * part (user@UID.service) is marked as well and belongs to that manager, who shares it only over
 * D-Bus. Without a mark anywhere, what we own and may write is ours, but nothing below a manager.
 */
#ifndef HOST_CGROUP_H
#define HOST_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/str.h"

enum cgroup_kind { CGROUPS_NONE, CGROUPS_V1, CGROUPS_HYBRID, CGROUPS_V2 };

struct cgroups {
	enum cgroup_kind kind;
	const char *mount;	/* of the v2 tree; NULL where there is none */
	char *own;		/* the cgroup that we sit in; owned; NULL */
	char *v1;		/* controllers that are bound to v1, with commas; owned */
};

void cgroups_read(struct cgroups *g);
void cgroups_fini(struct cgroups *g);

/* The directory of the cgroup @path; owned. */
char *cgroup_dir(const struct cgroups *g, const char *path);

/* Whether the words of the file @name in the directory @dir have @word. */
bool cgroup_has_word(const char *dir, const char *name, const char *word);
/* One line of the file @name in @dir, without its newline; owned; NULL with errno. */
char *cgroup_read_line(const char *dir, const char *name);
/* The number behind @key in a file of lines "key number" (memory.events); 0 where it is not there. */
unsigned long long cgroup_event(const char *dir, const char *name, const char *key);

/* The first level from the top down to @path whose cgroup.controllers lacks @controller, without its name NULL; owned. */
char *cgroup_lacking_level(const struct cgroups *g, const char *path, const char *controller);

/* Whether somebody handed the cgroup on: the attribute user.delegate. */
bool cgroup_is_marked(const char *dir);

/* The cgroup of the user's systemd where it is there and the user's; of the machine's systemd for real root: "/".
 * Owned; NULL. */
char *cgroup_manager_of(const struct cgroups *g, uid_t uid, bool is_root);
/* Whether that systemd has a socket to be asked at. */
bool cgroup_manager_answers(uid_t uid, bool is_root);

/* Appends the directories of the levels that are ours, from the one that we sit in upwards; none where
 * it was not delegated to us. */
void cgroup_our_levels(const struct cgroups *g, bool is_root, struct strv *out);

/* Processes in the cgroup itself that are not this one. */
size_t cgroup_count_others(const char *dir);

enum place_fault {
	PLACE_FOUND,
	PLACE_NO_TREE,		/* no cgroup v2 at all */
	PLACE_NOT_OURS,		/* where we sit was not delegated to us */
	PLACE_LACKS,		/* a controller is not there: @controller from @level on */
	PLACE_BUSY,		/* controllers must be enabled above @others processes, which nobody moves */
};

struct cgroup_place {
	enum place_fault fault;
	char *path;		/* below which a run's cgroup is made; owned */
	bool moves;		/* we are alone in it, and move to a leaf so that controllers can be enabled */
	bool enables;		/* controllers must be enabled in it */
	char *controller, *level;	/* PLACE_LACKS; owned */
	size_t others;		/* PLACE_BUSY */
};

/**
 * cgroup_find_place() - Where we may make a subtree by ourselves that has @controllers
 * @parent:	the cgroup to take, as --cgroup-parent names it; NULL: the first that fits, from ours upwards
 * @is_root:	real root, to whom everything could be written: only what is marked, or its own cgroup
 *		where no systemd runs, is taken for root's
 * Nothing is changed.
 */
void cgroup_find_place(const struct cgroups *g, const struct strv *controllers, const char *parent, bool is_root,
		       struct cgroup_place *out);
void cgroup_place_fini(struct cgroup_place *p);

#define AUTO_CGROUPS __attribute__((cleanup(cgroups_fini)))

#endif
