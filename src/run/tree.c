/* SPDX-License-Identifier: Apache-2.0 */
/* run/tree.c - ends what a run without a pid namespace leaves behind
 *
 * The supervisor is a subreaper: whatever the payload orphans becomes its child, so all
 * of it is found. The keeper, which outlives the supervisor, knows descendants of pid 1 and the mark
 * in the environment; who clears that and daemonizes is not found (the manual says so).
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/internal.h"

enum { ROUNDS_MAX = 1000, ENVIRON_MAX = 4 << 20, END_MS = 2000 };

struct proc {
	pid_t pid, ppid;
	bool is_ours;
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

/* Kills by descriptor, where it still is whom we looked at, and waits for the end. */
static bool end(const struct proc *p)
{
	AUTO_CLOSE int fd = sys_pidfd_open(p->pid, 0);
	struct pollfd poll_end = { .fd = fd, .events = POLLIN };

	if (fd < 0 || parent_of(p->pid) != p->ppid || sys_pidfd_send_signal(fd, SIGKILL) < 0)
		return false;
	(void)poll(&poll_end, 1, END_MS);
	(void)waitpid(p->pid, NULL, WNOHANG);	/* where it is our own */
	return true;
}

void tree_reap(pid_t child, pid_t keeper)
{
	AUTO_FREE char *path = str_fmt("/proc/self/task/%d/children", getpid()), *text = NULL;
	AUTO_STRV struct strv pids = { 0 };

	if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
		return;
	strv_split(&pids, text, ' ');
	for (size_t i = 0; i < pids.n; i++) {
		pid_t pid = (pid_t)strtol(pids.v[i], NULL, 10);

		if (pid > 0 && pid != child && pid != keeper)
			(void)waitpid(pid, NULL, WNOHANG);
	}
}

void tree_end_children(pid_t but)
{
	pid_t self = getpid();

	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct proc *v;
		size_t n = list(&v);
		bool found = false;

		for (size_t i = 0; i < n; i++)
			if (v[i].ppid == self && v[i].pid != but)
				found = end(&v[i]) || found;
		free(v);
		if (!found)
			return;
	}
}

void tree_end_marked(pid_t top, const char *id)
{
	for (int round = 0; round < ROUNDS_MAX; round++) {
		struct proc *v;
		size_t n = list(&v);
		bool found = false, grows = true;

		for (size_t i = 0; i < n; i++)
			v[i].is_ours = v[i].pid == top || has_mark(v[i].pid, id);
		while (grows) {
			grows = false;
			for (size_t i = 0; i < n; i++)
				for (size_t k = 0; k < n && !v[i].is_ours; k++)
					grows = v[i].is_ours = v[k].is_ours && v[k].pid == v[i].ppid;
		}
		for (size_t i = 0; i < n; i++)
			if (v[i].is_ours && v[i].pid != getpid())
				found = end(&v[i]) || found;
		free(v);
		top = -1;	/* its number may be another's by now */
		if (!found)
			return;
	}
}

/* Again and again, as they may fork meanwhile. */
void tree_kill_rest(pid_t keeper, pid_t server)
{
	AUTO_FREE char *path = str_fmt("/proc/self/task/%d/children", (int)getpid());
	bool is_any = true;

	while (is_any) {
		AUTO_FREE char *text = NULL;
		int pid, len;

		is_any = false;
		if (fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) < 0)
			return;
		for (const char *s = text; sscanf(s, "%d%n", &pid, &len) == 1; s += len) {
			/* our own child, not yet waited for */
			if (pid == keeper || pid == server || kill(pid, SIGKILL) < 0)
				continue;
			is_any = true;
			while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
}
