/* SPDX-License-Identifier: Apache-2.0 */
/* run/sweeper.c - what dead sandboxes and commands left is removed by a process of its own
 *
 * The supervisor has signals and output to pass on meanwhile, and garbage may be large. The
 * sweeper has nothing of the caller's open; what it says goes to a file in memory, which is
 * read where it has ended by the time that the sandbox has. Otherwise it goes on alone.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/sys.h"
#include "run/internal.h"
#include "store/volumes.h"

enum { MOMENT_MS = 300, ID_LEN = 64 };

/* Where images and volumes are made, below the store's directory. */
static const char *const MAKING[] = { "images/tmp", "volumes/.tmp" };

/* Whether anything is being made there, by whoever. */
static bool has_unfinished(const char *data_dir)
{
	for (size_t i = 0; i < N_ELEMS(MAKING); i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", data_dir, MAKING[i]);
		AUTO_DIR DIR *dir = opendir(path);

		for (const struct dirent *d; dir && (d = readdir(dir));)
			if (!str_eq(d->d_name, ".") && !str_eq(d->d_name, ".."))
				return true;
	}
	return false;
}

/* Whether there is anything beside our own run: another one, or what is left of one. */
static bool has_others(int dirfd, const char *own)
{
	AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return true;	/* the sweep says why */
	fd = -1;
	for (const struct dirent *d; (d = readdir(dir));)
		if ((strlen(d->d_name) == ID_LEN && !str_eq(d->d_name, own)) || str_starts(d->d_name, ".new-") ||
		    str_starts(d->d_name, ".del-"))
			return true;
	return false;
}

/* What dead commands left of images and volumes. Where there are none yet, or not ours, others say so. */
static void sweep_unfinished(const struct store *st)
{
	struct images im = { .fd = -1 };
	struct volumes vs = { .fd = -1 };
	struct err ignored = { 0 };

	if (images_open(st, false, &im, &ignored) == 0) {
		images_sweep(&im, in_map);
		images_close(&im);
	}
	if (volumes_open(st, false, &vs, &ignored) == 0) {
		volumes_sweep(&vs, in_map);
		volumes_close(&vs);
	}
}

static void sweep(struct store *st, int said)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int *const kept[] = { &st->run_fd, &st->data_fd };
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	setsid();
	stop_disarm();
	prctl(PR_SET_NAME, "lichen-sweep");
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(said, 2) < 0 || chdir("/") < 0)
		return;
	/* above all not the lock of the run, nor the payload's pipes */
	for (size_t i = 0; i < N_ELEMS(kept); i++) {
		int high = fcntl(*kept[i], F_DUPFD_CLOEXEC, 1000);

		if (high < 0)
			high = fcntl(*kept[i], F_DUPFD_CLOEXEC, 200);
		if (high < 0)
			return;
		*kept[i] = high;
	}
	if (st->run_fd > st->data_fd)
		return;
	sys_close_range(3, (unsigned)st->run_fd - 1, 0);
	if (st->data_fd > st->run_fd + 1)
		sys_close_range((unsigned)st->run_fd + 1, (unsigned)st->data_fd - 1, 0);
	sys_close_range((unsigned)st->data_fd + 1, ~0U, 0);
	null = -1;
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	store_sweep(st, in_map);
	sweep_unfinished(st);
}

void sweeper_start(struct sweeper *s, struct store *st, const char *own)
{
	AUTO_CLOSE int said = -1;
	pid_t pid;

	if (s->pid || (!has_others(st->run_fd, own) && !has_others(st->data_fd, own) && !has_unfinished(st->data_dir)))
		return;
	said = memfd_create("lichen-sweep", MFD_CLOEXEC);
	pid = said < 0 ? -1 : fork();
	if (pid == 0) {
		sweep(st, said);
		_exit(0);
	}
	if (pid < 0) {
		log_warn("what dead sandboxes and commands left is not removed now: %s", strerror(errno));
		return;
	}
	s->pid = pid;
	s->pidfd = sys_pidfd_open(pid, 0);
	s->said = fd_take(&said);
}

bool sweeper_reap(struct sweeper *s)
{
	if (!s->pid || waitpid(s->pid, NULL, WNOHANG) != s->pid)
		return false;
	s->pid = 0;
	return true;
}

void sweeper_end(struct sweeper *s)
{
	AUTO_FREE char *text = NULL;
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };
	size_t len = 0;
	int n;

	if (s->said < 0)
		return;
	do
		n = s->pid ? poll(&p, 1, MOMENT_MS) : 1;
	while (n < 0 && errno == EINTR);
	if (n > 0 && s->pid)
		waitpid(s->pid, NULL, 0);
	/* whole lines of log.c's */
	if (n > 0 && lseek(s->said, 0, SEEK_SET) == 0 && fd_read_file(s->said, "", FD_READ_MAX, &text, &len) == 0 && len)
		(void)!fd_write_all(STDERR_FILENO, text, len);
	s->pid = 0;
	auto_close(&s->pidfd);
	auto_close(&s->said);
}
