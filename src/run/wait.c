/* SPDX-License-Identifier: Apache-2.0 */
/* run/wait.c - from exec to the payload's end: signals, terminal and pipes, exit status */

#include "run/wait.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/str.h"
#include "base/sys.h"

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

static void forward(struct wait *w, const struct signalfd_siginfo *si)
{
	const int sig = (int)si->ssi_signo;

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
		sys_pidfd_send_signal(w->pidfd, SIGSTOP);
		relay_suspend(w->relay);
		raise(SIGSTOP);
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
	if (stop_ends(sig) && !has_disposition(w->pid, sig)) {
		w->forwarded = sig;
		sys_pidfd_send_signal(w->pidfd, SIGKILL);
		return;
	}
	sys_pidfd_send_signal(w->pidfd, sig);
}

enum { TAG_SIGNAL = 1 << 16, TAG_CHILD = 2 << 16, TAG_RELAY = 3 << 16, TAG_FUSE = 4 << 16, TAG_MASK = 0xff << 16 };

static int watch(int ep, int fd, unsigned tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void fuse_ended(struct wait *w, int ep)
{
	struct err e;

	epoll_ctl(ep, EPOLL_CTL_DEL, w->fuse->pidfd, NULL);
	if (fuse_explain(w->fuse, &e) == 0)
		return;
	err_hint(&e, "what the sandbox reads and writes fails from now on with ENOTCONN");
	log_err(&e);
}

int wait_for_end(struct wait *w, int *status, struct err *e)
{
	AUTO_CLOSE int ep = epoll_create1(EPOLL_CLOEXEC);
	siginfo_t si = { 0 };
	bool has_ended = false;

	if (ep < 0 || watch(ep, w->signal_fd, TAG_SIGNAL) < 0 || watch(ep, w->pidfd, TAG_CHILD) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching the payload");
	if (w->fuse->pidfd >= 0 && watch(ep, w->fuse->pidfd, TAG_FUSE) < 0)
		return err_sys(e, "epoll_ctl", NULL, "watching fuse-overlayfs");
	if (relay_watch(w->relay, ep, TAG_RELAY, e) < 0)
		return -1;
	while (!has_ended) {
		struct epoll_event ev[8];
		int n = epoll_wait(ep, ev, 8, -1);

		for (int i = 0; i < n; i++) {
			unsigned tag = (unsigned)ev[i].data.u64 & TAG_MASK;
			struct signalfd_siginfo si2;

			if (tag == TAG_RELAY)
				relay_event(w->relay, (unsigned)ev[i].data.u64 & 0xffff, ev[i].events);
			else if (tag == TAG_SIGNAL && read(w->signal_fd, &si2, sizeof(si2)) == (ssize_t)sizeof(si2))
				forward(w, &si2);
			else if (tag == TAG_CHILD)
				has_ended = true;
			else if (tag == TAG_FUSE)
				fuse_ended(w, ep);
		}
	}
	if (waitid(P_PID, (id_t)w->pid, &si, WEXITED) < 0)
		return err_sys(e, "waitid", "payload", "waiting for the payload");
	relay_drain(w->relay, w->is_asked || w->forwarded);
	*status = si.si_code == CLD_EXITED ? si.si_status
		: w->forwarded		   ? EXIT_SIGNAL + w->forwarded
					   : EXIT_SIGNAL + si.si_status;
	if (w->is_interrupted && *status == EXIT_SIGNAL + SIGINT && !w->has_terminal)
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
