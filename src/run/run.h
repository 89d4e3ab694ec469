/* SPDX-License-Identifier: Apache-2.0 */
/* run/run.h - run a sandbox from its spec */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "spec/spec.h"

/* What became of it. All counts are 0 where there was no cgroup of its own. */
struct run_end {
	int status;		/* the payload's own, 128+n for a signal, 124 where its time was over */
	int signal;		/* that ended it; 0 */
	bool oom_killed;	/* as docker's OOMKilled */
	const char *cause;	/* static: "memory" "memory-above" "pids" "cpu" "seccomp" "signal"; NULL: it ended by itself */
	char text[512];		/* one line for a person; empty */
	uint64_t oom_kills, memory_max, memory_peak, pids_hits, throttled_ms;
};

/* Appends @end as one JSON object. */
void run_end_json(const struct run_end *end, struct buf *out);

struct imager_view;

/**
 * run_foreground() - Start it, wait for it, clean up after it
 * @s:		prepared in place: id, args, cwd are filled in where they are missing
 * @view:	where layers of an image are unpacked that are not there for the ids of this run; NULL: nothing is shown
 * @end:	filled in on success
 * Errors:	whatever stopped it from starting; nothing is left behind then
 */
NODISCARD int run_foreground(struct spec *s, const struct imager_view *view, struct run_end *end, struct err *e);

/* The plan as text or JSON on standard output; makes and changes nothing. */
NODISCARD int run_dry(struct spec *s, bool json, struct err *e);

/**
 * run_create() - Build it up to 'go' in a surviving supervisor
 * @id:	its id, owned by the caller
 * The payload starts with run_start() from any process of the same user. What is created
 * ends when its supervisor does. Standard input, output and error are the caller's.
 */
NODISCARD int run_create(struct spec *s, char **id, struct err *e);

/* Passes 'go' over the control socket in the state directory; @ref is an id, prefix or name. */
NODISCARD int run_start(const char *ref, struct err *e);

#endif
