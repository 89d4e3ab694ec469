/* SPDX-License-Identifier: Apache-2.0 */
/* image/talk.c - this helper's side of spec/image_msg.h */

#include "talk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"

enum { SHOW_MS = 100 };

int talk_begin(struct talk *t, struct err *e)
{
	AUTO_FREE char *text = mem_alloc(IMAGE_REQUEST_MAX);
	size_t n_fds = TALK_FDS;
	json_error_t why;
	ssize_t n;

	*t = (struct talk){ .sock = IMAGE_TALK_FD };
	for (size_t i = 0; i < TALK_FDS; i++)
		t->fds[i] = -1;
	n = fd_recv(t->sock, text, IMAGE_REQUEST_MAX, t->fds, &n_fds);
	if (n <= 0)
		return err_set(e, ERR_PEER, "lichen-image is started by lichen, which says on descriptor %d what is to be done",
			       IMAGE_TALK_FD);
	t->request = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(t->request))
		return err_set(e, ERR_PEER, "the request is no JSON object: %s", why.text);
	return 0;
}

void talk_end(struct talk *t)
{
	for (size_t i = 0; i < TALK_FDS; i++)
		auto_close(&t->fds[i]);
	json_decref(t->request);
	t->request = NULL;
}

const char *talk_str(const struct talk *t, const char *key)
{
	return json_string_value(json_object_get(t->request, key));
}

bool talk_flag(const struct talk *t, const char *key)
{
	return json_is_true(json_object_get(t->request, key));
}

uint64_t talk_number(const struct talk *t, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(t->request, key));

	return n > 0 ? (uint64_t)n : 0;
}

int talk_send(const struct talk *t, struct image_msg *m, const int *fds, size_t n_fds, struct err *e)
{
	if (fd_send(t->sock, m, sizeof(*m), fds, n_fds) < 0) {
		err_sys(e, "sendmsg", NULL, "telling lichen");
		e->kind = ERR_PEER;
		return -1;
	}
	return 0;
}

__attribute__((format(printf, 3, 0))) static int say(const struct talk *t, enum image_msg_kind kind, const char *fmt, va_list ap)
{
	struct image_msg m = { .kind = kind };
	struct err ignored;

	vsnprintf(m.text, sizeof(m.text), fmt, ap);
	return talk_send(t, &m, NULL, 0, &ignored);
}

int talk_step(const struct talk *t, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say(t, IMSG_STEP, fmt, ap);
	va_end(ap);
	return r;
}

int talk_warn(const struct talk *t, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = say(t, IMSG_WARN, fmt, ap);
	va_end(ap);
	return r;
}

int talk_progress(const struct talk *t, uint32_t index, uint64_t done, uint64_t total, struct err *e)
{
	struct image_msg m = { .kind = IMSG_PROGRESS, .index = index, .done = done, .total = total };

	return talk_send(t, &m, NULL, 0, e);
}

bool talk_is_due(uint64_t *last_ms)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (now - *last_ms < SHOW_MS)
		return false;
	*last_ms = now;
	return true;
}

int talk_memfd(const struct talk *t, struct image_msg *m, const char *text, size_t len, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("record", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, len) < 0)
		return err_sys(e, "memfd_create", NULL, "handing a record to lichen");
	return talk_send(t, m, &fd, 1, e);
}

int talk_text(const struct talk *t, enum image_msg_kind kind, uint32_t index, const char *text, size_t len, struct err *e)
{
	struct image_msg m = { .kind = kind, .index = index };

	return talk_memfd(t, &m, text, len, e);
}

int talk_recv(const struct talk *t, struct image_msg *m, struct err *e)
{
	ssize_t n = fd_recv(t->sock, m, sizeof(*m), NULL, NULL);

	if (n != (ssize_t)sizeof(*m) || m->kind >= IMSG_KINDS)
		return err_set(e, ERR_PEER, "lichen has ended");
	m->digest[sizeof(m->digest) - 1] = '\0';
	m->text[sizeof(m->text) - 1] = '\0';
	return 0;
}

void talk_error(const struct talk *t, const struct err *e)
{
	struct image_msg m = { .kind = IMSG_ERROR, .err = *e };
	struct err ignored;

	m.err.file = NULL;
	if (talk_send(t, &m, NULL, 0, &ignored) < 0)
		return; /* nobody is left to be told */
}
