/* SPDX-License-Identifier: Apache-2.0 */
/* store/store.h - one run on disk: its definition, its live directory, its lock
 *
 *   DATA/containers/ID/   config.json, and the writable layer: upper work lower copy
 *   RUN/ID/               lock (flock held by the supervisor), state.json, control and ns (sockets),
 *                         cgroup (a link to its directory, where it has one);
 *                         config.json, too, of a run in memory, which has no directory on disk
 *
 * DATA is $XDG_DATA_HOME/lichen, else ~/.local/share/lichen; /var/lib/lichen for root. Where
 * the last two cannot be written: lichen-UID in $TMPDIR or /var/tmp, made 0700. Where one cannot be written
 * that has images or volumes of ours, only runs lie elsewhere: these are read where they are (KEPT).
 * RUN is /run/user/UID/lichen where /run/user/UID is ours (mode 0700, owner), whatever the
 * environment says; /run/lichen for root; else the one recorded in DATA/runtime-dir while
 * it is still ours, else lichen-UID in /dev/shm, /tmp or /var/tmp,
 * the first that can be ours alone (made 0700).
 *
 * Order, so that two lichens and a kill at any instant meet no half-made run:
 *   made:    RUN/.new-ID, its lock taken, renamed to RUN/ID; then the same of DATA/containers/ID
 *   removed: DATA/containers/ID, then RUN/ID
 * so a live directory whose lock is free belongs to a dead supervisor, and a definition
 * without a live directory is garbage where its own lock is free, too, and it is not marked by
 * the file "kept". Its own lock, as RUN may differ: /run/user/UID is made anew, /dev/shm is
 * another one in another container, a home is on several machines. These do not see each
 * other's locks: on a network file system the link "host" tells whose a definition is.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

struct store {
	char *data_dir, *run_dir;	/* absolute, real; owned */
	char *kept_dir;			/* has images and volumes, and cannot be written; NULL: these are in data_dir; owned */
	int kept_errnum;		/* why: EROFS, EACCES ... */
	bool is_roots;			/* DATA is the machine's, /var/lib/lichen */
	bool is_shared;			/* DATA is on a network file system: other machines sweep it too */
	int data_fd, run_fd;		/* O_PATH directories "containers" and RUN */
};

/* What state.json says. */
struct run_state {
	char *status;		/* "creating" "created" "running" "stopped" */
	pid_t pid;		/* of the child, in the supervisor's pid namespace; 0: none yet */
	uint64_t pid_start;	/* field 22 of /proc/PID/stat: clock ticks since boot */
	pid_t supervisor;
	char *boot_id;		/* of the boot that pid and pid_start belong to; NULL: not known; owned */
	struct id_map uids, gids;	/* what was written */
	struct strv rungs;	/* "ids=range", "overlay=kernel" */
	char *cgroup;		/* the directory on which the limits lie; owned; NULL */
	bool has_ended;		/* the next three are known */
	int exit_status;
	bool oom_killed;
	char *cause;		/* of struct run_end; owned; NULL */
};

struct run_dir {
	char *id;		/* 64 hex digits; owned */
	char *data;		/* DATA/containers/ID; of a run in memory the same as live; owned */
	char *live;		/* RUN/ID; owned */
	int lock_fd;		/* flocked; -1 in readers */
	int data_fd;		/* DATA/containers/ID, flocked; -1 in readers and of a run in memory */
};

/* Finds and makes the two directories. */
NODISCARD int store_open(struct store *st, uid_t uid, const char *home, struct err *e);
void store_close(struct store *st);

/* Adds the real paths of all directories in which lichen may have files of its own. */
void store_places(const struct store *st, uid_t uid, struct strv *out);

enum run_kind {
	RUN_IN_MEMORY,	/* no layer, nothing outlives it: RUN/ID only */
	RUN_ON_DISK,	/* both directories, thrown away in the end */
	RUN_KEPT,	/* both, and the definition stays: marked by the empty file "kept" */
};

/**
 * store_create() - Make the directories of a new run and take its lock
 * @name:	refused (ERR_STATE, names the holder) where a live run has it; may be NULL
 * Every directory gets mode 0700.
 */
NODISCARD int store_create(struct store *st, const char *name, enum run_kind kind, struct run_dir *rd, struct err *e);

/* Writes config.json or state.json by rename; no fsync for what is thrown away anyway. */
NODISCARD int store_write_config(const struct run_dir *rd, const char *json, size_t len, struct err *e);
NODISCARD int store_write_state(const struct run_dir *rd, const struct spec *s, const struct run_state *state,
				struct err *e);
NODISCARD int store_read_state(const struct run_dir *rd, struct run_state *state, struct err *e);
void run_state_fini(struct run_state *state);

/* Finds a live run by id, unique prefix or name (no lock taken). */
NODISCARD int store_find(struct store *st, const char *ref, struct run_dir *rd, struct err *e);
void run_dir_fini(struct run_dir *rd);	/* closes the lock */
/* Its name, or NULL; owned. */
char *store_name_of(const struct run_dir *rd);

enum { RUN_ID_SHORT = 12 };	/* digits of an id that are shown where there is little room */

/* A live run, as people call it. */
struct run_name {
	char *id;	/* 64 hex digits; owned */
	char *name;	/* NULL: none; owned */
};

struct run_names {
	struct run_name *v;
	size_t n;
};

/**
 * store_list() - The live runs, in no order
 * @max:	stop after so many, so that with thousands of runs an answer still comes at once; SIZE_MAX: all
 * @out:	released by run_names_fini(), also after a failure
 *
 * As store_find() finds them: nothing is locked, made or removed, so a run may have ended when
 * this returns. A name is one by which store_find() finds the run.
 * Errors:	SYS where RUN cannot be read
 */
NODISCARD int store_list(const struct store *st, size_t max, struct run_names *out, struct err *e);
void run_names_fini(struct run_names *names);

/* Whether the run whose definition lies in @dir has what is looked for. */
typedef bool store_is_user_fn(const char *dir, const void *arg);
/* Adds the names, else short ids, of the live runs that have it, for messages. One that has just begun to start may be missing. */
void store_users(struct store *st, store_is_user_fn *is_user, const void *arg, struct strv *out);

/**
 * store_remove_tree() - rm -rf by descriptors, never following a link or leaving the file system
 * Return: 0, or -1 with @e; EACCES and EPERM mean: try again inside the id map that made it
 */
NODISCARD int store_remove_tree(const char *path, struct err *e);

/* Removes both directories of a run in the order above, in the id map where that is
 * needed; @in_map runs @fn(arg) in a process inside the map and returns its result. */
typedef int store_in_map_fn(const struct id_map *uids, const struct id_map *gids,
			    int (*fn)(const void *arg, struct err *e), const void *arg, struct err *e);
NODISCARD int store_remove(const struct run_dir *rd, const struct id_map *uids, const struct id_map *gids,
			   store_in_map_fn *in_map, struct err *e);

/**
 * store_sweep() - Finish what dead supervisors left
 * For each live directory whose lock is free: kills a pid 1 that is still the recorded one
 * (pidfd, then pid start time compared, then SIGKILL), removes both directories when
 * ephemeral. Then definitions that are ephemeral without a live directory, and .new-*
 * left by a kill. With more than 64 live runs, a window of 64 that moves with the clock,
 * so that a start does not get slower with their number. Failures are warnings.
 */
void store_sweep(struct store *st, store_in_map_fn *in_map);

/* ---- the cgroup of a run (store/cgroup.c) ---- */

/* "lichen-0123456789ab", the last part of its name; owned. */
char *store_cgroup_name(const char *id);
/* Records that @dir, below /sys/fs/cgroup, is about to be the run's; before it is made. */
NODISCARD int store_note_cgroup(const struct run_dir *rd, const char *dir, struct err *e);
/* What is recorded, where it can be a run's at all; owned, or NULL. */
char *store_cgroup_of(const struct run_dir *rd);
/* Marks @place, below which runs have their cgroups: @controllers are about to be enabled in it for them. */
void store_note_enabled(const char *place, const struct strv *controllers);
/* Disables in @place what is marked there, once no group is left below it but @own (NULL: none at all). */
void store_disable(const char *place, const char *own);
/* Waits until cgroup.events of @dir says @event, such as "populated 0", of it and what is below, or
 * it is gone; -1 with errno: EBUSY after @timeout_ms. */
NODISCARD int store_wait_event(const char *dir, const char *event, int timeout_ms);
/* Removes @dir and the groups below, which are empty; nothing is ended. */
NODISCARD int store_remove_cgroup(const char *dir, struct err *e);
/* Ends every process in @dir and below, removes it; in the id map where its ids made groups. */
NODISCARD int store_end_cgroup(const char *dir, const struct id_map *uids, const struct id_map *gids,
			       store_in_map_fn *in_map, struct err *e);
/* The same for the whole of what a dead supervisor's run had. */
NODISCARD int store_sweep_cgroup(const struct run_dir *rd, const struct id_map *uids, const struct id_map *gids,
				 store_in_map_fn *in_map, struct err *e);

/* Field 22 of /proc/PID/stat, 0 where there is no such process. */
uint64_t pid_start_time(pid_t pid);

#endif
