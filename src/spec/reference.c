/* SPDX-License-Identifier: Apache-2.0 */
/* spec/reference.c - names of images, digests, and where an image is said to be */

#include "spec/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define DOCKER_HUB "docker.io"
#define LIBRARY "library/" /* where docker.io has the names of one part */

enum {
	NAME_LEN_MAX = 255,	/* of a file in names/ (store/images.h), and the distribution specification's */
	TAG_MAX = 128,
	PORT_MAX = 65535,
	NUMBER_DIGITS_MAX = 6,
};

/* ---- digests ---- */

bool digest_is_valid(const char *text)
{
	size_t want = str_starts(text, "sha256:") ? 64 : str_starts(text, "sha512:") ? 128 : 0;
	const char *hex = text + strlen("sha256:");

	return want && strspn(hex, DIGITS "abcdef") == want && !hex[want];
}

/* ---- parts of a name ---- */

/* "alpine:3.20@sha256:...", as it was typed, in messages */
#define SHOWN "image name '%.160s': "

static size_t separator_len(const char *s)
{
	return *s == '-' ? strspn(s, "-") : str_starts(s, "__") ? 2 : *s == '.' || *s == '_' ? 1 : 0;
}

/* The length of the [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* that @s begins with. */
static size_t component_len(const char *s)
{
	size_t n = strspn(s, LOWER DIGITS);

	while (n) {
		size_t sep = separator_len(s + n), more = sep ? strspn(s + n + sep, LOWER DIGITS) : 0;

		if (!more)
			break;
		n += sep + more;
	}
	return n;
}

/* @repository is a part of @text, which is the whole name. */
static int check_repository(const char *text, const char *repository, struct err *e)
{
	const char *at = repository;

	if (!*repository)
		return err_set(e, ERR_USAGE, SHOWN "there is no repository in it", text);
	for (size_t n = component_len(at); n; n = component_len(at)) {
		at += n;
		if (!*at)
			return 0;
		if (*at++ != '/') {
			at--;
			break;
		}
	}
	if (!*at || *at == '/')
		return err_set(e, ERR_USAGE, SHOWN "there is an empty part, as a slash is at an end or follows another", text);
	if (strpbrk(repository, UPPER)) {
		AUTO_FREE char *lower = str_dup(text);
		char *part = strstr(lower, repository), *end = part + strlen(repository);

		for (; part < end; part++)
			*part = (char)tolower((unsigned char)*part);
		err_set(e, ERR_USAGE, SHOWN "there are capitals in the repository", text);
		return err_hint(e, "did you mean %.200s ?", lower);
	}
	err_set(e, ERR_USAGE, SHOWN "unexpected '%.16s' in the repository", text, at);
	return err_hint(e, "its parts are lower-case letters and digits, with . _ __ or - between them: docker.io/library/alpine:3.20");
}

static bool is_tag(const char *s)
{
	size_t n = strspn(s, LOWER UPPER DIGITS "_.-");

	return n && n <= TAG_MAX && !s[n] && *s != '.' && *s != '-';
}

static int check_tag(const char *text, const char *tag, struct err *e)
{
	if (is_tag(tag))
		return 0;
	if (!*tag)
		err_set(e, ERR_USAGE, SHOWN "there is no tag behind the colon", text);
	else if (strlen(tag) > TAG_MAX)
		err_set(e, ERR_USAGE, SHOWN "the tag is longer than %d characters", text, TAG_MAX);
	else
		err_set(e, ERR_USAGE, SHOWN "'%.40s' is not a tag", text, tag);
	return err_hint(e, "a tag has letters, digits, _ . and -, the last two not at its beginning: alpine:3.20");
}

static int check_digest(const char *text, const char *digest, struct err *e)
{
	if (digest_is_valid(digest))
		return 0;
	err_set(e, ERR_USAGE, SHOWN "'%.80s' is not a digest", text, digest);
	return err_hint(e, "expected @sha256: and 64 digits of 0-9 a-f, or @sha512: and 128");
}

/* ---- the registry ---- */

/* Whether the @n bytes before a name's first slash are a registry. */
static bool names_registry(const char *s, size_t n)
{
	return memchr(s, '.', n) || memchr(s, ':', n) || (n == strlen("localhost") && memcmp(s, "localhost", n) == 0);
}

/* The length of the host that @s begins with: words of letters, digits and inner hyphens with dots between, or [IPv6]. */
static size_t host_len(const char *s)
{
	size_t n = 0, word;

	if (*s == '[') {
		n = 1 + strspn(s + 1, DIGITS "abcdefABCDEF:.");
		return n > 2 && s[n] == ']' ? n + 1 : 0;
	}
	while ((word = strspn(s + n, LOWER UPPER DIGITS "-"))) {
		if (s[n] == '-' || s[n + word - 1] == '-')
			return 0;
		n += word;
		if (s[n] != '.')
			return n;
		n++;
	}
	return 0;
}

static bool is_port(const char *s)
{
	size_t n = strspn(s, DIGITS);

	return n && n <= 5 && !s[n] && *s != '0' && strtol(s, NULL, 10) <= PORT_MAX;
}

bool registry_is_valid(const char *text)
{
	size_t n = host_len(text);

	return n && names_registry(text, strlen(text)) && (!text[n] || (text[n] == ':' && is_port(text + n + 1)));
}

/* DNS does not tell capitals apart; docker.io has an old name. */
static char *registry_take(char *registry)
{
	for (char *p = registry; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (str_eq(registry, "index.docker.io"))
		str_set(&registry, DOCKER_HUB);
	return registry;
}

char *registry_canonical(const char *text)
{
	return registry_is_valid(text) ? registry_take(str_dup(text)) : NULL;
}

void ref_set_registry(struct image_ref *r, const char *registry)
{
	free(r->registry);
	r->registry = registry_take(str_dup(registry));
	if (str_eq(r->registry, DOCKER_HUB) && !strchr(r->repository, '/')) {
		AUTO_FREE char *old = r->repository;

		r->repository = str_fmt(LIBRARY "%s", old);
	}
}

/* ---- whole names ---- */

int ref_check_length(const struct image_ref *r, struct err *e)
{
	size_t tag = r->tag ? strlen(r->tag) : strlen("latest"), digest = r->digest ? strlen(r->digest) : 0;
	size_t n = (r->registry ? strlen(r->registry) + 1 : 0) + strlen(r->repository) + 1 + (tag > digest ? tag : digest);

	if (n <= NAME_LEN_MAX)
		return 0;
	return err_set(e, ERR_USAGE, "image name '%.80s...': it is %zu bytes long, at most %d are possible", r->repository, n,
		       NAME_LEN_MAX);
}

/* What is wrong before any part is looked at. */
static int check_text(const char *text, struct err *e)
{
	const char *scheme = strstr(text, "://");

	if (!*text)
		return err_set(e, ERR_USAGE, "the name of an image is empty");
	if (scheme) {
		err_set(e, ERR_USAGE, SHOWN "a name has no '%.*s://'", text, (int)(scheme - text > 32 ? 32 : scheme - text), text);
		if (!scheme[3] || scheme[3] == '/')
			return err_hint(e, "expected REGISTRY/REPOSITORY[:TAG]");
		return err_hint(e, "did you mean %.200s ?", scheme + 3);
	}
	for (const char *s = text; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return err_set(e, ERR_USAGE, SHOWN "there is a blank or a control character in it", text);
	return 0;
}

static int parse(const char *text, struct image_ref *r, struct err *e)
{
	size_t name_len = strcspn(text, "@"), first;
	AUTO_FREE char *name = str_dupn(text, name_len);
	char *slash = strrchr(name, '/'), *colon = strchr(slash ? slash : name, ':');

	if (check_text(text, e) < 0)
		return -1;
	if (text[name_len] == '@') {
		if (check_digest(text, text + name_len + 1, e) < 0)
			return -1;
		r->digest = str_dup(text + name_len + 1);
	}
	if (colon) {
		if (check_tag(text, colon + 1, e) < 0)
			return -1;
		r->tag = str_dup(colon + 1);
		*colon = '\0';
	}
	first = strcspn(name, "/");
	if (name[first] == '/' && names_registry(name, first)) {
		AUTO_FREE char *registry = str_dupn(name, first);

		if (!registry_is_valid(registry)) {
			err_set(e, ERR_USAGE, SHOWN "'%.80s' is not a registry", text, registry);
			return err_hint(e, "expected HOST, HOST:PORT or [IPV6]:PORT before the first slash");
		}
		if (check_repository(text, name + first + 1, e) < 0)
			return -1;
		r->repository = str_dup(name + first + 1);
		ref_set_registry(r, registry);
	} else {
		if (check_repository(text, name, e) < 0)
			return -1;
		r->repository = str_dup(name);
	}
	return ref_check_length(r, e);
}

int ref_parse(const char *text, struct image_ref *r, struct err *e)
{
	*r = (struct image_ref){ 0 };
	if (parse(text, r, e) == 0)
		return 0;
	ref_fini(r);
	return -1;
}

void ref_fini(struct image_ref *r)
{
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct image_ref){ 0 };
}

void ref_copy(struct image_ref *dst, const struct image_ref *src)
{
	str_set(&dst->registry, src->registry);
	str_set(&dst->repository, src->repository);
	str_set(&dst->tag, src->tag);
	str_set(&dst->digest, src->digest);
}

static char *format(const char *registry, const char *repository, const struct image_ref *r)
{
	const char *last = r->digest ? r->digest : r->tag ? r->tag : "latest";

	return str_fmt("%s%s%s%s%s", registry ? registry : "", registry ? "/" : "", repository, r->digest ? "@" : ":", last);
}

char *ref_format(const struct image_ref *r)
{
	return format(r->registry, r->repository, r);
}

char *ref_familiar(const struct image_ref *r)
{
	const char *name = r->repository;

	if (!str_eq(r->registry, DOCKER_HUB))
		return ref_format(r);
	if (str_starts(name, LIBRARY) && !strchr(name + strlen(LIBRARY), '/'))
		return format(NULL, name + strlen(LIBRARY), r);
	/* without its registry it would be read as another's */
	return names_registry(name, strcspn(name, "/")) ? ref_format(r) : format(NULL, name, r);
}

/* ---- where an image is ---- */

static const struct {
	const char *word;	/* with its colon */
	enum source_kind kind;
	const char *form;
} TRANSPORTS[] = {
	{ "oci:", SOURCE_OCI, "oci:DIR[:TAG]" },
	{ "oci-archive:", SOURCE_OCI_ARCHIVE, "oci-archive:FILE[:TAG]" },
	{ "docker-archive:", SOURCE_DOCKER_ARCHIVE, "docker-archive:FILE[:REF|:@N]" },
	{ "docker://", SOURCE_NAME, "docker://[REGISTRY/]REPOSITORY[:TAG]" },
};

/* Of skopeo and podman, and not here. */
static const struct {
	const char *word, *instead;
} REFUSED[] = {
	{ "dir:", "copy it to oci:DIR with skopeo" },
	{ "containers-storage:", "podman save --format oci-archive -o FILE NAME, then oci-archive:FILE" },
	{ "docker-daemon:", "docker save -o FILE NAME, then docker-archive:FILE" },
	{ "ostree:", "copy it to oci:DIR with skopeo" },
	{ "sif:", "copy it to oci:DIR with skopeo" },
	{ "tarball:", "lichen import makes an image of a tar of a root file system" },
};

/* A name within an OCI layout, as containers' tools take it: words of letters and digits, of which one of -._:@+ or --
 * stands between two, and slashes. */
static bool is_oci_name(const char *s)
{
	for (;;) {
		size_t n = strspn(s, LOWER UPPER DIGITS);

		s += n;
		if (!n || !*s)
			return n;
		s += str_starts(s, "--") ? 2 : strchr("-._:@+/", *s) ? 1 : 0;
	}
}

static int parse_docker_archive(const char *word, const char *rest, struct image_source *s, struct err *e)
{
	size_t n;

	if (*rest != '@') {
		if (ref_parse(rest, &s->ref, e) < 0)
			return err_wrap(e, "%.160s", word);
		if (!s->ref.digest)
			return 0;
		err_set(e, ERR_USAGE, "%.160s: an archive has no digests, but names with tags", word);
		return err_hint(e, "expected docker-archive:FILE:NAME:TAG, or docker-archive:FILE:@N for the Nth image, from 0");
	}
	n = strspn(rest + 1, DIGITS);
	if (!n || n > NUMBER_DIGITS_MAX || rest[1 + n]) {
		err_set(e, ERR_USAGE, "%.160s: '%.40s' is not the number of an image", word, rest);
		return err_hint(e, "expected docker-archive:FILE:@N, from 0");
	}
	s->number = strtol(rest + 1, NULL, 10);
	return 0;
}

/* FILE and what stands behind the first colon. */
static int parse_file(const char *word, size_t t, struct image_source *s, struct err *e)
{
	const char *path = word + strlen(TRANSPORTS[t].word);
	size_t n = strcspn(path, ":");
	const char *rest = path[n] ? path + n + 1 : NULL;

	if (!n) {
		err_set(e, ERR_USAGE, "%.160s: there is no path behind '%s'", word, TRANSPORTS[t].word);
		return err_hint(e, "expected %s", TRANSPORTS[t].form);
	}
	s->path = str_dupn(path, n);
	if (!rest)
		return 0;
	if (!*rest) {
		err_set(e, ERR_USAGE, "%.160s: there is nothing behind the last colon", word);
		return err_hint(e, "expected %s", TRANSPORTS[t].form);
	}
	if (s->kind == SOURCE_DOCKER_ARCHIVE)
		return parse_docker_archive(word, rest, s, e);
	if (strlen(rest) > NAME_LEN_MAX || !is_oci_name(rest)) {
		err_set(e, ERR_USAGE, "%.160s: '%.80s' is not a name within an image layout", word, rest);
		return err_hint(e, "expected %s; the path itself cannot have a colon", TRANSPORTS[t].form);
	}
	s->tag = str_dup(rest);
	return 0;
}

/* A word with a colon that is read as a name, but hardly meant as one. */
static int check_meant(const char *word, struct err *e)
{
	size_t n = strcspn(word, ":/");

	for (size_t i = 0; i < N_ELEMS(REFUSED); i++)
		if (str_starts(word, REFUSED[i].word)) {
			err_set(e, ERR_USAGE, "%.160s: '%s' is not read here", word, REFUSED[i].word);
			return err_hint(e, "%s; an image that has this name is docker.io/library/%.100s", REFUSED[i].instead, word);
		}
	for (size_t i = 0; word[n] == ':' && i < N_ELEMS(TRANSPORTS); i++) {
		const char *form = TRANSPORTS[i].form, *rest = word + n + 1 + strspn(word + n + 1, "/");
		AUTO_FREE char *head = str_dupn(word, n + 1), *meant = str_dupn(form, strcspn(form, ":") + 1);
		const bool is_long = strlen(meant) > 10;

		/* a short one is as near to many a name, which has a tag or a port there */
		if (str_distance(head, meant) > (is_long ? 2 : 1) || (!is_long && word[n + 1] != '.' && word[n + 1] != '/'))
			continue;
		err_set(e, ERR_USAGE, "%.160s: '%s' is not known", word, head);
		return err_hint(e, "did you mean %s%.200s ?", TRANSPORTS[i].word, TRANSPORTS[i].kind == SOURCE_NAME ? rest : word + n + 1);
	}
	return 0;
}

static int parse_source(const char *word, struct image_source *s, struct err *e)
{
	if (is_path_word(word)) {
		s->kind = SOURCE_PATH;
		s->path = str_dup(word);
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(TRANSPORTS); i++) {
		if (!str_starts(word, TRANSPORTS[i].word))
			continue;
		s->kind = TRANSPORTS[i].kind;
		s->is_transport = s->kind == SOURCE_NAME;
		return s->is_transport ? ref_parse(word + strlen("docker://"), &s->ref, e) : parse_file(word, i, s, e);
	}
	s->kind = SOURCE_NAME;
	return check_meant(word, e) < 0 ? -1 : ref_parse(word, &s->ref, e);
}

int source_parse(const char *word, struct image_source *s, struct err *e)
{
	*s = (struct image_source){ .number = -1 };
	if (parse_source(word, s, e) == 0)
		return 0;
	source_fini(s);
	return -1;
}

void source_fini(struct image_source *s)
{
	ref_fini(&s->ref);
	free(s->path);
	free(s->tag);
	*s = (struct image_source){ .number = -1 };
}
