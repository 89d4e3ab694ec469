/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_mounts.c - options of `lichen run` that mount or make something: -v, --tmpfs, --file ... */

#include <errno.h>
#include <linux/mount.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/run_mount.h"
#include "cli/run_spec.h"
#include "spec/mountopts.h"
#include "spec/spec.h"

enum { DATA_CHUNK = 65536 };

/* OPTIONS of -v @text. */
static int add_words(struct spec_mount *m, const char *text, const char *options, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };

	strv_split(&words, options, ',');
	for (size_t i = 0; i < words.n; i++) {
		const struct mountopt *o;

		if (m->volume && str_eq(words.v[i], "nocopy")) {
			m->nocopy = true;
			continue;
		}
		if (mountopt_find(words.v[i], &o) < 0) {
			const char *near = mountopt_nearest(words.v[i]);

			err_set(e, ERR_USAGE, "-v %s: '%s' is not an option of a volume", text, words.v[i]);
			return near ? err_hint(e, "did you mean %s ?", near)
				    : err_hint(e, "the usual ones are ro, rw, nosuid, nodev, noexec");
		}
		if (o->refused)
			return err_set(e, ERR_USAGE, "-v %s: '%s': %s", text, words.v[i], o->refused);
		mount_add_word(m, words.v[i]);
	}
	return 0;
}

static int add_volume(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	struct spec_mount *m;
	AUTO_FREE char *source = NULL;
	int fd;

	split_colons(&parts, text);
	if (parts.n == 1 && text[0] == '/')
		return volume_add_anonymous(s, "-v", parts.v[0], e);
	if (parts.n < 2 || parts.n > 3 || !parts.v[0][0] || !parts.v[1][0]) {
		err_set(e, ERR_USAGE, "-v %s: expected SRC:DST[:OPTIONS], NAME:DST[:OPTIONS] or DST", text);
		return err_hint(e, "for example -v .:/src, -v ./data:/data:ro or -v cache:/var/cache; a colon in a name is written \\:");
	}
	if (check_destination("-v", parts.v[1], e) < 0)
		return -1;
	if (!is_path_word(parts.v[0])) {
		m = volume_add(s, "-v", text, parts.v[0], parts.v[1], e);
		return !m ? -1 : parts.n == 3 ? add_words(m, text, parts.v[2], e) : 0;
	}
	source = source_open(parts.v[0], "the source of a volume", &fd, e);
	if (!source)
		return err_wrap(e, "-v %s", text);
	m = spec_add_mount(s);
	m->type = str_dup("bind");
	m->source = ptr_take(&source);
	m->destination = path_clean(parts.v[1]);
	spec_mount_add_fd(m, fd);
	strv_add(&m->options, "rbind");
	return parts.n == 3 ? add_words(m, text, parts.v[2], e) : 0;
}

static int add_tmpfs(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };

	split_colons(&parts, text);
	if (parts.n > 2 || !parts.v[0][0])
		return err_set(e, ERR_USAGE, "--tmpfs %s: expected DST[:OPTIONS]", text);
	return tmpfs_parse(s, text, parts.v[0], parts.n == 2 ? parts.v[1] : "", e);
}

/* ---- what is made inside: --file, --symlink, --dir ---- */

/* All that a descriptor gives, up to the end: a pipe, a file, a here-document. */
static int read_data(int fd, const char *text, struct spec_data *out, struct err *e)
{
	AUTO_BUF struct buf b = { 0 };
	AUTO_FREE char *chunk = mem_alloc(DATA_CHUNK);

	for (;;) {
		ssize_t n = read(fd, chunk, DATA_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read", text, "--file");
		if (n == 0)
			break;
		if (b.len + (size_t)n > FD_READ_MAX) {
			err_set(e, ERR_USAGE, "--file %s: more than %d MiB", text, FD_READ_MAX >> 20);
			return err_hint(e, "what is larger is written to a file and shown with -v FILE:DST:ro");
		}
		buf_addn(&b, chunk, (size_t)n);
	}
	out->len = b.len;
	out->bytes = buf_take(&b);
	out->is_set = true;
	return 0;
}

static int add_file(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 }, words = { 0 };
	struct spec_mount *m;
	unsigned mode = 0644;
	int fd;

	split_colons(&parts, text);
	if (parts.n < 2 || parts.n > 3) {
		err_set(e, ERR_USAGE, "--file %s: expected FD:DST[:OPTIONS]", text);
		return err_hint(e, "for example --file 3:/etc/app.conf 3<<<'text'; a file of this machine is shown with -v");
	}
	if (check_destination("--file", parts.v[1], e) < 0)
		return -1;
	fd = inherited_fd(parts.v[0], "--file FD:DST", e);
	if (fd < 0)
		return -1;
	m = spec_add_mount(s);
	m->type = str_dup("bind");
	m->source = str_dup("/"); /* run/sources.c writes the file and names it here */
	m->destination = path_clean(parts.v[1]);
	strv_add(&m->options, "bind");
	if (parts.n == 3)
		strv_split(&words, parts.v[2], ',');
	for (size_t i = 0; i < words.n; i++) {
		bool is_mode = str_starts(words.v[i], "mode=");
		int n = is_mode ? mode_parse(words.v[i] + strlen("mode=")) : -1;

		if (is_mode && n >= 0 && n <= 0777) {
			mode = (unsigned)n;
		} else if (str_eq(words.v[i], "ro")) {
			strv_add(&m->options, "ro");
		} else if (!str_eq(words.v[i], "rw")) {
			err_set(e, ERR_USAGE, "--file %s: '%s' is not an option of a file", text, words.v[i]);
			return err_hint(e, "expected ro, rw, or mode= with an octal number up to 0777");
		}
	}
	m->data.mode = mode;
	return read_data(fd, text, &m->data, e);
}

static int add_symlink(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	struct spec_path *p;

	split_colons(&parts, text);
	if (parts.n != 2 || !parts.v[0][0] || !parts.v[1][0]) {
		err_set(e, ERR_USAGE, "--symlink %s: expected TARGET:LINK", text);
		return err_hint(e, "for example --symlink usr/bin:/bin; a colon in a name is written \\:");
	}
	if (parts.v[1][0] != '/') {
		err_set(e, ERR_USAGE, "--symlink %s: the link '%s' must be an absolute path inside", text, parts.v[1]);
		return parts.v[0][0] == '/' ? err_hint(e, "the target comes first: --symlink %s:%s ?", parts.v[1], parts.v[0]) : -1;
	}
	p = spec_add_path(s);
	p->kind = PATH_SYMLINK;
	p->target = str_dup(parts.v[0]);
	p->path = path_clean(parts.v[1]);
	return 0;
}

static int add_dir(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	struct spec_path *p;
	int mode = 0755;

	split_colons(&parts, text);
	if (parts.n > 2 || !parts.v[0][0])
		return err_set(e, ERR_USAGE, "--dir %s: expected PATH[:mode=MODE]", text);
	if (check_destination("--dir", parts.v[0], e) < 0)
		return -1;
	if (parts.n == 2)
		mode = str_starts(parts.v[1], "mode=") ? mode_parse(parts.v[1] + strlen("mode=")) : -1;
	if (mode < 0) {
		err_set(e, ERR_USAGE, "--dir %s: '%s' is not an option of a directory", text, parts.v[1]);
		return err_hint(e, "expected mode= with an octal number such as mode=0700");
	}
	p = spec_add_path(s);
	p->kind = PATH_DIR;
	p->path = path_clean(parts.v[0]);
	p->mode = (uint32_t)mode;
	return 0;
}

static const char *what_is_mounted(const struct spec_mount *m)
{
	if (m->data.is_set)
		return "--file";
	if (m->volume)
		return m->volume;
	return str_eq(m->type, "bind") ? m->source : m->type;
}

/* mount_add_word() has made "rro" of "ro". */
static const char *as_given(const struct mountopt *o)
{
	return o->recursive && !o->is_bind && !o->propagation ? o->word + 1 : o->word;
}

/* Words of which the later one would win, or that say nothing of this mount. */
static int check_words(const struct spec_mount *m, struct err *e)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const struct mountopt *o, *first;

		if (mountopt_find(m->options.v[i], &o) < 0)
			continue;
		if (o->propagation && !str_eq(m->type, "bind"))
			return err_set(e, ERR_USAGE, "the mount at %s: '%s' is for a directory of this machine, not for a %s",
				       m->destination, m->options.v[i], m->type);
		for (size_t k = 0; k < i; k++) {
			uint64_t both;

			if (mountopt_find(m->options.v[k], &first) < 0)
				continue;
			both = ((o->set & first->clear) | (o->clear & first->set)) & ~(uint64_t)MOUNT_ATTR__ATIME;
			if (both || (o->propagation && first->propagation && o->propagation != first->propagation))
				return err_set(e, ERR_USAGE, "the mount at %s: '%s' and '%s' contradict each other",
					       m->destination, as_given(first), as_given(o));
		}
	}
	return 0;
}

static int said_twice(const char *where, const char *first, const char *second, struct err *e)
{
	err_set(e, ERR_USAGE, "two mounts at %s: %s, and %s", where, first, second);
	return err_hint(e, "leave one out, or give it another place (a profile counts, too)");
}

/* The first would never be seen. */
static int check_twice(const struct spec *s, struct err *e)
{
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct spec_device *d = &s->devices[i];

		for (size_t k = 0; k < s->n_mounts; k++)
			if (str_eq(s->mounts[k].destination, d->path))
				return said_twice(d->path, what_is_mounted(&s->mounts[k]), d->source, e);
		for (size_t k = 0; k < i; k++)
			if (str_eq(s->devices[k].path, d->path) && !str_eq(s->devices[k].source, d->source))
				return said_twice(d->path, s->devices[k].source, d->source, e);
	}
	for (size_t i = 0; i < s->n_mounts; i++)
		for (size_t k = 0; k < i; k++) {
			const struct spec_mount *first = &s->mounts[k], *second = &s->mounts[i];

			if (!str_eq(first->destination, second->destination))
				continue;
			return said_twice(second->destination, what_is_mounted(first), what_is_mounted(second), e);
		}
	return 0;
}

int take_mounts(struct spec *s, const struct args *a, struct err *e)
{
	const struct {
		const struct strv *list;
		int (*take)(struct spec *s, const char *text, struct err *e);
	} options[] = {
		{ &a->volumes, add_volume },   { &a->tmpfs, add_tmpfs }, { &a->mounts, mount_parse }, { &a->files, add_file },
		{ &a->symlinks, add_symlink }, { &a->dirs, add_dir },	 { &a->devices, device_parse },
	};

	for (size_t i = 0; i < N_ELEMS(options); i++)
		for (size_t k = 0; k < options[i].list->n; k++)
			if (options[i].take(s, options[i].list->v[k], e) < 0)
				return -1;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (check_words(&s->mounts[i], e) < 0)
			return -1;
	return check_twice(s, e);
}
