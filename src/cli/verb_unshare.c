/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_unshare.c - `lichen unshare` */

#include "cli/args.h"
#include "cli/verbs.h"
#include "run/unshare.h"

int verb_unshare(const struct args *a, int *status, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	*status = 0;
	for (int i = 0; i < a->n_operands; i++)
		strv_add(&words, a->operands[i]);
	return run_unshare((enum ids_mode)a->ids, &words, e);
}
