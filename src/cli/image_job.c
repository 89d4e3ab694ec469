/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_job.c - from options to work on images */

#include "cli/image_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/near.h"
#include "base/size.h"
#include "cli/args.h"
#include "cli/help.h"

/* ---- options ---- */

static int take_size(const char *option, const char *text, uint64_t *out, struct err *e)
{
	if (!text)
		return 0;
	if (size_parse(option, text, out, e) < 0)
		return -1;
	return *out ? 0 : err_set(e, ERR_USAGE, "%s %s: expected more than 0", option, text);
}

static int take_number(const char *option, const char *text, uint64_t max, uint64_t *out, struct err *e)
{
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || *end || text[0] < '0' || text[0] > '9' || !*out || *out > max)
		return err_set(e, ERR_USAGE, "%s %s: expected a number, at least 1", option, text);
	return 0;
}

/* OS/ARCH[/VARIANT], of what stands in images. */
static int check_platform(const char *text, struct err *e)
{
	static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	AUTO_STRV struct strv parts = { 0 };
	bool is_good;

	if (!text)
		return 0;
	strv_split(&parts, text, '/');
	is_good = parts.n == 2 || parts.n == 3;
	for (size_t i = 0; i < parts.n; i++)
		is_good = is_good && parts.v[i][0] && !parts.v[i][strspn(parts.v[i], ALLOWED)];
	if (is_good)
		return 0;
	err_set(e, ERR_USAGE, "--platform %s: expected OS/ARCH or OS/ARCH/VARIANT", text);
	return err_hint(e, "for example linux/amd64 or linux/arm/v7");
}

int job_options(struct imager_job *job, const struct args *a, struct err *e)
{
	uint64_t depth = 0;

	job->platform = a->platform;
	if (check_platform(a->platform, e) < 0 || take_size("--max-image-size", a->max_image_size, &job->caps.bytes, e) < 0 ||
	    take_number("--max-image-files", a->max_image_files, UINT64_MAX, &job->caps.entries, e) < 0 ||
	    take_number("--max-image-depth", a->max_image_depth, UINT32_MAX, &depth, e) < 0 ||
	    take_size("--max-blob-size", a->max_blob_size, &job->caps.blob_bytes, e) < 0 ||
	    take_size("--max-unpack-memory", a->max_unpack_memory, &job->caps.memory, e) < 0)
		return -1;
	job->caps.depth = (uint32_t)depth;
	return 0;
}

int registry_access(struct image_place *p, const struct args *a, const struct image_ref *ref, struct imager_registry *how, struct err *e)
{
	const bool is_insecure = a->tls_verify == TRI_UNSET ? short_names_is_insecure(&p->short_names, ref->registry)
							     : a->tls_verify == TRI_FALSE;

	*how = (struct imager_registry){ .cacert = a->cacert, .is_insecure = is_insecure };
	if (!a->cacert || access(a->cacert, R_OK) == 0)
		return 0;
	err_sys(e, "open", a->cacert, "--cacert %s", a->cacert);
	return e->errnum == ENOENT ? near_hint(a->cacert, "a file with certificates in PEM", e) : -1;
}

int registry_options(struct image_place *p, const struct args *a, const struct image_ref *ref, struct credentials *c,
		     struct imager_registry *how, struct err *e)
{
	*c = (struct credentials){ 0 };
	if (registry_access(p, a, ref, how, e) < 0)
		return -1;
	if (a->creds ? credentials_given(a->creds, c, e) < 0 : credentials_find(ref->registry, ref->repository, c, e) < 0)
		return -1;
	if (c->from)
		log_info("%s: as %s, by %s", ref->registry, c->username ? c->username : "whom the token names", c->from);
	how->username = c->username;
	how->password = c->password;
	how->identity_token = c->token;
	return 0;
}

/* ---- bringing ---- */

/* ---- mirrors ---- */

struct mirrors {
	struct imager_mirror *v;	/* owned, with what it borrows from: */
	struct image_ref *refs;
	struct credentials *as;
	size_t n;
};

static void mirrors_fini(struct mirrors *m)
{
	for (size_t i = 0; i < m->n; i++) {
		ref_fini(&m->refs[i]);
		credentials_fini(&m->as[i]);
	}
	free(m->v);
	free(m->refs);
	free(m->as);
}

/* Those of @ref's registry, with what is kept for each: --creds are for the registry that was named. */
static int find_mirrors(struct image_place *p, const struct args *a, const struct image_ref *ref, struct mirrors *m, struct err *e)
{
	AUTO_STRV struct strv from = { 0 };
	struct args others = *a;

	others.creds = NULL;
	short_names_mirrors(&p->short_names, ref, &from);	/* the last is @ref itself */
	m->v = mem_alloc(from.n * sizeof(*m->v));
	m->refs = mem_alloc(from.n * sizeof(*m->refs));
	m->as = mem_alloc(from.n * sizeof(*m->as));
	while (m->n + 1 < from.n) {
		const size_t i = m->n++;
		struct imager_registry how;

		if (ref_parse(from.v[i], &m->refs[i], e) < 0 || registry_options(p, &others, &m->refs[i], &m->as[i], &how, e) < 0)
			return -1;
		m->v[i] = (struct imager_mirror){ m->refs[i].registry, m->refs[i].repository, how.username, how.password,
						  how.identity_token, how.is_insecure };
	}
	return 0;
}

/* @full: what it is called, and the registry that is asked behind its mirrors */
static int bring_full(struct image_place *p, const struct args *a, const char *full, const struct imager_view *view, char **id,
		      struct err *e)
{
	AUTO_CREDENTIALS struct credentials c = { 0 };
	struct imager_job job = { .source = { .kind = SOURCE_NAME, .number = -1 }, .pulls = true, .view = view };
	AUTO_STRV struct strv ids = { 0 };
	struct mirrors mirrors = { 0 };
	int rc;

	if (ref_parse(full, &job.source.ref, e) < 0)
		return -1;
	strv_add(&job.names, full);
	rc = job_options(&job, a, e);
	if (rc == 0)
		rc = registry_options(p, a, &job.source.ref, &c, &job.registry, e);
	if (rc == 0)
		rc = find_mirrors(p, a, &job.source.ref, &mirrors, e);
	job.registry.mirrors = mirrors.v;
	job.registry.n_mirrors = mirrors.n;
	if (rc == 0)
		rc = place_ids(p, e);
	if (rc == 0)
		rc = imager_bring(&p->images, &p->facts, &p->uids, &p->gids, &job, &ids, e);
	if (rc == 0 && !ids.n)
		rc = err_set(e, ERR_PEER, "no image came");
	if (rc == 0)
		*id = str_dup(ids.v[0]);
	strv_fini(&job.names);
	source_fini(&job.source);
	mirrors_fini(&mirrors);
	return rc < 0 ? err_wrap(e, "%s", full) : 0;
}

/* Whether another registry may do better. */
static bool may_go_on(const struct err *e)
{
	return e->kind != ERR_SIGNAL && e->kind != ERR_USAGE && e->kind != ERR_BUG && e->errnum != ENOSPC && e->errnum != EDQUOT;
}

int bring_name(struct image_place *p, const struct args *a, const struct image_ref *ref, const struct pull_view *view, char **id,
	       struct err *e)
{
	AUTO_STRV struct strv full = { 0 };

	*id = NULL;
	if (short_names_complete(&p->short_names, ref, &full, e) < 0)
		return -1;
	for (size_t i = 0; i < full.n; i++) {
		struct err one = { 0 };

		if (bring_full(p, a, full.v[i], &view->view, id, &one) == 0)
			return 0;
		if (i)
			log_err(e);
		*e = one;
		if (!may_go_on(e))
			return -1;
	}
	return -1;
}

int bring_source(struct image_place *p, const struct args *a, const struct image_source *source, bool all, const struct pull_view *view,
		 struct strv *ids, struct err *e)
{
	struct imager_job job = { .source = *source, .all = all, .keeps_names = all, .view = &view->view };
	int rc = job_options(&job, a, e);

	if (rc == 0)
		rc = place_ids(p, e);
	if (rc == 0)
		rc = imager_bring(&p->images, &p->facts, &p->uids, &p->gids, &job, ids, e);
	return rc;
}

int name_file(const char *word, struct err *e)
{
	return e->kind == ERR_SIGNAL || strstr(e->what, word) || strstr(e->path, word) ? -1 : err_wrap(e, "%s", word);
}

int print_image_event(const char *event, const char *word, const char *id, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	buf_addf(&out, "{\"event\":\"%s\",\"image\":", event);
	buf_add_json(&out, word);
	buf_addf(&out, ",\"id\":\"%s\"}\n", id);
	return help_print(&out, e);
}
