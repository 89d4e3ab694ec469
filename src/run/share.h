/* SPDX-License-Identifier: Apache-2.0 */
/* run/share.h - a sandbox's namespaces, handed to a process of the same user that asks for them
 *
 * The socket RUN/ID/ns takes no words: who connects, is of the same user and stands in
 * the supervisor's own user namespace, gets one message with the descriptors and is cut
 * off. So there is no client to wait for, and nothing inside a sandbox gets one, whatever
 * directories it is shown.
 */
#ifndef RUN_SHARE_H
#define RUN_SHARE_H

#include <stdbool.h>

#include "base/err.h"
#include "spec/spec.h"
#include "store/store.h"

struct share_answer {
	int fds[NS_TYPES];	/* owned; -1: none. That of mounts is never handed over: it is for lichen exec */
	bool host[NS_TYPES];	/* the sandbox uses the machine's own */
	pid_t pid;		/* of its child, as its supervisor sees it: for messages and config.json */
};

/* Supervisor: listens at RUN/ID/ns, without blocking; *@fd is the caller's. */
NODISCARD int share_listen(const struct run_dir *rd, int *fd, struct err *e);

/**
 * share_open() - The namespaces of the child
 * @pid:	a child that is not waited for, so that its number cannot be another's
 * Descriptors of the kinds that @s has as the sandbox's own or joined. -1 with errno, and
 * none opened, where the child is closed to us (not dumpable) for the time being.
 */
NODISCARD int share_open(pid_t pid, const struct spec *s, int fds[NS_TYPES]);

/* Supervisor: takes one connection and answers it; never blocks, failures are the asker's. */
void share_serve(int listen_fd, const struct share_answer *a);

/* The other side. Errors: STATE: not running, an answer that makes no sense; PEER: none. */
NODISCARD int share_ask(const struct run_dir *rd, struct share_answer *a, struct err *e);
void share_answer_fini(struct share_answer *a);

/* "net", "mnt": the names below /proc/PID/ns */
const char *ns_file_name(enum ns_type t);

#endif
