/* SPDX-License-Identifier: Apache-2.0 */
/* run/groups_exec.c - a command in a group: in one that is there, or in one that is made for it
 *
 * In a group that is there lichen moves itself and becomes the command. In one that is made for the
 * command it stays beside it, as the parent: the command is born in the group, in lichen's own
 * session and process group, with lichen's own descriptors. What a terminal sends reaches both.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/sys.h"
#include "run/autopsy.h"
#include "run/groups_internal.h"
#include "run/internal.h"
#include "run/supervise.h"
#include "run/wait.h"
#include "steps/process.h"

static const struct exec_where HERE = { .root = "this machine", .user = "you" };

static int become(const struct strv *args, struct err *e)
{
	(void)!exec_program(args, NULL, environ, getenv("PATH"), &HERE, e);
	if (e->kind == ERR_NOTFOUND && !e->hint[0])
		return err_hint(e, strchr(args->v[0], '/') ? "is the path right?" : "a program that is elsewhere is given by its path");
	return -1;
}

/* ---- going to a group ---- */

int group_attach(const struct groups *gs, const struct own_group *g, pid_t pid, struct err *e)
{
	AUTO_FREE char *helper = helper_path("lichen-scope"), *number = str_fmt("%d", (int)pid);
	const char *argv[] = { helper, "attach", "--unit", strrchr(g->base, '/') + 1, "--subgroup", g->dir + strlen(g->base), "--pid",
			       number, gs->f.is_root ? "--system" : NULL, NULL };
	struct child tool;

	if (child_spawn(&tool, argv, false, e) == 0 && child_wait(&tool, NULL, e) == 0)
		return 0;
	if (e->kind != ERR_SIGNAL && !e->errnum)
		str_copy(e->op, sizeof(e->op), "systemd");
	return err_wrap(e, "asking systemd to move the command to the group '%s'", g->name);
}

/* Processes and controllers that are enabled for the groups below exclude each other. */
static int no_leaf(const struct own_group *g, struct err *e)
{
	AUTO_STRV struct strv below = { 0 };

	group_children(g->dir, &below);
	err_set(e, ERR_STATE, "the group '%s' has controllers enabled for the groups below it, and then takes no processes", g->name);
	if (!below.n)
		return err_hint(e, "make a group below: lichen cgroup create %s/NAME", g->name);
	return err_hint(e, "take one below it: lichen cgroup exec %s/%s ...", g->name, below.v[0]);
}

static int explain_entry(const struct own_group *g, struct err *e)
{
	err_sys(e, "cgroup.procs", g->dir, "going to the group '%s'", g->name);
	switch (e->errnum) {
	case EBUSY:
		return no_leaf(g, e);
	case ENOENT:
	case ENODEV:
		return err_hint(e, "it has been removed meanwhile");
	case EACCES:
	case EPERM:
		return err_hint(e, "a process goes only where the level above both cgroups is its user's: start lichen from a cgroup that "
				   "is delegated to you");
	case EAGAIN:
		return err_hint(e, "its limit of processes is reached (pids.max)");
	default:
		return -1;
	}
}

/* Moves @pid, 0 for ourselves: by ourselves, or by systemd where we come from outside. */
static int enter(const struct groups *gs, const struct own_group *g, pid_t pid, struct err *e)
{
	AUTO_FREE char *procs = str_fmt("%s/cgroup.procs", g->dir), *text = str_fmt("%d", (int)pid);
	AUTO_FREE char *enabled = cgroup_read_line(g->dir, "cgroup.subtree_control");

	if (enabled && *enabled)
		return no_leaf(g, e);
	if (fd_burn(AT_FDCWD, procs, text) == 0)
		return 0;
	if ((errno == EACCES || errno == EPERM) && g->kind == OWN_SYSTEMD)
		return group_attach(gs, g, pid ? pid : getpid(), e);
	return explain_entry(g, e);
}

int groups_exec(const struct groups *gs, const struct own_group *g, const struct strv *args, struct err *e)
{
	if (cgroup_event(g->dir, "cgroup.events", "frozen"))
		log_warn("the group '%s' is frozen: the command stands still until 'lichen cgroup set %s cgroup.freeze=0'", g->name, g->name);
	return enter(gs, g, 0, e) < 0 ? -1 : become(args, e);
}

/* ---- a group for one command ---- */

struct job {
	const struct groups *gs;
	struct own_group g;		/* its group; base: the scope, or PLACE */
	struct cgroup_box box;		/* what is removed in the end */
	const struct strv *args;
	pid_t pid, keeper;
	int pidfd, signal_fd;
	int err_fd;			/* the child's error; end of file: it has become the command */
	int go_fd;			/* the child waits for this where it is moved */
	bool is_interrupted, was_ours;
};

/* @g says where. The group stands, with its limits. */
static int make_first(struct job *j, const struct plan_input *in, struct err *e)
{
	const struct plan_cgroup *g = &in->cgroup;
	struct cgroup_box *b = &j->box;

	if (g->place) {
		j->g.kind = OWN_CGROUPFS;
		j->g.base = str_dup(g->place);
		j->g.dir = str_fmt("%s/%s", g->place, g->name);
		if (group_make_dir(j->g.dir, j->g.name, e) < 0)
			return -1;
		group_mark(j->g.dir, "command");
		b->place = str_dup(g->place);
		b->box = str_dup(j->g.dir);
		/* we are no part of what is limited */
		b->dir = g->moves ? str_fmt("%s.supervisor", j->g.dir) : str_dup(j->g.dir);
		if (cgroup_take_place(b, g, e) < 0)
			return -1;
	} else {
		j->g.kind = OWN_SYSTEMD;
		if (cgroup_take_scope(b, g, in->is_root, e) < 0)
			return strstr(e->what, "UnitExists") ? group_exists(j->g.name, e) : -1;
		if (cgroup_make_box(b->dir, &g->controllers, &b->box, e) < 0)
			return -1;
		group_mark(b->box, "command");
		j->g.base = str_dup(b->dir);
		j->g.dir = str_dup(b->box);
	}
	return group_limit(j->g.dir, &g->limits, false, e);
}

static int make_group(struct job *j, const struct spec_limits *l, struct err *e)
{
	AUTO_FREE char *above = str_dup(j->g.name);
	AUTO_OWN_GROUP struct own_group parent = { 0 };
	struct plan_input in = { 0 };
	char *slash = strrchr(above, '/');
	int rc;

	if (!slash) {
		rc = group_choose(j->gs, above, l, &in, e);
		if (rc == 0)
			rc = make_first(j, &in, e);
		plan_input_fini(&in);
		return rc;
	}
	*slash = '\0';
	rc = groups_find(j->gs, above, &parent, e);
	if (rc == 0)
		return groups_missing(j->gs, above, e);
	if (rc < 0 || group_make_below(j->gs, j->g.name, l, &parent, &j->g.dir, e) < 0)
		return -1;
	group_mark(j->g.dir, "command");
	j->g.kind = parent.kind;
	j->g.base = str_dup(parent.base);
	j->box.dir = str_dup(j->g.dir);
	j->box.box = str_dup(j->g.dir);
	return 0;
}

/* ---- the command ---- */

static void be_command(const struct job *j, int go_fd, int err_fd)
{
	struct err e = { 0 };
	char word = 0;

	/* moved from outside: nothing of the command happens before */
	while (go_fd >= 0 && read(go_fd, &word, 1) < 0 && errno == EINTR)
		;
	if (go_fd >= 0 && !word)
		_exit(EXIT_LICHEN);
	if (signals_reset(true, &e) == 0)
		(void)!become(j->args, &e);
	e.file = NULL;
	(void)!fd_write_all(err_fd, (const char *)&e, sizeof(e));
	_exit(err_status(&e));
}

/* Born in the group, where we may do that; else a child that waits until it has been moved. */
static int start(struct job *j, struct err *e)
{
	AUTO_CLOSE int group = open(j->g.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct sys_clone_args args = { .flags = CLONE_PIDFD | CLONE_INTO_CGROUP, .pidfd = (uint64_t)(uintptr_t)&j->pidfd,
				       .exit_signal = SIGCHLD, .cgroup = (uint64_t)group };
	int errs[2], go[2];

	if (group < 0 || pipe2(errs, O_CLOEXEC) < 0)
		return err_sys(e, group < 0 ? "open" : "pipe2", j->g.dir, "starting the command in the group");
	j->pid = sys_clone3(&args);
	if (j->pid == 0)
		be_command(j, -1, errs[1]);
	if (j->pid < 0 && errno != EAGAIN && errno != ENOMEM && pipe2(go, O_CLOEXEC) == 0) {
		j->pid = fork();
		if (j->pid == 0) {
			close(go[1]);
			be_command(j, go[0], errs[1]);
		}
		close(go[0]);
		j->go_fd = go[1];
		j->pidfd = j->pid > 0 ? sys_pidfd_open(j->pid, 0) : -1;
	}
	j->err_fd = errs[0];
	if (j->pid < 0)
		err_sys(e, "clone3", j->g.dir, "starting the command in the group");
	close(errs[1]);
	if (j->pid < 0) {
		j->pid = 0;
		return e->errnum == EAGAIN ? err_hint(e, "the limit of processes is reached: --pids-limit, pids.max of a level above, or "
							 "`ulimit -u`") : -1;
	}
	return j->pidfd < 0 ? err_sys(e, "pidfd_open", NULL, "holding on to the command") : 0;
}

/* Until it has become the command, or says why not. */
static int wait_for_exec(struct job *j, struct err *e)
{
	struct err said;
	ssize_t n;

	do
		n = read(j->err_fd, &said, sizeof(said));
	while (n < 0 && errno == EINTR);
	auto_close(&j->err_fd);
	if (n != (ssize_t)sizeof(said))
		return 0;
	*e = said;
	e->file = NULL;
	return -1;
}

static int start_command(struct job *j, struct err *e)
{
	const struct kept_cgroup kept = { .box = &j->box };

	if (start(j, e) < 0 || keeper_start(&j->keeper, j->pidfd, -1, NULL, &kept, e) < 0)
		return -1;
	if (j->go_fd >= 0) {
		if (enter(j->gs, &j->g, j->pid, e) < 0)
			return -1;
		if (fd_write_all(j->go_fd, "g", 1) < 0)
			return err_sys(e, "write", NULL, "letting the command begin");
		auto_close(&j->go_fd);
	}
	return wait_for_exec(j, e);
}

/* ---- the wait ---- */

/* The command was stopped: so do we, or its job would not be a shell's to continue. */
static void follow_stop(const struct job *j)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, (id_t)j->pid, &si, WSTOPPED | WNOHANG) == 0 && si.si_pid == j->pid) {
		kill(getpid(), SIGSTOP);
		sys_pidfd_send_signal(j->pidfd, SIGCONT);
	}
}

static void forward(struct job *j, const struct signalfd_siginfo *si)
{
	const int sig = (int)si->ssi_signo;

	if (sig == SIGCHLD) {
		follow_stop(j);
		return;
	}
	if (sig == SIGINT)
		j->is_interrupted = true;
	if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM)
		j->was_ours = true;
	/* a terminal's goes to the whole process group, the command included */
	if (si->ssi_code == SI_KERNEL || si->ssi_pid == (uint32_t)getpid() || sig == SIGTTIN || sig == SIGTTOU || sig == SIGURG)
		return;
	sys_pidfd_send_signal(j->pidfd, sig);
}

static int wait_for_command(struct job *j, struct run_end *end, struct err *e)
{
	AUTO_FREE char *helper = helper_path("lichen-seccomp");
	struct pollfd p[2] = { { .fd = j->pidfd, .events = POLLIN }, { .fd = j->signal_fd, .events = POLLIN } };
	struct autopsy_facts f = { .pid = j->pid, .helper = helper };
	struct signalfd_siginfo s;
	siginfo_t si = { 0 };
	struct spec none;

	do {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll", NULL, "waiting for the command");
		while (p[1].revents && read(j->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s))
			forward(j, &s);
	} while (!p[0].revents);
	if (waitid(P_PID, (id_t)j->pid, &si, WEXITED) < 0)
		return err_sys(e, "waitid", NULL, "waiting for the command");
	j->pid = 0;
	f.signal = si.si_code == CLD_EXITED ? 0 : si.si_status;
	f.status = f.signal ? EXIT_SIGNAL + f.signal : si.si_status;
	f.was_ours = j->was_ours;
	if (j->is_interrupted && f.signal == SIGINT)
		stop_die_of(SIGINT);
	spec_init(&none);
	autopsy(end, &none, &j->box, &f);
	spec_fini(&none);
	return 0;
}

static void finish(struct job *j)
{
	stop_disarm();
	if (j->pid > 0)
		sys_pidfd_send_signal(j->pidfd, SIGKILL);
	auto_close(&j->go_fd);
	while (j->pid > 0 && waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)cgroup_end(&j->box, NULL, NULL, NULL);
	cgroup_box_fini(&j->box);
	keeper_end(j->keeper);
	auto_close(&j->pidfd);
	auto_close(&j->err_fd);
	auto_close(&j->signal_fd);
	own_group_fini(&j->g);
}

int groups_run(const struct groups *gs, const char *name, const struct spec_limits *l, const struct strv *args, struct run_end *end,
	       struct err *e)
{
	struct job j = { .gs = gs, .args = args, .g.name = str_dup(name), .pidfd = -1, .signal_fd = -1, .err_fd = -1, .go_fd = -1 };
	int rc = signals_take(&j.signal_fd, e);

	if (rc == 0)
		rc = make_group(&j, l, e);
	if (rc == 0)
		rc = start_command(&j, e);
	if (rc == 0)
		rc = wait_for_command(&j, end, e);
	finish(&j);
	return rc;
}
