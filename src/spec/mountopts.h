/* SPDX-License-Identifier: Apache-2.0 */
/* spec/mountopts.h - the words of mount options, of mount(8) and of the OCI spec
 *
 * One sorted table. A word that is not in it is data of the file system (size=, mode=,
 * nr_inodes= ...), which a bind mount does not have.
 */
#ifndef SPEC_MOUNTOPTS_H
#define SPEC_MOUNTOPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Apply in the order of the words: attributes = (attributes & ~clear) | set. Where one
 * word of the access time group is given, clear holds all of MOUNT_ATTR__ATIME, as
 * mount_setattr(2) wants it. */
struct mountopt {
	const char *word;
	uint64_t set, clear;		/* MOUNT_ATTR_* of mount_setattr(2) */
	unsigned long propagation;	/* MS_PRIVATE ... MS_UNBINDABLE, 0: none */
	bool is_bind;			/* "bind", "rbind" */
	bool recursive;			/* the submounts too: rbind, rro, rslave ... */
	const char *refused;		/* why lichen does not take this word; NULL: it does */
};

/* 0 with the borrowed row in *@out, or -1: not a word of the table. */
int mountopt_find(const char *word, const struct mountopt **out);
const char *mountopt_nearest(const char *word);		/* for "did you mean"; NULL */
const struct mountopt *mountopt_table(size_t *n);

#endif
