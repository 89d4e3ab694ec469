/* SPDX-License-Identifier: Apache-2.0 */
/* base/fd.h - descriptors: whole small files, messages with descriptors, locks */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/err.h"

enum { FD_READ_MAX = 16 << 20, FD_MSG_FDS = 64 };

/**
 * fd_read_file() - Read a whole small regular file
 * @dirfd, @path:	as openat(2); @path "" reads @dirfd itself
 * @max:		more bytes than this is an error (EFBIG)
 * @out:		owned by the caller, terminated by a NUL that is not counted
 * Return: 0, or -1 with errno (no struct err: callers know what the file means)
 */
NODISCARD int fd_read_file(int dirfd, const char *path, size_t max, char **out, size_t *len);

/* Creates (0600, O_EXCL not asked) and writes; -1 with errno. */
NODISCARD int fd_write_file(int dirfd, const char *path, const char *data, size_t len);

/* Writes to a file of the kernel that exists and takes one write: id maps, sysctls. */
NODISCARD int fd_burn(int dirfd, const char *path, const char *data);

/* Writes all of it, across short writes and EINTR. */
NODISCARD int fd_write_all(int fd, const char *data, size_t len);

/* One message of a SOCK_SEQPACKET socket with its descriptors (all CLOEXEC).
 * fd_recv: >0 length, 0 end of file, -1 errno. Surplus descriptors are closed. */
NODISCARD int fd_send(int sock, const void *data, size_t len, const int *fds, size_t n_fds);
NODISCARD ssize_t fd_recv(int sock, void *data, size_t len, int *fds, size_t *n_fds);

/* As fd_read_file(), but pipes and devices, too: waits for their end. */
NODISCARD int fd_read_any(const char *path, size_t max, char **out, size_t *len);

/* "/proc/self/fd/N" for calls that take only paths; the buffer is the caller's. */
#define FD_PATH_MAX 32
const char *fd_path(int fd, char buf[FD_PATH_MAX]);

/* Lets this process have @wanted descriptors, or as many as its hard limit lets it. @before: for who puts it back; may be NULL
 * Return: how many it may have now */
size_t fd_raise_limit(size_t wanted, struct rlimit *before);

/* Sets or clears FD_CLOEXEC. */
NODISCARD int fd_cloexec(int fd, bool on);

#endif
