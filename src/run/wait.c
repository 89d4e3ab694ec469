/* SPDX-License-Identifier: Apache-2.0 */
/* run/wait.c - from exec to the payload's end: signals, terminal and pipes, exit status */

#include "run/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "base/sys.h"
#include "run/internal.h"
#include "run/update.h"
#include "spec/control_msg.h"

/* Whether pid 1 has a handler for @sig or ignores it: as pid 1 of its namespace it would
 * not die of the default action. */
static bool has_disposition(pid_t pid, int sig)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/status", pid);
	AUTO_FREE char *text = NULL;
	static const char *const keys[] = { "\nSigCgt:\t", "\nSigIgn:\t" };

	if (fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return true;
	for (size_t i = 0; i < N_ELEMS(keys); i++) {
		const char *p = strstr(text, keys[i]);

		if (p && (strtoull(p + strlen(keys[i]), NULL, 16) >> (sig - 1)) & 1)
			return true;
	}
	return false;
}

static int stop_signal(const struct spec *s)
{
	return s->stop_signal ? signal_from_name(s->stop_signal) : SIGTERM;
}

/* Who is frozen has a signal that it handles, or lichen-init, only once it goes on; others end at once. */
static void say_paused(struct wait *w, int sig)
{
	const char *name = w->spec->name;

	if (!box_is_paused(w->box)) {
		w->has_said_paused = false;
		return;
	}
	if (w->has_said_paused || sig == SIGKILL || sig == SIGCONT || (!w->spec->process.init && !has_disposition(w->pid, sig)))
		return;
	w->has_said_paused = true;
	log_warn("the sandbox is paused: %s arrives when it goes on, with 'lichen unpause %.*s'", signal_name(sig),
		 name ? (int)strlen(name) : RUN_ID_SHORT, name ? name : w->spec->id);
}

/* lichen-init passes it on to the payload, on which default actions work; and so they do on
 * whoever is not pid 1 of a namespace. */
static void send_signal(struct wait *w, int sig)
{
	const bool is_first = !w->spec->process.init && w->spec->ns[NS_PID].mode == NS_PRIVATE;

	if (is_first && (stop_ends(sig) || (w->spec->stop_signal && sig == stop_signal(w->spec))) && !has_disposition(w->pid, sig)) {
		w->forwarded = sig;
		sig = SIGKILL;
	}
	say_paused(w, sig);
	/* as from a keyboard: a shell and what it waits for. The payload leads its session, and is not waited for yet */
	if ((sig == SIGINT || sig == SIGQUIT) && !w->spec->process.init && !w->spec->process.terminal && w->pid > 1 &&
	    kill(-w->pid, sig) == 0)
		return;
	sys_pidfd_send_signal(w->pidfd, sig);
}

void stop_self(void)
{
	sigset_t tstp;

	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, NULL);
	sigprocmask(SIG_BLOCK, &tstp, NULL);
}

/* ---- --die-with-parent ---- */

/* One that nobody else sends: PDEATHSIG comes when the parent's thread ends, which need not be
 * the end of its process. */
static int parent_signal(void)
{
	return SIGRTMAX;
}

/* All signals are blocked by now, so that the signal is found in wait_for_end(). Whoever died
 * before the prctl() is found by the comparison with what getppid() said before. */
int parent_bind(pid_t parent, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)parent_signal(), 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting the parent-death signal");
	return getppid() == parent ? 0 : err_set(e, ERR_PEER, "the process that started lichen has ended");
}

bool parent_has_ended(pid_t parent)
{
	return parent && getppid() != parent;
}

/* ---- signals ---- */

static void forward(struct wait *w, const struct signalfd_siginfo *si)
{
	const int sig = (int)si->ssi_signo;

	if (sig == SIGCHLD && sweeper_reap(w->sweeper) && w->rest)
		w->rest->spared[SPARED_SWEEPER] = 0; /* the number may be another's now */
	if (sig == SIGCHLD)
		control_exec_reap(w->execs);
	/* orphans of the payload, adopted for want of a pid namespace; one signal may stand for many */
	if (sig == SIGCHLD && w->rest)
		tree_reap(w->rest, w->pid);
	/* of the parent's threads one has ended, not the process */
	if (sig == parent_signal() && w->parent)
		return;

	/* PIPE and XFSZ of what the relay writes */
	if (si->ssi_pid == (uint32_t)getpid())
		return;
	switch (sig) {
	case SIGCHLD:
	case SIGTTIN:
	case SIGTTOU:
	case SIGURG:
		return;
	case SIGWINCH:
		relay_resize(w->relay);
		return;
	case SIGTSTP:
		sys_pidfd_send_signal(w->pidfd, w->spec->process.init ? SIGTSTP : SIGSTOP);
		relay_suspend(w->relay);
		stop_self();
		relay_resume(w->relay);
		sys_pidfd_send_signal(w->pidfd, SIGCONT);
		return;
	case SIGCONT:
		relay_continued(w->relay);
		break;
	default:
		break;
	}
	if (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM)
		w->is_asked = true;
	if (sig == SIGINT)
		w->is_interrupted = true;
	send_signal(w, sig == SIGTERM ? stop_signal(w->spec) : sig);
}

/* ---- --timeout ---- */

enum { STATUS_TIMEOUT = 124, GRACE_MS = 10000, MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000 };

static int set_timer(struct wait *w, uint64_t ms, struct err *e)
{
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)(ms / MSEC_PER_SEC),
					      .tv_nsec = (long)(ms % MSEC_PER_SEC) * NSEC_PER_MSEC } };

	if (w->timer_fd < 0)
		w->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->timer_fd < 0 || timerfd_settime(w->timer_fd, 0, &t, NULL) < 0)
		return err_sys(e, "timerfd_settime", NULL, "setting the time limit");
	return 0;
}

/* The first time the payload is asked to end, the second time it is ended. */
static void time_is_over(struct wait *w)
{
	struct err e;
	uint64_t times;

	if (read(w->timer_fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
		return;
	if (w->has_timed_out) {
		sys_pidfd_send_signal(w->pidfd, SIGKILL);
		return;
	}
	w->has_timed_out = true;
	log_warn("the time limit is over after %g s: %s is sent", (double)w->spec->timeout_ms / MSEC_PER_SEC,
		 signal_name(stop_signal(w->spec)));
	send_signal(w, stop_signal(w->spec));
	if (set_timer(w, GRACE_MS, &e) < 0)
		sys_pidfd_send_signal(w->pidfd, SIGKILL);
}

/* ---- the wait ---- */

enum { TAG_SIGNAL = 1 << 16, TAG_CHILD = 2 << 16, TAG_RELAY = 3 << 16, TAG_FUSE = 4 << 16,
       TAG_TIMER = 5 << 16, TAG_SHARE = 6 << 16, TAG_DOOR = 7 << 16, TAG_MASK = 0xff << 16 };

static int watch(int ep, int fd, unsigned tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

/* How much later than its root's the payload's end may be seen. */
enum { END_OF_ROOT_MS = 500 };

static void fuse_ended(struct wait *w, int ep)
{
	struct pollfd payload = { .fd = w->pidfd, .events = POLLIN };
	struct err e;

	epoll_ctl(ep, EPOLL_CTL_DEL, w->fuse->pidfd, NULL);
	if (fuse_explain(w->fuse, &e) == 0 || (e.errnum == ECONNABORTED && poll(&payload, 1, END_OF_ROOT_MS) > 0))
		return;
	err_hint(&e, "what the sandbox reads and writes fails from now on with ENOTCONN");
	log_err(&e);
}

/* PF_FORKNOEXEC of the kernel, in field 9 of /proc/PID/stat: forked, and nothing executed since. */
enum { NEVER_EXECUTED = 0x40 };

/* A profile of the user's may refuse what the last steps need, the words of an error included.
 * Asked of the zombie. */
static bool is_never_executed(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/stat", pid);
	AUTO_FREE char *text = NULL;
	unsigned flags;
	const char *p;

	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & NEVER_EXECUTED);
}

static int watch_all(struct wait *w, int ep, struct err *e)
{
	if (ep < 0 || watch(ep, w->signal_fd, TAG_SIGNAL) < 0 || watch(ep, w->pidfd, TAG_CHILD) < 0 ||
	    watch(ep, w->share_fd, TAG_SHARE) < 0 || watch(ep, w->door->poll_fd, TAG_DOOR) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching the payload");
	if (w->fuse->pidfd >= 0 && watch(ep, w->fuse->pidfd, TAG_FUSE) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching fuse-overlayfs");
	if (relay_watch(w->relay, ep, TAG_RELAY, e) < 0)
		return -1;
	if (w->spec->timeout_ms && (set_timer(w, w->spec->timeout_ms, e) < 0 || watch(ep, w->timer_fd, TAG_TIMER) < 0))
		return err_sys(e, "epoll_ctl", NULL, "watching the time limit");
	return 0;
}

static void serve_door(struct wait *w)
{
	struct control_msg m;
	struct door_caller c;

	while (door_next(w->door, &m, sizeof(m), &c))
		control_exec_serve(w->execs, &m, &c);
}

/* True where pid 1 has ended. */
static bool take_event(struct wait *w, int ep, const struct epoll_event *ev)
{
	struct signalfd_siginfo si;

	switch ((unsigned)ev->data.u64 & TAG_MASK) {
	case TAG_RELAY:
		relay_event(w->relay, (unsigned)ev->data.u64 & 0xffff, ev->events);
		return false;
	case TAG_SIGNAL:
		if (read(w->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
			forward(w, &si);
		return false;
	case TAG_TIMER:
		time_is_over(w);
		return false;
	case TAG_FUSE:
		fuse_ended(w, ep);
		return false;
	case TAG_SHARE:
		share_serve(w->share_fd, w->share);
		return false;
	case TAG_DOOR:
		serve_door(w);
		return false;
	default:
		return true;
	}
}

static int status_of(const struct wait *w, const siginfo_t *si)
{
	if (w->has_timed_out)
		return STATUS_TIMEOUT;
	if (si->si_code == CLD_EXITED)
		return si->si_status;
	return EXIT_SIGNAL + (w->forwarded ? w->forwarded : si->si_status);
}

int wait_for_end(struct wait *w, int *status, struct err *e)
{
	AUTO_CLOSE int ep = epoll_create1(EPOLL_CLOEXEC);
	siginfo_t si = { 0 };
	bool has_ended = false;
	int rc;

	w->timer_fd = -1;
	rc = watch_all(w, ep, e);
	while (rc == 0 && !has_ended) {
		struct epoll_event ev[8];
		int n;

		if (parent_has_ended(w->parent))
			sys_pidfd_send_signal(w->pidfd, SIGKILL);
		n = epoll_wait(ep, ev, 8, -1);
		for (int i = 0; i < n; i++)
			has_ended = take_event(w, ep, &ev[i]) || has_ended;
	}
	auto_close(&w->timer_fd);
	if (rc < 0)
		return -1;
	if (w->spec->seccomp == SECCOMP_PROFILE && is_never_executed(w->pid)) {
		err_set(e, ERR_SPEC, "the seccomp profile %s refuses what the start itself needs", w->spec->seccomp_profile);
		return err_hint(e, "execve, exit_group, and what comes before: read, write, close, openat, fstat, prctl, "
				   "capget, sendmsg, mmap, brk");
	}
	if (waitid(P_PID, (id_t)w->pid, &si, WEXITED) < 0)
		return err_sys(e, "waitid", "payload", "waiting for the payload");
	w->end_signal = si.si_code == CLD_EXITED ? 0 : si.si_status;
	if (w->rest)
		tree_end(w->rest);
	relay_drain(w->relay, w->is_asked || w->forwarded);
	*status = status_of(w, &si);
	if (w->is_interrupted && *status == EXIT_SIGNAL + SIGINT && !w->spec->process.terminal)
		stop_die_of(SIGINT);	/* a shell's loop goes on behind what only exits with 130 */
	if (*status == 0 && relay_has_lost(w->relay))
		*status = EXIT_LICHEN;
	return 0;
}

int signals_take(int *signal_fd, struct err *e)
{
	static const int may_be_ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction old;
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGABRT);
	/* what the caller ignores (nohup, a shell's "&") stays ignored, here and in the payload */
	for (size_t i = 0; i < N_ELEMS(may_be_ignored); i++)
		if (sigaction(may_be_ignored[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			sigdelset(&all, may_be_ignored[i]);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return err_sys(e, "sigprocmask", NULL, "taking over signals");
	*signal_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*signal_fd < 0 || stop_arm(&all) < 0)
		return err_sys(e, "signalfd", NULL, "taking over signals");
	return 0;
}
