/* SPDX-License-Identifier: Apache-2.0 */
/* host/hint.h - from a failed call to its likely cause and remedy */
#ifndef HOST_HINT_H
#define HOST_HINT_H

#include <stdbool.h>

#include "base/err.h"

/* The hint for @e, or NULL. An error that carries a hint of its own needs none of these.
 * May read sysctls to tell causes apart. Static text. */
const char *hint_for(const struct err *e);

/* Whether "/" is a directory that was chrooted into: there nobody may make a user namespace. */
bool host_in_chroot(void);

/* Whether the sysctl file @path (absolute) exists and its first word is @value. */
bool host_sysctl_is(const char *path, const char *value);

#endif
