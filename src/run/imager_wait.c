/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_wait.c - what all work on images does while it waits: signals, the view's tick, words for a full disk */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/size.h"
#include "base/stop.h"
#include "run/imager_internal.h"

/* ---- signals ---- */

static void asked_to_end(sigset_t *set)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction old;

	sigemptyset(set);
	/* what the caller ignores (nohup, a shell's "&") stays ignored */
	for (size_t i = 0; i < N_ELEMS(signals); i++)
		if (sigaction(signals[i], NULL, &old) < 0 || old.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

int imager_stop_begin(struct imager_stop *s, struct err *e)
{
	sigset_t set;

	*s = (struct imager_stop){ .is_ours = !stop_is_armed() };
	if (!s->is_ours)
		return 0;
	asked_to_end(&set);
	if (sigprocmask(SIG_BLOCK, &set, &s->before) < 0)
		return err_sys(e, "sigprocmask", NULL, "taking over signals");
	if (stop_arm(&set) < 0) {
		err_sys(e, "signalfd", NULL, "taking over signals");
		sigprocmask(SIG_SETMASK, &s->before, NULL);
		s->is_ours = false;
		return -1;
	}
	return 0;
}

void imager_stop_clean(int rc)
{
	/* else every tool that the clean-up needs would be ended by the signal that is still pending */
	if (rc < 0 && stop_pending())
		stop_disarm();
}

int imager_stop_end(struct imager_stop *s, int rc, const struct err *e)
{
	const struct timespec now = { 0 };
	sigset_t set;

	if (!s->is_ours)
		return rc;
	asked_to_end(&set);
	if (rc < 0 && e->kind == ERR_SIGNAL) {
		while (sigtimedwait(&set, NULL, &now) > 0)
			;
		stop_die_of(e->sig);
	}
	stop_disarm();
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	s->is_ours = false;
	return rc;
}

int imager_wait(struct pollfd *p, size_t n, const struct imager_view *view, const char *when, struct err *e)
{
	int sig;

	if (poll(p, (nfds_t)n, IMAGER_TICK_MS) < 0) {
		if (errno != EINTR)
			return err_sys(e, "poll", NULL, "waiting for a helper");
		for (size_t i = 0; i < n; i++)
			p[i].revents = 0;
	}
	if (stop_pending())
		return stop_err(e, when);
	sig = view && view->tick ? view->tick(view->arg) : 0;
	if (sig <= 0)
		return 0;
	err_set(e, ERR_SIGNAL, "ended by signal %d %s", sig, when);
	e->sig = sig;
	return -1;
}

/* ---- words ---- */

const char *imager_label(const char *digest, char out[IMAGER_LABEL_MAX])
{
	const char *colon = strchr(digest, ':');

	snprintf(out, IMAGER_LABEL_MAX, "%.12s", colon ? colon + 1 : digest);
	return out;
}

uint64_t imager_free_bytes(const struct images *im)
{
	struct statvfs sv;

	if (statvfs(im->dir, &sv) < 0)
		return UINT64_MAX;
	return (uint64_t)sv.f_bavail * sv.f_frsize;
}

int imager_no_room(const struct images *im, struct err *e)
{
	char left[SIZE_TEXT];
	uint64_t bytes = imager_free_bytes(im);

	/* one who saw it earlier has said all of it */
	if ((e->errnum != ENOSPC && e->errnum != EDQUOT) || strstr(e->hint, "lichen image prune"))
		return -1;
	err_wrap(e, "%s: the file system that has %s is full", e->errnum == EDQUOT ? "your quota is used up" : "no room is left", im->dir);
	if (bytes == UINT64_MAX)
		bytes = 0;
	return err_hint(e, "%s are free, beside what was half made and is removed now: `lichen system df` says what images take up, `lichen image prune` "
			   "removes what nobody uses; XDG_DATA_HOME puts the store elsewhere", size_format(bytes, left));
}
