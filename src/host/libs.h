/* SPDX-License-Identifier: Apache-2.0 */
/* host/libs.h - which files of this machine a program needs to run: itself, its loader, its libraries
 *
 * Found as the dynamic loader would find them (ld.so(8), and musl's rules where the
 * program asks for musl's loader), but by reading: nothing is run, as ldd would. What is
 * only asked for while a program runs (dlopen(3), modules, data) cannot be seen from here.
 */
#ifndef HOST_LIBS_H
#define HOST_LIBS_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum {
	LIBS_FILES_MAX = 768,	/* files and links altogether */
	LIBS_OBJECTS_MAX = 512,	/* the libraries of one program */
	LIBS_SCRIPTS_MAX = 5,	/* interpreters of interpreters, as the kernel has it */
};

/* One thing to be made in the new root, at the path that it has on this machine. No part
 * of @path but its last is a symbolic link. */
struct libs_file {
	char *path;	/* absolute; owned */
	char *link;	/* where it is a symbolic link: its text; else NULL; owned */
};

struct libs {
	struct libs_file *v;
	size_t n;
};

struct libs_request {
	const struct strv *bins;	/* absolute paths of programs and scripts */
	const char *path;		/* $PATH inside: where `#!/usr/bin/env NAME` looks; may be NULL */
	const char *library_path;	/* $LD_LIBRARY_PATH inside, or NULL */
	const char *conf;		/* NULL: /etc/ld.so.conf */
};

/**
 * libs_find() - Everything that @q->bins need, each path once
 * @out:	released by libs_fini(), also after a failure
 * Errors:	ERR_SPEC: a program that is none or is broken, a library that is missing
 *		(who needs it; the hint says where it was looked for); ERR_SYS
 */
NODISCARD int libs_find(const struct libs_request *q, struct libs *out, struct err *e);
void libs_fini(struct libs *l);

/* The directories of an ld.so.conf(5)-like file, with what it includes; missing: none. */
void libs_conf_dirs(const char *file, struct strv *out);

/* An executable file called @name in the directories of @path; owned, or NULL. */
char *libs_in_path(const char *name, const char *path);

#endif
