/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_update.c - `lichen update`: other limits for sandboxes that run */

#include "base/auto.h"
#include "cli/args.h"
#include "cli/each.h"
#include "cli/limit_options.h"
#include "cli/verbs.h"
#include "run/update.h"

static int update_one(struct store *st, const char *ref, const void *arg, char **id, struct buf *more, struct err *e)
{
	struct updated done;
	int rc = run_update(st, ref, arg, &done, e);

	*id = ptr_take(&done.id);
	buf_add(more, ",\"limits\":{");
	for (size_t i = 0; i < done.files.n; i++) {
		buf_add(more, i ? "," : "");
		buf_add_json(more, done.files.v[i].file);
		buf_add(more, ":");
		buf_add_json(more, done.files.v[i].value);
	}
	buf_add(more, "}");
	updated_fini(&done);
	return rc;
}

int verb_update(const struct args *a, int *status, struct err *e)
{
	struct update u = { .is_forced = a->force };
	int rc;

	*status = 0;
	rc = limit_options(&u.over, a, e);
	if (rc == 0 && !limits_any(&u.over)) {
		rc = err_set(e, ERR_USAGE, "update: no limit is given");
		err_hint(e, "for example: lichen update --memory 512m --cpus 1.5 %s", a->operands[0]);
	}
	/* the rules across limits hold for what the sandbox has in the end */
	if (rc == 0)
		rc = each_container(a, update_one, &u, e);
	limits_fini(&u.over);
	return rc;
}
