/* SPDX-License-Identifier: Apache-2.0 */
/* host/hint.h - from a failed call to its likely cause and remedy */
#ifndef HOST_HINT_H
#define HOST_HINT_H

#include <stdbool.h>

#include "base/err.h"

/* One row: a reason for which something does not work here, and what mends it. */
struct cause {
	const char *ops;	/* words: calls that fail by it; NULL: any; "": only doctor finds it, by its id */
	int errnum;		/* 0: any */
	const char *part;	/* of the path or of the text; NULL: any */
	const char *text;	/* for a person, by way of cause_text() */
	bool (*when)(void);	/* NULL: always */
	const char *id;		/* stable: in doctor's JSON and the manual */
	const char *fix;	/* for an administrator: lines of sh; NULL: by hand */
};

/* The row for @e, or NULL; the row with @id; all rows, NULL behind the last. */
const struct cause *cause_find(const struct err *e);
const struct cause *cause_get(const char *id);
const struct cause *cause_at(size_t i);

/**
 * cause_text() - The text of @c as @user is to read it
 * @user:	login name; NULL: looked up by @uid where the text asks for it
 * The words USER, UID and RANGE stand for the caller's name and number, and for 65536 ids that nobody has
 * in /etc/subuid and /etc/subgid; FIRST-LAST where these cannot be read or are full. Owned.
 */
char *cause_text(const struct cause *c, const char *user, unsigned uid);

/* The hint for @e, or NULL. An error that carries a hint of its own needs none of these.
 * May read sysctls to tell causes apart. Owned. */
char *hint_for(const struct err *e);

/* Whether "/" is a directory that was chrooted into: there nobody may make a user namespace. */
bool host_in_chroot(void);

/* Whether the sysctl file @path (absolute) exists and its first word is @value. */
bool host_sysctl_is(const char *path, const char *value);

#endif
