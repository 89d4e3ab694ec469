/* SPDX-License-Identifier: Apache-2.0 */
/* image/local.h - sources on this machine: archives and directories. What they share. */
#ifndef IMAGE_LOCAL_H
#define IMAGE_LOCAL_H

#include "files.h"
#include "source.h"

struct local {
	struct files files;	/* an archive's or a layout's */
	int spool;		/* the archive decompressed, or what came by a pipe: a file without a name; -1: it is as it came */
	struct reader tar;	/* a root tar, from its beginning */
	bool packs;		/* a root directory */
};

/* s->of, made by the first who asks. */
struct local *local_of(struct source *s);
void local_close(struct source *s);

/* Its files can be looked up in local_of(s)->files: a pipe and what is compressed are spooled. */
NODISCARD int local_tar(struct source *s, struct err *e);
/* A regular file with what came by a pipe; what is a file already stays. Compressed as it came. */
NODISCARD int local_seekable(struct source *s, int *fd, struct err *e);

/* Brings a layer: from the file that l->where names, else the blob of its digest; or a root. */
NODISCARD int local_fetch(struct source *s, struct err *e);

/* Drafts, of what lies in local_of(s)->files. */
NODISCARD int docker_list(struct source *s, struct err *e);
NODISCARD int oci_list(struct source *s, struct err *e);
/* The draft of a root tar or a directory: one layer, of which nothing is known, and what the request says about a start. */
NODISCARD int import_list(struct source *s, enum compression c, uint64_t size, struct err *e);

/* A name that an archive has: the full reference. What is no name is left out with a word. */
NODISCARD int local_name(struct source *s, struct image *im, const char *name, struct err *e);
/* "application/vnd.oci.image.layer.v1.tar+gzip" */
void local_media_type(enum compression c, char out[96]);
/* No standard has a type for xz and bzip2: such layers are kept as plain tars. */
bool local_is_kept(enum compression c);

#endif
