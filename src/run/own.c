/* SPDX-License-Identifier: Apache-2.0 */
/* run/own.c - lichen's own files, which no sandbox sees
 *
 * Whoever could write them from inside would decide what the next lichen outside ends and
 * removes (store/sweep.c) and which filter it loads (steps/seccomp.c); whoever could reach the
 * sockets there could ask other sandboxes for their namespaces (run/share.c). So they are
 * covered wherever a volume, or a namespace of the host's, shows them.
 */

#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/path.h"
#include "run/internal.h"

static void cover(struct plan_input *in, const char *volume, const char *rest)
{
	AUTO_FREE char *path = str_fmt("%s%s", str_eq(volume, "/") ? "" : volume, rest);

	log_info("%s: lichen's own files are covered", path);
	if (!strv_has(&in->own_masks, path))
		strv_add(&in->own_masks, path);
}

/* Compares the directory @own and all above it with what is mounted: by inode, as a volume may
 * be given by another of its names. */
static void look_in_volumes(struct plan_input *in, const struct spec *s, const char *own)
{
	AUTO_FREE char *above = str_dup(own);

	for (size_t len = strlen(own);;) {
		struct stat dir, volume;

		above[len] = '\0';
		for (size_t i = 0; stat(len ? above : "/", &dir) == 0 && i < s->n_mounts; i++) {
			const struct spec_mount *m = &s->mounts[i];

			if (!str_eq(m->type, "bind") || !in->source_is_dir[i] || !m->n_fds || fstat(m->fds[0], &volume) < 0)
				continue;
			if (volume.st_dev == dir.st_dev && volume.st_ino == dir.st_ino)
				cover(in, m->destination, own + len);
		}
		if (!len)
			return;
		while (above[--len] != '/')
			;
	}
}

void own_cover(struct plan_input *in, const struct spec *s, const struct store *st, uid_t uid)
{
	AUTO_STRV struct strv places = { 0 };
	bool has_volumes = false, shares_memory = s->ns[NS_IPC].mode == NS_HOST;

	for (size_t i = 0; i < s->n_mounts; i++) {
		has_volumes = has_volumes || (str_eq(s->mounts[i].type, "bind") && in->source_is_dir[i]);
		shares_memory = shares_memory && !str_eq(s->mounts[i].destination, "/dev/shm");
	}
	if (!has_volumes && !shares_memory)
		return;
	store_places(st, uid, &places);
	for (size_t i = 0; i < places.n; i++) {
		if (has_volumes)
			look_in_volumes(in, s, places.v[i]);
		if (shares_memory && path_is_within(places.v[i], "/dev/shm"))
			cover(in, places.v[i], "");
	}
}
