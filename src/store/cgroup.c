/* SPDX-License-Identifier: Apache-2.0 */
/* store/cgroup.c - which cgroup a run has, and the end of what is in it
 *
 * RUN/ID/cgroup is a symbolic link, read and never followed, to the directory below
 * /sys/fs/cgroup that is the run's alone: lichen-ID, or systemd's lichen-ID.scope. It is made
 * before the directory, so that no kill leaves a cgroup that nobody knows of.
 */

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"

enum { ID_SHORT = 12, WAIT_MS = 5000, MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000 };

char *store_cgroup_name(const char *id)
{
	return str_fmt("lichen-%.*s", ID_SHORT, id);
}

int store_note_cgroup(const struct run_dir *rd, const char *dir, struct err *e)
{
	AUTO_FREE char *link = str_fmt("%s/cgroup", rd->live);

	(void)!unlink(link);
	return symlink(dir, link) == 0 ? 0 : err_sys(e, "symlink", link, "recording the sandbox's cgroup");
}

/* Whether @dir can be what we made for @id: nothing else is ever removed. */
static bool is_of_run(const char *dir, const char *id)
{
	AUTO_FREE char *name = store_cgroup_name(id), *scope = str_fmt("%s.scope", name);
	const char *leaf = strrchr(dir, '/');

	return str_starts(dir, "/sys/fs/cgroup/") && !strstr(dir, "/../") && leaf &&
	       (str_eq(leaf + 1, name) || str_eq(leaf + 1, scope));
}

char *store_cgroup_of(const struct run_dir *rd)
{
	AUTO_FREE char *link = str_fmt("%s/cgroup", rd->live);
	char text[PATH_MAX];
	ssize_t n = readlink(link, text, sizeof(text) - 1);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	return is_of_run(text, rd->id) ? str_dup(text) : NULL;
}

/* ---- controllers that were enabled for runs ---- */

#define ENABLED "user.lichen.enabled"

enum { ENABLED_MAX = 512 };

static bool read_enabled(const char *place, struct strv *out)
{
	char text[ENABLED_MAX + 1];
	ssize_t n = getxattr(place, ENABLED, text, ENABLED_MAX);

	if (n <= 0)
		return false;
	text[n] = '\0';
	strv_split(out, text, ' ');
	return true;
}

void store_note_enabled(const char *place, const struct strv *controllers)
{
	AUTO_STRV struct strv all = { 0 };
	AUTO_BUF struct buf text = { 0 };

	(void)read_enabled(place, &all);
	for (size_t i = 0; i < controllers->n; i++)
		if (!strv_has(&all, controllers->v[i]))
			strv_add(&all, controllers->v[i]);
	for (size_t i = 0; i < all.n; i++)
		buf_addf(&text, "%s%s", i ? " " : "", all.v[i]);
	/* a kernel without such attributes does without */
	if (text.len)
		(void)!setxattr(place, ENABLED, text.s, text.len, 0);
}

/* Whether there is a group below @place other than @own: what was enabled serves it, too. */
static bool has_others(const char *place, const char *own)
{
	AUTO_DIR DIR *dir = opendir(place);

	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' && !(own && str_eq(d->d_name, own)))
			return true;
	return !dir;
}

void store_disable(const char *place, const char *own)
{
	AUTO_FREE char *below = own ? str_fmt("%s/%s/cgroup.subtree_control", place, own) : NULL;
	AUTO_FREE char *control = str_fmt("%s/cgroup.subtree_control", place);
	AUTO_STRV struct strv names = { 0 };
	AUTO_BUF struct buf words = { 0 };

	if (!read_enabled(place, &names) || has_others(place, own))
		return;
	for (size_t i = 0; i < names.n; i++)
		buf_addf(&words, "%s-%s", i ? " " : "", names.v[i]);
	/* only who has no groups below may have processes */
	if (below)
		(void)!fd_burn(AT_FDCWD, below, words.s);
	if (fd_burn(AT_FDCWD, control, words.s) == 0)
		(void)!removexattr(place, ENABLED);
}

/* ---- ending and removing ---- */

static long now_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * MSEC_PER_SEC + t.tv_nsec / NSEC_PER_MSEC;
}

/* The kernel wakes whoever waits for POLLPRI on cgroup.events when one of its lines changes. */
int store_wait_event(const char *dir, const char *event, int timeout_ms)
{
	AUTO_FREE char *path = str_fmt("%s/cgroup.events", dir);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	const long end = now_ms() + timeout_ms;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		long left = end - now_ms();
		char text[256];
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		if (n < 0)
			return errno == ENODEV ? 0 : -1;
		text[n] = '\0';
		if (strstr(text, event))
			return 0;
		if (left <= 0) {
			errno = EBUSY;
			return -1;
		}
		(void)!poll(&p, 1, (int)left);
	}
}

/* SIGKILL for all of them at once, frozen ones too; before Linux 5.14 one by one. */
static void kill_all(const char *dir)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)!fd_burn(fd, "cgroup.kill", "1");
}

/* Removes what is below @fd as far as it is empty; the name of the first group that is not, or NULL. */
static char *remove_empty(int fd)
{
	AUTO_CLOSE int at = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = at >= 0 ? fdopendir(at) : NULL;

	if (!dir)
		return NULL;
	at = -1;
	for (const struct dirent *d; (d = readdir(dir));)
		if (d->d_type == DT_DIR && d->d_name[0] != '.' && unlinkat(fd, d->d_name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return str_dup(d->d_name);
	return NULL;
}

/* However deep it goes: a payload may have made more levels than there are descriptors or stack. Nobody
 * moves a group, so ".." is where we came from. */
static int remove_groups(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_STRV struct strv above = { 0 };

	while (fd >= 0) {
		AUTO_FREE char *name = remove_empty(fd), *last = NULL;
		int next;

		if (!name && !above.n)
			break;
		if (!name) {
			last = above.v[--above.n];
			above.v[above.n] = NULL;
		}
		next = openat(fd, name ? name : "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return -1;
		close(fd);
		fd = next;
		if (name)
			strv_add(&above, name);
		else if (unlinkat(fd, last, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return -1;
	}
	return rmdir(path) == 0 || errno == ENOENT ? 0 : -1;
}

static int remove_fn(const void *arg, struct err *e)
{
	const char *path = arg;

	return remove_groups(path) == 0 ? 0 : err_sys(e, "rmdir", path, "removing a cgroup");
}

int store_remove_cgroup(const char *dir, struct err *e)
{
	return remove_fn(dir, e);
}

int store_end_cgroup(const char *dir, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map,
		     struct err *e)
{
	/* as a rule all have ended, and nobody has made groups below */
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	kill_all(dir);
	if (store_wait_event(dir, "populated 0", WAIT_MS) < 0)
		return err_sys(e, "rmdir", dir, "waiting for the end of the processes in a cgroup");
	if (remove_fn(dir, e) == 0)
		return 0;
	/* what a delegated sandbox made belongs to its own ids */
	if ((e->errnum != EACCES && e->errnum != EPERM) || !in_map || !uids || !uids->n || in_map(uids, gids, remove_fn, dir, e) < 0)
		return remove_fn(dir, e);
	return remove_fn(dir, e);
}

int store_sweep_cgroup(const struct run_dir *rd, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map,
		       struct err *e)
{
	static const char *const parts[] = { "box", "supervisor" };
	AUTO_FREE char *dir = store_cgroup_of(rd);

	if (!dir)
		return 0;
	for (size_t i = 0; i < N_ELEMS(parts); i++) {
		AUTO_FREE char *part = str_fmt("%s/%s", dir, parts[i]);

		if (store_end_cgroup(part, uids, gids, in_map, e) < 0)
			return -1;
	}
	/* a scope is systemd's, and goes when it is empty */
	if (strstr(strrchr(dir, '/'), ".scope"))
		return 0;
	if (store_end_cgroup(dir, uids, gids, in_map, e) < 0)
		return -1;
	*strrchr(dir, '/') = '\0';
	store_disable(dir, NULL);
	return 0;
}
