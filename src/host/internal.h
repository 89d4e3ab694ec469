/* SPDX-License-Identifier: Apache-2.0 */
/* host/internal.h - what the files behind host/libs.h share */
#ifndef HOST_INTERNAL_H
#define HOST_INTERNAL_H

#include "host/elf.h"
#include "host/libs.h"

enum { DIRS_MAX = 4096, LIBS_TRIES_MAX = 65536 };

struct object {
	char *name;	/* as it was asked for */
	char *path;	/* as it was found */
	char *origin;	/* what $ORIGIN stands for */
	struct elf elf;
	size_t loader;	/* the object that asked first; the program asks for itself */
};

struct finder {
	const struct libs_request *q;
	struct libs *out;
	struct strv programs;	/* real paths of those that are done */
	struct strv conf_dirs;
	bool has_conf;
	struct object *v;	/* of the program at hand */
	size_t n;
	char *musl_arch;	/* its loader is musl's: "x86_64"; else NULL */
	unsigned tries;		/* files that were looked for, of all programs */
};

/* ---- host/libs.c ---- */

/* Notes @path and every link on the way to it. @real: its true path; owned by the caller. */
NODISCARD int libs_add_path(struct finder *f, const char *path, char **real, struct err *e);

/* ---- host/libs_search.c ---- */

/* Opens a regular file for reading; -1 with errno, EINVAL where it is none. */
int libs_open(const char *path, struct elf_file *out);

/**
 * libs_search() - Where the loader would find the library @name for the object @asker
 * @found:	owned by the caller
 * Errors:	ERR_SPEC with who needs it and where was looked
 */
NODISCARD int libs_search(struct finder *f, size_t asker, const char *name, char **found, struct err *e);

#endif
