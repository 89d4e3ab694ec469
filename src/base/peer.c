/* SPDX-License-Identifier: Apache-2.0 */
/* base/peer.c - who is at the other end of a Unix socket */

#include "base/peer.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/sys.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Two files below /proc are the same namespace. */
static bool is_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Root inside a sandbox of one id is the caller by number: so the user namespace counts
 * too. The pidfd, still alive afterwards, proves that the number was the asker's. */
bool peer_is_ours(int conn)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), fd_len = sizeof(int);
	AUTO_CLOSE int pidfd = -1;
	char path[64];

	if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid() || cred.pid <= 0)
		return false;
	if (getsockopt(conn, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &fd_len) < 0)
		pidfd = sys_pidfd_open(cred.pid, 0); /* before Linux 6.5 */
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)cred.pid);
	return pidfd >= 0 && is_same(path, "/proc/self/ns/user") && sys_pidfd_send_signal(pidfd, 0) == 0;
}
