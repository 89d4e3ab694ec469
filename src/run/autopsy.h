/* SPDX-License-Identifier: Apache-2.0 */
/* run/autopsy.h - what a sandbox that ended badly died of: a limit, the seccomp filter, a signal from outside */
#ifndef RUN_AUTOPSY_H
#define RUN_AUTOPSY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "run/run.h"
#include "spec/spec.h"
#include "steps/cgroup.h"

/* How process 1 inside ended, as wait_for_end() saw it. */
struct autopsy_facts {
	int status;		/* the sandbox's exit status */
	int signal;		/* that killed process 1; 0: it exited */
	bool was_ours;		/* lichen sent it: forwarded, --timeout, a parent that ended */
	bool has_timed_out;
	pid_t pid;		/* of process 1, on this machine */
	const struct id_map *uids;	/* of what ran inside; borrowed */
	uint64_t started_us;	/* by CLOCK_MONOTONIC */
	const char *helper;	/* lichen-seccomp, which knows the names of system calls */
};

/**
 * autopsy() - Fill in @end from the cgroup's counts and the kernel's log
 * While the box still stands. Nothing is found where the end was a good one (status 0).
 */
void autopsy(struct run_end *end, const struct spec *s, const struct cgroup_box *b, const struct autopsy_facts *f);

/* For a start that failed: whether a limit was the reason, which then is @e's hint. While the box still stands. */
void autopsy_start(const struct cgroup_box *b, struct err *e);

/* A line of the kernel's log (/dev/kmsg) that says that a seccomp filter killed a process. */
struct audit_kill {
	uint64_t time_us;	/* since boot */
	pid_t pid;
	uint32_t uid;
	long nr;		/* the system call */
	unsigned long arch;	/* AUDIT_ARCH_* */
};

/* False: the line is of something else. */
bool autopsy_parse_audit(const char *line, struct audit_kill *out);

#endif
