/* SPDX-License-Identifier: Apache-2.0 */
/* store/dirs.c - where runs live: finding RUN, making and finding one run
 *
 * Besides what store.h shows, RUN/ID/ holds two symbolic links that are read, never
 * followed: "data" (to DATA/containers/ID, as another XDG_DATA_HOME may share RUN; not
 * there: in memory) and "name". RUN/names/NAME points to the id; it changes only under a lock on RUN/names.
 */

#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "store/internal.h"

enum { ID_BYTES = 32, ID_LEN = STORE_ID_LEN, CREATE_TRIES = 64 };

#define DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW)

/* ---- the two directories ---- */

/* Is it ours and closed to others? */
static bool is_private(int fd, uid_t uid, struct stat *sb)
{
	return fstat(fd, sb) == 0 && sb->st_uid == uid && !(sb->st_mode & 077);
}

/* Opens @path as RUN, made where it is missing. */
static int open_run_at(struct store *st, uid_t uid, const char *path, struct err *e)
{
	struct stat sb = { 0 };

	st->run_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (st->run_fd < 0 && errno == ENOENT && (mkdir(path, 0700) == 0 || errno == EEXIST))
		st->run_fd = open(path, DIR_FLAGS | O_CLOEXEC);
	if (st->run_fd < 0) {
		err_sys(e, "mkdir", path, "cannot make the directory for running sandboxes");
		return errno == ENOTDIR || errno == ELOOP
			       ? err_hint(e, "something that is not a directory is in its place; remove it, or ask "
					     "the administrator to: others can create files there")
			       : err_hint(e, "log in through a session that has /run/user/%u, or make the directory "
					     "writable", (unsigned)uid);
	}
	if (!is_private(st->run_fd, uid, &sb)) {
		auto_close(&st->run_fd);
		err_set(e, ERR_STATE, "%s belongs to uid %u with mode %04o; it must be yours alone", path,
			(unsigned)sb.st_uid, (unsigned)sb.st_mode & 07777);
		if (sb.st_uid == uid)
			return err_hint(e, "chmod 700 %s", path);
		return err_hint(e, "somebody else made it: ask the administrator to remove it, or log in through "
				   "a session that has /run/user/%u", (unsigned)uid);
	}
	st->run_dir = str_dup(path);
	return 0;
}

/* RUN where there is no /run/user/UID. */
static const char *const RUN_FALLBACKS[] = { "/dev/shm", "/tmp", "/var/tmp" };

static int open_run(struct store *st, uid_t uid, struct err *e)
{
	AUTO_FREE char *user = str_fmt("/run/user/%u", (unsigned)uid);
	AUTO_FREE char *record = str_fmt("%s/runtime-dir", st->data_dir);
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	char old[PATH_MAX];
	struct stat sb;
	ssize_t n;

	if (uid == 0 && (access("/run/lichen", W_OK) == 0 || access("/run", W_OK) == 0))
		return open_run_at(st, uid, "/run/lichen", e);
	fd = open(user, DIR_FLAGS | O_CLOEXEC);
	if (fd >= 0 && is_private(fd, uid, &sb)) {
		path = str_fmt("%s/lichen", user);
		return open_run_at(st, uid, path, e);
	}
	n = readlink(record, old, sizeof(old) - 1);
	if (n > 0) {
		old[n] = '\0';
		st->run_fd = old[0] == '/' ? open(old, DIR_FLAGS | O_CLOEXEC) : -1;
		if (st->run_fd >= 0 && is_private(st->run_fd, uid, &sb)) {
			st->run_dir = str_dup(old);
			return 0;
		}
		auto_close(&st->run_fd);
	}
	/* memory first: what is only true while it runs need not reach a disk. Somebody else
	 * may sit on a name in a place that all can write; then the next one serves. */
	for (size_t i = 0; i < N_ELEMS(RUN_FALLBACKS); i++) {
		free(path);
		path = str_fmt("%s/lichen-%u", RUN_FALLBACKS[i], (unsigned)uid);
		if (open_run_at(st, uid, path, e) == 0 || err_is_limit(e))
			break;
	}
	if (st->run_fd < 0)
		return -1;
	if (n > 0 && !str_eq(old, path))
		unlink(record);
	if (symlink(path, record) < 0 && errno != EEXIST && errno != EROFS)
		return err_sys(e, "symlink", record, "cannot record the directory for running sandboxes");
	return 0;
}

int store_open(struct store *st, uid_t uid, const char *home, struct err *e)
{
	*st = (struct store){ .data_fd = -1, .run_fd = -1 };
	if (store_open_data(st, uid, home, e) < 0 || open_run(st, uid, e) < 0) {
		store_close(st);
		return -1;
	}
	return 0;
}

void store_places(const struct store *st, uid_t uid, struct strv *out)
{
	const char *const data_tops[] = { secure_getenv("TMPDIR"), "/var/tmp" };

	strv_add(out, st->data_dir);
	for (size_t i = 0; i < 1 + N_ELEMS(data_tops) + N_ELEMS(RUN_FALLBACKS); i++) {
		const char *top = i == 0 ? NULL : i <= N_ELEMS(data_tops) ? data_tops[i - 1] : RUN_FALLBACKS[i - 1 - N_ELEMS(data_tops)];
		AUTO_FREE char *path = top ? str_fmt("%s/lichen-%u", top, (unsigned)uid) : NULL;
		AUTO_FREE char *real = i == 0 ? path_real(st->run_dir) : path ? path_real(path) : NULL;

		if (real && !strv_has(out, real))
			strv_add(out, real);
	}
}

void store_close(struct store *st)
{
	auto_free(&st->data_dir);
	auto_free(&st->kept_dir);
	auto_free(&st->run_dir);
	auto_close(&st->data_fd);
	auto_close(&st->run_fd);
}

/* ---- one run ---- */

void run_dir_fini(struct run_dir *rd)
{
	auto_free(&rd->id);
	auto_free(&rd->data);
	auto_free(&rd->live);
	auto_close(&rd->lock_fd);
	auto_close(&rd->data_fd);
}

bool store_is_live(const struct store *st, const char *id)
{
	AUTO_FREE char *path = str_fmt("%s/lock", id);
	AUTO_CLOSE int fd = openat(st->run_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

bool store_is_id(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

char *store_read_link(int dirfd, const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dirfd, path, text, sizeof(text));

	return n > 0 && (size_t)n < sizeof(text) ? str_dupn(text, (size_t)n) : NULL;
}

int store_new_id(char id[ID_LEN + 1], struct err *e)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char raw[ID_BYTES];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(e, "getrandom", NULL, "cannot make an id");
	for (size_t i = 0; i < ID_BYTES; i++) {
		id[2 * i] = hex[raw[i] >> 4];
		id[2 * i + 1] = hex[raw[i] & 15];
	}
	id[ID_LEN] = '\0';
	return 0;
}

/* RUN/.new-ID with its lock taken, then RUN/ID. A sweep that meets the directory before
 * the lock is taken moves it away (ENOENT here): -1 with errno, and *@op. */
static int make_live(const struct store *st, const char *name, struct run_dir *rd, const char **op)
{
	AUTO_FREE char *dir = str_fmt(".new-%s", rd->id), *lock = str_fmt("%s/lock", dir);
	AUTO_FREE char *data = str_fmt("%s/data", dir), *link = str_fmt("%s/name", dir);

	*op = "mkdirat";
	if (mkdirat(st->run_fd, dir, 0700) < 0)
		return -1;
	*op = "openat";
	rd->lock_fd = openat(st->run_fd, lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (rd->lock_fd < 0)
		return -1;
	*op = "flock";
	while (flock(rd->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -1;
	*op = "symlinkat";
	if ((!str_eq(rd->data, rd->live) && symlinkat(rd->data, st->run_fd, data) < 0) ||
	    (name && symlinkat(name, st->run_fd, link) < 0))
		return -1;
	*op = "renameat";
	return renameat(st->run_fd, dir, st->run_fd, rd->id);
}

/* Whether the supervisor that recorded itself is gone: then its lock is held by who sweeps the run. */
static bool is_orphan(const struct store *st, const char *id)
{
	struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };
	struct run_state state = { 0 };
	struct err ignored;
	bool is_dead;

	rd.id = str_dup(id);
	rd.live = str_fmt("%s/%s", st->run_dir, id);
	is_dead = store_read_state(&rd, &state, &ignored) == 0 && state.supervisor > 0 && kill(state.supervisor, 0) < 0 && errno == ESRCH;
	run_state_fini(&state);
	run_dir_fini(&rd);
	return is_dead;
}

/* A sweep of a dead run ends soon, and gives its name back; not under our lock, which it takes. */
static void wait_for_sweep(const struct store *st, const char *name)
{
	enum { TRIES = 60, EACH_MS = 50 };
	AUTO_FREE char *link = str_fmt("names/%s", name);

	for (int i = 0; i < TRIES; i++) {
		AUTO_FREE char *holder = store_read_link(st->run_fd, link);

		if (!holder || !store_is_id(holder) || !store_is_live(st, holder) || !is_orphan(st, holder))
			return;
		(void)!poll(NULL, 0, EACH_MS);
	}
}

/* Makes RUN/names/NAME point to @id; the link of a dead run is replaced. */
static int claim_name(const struct store *st, const char *name, const char *id, struct err *e)
{
	AUTO_FREE char *holder = NULL, *link = str_fmt("names/%s", name);
	AUTO_CLOSE int lock = openat(st->run_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (lock < 0 && errno == ENOENT && (mkdirat(st->run_fd, "names", 0700) == 0 || errno == EEXIST))
		lock = openat(st->run_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (lock < 0)
		return err_sys(e, "openat", "names", "cannot open the names of %s", st->run_dir);
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_sys(e, "flock", "names", "cannot lock the names of %s", st->run_dir);
	if (symlinkat(id, lock, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_sys(e, "symlinkat", link, "cannot take the name \"%s\"", name);
	holder = store_read_link(lock, name);
	if (holder && store_is_id(holder) && store_is_live(st, holder)) {
		err_set(e, ERR_STATE, "the name \"%s\" is in use by the running sandbox %s", name, holder);
		return err_hint(e, "choose another --name, or stop %.*s first", RUN_ID_SHORT, holder);
	}
	if (unlinkat(lock, name, 0) < 0 || symlinkat(id, lock, name) < 0)
		return err_sys(e, "symlinkat", link, "cannot take over the name \"%s\" of a dead sandbox", name);
	return 0;
}

/* DATA/containers/.new-ID, complete and with its lock taken, then ID. A sweep leaves the
 * first for an hour, so it is ours. A file system without locks leaves us without; there
 * the sweep cannot take one either, and removes nothing. */
static int make_definition(const struct store *st, struct run_dir *rd, enum run_kind kind)
{
	AUTO_FREE char *dir = str_fmt(".new-%s", rd->id), *mark = str_fmt("%s/kept", dir);
	AUTO_CLOSE int fd = -1;

	if (kind == RUN_IN_MEMORY)
		return 0;
	if (mkdirat(st->data_fd, dir, 0700) < 0)
		return -1;
	rd->data_fd = openat(st->data_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (rd->data_fd < 0)
		return -1;
	(void)!flock(rd->data_fd, LOCK_EX | LOCK_NB);
	if (st->is_shared) {
		AUTO_FREE char *host = store_host();

		if (symlinkat(host, rd->data_fd, "host") < 0)
			return -1;
	}
	if (kind == RUN_KEPT)
		fd = openat(st->data_fd, mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (kind == RUN_KEPT && fd < 0)
		return -1;
	return renameat(st->data_fd, dir, st->data_fd, rd->id);
}

/* Takes back a run that was not finished; the error that stopped it is what counts. */
static void unmake(const struct run_dir *rd, const char *half)
{
	struct err ignored = { 0 };

	if (half)
		(void)!store_remove_tree(half, &ignored);
	(void)!store_remove(rd, NULL, NULL, NULL, &ignored);
}

int store_create(struct store *st, const char *name, enum run_kind kind, struct run_dir *rd, struct err *e)
{
	char id[ID_LEN + 1];
	const char *op = NULL;
	int r = -1;

	*rd = (struct run_dir){ .lock_fd = -1, .data_fd = -1 };
	if (st->kept_dir && kind != RUN_IN_MEMORY)
		log_warn("%s cannot be written (%s): its images are used, what the sandbox writes lies in %s", st->kept_dir,
			 strerror(st->kept_errnum), st->data_dir);
	if (name && (!str_is_name(name) || strlen(name) > NAME_MAX)) {
		err_set(e, ERR_SPEC, "\"%s\" cannot be a name", name);
		return err_hint(e, "letters, digits, \"_\", \".\" and \"-\", the first a letter or a digit");
	}
	for (int tries = 0; r < 0 && tries < CREATE_TRIES; tries++) {
		run_dir_fini(rd);
		if (store_new_id(id, e) < 0)
			return -1;
		rd->id = str_dup(id);
		rd->live = str_fmt("%s/%s", st->run_dir, id);
		rd->data = kind == RUN_IN_MEMORY ? str_dup(rd->live) : str_fmt("%s/containers/%s", st->data_dir, id);
		r = make_live(st, name, rd, &op);
		if (r < 0 && errno != ENOENT && errno != EEXIST)
			break;
	}
	if (r < 0) {
		AUTO_FREE char *half = str_fmt("%s/.new-%s", st->run_dir, rd->id);

		err_sys(e, op, half, "cannot make the directory of a running sandbox");
		if (errno == ENOSPC || errno == EDQUOT)
			err_hint(e, "%s is full", st->run_dir);
		unmake(rd, half);
		run_dir_fini(rd);
		return -1;
	}
	if (name)
		wait_for_sweep(st, name);
	if (name && claim_name(st, name, id, e) < 0)
		goto fail;
	if (make_definition(st, rd, kind) < 0) {
		AUTO_FREE char *half = str_fmt("%s/containers/.new-%s", st->data_dir, id);
		struct err ignored = { 0 };

		err_sys(e, "mkdirat", rd->data, "cannot make the directory for the sandbox's files");
		err_hint(e, errno == ENOSPC || errno == EDQUOT ? "the disk or your quota is full; %s" : "%s", store_hint_data(st));
		(void)!store_remove_tree(half, &ignored);
		goto fail;
	}
	return 0;
fail:
	unmake(rd, NULL);
	run_dir_fini(rd);
	return -1;
}

/* ---- finding ---- */

static int found(const struct store *st, const char *id, struct run_dir *rd)
{
	AUTO_FREE char *link = str_fmt("%s/data", id);

	rd->id = str_dup(id);
	rd->live = str_fmt("%s/%s", st->run_dir, id);
	rd->data = store_read_link(st->run_fd, link);
	if (!rd->data)
		rd->data = str_dup(rd->live);
	return 0;
}

char *store_name_of(const struct run_dir *rd)
{
	AUTO_FREE char *link = str_fmt("%s/name", rd->live);

	return store_read_link(AT_FDCWD, link);
}

/* The live runs whose id begins with @prefix: how many, and the first. */
static int find_prefix(const struct store *st, const char *prefix, char **id, size_t *n, struct err *e)
{
	AUTO_CLOSE int fd = openat(st->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		return err_sys(e, "openat", st->run_dir, "cannot list the running sandboxes");
	fd = -1;
	for (struct dirent *d; (d = readdir(dir));)
		if (str_starts(d->d_name, prefix) && store_is_id(d->d_name) && store_is_live(st, d->d_name) && (*n)++ == 0)
			*id = str_dup(d->d_name);
	return 0;
}

/* Of the running ones; owned, or NULL. */
static char *nearest_name(const struct store *st, const char *ref)
{
	AUTO_STRV struct strv names = { 0 };
	AUTO_CLOSE int fd = openat(st->run_fd, "names", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const char *near;

	if (dir)
		fd = -1;
	for (const struct dirent *d; dir && (d = readdir(dir));) {
		AUTO_FREE char *id = store_read_link(dirfd(dir), d->d_name);

		if (id && store_is_id(id) && store_is_live(st, id))
			strv_add(&names, d->d_name);
	}
	near = names.n ? str_nearest(ref, (const char *const *)names.v, names.n) : NULL;
	return near ? str_dup(near) : NULL;
}

int store_find(struct store *st, const char *ref, struct run_dir *rd, struct err *e)
{
	AUTO_FREE char *link = str_fmt("names/%s", ref), *id = NULL, *near = NULL;
	size_t n = 0;

	*rd = (struct run_dir){ .lock_fd = -1, .data_fd = -1 };
	if (store_is_id(ref) && store_is_live(st, ref))
		return found(st, ref, rd);
	if (str_is_name(ref)) {
		id = store_read_link(st->run_fd, link);
		if (id && store_is_id(id) && store_is_live(st, id))
			return found(st, id, rd);
		auto_free(&id);
	}
	if (ref[0] && strspn(ref, "0123456789abcdef") == strlen(ref) && find_prefix(st, ref, &id, &n, e) < 0)
		return -1;
	if (n == 1)
		return found(st, id, rd);
	if (n > 1) {
		err_set(e, ERR_STATE, "%zu running sandboxes have an id that begins with \"%s\"", n, ref);
		return err_hint(e, "give more digits");
	}
	err_set(e, ERR_STATE, "no running sandbox has the name or id \"%s\"", ref);
	near = nearest_name(st, ref);
	if (near)
		return err_hint(e, "did you mean %s ?", near);
	return err_hint(e, "%s holds the running ones", st->run_dir);
}
