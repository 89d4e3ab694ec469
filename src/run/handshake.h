/* SPDX-License-Identifier: Apache-2.0 */
/* run/handshake.h - meeting points between supervisor and child
 *
 *   supervisor                                   child
 *       |  clone ------------------------------->  |
 *       |  <---------- mountns (fd) -------------  |   only with others' pid or user namespace
 *       |  <---------- userns (fd) --------------  |   only where trees are idmapped
 *       |  ----------- trees (fds) ------------->  |   only as real root
 *       |  ----------- ids-mapped -------------->  |   where the supervisor writes the map
 *       |  <---------- root-ready (console) -----  |   only with a terminal, or where create waits for it
 *       |  ----------- go ---------------------->  |   state is written, the keeper stands
 *       |  <---------- going --------------------  |   what dies from now on was the payload
 *       |  <---------- end of file --------------  |   exec happened
 *
 * Without root-ready, go is sent while the root is still being assembled: the child finds
 * it in the socket and waits for nobody.
 *
 * At any time before exec the child may ask for fuse-overlayfs (run/fuse.c); the answer
 * comes on a pipe of its own. One SOCK_SEQPACKET pair: message borders, descriptors, and end of file on death. The
 * child's log lines and its error travel on the same socket at any time.
 */
#ifndef RUN_HANDSHAKE_H
#define RUN_HANDSHAKE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "plan/plan.h"

struct ctx;

struct hs {
	int sock;
	bool is_child;
	bool is_going;		/* supervisor: the child has seen go */
	/* supervisor: has fuse-overlayfs started for the step; the descriptors are borrowed */
	void (*on_fuse)(void *arg, size_t step, const int *fds);
	void *on_fuse_arg;
};

/* Makes the pair; both ends CLOEXEC. */
NODISCARD int hs_pair(struct hs *supervisor, struct hs *child, struct err *e);
void hs_close(struct hs *hs);

/* A pair and a process: each side has its own end. The child's number, 0 in the child, -1 with @e.
 * @why: what it is for. */
NODISCARD pid_t hs_fork(struct hs *supervisor, struct hs *child, const char *why, struct err *e);

/**
 * hs_pass() - Pass the meeting point of step @s: its sender sends, the other side waits
 * Carries the descriptors of the slots in s->reads (sender) into s->writes (receiver).
 * Errors: PEER with both names where another point came; PEER where the other side died;
 * the child's own error, with place "child", where it sent one.
 */
NODISCARD int hs_pass(struct ctx *c, const struct step *s, struct err *e);

/* Supervisor, after go: 0 on end of file (exec happened); -1 with the child's error, or
 * PEER where it died before it had gone. */
NODISCARD int hs_wait_exec(struct hs *hs, struct ctx *c, struct err *e);

/* Child, before exec: PEER where the supervisor is dead. A death before PDEATHSIG was set
 * again (STEP_DEATHSIG) is seen here. */
NODISCARD int hs_check_open(const struct hs *hs, struct err *e);

/* Child: tells the error; what fails here is left to the exit status. */
void hs_send_err(struct hs *hs, const struct err *e);

/* Child: the log's sink (base/log.h). */
void hs_log_sink(int level, const char *text, void *hs);

/* Child: see ctx.ask_fuse. */
NODISCARD int hs_ask_fuse(struct ctx *c, size_t step, const int *fds);

/* Child: which rung a step took. */
void hs_send_rung(struct hs *hs, size_t step, size_t rung);

#endif
