/* SPDX-License-Identifier: Apache-2.0 */
/* image/talk.h - this helper's side of spec/image_msg.h */
#ifndef IMAGE_TALK_H
#define IMAGE_TALK_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "spec/image_msg.h"

enum { TALK_FDS = 4 };

struct talk {
	int sock;
	json_t *request;	/* an object; owned */
	int fds[TALK_FDS];	/* that came with it, in the order of image_msg.h; -1: not sent; owned */
};

/* Takes the request from IMAGE_TALK_FD. Errors: PEER */
NODISCARD int talk_begin(struct talk *t, struct err *e);
void talk_end(struct talk *t);

/* Fields of the request; NULL, false and 0 where they are missing or of another type. Borrowed. */
const char *talk_str(const struct talk *t, const char *key);
bool talk_flag(const struct talk *t, const char *key);
uint64_t talk_number(const struct talk *t, const char *key);

/* All fail with PEER where the launcher is gone: then there is nobody to work for. May be called by any thread. */
NODISCARD int talk_send(const struct talk *t, struct image_msg *m, const int *fds, size_t n_fds, struct err *e);
NODISCARD int talk_step(const struct talk *t, const char *fmt, ...) PRINTF(2, 3);
NODISCARD int talk_warn(const struct talk *t, const char *fmt, ...) PRINTF(2, 3);
NODISCARD int talk_progress(const struct talk *t, uint32_t index, uint64_t done, uint64_t total, struct err *e);
/* Whether progress is to be said again, which is ten times a second; *@last_ms is the caller's, 0 at first. */
bool talk_is_due(uint64_t *last_ms);
/* Text as a memfd beside a message of @kind. */
NODISCARD int talk_text(const struct talk *t, enum image_msg_kind kind, uint32_t index, const char *text, size_t len, struct err *e);
/* The same beside @m. */
NODISCARD int talk_memfd(const struct talk *t, struct image_msg *m, const char *text, size_t len, struct err *e);
/* Waits for the launcher's next message. */
NODISCARD int talk_recv(const struct talk *t, struct image_msg *m, struct err *e);
/* The last word before the end of a helper that failed. */
void talk_error(const struct talk *t, const struct err *e);

#endif
