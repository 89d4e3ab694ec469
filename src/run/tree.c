/* SPDX-License-Identifier: Apache-2.0 */
/* run/tree.c - ends what a run without a pid namespace of its own leaves behind
 *
 * Where there is one, the kernel ends all of it with pid 1. Otherwise a process is known to be
 * of the run by one of these:
 *   - it is in the run's mount namespace, which no other run can join: where there are
 *     namespaces at all. The child hands over a descriptor of it (HS_MOUNTNS): to others it may be
 *     closed until exec, and gone soon after;
 *   - it has the run's mark in its environment: without namespaces;
 *   - it is a descendant of one of those, or of pid 1;
 *   - the supervisor, a subreaper, has inherited it.
 * All that are found are stopped first, so that none can fork, or lose its parent, while the
 * rest is looked for; then they are killed, and it is looked again. Who has cleared its
 * environment and daemonized, or made a mount namespace of its own and daemonized, is not
 * found once the supervisor is dead, too (the manual says so).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/internal.h"

enum { ROUNDS_MAX = 1000, ENVIRON_MAX = 4 << 20, END_MS = 2000, CAUGHT_MAX = 512 };

struct proc {
	pid_t pid, ppid;
};

/* What is stopped, pinned by a descriptor. */
struct caught {
	pid_t pids[CAUGHT_MAX];
	int fds[CAUGHT_MAX];
	size_t n;
};

static pid_t parent_of(pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/stat", pid), *text = NULL;
	const char *p;
	char state;
	int ppid;

	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return -1;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %c %d", &state, &ppid) == 2 && state != 'Z' ? ppid : -1;
}

static bool has_mark(pid_t pid, const char *id)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/environ", pid), *mark = str_fmt(RUN_MARK "%s", id), *text = NULL;
	size_t len, n = strlen(mark) + 1;	/* with the NUL behind it */

	if (fd_read_file(AT_FDCWD, path, ENVIRON_MAX, &text, &len) < 0)
		return false;
	for (const char *p = text; p + n <= text + len; p += strlen(p) + 1)
		if (memcmp(p, mark, n) == 0)
			return true;
	return false;
}

static size_t list(struct proc **out)
{
	AUTO_DIR DIR *d = opendir("/proc");
	struct dirent *de;
	size_t n = 0;

	*out = NULL;
	while (d && (de = readdir(d))) {
		pid_t pid = (pid_t)strtol(de->d_name, NULL, 10), ppid = pid > 0 ? parent_of(pid) : -1;

		if (ppid < 0)
			continue;
		*out = mem_grow(*out, n + 1, sizeof(**out));
		(*out)[n++] = (struct proc){ .pid = pid, .ppid = ppid };
	}
	return n;
}

static bool is_in_ns(const struct tree *t, pid_t pid)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/ns/mnt", (int)pid);
	struct stat theirs, ours;

	return t->mount_ns_fd >= 0 && fstat(t->mount_ns_fd, &ours) == 0 && stat(path, &theirs) == 0 &&
	       theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

static bool is_spared(const struct tree *t, pid_t pid)
{
	for (size_t i = 0; i < N_ELEMS(t->spared); i++)
		if (pid == t->spared[i])
			return true;
	return pid == getpid();
}

static bool is_known(const struct tree *t, const struct proc *p)
{
	return (t->top && p->pid == t->top) || (t->adopter && p->ppid == t->adopter) ||
	       is_in_ns(t, p->pid) || (t->mark && has_mark(p->pid, t->mark));
}

static bool is_caught(const struct caught *c, pid_t pid)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->pids[i] == pid)
			return true;
	return false;
}

static bool is_found(const struct tree *t, const struct caught *c, const struct proc *p)
{
	return is_known(t, p) || is_caught(c, p->ppid);
}

/* Stops what is found and was not yet; whether there was any. Children of what is stopped by
 * this are found by the next call: until then their parent cannot go away. */
static bool catch_more(const struct tree *t, struct caught *c)
{
	struct proc *v;
	size_t n = list(&v), before = c->n;

	for (size_t i = 0; i < n && c->n < CAUGHT_MAX; i++) {
		int fd;

		if (is_spared(t, v[i].pid) || is_caught(c, v[i].pid) || !is_found(t, c, &v[i]))
			continue;
		fd = sys_pidfd_open(v[i].pid, 0);
		/* held now; is it still whom we looked at? */
		if (fd < 0 || parent_of(v[i].pid) != v[i].ppid || !is_found(t, c, &v[i]) ||
		    sys_pidfd_send_signal(fd, SIGSTOP) < 0) {
			auto_close(&fd);
			continue;
		}
		c->pids[c->n] = v[i].pid;
		c->fds[c->n++] = fd;
	}
	free(v);
	return c->n > before;
}

void tree_end(const struct tree *t)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct caught c = { .n = 0 };

		while (c.n < CAUGHT_MAX && catch_more(t, &c))
			;
		if (!c.n)
			return;
		for (size_t i = 0; i < c.n; i++)
			(void)sys_pidfd_send_signal(c.fds[i], SIGKILL);
		for (size_t i = 0; i < c.n; i++) {
			struct pollfd end = { .fd = c.fds[i], .events = POLLIN };

			(void)poll(&end, 1, END_MS);
			(void)waitpid(c.pids[i], NULL, WNOHANG);	/* where it is our own */
			auto_close(&c.fds[i]);
		}
	}
}

void tree_reap(const struct tree *t, pid_t child)
{
	AUTO_FREE char *path = str_fmt("/proc/self/task/%d/children", getpid()), *text = NULL;
	AUTO_STRV struct strv pids = { 0 };

	if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
		return;
	strv_split(&pids, text, ' ');
	for (size_t i = 0; i < pids.n; i++) {
		pid_t pid = (pid_t)strtol(pids.v[i], NULL, 10);

		if (pid > 0 && pid != child && !is_spared(t, pid))
			(void)waitpid(pid, NULL, WNOHANG);
	}
}
