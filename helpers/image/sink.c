/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink.c - the task "sink": images leave the store
 *
 * The request is one object:
 *
 *   kind	"docker-archive" "oci-archive" "oci"; "registry" is lichen-registry's (push.c)
 *   images	[{ "id": "sha256:...", "name": "docker.io/library/alpine:3.20" }]; without a name it gets none; an id that
 *		comes again gets one more name
 *
 *   max_memory	of the window of zstd and xz, where a layer is decompressed; 128 MiB
 *
 * fds: images/, tmp (not used), and the file, pipe or directory that is written. IMSG_PROGRESS counts the layers from 0 on; DONE has the
 * manifest's digest where one image went. Archives are written from the beginning to the end, without seeking.
 */

#include "sink.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"
#include "blob.h"
#include "confine.h"
#include "manifest.h"
#include "tasks.h"

enum { IMAGES_MAX = 1000, BLOCK = 256 << 10 };

static const struct sink_ops *const KINDS[] = { &SINK_OPS_DOCKER_ARCHIVE, &SINK_OPS_OCI_ARCHIVE, &SINK_OPS_OCI };

/* ---- the output ---- */

static int out_failed(struct sink_out *o, struct err *e)
{
	errno = archive_errno(o->a) > 0 ? archive_errno(o->a) : EIO;
	return err_sys(e, "write", NULL, "writing the archive");
}

static int out_open(struct sink *s, bool to_dir, struct err *e)
{
	struct sink_out *o = &s->out;

	o->file = -1;
	o->dir = s->to;
	if (to_dir)
		return 0;
	o->a = archive_write_new();
	if (archive_write_set_format_pax_restricted(o->a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(o->a, BLOCK) != ARCHIVE_OK || archive_write_set_bytes_in_last_block(o->a, 1) != ARCHIVE_OK ||
	    archive_write_open_fd(o->a, s->to) != ARCHIVE_OK)
		return out_failed(o, e);
	return 0;
}

static int out_close(struct sink_out *o, struct err *e)
{
	return o->a && archive_write_close(o->a) < ARCHIVE_WARN ? out_failed(o, e) : 0;
}

static int begin_in_dir(struct sink_out *o, const char *name, struct err *e)
{
	AUTO_FREE char *parent = str_dup(name);
	char *slash = strrchr(parent, '/');
	AUTO_CLOSE int dir = -1;

	if (slash) {
		*slash = '\0';
		dir = path_mkdir_in(o->dir, parent, 0755);
		if (dir < 0)
			return err_sys(e, "mkdirat", parent, "writing the image");
	}
	o->file = openat(slash ? dir : o->dir, slash ? slash + 1 : name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return o->file < 0 ? err_sys(e, "openat", name, "writing the image") : 0;
}

/* The same image gives the same bytes: no times, no owners. */
static int write_header(struct sink_out *o, const char *name, mode_t mode, uint64_t size, struct err *e)
{
	struct archive_entry *ae = archive_entry_new();
	int r;

	archive_entry_copy_pathname(ae, name);
	archive_entry_set_mode(ae, mode);
	archive_entry_set_size(ae, (la_int64_t)size);
	archive_entry_set_mtime(ae, 0, 0);
	r = archive_write_header(o->a, ae) < ARCHIVE_WARN ? out_failed(o, e) : 0;
	archive_entry_free(ae);
	return r;
}

static int out_begin(struct sink_out *o, const char *name, uint64_t size, struct err *e)
{
	str_set(&o->name, name);
	return o->a ? write_header(o, name, S_IFREG | 0644, size, e) : begin_in_dir(o, name, e);
}

static int out_write(struct sink_out *o, const void *data, size_t n, struct err *e)
{
	if (!o->a)
		return fd_write_all(o->file, data, n) < 0 ? err_sys(e, "write", o->name, "writing the image") : 0;
	return archive_write_data(o->a, data, n) != (la_ssize_t)n ? out_failed(o, e) : 0;
}

static void out_end(struct sink_out *o)
{
	auto_close(&o->file);
	str_set(&o->name, NULL);
}

/* What is half written in a directory goes; of an archive nothing can be taken back. */
static void out_fini(struct sink_out *o)
{
	if (!o->a && o->name && o->file >= 0)
		unlinkat(o->dir, o->name, 0);
	out_end(o);
	if (o->a) {
		archive_write_fail(o->a);
		archive_write_free(o->a);
	}
}

/* ---- files ---- */

bool sink_is_new(struct sink *s, const char *name)
{
	if (strv_has(&s->written, name))
		return false;
	strv_add(&s->written, name);
	return true;
}

int sink_dir(struct sink *s, const char *name, struct err *e)
{
	return s->out.a && sink_is_new(s, name) ? write_header(&s->out, name, S_IFDIR | 0755, 0, e) : 0;
}

int sink_text(struct sink *s, const char *name, const char *text, size_t len, struct err *e)
{
	if (out_begin(&s->out, name, len, e) < 0 || out_write(&s->out, text, len, e) < 0)
		return -1;
	out_end(&s->out);
	return 0;
}

static int open_blob(struct sink *s, const char *digest, struct reader *r, struct err *e)
{
	int fd = blob_open(s->images, digest);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		err_set(e, ERR_STATE, "the store lacks the blob %s", digest);
		return err_hint(e, "lichen system verify says what is missing; pull or load the image again");
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(e, "openat", digest, "reading a blob");
		auto_close(&fd);
		return -1;
	}
	reader_fd(r, fd, true);
	r->size = (uint64_t)st.st_size;
	return 0;
}

static int show(struct sink *s, uint64_t done, uint64_t total, struct err *e)
{
	if (done < total && !talk_is_due(&s->shown_ms))
		return 0;
	return talk_progress(s->talk, s->index, done, total, e);
}

/* To the output, or nowhere (@counts: how many bytes it would be); in the end it has to be @want. */
static int copy(struct sink *s, struct reader *r, const char *want, uint64_t total, uint64_t *counts, struct err *e)
{
	AUTO_DIGEST struct digest d = { 0 };
	char got[DIGEST_MAX];
	const void *data;
	uint64_t done = 0;
	ssize_t n;

	if (digest_begin(&d, want, e) < 0)
		return -1;
	while ((n = reader_next(r, &data, e)) > 0) {
		digest_add(&d, data, (size_t)n);
		done += (size_t)n;
		if (!counts && (done > total || out_write(&s->out, data, (size_t)n, e) < 0))
			return done > total ? err_set(e, ERR_STATE, "the blob %s grows while it is read", want) : -1;
		if (!counts && total && show(s, done, total, e) < 0)
			return -1;
	}
	if (n < 0)
		return -1;
	digest_end(&d, got);
	if (counts)
		*counts = done;
	if (str_eq(got, want))
		return 0;
	err_set(e, ERR_STATE, "what lies in the store as %s is %s", want, got);
	return err_hint(e, "it was changed, or the disk is damaged: remove the image with `lichen rmi -f`, then pull or load it again");
}

int sink_blob(struct sink *s, const char *name, const char *digest, bool is_layer, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };

	if (!sink_is_new(s, name))
		return 0;
	if (open_blob(s, digest, &r, e) < 0 || out_begin(&s->out, name, r.size, e) < 0 || copy(s, &r, digest, r.size, NULL, e) < 0)
		return -1;
	out_end(&s->out);
	s->index += is_layer;
	return 0;
}

/* The header has the size before the bytes come, and a pipe takes no second thoughts: a compressed layer
 * is decompressed twice, which is cheaper than to write it twice. */
int sink_tar(struct sink *s, const char *name, const struct image_layer *l, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	enum compression c;
	uint64_t size;

	if (!sink_is_new(s, name))
		return 0;
	if (open_blob(s, l->digest, &r, e) < 0 || reader_compression(&r, &c, e) < 0)
		return -1;
	size = r.size;
	if (c != COMPRESSION_NONE) {
		reader_inflate(&r, talk_number(s->talk, "max_memory"));
		if (copy(s, &r, l->diff_id, 0, &size, e) < 0)
			return -1;
		reader_fini(&r);
		if (open_blob(s, l->digest, &r, e) < 0)
			return -1;
		reader_inflate(&r, talk_number(s->talk, "max_memory"));
	}
	if (out_begin(&s->out, name, size, e) < 0 || copy(s, &r, l->diff_id, size, NULL, e) < 0)
		return -1;
	out_end(&s->out);
	s->index++;
	return 0;
}

int sink_read(struct sink *s, const char *digest, char **out, size_t *len, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	char got[DIGEST_MAX];

	if (open_blob(s, digest, &r, e) < 0)
		return -1;
	if (fd_read_file(r.fd, "", MANIFEST_BYTES_MAX, out, len) < 0)
		return err_sys(e, "read", digest, "reading a blob");
	if (digest_of(*out, *len, digest, got, e) < 0)
		return -1;
	return str_eq(got, digest) ? 0 : err_set(e, ERR_STATE, "what lies in the store as %s is %s", digest, got);
}

/* ---- which images ---- */

static int take_image(struct sink *s, const json_t *j, struct err *e)
{
	const char *id = json_string_value(json_object_get(j, "id")), *name = json_string_value(json_object_get(j, "name"));
	struct sink_image *one = NULL;

	if (!id || !digest_is_valid(id))
		return err_set(e, ERR_PEER, "the request names no image");
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i].im.id, id))
			one = &s->v[i];
	if (!one) {
		one = &s->v[s->n++];
		if (sink_load(s->images, id, &one->im, e) < 0)
			return -1;
	}
	if (name && !strv_has(&one->names, name))
		strv_add(&one->names, name);
	return 0;
}

static int take_images(struct sink *s, struct err *e)
{
	const json_t *list = json_object_get(s->talk->request, "images"), *j;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > IMAGES_MAX)
		return err_set(e, ERR_PEER, "the request names no images, or too many");
	s->v = mem_alloc(json_array_size(list) * sizeof(*s->v));
	json_array_foreach(list, i, j)
		if (take_image(s, j, e) < 0)
			return -1;
	return 0;
}

/* ---- the task ---- */

static int run(struct sink *s, const struct sink_ops *ops, struct err *e)
{
	struct confine_path paths[] = { { s->images, false }, { s->to, true } };
	struct image_msg done = { .kind = IMSG_DONE };

	setlocale(LC_CTYPE, "C.UTF-8");	/* libarchive takes names through the locale */
	signal(SIGPIPE, SIG_IGN);
	if (confine_begin(s->talk->fds, TALK_FDS, e) < 0 || digest_prepare(e) < 0 ||
	    confine_paths(paths, ops->to_dir ? 2 : 1, false, e) < 0 || confine_end(0, CONFINE_FILES, e) < 0)
		return -1;
	if (take_images(s, e) < 0 || out_open(s, ops->to_dir, e) < 0 || ops->write(s, e) < 0 || out_close(&s->out, e) < 0)
		return -1;
	if (s->n == 1)
		str_copy(done.digest, sizeof(done.digest), s->v[0].im.manifest);
	return talk_send(s->talk, &done, NULL, 0, e);
}

int task_sink(struct talk *t, struct err *e)
{
	const char *kind = talk_str(t, "kind");
	const struct sink_ops *ops = NULL;
	struct sink s = { .talk = t, .images = t->fds[0], .to = t->fds[2], .out = { .dir = -1, .file = -1 } };
	int r;

	for (size_t i = 0; kind && i < N_ELEMS(KINDS); i++)
		if (str_eq(KINDS[i]->kind, kind))
			ops = KINDS[i];
	if (!ops || s.images < 0 || s.to < 0)
		return err_set(e, ERR_PEER, "the request names no place for images, or a descriptor is missing");
	r = run(&s, ops, e);
	out_fini(&s.out);
	for (size_t i = 0; i < s.n; i++) {
		image_fini(&s.v[i].im);
		strv_fini(&s.v[i].names);
	}
	free(s.v);
	strv_fini(&s.written);
	return r;
}
