/* SPDX-License-Identifier: Apache-2.0 */
/* proc/confine.h - what this process gives up, because a payload writes its input */
#ifndef PROC_CONFINE_H
#define PROC_CONFINE_H

#include "base/err.h"

/**
 * confine_begin() - Before anything is opened
 * @keep:	the two descriptors that came with the call; all others behind standard error are closed
 */
NODISCARD int confine_begin(const int keep[2], struct err *e);

/**
 * confine() - When everything is open, before the first request
 * @device, @timer:	the only descriptors that may be read as streams; only @device may be written
 *
 * Should:	leave the session, standard input, output and error, core dumps, capabilities, every
 *		new descriptor, every path (Landlock, where the kernel has it), and all system calls
 *		but those of the loop
 * Then standard error is closed: who waits for its end knows that the files are served from now on.
 *
 * Mustn't:	be followed by an open: there is none any more
 * Errors:	SYS, HOST
 */
NODISCARD int confine(int device, int timer, struct err *e);

#endif
