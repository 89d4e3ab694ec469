/* SPDX-License-Identifier: Apache-2.0 */
/* image/unpack.c - lichen-image unpack: makes one layer's tree from its blob
 *
 * It is root inside an id map, and needs its capabilities there for a moment to shut itself in. Descriptors: the tree (an empty
 * directory, the layer's root), the blob, and the counter where the blob still grows.
 *
 * The request, all of it optional:
 *
 *   digest, size	of the blob; compared when all is read
 *   diff_id		of the tar; likewise
 *   single		true: one id; owners are recorded, not set (decision 019)
 *   max_bytes		of the tar, and of all files together, holes included; 64 GiB
 *   max_blob		of the blob; 32 GiB
 *   max_ratio		of the tar to the blob where the tar has more than a GiB; 250
 *   max_entries	names; 2,000,000
 *   max_depth		directories in a path; 256
 *   max_name		bytes of a path; 4095. Long names and PAX headers have at most 1 MiB (libarchive)
 *   max_memory		bytes of the window of zstd and xz, and each of what waits for the end and of the list of owners; 128 MiB
 *
 * What is left out is counted and said in IMSG_DONE: devices, sockets, attributes that a layer may not set.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "confine.h"
#include "inflate.h"
#include "layer.h"
#include "stream.h"
#include "tasks.h"

enum { FD_TREE, FD_BLOB, FD_COUNTER };

#define PROGRESS_NS 50000000	/* 20 a second */

struct unpack {
	struct talk *talk;
	struct stream *stream;
	struct tree tree;
	struct layer_caps caps;
	uint64_t size;			/* of the blob; 0 */
	struct timespec told;
};

static uint64_t number_or(const struct talk *t, const char *key, uint64_t standard)
{
	uint64_t n = talk_number(t, key);

	return n ? n : standard;
}

/* ---- progress ---- */

static bool is_time(struct timespec *last)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((now.tv_sec - last->tv_sec) * INT64_C(1000000000) + now.tv_nsec - last->tv_nsec < PROGRESS_NS)
		return false;
	*last = now;
	return true;
}

static ssize_t next(void *arg, const unsigned char **data, struct err *e)
{
	struct unpack *u = arg;

	if (is_time(&u->told) && talk_progress(u->talk, 0, stream_done(u->stream), u->size, e) < 0)
		return -1;
	return stream_next(u->stream, data, e);
}

/* ---- what is asked ---- */

/* How many ids there are; 0 where it cannot be read. */
static uint64_t map_size(void)
{
	AUTO_FREE char *text = NULL;
	uint64_t sum = 0, count;
	int used;

	if (fd_read_file(AT_FDCWD, "/proc/self/uid_map", FD_READ_MAX, &text, NULL) < 0)
		return 0;
	for (const char *s = text; sscanf(s, " %*u %*u %" SCNu64 "%n", &count, &used) == 1; s += used)
		sum += count;
	return sum;
}

static int open_all(struct unpack *u, struct err *e)
{
	const struct talk *t = u->talk;
	const struct stream_how how = {
		.blob = t->fds[FD_BLOB],
		.counter = t->fds[FD_COUNTER],
		.digest = talk_str(t, "digest"),
		.diff_id = talk_str(t, "diff_id"),
		.size = talk_number(t, "size"),
		.max_blob = number_or(t, "max_blob", UINT64_C(32) << 30),
		.max_bytes = number_or(t, "max_bytes", UINT64_C(64) << 30),
		.max_ratio = number_or(t, "max_ratio", 250),
		.max_memory = number_or(t, "max_memory", INFLATE_MEMORY),
	};
	uint64_t name = number_or(t, "max_name", PATH_MAX - 1), depth = number_or(t, "max_depth", 256);

	if (how.blob < 0)
		return err_set(e, ERR_PEER, "the request comes without its descriptors");
	u->size = how.size;
	u->caps = (struct layer_caps){
		.bytes = how.max_bytes,
		.entries = number_or(t, "max_entries", 2000000),
		.depth = depth < PATH_MAX ? (uint32_t)depth : PATH_MAX,
		.name = name < PATH_MAX ? (uint32_t)name : PATH_MAX - 1,
	};
	u->tree = (struct tree){
		.is_single = talk_flag(t, "single"),
		.map_size = map_size(),
		.max_memory = how.max_memory,
		.owners = -1,
	};
	parents_init(&u->tree.at, t->fds[FD_TREE]);
	if (u->tree.is_single) {
		u->tree.owners = memfd_create("owners", MFD_CLOEXEC);
		if (u->tree.owners < 0)
			return err_sys(e, "memfd_create", NULL, "recording the owners of the layer's files");
	}
	return stream_open(&how, &u->stream, e);
}

static int confine(const struct unpack *u, struct err *e)
{
	const int keep[] = { u->talk->fds[FD_TREE], u->talk->fds[FD_BLOB], u->talk->fds[FD_COUNTER], u->tree.owners };
	const struct confine_path tree = { .fd = u->talk->fds[FD_TREE], .writes = true };
	const uint64_t caps = UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER |
			      UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_SETFCAP;

	umask(0);
	if (confine_begin(keep, N_ELEMS(keep), e) < 0 || confine_root(tree.fd, e) < 0 || confine_paths(&tree, 1, false, e) < 0)
		return -1;
	return confine_end(caps, CONFINE_TREE, e);
}

/* ---- the result ---- */

static void add_left(struct buf *b, uint64_t n, const char *what)
{
	if (n)
		buf_addf(b, "%s%" PRIu64 " %s", b->len ? ", " : "left out: ", n, what);
}

static int tell(const struct unpack *u, const struct layer_count *n, struct image_msg *layer, struct err *e)
{
	struct image_msg done = { .kind = IMSG_DONE };
	AUTO_BUF struct buf left = { 0 };

	layer->kind = IMSG_LAYER;
	layer->done = n->bytes;
	layer->total = n->entries;
	layer->index = n->devices < UINT32_MAX ? (uint32_t)n->devices : UINT32_MAX;
	if (u->tree.hides_root && talk_warn(u->talk, "the layer hides all that is below it, which an overlay cannot do: the layers below stay visible") < 0)
		return err_set(e, ERR_PEER, "lichen has ended");
	if (talk_progress(u->talk, 0, stream_done(u->stream), u->size, e) < 0)
		return -1;
	if (talk_send(u->talk, layer, &u->tree.owners, u->tree.owners >= 0, e) < 0)
		return -1;
	add_left(&left, n->devices, "devices");
	add_left(&left, n->sockets, "sockets");
	add_left(&left, u->tree.left_links, "links to them");
	add_left(&left, n->xattrs, "extended attributes");
	add_left(&left, n->acls, "access control lists");
	add_left(&left, n->aufs, "files of aufs");
	str_copy(done.text, sizeof(done.text), left.s ? left.s : "");
	return talk_send(u->talk, &done, NULL, 0, e);
}

int task_unpack(struct talk *t, struct err *e)
{
	struct unpack u = { .talk = t };
	const struct layer_source source = { next, &u };
	struct image_msg layer = { 0 };
	struct layer_count n;

	if (open_all(&u, e) < 0 || confine(&u, e) < 0 || tree_begin(&u.tree, e) < 0 || stream_start(u.stream, e) < 0)
		return -1;
	if (layer_unpack(&source, &u.tree, &u.caps, &n, e) < 0 || stream_end(u.stream, layer.digest, layer.text, e) < 0)
		return -1;
	if (tell(&u, &n, &layer, e) < 0)
		return -1;
	tree_fini(&u.tree);
	auto_close(&u.tree.owners);
	stream_free(u.stream);
	return 0;
}
