/* SPDX-License-Identifier: Apache-2.0 */
/* image/layer.c - reads a layer's tar and decides what of it becomes a tree, or what the tree that it became should be */

#include "layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "name.h"
#include "xattrs.h"

struct reading {
	const struct layer_source *src;
	struct archive *a;		/* owned */
	const struct layer_to *to;
	void *arg;			/* of @to */
	const struct layer_caps *caps;
	struct layer_count *n;
	struct err source;		/* what the source said; kind 0: nothing */
	uint64_t size;			/* of all files so far, holes included */
	struct name name, target;
	struct tree_xattr xattrs[LAYER_XATTRS_MAX];
};

/* ---- libarchive ---- */

static la_ssize_t feed(struct archive *a, void *arg, const void **data)
{
	struct reading *r = arg;
	const unsigned char *p = NULL;
	ssize_t n = r->src->next(r->src->arg, &p, &r->source);

	*data = p;
	if (n < 0)
		archive_set_error(a, EIO, "its source has failed");
	return n;
}

static int tar_failed(const struct reading *r, struct err *e)
{
	const char *why = archive_error_string(r->a);

	if (r->source.kind) {
		*e = r->source;
		return -1;
	}
	return err_set(e, ERR_SPEC, "the layer's tar is damaged: %.200s", why ? why : "libarchive does not say why");
}

/* Only what a layer can be: no other format, no filter. Names are bytes. libarchive converts those of pax headers to the
 * locale's charset; the locale here is "C", where that fails for all but ASCII, and what fails is left as it was, without
 * being normalized. See next_entry(). */
static int open_tar(struct reading *r, struct err *e)
{
	r->a = archive_read_new();
	if (!r->a || archive_read_support_format_tar(r->a) != ARCHIVE_OK || archive_read_support_format_empty(r->a) != ARCHIVE_OK)
		return err_set(e, ERR_HOST, "libarchive cannot be set up");
	return archive_read_open(r->a, r, NULL, feed, NULL) == ARCHIVE_OK ? 0 : tar_failed(r, e);
}

/* ---- an entry ---- */

/* libarchive gives the last one first, and of two with one name the last one counts. */
static int read_xattrs(struct reading *r, struct archive_entry *entry, struct tree_meta *m, struct err *e)
{
	int left = archive_entry_xattr_reset(entry);
	struct tree_xattr x;

	m->xattrs = r->xattrs + LAYER_XATTRS_MAX;
	while (left-- > 0 && archive_entry_xattr_next(entry, &x.name, &x.value, &x.size) == ARCHIVE_OK) {
		if (!xattr_is_kept(x.name)) {
			r->n->xattrs++;
			continue;
		}
		if (m->n_xattrs == LAYER_XATTRS_MAX)
			return err_set(e, ERR_SPEC, "\"%.200s\" has more than %d extended attributes", r->name.path, LAYER_XATTRS_MAX);
		r->xattrs[LAYER_XATTRS_MAX - ++m->n_xattrs] = x;
		m->xattrs--;
	}
	r->n->acls += archive_entry_acl_types(entry) != 0;
	return 0;
}

static int read_id(const struct reading *r, const char *what, int64_t id, uint32_t *out, struct err *e)
{
	/* the last one means "leave it" to chown(2) */
	if (id < 0 || id >= UINT32_MAX)
		return err_set(e, ERR_SPEC, "\"%.200s\" belongs to the %s %lld, and there is no such", r->name.path, what, (long long)id);
	*out = (uint32_t)id;
	return 0;
}

static int read_meta(struct reading *r, struct archive_entry *entry, struct tree_meta *m, struct err *e)
{
	*m = (struct tree_meta){
		.mode = archive_entry_perm(entry) & 07777,
		.times = { { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) }, { archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) } },
	};
	if (archive_entry_atime_is_set(entry))
		m->times[0] = (struct timespec){ archive_entry_atime(entry), archive_entry_atime_nsec(entry) };
	for (size_t i = 0; i < N_ELEMS(m->times); i++)
		if (m->times[i].tv_nsec < 0 || m->times[i].tv_nsec > 999999999)
			m->times[i].tv_nsec = 0; /* UTIME_NOW would be among them */
	if (read_id(r, "user", archive_entry_uid(entry), &m->uid, e) < 0 || read_id(r, "group", archive_entry_gid(entry), &m->gid, e) < 0)
		return -1;
	return read_xattrs(r, entry, m, e);
}

/* Blocks come in their order; what lies between them is a hole. */
static int write_content(struct reading *r, int fd, int64_t size, struct err *e)
{
	int64_t end = 0, at;
	const void *data;
	size_t len;
	int got;

	while ((got = archive_read_data_block(r->a, &data, &len, &at)) == ARCHIVE_OK) {
		if (!len)
			continue;
		if (at < end || at > size || len > (uint64_t)(size - at))
			return err_set(e, ERR_SPEC, "the holes of \"%.200s\" are not where they can be", r->name.path);
		if (r->to->write(r->arg, fd, data, len, at, r->name.path, e) < 0)
			return -1;
		end = at + (int64_t)len;
		r->n->bytes += len;
	}
	if (got != ARCHIVE_EOF)
		return tar_failed(r, e);
	return end < size ? r->to->extend(r->arg, fd, size, r->name.path, e) : 0;
}

static int make_file(struct reading *r, struct archive_entry *entry, const struct tree_meta *m, struct err *e)
{
	int64_t size = archive_entry_size(entry);
	AUTO_CLOSE int fd = -1;

	if (size < 0 || (uint64_t)size > r->caps->bytes || (r->size += (uint64_t)size) > r->caps->bytes)
		return err_set(e, ERR_SPEC, "\"%.200s\" makes the layer larger than the cap of %llu bytes", r->name.path,
			       (unsigned long long)r->caps->bytes);
	if (r->to->file(r->arg, r->name.path, m, &fd, e) < 0 || (size && write_content(r, fd, size, e) < 0))
		return -1;
	return r->to->file_end(r->arg, fd, r->name.path, m, e);
}

static int make_hardlink(struct reading *r, const char *target, struct err *e)
{
	if (name_read_target(target, r->caps->name, r->caps->depth, &r->target, e) < 0)
		return err_wrap(e, "\"%.200s\" is a hard link", r->name.path);
	if (r->target.kind == NAME_ROOT)
		return err_set(e, ERR_SPEC, "\"%.200s\" is a hard link to the root of the layer", r->name.path);
	return r->to->hardlink(r->arg, r->name.path, r->target.path, e);
}

static bool is_dir_name(const char *raw)
{
	return raw[strlen(raw) - 1] == '/';
}

static int make_plain(struct reading *r, struct archive_entry *entry, struct err *e)
{
	const char *path = r->name.path, *target;
	struct tree_meta m;

	if (archive_entry_hardlink(entry))
		return make_hardlink(r, archive_entry_hardlink(entry), e);
	if (read_meta(r, entry, &m, e) < 0)
		return -1;
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG:
		/* of old tars, a directory; libarchive does not see it where it could not convert the name */
		if (is_dir_name(archive_entry_pathname(entry)))
			return r->to->make_dir(r->arg, path, &m, e);
		return make_file(r, entry, &m, e);
	case AE_IFDIR:
		return r->to->make_dir(r->arg, path, &m, e);
	case AE_IFLNK:
		target = archive_entry_symlink(entry);
		if (!target || !*target)
			return err_set(e, ERR_SPEC, "\"%.200s\" is a symbolic link to nothing", path);
		return r->to->symlink(r->arg, path, target, &m, e);
	case AE_IFIFO:
		return r->to->fifo(r->arg, path, &m, e);
	case AE_IFCHR:
	case AE_IFBLK:
		r->n->devices++;
		/* 0:0 is how a whiteout lies on disk; a layer says it by a name */
		if (archive_entry_filetype(entry) == AE_IFCHR && !archive_entry_rdevmajor(entry) && !archive_entry_rdevminor(entry))
			return err_set(e, ERR_SPEC, "\"%.200s\" is the device 0:0, which only overlay file systems may write", path);
		return 0;
	case AE_IFSOCK:
		r->n->sockets++;
		return 0;
	default:
		return err_set(e, ERR_SPEC, "\"%.200s\" is of a type that lichen does not know", path);
	}
}

static int make_root(struct reading *r, struct archive_entry *entry, struct err *e)
{
	struct tree_meta m;

	if (archive_entry_filetype(entry) != AE_IFDIR || archive_entry_hardlink(entry) || archive_entry_symlink(entry))
		return err_set(e, ERR_SPEC, "the layer replaces its own root by something that is no directory");
	return read_meta(r, entry, &m, e) < 0 ? -1 : r->to->make_dir(r->arg, "", &m, e);
}

static int make_entry(struct reading *r, struct archive_entry *entry, struct err *e)
{
	const char *raw = archive_entry_pathname(entry);

	if (++r->n->entries > r->caps->entries)
		return err_set(e, ERR_SPEC, "the layer has more names than the cap of %llu", (unsigned long long)r->caps->entries);
	if (!raw || !*raw)
		return err_set(e, ERR_SPEC, "the layer has an entry without a name");
	if (name_read(raw, r->caps->name, r->caps->depth, &r->name, e) < 0)
		return -1;
	switch (r->name.kind) {
	case NAME_PLAIN:
		return make_plain(r, entry, e);
	case NAME_ROOT:
		return make_root(r, entry, e);
	case NAME_WHITEOUT:
		return r->to->whiteout(r->arg, r->name.path, e);
	case NAME_OPAQUE:
		return r->to->opaque(r->arg, r->name.path, e);
	case NAME_SKIPPED:
		r->n->aufs++;
		return 0;
	}
	return 0;
}

/* A warning is something that two readers understand in two ways, and refused; but for a name that was not converted, which
 * is what is wanted. */
static int next_entry(struct reading *r, struct archive_entry **entry)
{
	int got = archive_read_next_header(r->a, entry);

	return got == ARCHIVE_WARN && archive_errno(r->a) == EILSEQ ? ARCHIVE_OK : got;
}

static int make_all(struct reading *r, struct err *e)
{
	struct archive_entry *entry;
	int got;

	if (open_tar(r, e) < 0)
		return -1;
	while ((got = next_entry(r, &entry)) == ARCHIVE_OK)
		if (make_entry(r, entry, e) < 0)
			return -1;
	return got == ARCHIVE_EOF ? r->to->finish(r->arg, r->n->devices || r->n->sockets, e) : tar_failed(r, e);
}

int layer_read(const struct layer_source *src, const struct layer_to *to, void *arg, const struct layer_caps *caps, struct layer_count *n,
	       struct err *e)
{
	AUTO_FREE struct reading *r = mem_alloc(sizeof(*r));
	int ret;

	*n = (struct layer_count){ 0 };
	r->src = src;
	r->to = to;
	r->arg = arg;
	r->caps = caps;
	r->n = n;
	ret = make_all(r, e);
	archive_read_free(r->a);
	return ret;
}

/* ---- to the disk ---- */

static int to_file(void *to, const char *path, const struct tree_meta *m, int *fd, struct err *e)
{
	return (*fd = tree_file(to, path, m, e)) < 0 ? -1 : 0;
}

static int to_write(void *to, int fd, const void *block, size_t len, int64_t at, const char *path, struct err *e)
{
	const char *data = block;

	(void)to;
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "pwrite", path, "writing a file of the layer");
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

static int to_extend(void *to, int fd, int64_t size, const char *path, struct err *e)
{
	(void)to;
	return ftruncate(fd, size) < 0 ? err_sys(e, "ftruncate", path, "writing a file of the layer") : 0;
}

static int to_file_end(void *to, int fd, const char *path, const struct tree_meta *m, struct err *e)
{
	return tree_file_end(to, fd, path, m, e);
}

static int to_dir(void *to, const char *path, const struct tree_meta *m, struct err *e)
{
	return tree_make_dir(to, path, m, e);
}

static int to_symlink(void *to, const char *path, const char *target, const struct tree_meta *m, struct err *e)
{
	return tree_symlink(to, path, target, m, e);
}

static int to_fifo(void *to, const char *path, const struct tree_meta *m, struct err *e)
{
	return tree_fifo(to, path, m, e);
}

static int to_hardlink(void *to, const char *path, const char *target, struct err *e)
{
	return tree_hardlink(to, path, target, e);
}

static int to_whiteout(void *to, const char *path, struct err *e)
{
	return tree_whiteout(to, path, e);
}

static int to_opaque(void *to, const char *path, struct err *e)
{
	return tree_opaque(to, path, e);
}

static int to_finish(void *to, bool has_left, struct err *e)
{
	return tree_finish(to, has_left, e);
}

static const struct layer_to TO_DISK = { to_file, to_write, to_extend, to_file_end, to_dir, to_symlink, to_fifo, to_hardlink, to_whiteout, to_opaque, to_finish };

int layer_unpack(const struct layer_source *src, struct tree *t, const struct layer_caps *caps, struct layer_count *n, struct err *e)
{
	int ret = layer_read(src, &TO_DISK, t, caps, n, e);

	n->xattrs += t->left_xattrs;
	return ret;
}
