/* SPDX-License-Identifier: Apache-2.0 */
/* image/main.c - what lichen-image and lichen-registry begin with: finds the task, and says how it ended
 *
 * Both read images for lichen, which does not trust them. One process a task. Each takes its request, opens what it
 * needs, confines itself, and only then reads what a stranger has written.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "tasks.h"

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct talk t;
	task_fn *run = NULL;
	int r;

	for (size_t i = 0; argc == 2 && TASKS[i].name; i++)
		if (str_eq(argv[1], TASKS[i].name))
			run = TASKS[i].run;
	if (argc == 2 && str_eq(argv[1], "--help")) {
		fputs(PROGRAM_USAGE, stdout);
		return 0;
	}
	if (!run) {
		fputs(PROGRAM_USAGE, stderr);
		return 1;
	}
	r = talk_begin(&t, &e);
	if (r == 0)
		r = run(&t, &e);
	if (r < 0 && t.request)
		talk_error(&t, &e);
	else if (r < 0)
		fprintf(stderr, "%s: %s\n", PROGRAM_NAME, e.what);
	/* not through the libraries' exit handlers: the filter was not made for them */
	_exit(r < 0);
}
