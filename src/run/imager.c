/* SPDX-License-Identifier: Apache-2.0 */
/* run/imager.c - brings images: one loop over the source and the unpack workers, then the commit */

#include "run/imager.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/near.h"
#include "base/size.h"
#include "base/stop.h"
#include "run/imager_internal.h"
#include "run/imager_state.h"
#include "run/internal.h"

/* Layers are held by a descriptor each, and an archive may have many images. */
enum { FDS_MAX = COMING_LAYERS_MAX + 256, LEFT_MAX = 128, OTHER_FDS = 48, LAST_WORDS = 64, LAST_WORDS_MS = 200 };

static const char WHEN[] = "while the image was being brought";

struct bringing {
	struct images *im;
	const struct imager_job *job;
	const struct imager_view *view;
	const struct facts *facts;
	struct image_helper source;
	struct image_tmp tmp;		/* the source's */
	int archive;			/* -1: a registry */
	struct coming coming;
	struct unpacker unpacker;
	bool has_unpacker;
	const struct id_map *uids, *gids;
	char *cls;			/* owned */
	/* layers that are there, held until the records are written */
	struct layer_use *uses;
	size_t n_uses;
};

static void bringing_fini(struct bringing *b)
{
	helper_end(&b->source, b->coming.is_done);
	if (b->has_unpacker)
		unpacker_fini(&b->unpacker);
	images_tmp_end(b->im, &b->tmp, NULL, NULL, NULL);
	auto_close(&b->archive);
	for (size_t i = 0; i < b->n_uses; i++)
		layer_use_fini(&b->uses[i]);
	free(b->uses);
	auto_free(&b->cls);
	coming_fini(&b->coming);
}

/* ---- the source's start ---- */

int imager_open_source(const struct image_source *s, struct err *e)
{
	int fd;

	if (s->kind == SOURCE_NAME)
		return err_set(e, ERR_BUG, "a registry is no file");
	if (str_eq(s->path, "-"))
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (s->kind == SOURCE_OCI ? O_DIRECTORY : 0));
	if (fd >= 0)
		return fd;
	err_sys(e, "open", s->path, "cannot read the image");
	return near_hint(s->path, "it is a file or a directory of this machine; without './' in front, a name is an image's", e);
}

static void add_reference(struct buf *r, const struct image_ref *ref)
{
	request_str(r, "registry", ref->registry);
	request_str(r, "repository", ref->repository);
	request_str(r, "tag", ref->tag);
	request_str(r, "digest", ref->digest);
}

/* What is imported is a root file system, whatever it looks like. */
static const char *kind_of(const struct imager_job *job, int archive)
{
	static const char *const KINDS[] = { [SOURCE_NAME] = "registry", [SOURCE_OCI] = "oci", [SOURCE_OCI_ARCHIVE] = "oci-archive",
					     [SOURCE_DOCKER_ARCHIVE] = "docker-archive", [SOURCE_PATH] = "path" };
	struct stat st;

	if (!job->imported)
		return KINDS[job->source.kind];
	return fstat(archive, &st) == 0 && S_ISDIR(st.st_mode) ? "directory" : "tar";
}

static void make_request(const struct imager_job *job, int archive, struct buf *r)
{
	const struct image_source *s = &job->source;
	AUTO_BUF struct buf config = { 0 };

	request_open(r);
	request_str(r, "kind", kind_of(job, archive));
	request_str(r, "platform", job->platform);
	request_flag(r, "all", job->all);
	request_number(r, "blob_bytes", job->caps.blob_bytes);
	request_number(r, "max_memory", job->caps.memory);
	if (s->kind == SOURCE_NAME) {
		add_reference(r, &s->ref);
		request_registry(r, &job->registry);
	} else {
		AUTO_FREE char *name = s->ref.repository ? ref_format(&s->ref) : NULL;

		request_str(r, "ref", name);
		request_str(r, "tag", s->tag);
		if (s->kind == SOURCE_DOCKER_ARCHIVE && s->number >= 0)
			request_count(r, "number", (uint64_t)s->number);
	}
	if (job->imported) {
		image_write(job->imported, &config);
		request_json(r, "config", config.s);
	}
	request_close(r);
}

/* A FIFO that nobody writes to yet is waited for here, where a signal ends that, and not in open(2). Reading it waits again. */
static int await_writer(const struct bringing *b, struct err *e)
{
	struct pollfd p = { .fd = b->archive, .events = POLLIN };
	struct stat st;

	if (str_eq(b->job->source.path, "-"))
		return 0;
	if (fstat(b->archive, &st) < 0)
		return err_sys(e, "fstat", b->job->source.path, "cannot read the image");
	while (S_ISFIFO(st.st_mode) && !p.revents)
		if (imager_wait(&p, 1, b->view, WHEN, e) < 0)
			return -1;
	return fcntl(b->archive, F_SETFL, 0) < 0 ? err_sys(e, "fcntl", b->job->source.path, "cannot read the image") : 0;
}

static int start_source(struct bringing *b, struct err *e)
{
	AUTO_BUF struct buf request = { 0 };
	AUTO_CLOSE int tmp = -1;
	int fds[3], rc;

	if (b->job->source.kind != SOURCE_NAME) {
		b->archive = imager_open_source(&b->job->source, e);
		if (b->archive < 0 || await_writer(b, e) < 0)
			return -1;
	}
	if (images_tmp(b->im, &b->tmp, e) < 0)
		return -1;
	/* not the descriptor that has the lock, which would live as long as the source */
	tmp = openat(b->tmp.fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tmp < 0)
		return err_sys(e, "openat", b->tmp.path, "starting %s", b->source.program);
	if (helper_start(&b->source, "source", NULL, e) < 0)
		return -1;
	make_request(b->job, b->archive, &request);
	fds[0] = b->im->fd;
	fds[1] = tmp;
	fds[2] = b->archive;
	rc = helper_ask(&b->source, &request, fds, b->archive < 0 ? 2 : 3, e);
	request_fini(&request);
	return rc;
}

/* ---- what is needed ---- */

static bool has_blob(void *arg, const char *digest, uint64_t size)
{
	const struct bringing *b = arg;

	return images_has_blob(b->im, digest, size);
}

static struct layer_use *new_use(struct bringing *b)
{
	b->uses = mem_grow(b->uses, b->n_uses + 1, sizeof(*b->uses));
	b->uses[b->n_uses] = (struct layer_use){ .fd = -1 };
	return &b->uses[b->n_uses];
}

static bool has_tree(void *arg, const char *diff_id)
{
	struct bringing *b = arg;
	struct err ignored = { 0 };

	if (images_use_layer(b->im, b->cls, diff_id, new_use(b), &ignored) <= 0)
		return false;
	b->n_uses++;
	return true;
}

static int check_room(const struct bringing *b, struct err *e)
{
	uint64_t needs = coming_bytes(&b->coming), has = imager_free_bytes(b->im);
	char need_text[SIZE_TEXT], has_text[SIZE_TEXT];

	if (needs <= has)
		return 0;
	err_set(e, ERR_HOST, "the image needs more than %s, and the file system that has %s has %s free", size_format(needs, need_text),
		b->im->dir, size_format(has, has_text));
	e->errnum = ENOSPC;
	return err_hint(e, "`lichen system df` says what images take up, `lichen image prune` removes what nobody uses; "
			   "XDG_DATA_HOME puts the store elsewhere");
}

static void show_layer(const struct bringing *b, uint32_t i)
{
	const struct coming_layer *l = &b->coming.layers[i];
	char label[IMAGER_LABEL_MAX];

	if (!b->view || !b->view->layer || (l->blob_of != i && l->tree_of != i))
		return;
	b->view->layer(b->view->arg, i, imager_label(l->digest[0] ? l->digest : l->diff_id, label), l->size,
		       !l->is_wanted && !coming_needs_tree(&b->coming, i));
}

/* Whoever unpacks a blob hashes it, and one that is read from this machine again need not be kept without that. What a
 * registry has sent is. The descriptors of what is not verified stay open until it is. */
static bool may_leave(const struct bringing *b, uint32_t i)
{
	return b->job->source.kind != SOURCE_NAME && b->coming.layers[i].is_wanted && coming_needs_tree(&b->coming, i);
}

/* How many of them there may be: two descriptors each, beside one for each layer and what else there is. */
static unsigned most_left(const struct bringing *b)
{
	const rlim_t others = b->coming.n_layers + OTHER_FDS;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < others)
		return 0;
	return (files.rlim_cur - others) / 2 < LEFT_MAX ? (unsigned)(files.rlim_cur - others) / 2 : LEFT_MAX;
}

/* All drafts are there: says which blobs are wanted, and begins with what is there already. */
static int plan(struct bringing *b, struct err *e)
{
	const struct coming_store store = { .arg = b, .has_blob = has_blob, .has_tree = has_tree };
	struct coming *c = &b->coming;
	struct image_msg m = { .kind = IMSG_WANT };
	unsigned left = most_left(b);

	if (coming_plan(c, &store, e) < 0 || check_room(b, e) < 0)
		return -1;
	b->has_unpacker = true;
	if (unpacker_init(&b->unpacker, b->im, b->uids, b->gids, c->n_layers, b->facts->uid, &b->job->caps, b->view, e) < 0)
		return -1;
	for (uint32_t i = 0; i < c->n_layers; i++) {
		struct coming_layer *l = &c->layers[i];

		show_layer(b, i);
		m.index = i;
		m.total = l->leaves_digest = left > 0 && may_leave(b, i);
		left -= l->leaves_digest;
		if (l->is_wanted)
			helper_say(&b->source, &m);
		else if (coming_needs_tree(c, i))
			unpacker_give(&b->unpacker, i, l->digest, l->diff_id, l->size, -1, -1);
	}
	m.kind = IMSG_GO;
	m.index = 0;
	m.total = 0;
	helper_say(&b->source, &m);
	return 0;
}

/* ---- what the source says ---- */

static int read_record(const char *program, int fd, struct image *im, struct err *e)
{
	AUTO_FREE char *text = NULL;
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_SET) < 0 ||
	    fd_read_file(fd, "", IMAGE_RECORD_MAX, &text, &len) < 0)
		return err_set(e, ERR_PEER, "%s, which brings the image, gave a record that cannot be read", program);
	if (image_read(text, len, im, e) == 0)
		return 0;
	e->kind = ERR_PEER;
	return err_wrap(e, "%s, which brings the image, gave a wrong record", program);
}

static int on_draft(struct bringing *b, int fd, struct err *e)
{
	struct image im = { 0 };
	int rc = read_record(b->source.program, fd, &im, e);

	if (rc == 0)
		rc = coming_draft(&b->coming, &im, e);
	image_fini(&im);
	return rc == 0 && coming_is_listed(&b->coming) ? plan(b, e) : rc;
}

static int on_image(struct bringing *b, uint32_t index, int fd, struct err *e)
{
	struct image im = { 0 };
	int rc = read_record(b->source.program, fd, &im, e);

	if (rc == 0)
		rc = coming_image(&b->coming, index, &im, e);
	image_fini(&im);
	return rc;
}

static void on_blob(struct bringing *b, const struct image_msg *m, int *fds, size_t n_fds)
{
	const struct coming_layer *l = &b->coming.layers[m->index];

	if (!coming_needs_tree(&b->coming, m->index))
		return;
	unpacker_give(&b->unpacker, m->index, l->digest, l->diff_id, m->total, fd_take(&fds[0]), n_fds > 1 ? fd_take(&fds[1]) : -1);
}

static void show_progress(const struct bringing *b, uint32_t i, const char *what, uint64_t done, uint64_t total)
{
	if (b->view && b->view->progress)
		b->view->progress(b->view->arg, i, what, done, total);
}

static void on_blob_done(struct bringing *b, uint32_t i)
{
	const struct coming_layer *l = &b->coming.layers[i];

	if (coming_needs_tree(&b->coming, i))
		unpacker_whole(&b->unpacker, i, l->digest, l->size);
	else
		show_progress(b, i, "done", l->size, l->size);
}

static int take(struct bringing *b, const struct image_msg *m, int *fds, size_t n_fds, struct err *e)
{
	if (coming_hear(&b->coming, m, n_fds, e) < 0)
		return -1;
	switch (m->kind) {
	case IMSG_DRAFT:
		return on_draft(b, fds[0], e);
	case IMSG_BLOB:
		on_blob(b, m, fds, n_fds);
		return 0;
	case IMSG_PROGRESS:
		show_progress(b, m->index, b->job->source.kind == SOURCE_NAME ? "downloading" : "reading", m->done, m->total);
		return 0;
	case IMSG_BLOB_READ:
		unpacker_read(&b->unpacker, m->index, m->total);
		return 0;
	case IMSG_BLOB_DONE:
		on_blob_done(b, m->index);
		return 0;
	case IMSG_IMAGE:
		return on_image(b, m->index, fds[0], e);
	default:
		helper_end(&b->source, true);
		return 0;
	}
}

static int hear_source(struct bringing *b, struct err *e)
{
	int fds[IMAGER_MSG_FDS], rc;
	struct image_msg m;
	size_t n_fds;

	rc = helper_hear(&b->source, &m, fds, &n_fds, e);
	if (rc > 0)
		rc = take(b, &m, fds, n_fds, e);
	for (size_t i = 0; i < n_fds; i++)
		auto_close(&fds[i]);
	return rc < 0 ? imager_no_room(b->im, e) : 0;
}

/* ---- the loop ---- */

/* A layer is made: is it the right one? Then it is committed, and the source hears what it does not know. */
static int on_made(struct bringing *b, size_t i, struct err *e)
{
	const struct unpack_layer *l = &b->unpacker.v[i];
	struct coming *c = &b->coming;
	struct image_msg m = { .kind = IMSG_DIFF }, digest = { .kind = IMSG_DIGEST, .index = (uint32_t)i };

	if (coming_unpacked(c, (uint32_t)i, l->digest, l->diff_id, e) < 0 || unpacker_commit(&b->unpacker, i, new_use(b), e) < 0)
		return -1;
	b->n_uses++;
	if (c->layers[i].is_read && !c->layers[i].is_whole) {
		str_copy(digest.digest, sizeof(digest.digest), l->digest);
		helper_say(&b->source, &digest);
	}
	str_copy(m.digest, sizeof(m.digest), l->diff_id);
	for (uint32_t k = 0; k < c->n_layers && b->source.pid; k++) {
		m.index = k;
		if (c->layers[k].tree_of == i && c->layers[k].lacks_diff_id)
			helper_say(&b->source, &m);
	}
	return 0;
}

/* A worker whose blob will not come any more may say so before the end of the source is seen, which says why. */
static int ask_source_why(struct bringing *b, struct err *e)
{
	struct pollfd p = { .fd = b->source.sock, .events = POLLIN };
	struct err why = { 0 };

	for (int i = 0; e->kind == ERR_PEER && i < LAST_WORDS && b->source.pid && poll(&p, 1, LAST_WORDS_MS) > 0; i++)
		if (hear_source(b, &why) < 0) {
			*e = why;
			break;
		}
	return -1;
}

static int turn(struct bringing *b, struct err *e)
{
	struct pollfd p[1 + IMAGER_WORKERS_MAX];
	size_t which[IMAGER_WORKERS_MAX], n = b->has_unpacker ? unpacker_poll(&b->unpacker, p + 1, which) : 0;

	p[0] = (struct pollfd){ .fd = b->source.sock, .events = helper_events(&b->source) };
	if (imager_wait(p, n + 1, b->view, WHEN, e) < 0)
		return -1;
	if (p[0].revents & POLLOUT && helper_push(&b->source, e) < 0)
		return -1;
	if (p[0].revents & ~POLLOUT && hear_source(b, e) < 0)
		return -1;
	for (size_t k = 0; k < n; k++) {
		int rc = p[k + 1].revents ? unpacker_hear(&b->unpacker, which[k], e) : 0;

		if (rc < 0)
			return ask_source_why(b, e);
		if (rc > 0 && on_made(b, which[k], e) < 0)
			return -1;
	}
	return b->has_unpacker ? unpacker_start(&b->unpacker, e) : 0;
}

static int bring(struct bringing *b, struct err *e)
{
	while (!b->coming.is_done || unpacker_is_busy(&b->unpacker))
		if (turn(b, e) < 0)
			return -1;
	return 0;
}

int imager_bring(struct images *im, const struct facts *f, const struct id_map *uids, const struct id_map *gids,
		 const struct imager_job *job, struct strv *ids, struct err *e)
{
	struct bringing b = { .im = im, .job = job, .view = job->view, .tmp.fd = -1, .archive = -1, .facts = f, .uids = uids,
			      .gids = gids };
	struct imager_stop stop;
	struct rlimit files;
	int rc;

	if (imager_stop_begin(&stop, e) < 0)
		return -1;
	(void)fd_raise_limit(FDS_MAX, &files);
	images_sweep(im, in_map);
	helper_init(&b.source, job->source.kind == SOURCE_NAME ? REGISTRY_PROGRAM : IMAGE_PROGRAM, "which brings the image", job->view);
	b.cls = images_class(uids, gids, f->uid);
	rc = start_source(&b, e);
	if (rc == 0)
		rc = bring(&b, e);
	if (rc == 0)
		rc = imager_commit(im, job, &b.coming, b.source.program, ids, e);
	imager_stop_clean(rc);
	bringing_fini(&b);
	if (files.rlim_max)
		setrlimit(RLIMIT_NOFILE, &files); /* what runs afterwards has what its caller had */
	return imager_stop_end(&stop, rc, e);
}
