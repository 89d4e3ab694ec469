/* SPDX-License-Identifier: Apache-2.0 */
/* cli/dispatch.c - from argv to the verb's function */

#include "cli/dispatch.h"

#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/help.h"
#include "cli/opts.h"
#include "cli/profile.h"
#include "cli/verbs.h"
#include "host/hint.h"

static verb_fn *const VERB_FNS[VERB_COUNT] = {
#define VERB(id, name, fn, ...) [VERB_##id] = fn,
#include "cli/verbs.def"
};

static int parse(const struct verb *v, int argc, char **argv, struct args *a, bool *json_errors,
		 struct err *e)
{
	int rc = opts_parse(v, argc, argv, a, e);

	*json_errors = a->json;
	if (a->debug || a->verbose)
		log_set_level(a->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return rc;
}

/* What stands in profiles counts as if it stood before the command line's own options, which
 * therefore win or are added: everything is read once more in that order. */
static int read_profiles(const struct verb *v, int argc, char **argv, struct args *a, bool *json_errors, struct err *e)
{
	AUTO_ARGS struct args all = { .verbose = a->verbose, .debug = a->debug, .json = a->json };

	for (size_t i = 0; i < a->profiles.n; i++)
		if (profile_read(v, a->profiles.v[i], &all, e) < 0)
			return -1;
	if (parse(v, argc, argv, &all, json_errors, e))
		return -1;
	args_fini(a);
	*a = all;
	all = (struct args){ 0 };
	return 0;
}

int cli_dispatch(int argc, char **argv, int *status, bool *json_errors, struct err *e)
{
	AUTO_ARGS struct args a = { 0 };
	const struct verb *v;
	char **words;
	int n_words, taken;

	*status = 0;
	if (parse(verb_global(), argc > 0 ? argc - 1 : 0, argc > 0 ? argv + 1 : argv, &a, json_errors, e))
		return -1;
	if (a.version)
		return verb_version(&a, status, e);
	if (a.n_operands == 0)
		return help_show(NULL, e);
	if (a.help)
		return verb_help(&a, status, e);
	if (a.n_operands > 1 && group_find(a.operands[0]) && str_eq(a.operands[1], "--help"))
		return help_show_group(group_find(a.operands[0]), e);
	v = verb_of_words(a.operands, a.n_operands, &taken, e);
	if (!v)
		return -1;
	words = a.operands + taken;
	n_words = a.n_operands - taken;
	if (parse(v, n_words, words, &a, json_errors, e))
		return -1;
	if (a.help)
		return help_show(v, e);
	if (a.profiles.n && read_profiles(v, n_words, words, &a, json_errors, e))
		return -1;
	if (opts_check_operands(v, &a, e))
		return -1;
	return VERB_FNS[v->id](&a, status, e);
}

void cli_show_error(struct err *e, bool as_json)
{
	AUTO_BUF struct buf b = { 0 };
	AUTO_FREE char *hint = e->hint[0] && !err_is_limit(e) ? NULL : hint_for(e);
	int rc;

	if (hint)
		err_hint(e, "%s", hint);
	if (as_json)
		err_print_json(e, &b);
	else
		err_print_text(e, &b, log_get_level() == LOG_LEVEL_DEBUG);
	rc = fd_write_all(STDERR_FILENO, b.s, b.len);
	(void)rc; /* there is nobody else to tell */
}
