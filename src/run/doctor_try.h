/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_try.h - what doctor's trials share: the table's row, its answers, children */
#ifndef RUN_DOCTOR_TRY_H
#define RUN_DOCTOR_TRY_H

#include <stdbool.h>

#include "base/err.h"
#include "host/facts.h"
#include "run/doctor.h"

struct attempt;
typedef void trial_fn(struct attempt *a);

/* One thing that is tried: a row of the table in run/doctor.c. */
struct trial {
	const char *id;		/* stable: in the JSON and the manual */
	const char *what;	/* for people */
	trial_fn *fn;		/* answers once, by works() or lacks...() */
	bool is_needed;		/* by `run`: what fails is broken, else missing */
	bool needs_userns;	/* left out where there are none */
	const char *gives;	/* what is missing with it; NULL where it is needed */
};

struct attempt {
	struct doctor *d;
	const struct trial *t;
	struct facts f;
	struct err facts_err;	/* of facts_read(); kind ERR_NONE where it worked */
	char *data, *run;	/* lichen's two directories; owned */
	bool has_userns, has_openat2;
};

/* The answers. lacks(): @cause is an id of host/hint.c's table; lacks_err() finds it by @e. */
void works(struct attempt *a, const char *fmt, ...) PRINTF(2, 3);
void lacks(struct attempt *a, const char *cause, const char *fmt, ...) PRINTF(3, 4);
void lacks_err(struct attempt *a, const struct err *e);

/* ---- children: whatever changes the process is done in one ---- */

typedef int probe_fn(const void *arg, struct err *e);

/* Calls @fn in a child; -1 with its error. */
NODISCARD int probe(probe_fn *fn, const void *arg, struct err *e);

/* 0 where the child @pid ended with status 0. */
NODISCARD int probe_wait(pid_t pid);

/* In a child: a user namespace with one id and @flags, from inside. */
NODISCARD int probe_enter(unsigned flags, struct err *e);

/* The first line of a small file without its newline, tabs as blanks; owned, or NULL. */
char *read_line(const char *path);

/* "ext4" of the file system that holds @path. */
const char *fs_name(const char *path);

/* @path or the nearest directory above it that exists. Owned. */
char *existing(const char *path);

/* run/doctor_ns.c */
trial_fn try_kernel, try_chroot, try_openat2, try_userns, try_namespaces, try_limits, try_nested, try_proc, try_run;
/* run/doctor_ids.c */
trial_fn try_subids, try_tools, try_no_new_privs;
/* run/doctor_fs.c */
trial_fn try_data_dir, try_run_dir, try_overlay_data, try_overlay_tmp, try_overlay_var_tmp, try_fuse, try_fuse_overlayfs, try_tun;
/* run/doctor_cgroup.c */
trial_fn try_cgroup, try_delegation, try_controllers, try_user_manager, try_linger;
/* run/doctor_kernel.c */
trial_fn try_seccomp, try_seccomp_notify, try_landlock, try_ping, try_low_ports, try_memfd, try_keyring;

#endif
