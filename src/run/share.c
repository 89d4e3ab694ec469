/* SPDX-License-Identifier: Apache-2.0 */
/* run/share.c - a sandbox's namespaces, handed to a process of the same user that asks for them */

#include "run/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/peer.h"

enum { SHARE_VERSION = 1, BACKLOG = 16, PATIENCE_S = 5 };

/* The descriptors of @served follow in the order of enum ns_type. */
struct share_msg {
	uint32_t version, served, host;		/* bit t is namespace type t */
	int32_t pid;
};

const char *ns_file_name(enum ns_type t)
{
	static const char *const names[NS_TYPES] = {
		[NS_USER] = "user", [NS_MOUNT] = "mnt", [NS_PID] = "pid",	[NS_NETWORK] = "net",
		[NS_IPC] = "ipc",   [NS_UTS] = "uts",	[NS_CGROUP] = "cgroup", [NS_TIME] = "time",
	};

	return names[t];
}

/* Named through a descriptor of its directory: sun_path holds 108 bytes only. */
static int make_address(const struct run_dir *rd, struct sockaddr_un *addr, struct err *e)
{
	int dir = open(rd->live, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, "open", rd->live, "the state directory");
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/ns", dir);
	return dir;
}

int share_listen(const struct run_dir *rd, int *fd, struct err *e)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int dir = make_address(rd, &addr, e);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (dir < 0)
		return -1;
	if (sock < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(sock, BACKLOG) < 0)
		return err_sys(e, "bind", rd->live, "making the socket that serves the namespaces");
	*fd = fd_take(&sock);
	return 0;
}

int share_open(pid_t pid, const struct spec *s, int fds[NS_TYPES])
{
	char path[64];

	for (enum ns_type t = 0; t < NS_TYPES; t++)
		fds[t] = -1;
	for (enum ns_type t = 0; t < NS_TYPES; t++) {
		if (s->ns[t].mode == NS_HOST)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns_file_name(t));
		fds[t] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[t] < 0) {
			int errnum = errno;

			for (enum ns_type k = 0; k < t; k++)
				auto_close(&fds[k]);
			errno = errnum;
			return -1;
		}
	}
	return 0;
}

/* ---- serving ---- */

void share_serve(int listen_fd, const struct share_answer *a)
{
	AUTO_CLOSE int conn = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct share_msg m = { .version = SHARE_VERSION, .pid = (int32_t)a->pid };
	int fds[NS_TYPES];
	size_t n = 0;

	if (conn < 0)
		return;
	if (!peer_is_ours(conn)) {
		log_info("a process that is not ours asked for the namespaces, and got none");
		return;
	}
	for (unsigned t = 0; t < NS_TYPES; t++) {
		m.host |= (uint32_t)a->host[t] << t;
		if (a->fds[t] < 0 || t == NS_MOUNT)
			continue;
		m.served |= UINT32_C(1) << t;
		fds[n++] = a->fds[t];
	}
	/* a fresh socket takes one message; whoever does not read it loses it */
	if (fd_send(conn, &m, sizeof(m), fds, n) < 0)
		log_info("the namespaces could not be handed over: %s", strerror(errno));
}

/* ---- asking ---- */

static int receive(int sock, const struct run_dir *rd, struct share_answer *a, struct err *e)
{
	int fds[NS_TYPES];
	size_t n = NS_TYPES, next = 0;
	struct share_msg m = { 0 };
	ssize_t got = fd_recv(sock, &m, sizeof(m), fds, &n);

	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return err_set(e, ERR_PEER, "the supervisor of %.12s did not answer within %d seconds", rd->id, PATIENCE_S);
	if (got <= 0) {
		err_set(e, ERR_PEER, "the supervisor of %.12s hands its namespaces to nobody but its own user, in its own "
				     "user namespace", rd->id);
		return err_hint(e, "or it ended just now");
	}
	if (got == (ssize_t)sizeof(m) && m.version == SHARE_VERSION && (size_t)__builtin_popcount(m.served) == n &&
	    m.served < 1u << NS_TYPES) {
		a->pid = (pid_t)m.pid;
		for (size_t t = 0; t < NS_TYPES; t++) {
			a->host[t] = m.host >> t & 1;
			if (m.served >> t & 1)
				a->fds[t] = fds[next++];
		}
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	err_set(e, ERR_STATE, "the supervisor of %.12s speaks another language", rd->id);
	return err_hint(e, "it was started by another version of lichen");
}

int share_ask(const struct run_dir *rd, struct share_answer *a, struct err *e)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un addr;
	AUTO_CLOSE int dir = make_address(rd, &addr, e);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	*a = (struct share_answer){ 0 };
	for (size_t t = 0; t < NS_TYPES; t++)
		a->fds[t] = -1;
	if (dir < 0)
		return -1;
	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_sys(e, "socket", NULL, "asking the supervisor of %.12s", rd->id);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err_sys(e, "connect", rd->live, "asking the supervisor of %.12s for its namespaces", rd->id);
		return err_hint(e, e->errnum == ENOENT ? "it does not run yet: created, but not started"
				   : e->errnum == EAGAIN ? "it is not answering" : "its supervisor is gone");
	}
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid())
		return err_set(e, ERR_STATE, "the supervisor of %.12s is another user's", rd->id);
	return receive(sock, rd, a, e);
}

void share_answer_fini(struct share_answer *a)
{
	for (size_t t = 0; t < NS_TYPES; t++)
		auto_close(&a->fds[t]);
}
