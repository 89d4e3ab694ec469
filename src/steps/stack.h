/* SPDX-License-Identifier: Apache-2.0 */
/* steps/stack.h - layers handed to the kernel's overlay, in the way that this kernel has */
#ifndef STEPS_STACK_H
#define STEPS_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct stack {
	const char *name;	/* for errors */
	const int *lowers;	/* descriptors of directories, the topmost first */
	size_t n;		/* at least 1 */
	int upper, work;	/* -1, both: nothing can be written */
	bool is_volatile;	/* what is written need not reach the disk */
	uint64_t attrs;		/* MOUNT_ATTR_* */
};

/* Best first. */
enum stack_way {
	STACK_STRING,	/* all in one string of fsconfig(2), which takes 255 bytes */
	STACK_EACH,	/* one after the other as "lowerdir+": Linux 6.7; by descriptor: 6.13 */
	STACK_PAGE,	/* mount(2), whose options have a page: names are short there */
};

/**
 * stack_mount() - An overlay of the layers as a detached mount
 * @way:	where to begin; a later one is taken where the kernel lacks it, or the layers are too many for it
 * Called in the new mount namespace, in the steps of the child. STACK_PAGE covers /sys of the old root for a moment.
 * Return: a descriptor; -1 with @e, op "overlay" where the kernel does not take these layers
 */
NODISCARD int stack_mount(const struct stack *s, enum stack_way way, struct err *e);

#endif
