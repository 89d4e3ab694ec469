/* SPDX-License-Identifier: Apache-2.0 */
/* base/fd.c - descriptors: whole small files, messages with descriptors */

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

/* O_NONBLOCK: a FIFO put in the file's place must not hang us (CVE-2024-9676). */
/* To the end of file, NUL-terminated. */
static int read_all(int fd, size_t hint, size_t max, char **out, size_t *len)
{
	AUTO_FREE char *buf = NULL;
	size_t n = 0, cap;
	ssize_t got;

	/* files of proc have size 0: read until the end, whatever stat says */
	cap = hint && hint < max ? hint + 1 : 4096;
	buf = mem_alloc(cap + 1);
	while ((got = read(fd, buf + n, cap - n)) != 0) {
		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		n += (size_t)got;
		if (n > max) {
			errno = EFBIG;
			return -1;
		}
		if (n == cap) {
			cap *= 2;
			buf = mem_grow(buf, cap + 1, 1);
		}
	}
	buf[n] = '\0';
	*out = ptr_take(&buf);
	if (len)
		*len = n;
	return 0;
}

int fd_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	fd = path[0] ? openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
		     : fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	return read_all(fd, st.st_size > 0 ? (size_t)st.st_size : 0, max, out, len);
}

int fd_read_any(const char *path, size_t max, char **out, size_t *len)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -1 : read_all(fd, 0, max, out, len);
}

int fd_write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int fd_write_file(int dirfd, const char *path, const char *data, size_t len)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	return fd_write_all(fd, data, len);
}

int fd_burn(int dirfd, const char *path, const char *data)
{
	AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(data);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, data, len);
	if (n >= 0 && (size_t)n != len)
		errno = EIO;
	return n == (ssize_t)len ? 0 : -1;
}

int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds)
{
	union {
		char space[CMSG_SPACE(FD_MSG_FDS * sizeof(int))];
		struct cmsghdr align;
	} ctl = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds > FD_MSG_FDS) {
		errno = E2BIG;
		return -1;
	}
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = ctl.space;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

ssize_t fd_recv(int sock, void *data, size_t len, int *fds, size_t *n_fds)
{
	union {
		char space[CMSG_SPACE(FD_MSG_FDS * sizeof(int))];
		struct cmsghdr align;
	} ctl = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.space,
			      .msg_controllen = sizeof(ctl.space) };
	size_t room = n_fds ? *n_fds : 0, got = 0;
	ssize_t n;

	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	for (struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL; c; c = CMSG_NXTHDR(&msg, c)) {
		size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < k; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (got < room)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	if (n_fds)
		*n_fds = got;
	return n;
}

const char *fd_path(int fd, char buf[FD_PATH_MAX])
{
	snprintf(buf, FD_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

size_t fd_raise_limit(size_t wanted, struct rlimit *before)
{
	struct rlimit now = { 0 };
	rlim_t old;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0)
		now = (struct rlimit){ 0 };
	if (before)
		*before = now;
	old = now.rlim_cur;
	if (old >= wanted)
		return (size_t)old;
	now.rlim_cur = now.rlim_max < wanted ? now.rlim_max : wanted;
	return setrlimit(RLIMIT_NOFILE, &now) < 0 ? (size_t)old : (size_t)now.rlim_cur;
}

int fd_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}
