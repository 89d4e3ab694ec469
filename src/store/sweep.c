/* SPDX-License-Identifier: Apache-2.0 */
/* store/sweep.c - finishing what dead supervisors left
 *
 * Kept is only a definition that is whole (config.json) and marked "kept"; everything
 * else whose lock is free was half made, half removed or to be thrown away. A definition is
 * removed under its own lock alone, however dead its run looks from here.
 */

#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "spec/oci.h"
#include "store/internal.h"

enum { WINDOW = 64, KILL_WAIT_MS = 2000, HALF_MAX_AGE_S = 3600 };

static bool has(int dirfd, const char *id, const char *file)
{
	AUTO_FREE char *path = str_fmt("%s/%s", id, file);

	return faccessat(dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The ids in a directory, and in @half the names of what was not finished. */
static int list(int at, struct strv *ids, struct strv *half)
{
	AUTO_CLOSE int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return -1;
	fd = -1;
	for (const struct dirent *d; (d = readdir(dir));) {
		if (store_is_id(d->d_name))
			strv_add(ids, d->d_name);
		else if (str_starts(d->d_name, ".new-") || str_starts(d->d_name, ".del-"))
			strv_add(half, d->d_name);
	}
	return 0;
}

/* Takes the lock in RUN/@dir: its descriptor, -1 where somebody has it, -2 where there is none. */
static int take_lock(const struct store *st, const char *dir)
{
	AUTO_FREE char *path = str_fmt("%s/lock", dir);
	AUTO_CLOSE int fd = openat(st->run_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? -2 : -1;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? fd_take(&fd) : -1;
}

/* Takes the lock of the definition @path: its descriptor, -1 where somebody has it or nobody
 * can, -2 where there is no such directory. */
static int lock_definition(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -2 : -1;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? fd_take(&fd) : -1;
}

/* The pidfd comes first: what it stands for cannot change while its start is compared. A RUN
 * on a disk outlives the boot, after which the numbers belong to others. */
static void kill_recorded(const struct run_state *state)
{
	AUTO_FREE char *boot_id = store_boot_id();
	AUTO_CLOSE int fd = state->pid > 0 && state->pid_start && boot_id && str_eq(state->boot_id, boot_id)
				    ? sys_pidfd_open(state->pid, 0)
				    : -1;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 || pid_start_time(state->pid) != state->pid_start)
		return;
	if (sys_pidfd_send_signal(fd, SIGKILL) < 0)
		return;
	log_info("killed process %d of a sandbox whose supervisor is dead", (int)state->pid);
	while (poll(&p, 1, KILL_WAIT_MS) < 0 && errno == EINTR)
		;
}

/* Without a state.json (killed before 'go', or the machine was started anew) only config.json
 * knows the map. */
static void read_config(const char *data, struct spec *s)
{
	AUTO_FREE char *path = str_fmt("%s/config.json", data), *text = NULL;
	struct err ignored = { 0 };
	size_t len;

	spec_init(s);
	if (fd_read_file(AT_FDCWD, path, OCI_MAX_BYTES, &text, &len) == 0)
		(void)!oci_read(text, len, OCI_TRUSTED, s, NULL, &ignored);
}

static void sweep_run(const struct store *st, const char *id, store_in_map_fn *in_map)
{
	AUTO_CLOSE int lock = take_lock(st, id);
	AUTO_FREE char *link = NULL, *data = NULL, *live = NULL;
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	struct run_state state = { 0 };
	AUTO_CLOSE int own = -1;
	struct err e = { 0 };
	char text[PATH_MAX];
	bool is_foreign;
	ssize_t n;

	if (lock == -1)
		return;
	link = str_fmt("%s/data", id);
	live = str_fmt("%s/%s", st->run_dir, id);
	n = readlinkat(st->run_fd, link, text, sizeof(text) - 1);
	data = n < 0 ? str_dup(live) : str_fmt("%s/containers/%s", st->data_dir, id);
	text[n < 0 ? 0 : n] = '\0';
	/* what lies below another DATA is removed by who uses that one: a link is only believed
	 * where it says what we know */
	is_foreign = n >= 0 && !str_eq(text, data) && access(text, F_OK) == 0;
	rd.id = str_dup(id);
	rd.data = ptr_take(&data);
	rd.live = ptr_take(&live);
	if (store_read_state(&rd, &state, &e) == 0)
		kill_recorded(&state);
	if (is_foreign)
		goto out;
	if (has(AT_FDCWD, rd.data, "kept") && has(AT_FDCWD, rd.data, "config.json"))
		goto out;
	own = str_eq(rd.data, rd.live) ? -2 : lock_definition(rd.data);
	if (own == -1)
		goto out;
	err_clear(&e);
	if (!state.uids.n) {
		struct spec s;

		read_config(rd.data, &s);
		id_map_copy(&state.uids, &s.uids);
		id_map_copy(&state.gids, &s.gids);
		spec_fini(&s);
	}
	/* the record of a cgroup that is still in use goes last, with the next sweep */
	if (store_sweep_cgroup(&rd, &state.uids, &state.gids, in_map, &e) < 0 ||
	    store_remove(&rd, &state.uids, &state.gids, in_map, &e) < 0)
		log_err(&e);
	else
		log_info("removed the sandbox %.12s, whose supervisor is dead", id);
out:
	run_state_fini(&state);
	run_dir_fini(&rd);
}

/* A run in the making has its lock, or loses the race for the name and begins anew. */
static void sweep_half(const struct store *st, const char *name)
{
	AUTO_CLOSE int lock = -1;
	AUTO_FREE char *gone = str_fmt(".del-%s", name + strlen(".new-")), *path = NULL;
	struct err e = { 0 };

	if (str_starts(name, ".new-")) {
		lock = take_lock(st, name);
		if (lock == -1 || renameat(st->run_fd, name, st->run_fd, gone) < 0)
			return;
	}
	path = str_fmt("%s/%s", st->run_dir, gone);
	if (store_remove_tree(path, &e) < 0)
		log_err(&e);
}

/* Another RUN of the same DATA, used by sessions without /run/user/UID, or -1. */
static int other_run(const struct store *st)
{
	AUTO_FREE char *record = str_fmt("%s/runtime-dir", st->data_dir);
	char text[PATH_MAX];
	ssize_t n = readlink(record, text, sizeof(text) - 1);

	if (n <= 0)
		return -1;
	text[n] = '\0';
	return str_eq(text, st->run_dir) ? -1 : open(text, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Whether the definition was made by another machine, whose locks we do not see. The server of
 * a network file system, where it is local, does not leave its name; what has neither that
 * nor a config.json was half removed. */
static bool is_strangers(const struct store *st, const char *id)
{
	AUTO_FREE char *path = str_fmt("%s/host", id);
	char host[512];
	ssize_t n = readlinkat(st->data_fd, path, host, sizeof(host) - 1);
	struct stat sb;

	if (n <= 0)
		return st->is_shared &&
		       (has(st->data_fd, id, "config.json") || fstatat(st->data_fd, id, &sb, AT_SYMLINK_NOFOLLOW) < 0 ||
			time(NULL) - sb.st_mtime < HALF_MAX_AGE_S);
	host[n] = '\0';
	return !store_is_our_host(host);
}

/* What somebody began an hour ago and did not finish. @below: "/containers" or "". */
static void sweep_old_half(const struct store *st, const char *below, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s%s/%s", st->data_dir, below, name);
	AUTO_CLOSE int lock = -1;
	struct err e = { 0 };
	struct stat sb;

	if (lstat(path, &sb) < 0 || time(NULL) - sb.st_mtime < HALF_MAX_AGE_S)
		return;
	lock = lock_definition(path);
	if (lock >= 0 && store_remove_tree(path, &e) < 0)
		log_err(&e);
}

/* doctor tries things out in DATA; a SIGQUIT or SIGKILL leaves its directory there. */
static void sweep_trials(const struct store *st)
{
	AUTO_DIR DIR *dir = opendir(st->data_dir);

	for (const struct dirent *d; dir && (d = readdir(dir));)
		if (str_starts(d->d_name, ".lichen-doctor-"))
			sweep_old_half(st, "", d->d_name);
}

static void sweep_definition(const struct store *st, int other, const char *id, store_in_map_fn *in_map)
{
	AUTO_CLOSE int own = -1;
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	struct err e = { 0 };
	struct spec s;

	if (faccessat(st->run_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    (other >= 0 && faccessat(other, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0))
		return;
	if (has(st->data_fd, id, "kept") && has(st->data_fd, id, "config.json"))
		return;
	if (is_strangers(st, id))
		return;
	rd.data = str_fmt("%s/containers/%s", st->data_dir, id);
	own = lock_definition(rd.data);
	if (own < 0) {
		run_dir_fini(&rd);
		return;
	}
	rd.id = str_dup(id);
	rd.live = str_fmt("%s/%s", st->run_dir, id);
	read_config(rd.data, &s);
	if (store_remove(&rd, &s.uids, &s.gids, in_map, &e) < 0)
		log_err(&e);
	spec_fini(&s);
	run_dir_fini(&rd);
}

/* The window on @n things: where it begins now. */
static size_t window_start(size_t n)
{
	struct timespec now = { 0 };

	if (n <= WINDOW)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return (size_t)now.tv_sec % ((n + WINDOW - 1) / WINDOW) * WINDOW;
}

void store_sweep(struct store *st, store_in_map_fn *in_map)
{
	AUTO_STRV struct strv defs = { 0 }, runs = { 0 }, half = { 0 }, old = { 0 };
	AUTO_CLOSE int other = -1;
	size_t start;

	if (list(st->run_fd, &runs, &half) < 0 || list(st->data_fd, &defs, &old) < 0) {
		log_warn("cannot look for what dead sandboxes left in %s: %s", st->run_dir, strerror(errno));
		return;
	}
	for (size_t i = 0; i < half.n && i < WINDOW; i++)
		sweep_half(st, half.v[i]);
	for (size_t i = 0; i < old.n && i < WINDOW; i++)
		sweep_old_half(st, "/containers", old.v[i]);
	sweep_trials(st);
	start = window_start(runs.n);
	for (size_t i = start; i < runs.n && i - start < WINDOW; i++)
		sweep_run(st, runs.v[i], in_map);
	if (defs.n)
		other = other_run(st);
	start = window_start(defs.n);
	for (size_t i = start; i < defs.n && i - start < WINDOW; i++)
		sweep_definition(st, other, defs.v[i], in_map);
}
