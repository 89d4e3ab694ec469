/* SPDX-License-Identifier: Apache-2.0 */
/* steps/user.h - the payload's user, looked up before there is a map */
#ifndef STEPS_USER_H
#define STEPS_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/**
 * user_lookup() - Which ids USER[:GROUP] has in a root's own passwd and group
 * @root_fd:	the root's directory; -1: none yet, only numbers are known
 * @lowers:	in place of it the layers of an image, the topmost first; NULL: none
 * For a map of one id, which must be that one. The group of a number without an entry is 0.
 * Return: false where it is not to be found; STEP_USER says why, later
 */
bool user_lookup(int root_fd, const struct strv *lowers, const char *text, uint32_t *uid, uint32_t *gid);

#endif
