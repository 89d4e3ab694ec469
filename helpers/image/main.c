/* SPDX-License-Identifier: Apache-2.0 */
/* image/main.c - lichen-image: reads and writes images, for lichen, which does not trust them
 *
 * One process a task. Each takes its request, opens what it needs, confines itself, and only then reads
 * what a stranger has written.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "tasks.h"

static const struct {
	const char *name;
	task_fn *run;
} TASKS[] = {
	{ "source", task_source },
	{ "unpack", task_unpack },
	{ "sink", task_sink },
	{ "login", task_login },
	{ "verify", task_verify },
};

static const char USAGE[] =
	"usage: lichen-image TASK\n"
	"\n"
	"It is started by lichen, with a socket as descriptor 3, for one task: to bring an image from a\n"
	"registry or an archive, to unpack a layer, to write an image elsewhere, to look whether it is still whole.\n";

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct talk t;
	task_fn *run = NULL;
	int r;

	for (size_t i = 0; argc == 2 && i < N_ELEMS(TASKS); i++)
		if (str_eq(argv[1], TASKS[i].name))
			run = TASKS[i].run;
	if (argc == 2 && str_eq(argv[1], "--help")) {
		fputs(USAGE, stdout);
		return 0;
	}
	if (!run) {
		fputs(USAGE, stderr);
		return 1;
	}
	r = talk_begin(&t, &e);
	if (r == 0)
		r = run(&t, &e);
	if (r < 0 && t.request)
		talk_error(&t, &e);
	else if (r < 0)
		fprintf(stderr, "lichen-image: %s\n", e.what);
	/* not through the libraries' exit handlers: the filter was not made for them */
	_exit(r < 0);
}
