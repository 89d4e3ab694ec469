/* SPDX-License-Identifier: Apache-2.0 */
/* scope/unit.h - what can be done with a scope */
#ifndef SCOPE_UNIT_H
#define SCOPE_UNIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "bus.h"

struct request {
	const char *unit;	/* NAME.scope; the names are checked before */
	const char *slice;
	const char *description;
	const char *subgroup;
	pid_t pid;
	unsigned timeout;	/* seconds */
	bool is_system;
};

/* Each returns 0, or -1 with @e as manager_send() has it; a job that does not end well is
 * ERR_STATE, one that does not end is ERR_PEER. */

/**
 * unit_start() - Make the scope with the process in it, wait for it, print its cgroup
 * When the time is over before it is there, the job is cancelled; when the process has ended
 * by then, the scope is stopped.
 */
NODISCARD int unit_start(struct manager *m, const struct request *rq, struct err *e);

/* Moves the process to a cgroup below the unit's that is there already. */
NODISCARD int unit_attach(struct manager *m, const struct request *rq, struct err *e);

/* Ends all processes of the unit and waits for that; nothing where it is not there. */
NODISCARD int unit_stop(struct manager *m, const struct request *rq, struct err *e);

/* Prints ControlGroup= and ActiveState=. Errors: ERR_NOTFOUND */
NODISCARD int unit_show(struct manager *m, const struct request *rq, struct err *e);

#endif
