/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_help.c - the verbs that tell of the program itself: help, version */

#include "config.h"

#include "cli/args.h"
#include "cli/help.h"
#include "cli/opts.h"
#include "cli/verbs.h"

int verb_help(const struct args *a, int *status, struct err *e)
{
	const struct verb *v;
	int taken;

	*status = 0;
	if (a->n_operands == 0)
		return help_show(NULL, e);
	if (a->n_operands == 1 && group_find(a->operands[0]))
		return help_show_group(group_find(a->operands[0]), e);
	v = verb_of_words(a->operands, a->n_operands, &taken, e);
	if (!v)
		return -1;
	/* as "lichen --help VERB ..." it is asked in the middle of another command line */
	if (a->n_operands > taken && !a->help) {
		err_set(e, ERR_USAGE, "help: '%.64s' is too much; expected: lichen help [OPTIONS] [VERB]", a->operands[taken]);
		return err_hint(e, "see 'lichen help --help'");
	}
	return help_show(v, e);
}

int verb_version(const struct args *a, int *status, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };

	*status = 0;
	if (a->json) {
		buf_add(&text, "{\"name\":\"lichen\",\"version\":");
		buf_add_json(&text, PACKAGE_VERSION);
		buf_add(&text, "}\n");
	} else {
		buf_addf(&text, "lichen %s\n", PACKAGE_VERSION);
	}
	return help_print(&text, e);
}
