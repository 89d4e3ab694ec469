/* SPDX-License-Identifier: Apache-2.0 */
/* scope/names.h - what may be put before systemd: names of units, a description, a path */
#ifndef SCOPE_NAMES_H
#define SCOPE_NAMES_H

#include "base/err.h"

/* As systemd's own limit, with the suffix. */
#define UNIT_NAME_MAX 255

/* Bytes of a description that are kept, and of a subgroup's path that are taken. */
#define DESCRIPTION_MAX 200
#define SUBGROUP_MAX	1024

/**
 * names_check_unit() - Is @name a unit's, such as "lichen-box.scope"?
 * @option:	for the message: "--unit"
 * @suffix:	".scope" or ".slice"; before it at least one of A-Z a-z 0-9 : _ . -, the first one no dot
 * Errors:	ERR_USAGE
 */
NODISCARD int names_check_unit(const char *option, const char *name, const char *suffix, struct err *e);

/**
 * names_check_subgroup() - Is @path one of a cgroup below a unit's: absolute, nothing in it to be resolved?
 * Errors:	ERR_USAGE
 */
NODISCARD int names_check_subgroup(const char *path, struct err *e);

/* @text as systemd may show it in a table: cut to DESCRIPTION_MAX bytes, control characters and
 * what is no UTF-8 as \xNN; owned. */
char *names_description(const char *text);

#endif
