/* SPDX-License-Identifier: Apache-2.0 */
/* host/facts.h - what the start needs to know of this machine and caller: cheap reads
 *
 * One snapshot, plain data; the unit tests fake any host by filling it in. What must be
 * tried out to be known is tried by the step itself (its rungs) or by doctor.
 */
#ifndef HOST_FACTS_H
#define HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

enum { GROUPS_MAX = 256, SUBID_RANGES_MAX = 16 };

struct subid_range {
	uint32_t first, count;
};

struct subids {
	struct subid_range v[SUBID_RANGES_MAX];
	size_t n;
};

struct facts {
	uid_t uid;		/* effective; AT_SECURE is refused before */
	gid_t gid;
	gid_t groups[GROUPS_MAX];	/* supplementary, the primary one left out */
	size_t n_groups;
	bool is_root;		/* uid 0 of the machine, with CAP_SYS_ADMIN */
	bool is_bare_root;	/* uid 0 of the machine without CAP_SYS_ADMIN: its only id is 0 */
	bool writes_maps;	/* root of a user namespace: writes any map over its own ids itself */
	char *user;		/* login name, or NULL where nobody knows it; owned */
	char *home;		/* $HOME, else (for root first) from the user database; owned; may be NULL */
	char *hostname;		/* uname(2); owned */
	int kernel_major, kernel_minor;
	struct subids subuids, subgids;	/* /etc/subuid and /etc/subgid, ours; with writes_maps what is mapped */
	char *newuidmap, *newgidmap;	/* absolute, or NULL; owned */
	bool subid_elsewhere;	/* nsswitch.conf names another source for subid */
};

/**
 * facts_read() - Take the snapshot
 * @needs_ranges:	false skips what only the range rung needs (a faster start)
 * Errors:	ERR_HOST for a kernel before 5.14 or a process started setuid
 */
NODISCARD int facts_read(struct facts *f, bool needs_ranges, struct err *e);
void facts_fini(struct facts *f);

/* Parses the text of /etc/subuid for @user or the decimal @id; unit tests call it. */
void subid_parse(const char *text, const char *user, uint32_t id, struct subids *out);

/* Whether nsswitch.conf's text names a source for subid that is not the files. */
bool subid_is_elsewhere(const char *nsswitch);

/* Parses what getsubids(1) prints: "0: USER 100000 65536". */
void subid_parse_tool(const char *text, struct subids *out);

/* Replaces f->subuids, or f->subgids where @groups, by the ranges of @name. */
void facts_subids_of(struct facts *f, const char *name, bool groups);

/* Ids in all ranges together. */
uint64_t subid_total(const struct subids *s);

/**
 * subid_free_range() - A range that nobody was given, for real root without one
 * @text:	/etc/subuid and /etc/subgid, one after the other
 * @in_use:	asks whether some process runs under an id of the range; NULL: no
 * Return: its first id, or 0 where there is none
 */
uint32_t subid_free_range(const char *text, uint32_t count, bool (*in_use)(uint32_t first, uint32_t count));

/**
 * subid_next_range() - The range that a user without one is to be given
 * @text:	as above
 * From 100000 on, where useradd begins, too; FIX_SUBIDS in host/hint.c finds the same one in sh.
 * Return: its first id, or 0 where there is none
 */
uint32_t subid_next_range(const char *text, uint32_t count);

/* /etc/subuid and /etc/subgid, one after the other; NULL where we may not read one. Owned. */
char *subid_read_files(void);

/* How many ids our user namespace has: all 4294967295 in the machine's own; -1: not known. */
int64_t host_ids(void);

/* Whether these are too few for a range to be mapped: another sandbox's, with one id or a handful. */
bool host_has_few_ids(void);

/* Whether our own uid and gid have numbers in our user namespace. */
bool host_has_own_ids(void);

/* Whether @tool is setuid to an id that our user namespace does not have, which does nothing. */
bool host_is_setuid_void(const char *tool);

/* Whether we are in the machine's own user namespace, where id 0 is its root. */
bool host_is_initial_userns(void);

/* Whether the mount table has something mounted below @path (absolute, real). Reads
 * mountinfo; used to explain an EINVAL, not on the start path. First such mount in
 * @below (owned) where not NULL. */
bool mounts_below(const char *path, char **below);

/* The login name for @uid: /etc/passwd, then getent. Owned, or NULL. */
char *user_name(uid_t uid, char **home);

#endif
