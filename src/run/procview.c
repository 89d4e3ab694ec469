/* SPDX-License-Identifier: Apache-2.0 */
/* run/procview.c - the process that serves --proc-limits: lichen-proc
 *
 * A child of the supervisor, in the host's namespaces and outside the sandbox's cgroup: the
 * payload can neither see nor signal it. It confines itself before it answers anything.
 */

#include "run/procview.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "steps/cgroup.h"

enum { SAID_MAX = 1024 };

/* ---- the server, until exec ---- */
static int serve(const struct ctx *c, const char *helper, const int *fds, int said, struct err *e)
{
	const int group = open(c->cgroup->box, O_RDONLY | O_DIRECTORY | O_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const int device = fcntl(fds[FUSE_DEVICE], F_DUPFD_CLOEXEC, 3);
	char dev[16], dir[16], pid[16];
	const char *const argv[] = { helper, "--fuse-fd", dev, "--cgroup-fd", dir, "--init-pid", pid, NULL };
	char *const env[] = { NULL };
	sigset_t none;

	snprintf(dev, sizeof(dev), "%d", device);
	snprintf(dir, sizeof(dir), "%d", group);
	snprintf(pid, sizeof(pid), "%d", (int)c->child_pid);
	if (group < 0 || null < 0 || device < 0)
		return err_sys(e, "open", c->cgroup->box, "starting lichen-proc");
	setsid();
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(said, 2) < 0 || sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ||
	    fcntl(device, F_SETFD, 0) < 0 || fcntl(group, F_SETFD, 0) < 0)
		return err_sys(e, "dup2", NULL, "starting lichen-proc");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(helper, (char *const *)(uintptr_t)argv, env);
	err_sys(e, "execve", helper, "starting lichen-proc, which serves --proc-limits");
	return e->errnum == ENOENT ? err_hint(e, "it comes with lichen where that was built with libfuse (package libfuse3-dev)") : -1;
}

/* ---- the supervisor's side ---- */

static void report(const int *fds, const struct err *e)
{
	ssize_t n = write(fds[FUSE_REPORT], e, sizeof(*e));

	(void)n; /* who waits is gone */
}

void procview_serve(struct procview *v, const struct ctx *c, const char *helper, const int *fds)
{
	struct err e = { 0 };

	if (v->pid || !c->cgroup->box) {
		err_set(&e, ERR_PEER, "the child asked for lichen-proc, which this plan does not have there");
		report(fds, &e);
		return;
	}
	v->said = memfd_create("lichen-proc", MFD_CLOEXEC);
	v->pid = v->said < 0 ? -1 : fork();
	if (v->pid == 0) {
		/* the supervisor may be gone already: then the payload never comes either */
		prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL);
		(void)!serve(c, helper, fds, v->said, &e);
		report(fds, &e);
		_exit(EXIT_LICHEN);
	}
	if (v->pid < 0) {
		v->pid = 0;
		err_sys(&e, "fork", NULL, "starting lichen-proc");
		report(fds, &e);
	}
}

void procview_end(struct procview *v)
{
	char text[SAID_MAX + 1];
	ssize_t n;

	if (!v->pid)
		return;
	kill(v->pid, SIGKILL); /* our own child, not yet waited for */
	while (waitpid(v->pid, NULL, 0) < 0 && errno == EINTR)
		;
	n = pread(v->said, text, SAID_MAX, 0);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (text[0])
		log_warn("%s", text);
	v->pid = 0;
	auto_close(&v->said);
}
