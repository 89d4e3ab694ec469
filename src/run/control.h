/* SPDX-License-Identifier: Apache-2.0 */
/* run/control.h - the socket in the state directory: 'go' from another process */
#ifndef RUN_CONTROL_H
#define RUN_CONTROL_H

#include "base/err.h"
#include "store/store.h"

/* Supervisor: listens at RUN/ID/control; @fd owned by the caller. */
NODISCARD int control_listen(const struct run_dir *rd, int *fd, struct err *e);

/* Supervisor: waits until a process of our user says "start", or until the child dies
 * (@child_pidfd) or a signal asks us to end (@signal_fd). The connection to answer is left in *@conn. */
NODISCARD int control_wait_start(int fd, int signal_fd, int child_pidfd, int *conn, struct err *e);

/* Answers the process that said "start": NULL is success. Closes @conn. */
void control_answer(int *conn, const struct err *e);

/* The other side: says "start" and takes the answer. */
NODISCARD int control_say_start(const struct run_dir *rd, struct err *e);

/* The same for any words: a connection to the supervisor, which is our own user's. Errors: STATE where none listens */
NODISCARD int control_connect(const struct run_dir *rd, struct err *e);

#endif
