/* SPDX-License-Identifier: Apache-2.0 */
/* spec/control_exec.c - a supervisor's part in `lichen exec`: fork, execute lichen, reap */

#include "spec/control_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "base/sys.h"
#include "spec/control_msg.h"

enum { ASKED_FDS = 4, FDS_MAX = 1 + ASKED_FDS + NS_TYPES, ABOVE = 64, MOMENT_MS = 2000 };

void control_tell_error(int conn, const struct err *e)
{
	struct {
		struct control_msg head;
		struct err err;
	} m = { .head = { .version = CONTROL_VERSION, .kind = CTL_ERROR }, .err = *e };
	int rc;

	m.err.file = NULL;
	rc = fd_send(conn, &m, sizeof(m), NULL, 0);
	(void)rc; /* who asked is gone */
}

/* ---- child ---- */

static void take_defaults(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* ignored by who started the sandbox is not ignored by who asks now */
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			(void)sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Puts @fds at 3 and up. Out of the way first: one may stand where another one goes to. */
static int place(int fds[], int n, int null)
{
	int i;

	for (i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE);
		if (fds[i] < 0)
			return -1;
	}
	for (i = 0; i < n; i++)
		if (dup2(fds[i], EXEC_CONN_FD + i) < 0)
			return -1;
	for (i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return -1;
	return sys_close_range((unsigned)(EXEC_CONN_FD + n), ~0U, CLOSE_RANGE_CLOEXEC);
}

static void be_exec(const struct control_exec *x, int fds[], int n, char *const *env)
{
	char verb[] = "__exec", name[] = "lichen";
	char *id = str_dup(x->id), *const argv[] = { name, verb, id, NULL };
	int conn = fds[0], program = fcntl(x->lichen_fd, F_DUPFD_CLOEXEC, ABOVE);
	int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, ABOVE);
	struct err e;

	take_defaults();
	if (program >= 0 && null >= 0 && place(fds, n, null) == 0) {
		conn = EXEC_CONN_FD;
		(void)syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
	}
	err_sys(&e, "execveat", "lichen", "running lichen for this request");
	control_tell_error(conn, &e);
	_exit(EXIT_LICHEN);
}

/* ---- the supervisor ---- */

extern char **environ;

static int start(struct control_exec *x, const struct control_msg *m, const struct door_caller *c, struct err *e)
{
	int fds[FDS_MAX] = { c->conn }, n = 1;
	AUTO_STRV struct strv env = { 0 };
	unsigned has = 0;
	pid_t pid;

	for (size_t i = 0; i < ASKED_FDS; i++)
		fds[n++] = c->fds[i];
	for (unsigned t = 0; t < NS_TYPES; t++)
		if (x->ns[t] >= 0) {
			fds[n++] = x->ns[t];
			has |= 1U << t;
		}
	for (char **p = environ; *p; p++)
		strv_add(&env, *p);
	strv_addf(&env, "LICHEN_EXEC_NS=%u", has);
	strv_addf(&env, "LICHEN_EXEC_FLAGS=%d", (int)m->a);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork", NULL, "starting what joins the sandbox");
	if (pid == 0)
		be_exec(x, fds, n, env.v);
	x->pids = mem_grow(x->pids, x->n + 1, sizeof(*x->pids));
	x->pids[x->n++] = pid;
	return 0;
}

static int check(const struct control_msg *m, const struct door_caller *c, struct err *e)
{
	if (c->len < sizeof(*m) || m->version != CONTROL_VERSION) {
		err_set(e, ERR_STATE, "the supervisor does not know these words");
		return err_hint(e, "it was started by another version of lichen, or it has been started already");
	}
	if (m->kind != CTL_EXEC)
		return err_set(e, ERR_STATE, "the supervisor of a sandbox in the foreground does only exec");
	return c->n_fds == ASKED_FDS ? 0 : err_set(e, ERR_STATE, "a request of %zu descriptors, expected are %d", c->n_fds, ASKED_FDS);
}

void control_exec_serve(struct control_exec *x, const void *msg, struct door_caller *c)
{
	struct control_msg m = { 0 };
	struct err e;

	memcpy(&m, msg, c->len < sizeof(m) ? c->len : sizeof(m));
	if (check(&m, c, &e) < 0 || start(x, &m, c, &e) < 0)
		control_tell_error(c->conn, &e);
	door_caller_close(c);
}

void control_exec_reap(struct control_exec *x)
{
	size_t kept = 0;

	for (size_t i = 0; i < x->n; i++) {
		pid_t got = waitpid(x->pids[i], NULL, WNOHANG);

		if (got == 0 || (got < 0 && errno == EINTR))
			x->pids[kept++] = x->pids[i];
	}
	x->n = kept;
}

void control_exec_end(struct control_exec *x)
{
	control_exec_reap(x);
	for (size_t i = 0; i < x->n; i++) {
		struct pollfd p = { .fd = sys_pidfd_open(x->pids[i], 0), .events = POLLIN };

		/* our own child, not yet waited for */
		if (p.fd < 0 || poll(&p, 1, MOMENT_MS) <= 0)
			kill(x->pids[i], SIGKILL);
		auto_close(&p.fd);
		while (waitpid(x->pids[i], NULL, 0) < 0 && errno == EINTR)
			;
	}
	x->n = 0;
	auto_free(&x->pids);
}
