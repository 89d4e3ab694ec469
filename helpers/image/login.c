/* SPDX-License-Identifier: Apache-2.0 */
/* image/login.c - the task "login": whether a registry takes a name and password
 *
 * The request is what remote.h says, without a repository. With IMSG_DONE comes, as a memfd, the identity token that the
 * registry's token service gave, which is to be kept in the password's place; or nothing.
 */

#include <string.h>

#include "base/str.h"
#include "digest.h"
#include "remote.h"
#include "tasks.h"

static int log_in(struct remote *r, struct err *e)
{
	AUTO_REMOTE_CALL struct remote_call c = { .http = { .method = "GET" } };
	struct image_msg m = { .kind = IMSG_DONE };

	c.http.url = str_dup(r->base);
	if (!r->auth.origin.is_https && talk_warn(r->talk, "%s speaks plain HTTP: the name and password go there as they are, for all to read "
						   "who are on the way", r->registry) < 0)
		return err_set(e, ERR_PEER, "lichen has ended");
	if (remote_ask(r, &c, e) < 0)
		return err_wrap(e, "logging in to %s", r->registry);
	if (c.http.status != 200)
		return remote_refused(r, &c, "logging in", e);
	if (!r->auth.challenge.wants_basic && !r->auth.challenge.wants_bearer &&
	    talk_warn(r->talk, "%s does not ask who one is: the name and password were not looked at", r->registry) < 0)
		return err_set(e, ERR_PEER, "lichen has ended");
	if (r->auth.identity)	/* often longer than a message */
		return talk_memfd(r->talk, &m, r->auth.identity, strlen(r->auth.identity), e);
	return talk_send(r->talk, &m, NULL, 0, e);
}

int task_login(struct talk *t, struct err *e)
{
	struct remote_files files = { 0 };
	struct remote remote = { 0 };
	int r = -1;

	if (confine_begin(NULL, 0, e) == 0 && digest_prepare(e) == 0 && remote_files(t, &files, e) == 0 &&
	    remote_confine(&files, -1, e) == 0 && remote_open(&remote, t, &files, -1, NULL, e) == 0)
		r = log_in(&remote, e);
	remote_close(&remote);
	remote_files_fini(&files);
	return r;
}
