/* SPDX-License-Identifier: Apache-2.0 */
/* run/layer.c - where the writable layer lies
 *
 * The ladder: where the user says; the run's own directory on disk; a directory below
 * $TMPDIR or /var/tmp; memory of the sandbox. A file system that takes neither whiteouts
 * nor extended attributes of users (NFS, another overlay ...) is passed over. Of a layer
 * elsewhere the run's directory has the symbolic link "layer", made first, so that a sweep
 * finds it (store/remove.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/path.h"
#include "run/internal.h"

static const struct {
	unsigned long magic;
	const char *name;
} CANNOT_HOLD[] = {
	{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { NFS_SUPER_MAGIC, "NFS" },    { 0x0bd00bd0UL, "Lustre" },
	{ FUSE_SUPER_MAGIC, "FUSE" },	      { CIFS_SUPER_MAGIC, "CIFS" },  { SMB2_SUPER_MAGIC, "SMB" },
	{ V9FS_MAGIC, "9P" },		      { CEPH_SUPER_MAGIC, "Ceph" },  { 0x47504653UL, "GPFS" },
	{ AFS_SUPER_MAGIC, "AFS" },	      { 0x19830326UL, "BeeGFS" },    { ECRYPTFS_SUPER_MAGIC, "eCryptfs" },
	{ MSDOS_SUPER_MAGIC, "FAT" },	      { EXFAT_SUPER_MAGIC, "exFAT" },
};

/* The name of the file system of @path where it cannot hold a layer; NULL: it can. */
static const char *unfit(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return "an unreadable file system";
	for (size_t i = 0; i < N_ELEMS(CANNOT_HOLD); i++)
		if ((unsigned long)fs.f_type == CANNOT_HOLD[i].magic)
			return CANNOT_HOLD[i].name;
	return NULL;
}

/* mkdir with mode 0700, or what is there already and ours alone. */
static bool make_private(const char *path, uid_t uid)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return true;
	return errno == EEXIST && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
	       !(st.st_mode & 077);
}

/* TOP/lichen-UID/layers/ID, with the link to it. */
static bool lies_elsewhere(struct layer *l, const char *top, const struct run_dir *rd, uid_t uid)
{
	AUTO_FREE char *own = str_fmt("%s/lichen-%u", top, (unsigned)uid), *layers = str_fmt("%s/layers", own);
	AUTO_FREE char *dir = str_fmt("%s/%s", layers, rd->id), *link = str_fmt("%s/layer", rd->data);

	if (unfit(top) || !make_private(own, uid) || !make_private(layers, uid) || symlink(dir, link) < 0)
		return false;
	if (mkdir(dir, 0700) < 0) {
		(void)!unlink(link);
		return false;
	}
	l->dir = ptr_take(&dir);
	return true;
}

/* The tree would show its own layer, or change below the overlay. */
static int check_apart(const char *dir, const char *root, struct err *e)
{
	AUTO_FREE char *upper = str_fmt("%s/upper", dir), *work = str_fmt("%s/work", dir);

	if (!root || (!path_is_within(dir, root) && !path_is_within(root, upper) && !path_is_within(root, work)))
		return 0;
	err_set(e, ERR_SPEC, "--overlay-keep: %s lies in the root file system %s, or that one in it", dir, root);
	return err_hint(e, "choose a directory beside the root file system");
}

static bool is_same(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* Changes make sense over the tree that they were made to: DIR/lower is a symbolic link to it. */
static int check_lower(const char *dir, const char *tree, bool is_dry, struct err *e)
{
	AUTO_FREE char *link = str_fmt("%s/lower", dir);
	char target[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	if (n > 0 && strcmp(target, tree) != 0 && !is_same(link, tree)) {
		err_set(e, ERR_SPEC, "--overlay-keep: %s has the changes of %s, not of %s", dir, target, tree);
		return tree[0] == '/' ? err_hint(e, "choose another directory; where the tree was moved: ln -sfn %s %s", tree, link)
				      : err_hint(e, "choose another directory");
	}
	if (n >= 0 || is_dry || symlink(tree, link) == 0)
		return 0;
	err_sys(e, "symlink", link, "--overlay-keep");
	return e->errnum == EEXIST ? err_hint(e, "this directory is not of lichen's making: choose another one, or an empty one") : -1;
}

static int take_kept(struct layer *l, const char *dir, const char *root, bool is_dry, struct err *e)
{
	const char *tree = root ? root : "/";

	if (check_apart(dir, root, e) < 0)
		return -1;
	l->dir = str_dup(dir);
	l->is_kept = true;
	if (is_dry)
		return check_lower(dir, tree, true, e);
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "mkdir", dir, "--overlay-keep");
	if (unfit(dir)) {
		err_set(e, ERR_HOST, "--overlay-keep: %s is on %s, which cannot hold a writable layer", dir, unfit(dir));
		return err_hint(e, "choose a directory on a local disk");
	}
	l->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->lock_fd < 0)
		return err_sys(e, "open", dir, "--overlay-keep");
	if (flock(l->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return check_lower(dir, tree, false, e);
	if (errno != EWOULDBLOCK)
		return err_sys(e, "flock", dir, "--overlay-keep");
	err_set(e, ERR_STATE, "--overlay-keep: %s is in use by another sandbox", dir);
	return err_hint(e, "wait for its end, or choose another directory");
}

/* What the changes are made to: an image's id stands for it, whatever name it has then. */
static const char *tree_of(const struct spec *s)
{
	if (s->root.kind != ROOT_IMAGE)
		return s->root.path;
	return s->root.image_id ? s->root.image_id : s->root.image;
}

int layer_choose(struct layer *l, const struct spec *s, const struct run_dir *rd, uid_t uid, struct err *e)
{
	const char *tmp = secure_getenv("TMPDIR"), *why;

	if (s->root.layer)
		return take_kept(l, s->root.layer, tree_of(s), !rd, e);
	why = rd ? unfit(rd->data) : NULL;
	if (!why) {
		l->dir = str_dup(rd ? rd->data : "STATE");
		return 0;
	}
	if ((tmp && tmp[0] == '/' && lies_elsewhere(l, tmp, rd, uid)) || lies_elsewhere(l, "/var/tmp", rd, uid)) {
		log_info("layer: %s, as %s is on %s", l->dir, rd->data, why);
		return 0;
	}
	l->dir = str_fmt("%s/layer", rd->data);
	l->in_memory = true;
	if (mkdir(l->dir, 0700) < 0)
		return err_sys(e, "mkdir", l->dir, "making the place of the writable layer");
	log_warn("what the sandbox writes lies in memory: %s is on %s, and neither TMPDIR nor /var/tmp can hold it",
		 rd->data, why);
	return 0;
}

void layer_check_room(const struct layer *l)
{
	struct statfs fs;

	if (l->dir && !l->in_memory && statfs(l->dir, &fs) == 0 && !fs.f_bavail)
		log_warn("the disk of the writable layer (%s) is full: what was written last may be lost, as fuse-overlayfs "
			 "reports no error", l->dir);
}

void layer_release(struct layer *l)
{
	auto_free(&l->dir);
	auto_close(&l->lock_fd);
}
