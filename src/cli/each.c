/* SPDX-License-Identifier: Apache-2.0 */
/* cli/each.c - verbs that do the same to several things */

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

int each_word(const struct args *a, int first, each_word_fn *fn, void *arg, struct err *e)
{
	err_clear(e);
	for (int i = first; i < a->n_operands && e->kind != ERR_SIGNAL; i++) {
		struct err one = { 0 };

		if (fn(a->operands[i], arg, &one) == 0)
			continue;
		if (e->kind)
			cli_show_error(e, a->json);
		*e = one;
	}
	return e->kind ? -1 : 0;
}

/* ---- sandboxes ---- */

struct containers {
	struct store store;
	each_fn *fn;
	const void *arg;
	bool json;
};

static int do_container(const char *ref, void *arg, struct err *e)
{
	struct containers *c = arg;
	AUTO_BUF struct buf more = { 0 };
	AUTO_FREE char *id = NULL;

	return c->fn(&c->store, ref, c->arg, &id, &more, e) < 0 ? -1 : print_one(ref, id, &more, c->json, e);
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
	struct containers c = { .fn = fn, .arg = arg, .json = a->json };
	int rc;

	if (open_store(&c.store, e) < 0)
		return -1;
	rc = each_word(a, 0, do_container, &c, e);
	store_close(&c.store);
	return rc;
}
