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
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"
#include "base/str.h"

enum { MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000 };

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * MSEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_MSEC;
}

/* A file in memory with @text, at its beginning. */
static int text_file(const char *text, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "memfd_create", NULL, "writing what a tool reads");
	return fd_take(&fd);
}

int child_spawn(struct child *c, const char *const *argv, bool wants_stdout, struct err *e)
{
	return child_spawn_how(c, argv, &(struct child_how){ .wants_stdout = wants_stdout }, e);
}

int child_spawn_how(struct child *c, const char *const *argv, const struct child_how *how, struct err *e)
{
	static char path_env[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const env[] = { path_env, NULL };
	AUTO_CLOSE int err_r = -1, err_w = -1, out_r = -1, out_w = -1, in = -1;
	const bool has_group = stop_is_armed() || how->timeout_ms;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none;
	int p[2], rc;

	*c = (struct child){ .err_fd = -1, .out_fd = -1, .name = argv[0] };
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting %s", argv[0]);
	err_r = p[0];
	err_w = p[1];
	if (how->input) {
		in = text_file(how->input, e);
		if (in < 0)
			return -1;
	}
	if (how->wants_stdout) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_sys(e, "pipe2", NULL, "starting %s", argv[0]);
		out_r = p[0];
		out_w = p[1];
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&fa, out_w >= 0 ? out_w : 0, 1);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, err_w, 2);
	posix_spawnattr_init(&at);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&at, &none);
	/* where it may be for us to end it, a group of its own, so that its children end with it */
	posix_spawnattr_setflags(&at, has_group ? POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP : POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(&c->pid, argv[0], &fa, &at, (char *const *)(uintptr_t)argv, how->env ? how->env : env);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	if (rc) {
		errno = rc;
		c->pid = 0;
		return err_sys(e, "execve", argv[0], "starting %s", argv[0]);
	}
	c->err_fd = fd_take(&err_r);
	c->out_fd = fd_take(&out_r);
	c->deadline = how->timeout_ms ? now_ms() + (uint64_t)how->timeout_ms : 0;
	return 0;
}

/* -1: never; 0: it is over */
static int time_left(const struct child *c)
{
	const uint64_t now = now_ms();

	return !c->deadline ? -1 : c->deadline > now ? (int)(c->deadline - now) : 0;
}

/* Reads to the end of file, keeping at most @max bytes. -1: we are asked to end, or its time is over. */
static int drain(const struct child *c, int fd, struct buf *b, size_t max)
{
	char chunk[4096];
	ssize_t n;

	for (;;) {
		if (stop_poll(fd, POLLIN, time_left(c)) <= 0)
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
	if (stop_pending())
		return stop_err(e, when);
	err_set(e, ERR_HOST, "%s did not end in time, and was ended", name);
	e->errnum = ETIME;
	return -1;
}

int child_wait(struct child *c, char **out, struct err *e)
{
	AUTO_BUF struct buf err_text = { 0 }, out_text = { 0 };
	const char *base = strrchr(c->name, '/');
	int status;

	base = base ? base + 1 : c->name;
	if ((c->out_fd >= 0 && drain(c, c->out_fd, &out_text, 16 << 20) < 0) || drain(c, c->err_fd, &err_text, 4096) < 0)
		return give_up(c, base, e);
	auto_close(&c->out_fd);
	auto_close(&c->err_fd);
	while (waitpid(c->pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(e, "waitpid", base, "waiting for %s", base);
	c->pid = 0;
	if (out)
		*out = buf_take(&out_text);
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
