/* SPDX-License-Identifier: Apache-2.0 */
/* image/local.c - sources on this machine: what archives and directories share, and telling them apart */

#include "local.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/size.h"
#include "pack.h"

struct local *local_of(struct source *s)
{
	struct local *l = s->of;

	if (!l) {
		s->of = l = mem_alloc(sizeof(*l));
		l->files.dir = l->files.tar = l->spool = l->tar.fd = -1;
	}
	return l;
}

void local_close(struct source *s)
{
	struct local *l = s->of;

	if (!l)
		return;
	files_fini(&l->files);
	reader_fini(&l->tar);
	auto_close(&l->spool);
	free(l);
	s->of = NULL;
}

void local_media_type(enum compression c, char out[96])
{
	snprintf(out, 96, "%s%s", TYPE_OCI_LAYER, c == COMPRESSION_GZIP ? "+gzip" : c == COMPRESSION_ZSTD ? "+zstd" : "");
}

bool local_is_kept(enum compression c)
{
	return c != COMPRESSION_XZ && c != COMPRESSION_BZIP2;
}

int local_name(struct source *s, struct image *im, const char *name, struct err *e)
{
	AUTO_BUF struct buf safe = { 0 };
	AUTO_FREE char *full = NULL;
	struct image_ref ref;
	struct err why;
	int r = ref_parse(name, &ref, &why);

	if (r == 0 && !ref.registry)
		ref_set_registry(&ref, "docker.io");	/* as docker leaves it out */
	if (r == 0)
		r = ref_check_length(&ref, &why);
	if (r == 0)
		full = ref_format(&ref);
	ref_fini(&ref);
	if (r == 0) {
		strv_add(&im->names, full);
		return 0;
	}
	buf_add_safe(&safe, why.what);
	return talk_warn(s->talk, "the image comes without a name: %.300s", safe.s) < 0 ? err_set(e, ERR_PEER, "lichen has ended") : 0;
}

/* ---- what cannot be sought in ---- */

static int spool(struct source *s, struct reader *r, int *out, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	char cap[SIZE_TEXT], name[32];
	const void *data;
	uint64_t done = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "spool-%u", atomic_fetch_add(&s->place.names, 1u));
	fd = openat(s->place.tmp, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || unlinkat(s->place.tmp, name, 0) < 0)
		return err_sys(e, "openat", name, "making room for the archive");
	while ((n = reader_next(r, &data, e)) > 0) {
		done += (size_t)n;
		if (done > s->place.all_max)
			return err_set(e, ERR_STATE, "the archive is larger than the %s that it may be", size_format(s->place.all_max, cap));
		if (fd_write_all(fd, data, (size_t)n) < 0)
			return err_sys(e, "write", name, "making room for the archive");
	}
	if (n < 0)
		return -1;
	*out = fd_take(&fd);
	return 0;
}

static int replace_spool(struct source *s, struct reader *r, struct err *e)
{
	struct local *l = local_of(s);
	int fd = -1;

	if (spool(s, r, &fd, e) < 0)
		return -1;
	auto_close(&l->spool);
	l->spool = fd;
	return 0;
}

int local_seekable(struct source *s, int *fd, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	struct stat st;
	bool may;

	*fd = s->archive;
	if (fstat(s->archive, &st) < 0)
		return err_sys(e, "fstat", NULL, "reading the archive");
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_STATE, "it is a directory, and an archive was expected");
	if (S_ISREG(st.st_mode))
		return lseek(s->archive, 0, SEEK_SET) < 0 ? err_sys(e, "lseek", NULL, "reading the archive") : 0;
	if (talk_step(s->talk, "reading the archive") < 0)
		return err_set(e, ERR_PEER, "lichen has ended");
	reader_fd(&r, s->archive, false);
	/* before the disk is full of what never ends */
	if (reader_may_be_archive(&r, &may, e) < 0)
		return -1;
	if (!may)
		return err_set(e, ERR_STATE, "it is no archive: it begins neither as a tar nor as something compressed");
	if (replace_spool(s, &r, e) < 0)
		return -1;
	*fd = local_of(s)->spool;
	return lseek(*fd, 0, SEEK_SET) < 0 ? err_sys(e, "lseek", NULL, "reading the archive") : 0;
}

int local_tar(struct source *s, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	enum compression c;
	int fd;

	if (local_seekable(s, &fd, e) < 0)
		return -1;
	reader_fd(&r, fd, false);
	if (reader_compression(&r, &c, e) < 0)
		return -1;
	if (c != COMPRESSION_NONE) {
		if (talk_step(s->talk, "decompressing the archive") < 0)
			return err_set(e, ERR_PEER, "lichen has ended");
		reader_inflate(&r, talk_number(s->talk, "max_memory"));
		if (replace_spool(s, &r, e) < 0)
			return -1;
		fd = local_of(s)->spool;
	}
	s->archive = fd;
	return files_tar(&local_of(s)->files, fd, e);
}

/* ---- layers ---- */

static int copy(struct reader *r, struct blob *b, struct err *e)
{
	const void *data;
	ssize_t n;

	while ((n = reader_next(r, &data, e)) > 0)
		if (blob_add(b, data, (size_t)n, e) < 0)
			return -1;
	return (int)n;
}

static int fetch_file(struct source *s, struct source_layer *l, struct blob *b, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	const struct image_layer *il = source_layer_of(s, l);
	AUTO_FREE char *name = l->where ? str_dup(l->where) : str_fmt("blobs/%s", il->digest);
	enum compression c;

	if (!l->where)
		*strchr(name, ':') = '/';
	if (files_open(&local_of(s)->files, name, &r, e) < 0 || reader_compression(&r, &c, e) < 0)
		return -1;
	if (l->where && !local_is_kept(c))
		reader_inflate(&r, talk_number(s->talk, "max_memory"));
	if (blob_begin(b, &s->place, source_index(s, l), il->digest, il->size, e) < 0)
		return -1;
	b->leaves_digest = l->leaves_digest;
	return copy(&r, b, e);
}

static int fetch_one(struct source *s, struct source_layer *l, struct err *e)
{
	AUTO_BLOB struct blob b = { .fd = -1, .counter = -1 };
	struct local *local = local_of(s);
	struct image_layer *il = source_layer_of(s, l);
	char got[DIGEST_MAX];
	int r;

	if (!local->packs && !local->tar.buf) {
		r = fetch_file(s, l, &b, e);
	} else {
		r = blob_begin(&b, &s->place, source_index(s, l), NULL, il->size, e);
		b.leaves_digest = l->leaves_digest;
		if (r == 0)
			r = local->packs ? pack_dir(s->talk, s->archive, &b, e) : copy(&local->tar, &b, e);
	}
	if (r == 0)
		r = b.leaves_digest ? blob_leave(&b, l->left, e) : blob_end(&b, il->digest, got, e);
	if (r < 0)
		return l->where ? err_wrap(e, "%s", (const char *)l->where) : il->digest[0] ? err_wrap(e, "layer %.19s", il->digest) : -1;
	if (l->left[0])
		source_left(s, l, b.done);
	else
		source_brought(s, l, got, b.done);
	return 0;
}

struct turn {
	struct source_layer *layer;
	uint64_t size;
};

static int by_turn(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	return x->layer < y->layer ? -1 : 1;
}

/* The largest first, as far as sizes are known: it takes longest to be unpacked, beside the others. */
int local_fetch(struct source *s, struct err *e)
{
	AUTO_FREE struct turn *turns = mem_alloc((s->n_layers + 1) * sizeof(*turns));
	size_t n = 0;

	for (size_t at = 0; (turns[n].layer = source_next(s, &at)); n++)
		turns[n].size = source_layer_of(s, turns[n].layer)->size;
	qsort(turns, n, sizeof(*turns), by_turn);
	for (size_t i = 0; i < n; i++)
		if (source_lacks(s, turns[i].layer) && fetch_one(s, turns[i].layer, e) < 0)
			return -1;
	return 0;
}

/* ---- kinds ---- */

static int list_docker_archive(struct source *s, struct err *e)
{
	return local_tar(s, e) < 0 ? -1 : docker_list(s, e);
}

static int list_oci_archive(struct source *s, struct err *e)
{
	return local_tar(s, e) < 0 ? -1 : oci_list(s, e);
}

static int list_oci(struct source *s, struct err *e)
{
	files_dir(&local_of(s)->files, s->archive);
	return oci_list(s, e);
}

static int list_root_dir(struct source *s, struct err *e)
{
	local_of(s)->packs = true;
	return import_list(s, COMPRESSION_NONE, 0, e);
}

/* From @fd, which is at its beginning. */
static int list_root_tar(struct source *s, int fd, struct err *e)
{
	struct reader *r = &local_of(s)->tar;
	enum compression c;
	struct stat st;

	reader_fd(r, fd, false);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "fstat", NULL, "reading the archive");
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_STATE, "it is a directory, and an archive was expected");
	if (reader_compression(r, &c, e) < 0)
		return -1;
	if (!local_is_kept(c)) {
		st.st_size = 0;
		reader_inflate(r, talk_number(s->talk, "max_memory"));
		c = COMPRESSION_NONE;
	}
	return import_list(s, c, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, e);
}

static int list_tar(struct source *s, struct err *e)
{
	return list_root_tar(s, s->archive, e);
}

/* ---- told by content ---- */

/* Whether an archive of images may begin with an entry of this name; no root file system does. */
static bool is_of_images(const char *name)
{
	static const char *const FILES[] = { "manifest.json", "repositories", "oci-layout", "index.json", "blobs" };
	const char *digest = str_starts(name, "sha256:") ? name + strlen("sha256:") : name;
	size_t hex = strspn(digest, "0123456789abcdef"), part = strcspn(name, "/");

	for (size_t i = 0; i < N_ELEMS(FILES); i++)
		if (strlen(FILES[i]) == part && memcmp(name, FILES[i], part) == 0)
			return true;
	/* docker's "HEX/layer.tar", skopeo's "HEX.tar", crane's and kaniko's "sha256:HEX", jib's "HEX.tar.gz" */
	return hex == 64 && (!digest[64] || digest[64] == '/' || str_eq(digest + 64, ".json") || str_starts(digest + 64, ".tar"));
}

/* The name of the first entry that is not the directory itself; "" where there is none. Owned. */
static char *first_name(const struct source *s, int fd, struct err *e)
{
	AUTO_READER struct reader r = { .fd = -1 };
	struct archive *a = archive_read_new();
	struct archive_entry *ae;
	char *out = NULL;
	int rc = ARCHIVE_FATAL;

	reader_fd(&r, fd, false);
	reader_inflate(&r, talk_number(s->talk, "max_memory"));
	if (archive_read_support_format_tar(a) == ARCHIVE_OK && reader_archive(&r, a, e) == 0)
		while (!out && (rc = archive_read_next_header(a, &ae)) >= ARCHIVE_WARN && rc != ARCHIVE_EOF) {
			const char *name = archive_entry_pathname(ae);

			while (name && str_starts(name, "./"))
				name += 2;
			if (name && name[0] && !str_eq(name, "."))
				out = str_dup(name);
		}
	if (!out && rc == ARCHIVE_EOF)
		out = str_dup("");
	if (!out)
		reader_archive_err(a, "it is neither an archive nor a directory", e);
	archive_read_free(a);
	return out;
}

static int list_file(struct source *s, struct err *e)
{
	AUTO_FREE char *name = NULL;
	struct local *l = local_of(s);
	int fd;

	if (local_seekable(s, &fd, e) < 0)
		return -1;
	name = first_name(s, fd, e);
	if (!name || lseek(fd, 0, SEEK_SET) < 0)
		return name ? err_sys(e, "lseek", NULL, "reading the archive") : -1;
	if (!is_of_images(name))
		return list_root_tar(s, fd, e);
	s->archive = fd;
	if (local_tar(s, e) < 0)
		return -1;
	if (files_has(&l->files, "manifest.json"))
		return docker_list(s, e);
	if (files_has(&l->files, "index.json"))
		return oci_list(s, e);
	return err_set(e, ERR_STATE, "it looks like an archive of images, and has neither manifest.json nor index.json");
}

static int list_path(struct source *s, struct err *e)
{
	struct stat st;

	if (fstat(s->archive, &st) < 0)
		return err_sys(e, "fstat", NULL, "looking at what it is");
	if (!S_ISDIR(st.st_mode))
		return list_file(s, e);
	files_dir(&local_of(s)->files, s->archive);
	return files_has(&local_of(s)->files, "oci-layout") && files_has(&local_of(s)->files, "index.json") ? oci_list(s, e)
		: list_root_dir(s, e);
}

#define READS_ALL (UINT64_C(1) << CAP_DAC_READ_SEARCH)

const struct source_ops SOURCE_OPS_DOCKER_ARCHIVE = {
	.kind = "docker-archive", .list = list_docker_archive, .fetch = local_fetch, .close = local_close
};
const struct source_ops SOURCE_OPS_OCI_ARCHIVE = {
	.kind = "oci-archive", .list = list_oci_archive, .fetch = local_fetch, .close = local_close
};
const struct source_ops SOURCE_OPS_OCI = { .kind = "oci", .list = list_oci, .fetch = local_fetch, .close = local_close };
const struct source_ops SOURCE_OPS_TAR = { .kind = "tar", .list = list_tar, .fetch = local_fetch, .close = local_close };
/* inside the id map, so that files of other ids can be read */
const struct source_ops SOURCE_OPS_DIRECTORY = {
	.kind = "directory", .caps = READS_ALL, .list = list_root_dir, .fetch = local_fetch, .close = local_close
};
const struct source_ops SOURCE_OPS_PATH = {
	.kind = "path", .caps = READS_ALL, .list = list_path, .fetch = local_fetch, .close = local_close
};
