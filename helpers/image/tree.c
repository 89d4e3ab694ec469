/* SPDX-License-Identifier: Apache-2.0 */
/* image/tree.c - makes a layer's tree, so that nothing outside of it is touched */

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"

enum { OWNERS_CHUNK = 64 << 10, LINK_PASSES = 40, LATER_BITS = S_ISUID | S_ISGID /* of directories */ };

int tree_begin(struct tree *t, struct err *e)
{
	struct stat st;

	/* a default list would give every file a mode that is not the layer's; a setgid bit a group */
	if (fremovexattr(t->at.root, "system.posix_acl_default") < 0 && errno != ENODATA && errno != EOPNOTSUPP)
		return err_sys(e, "fremovexattr", "/", "preparing the layer's tree");
	if (fstat(t->at.root, &st) < 0 || (st.st_mode & 07000 && fchmod(t->at.root, st.st_mode & 0777) < 0))
		return err_sys(e, "fchmod", "/", "preparing the layer's tree");
	return 0;
}

/* ---- what it is given ---- */

/* With one id, a bit that would make the caller of a stranger is left out. */
static mode_t mode_of(const struct tree *t, const struct tree_meta *m)
{
	mode_t mode = m->mode;

	if (t->is_single && m->uid != 0)
		mode &= ~(mode_t)S_ISUID;
	if (t->is_single && m->gid != 0)
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

static int write_owners(struct tree *t, size_t from, struct err *e)
{
	if (t->recorded.len < from)
		return 0;
	if (fd_write_all(t->owners, t->recorded.s, t->recorded.len) < 0)
		return err_sys(e, "write", NULL, "recording the owners of the layer's files");
	t->n_recorded += t->recorded.len;
	t->recorded.len = 0;
	return 0;
}

/* What is root's with all its bits is the rule, and not written; but where an earlier line of the same path may say otherwise. */
static int record(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	bool says_again = t->at.has_cleared;

	t->at.has_cleared = false;
	if (!t->is_single || t->owners < 0 || (!m->uid && !m->gid && !says_again))
		return 0;
	buf_addf(&t->recorded, "%u %u %o %s", (unsigned)m->uid, (unsigned)m->gid, (unsigned)m->mode, path);
	buf_addn(&t->recorded, "", 1);
	if (t->n_recorded + t->recorded.len > t->max_memory)
		return err_set(e, ERR_SPEC, "the list of owners is longer than the cap of %llu MiB", (unsigned long long)(t->max_memory >> 20));
	return write_owners(t, OWNERS_CHUNK, e);
}

static int chown_failed(const struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	int why = errno;

	err_sys(e, "chown", path, "giving it to %u:%u", (unsigned)m->uid, (unsigned)m->gid);
	if (why != EINVAL)
		return -1;
	return err_hint(e, "the id map has %llu ids, and the layer needs at least %llu: more subordinate ids (/etc/subuid, /etc/subgid), or --ids=single, "
			"where all is yours and owners are only recorded", (unsigned long long)t->map_size,
			(unsigned long long)(m->uid > m->gid ? m->uid : m->gid) + 1);
}

/* user.* of what cannot have any (links, pipes; a file system without), or file capabilities where the map may not. */
static bool is_unfit(int why)
{
	return why == EOPNOTSUPP || why == EPERM;
}

static int give_xattrs(struct tree *t, int fd, const char *path, const struct tree_meta *m, struct err *e)
{
	for (size_t i = 0; i < m->n_xattrs; i++) {
		if (fsetxattr(fd, m->xattrs[i].name, m->xattrs[i].value, m->xattrs[i].size, 0) == 0)
			continue;
		if (!is_unfit(errno))
			return err_sys(e, "fsetxattr", path, "setting %.64s", m->xattrs[i].name);
		t->left_xattrs++;
	}
	return 0;
}

/* Owner, bits and times of what has no content. */
static int give_node(struct tree *t, int parent, const char *leaf, const char *path, const struct tree_meta *m, bool has_mode, struct err *e)
{
	if (!t->is_single && fchownat(parent, leaf, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return chown_failed(t, path, m, e);
	/* follows a link, and this is none: it was made just now */
	if (has_mode && mode_of(t, m) & 07000 && fchmodat(parent, leaf, mode_of(t, m), 0) < 0)
		return err_sys(e, "fchmodat", path, "making a file of the layer");
	if (utimensat(parent, leaf, m->times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "utimensat", path, "making a file of the layer");
	t->left_xattrs += m->n_xattrs;
	return record(t, path, m, e);
}

/* ---- making, in place of what is there ---- */

enum node_kind { NODE_FILE, NODE_SYMLINK, NODE_FIFO, NODE_HARDLINK };

struct node {
	enum node_kind kind;
	mode_t mode;
	const char *target;	/* of a symbolic link; of a hard one, below @target_parent */
	int target_parent;
};

static const char *const CALLS[] = { "openat", "symlinkat", "mknodat", "linkat" };

static int make_once(int parent, const char *leaf, const struct node *n)
{
	switch (n->kind) {
	case NODE_FILE:
		return openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, n->mode);
	case NODE_SYMLINK:
		return symlinkat(n->target, parent, leaf);
	case NODE_FIFO:
		return mknodat(parent, leaf, S_IFIFO | n->mode, 0);
	case NODE_HARDLINK:
		return linkat(n->target_parent, n->target, parent, leaf, 0);
	}
	return -1;
}

/* Return: as the call; -1 with @e */
static int make(struct tree *t, int parent, const char *leaf, const char *path, const struct node *n, struct err *e)
{
	int r = make_once(parent, leaf, n);

	if (r < 0 && errno == EEXIST) {
		if (parents_clear(&t->at, parent, leaf, path, e) < 0)
			return -1;
		r = make_once(parent, leaf, n);
	}
	return r < 0 ? err_sys(e, CALLS[n->kind], path, "making a file of the layer") : r;
}

int tree_file(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	const struct node n = { .kind = NODE_FILE, .mode = m->mode & 0777 };
	const char *leaf;
	int parent = parents_of(&t->at, path, &leaf, e);

	return parent < 0 ? -1 : make(t, parent, leaf, path, &n, e);
}

int tree_file_end(struct tree *t, int fd, const char *path, const struct tree_meta *m, struct err *e)
{
	if (!t->is_single && fchown(fd, m->uid, m->gid) < 0)
		return chown_failed(t, path, m, e);
	if (mode_of(t, m) & 07000 && fchmod(fd, mode_of(t, m)) < 0)
		return err_sys(e, "fchmod", path, "making a file of the layer");
	if (m->n_xattrs && give_xattrs(t, fd, path, m, e) < 0)
		return -1;
	if (futimens(fd, m->times) < 0)
		return err_sys(e, "futimens", path, "making a file of the layer");
	return record(t, path, m, e);
}

int tree_symlink(struct tree *t, const char *path, const char *target, const struct tree_meta *m, struct err *e)
{
	const struct node n = { .kind = NODE_SYMLINK, .target = target };
	const char *leaf;
	int parent = parents_of(&t->at, path, &leaf, e);

	return parent < 0 || make(t, parent, leaf, path, &n, e) < 0 ? -1 : give_node(t, parent, leaf, path, m, false, e);
}

int tree_fifo(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	const struct node n = { .kind = NODE_FIFO, .mode = m->mode & 0777 };
	const char *leaf;
	int parent = parents_of(&t->at, path, &leaf, e);

	return parent < 0 || make(t, parent, leaf, path, &n, e) < 0 ? -1 : give_node(t, parent, leaf, path, m, true, e);
}

/* ---- directories ---- */

static int wait_more(struct tree *t, size_t bytes, struct err *e)
{
	t->waiting += bytes;
	if (t->waiting <= t->max_memory)
		return 0;
	return err_set(e, ERR_SPEC, "the layer's directories and links need more memory than the cap of %llu MiB",
		       (unsigned long long)(t->max_memory >> 20));
}

static int set_later(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	struct tree_dir dir = { .times = { m->times[0], m->times[1] }, .mode = mode_of(t, m) };

	/* from the first such bit on, all: a directory may come again without it */
	dir.sets_mode = t->has_bits = t->has_bits || dir.mode & LATER_BITS;
	if (wait_more(t, sizeof(dir) + strlen(path) + 1, e) < 0)
		return -1;
	dir.path = str_dup(path);
	if (!(t->n_dirs & (t->n_dirs - 1)))
		t->dirs = mem_grow(t->dirs, t->n_dirs ? t->n_dirs * 2 : 1, sizeof(*t->dirs));
	t->dirs[t->n_dirs++] = dir;
	return 0;
}

static int set_opaque(int fd, const char *path, struct err *e)
{
	if (fsetxattr(fd, TREE_OPAQUE, "y", 1, 0) == 0)
		return 0;
	err_sys(e, "fsetxattr", path, "setting %s", TREE_OPAQUE);
	return e->errnum == EOPNOTSUPP ? err_hint(e, "images have to lie on a file system that keeps user attributes (a tmpfs does so since Linux 6.6)") : -1;
}

/* Return: 0, or 1: in place of a whiteout, so that it hides what is below */
static int make_directory(struct tree *t, int parent, const char *leaf, const char *path, mode_t mode, struct err *e)
{
	bool was_whiteout;
	struct stat st;

	if (mkdirat(parent, leaf, mode) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "mkdirat", path, "making a directory of the layer");
	if (S_ISDIR(st.st_mode)) {
		t->at.has_cleared = true; /* its owner is said anew */
		return fchmodat(parent, leaf, mode, 0) < 0 ? err_sys(e, "fchmodat", path, "making a directory of the layer") : 0;
	}
	was_whiteout = parents_is_whiteout(parent, leaf);
	if (parents_clear(&t->at, parent, leaf, path, e) < 0)
		return -1;
	return mkdirat(parent, leaf, mode) < 0 ? err_sys(e, "mkdirat", path, "making a directory of the layer") : was_whiteout;
}

int tree_make_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *e)
{
	const char *leaf = ".";
	int r = 0, parent = *path ? parents_of(&t->at, path, &leaf, e) : t->at.root;

	if (parent < 0)
		return -1;
	if (*path)
		r = make_directory(t, parent, leaf, path, mode_of(t, m) & ~(mode_t)LATER_BITS, e);
	else if (fchmod(parent, mode_of(t, m) & ~(mode_t)LATER_BITS) < 0)
		r = err_sys(e, "fchmod", "/", "making a directory of the layer");
	if (r < 0)
		return -1;
	if (!t->is_single && fchownat(parent, leaf, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return chown_failed(t, path, m, e);
	if (r > 0 || m->n_xattrs) {
		int fd = parents_dir(&t->at, path, e);

		if (fd < 0 || give_xattrs(t, fd, path, m, e) < 0 || (r > 0 && set_opaque(fd, path, e) < 0))
			return -1;
	}
	return record(t, path, m, e) < 0 ? -1 : set_later(t, path, m, e);
}

/* ---- whiteouts ---- */

int tree_whiteout(struct tree *t, const char *path, struct err *e)
{
	const char *leaf;
	int parent = parents_of(&t->at, path, &leaf, e);
	struct stat st;

	if (parent < 0)
		return -1;
	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(st.st_mode) ? tree_opaque(t, path, e) : 0;
	if (mknodat(parent, leaf, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	err_sys(e, "mknodat", path, "making a whiteout of the layer");
	return e->errnum == EPERM ? err_hint(e, "Linux 5.8 and later let an unprivileged user make one") : -1;
}

int tree_opaque(struct tree *t, const char *path, struct err *e)
{
	int fd = parents_dir(&t->at, path, e);

	if (!*path)
		t->hides_root = true;
	return fd < 0 ? -1 : set_opaque(fd, *path ? path : "/", e);
}

/* ---- hard links ---- */

/* Return: 0 it is made, 1 the target is not there, -1 with @e */
static int link_now(struct tree *t, const char *path, const char *target, struct err *e)
{
	struct node n = { .kind = NODE_HARDLINK };
	struct stat is, there;
	const char *leaf;
	int parent = parents_of(&t->at, path, &leaf, e);

	if (parent < 0)
		return -1;
	n.target_parent = parents_find(&t->at, target, &n.target);
	if (n.target_parent < 0 || fstatat(n.target_parent, n.target, &is, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 1;
		return err_sys(e, "openat2", path, "looking for \"%.200s\", which it is a hard link to", target);
	}
	if (S_ISCHR(is.st_mode)) /* a whiteout: no other is ever made */
		return 1;
	if (S_ISDIR(is.st_mode))
		return err_set(e, ERR_SPEC, "\"%.200s\" is a hard link to the directory \"%.200s\"", path, target);
	if (fstatat(parent, leaf, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == is.st_ino && there.st_dev == is.st_dev)
		return 0;
	return make(t, parent, leaf, path, &n, e) < 0 ? -1 : 0;
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *e)
{
	int r = link_now(t, path, target, e), parent;
	const char *leaf;
	struct stat st;

	t->at.has_cleared = false;
	if (r <= 0)
		return r;
	/* what is there when its turn comes has come later, and stays */
	parent = parents_of(&t->at, path, &leaf, e);
	if (parent < 0 || (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && parents_clear(&t->at, parent, leaf, path, e) < 0))
		return -1;
	if (wait_more(t, sizeof(struct tree_link) + strlen(path) + strlen(target) + 2, e) < 0)
		return -1;
	if (!(t->n_links & (t->n_links - 1)))
		t->links = mem_grow(t->links, t->n_links ? t->n_links * 2 : 1, sizeof(*t->links));
	t->links[t->n_links++] = (struct tree_link){ str_dup(path), str_dup(target) };
	return 0;
}

/* ---- the end ---- */

/* Return: 1 made, or not wanted any more; 0 not yet, -1 with @e */
static int link_later(struct tree *t, struct tree_link *l, struct err *e)
{
	const char *leaf;
	int parent = parents_find(&t->at, l->path, &leaf), r = 0;
	struct stat st;

	if (parent >= 0 && fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = link_now(t, l->path, l->target, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	auto_free(&l->path);
	return 1;
}

/* Forwards and backwards in turn: chains are mostly in one order or the other. */
static int make_links(struct tree *t, bool has_left, struct err *e)
{
	size_t left = t->n_links, before = 0;

	for (unsigned pass = 0; left && left != before && pass < LINK_PASSES; pass++) {
		before = left;
		for (size_t i = 0; i < t->n_links; i++) {
			struct tree_link *l = &t->links[pass % 2 ? t->n_links - 1 - i : i];
			int r = l->path ? link_later(t, l, e) : 0;

			if (r < 0)
				return -1;
			left -= (size_t)r;
		}
		if (left == before && pass % 2 == 0)
			before = 0; /* the other direction may help */
	}
	if (has_left)
		t->left_links = left;
	for (size_t i = 0; left && !has_left && i < t->n_links; i++)
		if (t->links[i].path)
			return err_set(e, ERR_SPEC, "\"%.200s\" is a hard link to \"%.200s\", which the layer does not have", t->links[i].path,
				       t->links[i].target);
	return 0;
}

/* What gave way to something else since is no concern any more. */
static bool is_there_still(const struct tree *t, int parent, const char *leaf)
{
	struct stat st;

	return parent >= 0 && (!t->at.ever_cleared || (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)));
}

static int finish_dir(struct tree *t, const struct tree_dir *d, struct err *e)
{
	const char *leaf = ".";
	int parent = *d->path ? parents_find(&t->at, d->path, &leaf) : t->at.root;

	if (!is_there_still(t, parent, leaf))
		return 0;
	/* follows a link, and this is none */
	if (d->sets_mode && fchmodat(parent, leaf, d->mode, 0) < 0)
		return err_sys(e, "fchmodat", d->path, "finishing a directory of the layer");
	if (utimensat(parent, leaf, d->times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "utimensat", d->path, "finishing a directory of the layer");
	return 0;
}

int tree_finish(struct tree *t, bool has_left, struct err *e)
{
	if (make_links(t, has_left, e) < 0)
		return -1;
	for (size_t i = 0; i < t->n_dirs; i++)
		if (finish_dir(t, &t->dirs[i], e) < 0)
			return -1;
	return t->owners < 0 ? 0 : write_owners(t, 1, e);
}

void tree_fini(struct tree *t)
{
	for (size_t i = 0; i < t->n_dirs; i++)
		free(t->dirs[i].path);
	for (size_t i = 0; i < t->n_links; i++) {
		free(t->links[i].path);
		free(t->links[i].target);
	}
	auto_free(&t->dirs);
	auto_free(&t->links);
	buf_fini(&t->recorded);
	parents_fini(&t->at);
}
