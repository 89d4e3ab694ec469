/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_exec.c - `lichen exec`, and what a supervisor runs for it */

#include "cli/args.h"
#include "cli/run_spec.h"
#include "cli/verbs.h"
#include "run/exec.h"

int verb_exec(const struct args *a, int *status, struct err *e)
{
	struct exec_wish w = { .ref = a->operands[0], .is_detached = a->detach };
	struct spec rq;
	int rc;

	spec_init(&rq);
	w.rq = &rq;
	rc = take_exec(&rq, a, e);
	if (rc == 0)
		rc = run_exec(&w, status, e);
	spec_fini(&rq);
	return rc;
}

int verb_exec_inside(const struct args *a, int *status, struct err *e)
{
	return run_exec_inside(a->operands[0], status, e);
}
