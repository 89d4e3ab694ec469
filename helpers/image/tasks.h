/* SPDX-License-Identifier: Apache-2.0 */
/* image/tasks.h - what lichen-image and lichen-registry can be asked for: a function each (spec/image_msg.h says what they speak) */
#ifndef IMAGE_TASKS_H
#define IMAGE_TASKS_H

#include "talk.h"

/* All: the request is taken, nothing is confined yet. 0: done and said so; -1 with @e, which main() says. */
typedef int task_fn(struct talk *t, struct err *e);

task_fn task_source, task_unpack, task_sink, task_verify;	/* lichen-image */
task_fn task_login, task_push, task_tags;			/* lichen-registry, and task_source */

struct task {
	const char *name;
	task_fn *run;
};

/* What differs between the two: program_image.c, program_registry.c. Lists end with a NULL. */
extern const char PROGRAM_NAME[], PROGRAM_USAGE[];
extern const struct task TASKS[];

#endif
