/* SPDX-License-Identifier: Apache-2.0 */
/* steps/seccomp.h - choosing, compiling and loading the filter of system calls
 *
 * The default profile is compiled while lichen is built (steps/filters.h). Only
 * capability classes that are not built in need seccomp_compile(), once per user.
 */
#ifndef STEPS_SECCOMP_H
#define STEPS_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "steps/filters.h"

/* The built-in filter whose class is what @bounding has of SECCOMP_CLASS_CAPS; NULL: none. */
const struct seccomp_variant *seccomp_pick(uint64_t bounding);

/**
 * seccomp_install() - Load a filter into this thread, for good
 * @insns:	@n instructions, borrowed
 *
 * Place:	child, the last step before exec that the filter might refuse
 * Needs:	no_new_privs, or CAP_SYS_ADMIN in the own user namespace
 * Mustn't:	be followed by a step that needs mounts, namespaces or keys
 * Errors:	SYS seccomp
 * Return: 0, or -1 with @e
 */
NODISCARD int seccomp_install(const struct sock_filter *insns, unsigned short n, struct err *e);

struct seccomp_request {
	uint64_t caps;		/* the bounding set; for lichen's own profile the bits outside of
				 * SECCOMP_CLASS_CAPS do not matter */
	const char *helper;	/* absolute path of lichen-seccomp */
	const char *profile;	/* path of the JSON */
	const char *cache_dir;	/* exists and is writable */
	bool is_foreign;	/* a profile of the user's: every capability counts, and the kernel that runs */
	const char *sha256;	/* what it must be, or NULL: what it is now */
	char digest[65];	/* out: what it was */
};

/**
 * seccomp_compile() - The filter of a class that is not built in
 * @out:	owned by the caller, with @n instructions
 *
 * Looks for "seccomp-<16 hex of the profile's SHA-256>-<caps in hex>-<machine>.<format>.bpf"
 * (of a foreign profile: all 64, and the kernel's version behind the machine)
 * in the cache, which must be a regular file of ours that nobody else may write, and of
 * the right shape; else runs the helper, which writes a temporary file there that is
 * renamed into place. Any number of processes may do so at once.
 *
 * Place:	launcher, before the clone
 * Errors:	SYS open, read, mkostemp, rename, execve; what the helper says about the profile
 * Return: 0, or -1 with @e
 */
NODISCARD int seccomp_compile(struct seccomp_request *rq, struct sock_filter **out, unsigned short *n,
			      struct err *e);

#endif
