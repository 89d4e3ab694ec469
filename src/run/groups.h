/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups.h - cgroups that the user makes by name: found, made, limited, entered, removed
 *
 *   PLACE/lichen.NAME/...                       by ourselves: PLACE is what is delegated to us
 *   lichen.slice/lichen-group-NAME.scope/       made by systemd, which knows it as a unit
 *     holder/                                   a process of ours that only waits: an empty scope is collected
 *     box/...                                   the group
 *
 * A group's name is NAME[/NAME...]; the parts behind the first are directories below. A dot stands
 * behind "lichen", so that no group is taken for a sandbox's lichen-ID. Directories of other names,
 * or of another owner, are never changed.
 */
#ifndef RUN_GROUPS_H
#define RUN_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "host/cgroup.h"
#include "host/facts.h"
#include "run/run.h"
#include "spec/limits.h"
#include "spec/spec.h"

struct groups {
	struct facts f;
	struct cgroups tree;
	enum cgroup_manager manager;	/* which of the two ways are looked at */
	struct strv levels;	/* directories that are ours, from where we sit upwards */
	char *slice;		/* the directory of systemd's lichen.slice, which may not be there; owned; NULL */
};

enum own_kind { OWN_CGROUPFS, OWN_SYSTEMD, OWN_SANDBOX };

struct own_group {
	char *name;		/* "job/part"; of a sandbox its name, else its short id; owned */
	char *dir;		/* where the processes and the limits are; owned */
	char *base;		/* the level above the first part: PLACE, or the scope; owned */
	enum own_kind kind;
	bool for_command;	/* made by `exec` for one command */
};

struct own_groups {
	struct own_group *v;
	size_t n;
};

/* Errors: HOST where there is no cgroup v2, or --cgroup-manager=none was given. */
NODISCARD int groups_open(struct groups *gs, enum cgroup_manager manager, struct err *e);
void groups_close(struct groups *gs);

/* Whether @name can be a group's. Pure. Errors: USAGE */
NODISCARD int groups_check_name(const char *name, struct err *e);

/* 1 with @out, 0 where there is no such group; -1: the name is none. */
NODISCARD int groups_find(const struct groups *gs, const char *name, struct own_group *out, struct err *e);
/* Says that there is none, and which is near; -1. */
int groups_missing(const struct groups *gs, const char *name, struct err *e);
/* The group, else the running sandbox of that name or id. Errors: USAGE, STATE */
NODISCARD int groups_find_any(const struct groups *gs, const char *ref, struct own_group *out, struct err *e);

/* Appends all groups, each behind the one above it, in the order of their names. */
void groups_list(const struct groups *gs, struct own_groups *out);

void own_group_fini(struct own_group *g);
void own_groups_fini(struct own_groups *l);

/**
 * groups_make() - Make a group with limits, or nothing
 * @with_parents:	those of the name that are not there, too
 * Errors:	STATE where it is there, or a group above it is not; HOST, SPEC, SYS as for a sandbox's limits
 */
NODISCARD int groups_make(const struct groups *gs, const char *name, const struct spec_limits *l, bool with_parents,
			  struct err *e);

/* Sets limits and reads them back; where one is refused, those before it are put back. @freeze: NULL, "0" or "1". */
NODISCARD int groups_set(const struct groups *gs, const struct own_group *g, const struct spec_limits *l, const char *freeze,
			 struct err *e);

/**
 * groups_remove() - Remove a group
 * @force:	end what runs in it; @recursive: and the groups below
 * Errors:	STATE with what is in the way
 */
NODISCARD int groups_remove(const struct groups *gs, const char *name, bool force, bool recursive, struct err *e);

/* Processes in @dir, and with @below in all that is below it. */
size_t groups_count(const char *dir, bool below);

/* We go to the group, and then become @args. Returns only where that fails. */
NODISCARD int groups_exec(const struct groups *gs, const struct own_group *g, const struct strv *args, struct err *e);

/**
 * groups_run() - Run @args in a group that is made for it, and removed when it has ended
 * Signals are passed on. What the command leaves running in the group is ended.
 * Errors:	as of groups_make(), and of the command (126, 127)
 */
NODISCARD int groups_run(const struct groups *gs, const char *name, const struct spec_limits *l, const struct strv *args,
			 struct run_end *end, struct err *e);

#define AUTO_GROUPS	__attribute__((cleanup(groups_close)))
#define AUTO_OWN_GROUP	__attribute__((cleanup(own_group_fini)))
#define AUTO_OWN_GROUPS __attribute__((cleanup(own_groups_fini)))

#endif
