/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_pause.c - `lichen pause` and `lichen unpause` */

#include "cli/args.h"
#include "cli/each.h"
#include "cli/verbs.h"
#include "run/update.h"

static int pause_one(struct store *st, const char *ref, const void *arg, char **id, struct buf *more, struct err *e)
{
	(void)arg;
	if (run_pause(st, ref, id, e) < 0)
		return -1;
	buf_add(more, ",\"status\":\"paused\"");
	return 0;
}

static int unpause_one(struct store *st, const char *ref, const void *arg, char **id, struct buf *more, struct err *e)
{
	(void)arg;
	if (run_unpause(st, ref, id, e) < 0)
		return -1;
	buf_add(more, ",\"status\":\"running\"");
	return 0;
}

int verb_pause(const struct args *a, int *status, struct err *e)
{
	*status = 0;
	return each_container(a, pause_one, NULL, e);
}

int verb_unpause(const struct args *a, int *status, struct err *e)
{
	*status = 0;
	return each_container(a, unpause_one, NULL, e);
}
