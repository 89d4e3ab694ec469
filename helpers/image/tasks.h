/* SPDX-License-Identifier: Apache-2.0 */
/* image/tasks.h - what lichen-image can be asked for: a function each (spec/image_msg.h says what they speak) */
#ifndef IMAGE_TASKS_H
#define IMAGE_TASKS_H

#include "talk.h"

/* All: the request is taken, nothing is confined yet. 0: done and said so; -1 with @e, which main() says. */
typedef int task_fn(struct talk *t, struct err *e);

task_fn task_source, task_unpack, task_sink, task_login;
task_fn task_source, task_sink, task_verify;

#endif
