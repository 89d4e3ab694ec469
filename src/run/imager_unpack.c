/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager_unpack.c - layers that are unpacked, as many at once as there are processors
 *
 * Each has a directory below images/tmp and a process of lichen-image, which is root inside the id map and
 * fills its root/. Both digests are what that process computed; whoever commits compares them with what the image says.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/imager_internal.h"
#include "run/internal.h"

enum { OWNERS_MAX = 256 << 20 };

static const char TASK[] = "unpack", JOB[] = "which unpacks a layer";

static size_t processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n < 1 ? 1 : n > IMAGER_WORKERS_MAX ? IMAGER_WORKERS_MAX : (size_t)n;
}

/* Whoever makes a tree has to be root inside: with one id, under whichever number it runs, that is the caller. */
static int choose_root(struct unpacker *u, struct err *e)
{
	const struct id_map *uids = u->uids, *gids = u->gids;

	if (id_map_outside(uids, 0) >= 0 && id_map_outside(gids, 0) >= 0) {
		id_map_copy(&u->root_uids, uids);
		id_map_copy(&u->root_gids, gids);
		return 0;
	}
	if (uids->n == 1 && gids->n == 1 && uids->v[0].count == 1 && gids->v[0].count == 1) {
		id_map_add(&u->root_uids, 0, uids->v[0].outside, 1);
		id_map_add(&u->root_gids, 0, gids->v[0].outside, 1);
		return 0;
	}
	err_set(e, ERR_SPEC, "an image cannot be unpacked for ids without 0: its files are mostly root's");
	return err_hint(e, "leave out --uidmap and --gidmap, or map 0, too");
}

int unpacker_init(struct unpacker *u, struct images *im, const struct id_map *uids, const struct id_map *gids, size_t n,
		  uint32_t caller_uid, const struct imager_caps *caps, const struct imager_view *view, struct err *e)
{
	*u = (struct unpacker){ .im = im, .uids = uids, .gids = gids, .caps = caps, .view = view, .n_max = processors() };
	u->v = mem_grow(NULL, n + 1, sizeof(*u->v));
	for (; u->n < n; u->n++) {
		u->v[u->n] = (struct unpack_layer){ .file = -1, .counter = -1, .tmp.fd = -1 };
		helper_init(&u->v[u->n].helper, IMAGE_PROGRAM, JOB, view);
	}
	u->cls = images_class(uids, gids, caller_uid);
	return choose_root(u, e);
}

/* What is made stays only where it was committed. */
static void end_layer(struct unpacker *u, struct unpack_layer *l)
{
	helper_end(&l->helper, l->state == UNPACK_MADE || l->state == UNPACK_COMMITTED);
	auto_close(&l->file);
	auto_close(&l->counter);
	images_tmp_end(u->im, &l->tmp, &u->root_uids, &u->root_gids, in_map);
}

void unpacker_fini(struct unpacker *u)
{
	/* first all are ended, then what they made is removed: that takes its time */
	for (size_t i = 0; i < u->n; i++)
		helper_end(&u->v[i].helper, false);
	for (size_t i = 0; i < u->n; i++)
		end_layer(u, &u->v[i]);
	if (u->inside)
		in_map_server_end(u->inside);
	free(u->inside);
	free(u->v);
	auto_free(&u->cls);
	id_map_fini(&u->root_uids);
	id_map_fini(&u->root_gids);
	*u = (struct unpacker){ 0 };
}

void unpacker_give(struct unpacker *u, size_t i, const char *digest, const char *diff_id, uint64_t size, int file, int counter)
{
	struct unpack_layer *l = &u->v[i];

	l->state = UNPACK_READY;
	l->size = size;
	l->file = file;
	l->counter = counter;
	l->is_whole = file < 0;
	str_copy(l->digest, sizeof(l->digest), digest);
	str_copy(l->diff_id, sizeof(l->diff_id), diff_id);
}

void unpacker_read(struct unpacker *u, size_t i, uint64_t size)
{
	u->v[i].is_whole = true;
	u->v[i].size = size;
}

void unpacker_whole(struct unpacker *u, size_t i, const char *digest, uint64_t size)
{
	struct unpack_layer *l = &u->v[i];

	l->is_whole = true;
	l->size = size;
	if (l->state != UNPACK_READY)
		return;
	/* few descriptors: an archive may have hundreds of layers that wait */
	str_copy(l->digest, sizeof(l->digest), digest);
	auto_close(&l->file);
	auto_close(&l->counter);
}

/* ---- the start of one ---- */

static int make_root(const void *arg, struct err *e)
{
	const int *fd = arg;

	if (mkdirat(*fd, "root", 0755) < 0)
		return err_sys(e, "mkdirat", "root", "making a layer's directory inside the id map");
	return 0;
}

/* The directory root/ is root's inside, as which it is filled. */
static int open_root(const struct unpacker *u, const struct unpack_layer *l, struct err *e)
{
	int64_t uid = id_map_outside(&u->root_uids, 0), gid = id_map_outside(&u->root_gids, 0);
	int fd;

	if (images_tmp_map(&l->tmp, &u->root_uids, &u->root_gids, e) < 0)
		return -1;
	if (uid != (int64_t)geteuid() && geteuid() != 0) {
		if (in_map(&u->root_uids, &u->root_gids, make_root, &l->tmp.fd, e) < 0)
			return -1;
	} else if (mkdirat(l->tmp.fd, "root", 0755) < 0 ||
		   (geteuid() == 0 && fchownat(l->tmp.fd, "root", (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0)) {
		return err_sys(e, "mkdirat", l->tmp.path, "making a layer's directory");
	}
	fd = openat(l->tmp.fd, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "openat", l->tmp.path, "opening a layer's directory") : fd;
}

/* A number of descriptors of a stranger: only a file, and for reading; its place in it our own. */
static int open_file(struct unpacker *u, struct unpack_layer *l, struct err *e)
{
	AUTO_CLOSE int got = fd_take(&l->file);
	char path[FD_PATH_MAX];
	struct stat st;
	int fd, flags;

	if (got < 0)
		return images_open_blob(u->im, l->digest, e);
	/* it is opened again with our rights, and O_PATH names a file without any right to it */
	flags = fcntl(got, F_GETFL);
	if (flags < 0 || (flags & O_PATH) || fstat(got, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_PEER, "the helper that brings the image gave something else in place of a blob");
	fd = open(fd_path(got, path), O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_sys(e, "open", path, "opening a blob") : fd;
}

static bool is_single(const struct unpacker *u)
{
	return u->root_uids.n == 1 && u->root_uids.v[0].count == 1;
}

static void make_request(const struct unpacker *u, const struct unpack_layer *l, struct buf *b)
{
	const struct imager_caps *caps = u->caps;

	request_open(b);
	request_str(b, "digest", l->digest[0] ? l->digest : NULL);
	request_str(b, "diff_id", l->diff_id[0] ? l->diff_id : NULL);
	request_number(b, "size", l->size);
	request_flag(b, "single", is_single(u));
	if (caps) {
		request_number(b, "max_blob", caps->blob_bytes);
		request_number(b, "max_bytes", caps->bytes);
		request_number(b, "max_entries", caps->entries);
		request_number(b, "max_depth", caps->depth);
		request_number(b, "max_memory", caps->memory);
	}
	request_close(b);
}

static int open_map(struct unpacker *u, struct err *e)
{
	AUTO_FREE struct in_map_server *s = NULL;

	if (u->inside)
		return 0;
	s = mem_alloc(sizeof(*s));
	if (helper_serve(s, IMAGE_PROGRAM, TASK, &u->root_uids, &u->root_gids, e) < 0)
		return -1;
	u->inside = ptr_take(&s);
	return 0;
}

static int begin(struct unpacker *u, struct unpack_layer *l, struct err *e)
{
	AUTO_CLOSE int root = -1, file = -1;
	AUTO_BUF struct buf request = { 0 };
	int fds[3], rc;

	if (images_tmp(u->im, &l->tmp, e) < 0)
		return -1;
	root = open_root(u, l, e);
	file = root < 0 ? -1 : open_file(u, l, e);
	if (file < 0 || open_map(u, e) < 0 || helper_start(&l->helper, TASK, u->inside, e) < 0)
		return -1;
	make_request(u, l, &request);
	fds[0] = root;
	fds[1] = file;
	fds[2] = l->counter;
	rc = helper_ask(&l->helper, &request, fds, l->counter < 0 ? 2 : 3, e);
	auto_close(&l->counter);
	return rc;
}

/* What has come before what still comes, which may have to be waited for; of these the largest, so that no long one
 * is begun when all others are done. */
static struct unpack_layer *next_ready(struct unpacker *u)
{
	struct unpack_layer *best = NULL;

	for (size_t i = 0; i < u->n; i++) {
		struct unpack_layer *l = &u->v[i];

		if (l->state == UNPACK_READY && (!best || l->is_whole > best->is_whole ||
						 (l->is_whole == best->is_whole && l->size > best->size)))
			best = l;
	}
	return best;
}

int unpacker_start(struct unpacker *u, struct err *e)
{
	struct unpack_layer *l;

	while (u->n_running < u->n_max && (l = next_ready(u))) {
		l->state = UNPACK_RUNS;
		u->n_running++;
		if (begin(u, l, e) < 0)
			return -1;
	}
	return 0;
}

bool unpacker_is_busy(const struct unpacker *u)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].state == UNPACK_READY || u->v[i].state == UNPACK_RUNS)
			return true;
	return false;
}

size_t unpacker_poll(const struct unpacker *u, struct pollfd *p, size_t *which)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n && n < IMAGER_WORKERS_MAX; i++)
		if (u->v[i].state == UNPACK_RUNS) {
			p[n] = (struct pollfd){ .fd = u->v[i].helper.sock, .events = helper_events(&u->v[i].helper) };
			which[n++] = i;
		}
	return n;
}

/* ---- what it says ---- */

static int out_of_turn(const char *what, struct err *e)
{
	return err_set(e, ERR_PEER, "lichen-image, %s, said something out of turn: %s", JOB, what);
}

/* Decision 019: who owned what, which save and push ask for; ours to write, so that it lies beside the tree and not in it. */
static int keep_owners(struct unpack_layer *l, int fd, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_SET) < 0 ||
	    fd_read_file(fd, "", OWNERS_MAX, &text, &len) < 0 || (len && text[len - 1]))
		return out_of_turn("owners that cannot be read", e);
	if (fd_write_file(l->tmp.fd, "owners", text, len) < 0)
		return err_sys(e, "write", l->tmp.path, "keeping who owned the files");
	l->info.has_owners = true;
	return 0;
}

/* IMSG_LAYER: digest of the blob, diff id in the text. */
static int take_layer(struct unpacker *u, struct unpack_layer *l, const struct image_msg *m, const int *fds, size_t n_fds,
		      struct err *e)
{
	if (l->has_said || n_fds > 1 || !digest_is_valid(m->digest) || !digest_is_valid(m->text) || m->done > INT64_MAX ||
	    m->total > INT64_MAX)
		return out_of_turn("a layer without its digests", e);
	l->has_said = true;
	str_copy(l->digest, sizeof(l->digest), m->digest);
	str_copy(l->diff_id, sizeof(l->diff_id), m->text);
	l->info = (struct layer_info){ .bytes = m->done, .entries = m->total, .devices = m->index };
	if (!n_fds)
		return 0;
	if (!is_single(u))
		return out_of_turn("owners of files that have their owners", e);
	return keep_owners(l, fds[0], e);
}

static int take(struct unpacker *u, size_t i, const struct image_msg *m, const int *fds, size_t n_fds, struct err *e)
{
	struct unpack_layer *l = &u->v[i];
	const struct imager_view *v = u->view;

	if (m->kind == IMSG_LAYER)
		return take_layer(u, l, m, fds, n_fds, e);
	if (n_fds)
		return out_of_turn("descriptors that nobody asked for", e);
	if (m->kind == IMSG_PROGRESS) {
		/* as long as the blob comes, that is what is shown */
		if (l->is_whole && v && v->progress)
			v->progress(v->arg, (uint32_t)i, "unpacking", m->done, l->size);
		return 0;
	}
	if (m->kind != IMSG_DONE)
		return out_of_turn("a message of another task", e);
	if (!l->has_said)
		return out_of_turn("that it is done, before it has said with what", e);
	return 1;
}

int unpacker_hear(struct unpacker *u, size_t i, struct err *e)
{
	struct unpack_layer *l = &u->v[i];
	int fds[IMAGER_MSG_FDS], rc;
	struct image_msg m;
	size_t n_fds;

	rc = helper_hear(&l->helper, &m, fds, &n_fds, e);
	if (rc > 0)
		rc = take(u, i, &m, fds, n_fds, e);
	for (size_t k = 0; k < n_fds; k++)
		close(fds[k]);
	if (rc < 0) {
		char label[IMAGER_LABEL_MAX];

		/* of what is imported neither is known yet */
		if (imager_label(l->digest[0] ? l->digest : l->diff_id, label)[0])
			err_wrap(e, "layer %s", label);
		return imager_no_room(u->im, e);
	}
	if (rc > 0) {
		l->state = UNPACK_MADE;
		u->n_running--;
		helper_end(&l->helper, true);
	}
	return rc;
}

int unpacker_commit(struct unpacker *u, size_t i, struct layer_use *use, struct err *e)
{
	struct unpack_layer *l = &u->v[i];
	char label[IMAGER_LABEL_MAX];
	int rc;

	imager_label(l->diff_id, label);
	if (images_commit_layer(u->im, &l->tmp, u->cls, &u->root_uids, &u->root_gids, l->diff_id, &l->info, e) < 0)
		return err_wrap(e, "layer %s", label);
	l->state = UNPACK_COMMITTED;
	rc = images_use_layer(u->im, u->cls, l->diff_id, use, e);
	if (rc > 0 && u->view && u->view->progress)
		u->view->progress(u->view->arg, (uint32_t)i, "done", l->size, l->size);
	return rc ? (rc < 0 ? -1 : 0) : err_set(e, ERR_STATE, "layer %s was removed by somebody as soon as it was there", label);
}
