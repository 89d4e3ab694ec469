/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_mount.c - --mount KEY=VALUE,...: docker's and podman's words, and an overlay's */

#include "cli/run_mount.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/near.h"
#include "base/path.h"
#include "cli/run_spec.h"
#include "spec/mountopts.h"
#include "spec/spec.h"

/* ---- comma-separated values ---- */

/* @s stands behind the opening quote; returns what stands behind the closing one, or NULL. */
static const char *csv_quoted(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' && s[1] != '"')
			return s + 1;
		if (*s == '"')
			s++;
		buf_addn(b, s, 1);
	}
	return NULL;
}

/* One field; returns what stands behind it, or NULL. */
static const char *csv_field(struct buf *b, const char *s)
{
	if (*s == '"')
		return csv_quoted(b, s + 1);
	for (; *s && *s != ','; s++) {
		bool is_behind_key = b->len && b->s[b->len - 1] == '=' && !memchr(b->s, '=', b->len - 1);

		if (*s == '"' && is_behind_key)
			return csv_quoted(b, s + 1);
		buf_addn(b, s, 1);
	}
	return s;
}

int csv_split(struct strv *out, const char *text, struct err *e)
{
	const char *s = text;

	for (;; s++) {
		AUTO_BUF struct buf b = { 0 };

		s = csv_field(&b, s);
		if (!s)
			return err_set(e, ERR_USAGE, "a double quote is not closed");
		if (*s && *s != ',')
			return err_set(e, ERR_USAGE, "behind a closing double quote a comma is expected, found '%.20s'", s);
		strv_add_take(out, buf_take(&b));
		if (!*s)
			return 0;
	}
}

/* ---- what -v and --mount share ---- */

void split_colons(struct strv *out, const char *s)
{
	struct buf b = { 0 };

	for (;; s++) {
		if (s[0] == '\\' && s[1] == ':') {
			buf_add(&b, ":");
			s++;
		} else if (!*s || *s == ':') {
			strv_add_take(out, buf_take(&b));
			b = (struct buf){ 0 };
			if (!*s)
				return;
		} else {
			buf_addn(&b, s, 1);
		}
	}
}

int check_destination(const char *option, const char *dst, struct err *e)
{
	if (dst[0] == '/')
		return 0;
	err_set(e, ERR_USAGE, "%s: the destination '%s' must be an absolute path inside", option, dst);
	return err_hint(e, "a colon in a name is written \\:");
}

char *source_open(const char *word, const char *what, int *fd, struct err *e)
{
	AUTO_FREE char *full = word[0] == '~' ? str_fmt("%s%s", getenv("HOME") ? getenv("HOME") : "", word + 1) : str_dup(word);
	AUTO_CLOSE int got = open(full, O_PATH | O_CLOEXEC);
	char link[FD_PATH_MAX], real[PATH_MAX];
	ssize_t n;

	if (got < 0) {
		err_sys(e, "open", full, "%s", what);
		if (e->errnum == ENOENT)
			near_hint(full, "there is no such file or directory on this machine; nothing is made for you", e);
		return NULL;
	}
	n = readlink(fd_path(got, link), real, sizeof(real));
	if (n > 0 && real[0] != '/') {
		err_set(e, ERR_USAGE, "%s: %s is a pipe or a socket, and no file or directory", what, full);
		err_hint(e, "write it to a file first");
		return NULL;
	}
	if (n <= 0 || n == sizeof(real)) {
		err_sys(e, "readlink", full, "%s: its real name", what);
		return NULL;
	}
	*fd = fd_take(&got);
	return str_dupn(real, (size_t)n);
}

void mount_add_word(struct spec_mount *m, const char *word)
{
	static const char *const taking[] = { "ro", "nosuid", "nodev", "noexec", "nosymfollow" };

	for (size_t i = 0; i < N_ELEMS(taking); i++)
		if (str_eq(word, taking[i])) {
			strv_addf(&m->options, "r%s", word);
			return;
		}
	strv_add(&m->options, word);
}

int mode_parse(const char *s)
{
	size_t n;

	if (str_starts(s, "0o"))
		s += 2;
	n = strlen(s);
	if (!n || n > 5 || strspn(s, "01234567") != n || strtoul(s, NULL, 8) > 07777)
		return -1;
	return (int)strtoul(s, NULL, 8);
}

int inherited_fd(const char *word, const char *option, struct err *e)
{
	char *end;
	long n = strtol(word, &end, 10);
	int flags;

	if (!isdigit((unsigned char)*word) || *end || n > INT_MAX || n < 0) {
		err_set(e, ERR_USAGE, "%s: '%s' is not the number of a file descriptor", option, word);
		return -1;
	}
	flags = fcntl((int)n, F_GETFD);
	/* what came through exec is not CLOEXEC; what is, lichen has opened itself */
	if (flags >= 0 && !(flags & FD_CLOEXEC))
		return (int)n;
	err_set(e, ERR_USAGE, "%s: descriptor %ld is not open", option, n);
	err_hint(e, "lichen's caller opens it, for example with the shell: lichen run ... %ld<FILE", n);
	return -1;
}

/* ---- --mount ---- */

enum recursion { REC_ENABLED, REC_DISABLED, REC_WRITABLE, REC_READONLY };

struct words {
	const char *option, *text;	/* as typed, for errors */
	struct strv fields;
	const char *type, *source, *target, *propagation, *upper, *work;
	struct strv lower, rest;	/* rest: words of mount options and data */
	bool readonly, has_readonly, nocopy;
	enum recursion recursion;
	struct err *e;
};

static const char *const TYPES[] = { "bind", "tmpfs", "overlay", "mqueue", "devpts", "volume" };

/* Which types a key belongs to: a bit for each of TYPES. */
enum { T_BIND = 1, T_TMPFS = 2, T_OVERLAY = 4, T_MQUEUE = 8, T_DEVPTS = 16, T_VOLUME = 32, T_ALL = 63 };

enum key {
	K_TYPE, K_SOURCE, K_TARGET, K_READONLY, K_PROPAGATION, K_NONRECURSIVE, K_RECURSIVE, K_SIZE, K_MODE, K_LOWER, K_UPPER,
	K_WORK, K_DATA, K_NUMBER, K_COUNT, K_FLAG, K_NOCOPY, K_NOTHING, K_REFUSED,
};

static const struct {
	const char *word;
	enum key key;
	int types;
	const char *why;	/* K_REFUSED */
} KEYS[] = {
	{ "type", K_TYPE, T_ALL, NULL },
	{ "source", K_SOURCE, T_ALL, NULL },
	{ "src", K_SOURCE, T_ALL, NULL },
	{ "target", K_TARGET, T_ALL, NULL },
	{ "destination", K_TARGET, T_ALL, NULL },
	{ "dst", K_TARGET, T_ALL, NULL },
	{ "readonly", K_READONLY, T_ALL, NULL },
	{ "ro", K_READONLY, T_ALL, NULL },
	{ "bind-propagation", K_PROPAGATION, T_BIND, NULL },
	{ "bind-nonrecursive", K_NONRECURSIVE, T_BIND, NULL },
	{ "bind-recursive", K_RECURSIVE, T_BIND, NULL },
	{ "tmpfs-size", K_SIZE, T_TMPFS, NULL },
	{ "size", K_SIZE, T_TMPFS, NULL },
	{ "tmpfs-mode", K_MODE, T_TMPFS, NULL },
	{ "mode", K_MODE, T_TMPFS | T_DEVPTS, NULL },
	{ "ptmxmode", K_DATA, T_DEVPTS, NULL },
	{ "max", K_NUMBER, T_DEVPTS, NULL },
	{ "uid", K_NUMBER, T_TMPFS | T_DEVPTS, NULL },
	{ "gid", K_NUMBER, T_TMPFS | T_DEVPTS, NULL },
	{ "nr_inodes", K_COUNT, T_TMPFS, NULL },
	{ "nr_blocks", K_COUNT, T_TMPFS, NULL },
	{ "huge", K_DATA, T_TMPFS, NULL },
	{ "mpol", K_DATA, T_TMPFS, NULL },
	{ "noswap", K_FLAG, T_TMPFS, NULL },
	{ "lowerdir", K_LOWER, T_OVERLAY, NULL },
	{ "upperdir", K_UPPER, T_OVERLAY, NULL },
	{ "workdir", K_WORK, T_OVERLAY, NULL },
	{ "consistency", K_NOTHING, T_ALL, NULL },
	{ "notmpcopyup", K_NOTHING, T_TMPFS, NULL },
	{ SPEC_COPY_UP, K_FLAG, T_TMPFS, NULL },
	{ "relabel", K_REFUSED, T_ALL, "lichen does not change SELinux labels; leave it out" },
	{ "U", K_REFUSED, T_ALL, "lichen does not change the owner of files of this machine" },
	{ "chown", K_REFUSED, T_ALL, "lichen does not change the owner of files of this machine" },
	{ "idmap", K_REFUSED, T_ALL, "idmapped mounts are not among lichen's mount options" },
	{ "volume-driver", K_REFUSED, T_ALL, "a volume is a directory of this machine; leave it out" },
	{ "volume-opt", K_REFUSED, T_ALL, "a volume is a directory of this machine; leave it out" },
	{ "volume-label", K_REFUSED, T_ALL, "labels are given when it is made: lichen volume create --label" },
	{ "volume-nocopy", K_NOCOPY, T_VOLUME, NULL },
	{ "volume-subpath", K_REFUSED, T_ALL, "a volume is mounted as a whole" },
};

static PRINTF(2, 3) int bad(const struct words *w, const char *fmt, ...)
{
	AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return err_set(w->e, ERR_USAGE, "%s %s: %s", w->option, w->text, text ? text : "");
}

/* "readonly", "readonly=true", "ro=1" */
static int take_bool(const struct words *w, const char *key, const char *value, bool *out)
{
	if (!value || str_eq(value, "true") || str_eq(value, "1"))
		*out = true;
	else if (str_eq(value, "false") || str_eq(value, "0"))
		*out = false;
	else
		return bad(w, "%s takes true or false, and was given '%s'", key, value);
	return 0;
}

static int one_of(const struct words *w, const char *key, const char *value, const char *const *words, size_t n)
{
	AUTO_BUF struct buf list = { 0 };
	const char *near;

	for (size_t i = 0; i < n; i++) {
		if (str_eq(value, words[i]))
			return (int)i;
		buf_addf(&list, "%s%s", i ? ", " : "", words[i]);
	}
	near = str_nearest(value, words, n);
	bad(w, "%s takes one of %s, and was given '%s'", key, list.s, value);
	return near ? err_hint(w->e, "did you mean %s ?", near) : -1;
}

/* docker counts in bytes and takes b, k, m, g behind; so does tmpfs but for the b's. */
static int take_size(struct words *w, const char *key, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	const char *unit = value + digits;
	char letter = (char)tolower((unsigned char)*unit);

	if (digits && digits < 16 && (!*unit || str_eq(unit, "%"))) {
		strv_addf(&w->rest, "size=%s", value);
		return 0;
	}
	if (digits && digits < 16 && strchr("kmgtb", letter)) {
		const char *more = unit + 1;

		if (letter != 'b' && (*more == 'i' || *more == 'I'))
			more++;
		if (letter != 'b' && (*more == 'b' || *more == 'B'))
			more++;
		if (!*more) {
			strv_addf(&w->rest, "size=%.*s%.*s", (int)digits, value, letter == 'b' ? 0 : 1, &letter);
			return 0;
		}
	}
	bad(w, "%s takes a size, and was given '%s'", key, value);
	return err_hint(w->e, "for example 64m, 1g, 50%% or a number of bytes");
}

/* @is_count: with a unit of the kernel's, memparse(). */
static bool is_count(const char *value, bool is_count)
{
	size_t digits = strspn(value, "0123456789");

	return digits && digits < 16 && (!value[digits] || (is_count && strchr("kKmMgG", value[digits]) && !value[digits + 1]));
}

static int take_key(struct words *w, size_t row, const char *key, const char *value)
{
	static const char *const propagations[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared" };
	static const char *const recursions[] = { "enabled", "disabled", "writable", "readonly" };
	bool yes = false;
	int n;

	if (KEYS[row].key != K_READONLY && KEYS[row].key != K_NONRECURSIVE && KEYS[row].key != K_NOTHING &&
	    KEYS[row].key != K_NOCOPY && KEYS[row].key != K_FLAG && KEYS[row].key != K_REFUSED && (!value || !*value))
		return bad(w, "'%s' needs a value: %s=...", key, key);
	switch (KEYS[row].key) {
	case K_TYPE:
		return 0; /* find_type() has seen to it */
	case K_SOURCE:
		w->source = value;
		return 0;
	case K_TARGET:
		w->target = value;
		return 0;
	case K_READONLY:
		if (take_bool(w, key, value, &yes) < 0)
			return -1;
		if (w->has_readonly && yes != w->readonly)
			return bad(w, "'%s' contradicts what stands before it", key);
		w->readonly = yes;
		w->has_readonly = true;
		return 0;
	case K_NONRECURSIVE:
		if (take_bool(w, key, value, &yes) < 0)
			return -1;
		w->recursion = yes ? REC_DISABLED : REC_ENABLED;
		return 0;
	case K_NOCOPY:
		return take_bool(w, key, value, &w->nocopy);
	case K_PROPAGATION:
		n = one_of(w, key, value, propagations, N_ELEMS(propagations));
		w->propagation = n < 0 ? NULL : propagations[n];
		return n < 0 ? -1 : 0;
	case K_RECURSIVE:
		n = one_of(w, key, value, recursions, N_ELEMS(recursions));
		w->recursion = n < 0 ? REC_ENABLED : (enum recursion)n;
		return n < 0 ? -1 : 0;
	case K_SIZE:
		return take_size(w, key, value);
	case K_MODE:
		n = mode_parse(value);
		if (n < 0)
			return bad(w, "%s takes a mode in octal such as 1777, and was given '%s'", key, value);
		strv_addf(&w->rest, "mode=%04o", (unsigned)n);
		return 0;
	case K_LOWER:
		split_colons(&w->lower, value);
		return 0;
	case K_UPPER:
		w->upper = value;
		return 0;
	case K_WORK:
		w->work = value;
		return 0;
	case K_NUMBER:
	case K_COUNT:
		if (!is_count(value, KEYS[row].key == K_COUNT))
			return bad(w, "%s takes a number, and was given '%s'", key, value);
		strv_addf(&w->rest, "%s=%s", key, value);
		return 0;
	case K_FLAG:
		if (value)
			return bad(w, "'%s' takes no value", key);
		strv_add(&w->rest, key);
		return 0;
	case K_DATA:
		strv_addf(&w->rest, "%s=%s", key, value);
		return 0;
	case K_REFUSED:
		return bad(w, "'%s': %s", key, KEYS[row].why);
	case K_NOTHING:
		break;
	}
	return 0;
}

static int type_bit(const char *type)
{
	for (size_t i = 0; i < N_ELEMS(TYPES); i++)
		if (str_eq(type, TYPES[i]))
			return 1 << i;
	return 0;
}

/* Without a type docker means a volume; a path says that it is none. */
static bool names_volume(const struct words *w)
{
	for (size_t i = 0; i < w->fields.n; i++)
		if (str_starts(w->fields.v[i], "source=") || str_starts(w->fields.v[i], "src=")) {
			const char *source = strchr(w->fields.v[i], '=') + 1;

			return str_is_name(source);
		}
	return false;
}

static int find_type(struct words *w)
{
	static const char *const others[] = { "image", "ramfs", "npipe", "cluster", "glob", "artifact", "proc", "sysfs" };

	for (size_t i = 0; i < w->fields.n; i++)
		if (str_starts(w->fields.v[i], "type="))
			w->type = w->fields.v[i] + strlen("type=");
	if (!w->type)
		w->type = names_volume(w) ? "volume" : "bind";
	for (size_t i = 0; i < N_ELEMS(others); i++)
		if (str_eq(w->type, others[i])) {
			bad(w, "mounts of type %s are not part of this version", w->type);
			return err_hint(w->e, "there are bind, volume, tmpfs, overlay, mqueue and devpts");
		}
	return one_of(w, "type", w->type, TYPES, N_ELEMS(TYPES)) < 0 ? -1 : 0;
}

/* A field that is none of KEYS: a word of mount options, or wrong. */
static int take_word(struct words *w, const char *field, const char *key)
{
	const char *names[N_ELEMS(KEYS)];
	const struct mountopt *o;
	const char *near;
	size_t n = 0;

	if (!strchr(field, '=') && mountopt_find(field, &o) == 0) {
		if (o->refused)
			return bad(w, "'%s': %s", field, o->refused);
		strv_add(&w->rest, field);
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(KEYS); i++)
		if (KEYS[i].types & type_bit(w->type) && KEYS[i].key != K_REFUSED &&
		    !(KEYS[i].key <= K_TARGET && str_eq(w->option, "--tmpfs")))
			names[n++] = KEYS[i].word;
	near = str_nearest(key, names, n);
	if (!near)
		near = mountopt_nearest(key);
	bad(w, "'%s' is not a key of a %s mount", key, w->type);
	if (near)
		return err_hint(w->e, "did you mean %s ?", near);
	if (str_eq(w->option, "--tmpfs"))
		return err_hint(w->e, "for example --tmpfs /run:size=64m,mode=0755,noexec");
	return err_hint(w->e, strchr(w->text, '"') ? "expected KEY=VALUE,... with keys such as type, source, target and readonly"
						  : "expected KEY=VALUE,...; a value with a comma stands in double quotes: "
						    "'\"source=/a,b\"'");
}

static int take_fields(struct words *w)
{
	const bool is_tmpfs = str_eq(w->option, "--tmpfs");	/* type and target stand before the options */

	for (size_t i = 0; i < w->fields.n; i++) {
		const char *field = w->fields.v[i], *eq = strchr(field, '=');
		AUTO_FREE char *key = str_dupn(field, eq ? (size_t)(eq - field) : strlen(field));
		size_t row = 0;

		while (row < N_ELEMS(KEYS) && !(str_eq(KEYS[row].word, key) && !(is_tmpfs && KEYS[row].key <= K_TARGET)))
			row++;
		if (row == N_ELEMS(KEYS)) {
			if (take_word(w, field, key) < 0)
				return -1;
			continue;
		}
		if (!(KEYS[row].types & type_bit(w->type)))
			return bad(w, "'%s' is not for a mount of type %s", key, w->type);
		if (take_key(w, row, KEYS[row].word, eq ? eq + 1 : NULL) < 0)
			return -1;
	}
	return 0;
}

/* The path that an inherited descriptor has: what is mounted is compared with the descriptor. */
static char *fd_source(const struct words *w, int *fd)
{
	char link[FD_PATH_MAX], real[PATH_MAX];
	int given = inherited_fd(w->source + strlen("fd:"), "--mount source=fd:N", w->e);
	ssize_t n;

	if (given < 0)
		return NULL;
	n = readlink(fd_path(given, link), real, sizeof(real));
	if (n <= 0 || n == sizeof(real) || real[0] != '/') {
		bad(w, "descriptor %d is no file or directory", given);
		err_hint(w->e, "--file %d:DST takes the data of a pipe", given);
		return NULL;
	}
	*fd = fcntl(given, F_DUPFD_CLOEXEC, 3);
	return str_dupn(real, (size_t)n);
}

static int make_bind(const struct words *w, struct spec_mount *m)
{
	int fd = -1;

	if (!w->source) {
		bad(w, "source= is missing");
		return err_hint(w->e, "for example --mount type=bind,source=./data,target=/data,readonly");
	}
	if (str_starts(w->source, "fd:")) {
		m->source = fd_source(w, &fd);
	} else if (!is_path_word(w->source)) {
		bad(w, "'%s' is no path", w->source);
		return err_hint(w->e, "a directory is given as source=./%s or by its absolute path; a volume with type=volume", w->source);
	} else {
		m->source = source_open(w->source, "the source of a mount", &fd, w->e);
	}
	if (!m->source)
		return w->e->kind == ERR_USAGE ? -1 : err_wrap(w->e, "--mount %s", w->text);
	spec_mount_add_fd(m, fd);
	if (w->recursion == REC_READONLY && (!w->readonly || (w->propagation && !str_eq(w->propagation, "rprivate")))) {
		bad(w, "bind-recursive=readonly goes with readonly, and with bind-propagation=rprivate");
		return err_hint(w->e, "readonly alone is recursive already");
	}
	strv_add(&m->options, w->recursion == REC_DISABLED ? "bind" : "rbind");
	for (size_t i = 0; i < w->rest.n; i++)
		mount_add_word(m, w->rest.v[i]);
	if (w->readonly)
		strv_add(&m->options, w->recursion == REC_WRITABLE ? "ro" : "rro");
	if (w->propagation)
		strv_add(&m->options, w->propagation);
	return 0;
}

static void add_layer(struct buf *b, const char *path)
{
	for (; *path; path++)
		buf_addf(b, "%s%c", *path == ':' || *path == '\\' ? "\\" : "", *path);
}

static int open_layer(const struct words *w, struct spec_mount *m, const char *word, char **real)
{
	int fd;

	if (!is_path_word(word))
		return bad(w, "the directory '%s' must begin with /, ./, ../ or ~/", word);
	*real = source_open(word, "a directory of an overlay", &fd, w->e);
	if (!*real)
		return err_wrap(w->e, "--mount %s", w->text);
	spec_mount_add_fd(m, fd);
	return 0;
}

static int make_overlay(const struct words *w, struct spec_mount *m)
{
	AUTO_BUF struct buf lower = { 0 };

	if (!w->lower.n) {
		bad(w, "lowerdir= is missing");
		return err_hint(w->e, "for example --mount type=overlay,lowerdir=./tree,target=/tree; what is written is thrown "
				      "away where no upperdir= and workdir= are named");
	}
	if (!w->upper != !w->work) {
		bad(w, "%s= is missing: upperdir= and workdir= go together", w->upper ? "workdir" : "upperdir");
		return err_hint(w->e, "workdir= is an empty directory on the same file system as upperdir=");
	}
	for (size_t i = 0; i < w->lower.n; i++) {
		AUTO_FREE char *real = NULL;

		if (open_layer(w, m, w->lower.v[i], &real) < 0)
			return -1;
		buf_add(&lower, i ? ":" : "");
		add_layer(&lower, real);
	}
	strv_addf(&m->options, "lowerdir=%s", lower.s);
	if (w->upper) {
		AUTO_FREE char *upper = NULL, *work = NULL;

		if (open_layer(w, m, w->upper, &upper) < 0 || open_layer(w, m, w->work, &work) < 0)
			return -1;
		strv_addf(&m->options, "upperdir=%s", upper);
		strv_addf(&m->options, "workdir=%s", work);
	}
	return 0;
}

static int make_volume(const struct words *w, struct spec *s)
{
	struct spec_mount *m;

	if (!w->source) {
		if (w->readonly || w->rest.n)
			return bad(w, "options are for a volume with a name: source= is missing");
		return volume_add_anonymous(s, w->option, w->target, w->e);
	}
	if (is_path_word(w->source)) {
		bad(w, "source= is the name of a volume, and was given '%s'", w->source);
		return err_hint(w->e, "a directory of this machine is mounted with type=bind");
	}
	m = volume_add(s, w->option, w->text, w->source, w->target, w->e);
	if (!m)
		return -1;
	m->nocopy = w->nocopy;
	for (size_t i = 0; i < w->rest.n; i++)
		if (str_eq(w->rest.v[i], "nocopy"))
			m->nocopy = true;
		else
			mount_add_word(m, w->rest.v[i]);
	if (w->readonly)
		strv_add(&m->options, "rro");
	return 0;
}

static int make_mount(const struct words *w, struct spec *s)
{
	struct spec_mount *m;

	if (!w->target) {
		bad(w, "target= is missing");
		return err_hint(w->e, "the absolute path inside; dst= and destination= are the same");
	}
	if (check_destination(w->option, w->target, w->e) < 0)
		return -1;
	if (str_eq(w->type, "volume"))
		return make_volume(w, s);
	m = spec_add_mount(s);
	m->type = str_dup(w->type);
	m->destination = path_clean(w->target);
	if (str_eq(w->type, "bind"))
		return make_bind(w, m);
	if (w->source && !str_eq(w->source, w->type))
		return bad(w, "a mount of type %s has no source", w->type);
	m->source = str_dup(w->type);
	if (str_eq(w->type, "overlay") && make_overlay(w, m) < 0)
		return -1;
	for (size_t i = 0; i < w->rest.n; i++)
		strv_add(&m->options, w->rest.v[i]);
	if (w->readonly)
		strv_add(&m->options, "ro");
	return 0;
}

static void words_fini(struct words *w)
{
	strv_fini(&w->fields);
	strv_fini(&w->lower);
	strv_fini(&w->rest);
}

int mount_parse(struct spec *s, const char *text, struct err *e)
{
	struct words w = { .option = "--mount", .text = text, .e = e };
	int rc = csv_split(&w.fields, text, e);

	if (rc < 0)
		err_wrap(e, "--mount %s", text);
	if (rc == 0)
		rc = find_type(&w);
	if (rc == 0)
		rc = take_fields(&w);
	if (rc == 0)
		rc = make_mount(&w, s);
	words_fini(&w);
	return rc;
}

int tmpfs_parse(struct spec *s, const char *text, const char *target, const char *options, struct err *e)
{
	struct words w = { .option = "--tmpfs", .text = text, .type = "tmpfs", .target = target, .e = e };
	int rc;

	if (*options)
		strv_split(&w.fields, options, ',');
	rc = take_fields(&w);
	if (rc == 0)
		rc = make_mount(&w, s);
	words_fini(&w);
	return rc;
}
