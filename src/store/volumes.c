/* SPDX-License-Identifier: Apache-2.0 */
/* store/volumes.c - named volumes */

#include "store/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sha256.h"
#include "store/internal.h"
#include "store/tmp.h"

enum { JSON_MAX = 1 << 20, MAP_DIGITS = 16, COPY_MAX = 16 };

static struct tmp_place place(const struct volumes *vs)
{
	return (struct tmp_place){ .at = vs->fd, .dir = vs->dir, .name = ".tmp", .is_shared = vs->is_shared };
}

/* ---- open ---- */

int volumes_open(const struct store *st, bool makes, struct volumes *vs, struct err *e)
{
	struct stat sb;

	*vs = (struct volumes){ .fd = -1, .why_fixed = st->kept_errnum, .is_shared = st->is_shared };
	vs->dir = str_fmt("%s/volumes", store_kept(st));
	if (makes && vs->why_fixed) {
		store_is_fixed(vs->dir, "volumes", st->kept_errnum, e);
		volumes_close(vs);
		return -1;
	}
	if (makes && mkdir(vs->dir, 0700) < 0 && errno != EEXIST)
		goto fail;
	vs->fd = open(vs->dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (vs->fd < 0 && errno == ENOENT && !makes) {
		volumes_close(vs);
		err_set(e, ERR_STATE, "there are no volumes yet");
		err_hint(e, "`lichen volume create NAME` makes one, and `-v NAME:/path` as well");
		e->errnum = ENOENT;
		return -1;
	}
	if (vs->fd < 0 || fstat(vs->fd, &sb) < 0 || (makes && mkdirat(vs->fd, ".tmp", 0700) < 0 && errno != EEXIST))
		goto fail;
	if (sb.st_uid == geteuid() && !(sb.st_mode & 022))
		return 0;
	err_set(e, ERR_STATE, "%s belongs to uid %u with mode %04o: others could change volumes", vs->dir, (unsigned)sb.st_uid,
		(unsigned)sb.st_mode & 07777);
	err_hint(e, sb.st_uid == geteuid() ? "chmod 700 that directory" : "move it away; a new one is made then");
	volumes_close(vs);
	return -1;
fail:
	err_sys(e, "mkdir", vs->dir, "cannot open the directory of volumes");
	store_hint_full(e);
	volumes_close(vs);
	return -1;
}

void volumes_close(struct volumes *vs)
{
	auto_free(&vs->dir);
	auto_close(&vs->fd);
}

void volume_fini(struct volume *v)
{
	auto_free(&v->name);
	auto_free(&v->path);
	strv_fini(&v->labels);
	auto_close(&v->lock);
	auto_close(&v->copy);
}

static int check_name(const char *name, struct err *e)
{
	if (str_is_name(name) && strlen(name) <= NAME_MAX)
		return 0;
	err_set(e, ERR_USAGE, "\"%.200s\" cannot be a volume's name", name);
	return err_hint(e, "letters, digits, \"_\", \".\" and \"-\", the first a letter or a digit; a directory is written "
			   "with a \"/\": ./%.100s", name);
}

static int no_volume(const char *name, struct err *e)
{
	err_set(e, ERR_STATE, "there is no volume %.200s", name);
	err_hint(e, "`lichen volume ls` shows those that are there");
	e->errnum = ENOENT;
	return -1;
}

/* ---- the maps of its users ---- */

/* "maps/HEX" of a map. */
static char *map_name(const char *text)
{
	char hex[SHA256_HEX + 1];

	sha256_hex(text, strlen(text), hex);
	return str_fmt("maps/%.*s", MAP_DIGITS, hex);
}

static int note_map(const struct volumes *vs, const char *dir, const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	AUTO_FREE char *text = map_text(uids, gids), *map = map_name(text), *name = str_fmt("%s/%s", dir, map);
	const struct tmp_place p = place(vs);

	if (!uids->n || !gids->n || faccessat(vs->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/* 1: another one was quicker */
	return tmp_put(&p, name, text, strlen(text), false, false, e) < 0 ? -1 : 0;
}

static void read_maps(const void *arg, int fd, struct map_pair **maps, size_t *n)
{
	(void)arg;
	map_pairs_read(fd, "maps", maps, n);
}

void volumes_sweep(struct volumes *vs, store_in_map_fn *in_map)
{
	const struct tmp_place p = place(vs);

	if (!vs->why_fixed)
		tmp_sweep(&p, read_maps, NULL, in_map);
}

/* ---- volume.json ---- */

static char *write_json(const struct strv *labels)
{
	struct buf b = { 0 };

	buf_addf(&b, "{\"created\": %" PRId64 ", \"labels\": [", (int64_t)time(NULL));
	for (size_t i = 0; labels && i < labels->n; i++) {
		if (i)
			buf_add(&b, ", ");
		buf_add_json(&b, labels->v[i]);
	}
	buf_add(&b, "]}\n");
	return buf_take(&b);
}

/* From the descriptor @fd of volume.json. */
static int read_json(const struct volumes *vs, int fd, struct volume *v, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const json_t *created, *labels;
	json_error_t at;
	json_t *o;
	size_t len;
	bool is_good;

	if (fd_read_file(fd, "", JSON_MAX, &text, &len) < 0)
		return err_sys(e, "read", v->path, "cannot read what is known of the volume %s", v->name);
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &at);
	created = json_object_get(o, "created");
	labels = json_object_get(o, "labels");
	is_good = json_is_integer(created) && json_is_array(labels);
	v->created = json_integer_value(created);
	for (size_t i = 0; is_good && i < json_array_size(labels); i++) {
		const char *label = json_string_value(json_array_get(labels, i));

		is_good = label;
		if (label)
			strv_add(&v->labels, label);
	}
	json_decref(o);
	strv_sort(&v->labels);
	if (is_good)
		return 0;
	err_set(e, ERR_STATE, "%s/%s/volume.json is not as lichen writes it", vs->dir, v->name);
	return err_hint(e, "its files lie in %s", v->path);
}

/* ---- making ---- */

struct new_data {
	int at;			/* the volume's directory */
	const char *name;
};

/* Root inside the map, in the volume's directory. */
static int make_data(const void *arg, struct err *e)
{
	const struct new_data *d = arg;

	if (mkdirat(d->at, d->name, 0755) < 0 || fchmodat(d->at, d->name, 0755, 0) < 0)
		return err_sys(e, "mkdirat", d->name, "cannot make the volume's directory");
	return 0;
}

/* Whose it is: root's inside, else the caller's. */
static void find_owner(const struct id_map *uids, const struct id_map *gids, uid_t *uid, gid_t *gid)
{
	int64_t u = uids ? id_map_outside(uids, 0) : -1, g = gids ? id_map_outside(gids, 0) : -1;

	*uid = u < 0 || g < 0 ? geteuid() : (uid_t)u;
	*gid = u < 0 || g < 0 ? getegid() : (gid_t)g;
}

static int make_data_as_root(const struct new_data *d, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map,
			     struct err *e)
{
	uid_t uid;
	gid_t gid;
	int r;

	find_owner(uids, gids, &uid, &gid);
	if (!in_map || (uid == geteuid() && gid == getegid()))
		return make_data(d, e);
	/* open to that root for an instant: nobody else gets through the directories above, who has no descriptor */
	if (fchmod(d->at, 0777) < 0)
		return err_sys(e, "fchmod", d->name, "cannot make the volume's directory");
	r = in_map(uids, gids, make_data, d, e);
	if (fchmod(d->at, 0700) < 0 && r == 0)
		return err_sys(e, "fchmod", d->name, "cannot make the volume's directory");
	return r;
}

static int fill(const struct volumes *vs, const struct image_tmp *t, const struct strv *labels, const struct id_map *uids,
		const struct id_map *gids, store_in_map_fn *in_map, struct err *e)
{
	AUTO_FREE char *dir = str_fmt(".tmp/%s", t->name), *file = str_fmt("%s/volume.json", dir), *json = write_json(labels);
	const struct new_data data = { t->fd, "data" };
	const struct tmp_place p = place(vs);

	if (mkdirat(t->fd, "maps", 0700) < 0 || fd_write_file(t->fd, "copy", "", 0) < 0) {
		err_sys(e, "mkdirat", t->path, "cannot make the volume");
		return store_hint_full(e);
	}
	if (tmp_put(&p, file, json, strlen(json), true, false, e) < 0 || (uids && gids && note_map(vs, dir, uids, gids, e) < 0))
		return -1;
	return make_data_as_root(&data, uids, gids, in_map, e) < 0 ? store_hint_full(e) : 0;
}

/* A volume is never empty, so none is replaced. */
static int put(const struct volumes *vs, struct image_tmp *t, const char *from, const char *name, struct err *e)
{
	if (renameat(vs->fd, from, vs->fd, name) == 0) {
		(void)!unlinkat(t->fd, "host", 0);
		tmp_placed(t);
		return 1;
	}
	if (errno == EEXIST || errno == ENOTEMPTY)
		return 0;
	return err_sys(e, "renameat", t->path, "cannot put the volume into its place");
}

int volume_create(struct volumes *vs, const char *name, const struct strv *labels, const struct id_map *uids, const struct id_map *gids,
		  store_in_map_fn *in_map, struct err *e)
{
	const struct tmp_place p = place(vs);
	AUTO_FREE char *from = NULL;
	struct image_tmp t;
	int r;

	if (check_name(name, e) < 0)
		return -1;
	if (faccessat(vs->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (tmp_make(&p, false, &t, e) < 0)
		return -1;
	from = str_fmt(".tmp/%s", t.name);
	r = fill(vs, &t, labels, uids, gids, in_map, e);
	if (r == 0)
		r = put(vs, &t, from, name, e);
	tmp_end(&p, &t, uids, gids, in_map);
	return r < 0 ? err_wrap(e, "the volume %s is not made", name) : r;
}

/* Whether no sandbox has had the volume @dir, and it is somebody else's than the next one's. */
static bool is_to_give(int dir, const struct id_map *uids, const struct id_map *gids)
{
	AUTO_DIR DIR *maps = dir_open(dir, "maps");
	struct stat sb;
	uid_t uid;
	gid_t gid;

	for (const struct dirent *d; maps && (d = readdir(maps));)
		if (d->d_name[0] != '.')
			return false;
	find_owner(uids, gids, &uid, &gid);
	/* an older lichen's has no file copy, and may have been used */
	return maps && faccessat(dir, "copy", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(dir, "data", &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (sb.st_uid != uid || sb.st_gid != gid);
}

int volume_give(struct volumes *vs, const char *name, const struct id_map *uids, const struct id_map *gids, store_in_map_fn *in_map,
		struct err *e)
{
	AUTO_FREE char *file = str_fmt("%s/volume.json", name);
	AUTO_CLOSE int lock = openat(vs->fd, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	AUTO_CLOSE int dir = openat(vs->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct new_data data = { dir, "data.new" };

	/* who has it has noted its map under the shared lock */
	if (lock < 0 || dir < 0 || !is_to_give(dir, uids, gids) || lock_take(lock, LOCK_EX | LOCK_NB) < 0 ||
	    !lock_holds(vs->fd, file, lock) || !is_to_give(dir, uids, gids))
		return 0;
	(void)!unlinkat(dir, data.name, AT_REMOVEDIR); /* of one that was killed */
	if (make_data_as_root(&data, uids, gids, in_map, e) < 0) {
		store_hint_full(e);
		return err_wrap(e, "the volume %s cannot be given to root inside", name);
	}
	/* only an empty directory is replaced */
	if (renameat(dir, data.name, dir, "data") < 0)
		(void)!unlinkat(dir, data.name, AT_REMOVEDIR);
	return 0;
}

/* ---- finding ---- */

static int look(const struct volumes *vs, const char *name, bool locks, struct volume *v, struct err *e)
{
	AUTO_FREE char *file = str_fmt("%s/volume.json", name);
	AUTO_CLOSE int fd = -1;
	int r;

	*v = (struct volume){ .lock = -1, .copy = -1 };
	if (check_name(name, e) < 0)
		return -1;
	if (locks) {
		r = lock_share(vs->fd, file, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd);
	} else {
		fd = openat(vs->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		r = fd >= 0 ? 1 : errno == ENOENT ? 0 : -1;
	}
	if (r == 0)
		return 0;
	v->name = str_dup(name);
	v->path = str_fmt("%s/%s/data", vs->dir, name);
	if (r < 0)
		r = err_sys(e, "openat", v->path, "cannot open the volume %s", name);
	else if (read_json(vs, fd, v, e) < 0)
		r = -1;
	if (r < 0)
		volume_fini(v);
	else if (locks)
		v->lock = fd_take(&fd);
	return r;
}

int volume_find(const struct volumes *vs, const char *name, struct volume *v, struct err *e)
{
	return look(vs, name, false, v, e);
}

static bool says_copied(int fd)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	return fd_read_file(fd, "", COPY_MAX, &text, &len) == 0 && str_eq(text, VOLUME_COPIED);
}

bool volume_is_fresh(const struct volumes *vs, const char *name)
{
	AUTO_FREE char *file = str_fmt("%s/copy", name);
	AUTO_CLOSE int fd = openat(vs->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? !says_copied(fd) : faccessat(vs->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

static int open_copy(const struct volumes *vs, struct volume *v, struct err *e)
{
	AUTO_FREE char *file = str_fmt("%s/copy", v->name);
	AUTO_CLOSE int fd = openat(vs->fd, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT)
		return err_sys(e, "openat", file, "cannot see what was copied into the volume");
	if (fd >= 0 && !says_copied(fd))
		v->copy = fd_take(&fd);
	return 0;
}

int volume_use(struct volumes *vs, const char *name, const struct id_map *uids, const struct id_map *gids, struct volume *v,
	       struct err *e)
{
	int r = look(vs, name, true, v, e);

	if (r > 0 && (note_map(vs, name, uids, gids, e) < 0 || open_copy(vs, v, e) < 0)) {
		volume_fini(v);
		return err_wrap(e, "the volume %s cannot be used", name);
	}
	return r;
}

bool volume_is_used(const struct volumes *vs, const char *name)
{
	AUTO_FREE char *file = str_fmt("%s/volume.json", name);
	/* for writing: as volume_remove() */
	AUTO_CLOSE int lock = openat(vs->fd, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return lock >= 0 && lock_take(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

int volumes_list(const struct volumes *vs, struct strv *names, struct err *e)
{
	AUTO_DIR DIR *dir = dir_open(vs->fd, ".");

	if (!dir)
		return err_sys(e, "openat", vs->dir, "cannot list the volumes");
	for (const struct dirent *d; (d = readdir(dir));)
		if (str_is_name(d->d_name))
			strv_add(names, d->d_name);
	strv_sort(names);
	return 0;
}

/* ---- going ---- */

static int nothing(const void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	return 0;
}

static int find_foreign(const char *path, const struct stat *sb, int type, struct FTW *at)
{
	(void)path;
	(void)at;
	return (type == FTW_D || type == FTW_DNR) && sb->st_uid != geteuid();
}

/* Whether what is in it can be removed: a directory of somebody else only inside the map that made it. Asked before anything is. */
static int check_removable(const char *path, const struct map_pair *maps, size_t n, store_in_map_fn *in_map, struct err *e)
{
	enum { DESCRIPTORS = 16 };

	if (!in_map || nftw(path, find_foreign, DESCRIPTORS, FTW_PHYS) != 1)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (in_map(&maps[i].uids, &maps[i].gids, nothing, NULL, e) == 0)
			continue;
		err_wrap(e, "files of subordinate ids are in it, which cannot be removed without these ids");
		return err_hint(e, "this user needs the ranges in /etc/subuid and /etc/subgid with which they were made, and newuidmap, which needs "
				   "to be run without no_new_privs; or root removes what is in %s, and you then the volume", path);
	}
	return 0;
}

int volume_remove(struct volumes *vs, const char *name, store_in_map_fn *in_map, struct err *e)
{
	AUTO_FREE char *file = str_fmt("%s/volume.json", name), *data = str_fmt("%s/%s/data", vs->dir, name);
	const struct tmp_place p = place(vs);
	AUTO_CLOSE int dir = -1, lock = -1;
	struct map_pair *maps = NULL;
	struct image_tmp t;
	size_t n = 0;
	int r;

	if (check_name(name, e) < 0)
		return -1;
	if (vs->why_fixed)
		return store_is_fixed(vs->dir, "volumes", vs->why_fixed, e);
	/* for writing: a network file system has no exclusive lock otherwise */
	lock = openat(vs->fd, file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (lock < 0 && errno == ENOENT)
		return no_volume(name, e);
	if (lock < 0)
		return err_sys(e, "openat", file, "cannot remove the volume %s", name);
	if (lock_take(lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
		err_set(e, ERR_STATE, "the volume %s is in use", name);
		err_hint(e, "a sandbox has it mounted; `lichen ps` shows what runs");
		e->errnum = EBUSY;
		return -1;
	}
	if (!lock_holds(vs->fd, file, lock))
		return no_volume(name, e);
	dir = openat(vs->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	map_pairs_read(dir, "maps", &maps, &n);
	r = check_removable(data, maps, n, in_map, e) < 0 ? err_wrap(e, "the volume %s stays", name)
							    : tmp_bury(&p, vs->fd, name, &t, e);
	auto_close(&lock);
	if (r > 0)
		tmp_end_maps(&p, &t, maps, n, in_map);
	map_pairs_fini(maps, n);
	return r > 0 ? 0 : r < 0 ? -1 : no_volume(name, e);
}

int volumes_prune(struct volumes *vs, bool (*wants)(const struct volume *v, const void *arg), const void *arg,
		  store_in_map_fn *in_map, struct strv *gone, uint64_t *bytes, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };

	*bytes = 0;
	if (volumes_list(vs, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct err ignored = { 0 };
		struct volume v;
		uint64_t n = 0;
		bool is_meant = volume_find(vs, names.v[i], &v, &ignored) > 0;

		if (is_meant) {
			is_meant = !wants || wants(&v, arg);
			volume_fini(&v);
		}
		if (!is_meant)
			continue;
		(void)!volume_measure(vs, names.v[i], in_map, &n, &ignored);
		if (volume_remove(vs, names.v[i], in_map, e) == 0) {
			strv_add(gone, names.v[i]);
			*bytes += n;
		} else if (e->errnum != EBUSY && e->errnum != ENOENT) {
			return -1;
		}
	}
	err_clear(e);
	return 0;
}

int volume_measure(const struct volumes *vs, const char *name, store_in_map_fn *in_map, uint64_t *bytes, struct err *e)
{
	AUTO_FREE char *data = str_fmt("%s/data", name);
	AUTO_CLOSE int at = -1, fd = -1;
	struct map_pair *maps = NULL;
	size_t n = 0;
	int r;

	*bytes = 0;
	if (check_name(name, e) < 0)
		return -1;
	at = openat(vs->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at >= 0)
		fd = openat(at, "data", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? no_volume(name, e) : err_sys(e, "openat", data, "cannot open the volume %s", name);
	map_pairs_read(at, "maps", &maps, &n);
	r = tree_measure(fd, maps, n, in_map, bytes, e);
	map_pairs_fini(maps, n);
	return r < 0 ? err_wrap(e, "the volume %s", name) : 0;
}
