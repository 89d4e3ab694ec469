/* SPDX-License-Identifier: Apache-2.0 */
/* steps/fuse.h - what the steps that mount a FUSE file system share (steps/overlay.c) */
#ifndef STEPS_FUSE_H
#define STEPS_FUSE_H

#include "base/err.h"

/* The device, or -1 with the reason and the remedy; @what it is opened for. */
NODISCARD int fuse_open(const char *what, struct err *e);

/* Waits until the server @name has what it needs of this mount namespace, or has failed. */
NODISCARD int fuse_wait(int report, const char *name, struct err *e);

#endif
