/* SPDX-License-Identifier: Apache-2.0 */
/* base/door.h - a listening socket whose callers are heard without ever waiting for one
 *
 * Whoever connects has said nothing yet. So the socket and those who are still silent are in an epoll of the door's own, and
 * that one descriptor is what the owner polls:
 *
 *    owner's epoll ── door.poll_fd ──┬── the socket: accepted, where it is a process of ours (base/peer.h)
 *                                    └── at most DOOR_SILENT callers: the one that speaks is handed out with its first packet
 *
 * One caller more than that, and the one that has been silent longest is cut off.
 */
#ifndef BASE_DOOR_H
#define BASE_DOOR_H

#include <sys/types.h>

#include "base/err.h"

enum { DOOR_SILENT = 16, DOOR_FDS = 8 };

struct door {
	int listen_fd, poll_fd;		/* owned; -1: closed */
	int silent[DOOR_SILENT];	/* the oldest first */
	int n;
};

/* What a caller said first. */
struct door_caller {
	int conn;		/* the caller's connection, CLOEXEC, not blocking; the owner's to close */
	size_t len;		/* of its packet */
	int fds[DOOR_FDS];	/* that came with it, CLOEXEC; the owner's, too */
	size_t n_fds;
};

/* Takes @listen_fd (a listening SOCK_SEQPACKET socket), also where it fails. Errors: SYS */
NODISCARD int door_open(struct door *d, int listen_fd, struct err *e);

/* 1: a caller has spoken, its packet is in @buf; 0: nobody now. By the owner, once door.poll_fd is readable, until 0. Never waits. */
NODISCARD int door_next(struct door *d, void *buf, size_t size, struct door_caller *c);
void door_caller_close(struct door_caller *c);
void door_close(struct door *d);	/* in a fork, too; safe to call twice */

#endif
