/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_doctor.c - lichen doctor */

#include <unistd.h>

#include "base/fd.h"
#include "cli/args.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "run/doctor.h"

int verb_doctor(const struct args *a, int *status, struct err *e)
{
	enum { CANNOT_RUN = 1 };	/* 125 is for doctor's own failures */
	AUTO_DOCTOR struct doctor d = { 0 };
	AUTO_BUF struct buf out = { 0 };
	struct table_style style = table_style_here();

	if (a->n_operands)
		return err_set(e, ERR_USAGE, "doctor takes no operands");
	if (a->fix && a->json)
		return err_set(e, ERR_USAGE, "--fix prints a script and --json findings: give one of them");
	doctor_run(&d);
	if (a->fix)
		doctor_print_fix(&d, &out);
	else if (a->json)
		doctor_print_json(&d, &out);
	else
		doctor_print_text(&d, (unsigned)style.width, style.is_coloured, &out);
	if (fd_write_all(STDOUT_FILENO, out.s, out.len) < 0)
		return err_sys(e, "write", "standard output", "printing the report");
	*status = doctor_fails(&d) ? CANNOT_RUN : 0;
	return 0;
}
