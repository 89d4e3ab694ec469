/* SPDX-License-Identifier: Apache-2.0 */
/* base/peer.h - who is at the other end of a Unix socket */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include <stdbool.h>

/* Whether who connected is a process of our user in our own user namespace, and still alive. By whoever listens, behind accept(). */
bool peer_is_ours(int conn);

#endif
