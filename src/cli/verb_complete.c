/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_complete.c - lichen __complete, which the completions of shells call
 *
 * A key was pressed and somebody waits: what cannot be found out is not offered, and no
 * error is printed between the words of a command line.
 */

#include "base/auto.h"
#include "cli/args.h"
#include "cli/credentials.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/opts.h"
#include "cli/verbs.h"
#include "host/facts.h"
#include "run/groups.h"
#include "store/store.h"
#include "store/volumes.h"

enum { RUNS_MAX = 1000 };	/* nobody chooses among more */

static void first_words(struct buf *out)
{
	for (const struct verb *v = verbs_next(verb_global()); v; v = verbs_next(v)) {
		const struct verb_group *g = group_of(v);

		if (!g || v == group_next(g, NULL))
			buf_addf(out, "%s\n", g ? g->name : v->name);
	}
}

static void verbs(const char *first, struct buf *out)
{
	const struct verb_group *g = first ? group_find(first) : NULL;

	if (!first)
		first_words(out);
	for (const struct verb *v = g ? group_next(g, NULL) : NULL; v; v = group_next(g, v))
		buf_addf(out, "%s\n", verb_last_word(v));
}

static void containers(const char *unused, struct buf *out)
{
	struct run_names names;
	struct err ignored = { 0 };
	struct facts f = { 0 };
	struct store st;
	int rc = facts_read(&f, false, &ignored);

	(void)unused;
	if (rc == 0)
		rc = store_open(&st, f.uid, f.home, &ignored);
	facts_fini(&f);
	if (rc < 0)
		return;
	if (store_list(&st, RUNS_MAX, &names, &ignored) == 0)
		for (size_t i = 0; i < names.n; i++)
			buf_addf(out, "%s%s%.*s\n", names.v[i].name ? names.v[i].name : "", names.v[i].name ? "\n" : "",
				 RUN_ID_SHORT, names.v[i].id);
	run_names_fini(&names);
	store_close(&st);
}

static void groups(const char *unused, struct buf *out)
{
	AUTO_OWN_GROUPS struct own_groups all = { 0 };
	AUTO_GROUPS struct groups gs = { 0 };
	struct err ignored = { 0 };

	(void)unused;
	if (groups_open(&gs, CGROUP_AUTO, &ignored) < 0)
		return;
	groups_list(&gs, &all);
	for (size_t i = 0; i < all.n; i++)
		buf_addf(out, "%s\n", all.v[i].name);
}

static void images(const char *unused, struct buf *out)
{
	AUTO_PLACE struct image_place p = PLACE_CLOSED;
	struct image_list list = { 0 };
	struct err ignored = { 0 };

	(void)unused;
	if (place_open(&p, false, &ignored) < 0 || place_list(&p, &list, &ignored) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		for (size_t k = 0; k < list.v[i].names.n; k++) {
			AUTO_FREE char *name = familiar_name(list.v[i].names.v[k]);

			buf_addf(out, "%s\n", name);
		}
	image_list_fini(&list);
}

static void volumes(const char *unused, struct buf *out)
{
	struct store st = { .data_fd = -1, .run_fd = -1 };
	AUTO_STRV struct strv names = { 0 };
	struct volumes vs = { .fd = -1 };
	struct err ignored = { 0 };
	struct facts f = { 0 };
	int rc = facts_read(&f, false, &ignored);

	(void)unused;
	if (rc == 0)
		rc = store_open(&st, f.uid, f.home, &ignored);
	if (rc == 0)
		rc = volumes_open(&st, false, &vs, &ignored);
	if (rc == 0 && volumes_list(&vs, &names, &ignored) == 0)
		for (size_t i = 0; i < names.n; i++)
			buf_addf(out, "%s\n", names.v[i]);
	volumes_close(&vs);
	store_close(&st);
	facts_fini(&f);
}

static void registries(const char *unused, struct buf *out)
{
	AUTO_STRV struct strv known = { 0 };
	struct err ignored = { 0 };

	(void)unused;
	credentials_list(&known, &ignored);
	for (size_t i = 0; i < known.n; i++)
		buf_addf(out, "%s\n", known.v[i]);
}

static const struct {
	const char *kind;
	void (*print)(const char *more, struct buf *out);	/* @more: the second operand, or NULL */
} KINDS[] = {
	{ "verbs", verbs },
	{ "containers", containers },
	{ "groups", groups },
	{ "images", images },
	{ "registries", registries },
	{ "volumes", volumes },
};

int verb_complete(const struct args *a, int *status, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	*status = 0;
	for (size_t i = 0; i < N_ELEMS(KINDS); i++)
		if (str_eq(a->operands[0], KINDS[i].kind))
			KINDS[i].print(a->n_operands > 1 ? a->operands[1] : NULL, &out);
	return help_print(&out, e);
}
