/* SPDX-License-Identifier: Apache-2.0 */
/* image/verify_tree.c - whether an unpacked layer is still what its blob says
 *
 * It is root inside the id map that the layer was unpacked for, and reads the blob through the same parser as unpack.c; what that
 * would make is kept in memory, then the tree is compared with it. Nothing is written. Descriptors: the tree, the blob, and
 * where there is one id the list of owners.
 *
 * The request:
 *
 *   tree	true
 *   digest, size, diff_id	of the layer, as its record has them
 *   single	true: one id
 *
 * Each difference is an IMSG_BLOB_DONE with its text; IMSG_PROGRESS 0 is of the blob first, then, from 0 again, of the files. What a blob
 * may be is not limited as in unpack.c: it was unpacked once, with whichever limits, and its digest is compared.
 */

#include "verify_tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "compare.h"
#include "confine.h"
#include "layer.h"
#include "model.h"
#include "stream.h"

enum { FD_TREE, FD_BLOB, FD_OWNERS, SAID_MAX = 30 };

#define MODEL_MEMORY (UINT64_C(2) << 30)
#define WINDOW_MEMORY (UINT64_C(4) << 30)

struct verify_tree {
	struct talk *talk;
	struct stream *stream;
	struct model model;
	uint64_t size;		/* of the blob */
	uint64_t shown_ms;
	uint64_t n_said;
};

static ssize_t next(void *arg, const unsigned char **data, struct err *e)
{
	struct verify_tree *v = arg;

	if (talk_is_due(&v->shown_ms) && talk_progress(v->talk, 0, stream_done(v->stream), v->size, e) < 0)
		return -1;
	return stream_next(v->stream, data, e);
}

static int progress(void *arg, uint64_t bytes, struct err *e)
{
	struct verify_tree *v = arg;

	return talk_is_due(&v->shown_ms) ? talk_progress(v->talk, 0, bytes, v->model.bytes, e) : 0;
}

static int tell(const struct verify_tree *v, const char *text, struct err *e)
{
	struct image_msg m = { .kind = IMSG_BLOB_DONE };

	str_copy(m.text, sizeof(m.text), text);
	return talk_send(v->talk, &m, NULL, 0, e);
}

/* A tree that is of something else differs in everything: the first ones say so. */
static int say(void *arg, const char *text, struct err *e)
{
	struct verify_tree *v = arg;

	return ++v->n_said > SAID_MAX ? 0 : tell(v, text, e);
}

static int open_all(struct verify_tree *v, struct err *e)
{
	const struct talk *t = v->talk;
	const struct stream_how how = {
		.blob = t->fds[FD_BLOB],
		.counter = -1,
		.digest = talk_str(t, "digest"),
		.diff_id = talk_str(t, "diff_id"),
		.size = talk_number(t, "size"),
		.max_blob = INT64_MAX,
		.max_bytes = INT64_MAX,
		.max_ratio = UINT32_MAX,
		.max_memory = WINDOW_MEMORY,
	};

	if (how.blob < 0 || t->fds[FD_TREE] < 0 || !how.digest || !how.diff_id)
		return err_set(e, ERR_PEER, "the request names no layer, or a descriptor is missing");
	v->size = how.size;
	model_init(&v->model, talk_flag(t, "single"), t->fds[FD_OWNERS], MODEL_MEMORY);
	return stream_open(&how, &v->stream, e);
}

static int confine(const struct verify_tree *v, struct err *e)
{
	const struct confine_path tree = { .fd = v->talk->fds[FD_TREE] };

	if (confine_begin(v->talk->fds, TALK_FDS, e) < 0 || digest_prepare(e) < 0 || confine_root(tree.fd, e) < 0 ||
	    confine_paths(&tree, 1, false, e) < 0)
		return -1;
	return confine_end(UINT64_C(1) << CAP_DAC_READ_SEARCH, CONFINE_READ, e);
}

static int compare(struct verify_tree *v, struct err *e)
{
	const struct compare c = { .model = &v->model, .say = say, .progress = progress, .arg = v };
	/* that which was given may be a mere name, as its mode may keep the caller out */
	AUTO_CLOSE int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_sys(e, "open", "/", "reading the layer's tree");
	if (compare_tree(&c, root, e) < 0)
		return -1;
	if (v->n_said > SAID_MAX) {
		AUTO_FREE char *more = str_fmt("/: and %" PRIu64 " more differences", v->n_said - SAID_MAX);

		return tell(v, more, e);
	}
	return 0;
}

int verify_tree(struct talk *t, struct err *e)
{
	const struct layer_caps caps = { .bytes = INT64_MAX, .entries = UINT64_MAX, .depth = PATH_MAX, .name = PATH_MAX - 1 };
	struct verify_tree v = { .talk = t };
	const struct layer_source source = { next, &v };
	struct image_msg done = { .kind = IMSG_DONE };
	char digest[DIGEST_MAX], diff_id[DIGEST_MAX];
	struct layer_count n;

	if (open_all(&v, e) < 0 || confine(&v, e) < 0 || stream_start(v.stream, e) < 0)
		return -1;
	if (layer_read(&source, &MODEL_TO, &v.model, &caps, &n, e) < 0 || stream_end(v.stream, digest, diff_id, e) < 0 || compare(&v, e) < 0)
		return -1;
	stream_free(v.stream);
	model_fini(&v.model);
	return talk_send(t, &done, NULL, 0, e);
}
