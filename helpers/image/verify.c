/* SPDX-License-Identifier: Apache-2.0 */
/* image/verify.c - the task "verify": reads blobs again and says which are not what they are called; or compares a tree (verify_tree.c)
 *
 * The request is one object:
 *
 *   blobs	["sha256:...", ...]
 *   tree	true: it is that of verify_tree.c
 *
 * fds: images/. For each, in their order: IMSG_PROGRESS index, done, total; then IMSG_BLOB_DONE index, digest: what it was
 * asked for as, total: its bytes, text: "" where it is whole, else what is wrong with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "blob.h"
#include "confine.h"
#include "reader.h"
#include "tasks.h"
#include "verify_tree.h"

enum { BLOBS_MAX = 4096 };

/* What is wrong goes to @m->text; -1 only where nobody is left to be told. */
static int read_blob(struct talk *t, struct reader *r, struct image_msg *m, struct err *e)
{
	AUTO_DIGEST struct digest d = { 0 };
	char got[DIGEST_MAX];
	uint64_t shown_ms = 0;
	const void *data;
	ssize_t n;

	if (digest_begin(&d, m->digest, e) < 0)
		return -1;
	while ((n = reader_next(r, &data, e)) > 0) {
		digest_add(&d, data, (size_t)n);
		m->total += (size_t)n;
		if (talk_is_due(&shown_ms) && talk_progress(t, m->index, m->total, r->size, e) < 0)
			return -1;
	}
	if (n < 0) {
		str_copy(m->text, sizeof(m->text), "cannot be read: ");
		strncat(m->text, err_errno_name(e->errnum), sizeof(m->text) - strlen(m->text) - 1);
		return 0;
	}
	digest_end(&d, got);
	if (!str_eq(got, m->digest)) {
		str_copy(m->text, sizeof(m->text), "its content is ");
		strncat(m->text, got, sizeof(m->text) - strlen(m->text) - 1);
	}
	return 0;
}

static int verify_one(struct talk *t, uint32_t index, const char *digest, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	struct image_msg m = { .kind = IMSG_BLOB_DONE, .index = index };
	struct stat st;
	int fd = blob_open(t->fds[0], digest);

	str_copy(m.digest, sizeof(m.digest), digest);
	if (fd < 0) {
		str_copy(m.text, sizeof(m.text), errno == ENOENT ? "is missing" : "cannot be opened");
		return talk_send(t, &m, NULL, 0, e);
	}
	reader_fd(&r, fd, true);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		str_copy(m.text, sizeof(m.text), "is no file");
		return talk_send(t, &m, NULL, 0, e);
	}
	r.size = (uint64_t)st.st_size;
	return read_blob(t, &r, &m, e) < 0 ? -1 : talk_send(t, &m, NULL, 0, e);
}

int task_verify(struct talk *t, struct err *e)
{
	const json_t *list = json_object_get(t->request, "blobs"), *j;
	const struct confine_path paths[] = { { t->fds[0], false } };
	struct image_msg done = { .kind = IMSG_DONE };
	size_t i;

	if (talk_flag(t, "tree"))
		return verify_tree(t, e);
	if (!json_is_array(list) || json_array_size(list) > BLOBS_MAX || t->fds[0] < 0)
		return err_set(e, ERR_PEER, "the request names no blobs, or too many, or a descriptor is missing");
	json_array_foreach(list, i, j)
		if (!json_is_string(j) || !digest_is_valid(json_string_value(j)))
			return err_set(e, ERR_PEER, "the request names what is no blob");
	if (confine_begin(t->fds, TALK_FDS, e) < 0 || digest_prepare(e) < 0 || confine_paths(paths, 1, false, e) < 0 ||
	    confine_end(0, CONFINE_FILES, e) < 0)
		return -1;
	json_array_foreach(list, i, j)
		if (verify_one(t, (uint32_t)i, json_string_value(j), e) < 0)
			return -1;
	return talk_send(t, &done, NULL, 0, e);
}
