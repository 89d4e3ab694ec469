/* SPDX-License-Identifier: Apache-2.0 */
/* cli/args.h - what the option rows write, verbatim; verbs turn it into a spec
 *
 * All strings point into argv (borrowed); vectors own copies.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>

#include "base/str.h"

enum tri { TRI_UNSET, TRI_FALSE, TRI_TRUE };

/* Of --pull and --image-volume. */
enum pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER };
enum image_volume { VOLUME_ANONYMOUS, VOLUME_TMPFS, VOLUME_IGNORE };

struct args {
	/* every verb */
	bool help, verbose, debug, json;
	bool version;		/* before the verb only */
	/* run */
	bool interactive, terminal, rm, readonly, privileged, dry_run, cow;
	const char *hostname, *name, *workdir, *user, *network, *overlay_keep;
	const char *pid, *ipc, *uts, *cgroupns, *userns, *time;
	struct strv uidmap, gidmap, group_add;
	const char *subuidname, *subgidname;
	int groups;		/* enum groups_mode */
	int ids;		/* enum ids_mode */
	int overlay;		/* enum overlay_mode */
	struct strv volumes;	/* [SRC:]DST[:OPTIONS] */
	struct strv tmpfs;	/* DST[:OPTIONS] */
	struct strv mounts;	/* KEY=VALUE,... */
	struct strv files;	/* FD:DST[:OPTIONS] */
	struct strv symlinks;	/* TARGET:LINK */
	struct strv dirs;	/* PATH[:mode=] */
	struct strv devices;	/* /dev/X[:/dev/Y[:rwm]] */
	struct strv env;	/* KEY=VALUE or KEY */
	struct strv env_files;
	struct strv cap_add, cap_drop;
	struct strv security_opts;
	struct strv rootfs_from;	/* BIN: a path or a word of $PATH */
	/* exec */
	bool detach;
	/* run: the process (cli/run_process.c, cli/run_limits.c, cli/run_hosts.c) */
	enum tri init;
	bool env_host, unsetenv_all, die_with_parent;
	const char *entrypoint, *argv0, *umask, *oom_score_adj, *preserve_fds, *stop_signal, *timeout, *shm_size, *domainname;
	struct strv unsetenv;	/* names */
	struct strv ulimits;	/* TYPE=SOFT[:HARD] */
	struct strv personality;	/* words, lists of words */
	struct strv sysctls;	/* KEY=VALUE */
	struct strv add_hosts, dns, dns_search, dns_options;
	struct strv landlock;	/* rules, spec/landlock.h */
	bool no_userns;
	/* run, update, cgroup: limits (cli/limit_options.c) */
	const char *memory, *memory_reservation, *memory_swap, *memory_high, *cpus, *cpu_shares, *cpu_quota, *cpu_period;
	const char *cpuset_cpus, *cpuset_mems, *pids_limit, *blkio_weight;
	struct strv read_bps, write_bps, read_iops, write_iops;	/* DEVICE:RATE */
	struct strv cgroup_conf;	/* KEY=VALUE */
	int cgroup_manager;	/* enum cgroup_manager */
	const char *cgroup_parent;
	bool cgroupns_rw, proc_limits;
	/* stats */
	bool no_stream;
	const char *interval;	/* seconds */
	/* images */
	int pull;		/* enum pull_policy */
	int image_volume;	/* enum image_volume */
	int save_format;	/* enum sink_kind */
	const char *platform, *creds, *cacert;
	enum tri tls_verify;
	const char *max_image_size, *max_image_files, *max_image_depth, *max_blob_size, *max_unpack_memory;
	const char *input, *output, *message, *format, *type, *username, *password;
	struct strv labels;	/* KEY=VALUE */
	bool sizes, with_volumes, repair;
	bool no_trunc, digests, password_stdin, get_login;
	struct strv filters;	/* KEY=VALUE */
	struct strv changes;	/* instructions of a Dockerfile */
	/* cgroup, update, rmi: force */
	bool all_tags;		/* pull */
	bool all, quiet, parents, force, recursive;
	/* doctor */
	bool fix;
	struct strv profiles;	/* files or names, in their order; read before the command line's own options */
	struct strv profile_words;	/* what the fields point to that comes from profiles; owned */
	/* what is left after the options */
	char **operands;	/* borrowed from argv, NULL-terminated */
	int n_operands;
};

void args_fini(struct args *a);

#define AUTO_ARGS __attribute__((cleanup(args_fini)))

#endif
