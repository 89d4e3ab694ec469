/* SPDX-License-Identifier: Apache-2.0 */
/* image/program_registry.c - lichen-registry: images of registries; has libcurl, and neither reads archives nor unpacks */

#include "source.h"
#include "tasks.h"

const char PROGRAM_NAME[] = "lichen-registry";

const char PROGRAM_USAGE[] =
	"usage: lichen-registry TASK\n"
	"\n"
	"It is started by lichen, with a socket as descriptor 3, for one task: to bring an image from a\n"
	"registry, to send one there, to list tags, to ask whether it takes a name and password.\n";

const struct task TASKS[] = {
	{ "source", task_source }, { "sink", task_push }, { "login", task_login }, { "tags", task_tags }, { NULL, NULL },
};

const struct source_ops *const SOURCE_KINDS[] = { &SOURCE_OPS_REGISTRY, NULL };
