/* SPDX-License-Identifier: Apache-2.0 */
/* store/list.c - which runs are live, and what people call them */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>

#include "base/auto.h"
#include "base/fd.h"
#include "store/internal.h"
#include "store/store.h"

/* The name of RUN/ID, where RUN/names/NAME says the same: for an instant of its start a run
 * has a name that is another's. */
static char *name_of(const struct store *st, const char *id)
{
	AUTO_FREE char *path = str_fmt("%s/name", id), *name = store_read_link(st->run_fd, path);
	AUTO_FREE char *link = name && str_is_name(name) ? str_fmt("names/%s", name) : NULL;
	AUTO_FREE char *holder = link ? store_read_link(st->run_fd, link) : NULL;

	return str_eq(holder, id) ? ptr_take(&name) : NULL;
}

int store_list(const struct store *st, size_t max, struct run_names *out, struct err *e)
{
	AUTO_CLOSE int fd = openat(st->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	*out = (struct run_names){ 0 };
	if (!dir)
		return err_sys(e, "openat", st->run_dir, "cannot list the running sandboxes");
	fd = -1;
	for (const struct dirent *d; out->n < max && (d = readdir(dir));) {
		if (!store_is_id(d->d_name) || !store_is_live(st, d->d_name))
			continue;
		out->v = mem_grow(out->v, out->n + 1, sizeof(*out->v));
		out->v[out->n++] = (struct run_name){ str_dup(d->d_name), name_of(st, d->d_name) };
	}
	return 0;
}

void run_names_fini(struct run_names *names)
{
	for (size_t i = 0; i < names->n; i++) {
		free(names->v[i].id);
		free(names->v[i].name);
	}
	free(names->v);
	*names = (struct run_names){ 0 };
}

void store_users(struct store *st, store_is_user_fn *is_user, const void *arg, struct strv *out)
{
	struct run_names names = { 0 };
	struct err ignored;

	if (store_list(st, SIZE_MAX, &names, &ignored) == 0)
		for (size_t i = 0; i < names.n; i++) {
			const struct run_name *n = &names.v[i];
			struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };

			if (store_find(st, n->id, &rd, &ignored) < 0)
				continue;
			if (is_user(rd.data, arg) && n->name)
				strv_add(out, n->name);
			else if (is_user(rd.data, arg))
				strv_addf(out, "%.*s", RUN_ID_SHORT, n->id);
			run_dir_fini(&rd);
		}
	run_names_fini(&names);
}
