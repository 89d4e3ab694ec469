/* SPDX-License-Identifier: Apache-2.0 */
/* host/short_names.h - images.conf: which image a short name means, and what is special about a registry
 *
 * Three files, each of which may be missing: the user's ($XDG_CONFIG_HOME/lichen/images.conf, else below ~/.config), this
 * machine's (SYSCONFDIR/lichen/images.conf) and the one that comes with lichen. lichen-images.conf(5) has the lines:
 *
 *   alias NAME = REFERENCE          search REGISTRY...           insecure REGISTRY
 *   mirror REGISTRY = REGISTRY[/PREFIX]                          blocked REGISTRY
 *
 * Of aliases the first one that is found counts, of searches all of the first file that has any; the others add up.
 */
#ifndef HOST_SHORT_NAMES_H
#define HOST_SHORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/reference.h"

enum { SHORT_NAMES_MAX = 1 << 18 };	/* bytes of a file */

enum short_kind { SHORT_ALIAS, SHORT_SEARCH, SHORT_INSECURE, SHORT_MIRROR, SHORT_BLOCKED, SHORT_KINDS };

struct short_line {
	enum short_kind kind;
	char *key;	/* a short name; else a registry */
	char *value;	/* alias: a full reference; mirror: a registry, perhaps with a prefix; else NULL */
	char *where;	/* "FILE:LINE" */
	size_t file;	/* which of the files, from 0 */
};

struct short_names {
	struct short_line *v;	/* in the order of the files, then of the lines */
	size_t n, n_files;
};

/* Reads the files that there are. Errors: USAGE, with file and line; SYS */
NODISCARD int short_names_load(struct short_names *sn, struct err *e);
void short_names_fini(struct short_names *sn);

/* Adds the lines of one file; @file is its name for messages. */
NODISCARD int short_names_read(struct short_names *sn, const char *file, const char *text, size_t len, struct err *e);

/**
 * short_names_complete() - The full references that @r may mean, in the order in which they are tried
 * @out:	as ref_format() has them; appended
 *
 * A name with a registry is itself. An alias is the only one it means, and its tag counts where @r has none. Else there is
 * one for each registry to search (docker.io where none is said).
 * Errors:	SPEC: every one of these registries is blocked, with the line that says so; USAGE: too long with its registry
 */
NODISCARD int short_names_complete(const struct short_names *sn, const struct image_ref *r, struct strv *out, struct err *e);

/* The references by which @r, a full one, can be had: its registry's mirrors, then itself. Appended. */
void short_names_mirrors(const struct short_names *sn, const struct image_ref *r, struct strv *out);

/* Whether plain HTTP is allowed for a registry of this machine's choice. */
bool short_names_is_insecure(const struct short_names *sn, const char *registry);

#endif
