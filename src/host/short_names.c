/* SPDX-License-Identifier: Apache-2.0 */
/* host/short_names.c - images.conf: which image a short name means, and what is special about a registry */

#include "host/short_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"

#define FILE_NAME "images.conf"
#define REGISTRY_DEFAULT "docker.io"
#define BLANKS " \t"

static const char *const KEYWORDS[SHORT_KINDS] = {
	[SHORT_ALIAS] = "alias",       [SHORT_SEARCH] = "search",   [SHORT_INSECURE] = "insecure",
	[SHORT_MIRROR] = "mirror",     [SHORT_BLOCKED] = "blocked",
};
static const char *const FORMS[SHORT_KINDS] = {
	[SHORT_ALIAS] = "alias NAME = REGISTRY/REPOSITORY[:TAG]",
	[SHORT_SEARCH] = "search REGISTRY...",
	[SHORT_INSECURE] = "insecure REGISTRY",
	[SHORT_MIRROR] = "mirror REGISTRY = REGISTRY[/PREFIX]",
	[SHORT_BLOCKED] = "blocked REGISTRY",
};

/* ---- a line ---- */

struct line {
	struct short_names *sn;
	enum short_kind kind;
	const char *where;
	struct err *e;
};

static void add(const struct line *l, const char *key, const char *value)
{
	struct short_names *sn = l->sn;

	sn->v = mem_grow(sn->v, sn->n + 1, sizeof(*sn->v));
	sn->v[sn->n++] = (struct short_line){
		.kind = l->kind, .key = str_dup(key), .value = str_dup(value), .where = str_dup(l->where), .file = sn->n_files,
	};
}

static int malformed(const struct line *l)
{
	err_set(l->e, ERR_USAGE, "%s: malformed", l->where);
	return err_hint(l->e, "expected %s", FORMS[l->kind]);
}

static int add_registry(const struct line *l, const char *word, const char *value)
{
	AUTO_FREE char *registry = registry_canonical(word);

	if (!registry) {
		err_set(l->e, ERR_USAGE, "%s: '%.80s' is not a registry", l->where, word);
		return err_hint(l->e, "expected HOST, HOST:PORT or [IPV6]:PORT, with a dot or a port unless it is localhost: %s",
				FORMS[l->kind]);
	}
	add(l, registry, value);
	return 0;
}

static int read_alias(const struct line *l, const char *name, const char *target)
{
	AUTO_REF struct image_ref key = { 0 }, ref = { 0 };

	if (ref_parse(name, &key, l->e) < 0 || ref_parse(target, &ref, l->e) < 0)
		return err_wrap(l->e, "%s", l->where);
	if (key.registry || key.tag || key.digest) {
		err_set(l->e, ERR_USAGE, "%s: '%.80s' is not a short name, without registry, tag and digest", l->where, name);
		return err_hint(l->e, "expected %s", FORMS[l->kind]);
	}
	if (!ref.registry || ref.digest) {
		err_set(l->e, ERR_USAGE, "%s: '%.80s' is not a name with a registry, and without a digest", l->where, target);
		return err_hint(l->e, "expected %s", FORMS[l->kind]);
	}
	add(l, key.repository, target);
	return 0;
}

static int read_mirror(const struct line *l, const char *registry, const char *target)
{
	AUTO_FREE char *probe = str_fmt("%s/x", target);
	AUTO_REF struct image_ref ref = { 0 };

	/* as a name would begin with it */
	if (ref_parse(probe, &ref, l->e) < 0 || !ref.registry) {
		err_set(l->e, ERR_USAGE, "%s: '%.80s' is not a registry, nor one with a prefix", l->where, target);
		return err_hint(l->e, "expected %s", FORMS[l->kind]);
	}
	return add_registry(l, registry, target);
}

/* @text: behind the keyword. */
static int read_pair(const struct line *l, char *text)
{
	AUTO_STRV struct strv words = { 0 };
	char *sign = strchr(text, '=');

	if (!sign)
		return malformed(l);
	*sign = '\0';
	str_words(&words, text);
	str_words(&words, sign + 1);
	/* one on each side */
	if (words.n != 2 || !text[strspn(text, BLANKS)] || !sign[1 + strspn(sign + 1, BLANKS)])
		return malformed(l);
	return l->kind == SHORT_ALIAS ? read_alias(l, words.v[0], words.v[1]) : read_mirror(l, words.v[0], words.v[1]);
}

static int read_registries(const struct line *l, const char *text)
{
	AUTO_STRV struct strv words = { 0 };

	str_words(&words, text);
	if (!words.n || (words.n > 1 && l->kind != SHORT_SEARCH))
		return malformed(l);
	for (size_t i = 0; i < words.n; i++)
		if (add_registry(l, words.v[i], NULL) < 0)
			return -1;
	return 0;
}

static int read_line(struct line *l, char *text)
{
	AUTO_FREE char *keyword = NULL;
	const char *near;
	size_t n = strlen(text);

	if (n && text[n - 1] == '\r')
		text[n - 1] = '\0';
	text += strspn(text, BLANKS);
	if (!*text || *text == '#')
		return 0;
	n = strcspn(text, BLANKS "=");
	keyword = str_dupn(text, n);
	for (l->kind = 0; l->kind < SHORT_KINDS; l->kind++) {
		if (!str_eq(keyword, KEYWORDS[l->kind]))
			continue;
		return l->kind == SHORT_ALIAS || l->kind == SHORT_MIRROR ? read_pair(l, text + n) : read_registries(l, text + n);
	}
	near = str_nearest(keyword, KEYWORDS, SHORT_KINDS);
	err_set(l->e, ERR_USAGE, "%s: '%.40s' is not known", l->where, keyword);
	return near ? err_hint(l->e, "did you mean %s ?", near)
		    : err_hint(l->e, "a line begins with alias, search, insecure, mirror, blocked or #");
}

/* ---- files ---- */

int short_names_read(struct short_names *sn, const char *file, const char *text, size_t len, struct err *e)
{
	AUTO_STRV struct strv lines = { 0 };
	int rc = 0;

	if (len > SHORT_NAMES_MAX)
		return err_set(e, ERR_USAGE, "%s: it is larger than %d bytes", file, SHORT_NAMES_MAX);
	if (memchr(text, '\0', len))
		return err_set(e, ERR_USAGE, "%s: there is a NUL byte in it", file);
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n && rc == 0; i++) {
		AUTO_FREE char *where = str_fmt("%s:%zu", file, i + 1);
		struct line l = { .sn = sn, .where = where, .e = e };

		rc = read_line(&l, lines.v[i]);
	}
	sn->n_files++;
	return rc;
}

static int read_file(struct short_names *sn, const char *file, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd_read_file(AT_FDCWD, file, SHORT_NAMES_MAX, &text, &len) == 0)
		return short_names_read(sn, file, text, len, e);
	if (errno == ENOENT || errno == ENOTDIR)
		return 0;
	err_sys(e, "read", file, "short names of images");
	return e->errnum == EFBIG ? err_hint(e, "it may have %d bytes", SHORT_NAMES_MAX) : -1;
}

int short_names_load(struct short_names *sn, struct err *e)
{
	AUTO_FREE char *own = path_user_config(FILE_NAME), *built = path_built("data/" FILE_NAME);
	const char *const files[] = { own, LICHEN_SYSCONFDIR "/" FILE_NAME, built ? built : LICHEN_DATADIR "/" FILE_NAME };

	*sn = (struct short_names){ 0 };
	for (size_t i = 0; i < N_ELEMS(files); i++)
		if (files[i] && read_file(sn, files[i], e) < 0) {
			short_names_fini(sn);
			return -1;
		}
	return 0;
}

void short_names_fini(struct short_names *sn)
{
	for (size_t i = 0; i < sn->n; i++) {
		free(sn->v[i].key);
		free(sn->v[i].value);
		free(sn->v[i].where);
	}
	free(sn->v);
	*sn = (struct short_names){ 0 };
}

/* ---- what they say ---- */

/* The next line of @kind about @key (NULL: any) from @from on; NULL. */
static const struct short_line *find(const struct short_names *sn, enum short_kind kind, const char *key, size_t from)
{
	for (size_t i = from; i < sn->n; i++)
		if (sn->v[i].kind == kind && (!key || str_eq(sn->v[i].key, key)))
			return &sn->v[i];
	return NULL;
}

/* Appends @r, whose registry is known; 1: it is blocked, and @e says by what. */
static int add_candidate(const struct short_names *sn, const struct image_ref *r, struct strv *out, struct err *e)
{
	const struct short_line *blocked = find(sn, SHORT_BLOCKED, r->registry, 0);

	if (blocked) {
		err_set(e, ERR_SPEC, "the registry %s is blocked", r->registry);
		err_hint(e, "%s says so", blocked->where);
		return 1;
	}
	if (ref_check_length(r, e) < 0)
		return -1;
	strv_add_take(out, ref_format(r));
	return 0;
}

static int add_alias(const struct short_names *sn, const struct short_line *alias, const struct image_ref *r, struct strv *out,
		     struct err *e)
{
	AUTO_REF struct image_ref full = { 0 };

	if (ref_parse(alias->value, &full, e) < 0)
		return err_wrap(e, "%s", alias->where);
	if (r->tag || r->digest)
		str_set(&full.tag, r->tag);
	str_set(&full.digest, r->digest);
	return add_candidate(sn, &full, out, e) ? -1 : 0;
}

int short_names_complete(const struct short_names *sn, const struct image_ref *r, struct strv *out, struct err *e)
{
	const struct short_line *line = r->registry ? NULL : find(sn, SHORT_ALIAS, r->repository, 0);
	const size_t before = out->n;
	size_t file;

	if (r->registry)
		return add_candidate(sn, r, out, e) ? -1 : 0;
	if (line)
		return add_alias(sn, line, r, out, e);
	line = find(sn, SHORT_SEARCH, NULL, 0);
	file = line ? line->file : 0;
	do {
		AUTO_REF struct image_ref full = { 0 };

		ref_copy(&full, r);
		ref_set_registry(&full, line ? line->key : REGISTRY_DEFAULT);
		if (add_candidate(sn, &full, out, e) < 0)
			return -1;
		line = line ? find(sn, SHORT_SEARCH, NULL, (size_t)(line - sn->v) + 1) : NULL;
	} while (line && line->file == file);
	return out->n > before ? 0 : -1;
}

void short_names_mirrors(const struct short_names *sn, const struct image_ref *r, struct strv *out)
{
	const struct short_line *line;

	for (size_t i = 0; (line = find(sn, SHORT_MIRROR, r->registry, i)); i = (size_t)(line - sn->v) + 1) {
		AUTO_FREE char *name = str_fmt("%s/%s", line->value, r->repository);
		AUTO_REF struct image_ref there = { 0 };
		struct err ignored = { 0 };

		/* one that is too long with the mirror's prefix cannot be had there */
		if (ref_parse(name, &there, &ignored) < 0)
			continue;
		str_set(&there.tag, r->tag);
		str_set(&there.digest, r->digest);
		if (ref_check_length(&there, &ignored) == 0 && !find(sn, SHORT_BLOCKED, there.registry, 0))
			strv_add_take(out, ref_format(&there));
	}
	strv_add_take(out, ref_format(r));
}

bool short_names_is_insecure(const struct short_names *sn, const char *registry)
{
	return find(sn, SHORT_INSECURE, registry, 0);
}
