/* SPDX-License-Identifier: Apache-2.0 */
/* steps/owners.h - the file with the owners of a copied tree
 *
 *   OWNERS_MAGIC NUL, per entry "UID GID MODE CAPS PATH" NUL (mode octal with the type, CAPS the file's
 *   capabilities, OWNERS_NO_CAPS or the bytes of security.capability in hex, PATH absolute inside the tree), OWNERS_END NUL
 *
 * steps/copy.c writes it as the caller; steps/owners.c applies it as root of the user namespace.
 */
#ifndef STEPS_OWNERS_H
#define STEPS_OWNERS_H

#include <limits.h>

#define OWNERS_MAGIC "lichen-owners 2"
#define OWNERS_END   "end"
#define OWNERS_NO_CAPS "-"
#define OWNERS_CAPS_XATTR "security.capability"

enum { PATH_BYTES_MAX = PATH_MAX - 1 };

#endif
