/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups_internal.h - what the files of groups share */
#ifndef RUN_GROUPS_INTERNAL_H
#define RUN_GROUPS_INTERNAL_H

#include <sys/types.h>

#include "plan/plan.h"
#include "run/groups.h"
#include "steps/cgroup.h"

#define GROUP_PREFIX "lichen."
#define SCOPE_PREFIX "lichen-group-"
#define SCOPE_SUFFIX ".scope"
#define GROUP_MARK   "user.lichen"	/* "group" or "command" */

/* "job" of "job/part"; owned. */
char *group_first(const char *name);
/* Whether the name is of a sandbox's cgroup: lichen-0123456789ab, or with .scope. */
bool group_is_sandbox(const char *leaf);
/* "job" of lichen.job and lichen-group-job.scope, NULL: neither; @is_scope may be NULL. Owned. */
char *group_of_leaf(const char *leaf, bool *is_scope);
bool group_is_dir(const char *path);	/* a directory that is ours */

bool group_is_for_command(const char *dir);	/* by its mark */
/* Appends the names of the directories in @dir, sorted. */
void group_children(const char *dir, struct strv *out);

/* Which ways there are to make it, and what they are called. Errors: as of groups_make() */
NODISCARD int group_choose(const struct groups *gs, const char *first, const struct spec_limits *l, struct plan_input *in,
			   struct err *e);
int group_exists(const char *name, struct err *e);	/* fills @e; -1 */
/* The directory of a group of several parts, made in the one above; and the controllers for it. */
NODISCARD int group_make_below(const struct groups *gs, const char *name, const struct spec_limits *l, struct own_group *parent,
			       char **dir, struct err *e);
NODISCARD int group_make_dir(const char *dir, const char *name, struct err *e);	/* STATE where it is there */
void group_mark(const char *dir, const char *kind);
/* Writes all of them; the group's own rule for an OOM is that one process dies. */
NODISCARD int group_limit(const char *dir, const struct limit_files *files, bool is_permanent, struct err *e);
/* Asks systemd to move a process to a group that it knows the scope of. */
NODISCARD int group_attach(const struct groups *gs, const struct own_group *g, pid_t pid, struct err *e);

/* run/holder.c: a process of ours that only waits. It ends with us until it is let go. */
struct holder {
	pid_t pid;	/* 0: none */
	int go_fd;
};
NODISCARD int holder_start(struct holder *h, struct err *e);
NODISCARD int holder_release(struct holder *h, struct err *e);	/* from now on it stays */
void holder_end(struct holder *h);				/* where it was not let go */

#endif
