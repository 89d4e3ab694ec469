/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_help.c - the verbs that tell of the program itself: help, version */

#include "config.h"

#include "cli/args.h"
#include "cli/help.h"
#include "cli/opts.h"
#include "cli/verbs.h"

int verb_help(const struct args *a, int *status, struct err *e)
{
	const struct verb *v = NULL;

	*status = 0;
	if (a->n_operands > 0) {
		v = verb_find(a->operands[0]);
		if (!v)
			return opts_unknown_verb(a->operands[0], e);
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
