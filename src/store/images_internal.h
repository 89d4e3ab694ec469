/* SPDX-License-Identifier: Apache-2.0 */
/* store/images_internal.h - what the files of images share */
#ifndef STORE_IMAGES_INTERNAL_H
#define STORE_IMAGES_INTERNAL_H

#include "store/images.h"
#include "store/internal.h"
#include "store/tmp.h"

struct tmp_place images_place(const struct images *im);

/* -1 with @e where the store is only to be read. */
NODISCARD int images_may_write(const struct images *im, struct err *e);

/* The digits of a digest, which are its file's name; NULL where it is none. */
const char *images_hex(const char *digest);
/* "sha256:HEX" of a file's name; owned, or NULL where it is none. */
char *images_digest(const char *hex);

/* The entries that may be ours: without those that begin with a dot. */
NODISCARD int images_entries(const struct images *im, const char *name, struct strv *out, struct err *e);

/* "records/HEX"; owned, or NULL where @id is none. */
char *images_record(const char *id);
/* As images_load(), of an open file. */
NODISCARD int images_read_record(int fd, const char *path, struct image *image, struct err *e);
/* The image that the name's file tells of; NULL: there is none. @name: the name itself, owned; may be NULL */
char *images_read_name(const struct images *im, const char *file, char **name);
/* The id in the first line of a small file; owned, or NULL. */
char *images_read_id(const struct images *im, const char *file);
/* Says that an image is not there: -1 with STATE and ENOENT. */
int images_no_image(const char *id, struct err *e);

#endif
