/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec.h - THE description of a sandbox; whatever the face, everything becomes this
 *
 * Pure data. Its saved form is the OCI runtime-spec config.json (spec/oci.h); what
 * OCI has no word for is saved under annotations that begin with SPEC_ANNOTATION.
 * All strings are owned by the spec.
 */
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "spec/limits.h"

#define SPEC_ANNOTATION "org.lichen."
/* Option of a tmpfs, as runc and podman have it: it begins with what the root has there. */
#define SPEC_COPY_UP "tmpcopyup"

/* Order of namespaces(7) with the user namespace first, as it must be entered first. */
enum ns_type { NS_USER, NS_MOUNT, NS_PID, NS_NETWORK, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_TYPES };

enum ns_mode {
	NS_PRIVATE,	/* a new one */
	NS_HOST,	/* the caller's own */
	NS_PATH,	/* join the one at spec_ns.path */
};

struct spec_ns {
	enum ns_mode mode;
	char *path;	/* with NS_PATH */
	char *container;	/* with NS_PATH: asked of this sandbox's supervisor, whatever @path says; or NULL */
};

enum root_kind {
	ROOT_DIR,	/* a directory: spec.root.path */
	ROOT_HOST,	/* this machine's own system, assembled from the table in plan/host_table.c */
	ROOT_BINS,	/* a root of nothing but spec.root.bins and what they need to run */
	ROOT_IMAGE,	/* the layers of an image, stacked: spec.root.image, image_id */
};

/* The ladders' pins (DESIGN section 3); 0 is always "the best that works". */
enum ids_mode { IDS_AUTO, IDS_RANGE, IDS_SINGLE };
enum overlay_mode { OVERLAY_AUTO, OVERLAY_KERNEL, OVERLAY_FUSE, OVERLAY_COPY };

/* The caller's supplementary groups. */
enum groups_mode {
	GROUPS_AUTO,	/* dropped where the kernel lets us, which a map of one id does not */
	GROUPS_KEEP,
	GROUPS_DROP,
};

/* Who makes the cgroup (--cgroup-manager). */
enum cgroup_manager {
	CGROUP_AUTO,
	CGROUP_CGROUPFS,	/* we ourselves, in what is delegated to us */
	CGROUP_SYSTEMD,		/* the user's systemd, as a scope */
	CGROUP_OFF,		/* none: the sandbox stays in the caller's */
};

enum seccomp_mode { SECCOMP_DEFAULT, SECCOMP_UNCONFINED, SECCOMP_PROFILE };

/* One extent of uid_map or gid_map, as user_namespaces(7) writes it. */
struct id_extent {
	uint32_t inside, outside, count;
};

struct id_map {
	struct id_extent *v;
	size_t n;
};

/* One mount asked for by the caller, in OCI's shape. Defaults (/proc, /dev ...) are not
 * here but in the plan's table; a mount on the same destination replaces the default. */
struct spec_mount {
	char *destination;	/* absolute inside; owned */
	char *type;		/* "bind", "tmpfs"; owned */
	char *source;		/* absolute host path for bind; owned */
	struct strv options;	/* "ro", "nosuid", "size=64m" ... words of mount(8) and the OCI spec */
	/* Not saved: O_PATH descriptors of what was looked at, owned. bind: the source; overlay:
	 * the lower directories, then upper and work. Empty: nobody has looked yet. */
	int *fds;
	size_t n_fds;
	struct spec_data {	/* bind: run/sources.c writes it to a file of the run, which becomes the source */
		bool is_set;
		char *bytes;	/* owned */
		size_t len;
		unsigned mode;
	} data;
	char *volume;		/* bind: name of the volume; run/volumes.c takes it, and says what the source is; owned; NULL */
	int volume_lock;	/* of the volume, for as long as it is used; -1 */
	int volume_copy;	/* its file that says how far the copy of what is below has come (store/volumes.h); -1: there is none */
	bool is_fresh;		/* volume: nothing was copied into it yet; run/volumes.c */
	bool nocopy;		/* volume: what the root has at the destination is not copied into it */
};

/* The parts of an overlay's options, without what escapes a colon; all owned by the caller. */
struct spec_layers {
	struct strv lower;	/* top first */
	char *upper, *work;	/* NULL: thrown away */
};

/* A directory or a symbolic link to be made inside: OCI has no word for it. */
enum spec_path_kind { PATH_DIR, PATH_SYMLINK };

struct spec_path {
	enum spec_path_kind kind;
	char *path;		/* absolute inside; owned */
	char *target;		/* of the link, any text; owned */
	uint32_t mode;		/* of the directory, where it has to be made */
};

/* A device of this machine, bound inside. */
struct spec_device {
	char *path;		/* absolute inside; owned */
	char *source;		/* the node on this machine; owned */
	char type;		/* 'c' or 'b' */
	uint32_t major, minor;	/* what the node must be */
	int fd;			/* as spec_mount.fds; -1: nobody has looked */
};

struct spec_rlimit {
	char *type;		/* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct spec_caps {		/* bit n is capability n of capabilities(7) */
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct spec_process {
	bool terminal;		/* -t: an own pty */
	bool interactive;	/* -i: stdin is passed; else /dev/null */
	bool no_new_privs;
	char *cwd;		/* NULL: "/" */
	char *user;		/* USER[:GROUP] by name or number, as typed; NULL: the root's default */
	char *groups;		/* more groups, by name or number, with commas; or NULL */
	struct strv args;
	struct strv env;	/* KEY=VALUE */
	struct spec_caps caps;
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	bool init;		/* lichen-init is pid 1 and the command its child */
	bool init_by_default;	/* nobody asked for it: left out where it is not installed; not saved */
	bool has_umask, has_oom_score_adj, has_personality;
	uint32_t umask;
	int oom_score_adj;	/* -1000 to 1000 */
	uint32_t personality;	/* as personality(2) takes it */
	char *argv0;		/* the command's own name for itself; NULL: args[0] */
	uint64_t preserve_fds;	/* descriptors 3 to 2 + n of the caller go in */
	struct strv unset_env;	/* names of variables that get no default (HOME, HOSTNAME, an image's) */
	struct strv own_env;	/* names of those in @env that were asked for: an image's stay below them; not saved */
	bool no_image_env;	/* --unsetenv-all; not saved */
};

struct spec {
	char *id;		/* 64 hex digits; NULL until prepared */
	char *name;		/* --name, or NULL */
	struct {
		enum root_kind kind;
		char *path;	/* absolute; with ROOT_DIR only, else NULL */
		bool readonly;
		bool cow;	/* ROOT_HOST: with a writable layer over it */
		char *layer;	/* --overlay-keep: absolute; the writable layer's own directory, or NULL */
		struct strv bins;	/* ROOT_BINS: absolute paths of programs, as they are called */
		char *image;	/* ROOT_IMAGE: its name as typed, else NULL */
		char *image_id;	/* ROOT_IMAGE: "sha256:...", else NULL */
		struct strv lowers;	/* ROOT_IMAGE: its layers' directories, absolute, the topmost first. Not
					 * saved: run/ finds them by the id, for the ids of the run */
	} root;
	struct spec_process process;
	char *hostname;		/* NULL: short id, or the machine's own for ROOT_HOST */
	struct spec_ns ns[NS_TYPES];
	bool userns_private;	/* --userns=private: a new one even where another's namespaces are joined */
	struct {		/* offsets of time_namespaces(7), set only where has_offsets */
		bool has_offsets;
		int64_t monotonic_s, boottime_s;
		uint32_t monotonic_ns, boottime_ns;
	} time;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_path *paths;
	size_t n_paths;
	struct spec_device *devices;
	size_t n_devices;
	struct id_map uids, gids;	/* empty: chosen by run/prepare */
	char *userns, *uidmap, *gidmap;	/* as typed, the latter two with commas: spec/idwish.h; or NULL */
	char *subuidname, *subgidname;	/* whose subordinate ranges; NULL: the caller's */
	enum groups_mode groups;
	struct strv masked_paths, readonly_paths;
	enum seccomp_mode seccomp;
	char *seccomp_profile;	/* with SECCOMP_PROFILE: the file's absolute path */
	char *seccomp_sha256;	/* what it must hold; NULL: filled in by the first start */
	bool nested;		/* sandboxes inside: the filter lets namespaces and mounts through */
	enum ids_mode ids;
	enum overlay_mode overlay;
	struct strv landlock;	/* rules as spec/landlock.h has them; empty: no domain */
	struct spec_limits limits;
	enum cgroup_manager cgroup_manager;
	char *cgroup_parent;	/* a cgroup's path, or with systemd a slice; NULL: found */
	bool cgroup_writable;	/* --cgroupns-rw: the sandbox may make cgroups of its own below its limits */
	bool proc_limits;	/* /proc tells the sandbox's limits and use instead of the machine's */
	bool privileged;
	bool ephemeral;		/* thrown away at exit */
	char *domainname;	/* of the UTS namespace; NULL: the kernel's own */
	struct strv sysctls;	/* KEY=VALUE; keys with dots, as sysctl(8) prints them */
	struct strv add_hosts;	/* NAME:IP, lines of /etc/hosts */
	struct strv dns, dns_search, dns_options;	/* lines of /etc/resolv.conf in place of the machine's */
	bool no_resolv;		/* the root's own /etc/resolv.conf stays */
	char *stop_signal;	/* signal_name()'s spelling; what asks the command to end; NULL: SIGTERM */
	uint64_t timeout_ms;	/* after which it is asked to end; 0: never */
	bool die_with_parent;	/* the launcher ends with the process that started it */
	struct strv annotations;	/* KEY=VALUE of a config that are not ours */
	void *unknown;		/* struct spec_unknown (spec/internal.h): the parsed JSON whose
				 * unknown fields are kept; NULL where no config was read */
};

/**
 * spec_init() - Fill in the defaults of `lichen run`
 * @s:		the caller's storage; released by spec_fini()
 *
 * All namespaces private, docker's capability set, no_new_privs, default seccomp,
 * masked and read-only paths as docker's; nothing that depends on the host.
 */
void spec_init(struct spec *s);
void spec_fini(struct spec *s);

/* Appends an empty mount and returns it (borrowed until the next append). */
struct spec_mount *spec_add_mount(struct spec *s);
/* The same for a resource limit. */
struct spec_rlimit *spec_add_rlimit(struct spec *s);

struct spec_path *spec_add_path(struct spec *s);
/* A place for data that goes with the sandbox, as docker's anonymous volume with --rm: a directory of the writable layer, where what
 * the tree has there stays; without such a layer a tmpfs with a copy of it. @path: clean */
void spec_add_anonymous(struct spec *s, const char *path);
struct spec_device *spec_add_device(struct spec *s);
/* Moves @fd to the end of @m's descriptors. */
void spec_mount_add_fd(struct spec_mount *m, int fd);
/* Takes an overlay's options apart (lowerdir=, upperdir=, workdir=); @out is zeroed first. */
void spec_layers(const struct spec_mount *m, struct spec_layers *out);
void spec_layers_fini(struct spec_layers *l);
/* Whether a mount's writable layer is made and thrown away by the run. */
bool spec_has_scratch(const struct spec *s);

/* Appends one extent. */
void id_map_add(struct id_map *m, uint32_t inside, uint32_t outside, uint32_t count);
void id_map_copy(struct id_map *dst, const struct id_map *src);
void id_map_fini(struct id_map *m);

/* The id outside for @inside, or -1 where it is not mapped; and the reverse. */
int64_t id_map_outside(const struct id_map *m, uint32_t inside);
int64_t id_map_inside(const struct id_map *m, uint32_t outside);

/* "0:1000:1,1:100000:65536" */
char *id_map_format(const struct id_map *m);

/**
 * spec_check() - Every rule across fields, all violations in one error
 *
 * Mounts have absolute destinations without "..", rlimits are known, soft <= hard,
 * id maps do not overlap and never contain host id 0, and so on.
 * Return: 0, or -1 with @e (ERR_SPEC) listing each violation on a line.
 */
NODISCARD int spec_check(const struct spec *s, struct err *e);

/* Whether the root file system is one of its own, a directory or an image: neither this machine's nor made of its programs. */
bool spec_has_tree(const struct spec *s);
/* What a tree is called in messages: the directory's path, the image's name. */
const char *spec_tree_name(const struct spec *s);

/* Whether it has no namespaces at all (--no-userns): Landlock, filter and limits are all. */
bool spec_is_bare(const struct spec *s);

/* What a bare one is not isolated from under a Landlock of @abi: one clause each. Appends to @out. */
void spec_not_isolated(const struct spec *s, int abi, struct strv *out);

/* ---- vocabularies (spec/names.c) ---- */

/* "user" "mount" "pid" "network" "ipc" "uts" "cgroup" "time": the OCI words. */
const char *ns_name(enum ns_type t);
int ns_clone_flag(enum ns_type t);		/* CLONE_NEW* */
int ns_from_name(const char *name);		/* -1 unknown */

#define CAP_MASK_ALL UINT64_MAX
/* docker's default set */
extern const uint64_t CAPS_DOCKER;
/* "CAP_CHOWN", or NULL beyond the table; n is capability n */
const char *cap_name(unsigned n);
/* Takes "CAP_CHOWN", "chown", any case; -1 unknown. "ALL" is the caller's business. */
int cap_from_name(const char *name);
unsigned cap_count(void);			/* names in the table */
const char *cap_nearest(const char *name);	/* for "did you mean"; NULL */

/* "SIGTERM", "TERM", "15" -> 15; -1 unknown */
int signal_from_name(const char *name);
const char *signal_name(int sig);		/* "SIGTERM"; "SIGRTMIN+3"; "?" */

/* "RLIMIT_NOFILE", "nofile" -> RLIMIT_NOFILE; -1. A spec holds only rlimit_name()'s spelling. */
int rlimit_from_name(const char *name);
const char *rlimit_name(int n);			/* "RLIMIT_NOFILE"; NULL beyond the table */
const char *rlimit_nearest(const char *name);	/* "nofile", for "did you mean"; NULL */
const char *signal_nearest(const char *name);	/* "SIGTERM"; NULL */

/* ---- personality(2) in the words of setarch(8) (spec/personality.c) ---- */

/* Adds what the word says to *@persona: "linux32", "addr-no-randomize". Words of a domain
 * replace the domain. False: unknown. */
bool personality_add(uint32_t *persona, const char *word);
const char *personality_nearest(const char *word);	/* NULL */
char *personality_format(uint32_t persona);	/* "linux32,addr-no-randomize"; owned */

/* ---- names and addresses (spec/check_process.c) ---- */

bool spec_is_address(const char *text);		/* IPv4 or IPv6 */
bool spec_is_host_entry(const char *text);	/* NAME:IP */

/* ---- sysctls (spec/sysctl.c) ---- */

/* In the form with dots, whichever separator was typed; "net/ipv4/conf/eth0.1/x" is
 * "net.ipv4.conf.eth0/1.x", as sysctl(8) has it. Owned. */
char *sysctl_key(const char *typed);
/* Below /proc/sys; owned. */
char *sysctl_path(const char *key);
/* The namespace that owns @key, or -1 with a sentence in *@why, which may end in what to use
 * instead. */
int sysctl_owner(const char *key, const char **why);

#endif
