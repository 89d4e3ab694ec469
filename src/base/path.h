/* SPDX-License-Identifier: Apache-2.0 */
/* base/path.h - paths inside a root that is not ours
 *
 * Everything inside a sandbox's root is resolved by openat2(2) with RESOLVE_IN_ROOT
 * and RESOLVE_NO_MAGICLINKS to a descriptor and acted on by that descriptor, so that
 * no symbolic link of the root leads out of it (CVE-2021-30465, CVE-2026-87766).
 * All return -1 with errno.
 */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Opens @path as seen from @root_fd taken for "/"; links are followed inside the root. */
NODISCARD int path_open_in(int root_fd, const char *path, int flags, mode_t mode);

/* The same, but the last component must not be a symbolic link (ELOOP). */
NODISCARD int path_open_in_nofollow(int root_fd, const char *path, int flags, mode_t mode);

/* As path_open_in(), on the mount of @root_fd alone: EXDEV where something else is mounted on the way or there. */
NODISCARD int path_open_in_mount(int root_fd, const char *path, int flags);

/* mkdir -p inside the root, then an O_PATH descriptor of the directory. @mode is for
 * the directories that are made. ENOTDIR where something else is in the way. */
NODISCARD int path_mkdir_in(int root_fd, const char *path, mode_t mode);

/* An O_PATH descriptor of a mount target: a directory, or an empty file where
 * @is_dir is false; made, with its parents, where it is missing. */
NODISCARD int path_target_in(int root_fd, const char *path, bool is_dir);

/* Opens the parent directory of @path in the root (made where missing when @make),
 * and gives the last component (borrowed from @path; never "." or ".." or empty: EINVAL). */
NODISCARD int path_parent_in(int root_fd, const char *path, bool make, const char **leaf);

/* Absolute, without "//", "/./" and trailing "/"; ".." is kept for the kernel. Owned. */
char *path_clean(const char *path);

/* Whether @path is @top or below it; both absolute and clean. */
bool path_is_within(const char *path, const char *top);

bool path_has_dotdot(const char *path);	/* as one of its components */

/* Whether a word of the command line is a path of this machine: / ./ ../ ~/ and . .. ~ alone. All else is a name. */
bool is_path_word(const char *s);

/* $XDG_CONFIG_HOME/lichen/NAME, else ~/.config/lichen/NAME, whether it is there or not. Owned; NULL: no such place. */
char *path_user_config(const char *name);

/* A file of the tree in which this very program was built: "data/x". Owned; NULL: it is not there, as once installed. */
char *path_built(const char *name);

/* realpath(3) of a host path; NULL with errno. Owned. */
char *path_real(const char *path);

#endif
