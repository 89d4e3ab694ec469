/* SPDX-License-Identifier: Apache-2.0 */
/* steps/cgroup.h - the cgroup of one run: made, limited, handed on and removed
 *
 *   PLACE/                     what is delegated to us, or the slice in which systemd made the scope
 *     lichen-ID/               of one run; with systemd lichen-ID.scope itself
 *       supervisor/            we ourselves, where controllers had to be enabled above us, or in a scope
 *       box/                   the limits lie here, and here the child is born ...
 *         inner/               ... or here, where root inside could write the files of what it is in
 *           payload/           --cgroupns-rw: the command; inner is what it takes for the top
 *
 * An OOM of the whole group box leaves the supervisor, who tells of it.
 */
#ifndef STEPS_CGROUP_H
#define STEPS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/limits.h"
#include "store/store.h"

struct cgroup_box {
	const struct run_dir *rd;	/* where it is recorded; borrowed; NULL: nowhere */
	char *dir, *box;	/* directories below /sys/fs/cgroup; NULL: nothing is made; owned */
	char *inner;		/* where the child is born, if not in the box; owned; NULL */
	char *place;		/* the directory that @dir was made in; NULL: systemd made it; owned */
	bool has_moved;		/* we sit in DIR/supervisor */
};

/**
 * cgroup_end() - End what is in the box, remove all that was made, go back to where we sat
 * @uids, @gids, @in_map:	of what runs inside, which may have made groups of its own
 * By whoever comes last, the supervisor or its keeper; does nothing the second time.
 * Return: false where the kernel keeps something: then its record must stay for the next sweep.
 */
bool cgroup_end(struct cgroup_box *b, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map);
void cgroup_box_fini(struct cgroup_box *b);

/**
 * cgroup_set_limit() - Write one file of a cgroup and read it back
 * @dir:	the cgroup's directory
 * Errors:	SYS with the file and why the kernel may refuse it; HOST where something else stands there afterwards
 */
NODISCARD int cgroup_set_limit(const char *dir, const struct limit_file *f, struct err *e);

/* Enables @controllers for what is below @dir. Errors: SYS */
NODISCARD int cgroup_enable(const char *dir, const struct strv *controllers, struct err *e);
/* The same for those of @needed, and of what accounts, that are not enabled there; store_disable() takes them back. */
NODISCARD int cgroup_enable_missing(const char *dir, const struct strv *needed, struct err *e);

/* What the making of a box consists of; for whoever has no plan to walk. */
struct plan_cgroup;
/* Makes b->dir below b->place and moves us to a leaf of it where @g says so; enables what is needed in b->place. */
NODISCARD int cgroup_take_place(struct cgroup_box *b, const struct plan_cgroup *g, struct err *e);
/* Asks systemd for the scope @g->unit with the process @pid in it. */
NODISCARD int cgroup_start_scope(const struct plan_cgroup *g, pid_t pid, bool is_root, struct err *e);
/* Whether the scope @dir was given the controllers. Errors: HOST */
NODISCARD int cgroup_check_scope(const char *dir, const struct plan_cgroup *g, struct err *e);
/* The scope for us: b->dir, and we sit in b->dir/supervisor. */
NODISCARD int cgroup_take_scope(struct cgroup_box *b, const struct plan_cgroup *g, bool is_root, struct err *e);
/* Makes @dir/box, which has the controllers; *box is owned by the caller, also after a failure. */
NODISCARD int cgroup_make_box(const char *dir, const struct strv *needed, char **box, struct err *e);

#endif
