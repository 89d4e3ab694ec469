/* SPDX-License-Identifier: Apache-2.0 */
/* image/push.h - the kind "registry" of sinks: one image goes to a repository
 *
 * The request has what remote.h says, and
 *
 *   manifest		the digest of the image's manifest, which is a blob as its config and layers are
 *   tag, digest	under which name it is put there; a digest has to be the manifest's own; none: "latest"
 *   from		another repository of the same registry that may have its blobs already: they are mounted then
 *
 * fds: images/. What is said: IMSG_BLOB index, digest, total, without a descriptor: the layer (from 0 on; the config is the
 * last) begins to go; IMSG_PROGRESS; IMSG_BLOB_DONE index, digest, total, text: "" or why nothing had to be sent;
 * IMSG_DONE digest: the manifest's.
 */
#ifndef IMAGE_PUSH_H
#define IMAGE_PUSH_H

#include "talk.h"

/* All of the task, from the confinement on. */
NODISCARD int push_run(struct talk *t, struct err *e);

#endif
