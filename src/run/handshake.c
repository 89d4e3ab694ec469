/* SPDX-License-Identifier: Apache-2.0 */
/* run/handshake.c - meeting points between supervisor and child */

#include "run/handshake.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/stop.h"
#include "steps/ctx.h"

enum msg_type { MSG_POINT = 1, MSG_ERR, MSG_LOG, MSG_RUNG, MSG_GOING, MSG_FUSE };

enum { N_RECEIVED = 8 };

struct msg {
	int type;
	int value;		/* the point, the log level, or the step */
	int rung;
	union {
		struct err err;
		char text[1024];
	} u;
};

int hs_pair(struct hs *supervisor, struct hs *child, struct err *e)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(e, "socketpair", NULL, "making the handshake's socket");
	*supervisor = (struct hs){ .sock = sv[0] };
	*child = (struct hs){ .sock = sv[1], .is_child = true };
	return 0;
}

void hs_close(struct hs *hs)
{
	auto_close(&hs->sock);
}

pid_t hs_fork(struct hs *supervisor, struct hs *child, const char *why, struct err *e)
{
	pid_t pid;

	if (hs_pair(supervisor, child, e) < 0)
		return -1;
	pid = fork();
	if (pid < 0)
		err_sys(e, "fork", NULL, "%s", why);
	if (pid <= 0)
		hs_close(supervisor);
	if (pid != 0)
		hs_close(child);
	return pid;
}

/* The next message that is a point. 1: got one; 0: end of file; -1: @e. Sets hs->is_going. */
static int next_point(struct hs *hs, struct ctx *c, struct msg *m, int *fds, size_t *n_fds, struct err *e)
{
	const size_t room = *n_fds;

	for (;;) {
		int got[N_RECEIVED];
		size_t n_got = N_RECEIVED;
		ssize_t n;

		if (!hs->is_child && stop_poll(hs->sock, POLLIN, -1) < 0)
			return stop_err(e, "while the sandbox was being set up");
		n = fd_recv(hs->sock, m, sizeof(*m), got, &n_got);

		/* it ended without having read what we sent; what it sent is still there (unix(7)) */
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n < 0)
			return err_sys(e, "recvmsg", NULL, "waiting for the other side");
		if (n == 0)
			return 0;
		for (size_t i = 0; (size_t)n < offsetof(struct msg, u) && i < n_got; i++)
			close(got[i]);
		if ((size_t)n < offsetof(struct msg, u))
			return err_set(e, ERR_PEER, "the other side sent a message of %zd bytes", n);
		if (m->type == MSG_POINT) {
			*n_fds = n_got < room ? n_got : room;
			for (size_t i = 0; i < n_got; i++)
				if (i < room)
					fds[i] = got[i];
				else
					close(got[i]);
			return 1;
		}
		if (m->type == MSG_FUSE && n_got == FUSE_FDS && hs->on_fuse)
			hs->on_fuse(hs->on_fuse_arg, (size_t)m->value, got);
		for (size_t i = 0; i < n_got; i++)
			close(got[i]);
		switch (m->type) {
		case MSG_FUSE:
			break;
		case MSG_LOG:
			m->u.text[sizeof(m->u.text) - 1] = '\0';
			log_line((enum log_level)m->value, m->u.text);
			break;
		case MSG_RUNG:
			if (c && m->value >= 0 && m->value < (int)sizeof(c->rung_taken))
				c->rung_taken[m->value] = (unsigned char)m->rung;
			break;
		case MSG_GOING:
			hs->is_going = true;
			break;
		case MSG_ERR:
			if (n != (ssize_t)sizeof(*m))
				return err_set(e, ERR_PEER, "the other side sent half an error");
			*e = m->u.err;
			str_copy(e->place, sizeof(e->place), "child");
			return -1;
		default:
			return err_set(e, ERR_PEER, "the other side sent a message of the unknown kind %d", m->type);
		}
	}
}

/* The child must know which map was written: its index in rung_taken. */
static size_t idmap_step(const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == STEP_IDMAP)
			return i;
	return sizeof(((struct ctx *)0)->rung_taken) - 1;
}

static int receive(struct ctx *c, const struct step *s, struct err *e)
{
	int fds[STEP_WRITES];
	size_t n_fds = STEP_WRITES, n_writes = 0;
	struct msg m = { 0 };
	int got = next_point(c->hs, c, &m, fds, &n_fds, e);

	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(e, ERR_PEER, "the %s died before '%s'", c->hs->is_child ? "supervisor" : "child",
			       hs_point_name(s->u.meet));
	while (n_writes < STEP_WRITES && s->writes[n_writes])
		n_writes++;
	if (m.type != MSG_POINT || m.value != (int)s->u.meet || n_fds != n_writes) {
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return err_set(e, ERR_PEER, "expected the meeting point '%s' with %zu descriptors, got '%s' with %zu",
			       hs_point_name(s->u.meet), n_writes,
			       m.type == MSG_POINT ? hs_point_name((enum hs_point)m.value) : "?", n_fds);
	}
	for (size_t i = 0; i < n_fds; i++)
		ctx_put(c, s->writes[i], fds[i]);
	if (s->u.meet == HS_IDS_MAPPED)
		c->rung_taken[idmap_step(c->plan)] = (unsigned char)m.rung;
	if (s->u.meet == HS_GO) {
		int rc;

		m = (struct msg){ .type = MSG_GOING };
		rc = fd_send(c->hs->sock, &m, offsetof(struct msg, u), NULL, 0);
		(void)rc; /* a dead supervisor is found by hs_check_open() */
	}
	return 0;
}

int hs_pass(struct ctx *c, const struct step *s, struct err *e)
{
	struct msg m = { .type = MSG_POINT, .value = (int)s->u.meet };
	int fds[STEP_READS];
	size_t n = 0;

	if (c->hs->is_child != hs_point_from_child(s->u.meet))
		return receive(c, s, e);
	if (s->u.meet == HS_IDS_MAPPED)
		m.rung = c->rung_taken[idmap_step(c->plan)];
	for (; n < STEP_READS && s->reads[n]; n++)
		fds[n] = ctx_fd(c, s->reads[n]);
	if (fd_send(c->hs->sock, &m, offsetof(struct msg, u), fds, n) < 0) {
		struct msg left;
		size_t none = 0;

		/* a dead child may have left its error in the socket */
		if (!c->hs->is_child && next_point(c->hs, c, &left, NULL, &none, e) < 0)
			return -1;
		return err_set(e, ERR_PEER, "the %s died before '%s'", c->hs->is_child ? "supervisor" : "child",
			       hs_point_name(s->u.meet));
	}
	return 0;
}

int hs_wait_exec(struct hs *hs, struct ctx *c, struct err *e)
{
	struct msg m;
	size_t n_fds = 0;
	int got = next_point(hs, c, &m, NULL, &n_fds, e);

	if (got > 0)
		return err_set(e, ERR_PEER, "the child passed '%s' after go", hs_point_name((enum hs_point)m.value));
	if (got == 0 && !hs->is_going) {
		err_set(e, ERR_PEER, "the child died while it was setting up the sandbox");
		return err_hint(e, "did something kill it, or is the memory exhausted? the kernel's log would say so");
	}
	return got;
}

int hs_check_open(const struct hs *hs, struct err *e)
{
	struct pollfd p = { .fd = hs->sock, .events = POLLIN };

	if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)))
		return err_set(e, ERR_PEER, "the supervisor died before the command was run");
	return 0;
}

void hs_send_err(struct hs *hs, const struct err *e)
{
	struct msg m = { .type = MSG_ERR };
	int rc;

	m.u.err = *e;
	rc = fd_send(hs->sock, &m, sizeof(m), NULL, 0);
	(void)rc; /* the exit status says it too */
}

int hs_ask_fuse(struct ctx *c, size_t step, const int *fds)
{
	struct msg m = { .type = MSG_FUSE, .value = (int)step };

	return fd_send(c->hs->sock, &m, offsetof(struct msg, u), fds, FUSE_FDS) < 0 ? -1 : 0;
}

void hs_log_sink(int level, const char *text, void *hs)
{
	struct msg m = { .type = MSG_LOG, .value = level };
	int rc;

	str_copy(m.u.text, sizeof(m.u.text), text);
	rc = fd_send(((struct hs *)hs)->sock, &m, offsetof(struct msg, u) + strlen(m.u.text) + 1, NULL, 0);
	(void)rc; /* a word less */
}

void hs_send_rung(struct hs *hs, size_t step, size_t rung)
{
	struct msg m = { .type = MSG_RUNG, .value = (int)step, .rung = (int)rung };
	int rc = fd_send(hs->sock, &m, offsetof(struct msg, u), NULL, 0);

	(void)rc; /* a word less */
}
