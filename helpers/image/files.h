/* SPDX-License-Identifier: Apache-2.0 */
/* image/files.h - the files that an image is saved as, by name: of a directory, or of a tar archive whose headers were read
 *
 * Names are those in the archive or below the directory; nothing outside of it is ever opened. Links of an archive
 * are followed by name within it.
 */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include "reader.h"

enum { FILES_ENTRIES_MAX = 1 << 17, FILES_NAME_MAX = 4096 };

struct file_entry {
	char *name, *link;	/* clean: without "./" and a slash at an end; link: NULL, or what it is a link to; owned */
	uint64_t size;
	int64_t at;		/* of its header */
	bool is_file, is_symlink;
	bool is_twice;		/* the name comes again: nobody can say which one is meant */
};

struct files {
	int dir;		/* -1: an archive; borrowed */
	int tar;		/* not compressed, and can be sought in; borrowed */
	struct file_entry *v;	/* sorted by name */
	size_t n;
};

/* Reads the headers of the archive. Errors: STATE, too many entries or what is no tar */
NODISCARD int files_tar(struct files *f, int fd, struct err *e);
void files_dir(struct files *f, int dir);
void files_fini(struct files *f);

bool files_has(const struct files *f, const char *name);
/* The entry of an archive, links followed; NULL with @e (NOTFOUND: there is none). */
const struct file_entry *files_find(const struct files *f, const char *name, struct err *e);
NODISCARD int files_open(const struct files *f, const char *name, struct reader *r, struct err *e);
/* A whole small one; terminated; owned by the caller. */
NODISCARD int files_read(const struct files *f, const char *name, size_t max, char **out, size_t *len, struct err *e);

#endif
