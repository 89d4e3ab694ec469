/* SPDX-License-Identifier: Apache-2.0 */
/* run/stage.c - the process between supervisor and child, where there is something to do there
 *
 * It joins namespaces and writes time offsets, which would otherwise change the supervisor
 * for good, then clones the child with CLONE_PARENT: the supervisor's own child, which it
 * waits for, and whose pid therefore cannot become another's.
 */

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/internal.h"

struct stage_msg {
	pid_t pid;
	struct err err;		/* filled where pid is 0 */
};

bool stage_is_needed(const struct plan *p)
{
	for (size_t i = 0; i < p->n && p->v[i].kind != STEP_CLONE; i++)
		if (p->v[i].place == AT_STAGE)
			return true;
	return false;
}

void clone_into(const struct ctx *c, const struct step *s, struct sys_clone_args *args)
{
	if (!s->reads[0])
		return;
	args->flags |= CLONE_INTO_CGROUP;
	args->cgroup = (uint64_t)ctx_fd(c, s->reads[0]);
}

int clone_explain(const struct step *s, struct err *e)
{
	err_sys(e, "clone3", s->object, s->reads[0] ? "making the child in its namespaces and its cgroup" : "making the namespaces");
	if (s->reads[0] && e->errnum == EAGAIN)
		return err_hint(e, "the limit of processes is reached: --pids-limit, pids.max of a level above, or `ulimit -u`");
	return -1;
}

static int take_steps(struct ctx *c, struct err *e)
{
	for (size_t i = 0; i < c->plan->n && c->plan->v[i].kind != STEP_CLONE; i++)
		if (c->plan->v[i].place == AT_STAGE && walk_step(c, i, e) < 0)
			return -1;
	return 0;
}

/* ---- stage ---- */
static int stage_main(struct ctx *c, int sock, const struct step *s, int (*child)(void *), void *arg)
{
	/* the exit signal is the stage's own, which is SIGCHLD */
	struct sys_clone_args args = { .flags = s->u.clone_flags | CLONE_PARENT };
	struct stage_msg m = { 0 };

	if (!c->in->is_exec)
		clone_into(c, s, &args);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	c->place = AT_STAGE;
	if (take_steps(c, &m.err) == 0) {
		m.pid = sys_clone3(&args);
		if (m.pid == 0) {
			close(sock);
			_exit(child(arg));
		}
		if (m.pid < 0) {
			clone_explain(s, &m.err);
			m.pid = 0;
		}
	}
	return fd_send(sock, &m, sizeof(m), NULL, 0) < 0 ? EXIT_LICHEN : 0;
}

/* As hs_fork(). What joins a sandbox that runs has to be in its cgroup already: from within its cgroup
 * namespace nobody gets there who was born outside (nsdelegate). */
static pid_t make_stage(const struct ctx *c, const struct step *s, struct hs *ours, struct hs *theirs, struct err *e)
{
	struct sys_clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid;

	if (!c->in->is_exec || !s->reads[0])
		return hs_fork(ours, theirs, "starting the stage", e);
	if (hs_pair(ours, theirs, e) < 0)
		return -1;
	clone_into(c, s, &args);
	pid = sys_clone3(&args);
	if (pid < 0)
		clone_explain(s, e);
	if (pid <= 0)
		hs_close(ours);
	if (pid != 0)
		hs_close(theirs);
	return pid;
}

int stage_clone(struct ctx *c, const struct step *s, int (*child)(void *), void *arg, pid_t *pid, int *pidfd,
		struct err *e)
{
	struct hs ours, theirs;
	struct stage_msg m;
	ssize_t n;
	pid_t stage;

	stage = make_stage(c, s, &ours, &theirs, e);
	if (stage < 0)
		return -1;
	if (stage == 0)
		_exit(stage_main(c, theirs.sock, s, child, arg));
	n = fd_recv(ours.sock, &m, sizeof(m), NULL, NULL);
	hs_close(&ours);
	while (waitpid(stage, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(m))
		return err_set(e, ERR_PEER, "the stage died before it had made the child");
	if (!m.pid) {
		*e = m.err;
		str_copy(e->place, sizeof(e->place), "stage");
		return -1;
	}
	*pid = m.pid;
	*pidfd = sys_pidfd_open(m.pid, 0);
	if (*pidfd < 0)
		return err_sys(e, "pidfd_open", "child", "taking over the child");
	return 0;
}
