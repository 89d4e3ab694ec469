/* SPDX-License-Identifier: Apache-2.0 */
/* image/verify_tree.h - whether an unpacked layer is still what its blob says */
#ifndef IMAGE_VERIFY_TREE_H
#define IMAGE_VERIFY_TREE_H

#include "talk.h"

/* As a task_fn. */
NODISCARD int verify_tree(struct talk *t, struct err *e);

#endif
