/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_doctor.c - lichen doctor */

#include <unistd.h>

#include "base/fd.h"
#include "cli/args.h"
#include "cli/verbs.h"
#include "run/doctor.h"

int verb_doctor(const struct args *a, int *status, struct err *e)
{
	AUTO_DOCTOR struct doctor d = { 0 };
	AUTO_BUF struct buf out = { 0 };

	if (a->n_operands)
		return err_set(e, ERR_USAGE, "doctor takes no operands");
	doctor_run(&d);
	if (a->json)
		doctor_print_json(&d, &out);
	else
		doctor_print_text(&d, &out);
	if (fd_write_all(STDOUT_FILENO, out.s, out.len) < 0)
		return err_sys(e, "write", "standard output", "printing the report");
	*status = doctor_fails(&d) ? EXIT_LICHEN : 0;
	return 0;
}
