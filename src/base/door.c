/* SPDX-License-Identifier: Apache-2.0 */
/* base/door.c - a listening socket whose callers are heard without ever waiting for one */

#include "base/door.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/peer.h"

static int watch(struct door *d, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(d->poll_fd, EPOLL_CTL_ADD, fd, &ev);
}

int door_open(struct door *d, int listen_fd, struct err *e)
{
	const int flags = fcntl(listen_fd, F_GETFL);

	*d = (struct door){ .listen_fd = listen_fd, .poll_fd = epoll_create1(EPOLL_CLOEXEC) };
	if (d->poll_fd >= 0 && flags >= 0 && fcntl(listen_fd, F_SETFL, flags | O_NONBLOCK) == 0 && watch(d, listen_fd) == 0)
		return 0;
	err_sys(e, "epoll_ctl", NULL, "listening for requests");
	door_close(d);
	return -1;
}

/* Takes the caller at @at out of those who are silent; its descriptor is closed by whoever calls. */
static void forget(struct door *d, int at)
{
	(void)epoll_ctl(d->poll_fd, EPOLL_CTL_DEL, d->silent[at], NULL);
	d->n--;
	memmove(&d->silent[at], &d->silent[at + 1], (size_t)(d->n - at) * sizeof(d->silent[0]));
}

static void let_in(struct door *d)
{
	AUTO_CLOSE int conn = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (conn < 0 || !peer_is_ours(conn))
		return;
	if (d->n == DOOR_SILENT) {
		int oldest = d->silent[0];

		forget(d, 0);
		close(oldest);
	}
	if (watch(d, conn) == 0)
		d->silent[d->n++] = fd_take(&conn);
}

/* Whether the caller has said something; one that has hung up is cut off. */
static bool hear(struct door *d, int at, void *buf, size_t size, struct door_caller *c)
{
	ssize_t n;

	*c = (struct door_caller){ .conn = d->silent[at], .n_fds = DOOR_FDS };
	n = fd_recv(c->conn, buf, size, c->fds, &c->n_fds);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		*c = (struct door_caller){ .conn = -1 };
		return false;
	}
	forget(d, at);
	if (n <= 0) {
		door_caller_close(c);
		return false;
	}
	c->len = (size_t)n;
	return true;
}

int door_next(struct door *d, void *buf, size_t size, struct door_caller *c)
{
	struct epoll_event ev;

	*c = (struct door_caller){ .conn = -1 };
	while (epoll_wait(d->poll_fd, &ev, 1, 0) == 1) {
		if (ev.data.fd == d->listen_fd) {
			let_in(d);
			continue;
		}
		for (int i = 0; i < d->n; i++)
			if (d->silent[i] == ev.data.fd && hear(d, i, buf, size, c))
				return 1;
	}
	return 0;
}

void door_caller_close(struct door_caller *c)
{
	for (size_t i = 0; i < c->n_fds; i++)
		auto_close(&c->fds[i]);
	c->n_fds = 0;
	auto_close(&c->conn);
}

void door_close(struct door *d)
{
	for (int i = 0; i < d->n; i++)
		auto_close(&d->silent[i]);
	d->n = 0;
	auto_close(&d->poll_fd);
	auto_close(&d->listen_fd);
}
