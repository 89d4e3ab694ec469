/* SPDX-License-Identifier: Apache-2.0 */
/* base/auto.h - scope-bound release of fds, memory and files
 *
 * Every destructor keeps errno and leaves the neutral value behind. Ownership
 * leaves a scope only through fd_take() and ptr_take().
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO_CLOSE  __attribute__((cleanup(auto_close)))
#define AUTO_FREE   __attribute__((cleanup(auto_free)))
#define AUTO_FCLOSE __attribute__((cleanup(auto_fclose)))
#define AUTO_DIR    __attribute__((cleanup(auto_closedir)))

static inline void auto_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void auto_free(void *p)
{
	void **pp = p;
	int saved = errno;

	free(*pp);
	*pp = NULL;
	errno = saved;
}

static inline void auto_fclose(FILE **f)
{
	int saved = errno;

	if (*f)
		fclose(*f);
	*f = NULL;
	errno = saved;
}

static inline void auto_closedir(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	*d = NULL;
	errno = saved;
}

/* Moves the descriptor out of its scope; the variable becomes -1. */
static inline int fd_take(int *fd)
{
	int out = *fd;

	*fd = -1;
	return out;
}

/* Moves the pointer out of its scope; the variable becomes NULL. */
#define ptr_take(p) __extension__({ __auto_type taken_ = *(p); *(p) = NULL; taken_; })

#endif
