/* SPDX-License-Identifier: Apache-2.0 */
/* tests/sample/main.c - the command line's way to a verb, with verbs that say how they were called
 *
 * Dispatch, help and parser are the program's own, the tables those in tests/sample/cli: so that
 * what holds for verbs of two words, and for the 64th, is tried whatever verbs lichen has.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/dispatch.h"
#include "cli/verbs.h"

static int say(const char *name, const struct args *a)
{
	printf("%s%s%s%s:", name, a->json ? " json" : "", a->workdir ? " in " : "", a->workdir ? a->workdir : "");
	for (int i = 0; i < a->n_operands; i++)
		printf(" <%s>", a->operands[i]);
	printf("\n");
	return 0;
}

int sample_tree(const struct args *a, int *status, struct err *e)
{
	(void)status;
	(void)e;
	return say("tree", a);
}

int sample_exec(const struct args *a, int *status, struct err *e)
{
	(void)e;
	*status = 3;
	return say("exec", a);
}

int sample_any(const struct args *a, int *status, struct err *e)
{
	(void)status;
	(void)e;
	return say("any", a);
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf text = { 0 };
	bool as_json = false;
	struct err e = { 0 };
	int status = 0;

	if (cli_dispatch(argc, argv, &status, &as_json, &e) < 0) {
		err_print_text(&e, &text, 0);
		fputs(text.s, stderr);
		return err_status(&e);
	}
	return status;
}
