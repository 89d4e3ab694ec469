/* SPDX-License-Identifier: Apache-2.0 */
/* run/unshare.h - a command as root inside the caller's id map, on this machine as it is */
#ifndef RUN_UNSHARE_H
#define RUN_UNSHARE_H

#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

/**
 * run_unshare() - Become a command that is root inside the map which `run` gives to an image
 * @ids:	as --ids
 * @args:	the command; none: $SHELL, else /bin/sh
 *
 * User and mount namespace are its own; root file system, network, processes, environment and terminal are this machine's.
 * The process itself becomes the command, so that nobody stands between it and the terminal, and its exit status is its own.
 * Errors:	HOST, SYS as a run's ids; NOTFOUND, NOEXEC
 * Return: -1 with @e; does not return where all is well
 */
NODISCARD int run_unshare(enum ids_mode ids, const struct strv *args, struct err *e);

#endif
