/* SPDX-License-Identifier: Apache-2.0 */
/* plan/plan.h - the start of a sandbox as data: ordered steps, each with its rungs
 *
 * plan_build() is a pure function of (spec, input) and the only place that knows the
 * order. The same array is printed by --dry-run, checked by plan_check(), compared with
 * golden files, walked forwards to start and backwards to undo. Both processes walk it,
 * each its own steps.
 *
 * Values known only at run time are slots. Each has one step that writes it; plan_check()
 * verifies that it stands before every step that reads it, at the same place or with a
 * meeting point in between that carries it.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "host/facts.h"
#include "spec/spec.h"

enum place {
	AT_SUPERVISOR,	/* who clones and waits */
	AT_STAGE,	/* between supervisor and child: enters user namespaces, sets time offsets */
	AT_CHILD,	/* in the new namespaces, before exec */
	AT_BOTH,	/* a meeting point */
	PLACES
};

enum step_kind {
	STEP_ENTER,	/* join a user namespace that owns others to be joined */
	STEP_OUTER,	/* what must happen between the user namespace and the clone */
	STEP_CLONE,	/* make the child in its namespaces */
	STEP_JOIN,	/* join one namespace: u.ns */
	STEP_IDMAP,	/* write uid_map, setgroups and gid_map */
	STEP_MEET,	/* a meeting point: u.meet */
	STEP_PRIVATE,	/* cut mount propagation */
	STEP_OPEN,	/* open a directory of the host: u.mount.source -> slot */
	STEP_LOWERS,	/* open the directories of an image's layers -> a range of slots */
	STEP_TREE,	/* clone a host tree as a detached mount, with attributes */
	STEP_IDTREE,	/* the same by the supervisor as real root, idmapped */
	STEP_ATTACH,	/* put a detached tree on a path of the host (in the new mount namespace) */
	STEP_OWN,	/* give a directory of the writable layer to root inside */
	STEP_COPY_FIX,	/* put owners and modes right in a copied tree */
	STEP_ROOT_ID,	/* become root inside */
	STEP_LAYER,	/* a place in memory for the writable layer */
	STEP_OVERLAY,	/* the writable root -> SLOT_ROOT */
	STEP_NEWFS,	/* a new file system as a detached mount -> slot */
	STEP_SETATTR,	/* change mount attributes of the mount in a slot or on a path inside */
	STEP_MOUNT,	/* attach a slot's mount to a path inside the root */
	STEP_SYMLINK,	/* make a symbolic link inside */
	STEP_DIR,	/* make a directory inside */
	STEP_FILL,	/* copy what the root has at a path inside into a fresh volume that will be mounted there */
	STEP_LAYERS,	/* an overlay on a path inside */
	STEP_FILE,	/* write a small file inside */
	STEP_MASK,	/* cover paths with nothing */
	STEP_READONLY,	/* make paths of the root read-only */
	STEP_DEVICES,	/* /dev: device nodes of the host, links */
	STEP_CONSOLE,	/* open a pty of the root's devpts -> SLOT_CONSOLE */
	STEP_LOOPBACK,	/* lo up */
	STEP_HOSTNAME,
	STEP_USER,	/* look USER up in the root's own files -> SLOT_USER */
	STEP_PIVOT,	/* make the root "/" and let go of the old one */
	STEP_CWD,	/* enter the working directory, make it where missing */
	STEP_RLIMITS,
	STEP_STDIO,	/* session, controlling terminal, fds 0 to 2 */
	STEP_SECCOMP,	/* load the filter */
	STEP_CAPS_BOUND,/* bounding set, while there is still the privilege to shrink it */
	STEP_SET_USER,	/* groups, gid, uid */
	STEP_CAPS,	/* the other sets */
	STEP_NO_NEW_PRIVS,
	STEP_DEATHSIG,	/* die with the supervisor */
	STEP_LANDLOCK,	/* the Landlock domain */
	STEP_VERIFY,	/* read everything back */
	STEP_EXEC,
	STEP_OOM,	/* how soon the command is ended when memory is short */
	STEP_SYSCTL,	/* write parameters of the sandbox's namespaces, read them back */
	STEP_DOMAINNAME,
	STEP_UMASK,
	STEP_PERSONALITY,
	STEP_INIT_LOAD,	/* lichen-init, such that nobody inside can write it -> SLOT_INIT */
	STEP_CGROUP,	/* the sandbox's cgroup -> SLOT_CGROUP, where the child is born */
	STEP_LIMIT,	/* write one of its files, read it back: u.limit */
	STEP_DELEGATE,	/* hand the cgroup to root inside, put the command in a leaf of it */
	STEP_PROC_LIMITS,	/* files of /proc that tell the sandbox's limits, served by lichen-proc */
	STEP_INIT,	/* fork: the child goes on with the plan, pid 1 becomes lichen-init */
	STEP_KINDS
};

/* The handshake (run/handshake.c has the table of who sends and what it means). */
enum hs_point { HS_MOUNTNS, HS_USERNS, HS_IDS_MAPPED, HS_TREES, HS_ROOT_READY, HS_GO, HS_POINTS };

/* Slots below SLOT_FIRST_FREE have names; sources of mounts get further ones. */
enum slot {
	SLOT_NONE,
	SLOT_CHILD,	/* pidfd of the child */
	SLOT_USERNS,	/* the child's user namespace */
	SLOT_MOUNTNS,	/* the child's mount namespace */
	SLOT_LOWER,	/* the root file system as given: directory or detached tree. Of an image: see plan.lowers */
	SLOT_UPPER,	/* the writable layer's directory */
	SLOT_WORK,	/* overlayfs' own directory beside it */
	SLOT_SKELETON,	/* directory with the mount points that a read-only root lacks */
	SLOT_OWNERS,	/* the list of owners of a copied tree */
	SLOT_ROOT,	/* the assembled root: a detached mount, then attached */
	SLOT_DEV,	/* the tmpfs of /dev */
	SLOT_TEXTS,	/* a directory there that a mount will cover: files that are bound elsewhere */
	SLOT_PTS,	/* the devpts */
	SLOT_CONSOLE,	/* the pty's outer end */
	SLOT_USER,	/* uid, gid, groups, home: not a descriptor */
	SLOT_INIT,	/* lichen-init: a sealed memfd, or a read-only mount of the file */
	SLOT_CGROUP,	/* the directory of the cgroup in which the child is born */
	SLOT_INIT_GO,	/* the pipe that init writes into when it is there ... */
	SLOT_INIT_WAIT,	/* ... and the payload waits at */
	SLOT_FIRST_FREE
};

enum { STEP_READS = 16, STEP_WRITES = 3, RUNGS_MAX = 3, ERRNOS_MAX = 6, SLOTS_MAX = 2048, MOUNTS_MAX = 500,
       STEPS_MAX = 4096 };

enum idmap_how {
	IDMAP_TOOLS,
	IDMAP_SUPERVISOR,
	IDMAP_SELF,
	IDMAP_JOINED,	/* by whoever made the user namespace that is joined: there is no step */
};

/* One way to do a step. The walker takes the next one on the errnos listed. */
struct rung {
	const char *name;		/* "kernel", "range" */
	int next_on[ERRNOS_MAX];	/* errnos that mean "this host cannot": 0-terminated */
	const char *data;		/* what differs between rungs: borrowed or in the plan's texts */
	bool is_fuse;			/* STEP_OVERLAY: by fuse-overlayfs, @data are options of its own */
	const struct id_map *uids, *gids;	/* STEP_IDMAP; borrowed from plan_input */
	enum idmap_how how;
};

/* Slots of a kind that lie side by side. */
struct slot_range {
	short first, n;		/* n 0: none */
};

struct step {
	enum step_kind kind;
	enum place place;
	const char *object;	/* what it acts on, for printing and errors; never NULL */
	const char *why;	/* one clause; may be NULL */
	short reads[STEP_READS], writes[STEP_WRITES];	/* slots, 0-terminated */
	struct slot_range reads_all, writes_all;	/* further ones: the layers of an image */
	struct rung rungs[RUNGS_MAX];
	size_t n_rungs;		/* at least 1 */
	bool optional;		/* a failure is a warning */
	union {
		enum hs_point meet;
		uint64_t clone_flags;	/* STEP_CLONE, STEP_OUTER */
		int signal;		/* STEP_DEATHSIG; 0: none */
		enum ns_type ns;	/* STEP_ENTER, STEP_JOIN: the descriptor is plan_input.joined[ns] */
		struct {
			const char *source;	/* host path, or directory of a detached mount */
			const char *fstype;
			const char *target;	/* absolute inside the root; NULL: left detached in the slot */
			uint64_t attrs;		/* MOUNT_ATTR_* to set */
			uint64_t rest;		/* the same for what is mounted below, where recursive */
			uint64_t clear;		/* MOUNT_ATTR__ATIME where attrs change it */
			uint64_t propagation;	/* MS_SHARED ... or 0: private */
			bool propagates_all;	/* propagation for what is mounted below, too */
			bool recursive;
			const int *checked;	/* borrowed: descriptor of what the source must be; NULL: no matter */
			const int *copy;	/* STEP_FILL: borrowed: the file of the volume that says how far it is; NULL: a tmpfs */
			mode_t mode;		/* STEP_DIR */
			bool copies;		/* STEP_FILL: else only what a copy that was ended left is removed */
			bool is_scratch;	/* STEP_LAYERS: upper and work, the last two slots, are the run's */
			bool is_dir;		/* kind of target to make where it is missing */
			const struct strv *options;	/* of mount(8): what no attribute bit says is data */
			const char *data;	/* file system data, comma-separated */
		} mount;
		struct {
			const char *path, *text;
			bool bind;	/* not written into the root: from a file of SLOT_TEXTS */
			bool makes;	/* with bind: the place is made where it is missing */
			bool readonly;	/* with bind */
		} file;
		const struct strv *paths;
		const struct limit_file *limit;	/* borrowed from plan_input */
	} u;
};

/* The sandbox's cgroup, as run/cgroup.c chose it. */
struct plan_cgroup {
	bool is_used;
	char *place;		/* the directory in which we make it ourselves; NULL: that is no rung */
	bool moves, enables;	/* of struct cgroup_place */
	bool may_systemd;	/* asking systemd is a rung */
	bool has_inner;		/* a level below the limits, whose files root inside may write */
	bool is_writable;	/* --cgroupns-rw */
	struct strv controllers;	/* that the limits need */
	struct limit_files limits;
	char *name;		/* "lichen-ID" */
	char *unit, *slice, *description, *helper;	/* for systemd */
};

/* What run/prepare found out and decided; the other argument of plan_build(). */
enum tree_owner {
	OWNER_CALLER,	/* root inside is the caller */
	OWNER_SUBID,	/* root inside is the first subordinate id */
	OWNER_ROOT_IDMAP,	/* real root: the tree is idmapped */
	OWNER_FOREIGN,	/* somebody else's: copied */
};

struct plan_input {
	bool is_root;		/* real root */
	bool is_exec;		/* a command more in a sandbox that runs: all of its namespaces are joined */
	char *exec_cgroup;	/* with is_exec: the directory of the cgroup that its first process is in; NULL: none; owned */
	bool is_created;	/* create waits for the root, start comes later */
	enum tree_owner owner;
	uint32_t top_uid, top_gid;	/* of the root's top directory, on the host */
	uint32_t top_mode;	/* what it becomes inside, in the writable layer */
	struct id_map uids, gids;		/* the first ids rung */
	struct id_map single_uids, single_gids;	/* the second; empty where there is none */
	enum idmap_how how;	/* of the first rung */
	bool may_single;	/* there is no second rung, but one id would do, in a run of its own */
	bool takes_copy;	/* the copy rung is taken, or is the next after the kernel's overlay */
	bool takes_fuse;	/* fuse-overlayfs is the only rung */
	bool may_fuse;		/* it is the second one */
	char *squash;		/* options of fuse-overlayfs that give every file one owner; NULL: none */
	char *state_dir;	/* data directory of this run: lower, copy, skeleton lie in it */
	char *layer_dir;	/* where upper and work lie */
	bool layer_in_memory;	/* that is a tmpfs of the sandbox */
	char *hostname;		/* to be set */
	char *init_path;	/* of lichen-init on this machine; NULL where it is not asked for */
	char *etc_hosts, *etc_hostname, *etc_resolv;	/* texts; NULL: not written */
	char *etc_passwd, *etc_group, *etc_nsswitch;	/* a root of programs has none of its own; else NULL */
	char *home;		/* `host`: the caller's home path inside; of a root of programs: its user's */
	char *home_data;	/* root of programs: the options of $HOME's tmpfs */
	struct host_row {	/* `host`: what of the machine is shown, from host_table.h;
				 * of a root of programs: these and their libraries */
		char *path;	/* both sides */
		char *link;	/* target where it is a symbolic link, else NULL */
	} *rows;
	size_t n_rows;
	struct strv host_masks;	/* `host`: shown but not to be read */
	struct strv own_masks;	/* lichen's own files, where they would be seen inside */
	bool *source_is_dir;	/* per spec.mounts */
	bool has_joined;	/* the next is filled in; run/join.c opened and proved them */
	int joined[NS_TYPES];	/* with NS_PATH: the namespace, owned; else -1 */
	struct strv host_lacks;	/* what a default mount would show of a shared namespace, and is not there */
	struct strv skeleton_dirs, skeleton_files;	/* mount points that a read-only root lacks */
	bool maps_tty_gid;	/* gid 5 is mapped */
	bool has_own;		/* the payload's user by default is the next, not root */
	uint32_t own_uid, own_gid;	/* inside */
	bool stays_caller;	/* a range is mapped, but set-up is done by the caller's own id */
	bool user_is_root;	/* the payload stays root inside (known beforehand) */
	struct plan_cgroup cgroup;
	bool needs_userns_fd;	/* the supervisor asks for the user namespace */
};

void plan_input_fini(struct plan_input *in);

struct plan {
	struct step *v;
	size_t n;
	struct strv texts;	/* owns the strings made for objects */
	short n_slots;
	short *source_slots;	/* per spec.mounts: the first of its slots */
	short *device_slots;	/* per spec.devices */
	struct slot_range lowers;	/* per spec.root.lowers */
};

/**
 * plan_build() - The order of the whole start
 * @spec, @in:	borrowed for the plan's life
 * Pure. Errors: ERR_SPEC for what cannot be planned (too many mounts).
 */
NODISCARD int plan_build(struct plan *p, const struct spec *spec, const struct plan_input *in, struct err *e);
void plan_fini(struct plan *p);

/* The @n-th path of this machine that a default mount shows where a namespace is the
 * host's; NULL beyond the last. */
const char *plan_shared_path(size_t n);

/* Invariants; ERR_BUG names the rule and the step. */
NODISCARD int plan_check(const struct plan *p, struct err *e);

/* STEP_OVERLAY: whether there is a writable layer, the slots SLOT_UPPER and SLOT_WORK; else the mount is read-only. */
bool step_has_upper(const struct step *s);

void plan_print_text(const struct plan *p, struct buf *out);
void plan_print_json(const struct plan *p, struct buf *out);

const char *step_name(enum step_kind kind);
const char *place_name(enum place place);
const char *hs_point_name(enum hs_point point);
bool hs_point_from_child(enum hs_point point);	/* who sends */
const char *slot_name(short slot, char buf[16]);

#endif
