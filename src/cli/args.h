/* SPDX-License-Identifier: Apache-2.0 */
/* cli/args.h - what the option rows write, verbatim; verbs turn it into a spec
 *
 * All strings point into argv (borrowed); vectors own copies.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>

#include "base/str.h"

struct args {
	/* every verb */
	bool help, verbose, debug, json;
	bool version;		/* before the verb only */
	/* run */
	bool interactive, terminal, rm, readonly, privileged, dry_run;
	const char *hostname, *name, *workdir, *user, *network;
	const char *pid, *ipc, *uts, *cgroupns, *userns, *time;
	struct strv uidmap, gidmap, group_add;
	const char *subuidname, *subgidname;
	int groups;		/* enum groups_mode */
	int ids;		/* enum ids_mode */
	int overlay;		/* enum overlay_mode */
	struct strv volumes;	/* SRC:DST[:OPTIONS] */
	struct strv tmpfs;	/* DST[:OPTIONS] */
	struct strv env;	/* KEY=VALUE or KEY */
	struct strv env_files;
	struct strv cap_add, cap_drop;
	struct strv security_opts;
	/* what is left after the options */
	char **operands;	/* borrowed from argv, NULL-terminated */
	int n_operands;
};

void args_fini(struct args *a);

#define AUTO_ARGS __attribute__((cleanup(args_fini)))

#endif
