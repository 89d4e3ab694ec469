/* SPDX-License-Identifier: Apache-2.0 */
/* steps/filter.c - load the filter that was chosen before the clone */

#include "steps/ctx.h"
#include "steps/seccomp.h"

/**
 * step_seccomp() - From here on the payload's filter holds for us, too
 *
 * Place:	child
 * Needs:	no_new_privs, or CAP_SYS_ADMIN in the own user namespace
 * Mustn't:	be followed by a step that needs mounts, namespaces or keys
 * Errors:	SYS seccomp
 */
int step_seccomp(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)s;
	(void)rung;
	/* a profile of the user's knows nothing of our rule about terminals, and may not let a second
	 * filter be loaded behind it */
	if (c->spec->seccomp == SECCOMP_PROFILE &&
	    seccomp_install(SECCOMP_TERMINAL.insns, SECCOMP_TERMINAL.n_insns, e) < 0)
		return -1;
	return c->filter ? seccomp_install(c->filter, c->n_filter, e) : 0;
}
