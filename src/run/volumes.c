/* SPDX-License-Identifier: Apache-2.0 */
/* run/volumes.c - named volumes of a run: made where they are missing, held, and by whom */

#include "run/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/inmap.h"
#include "run/internal.h"

/* ---- taking ---- */

/* Whether the command runs as the caller, under its own number: the volume is for him, not for root inside. */
static bool is_callers(const struct spec *s)
{
	return s->root.kind == ROOT_HOST || (s->userns && str_starts(s->userns, "keep-id"));
}

static void say_made(const char *name)
{
	log_info("volume %s: made", name);
	if (access(name, F_OK) == 0)
		log_warn("-v %s:... is a volume of that name, which was made now; what lies here is given as ./%s", name, name);
}

/* It may be removed between the calls; then it is made once more. @uids without a row: it has the ids of inside. */
static int make_and_use(struct volumes *vs, const char *name, const struct id_map *for_uids, const struct id_map *for_gids,
			const struct id_map *uids, const struct id_map *gids, struct volume *v, struct err *e)
{
	for (;;) {
		int made = volume_create(vs, name, NULL, for_uids, for_gids, in_map, e), got;

		if (made < 0 || (!made && uids->n && volume_give(vs, name, for_uids, for_gids, in_map, e) < 0))
			return -1;
		got = volume_use(vs, name, uids, gids, v, e);
		if (got > 0 && made > 0)
			say_made(name);
		if (got != 0)
			return got;
	}
}

static int take(struct spec_mount *m, const struct spec *s, const struct plan_input *in, struct volumes *vs, struct err *e)
{
	static const struct id_map NONE;
	/* real root's are mounted through the map: on the disk they have the ids of inside */
	const struct id_map *uids = in->is_root ? &NONE : &in->uids, *gids = in->is_root ? &NONE : &in->gids;
	const bool is_plain = in->is_root || is_callers(s);
	struct volume v;
	int fd;

	if (make_and_use(vs, m->volume, is_plain ? NULL : uids, is_plain ? NULL : gids, uids, gids, &v, e) < 0)
		return -1;
	str_set(&m->source, v.path);
	m->volume_lock = fd_take(&v.lock);
	m->volume_copy = fd_take(&v.copy);
	m->is_fresh = m->volume_copy >= 0;
	volume_fini(&v);
	fd = open(m->source, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open", m->source, "the volume %s", m->volume);
	spec_mount_add_fd(m, fd);
	return 0;
}

/* What a start before this one took, which failed, and whose ids were others. */
static void give_back(struct spec_mount *m)
{
	while (m->n_fds)
		auto_close(&m->fds[--m->n_fds]);
	auto_close(&m->volume_lock);
	auto_close(&m->volume_copy);
}

int volumes_take(struct spec *s, const struct plan_input *in, struct store *st, bool makes, struct err *e)
{
	struct volumes vs = { .fd = -1 };
	int rc = 0;

	for (size_t i = 0; st && rc == 0 && i < s->n_mounts; i++) {
		struct spec_mount *m = &s->mounts[i];

		if (!m->volume)
			continue;
		give_back(m);
		if (!makes) {
			AUTO_FREE char *path = str_fmt("%s/volumes/%s/data", st->kept_dir ? st->kept_dir : st->data_dir, m->volume);

			struct err ignored = { 0 };

			str_set(&m->source, path);
			m->is_fresh = (vs.fd < 0 && volumes_open(st, false, &vs, &ignored) < 0) || volume_is_fresh(&vs, m->volume);
			continue;
		}
		if (vs.fd < 0)
			rc = volumes_open(st, true, &vs, e);
		if (rc == 0)
			rc = take(m, s, in, &vs, e);
	}
	volumes_close(&vs);
	return rc;
}

/* ---- by whom ---- */

enum { CONFIG_MAX = 16 << 20 };

static bool has_mount(const char *dir, const void *path)
{
	AUTO_FREE char *file = str_fmt("%s/config.json", dir), *text = NULL;
	const json_t *mounts;
	json_error_t at;
	bool found = false;
	size_t len;
	json_t *o;

	if (fd_read_file(AT_FDCWD, file, CONFIG_MAX, &text, &len) < 0)
		return false;
	o = json_loadb(text, len, 0, &at);
	mounts = json_object_get(o, "mounts");
	for (size_t i = 0; i < json_array_size(mounts); i++)
		found = found || str_eq(json_string_value(json_object_get(json_array_get(mounts, i), "source")), path);
	json_decref(o);
	return found;
}

void volume_users(struct store *st, const char *path, struct strv *out)
{
	store_users(st, has_mount, path, out);
}

int volume_remove_unused(struct store *st, struct volumes *vs, const char *name, struct err *e)
{
	AUTO_FREE char *path = str_fmt("%s/%s/data", vs->dir, name);
	AUTO_STRV struct strv users = { 0 };
	AUTO_BUF struct buf b = { 0 };

	if (volume_remove(vs, name, in_map, e) == 0)
		return 0;
	if (e->errnum != EBUSY)
		return -1;
	volume_users(st, path, &users);
	for (size_t i = 0; i < users.n; i++)
		buf_addf(&b, "%s%s", i ? ", " : "", users.v[i]);
	return err_hint(e, users.n ? "it is mounted in the sandbox %s" : "a sandbox that is just starting or ending has it%s", users.n ? b.s : "");
}
