/* SPDX-License-Identifier: Apache-2.0 */
/* image/tags.c - the task "tags": which tags a repository has
 *
 * The request is what remote.h says. With IMSG_DONE comes, as a memfd, a line for each tag. Lists come in pages, each of which
 * says where the next one is (RFC 8288's Link).
 */

#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "digest.h"
#include "remote.h"
#include "tasks.h"

enum { PAGES_MAX = 200, TAGS_MAX = 10000, TAG_MAX = 128 };

static bool is_tag(const char *s)
{
	const size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") : 0;

	return n && n <= TAG_MAX && !s[n] && *s != '.' && *s != '-';
}

static int take_page(const struct remote *r, const struct http_call *c, struct strv *tags, struct err *e)
{
	json_t *all = c->text.len ? json_loadb(c->text.s, c->text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *list = json_object_get(all, "tags"), *one;
	int rc = json_is_array(list) || json_is_null(list) ? 0 : err_set(e, ERR_STATE, "GET %s: there is no list of tags in it", c->at.shown);
	size_t i;

	json_array_foreach(list, i, one) {
		if (rc == 0 && tags->n == TAGS_MAX)
			rc = err_set(e, ERR_STATE, "%s/%s has more than %d tags", r->registry, r->repository, TAGS_MAX);
		else if (rc == 0 && !is_tag(json_string_value(one)))
			rc = err_set(e, ERR_STATE, "GET %s: tag %zu is none", c->at.shown, i + 1);
		else if (rc == 0)
			strv_add(tags, json_string_value(one));
	}
	json_decref(all);
	return rc;
}

/* Where the next page is, owned; NULL: this was the last one. 0, -1 */
static int next_page(const struct http_call *c, char **url, struct err *e)
{
	__attribute__((cleanup(url_fini))) struct url to = { 0 };
	const char *link = http_header(c, "link", NULL), *end = link && link[0] == '<' ? strchr(link, '>') : NULL;
	AUTO_FREE char *there = NULL;

	*url = NULL;
	if (!end || !strstr(end, "rel=\"next\""))
		return 0;
	there = str_dupn(link + 1, (size_t)(end - link - 1));
	if (url_parse(there, c->at.text, &to, e) < 0)
		return err_wrap(e, "the next page of the list of tags");
	*url = str_dup(to.text);
	return 0;
}

static int list(struct remote *r, struct strv *tags, struct err *e)
{
	AUTO_FREE char *url = remote_url(r, "tags/list");

	for (unsigned page = 0; url; page++) {
		AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "GET", .url = ptr_take(&url) } };

		if (page == PAGES_MAX)
			return err_set(e, ERR_STATE, "%s/%s: the list of tags has more than %d pages", r->registry, r->repository, PAGES_MAX);
		if (remote_ask(r, &c, e) < 0)
			return -1;
		if (c.http.status != 200)
			return remote_refused(r, &c, "listing the tags", e);
		if (take_page(r, &c.http, tags, e) < 0 || next_page(&c.http, &url, e) < 0)
			return -1;
	}
	return 0;
}

static int tell(const struct remote *r, const struct strv *tags, struct err *e)
{
	struct image_msg m = { .kind = IMSG_DONE };
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < tags->n; i++)
		buf_addf(&text, "%s\n", tags->v[i]);
	if (!text.len)
		return err_set(e, ERR_PEER, "%s/%s has no tags", r->registry, r->repository);
	return talk_memfd(r->talk, &m, text.s, text.len, e);
}

int task_tags(struct talk *t, struct err *e)
{
	struct remote_files files = { 0 };
	struct remote remote = { 0 };
	AUTO_STRV struct strv tags = { 0 };
	int r = -1;

	if (confine_begin(NULL, 0, e) == 0 && digest_prepare(e) == 0 && remote_files(t, &files, e) == 0 &&
	    remote_confine(&files, -1, e) == 0 && remote_open(&remote, t, &files, -1, "pull", e) == 0 && list(&remote, &tags, e) == 0)
		r = tell(&remote, &tags, e);
	remote_close(&remote);
	remote_files_fini(&files);
	return r;
}
