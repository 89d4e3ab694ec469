/* SPDX-License-Identifier: Apache-2.0 */
/* run/bins.c - a root of programs: which files it has, and the texts that it lacks */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "host/libs.h"
#include "run/internal.h"

enum { NOBODY = 65534, TTY = 5 };

static const char *env_value(const struct spec *s, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < s->process.env.n; i++)
		if (str_starts(s->process.env.v[i], key) && s->process.env.v[i][len] == '=')
			return s->process.env.v[i] + len + 1;
	return NULL;
}

int bins_find(struct plan_input *in, const struct spec *s, struct err *e)
{
	struct libs_request q = { .bins = &s->root.bins, .path = env_value(s, "PATH"),
				  .library_path = env_value(s, "LD_LIBRARY_PATH") };
	struct libs found;
	int rc = libs_find(&q, &found, e);

	if (rc == 0) {
		in->rows = mem_alloc((found.n + 1) * sizeof(*in->rows));
		for (size_t i = 0; i < found.n; i++) {
			in->rows[i].path = ptr_take(&found.v[i].path);
			in->rows[i].link = ptr_take(&found.v[i].link);
			log_debug("--rootfs-from: %s%s%s", in->rows[i].path, in->rows[i].link ? " -> " : "",
				  in->rows[i].link ? in->rows[i].link : "");
		}
		in->n_rows = found.n;
	}
	libs_fini(&found);
	return rc < 0 ? err_wrap(e, "--rootfs-from") : 0;
}

/* "1000", "1000:1000" of -u: the ids; a name or nothing is root, who is always there. */
static void user_ids(const char *user, uint32_t *uid, uint32_t *gid)
{
	char *end;

	*uid = *gid = 0;
	if (!user || *user < '0' || *user > '9')
		return;
	*uid = *gid = (uint32_t)strtoul(user, &end, 10);
	if (end[0] == ':' && end[1] >= '0' && end[1] <= '9')
		*gid = (uint32_t)strtoul(end + 1, NULL, 10);
}

/* Programs ask for the names of ids (getpwuid), and where they live. */
void bins_texts(struct plan_input *in, const struct spec *s)
{
	struct buf passwd = { 0 }, group = { 0 };
	uint32_t uid, gid;

	user_ids(s->process.user, &uid, &gid);
	if (!s->process.user && in->has_own) {
		uid = in->own_uid;
		gid = in->own_gid;
	}
	buf_add(&passwd, "root:x:0:0:root:/root:/bin/sh\n");
	buf_addf(&group, "root:x:0:\ntty:x:%d:\n", TTY);
	if (uid && uid != NOBODY)
		buf_addf(&passwd, "user:x:%" PRIu32 ":%" PRIu32 ":user:/home/user:/bin/sh\n", uid, gid);
	if (gid && gid != TTY && gid != NOBODY)
		buf_addf(&group, "user:x:%" PRIu32 ":\n", gid);
	buf_addf(&passwd, "nobody:x:%d:%d:nobody:/:/bin/false\n", NOBODY, NOBODY);
	buf_addf(&group, "nogroup:x:%d:\n", NOBODY);
	in->etc_passwd = buf_take(&passwd);
	in->etc_group = buf_take(&group);
	in->etc_nsswitch = str_dup("passwd: files\ngroup: files\nhosts: files dns\n");
	in->home = str_dup(uid && uid != NOBODY ? "/home/user" : "/root");
	in->home_data = uid && uid != NOBODY ? str_fmt("mode=0700,uid=%" PRIu32 ",gid=%" PRIu32, uid, gid) : str_dup("mode=0700");
}
