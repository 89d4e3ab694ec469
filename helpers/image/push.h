/* SPDX-License-Identifier: Apache-2.0 */
/* image/push.h - the kind "registry" of sinks: one image goes to a repository
 *
 * The request has what remote.h says, and
 *
 *   images		[{ "id": "sha256:..." }], one, as sink.c has it
 *   tag, digest	under which name it is put there; a digest has to be the manifest's own; none: "latest"
 *   from		another repository of the same registry that may have its blobs already: they are mounted then
 *
 * fds: images/. IMSG_PROGRESS counts the blobs, layers from 0 on and the config behind them; the last one of each
 * has its digest, and in text why nothing had to be sent. IMSG_DONE has the manifest's digest.
 */
#ifndef IMAGE_PUSH_H
#define IMAGE_PUSH_H

#include "tasks.h"	/* task_push() */

#endif
