/* SPDX-License-Identifier: Apache-2.0 */
/* steps/caps.c - the capability sets of the payload, through libcap-ng */

#include <cap-ng.h>
#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "steps/ctx.h"

#define CAP_BITS 64U

static const char *name_of(unsigned n)
{
	const char *name = cap_name(n);

	return name ? name : "a capability newer than lichen";
}

/**
 * step_caps_bound() - Shrink the bounding set to the spec's
 *
 * Walks to the kernel's last capability and not to the end of a table, so that one that
 * is newer than lichen and libcap-ng goes, too. Which there are stays in c->kernel_caps:
 * a mask may have more, which mean nothing.
 *
 * Place:	child
 * Needs:	CAP_SETPCAP in the own user namespace
 * Mustn't:	come after STEP_SET_USER or STEP_CAPS, which take CAP_SETPCAP away
 * Errors:	SYS prctl
 */
int step_caps_bound(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const uint64_t keep = c->spec->process.caps.bounding;

	(void)s;
	(void)rung;
	for (unsigned n = 0; n < CAP_BITS; n++) {
		int has = prctl(PR_CAPBSET_READ, (unsigned long)n, 0UL, 0UL, 0UL);

		if (has < 0)
			break;
		c->kernel_caps |= UINT64_C(1) << n;
		if (!has || (keep >> n & 1U))
			continue;
		if (prctl(PR_CAPBSET_DROP, (unsigned long)n, 0UL, 0UL, 0UL) < 0) {
			/* without a user namespace of its own it cannot; no_new_privs keeps the rest away */
			if (errno == EPERM && spec_is_bare(c->spec)) {
				c->keeps_bound = true;
				return 0;
			}
			err_sys(e, "prctl", NULL, "dropping %s (%u) from the bounding set", name_of(n), n);
			return e->errnum == EPERM ? err_hint(e, "needs CAP_SETPCAP in the sandbox's user namespace")
						  : -1;
		}
	}
	return 0;
}

/* Puts @mask into one of libcap-ng's sets; -1 with errno. */
static int choose(capng_type_t type, uint64_t mask)
{
	for (unsigned n = 0; n < CAP_BITS; n++)
		if ((mask >> n & 1U) && capng_update(CAPNG_ADD, type, n) < 0) {
			errno = EINVAL;
			return -1;
		}
	return 0;
}

/**
 * step_caps() - The permitted, effective, inheritable and ambient sets
 *
 * Root inside gets what the spec says. Another uid gets what execve(2) would leave it:
 * the ambient set, which normally is empty. This holds as well for a uid that never was
 * another: whoever creates a user namespace has all capabilities in it.
 *
 * Place:	child
 * Needs:	STEP_CAPS_BOUND; the permitted set to have what is asked for; for a uid other than 0 with
 *		inheritable or ambient ones STEP_SET_USER keeps it
 * Mustn't:	come before STEP_SET_USER
 * Errors:	SYS capset, prctl
 */
int step_caps(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct spec_caps *want = &c->spec->process.caps;
	const uint64_t all = c->kernel_caps, ambient = want->ambient & all;
	const bool root = c->user.uid == 0;

	(void)s;
	(void)rung;
	/* 0 is the caller. libcap-ng may remember a pid from before the clone. */
	capng_setpid(0);
	capng_clear(CAPNG_SELECT_ALL);
	errno = 0;
	if (choose(CAPNG_PERMITTED, root ? want->permitted & all : ambient) < 0 ||
	    choose(CAPNG_EFFECTIVE, root ? want->effective & all : ambient) < 0 ||
	    choose(CAPNG_INHERITABLE, want->inheritable & all) < 0 || choose(CAPNG_AMBIENT, ambient) < 0)
		return err_sys(e, "capset", NULL, "libcap-ng does not take the capability sets");
	if (capng_apply(CAPNG_SELECT_CAPS) < 0) {
		err_sys(e, "capset", NULL, "setting the capability sets for uid %u", c->user.uid);
		return e->errnum == EPERM ? err_hint(e, "the sandbox's user namespace does not grant all of the "
							"capabilities that were asked for")
					  : -1;
	}
	if (capng_apply(CAPNG_SELECT_AMBIENT) < 0) {
		err_sys(e, "prctl", NULL, "setting the ambient capabilities");
		return err_hint(e, "an ambient capability must be permitted and inheritable as well");
	}
	return 0;
}
