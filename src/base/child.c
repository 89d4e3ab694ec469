/* SPDX-License-Identifier: Apache-2.0 */
/* base/child.c - run a tool of the host: argv, captured stderr; no shell */

#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/stop.h"
#include "base/str.h"

int child_spawn(struct child *c, const char *const *argv, bool wants_stdout, struct err *e)
{
	static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const env[] = { path_env, NULL };
	AUTO_CLOSE int err_r = -1, err_w = -1, out_r = -1, out_w = -1;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	int p[2], rc;

	*c = (struct child){ .err_fd = -1, .out_fd = -1, .name = argv[0] };
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting %s", argv[0]);
	err_r = p[0];
	err_w = p[1];
	if (wants_stdout) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_sys(e, "pipe2", NULL, "starting %s", argv[0]);
		out_r = p[0];
		out_w = p[1];
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&fa, out_w >= 0 ? out_w : 0, 1);
	posix_spawn_file_actions_adddup2(&fa, err_w, 2);
	posix_spawnattr_init(&at);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&at, &none);
	/* where signals are ours to handle, a group of its own, so that it can be ended with its children */
	posix_spawnattr_setflags(&at, stop_is_armed() ? POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP
						      : POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(&c->pid, argv[0], &fa, &at, (char *const *)(uintptr_t)argv, env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	if (rc) {
		errno = rc;
		c->pid = 0;
		return err_sys(e, "execve", argv[0], "starting %s", argv[0]);
	}
	c->err_fd = fd_take(&err_r);
	c->out_fd = fd_take(&out_r);
	return 0;
}

/* Reads to the end of file, keeping at most @max bytes. -1: we are asked to end. */
static int drain(int fd, struct buf *b, size_t max)
{
	char chunk[4096];
	ssize_t n;

	for (;;) {
		if (stop_poll(fd, POLLIN, -1) < 0)
			return -1;
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0 || (n < 0 && errno != EINTR))
			return 0;
		if (n > 0 && b->len < max)
			buf_addn(b, chunk, (size_t)n);
	}
}

/* It is of a group of its own (child_spawn()), and may have a real id of ours only: newuidmap. */
static int give_up(struct child *c, const char *name, struct err *e)
{
	AUTO_FREE char *when = str_fmt("while %s was running", name);

	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	auto_close(&c->out_fd);
	auto_close(&c->err_fd);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return stop_err(e, when);
}

int child_wait(struct child *c, char **out, struct err *e)
{
	AUTO_BUF struct buf err_text = { 0 }, out_text = { 0 };
	const char *base = strrchr(c->name, '/');
	int status;

	base = base ? base + 1 : c->name;
	if ((c->out_fd >= 0 && drain(c->out_fd, &out_text, 16 << 20) < 0) || drain(c->err_fd, &err_text, 4096) < 0)
		return give_up(c, base, e);
	auto_close(&c->out_fd);
	auto_close(&c->err_fd);
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "waitpid", base, "waiting for %s", base);
	c->pid = 0;
	if (err_text.len) {
		char *nl = strchr(err_text.s, '\n');

		if (nl)
			*nl = '\0';
	}
	if (WIFSIGNALED(status))
		return err_set(e, ERR_HOST, "%s was killed by signal %d", base, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(e, ERR_HOST, "%s failed with status %d%s%s", base, WEXITSTATUS(status),
			       err_text.len ? ": " : "", err_text.len ? err_text.s : "");
	if (out)
		*out = buf_take(&out_text);
	return 0;
}

char *child_find(const char *name)
{
	static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin",
					    "/run/wrappers/bin", "/usr/local/sbin" };

	for (size_t i = 0; i < N_ELEMS(dirs); i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dirs[i], name);

		if (access(path, X_OK) == 0)
			return ptr_take(&path);
	}
	return NULL;
}
