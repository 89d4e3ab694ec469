/* SPDX-License-Identifier: Apache-2.0 */
/* run/update.h - what is done to sandboxes that run: their limits changed, all of it stopped and let go on
 *
 * By any process of the user that started them; the supervisor is not asked. Whoever changes
 * something holds a lock on the directory RUN/ID meanwhile (not the supervisor's, which is RUN/ID/lock).
 */
#ifndef RUN_UPDATE_H
#define RUN_UPDATE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/limits.h"
#include "store/store.h"

/* A sandbox that runs and its cgroup, locked against others who change it. */
struct running {
	struct run_dir rd;
	char *dir, *box;	/* as in steps/cgroup.h; owned */
	char *inner;		/* NULL: the box has none; owned */
	int lock_fd;
};

/**
 * running_open() - Find a sandbox that has a cgroup of its own, and wait for the lock
 * @ref:	an id, prefix or name
 * @r:		released by running_close(), also after a failure
 * Errors:	STATE: no such sandbox, none with a cgroup, it has ended; SYS
 */
NODISCARD int running_open(struct running *r, struct store *st, const char *ref, struct err *e);
void running_close(struct running *r);

/* Its definition. @s: fresh from spec_init(). Errors: SYS; as oci_read() */
struct spec;
NODISCARD int run_read_config(const struct run_dir *rd, struct spec *s, struct err *e);

/* Whether the sandbox has ended while something was done to it: then @e says so instead. */
bool running_has_ended(const struct running *r, struct err *e);

#define AUTO_RUNNING __attribute__((cleanup(running_close)))

/* ---- limits ---- */

struct update {
	struct spec_limits over;	/* what is asked for */
	bool is_forced;		/* also less memory than is in use */
};

/* What became of it. */
struct updated {
	char *id;		/* owned */
	struct limit_files files;	/* that were written */
};

/**
 * run_update() - Lay limits over those of a sandbox that runs: in its cgroup and in its config.json
 * @out:	released by updated_fini(), also after a failure
 * All of it or nothing: after a failure everything reads as before.
 * Errors:	SPEC: a rule that the limits break together, or more than the machine or a level above has;
 *		HOST: a controller is not enabled; STATE, SYS as running_open() and cgroup_set_limit()
 */
NODISCARD int run_update(struct store *st, const char *ref, const struct update *u, struct updated *out, struct err *e);
void updated_fini(struct updated *out);

/**
 * update_files() - Which files change when @over is laid over @before, in the order to write them
 * @after:	gets both, the later one winning
 * @out:	what is asked for, whatever stood there, and what follows from it; memory.max last
 */
void update_files(const struct spec_limits *before, const struct spec_limits *over, struct spec_limits *after,
		  struct limit_files *out);

/* What a directory of a cgroup held before something was written there. */
struct undo {
	struct undo_entry {
		char *dir, *file, *value;	/* owned */
	} *v;
	size_t n;
};

/* Writes the files to @box, and to @inner (or NULL) those that options name. Errors: as cgroup_set_limit(). */
NODISCARD int update_write(const char *box, const char *inner, const struct limit_files *f, struct undo *u, struct err *e);
void undo_all(struct undo *u);	/* backwards; what cannot be taken back is a warning */
void undo_fini(struct undo *u);

/* ---- pause ---- */

/**
 * run_pause() - Stop every process of a sandbox until run_unpause()
 * @id:		its id, owned by the caller
 * Comes back when all have stopped. A signal that ends a process without asking it ends it all the same.
 * Errors:	STATE as running_open(), paused already; HOST: not all of them stopped in time, and all go on
 */
NODISCARD int run_pause(struct store *st, const char *ref, char **id, struct err *e);
/* Errors: STATE as running_open(), not paused; SYS */
NODISCARD int run_unpause(struct store *st, const char *ref, char **id, struct err *e);

/* Whether somebody asked for it; false where the sandbox has no cgroup. */
bool run_is_paused(const struct run_dir *rd);
/* The same of a directory of a cgroup; NULL: false. */
bool box_is_paused(const char *box);

#endif
