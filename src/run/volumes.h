/* SPDX-License-Identifier: Apache-2.0 */
/* run/volumes.h - named volumes and the sandboxes that have them */
#ifndef RUN_VOLUMES_H
#define RUN_VOLUMES_H

#include "base/err.h"
#include "base/str.h"
#include "store/volumes.h"

/* Adds the names, else short ids, of the live sandboxes of @st in which @path, a volume's, is mounted. One that has just begun to
 * start may be missing. */
void volume_users(struct store *st, const char *path, struct strv *out);

/* As volume_remove(); where it is in use the hint says by whom. */
NODISCARD int volume_remove_unused(struct store *st, struct volumes *vs, const char *name, struct err *e);

#endif
