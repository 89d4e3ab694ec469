/* SPDX-License-Identifier: Apache-2.0 */
/* cli/each.c - verbs that do the same to several sandboxes */

#include "cli/each.h"

#include "base/auto.h"
#include "cli/args.h"
#include "cli/dispatch.h"
#include "cli/help.h"
#include "host/facts.h"
#include "store/store.h"

static int print_one(const char *ref, const char *id, const struct buf *more, bool json, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	if (json) {
		buf_add(&out, "{\"container\":");
		buf_add_json(&out, ref);
		buf_addf(&out, ",\"id\":\"%s\"%s}\n", id, more->s ? more->s : "");
	} else {
		buf_addf(&out, "%s\n", ref);
	}
	return help_print(&out, e);
}

static int do_one(struct store *st, const char *ref, each_fn *fn, const void *arg, bool json, struct err *e)
{
	AUTO_BUF struct buf more = { 0 };
	AUTO_FREE char *id = NULL;

	return fn(st, ref, arg, &id, &more, e) < 0 ? -1 : print_one(ref, id, &more, json, e);
}

static int open_store(struct store *st, struct err *e)
{
	struct facts f = { 0 };
	int rc = facts_read(&f, false, e);

	if (rc == 0)
		rc = store_open(st, f.uid, f.home, e);
	facts_fini(&f);
	return rc;
}

int each_container(const struct args *a, each_fn *fn, const void *arg, struct err *e)
{
	struct store st = { 0 };
	struct err one = { 0 };

	err_clear(e);
	if (open_store(&st, e) < 0)
		return -1;
	for (int i = 0; i < a->n_operands; i++) {
		if (do_one(&st, a->operands[i], fn, arg, a->json, &one) == 0)
			continue;
		if (e->kind)
			cli_show_error(e, a->json);
		*e = one;
	}
	store_close(&st);
	return e->kind ? -1 : 0;
}
