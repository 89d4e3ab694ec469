/* SPDX-License-Identifier: Apache-2.0 */
/* steps/idmap.h - writing uid_map and gid_map; also for the map that removes what it made */
#ifndef STEPS_IDMAP_H
#define STEPS_IDMAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "spec/spec.h"

/* Writes the maps of process @who ("self", or a pid) ourselves; user_namespaces(7). */
NODISCARD int idmap_write(const char *who, const struct id_map *uids, const struct id_map *gids,
			  bool denies_setgroups, struct err *e);

/* Through newuidmap and newgidmap, both at once; @pid in our pid namespace. @beside (may be
 * NULL) is called while they run; its failure is ours. */
NODISCARD int idmap_tools(pid_t pid, const struct id_map *uids, const struct id_map *gids,
			  int (*beside)(void *arg, struct err *e), void *beside_arg, struct err *e);

#endif
