/* SPDX-License-Identifier: Apache-2.0 */
/* image/program_image.c - lichen-image: images and layers of this machine; knows no network, and loads no library for one */

#include "source.h"
#include "tasks.h"

const char PROGRAM_NAME[] = "lichen-image";

const char PROGRAM_USAGE[] =
	"usage: lichen-image TASK\n"
	"\n"
	"It is started by lichen, with a socket as descriptor 3, for one task: to bring an image from an\n"
	"archive or a directory, to unpack a layer, to write an image elsewhere, to look whether it is still whole.\n";

const struct task TASKS[] = {
	{ "source", task_source }, { "unpack", task_unpack }, { "sink", task_sink }, { "verify", task_verify }, { NULL, NULL },
};

const struct source_ops *const SOURCE_KINDS[] = {
	&SOURCE_OPS_DOCKER_ARCHIVE, &SOURCE_OPS_OCI_ARCHIVE, &SOURCE_OPS_OCI, &SOURCE_OPS_TAR, &SOURCE_OPS_DIRECTORY, &SOURCE_OPS_PATH,
	NULL,
};
