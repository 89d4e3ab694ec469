/* SPDX-License-Identifier: Apache-2.0 */
/* image/blob.h - a blob on its way into the store: written, hashed, counted, verified, renamed
 *
 * One struct blob belongs to one thread; several may be on their way at once.
 */
#ifndef IMAGE_BLOB_H
#define IMAGE_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "talk.h"

#define BLOB_QUIET UINT32_MAX	/* an index: nobody is told of it */

enum { BLOB_NAME_MAX = 32 };

/* Where blobs go. */
struct blob_place {
	const struct talk *talk;
	int images;			/* the directory that has blobs/; borrowed */
	int tmp;			/* borrowed */
	uint64_t one_max, all_max;	/* bytes */
	atomic_uint_fast64_t all;	/* so far */
	atomic_uint names;		/* given in tmp so far */
};

struct blob {
	struct blob_place *place;
	uint32_t index;
	int fd;				/* the file in tmp; -1: not begun */
	int counter;			/* its writing end; -1: nobody reads it (any longer) */
	char name[BLOB_NAME_MAX];	/* in tmp */
	struct digest digest;
	bool leaves_digest;		/* set behind blob_begin(): not hashed here; ends by blob_leave() */
	uint64_t done;			/* bytes so far */
	uint64_t total;			/* as was said; 0: not known */
	uint64_t counted;		/* what the counter was told last */
	uint64_t shown_ms;		/* when progress was told last */
};

/* @like: the digest that it shall have, or NULL; @total: its size, or 0. Tells IMSG_BLOB with the growing file. */
NODISCARD int blob_begin(struct blob *b, struct blob_place *place, uint32_t index, const char *like, uint64_t total, struct err *e);
/* Errors: STATE beyond @total or a cap; SYS where it cannot be written */
NODISCARD int blob_add(struct blob *b, const void *data, size_t n, struct err *e);
/**
 * blob_end() - The whole is there: verify, rename, tell IMSG_BLOB_DONE
 * @want:	the digest that it must have; NULL or "": any
 * @got:	the digest that it has; may be NULL
 * Errors:	STATE: another digest, or less than was said
 */
NODISCARD int blob_end(struct blob *b, const char *want, char got[DIGEST_MAX], struct err *e);
/**
 * blob_leave() - The whole is there, and lichen will say which digest it has: tell IMSG_BLOB_READ
 * @name:	in tmp, for blob_name()
 * Errors:	STATE: less than was said
 */
NODISCARD int blob_leave(struct blob *b, char name[BLOB_NAME_MAX], struct err *e);
/* And it has: compare with @want (NULL or "": any), rename, tell IMSG_BLOB_DONE. */
NODISCARD int blob_name(struct blob_place *place, uint32_t index, char name[BLOB_NAME_MAX], uint64_t size, const char *want,
			const char *digest, struct err *e);
/* Of what has not come to its end; of what has, nothing. */
void blob_fini(struct blob *b);

/* A small one at once, by its digest; nobody is told. */
NODISCARD int blob_put(struct blob_place *place, const void *data, size_t n, const char *want, char got[DIGEST_MAX], struct err *e);
/* Opens one that lies in the store; -1 with errno. */
NODISCARD int blob_open(int images, const char *digest);
/* Tells of one that is whole: IMSG_BLOB without a counter, then IMSG_BLOB_DONE. */
NODISCARD int blob_tell(struct blob_place *place, uint32_t index, const char *digest, struct err *e);

#define AUTO_BLOB __attribute__((cleanup(blob_fini)))

#endif
