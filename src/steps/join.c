/* SPDX-License-Identifier: Apache-2.0 */
/* steps/join.c - the stage: enters namespaces that exist, makes the time namespace that gets offsets
 *
 * Every descriptor was opened and proved to be the caller's before the plan was made
 * (run/join.c); here they are only used.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sys.h"
#include "steps/ctx.h"

/* Not dumpable: our files below /proc are root's from now on, ours among them. */
static int close_to_ptrace(struct ctx *c, const struct step *s, struct err *e)
{
	if (c->spec->time.has_offsets && !c->timens_fd) {
		c->timens_fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
		if (c->timens_fd < 0)
			return err_sys(e, "open", "/proc/self/timens_offsets", "setting the clocks' offsets");
	}
	if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", s->object, "closing the stage to ptrace");
	return 0;
}

static int enter(struct ctx *c, const struct step *s, struct err *e)
{
	if (setns(c->in->joined[s->u.ns], ns_clone_flag(s->u.ns)) < 0)
		return err_sys(e, "setns", s->object, "joining the %s namespace", ns_name(s->u.ns));
	return 0;
}

/**
 * step_enter() - Enter the user namespace that owns what is joined
 *
 * From here to exec we are in sight of whoever has CAP_SYS_PTRACE there, with the host's
 * root directory and descriptors in hand (CVE-2016-9962): so not dumpable, which makes
 * that right one over the machine's first user namespace. child_main() leaves it so.
 *
 * Place:	stage
 * Errors:	SYS setns
 */
int step_enter(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	return close_to_ptrace(c, s, e) < 0 ? -1 : enter(c, s, e);
}

/**
 * step_join() - Join one namespace; a pid namespace takes effect with the clone
 * Place:	stage, in the user namespace that owns it, or as real root
 * Errors:	SYS setns
 */
int step_join(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)rung;
	if ((s->u.ns == NS_PID || s->u.ns == NS_MOUNT) && close_to_ptrace(c, s, e) < 0)
		return -1;
	return enter(c, s, e);
}

/**
 * step_outer() - Make the time namespace, and what must own it, and write its offsets
 * Place:	stage
 * Errors:	SYS unshare, write
 */
int step_outer(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	int fd = c->timens_fd;
	AUTO_FREE char *text = str_fmt("monotonic %" PRId64 " %u\nboottime %" PRId64 " %u\n", c->spec->time.monotonic_s,
				       c->spec->time.monotonic_ns, c->spec->time.boottime_s, c->spec->time.boottime_ns);

	(void)rung;
	if (unshare((int)s->u.clone_flags) < 0)
		return err_sys(e, "unshare", s->object, "making the namespaces");
	if (!fd)
		fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	c->timens_fd = fd;
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		err_sys(e, "write", "/proc/self/timens_offsets", "setting the clocks' offsets");
		if (e->errnum == ERANGE)
			return err_hint(e, "no clock may get below zero, or beyond 146 years: see the first number in "
					   "/proc/uptime");
		return -1;
	}
	auto_close(&c->timens_fd);
	return 0;
}
