/* SPDX-License-Identifier: Apache-2.0 */
/* run/control.c - the socket in the state directory: 'go' from another process
 *
 * Connections of other users are refused by the kernel (the directory is 0700) and once
 * more by SO_PEERCRED. The socket is named through a descriptor of its directory, since
 * sun_path holds 108 bytes only.
 */

#include "run/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/stop.h"

static const char WORD_START[] = "start";

static int open_dir(const struct run_dir *rd, struct sockaddr_un *addr, struct err *e)
{
	int dir = open(rd->live, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(e, "open", rd->live, "the state directory");
	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/control", dir);
	return dir;
}

int control_listen(const struct run_dir *rd, int *fd, struct err *e)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int dir = open_dir(rd, &addr, e);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (dir < 0)
		return -1;
	if (sock < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(sock, 8) < 0)
		return err_sys(e, "bind", rd->live, "making the control socket");
	*fd = fd_take(&sock);
	return 0;
}

/* A terminating signal before 'start' ends what was created. */
static bool is_asked_to_end(int signal_fd)
{
	struct signalfd_siginfo si;

	return read(signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si) &&
	       stop_ends((int)si.ssi_signo);
}

int control_wait_start(int fd, int signal_fd, int child_pidfd, int *conn, struct err *e)
{
	for (;;) {
		struct pollfd p[3] = { { .fd = fd, .events = POLLIN }, { .fd = child_pidfd, .events = POLLIN },
				       { .fd = signal_fd, .events = POLLIN } };
		AUTO_CLOSE int c = -1;
		struct ucred cred;
		socklen_t len = sizeof(cred);
		char word[16] = "";

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll", NULL, "waiting for start");
		if (p[1].revents)
			return err_set(e, ERR_PEER, "the child died before 'go'");
		if (p[2].revents && is_asked_to_end(signal_fd))
			return err_set(e, ERR_PEER, "ended by a signal before it was started");
		if (!p[0].revents || (c = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) < 0)
			continue;
		if (getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid())
			continue;
		p[0] = (struct pollfd){ .fd = c, .events = POLLIN };
		if (poll(p, 1, 5000) <= 0 || fd_recv(c, word, sizeof(word) - 1, NULL, NULL) <= 0 || !str_eq(word, WORD_START))
			continue;
		*conn = fd_take(&c);
		return 0;
	}
}

void control_answer(int *conn, const struct err *e)
{
	struct err none = { 0 };
	int rc = *conn >= 0 ? fd_send(*conn, e ? e : &none, sizeof(*e), NULL, 0) : 0;

	(void)rc; /* who asked is gone */
	auto_close(conn);
}

int control_say_start(const struct run_dir *rd, struct err *e)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int dir = open_dir(rd, &addr, e);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct err answer;

	if (dir < 0)
		return -1;
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err_sys(e, "connect", rd->live, "asking the supervisor of %.12s to start", rd->id);
		return err_hint(e, "it is started already, or its supervisor is gone");
	}
	if (fd_send(sock, WORD_START, sizeof(WORD_START), NULL, 0) < 0 ||
	    fd_recv(sock, &answer, sizeof(answer), NULL, NULL) != (ssize_t)sizeof(answer))
		return err_set(e, ERR_PEER, "the supervisor of %.12s died before it answered", rd->id);
	answer.file = NULL;
	if (answer.kind == ERR_NONE)
		return 0;
	*e = answer;
	return -1;
}

int control_connect(const struct run_dir *rd, struct err *e)
{
	struct sockaddr_un addr;
	AUTO_CLOSE int dir = open_dir(rd, &addr, e);
	AUTO_CLOSE int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (dir < 0)
		return -1;
	if (sock < 0)
		return err_sys(e, "socket", NULL, "asking the supervisor of %.12s", rd->id);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err_sys(e, "connect", rd->live, "the supervisor of %.12s does not listen", rd->id);
		return err_hint(e, e->errnum == ENOENT ? "it is just starting, or was started by an older lichen"
						       : "the sandbox has just ended");
	}
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid())
		return err_set(e, ERR_STATE, "the supervisor of %.12s is another user's", rd->id);
	return fd_take(&sock);
}
