/* SPDX-License-Identifier: Apache-2.0 */
/* image/model.c - the tree that a layer becomes, in memory */

#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"

enum { FIRST_TABLE = 1024, LINKS_FOLLOWED = 40, LINK_PASSES = 40, LATER_BITS = S_ISUID | S_ISGID /* of directories */ };

/* ---- inodes ---- */

static struct model_inode *new_inode(struct model *m, enum model_kind kind)
{
	struct model_inode *i = mem_alloc(sizeof(*i));

	m->memory += sizeof(*i);
	i->kind = kind;
	return i;
}

static void put_inode(struct model_inode *i)
{
	if (i->links && --i->links)
		return;
	for (size_t k = 0; k < i->n_xattrs; k++) {
		free(i->xattrs[k].name);
		free(i->xattrs[k].value);
	}
	free(i->xattrs);
	free(i->content);
	free(i);
}

static void set_xattr(struct model *m, struct model_inode *i, const char *name, const void *value, size_t size)
{
	struct model_xattr *x = NULL;

	for (size_t k = 0; k < i->n_xattrs; k++)
		if (str_eq(i->xattrs[k].name, name))
			x = &i->xattrs[k];
	if (!x) {
		i->xattrs = mem_grow(i->xattrs, i->n_xattrs + 1, sizeof(*x));
		x = &i->xattrs[i->n_xattrs++];
		*x = (struct model_xattr){ .name = str_dup(name) };
	}
	free(x->value);
	x->value = mem_alloc(size + 1);
	if (size)
		memcpy(x->value, value, size);
	x->size = size;
	m->memory += sizeof(*x) + strlen(name) + size;
}

static void set_xattrs(struct model *m, struct model_inode *i, const struct tree_meta *meta)
{
	for (size_t k = 0; k < meta->n_xattrs; k++)
		set_xattr(m, i, meta->xattrs[k].name, meta->xattrs[k].value, meta->xattrs[k].size);
}

/* As tree.c: with one id, a bit that would make the caller of a stranger is left out. */
static mode_t mode_of(const struct model *m, const struct tree_meta *meta)
{
	mode_t mode = meta->mode;

	if (m->is_single && meta->uid != 0)
		mode &= ~(mode_t)S_ISUID;
	if (m->is_single && meta->gid != 0)
		mode &= ~(mode_t)S_ISGID;
	return mode;
}

static void set_meta(const struct model *m, struct model_inode *i, const struct tree_meta *meta)
{
	i->uid = m->is_single ? 0 : meta->uid;
	i->gid = m->is_single ? 0 : meta->gid;
	i->mode = mode_of(m, meta);
	i->has_mode = true;
}

/* ---- names ---- */

static size_t hash(const struct model *m, const struct model_node *dir, const char *name)
{
	uint64_t h = (uint64_t)(uintptr_t)dir * UINT64_C(0x9e3779b97f4a7c15);

	for (const unsigned char *s = (const unsigned char *)name; *s; s++)
		h = (h ^ *s) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32) & (m->n_table - 1);
}

struct model_node *model_child(const struct model *m, const struct model_node *dir, const char *name)
{
	struct model_node *n = m->table[hash(m, dir, name)];

	while (n && (n->parent != dir || !str_eq(n->name, name)))
		n = n->same_hash;
	return n;
}

static void grow_table(struct model *m)
{
	struct model_node **old = m->table;
	size_t n_old = m->n_table;

	m->n_table = n_old ? n_old * 2 : FIRST_TABLE;
	m->table = mem_alloc(m->n_table * sizeof(*m->table));
	m->memory += (m->n_table - n_old) * sizeof(*m->table);
	for (size_t i = 0; i < n_old; i++)
		for (struct model_node *n = old[i], *next; n; n = next) {
			size_t h = hash(m, n->parent, n->name);

			next = n->same_hash;
			n->same_hash = m->table[h];
			m->table[h] = n;
		}
	free(old);
}

static struct model_node *new_node(struct model *m, struct model_node *dir, const char *name, struct model_inode *inode)
{
	struct model_node *n = mem_alloc(sizeof(*n) + strlen(name) + 1);
	size_t h;

	if (m->n == m->n_table)
		grow_table(m);
	m->memory += sizeof(*n) + strlen(name) + 1;
	memcpy(n->name, name, strlen(name) + 1);
	n->parent = dir;
	n->inode = inode;
	inode->links++;
	h = hash(m, dir, name);
	n->same_hash = m->table[h];
	m->table[h] = n;
	m->n++;
	if (!dir)
		return n;
	n->next = dir->child;
	if (n->next)
		n->next->before = n;
	dir->child = n;
	return n;
}

static void drop_node(struct model *m, struct model_node *n)
{
	struct model_node **at = &m->table[hash(m, n->parent, n->name)];

	while (*at != n)
		at = &(*at)->same_hash;
	*at = n->same_hash;
	if (n->before)
		n->before->next = n->next;
	else if (n->parent)
		n->parent->child = n->next;
	if (n->next)
		n->next->before = n->before;
	m->n--;
	put_inode(n->inode);
	free(n);
}

/* With all that is below. */
static void drop(struct model *m, struct model_node *top)
{
	for (struct model_node *n = top, *up; n; n = up) {
		while (n->child)
			n = n->child;
		up = n == top ? NULL : n->parent;
		drop_node(m, n);
	}
}

static void clear(struct model *m, struct model_node *n)
{
	drop(m, n);
	m->has_cleared = m->ever_cleared = true;
}

static int fits(const struct model *m, struct err *e)
{
	if (m->memory <= m->max_memory)
		return 0;
	return err_set(e, ERR_SPEC, "the layer has so many names that comparing them takes more than %llu MiB",
		       (unsigned long long)(m->max_memory >> 20));
}

/* ---- paths, as openat2(2) in the root ---- */

static struct model_node *step(const struct model *m, struct model_node *at, const char *name)
{
	struct model_node *n;

	if (str_eq(name, "."))
		return at;
	if (str_eq(name, ".."))
		return at->parent ? at->parent : at;
	n = model_child(m, at, name);
	if (!n)
		errno = ENOENT;
	return n;
}

/* The directory that @path is, links followed; NULL with errno. */
static struct model_node *find_dir(const struct model *m, const char *path)
{
	AUTO_FREE char *rest = str_dup(path);
	struct model_node *at = m->root;
	char *s = rest;

	for (unsigned links = 0;;) {
		struct model_node *n;
		char *end;

		s += strspn(s, "/");
		if (!*s)
			return at;
		end = s + strcspn(s, "/");
		if (*end)
			*end++ = '\0';
		n = step(m, at, s);
		if (!n)
			return NULL;
		s = end;
		if (n->inode->kind == MODEL_SYMLINK) {
			char *joined = str_fmt("%s/%s", n->inode->content, s);

			if (n->inode->content[0] == '/')
				at = m->root;
			free(rest);
			s = rest = joined;
			if (++links <= LINKS_FOLLOWED)
				continue;
			errno = ELOOP;
			return NULL;
		}
		if (n->inode->kind != MODEL_DIR) {
			errno = ENOTDIR;
			return NULL;
		}
		at = n;
	}
}

/* As parents.c: root's, 0755; a whiteout becomes an opaque one. */
static struct model_node *make_parent(struct model *m, struct model_node *parent, const char *leaf, struct err *e)
{
	struct model_node *there = model_child(m, parent, leaf);
	const bool was_whiteout = there && there->inode->kind == MODEL_WHITEOUT;
	struct model_inode *i;

	if (there && !was_whiteout) {
		err_set(e, ERR_SPEC, "something that is no directory, or a link that leads nowhere, is where \"%.200s\" has to be a directory", leaf);
		return NULL;
	}
	if (was_whiteout)
		clear(m, there);
	i = new_inode(m, MODEL_DIR);
	i->has_mode = true;
	i->mode = 0755;
	i->is_opaque = was_whiteout;
	return new_node(m, parent, leaf, i);
}

static struct model_node *get_dir(struct model *m, const char *path, size_t len, struct err *e)
{
	AUTO_FREE char *dir = str_dupn(path, len);
	struct model_node *n = find_dir(m, dir), *parent = m->root;
	char *leaf = dir;

	if (n)
		return n;
	for (char *slash = strchr(dir, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		n = find_dir(m, dir);
		if (!n && errno != ENOENT && errno != ENOTDIR) {
			err_sys(e, "openat2", dir, "looking for a directory of the layer");
			return NULL;
		}
		if (!n)
			n = make_parent(m, parent, leaf, e);
		if (!n || !slash)
			return n;
		*slash = '/';
		leaf = slash + 1;
		parent = n;
	}
}

static size_t split(const char *path, const char **leaf)
{
	const char *slash = strrchr(path, '/');

	*leaf = slash ? slash + 1 : path;
	return slash ? (size_t)(slash - path) : 0;
}

static struct model_node *parent_of(struct model *m, const char *path, const char **leaf, struct err *e)
{
	return get_dir(m, path, split(path, leaf), e);
}

/* Nothing is made. NULL with errno */
static struct model_node *find_parent(const struct model *m, const char *path, const char **leaf)
{
	AUTO_FREE char *dir = str_dupn(path, split(path, leaf));

	return find_dir(m, dir);
}

/* A new inode in place of what is there. */
static int place(struct model *m, const char *path, struct model_inode *i, struct err *e)
{
	const char *leaf;
	struct model_node *parent = parent_of(m, path, &leaf, e), *there = parent ? model_child(m, parent, leaf) : NULL;

	if (!parent) {
		put_inode(i);
		return -1;
	}
	if (there)
		clear(m, there);
	new_node(m, parent, leaf, i);
	return fits(m, e);
}

/* ---- the list of owners ---- */

/* As record() of tree.c writes it, compared with what is there. */
static void compare_owner(struct model *m, const char *path, const struct tree_meta *meta)
{
	const bool says_again = m->has_cleared;
	AUTO_BUF struct buf line = { 0 };
	AUTO_FREE char *there = NULL;

	m->has_cleared = false;
	if (!m->is_single || (!meta->uid && !meta->gid && !says_again))
		return;
	buf_addf(&line, "%u %u %o %s", (unsigned)meta->uid, (unsigned)meta->gid, (unsigned)meta->mode, path);
	line.len++;	/* with its end */
	there = mem_alloc(line.len);
	if (m->owners < 0 || pread(m->owners, there, line.len, (off_t)m->n_owners) != (ssize_t)line.len || memcmp(there, line.s, line.len) != 0)
		m->differs_in_owners = true;
	m->n_owners += line.len;
}

/* ---- files ---- */

static int add_file(void *to, const char *path, const struct tree_meta *meta, int *fd, struct err *e)
{
	struct model *m = to;

	*fd = -1;
	m->file = new_inode(m, MODEL_FILE);
	m->at = 0;
	set_meta(m, m->file, meta);
	return place(m, path, m->file, e) < 0 ? -1 : digest_begin(&m->digest, NULL, e);
}

static void add_hole(struct model *m, uint64_t end)
{
	static const char zeros[64 << 10];

	while (m->at < end) {
		size_t n = end - m->at < sizeof(zeros) ? (size_t)(end - m->at) : sizeof(zeros);

		digest_add(&m->digest, zeros, n);
		m->at += n;
	}
}

static int add_block(void *to, int fd, const void *data, size_t n, int64_t at, const char *path, struct err *e)
{
	struct model *m = to;

	(void)fd;
	(void)path;
	(void)e;
	add_hole(m, (uint64_t)at);
	digest_add(&m->digest, data, n);
	m->at += n;
	return 0;
}

static int add_end(void *to, int fd, int64_t size, const char *path, struct err *e)
{
	(void)fd;
	(void)path;
	(void)e;
	add_hole(to, (uint64_t)size);
	return 0;
}

static int end_file(void *to, int fd, const char *path, const struct tree_meta *meta, struct err *e)
{
	struct model *m = to;
	char got[DIGEST_MAX];

	(void)fd;
	digest_end(&m->digest, got);
	m->file->content = str_dup(got);
	m->file->size = m->at;
	m->bytes += m->at;
	m->memory += strlen(got);
	m->file->mtime = meta->times[1];
	m->file->has_times = true;
	set_xattrs(m, m->file, meta);
	compare_owner(m, path, meta);
	return fits(m, e);
}

/* ---- what has no content ---- */

static int add_symlink(void *to, const char *path, const char *target, const struct tree_meta *meta, struct err *e)
{
	struct model *m = to;
	struct model_inode *i = new_inode(m, MODEL_SYMLINK);

	set_meta(m, i, meta);
	i->has_mode = false;
	i->content = str_dup(target);
	m->memory += strlen(target);
	i->mtime = meta->times[1];
	i->has_times = true;
	if (place(m, path, i, e) < 0)
		return -1;
	compare_owner(m, path, meta);
	return 0;
}

static int add_fifo(void *to, const char *path, const struct tree_meta *meta, struct err *e)
{
	struct model *m = to;
	struct model_inode *i = new_inode(m, MODEL_FIFO);

	set_meta(m, i, meta);
	i->mtime = meta->times[1];
	i->has_times = true;
	if (place(m, path, i, e) < 0)
		return -1;
	compare_owner(m, path, meta);
	return 0;
}

/* ---- directories ---- */

static void set_later(struct model *m, const char *path, const struct tree_meta *meta)
{
	struct tree_dir dir = { .path = str_dup(path), .times = { meta->times[0], meta->times[1] }, .mode = mode_of(m, meta) };

	dir.sets_mode = m->has_bits = m->has_bits || dir.mode & LATER_BITS;
	m->memory += sizeof(dir) + strlen(path);
	if (!(m->n_dirs & (m->n_dirs - 1)))
		m->dirs = mem_grow(m->dirs, m->n_dirs ? m->n_dirs * 2 : 1, sizeof(*m->dirs));
	m->dirs[m->n_dirs++] = dir;
}

static struct model_node *get_directory(struct model *m, const char *path, struct err *e)
{
	const char *leaf;
	struct model_node *parent = *path ? parent_of(m, path, &leaf, e) : NULL, *there = *path && parent ? model_child(m, parent, leaf) : NULL;
	struct model_inode *i;
	bool was_whiteout;

	if (!*path)
		return m->root;
	if (!parent)
		return NULL;
	if (there && there->inode->kind == MODEL_DIR) {
		m->has_cleared = true; /* its owner is said anew */
		return there;
	}
	was_whiteout = there && there->inode->kind == MODEL_WHITEOUT;
	if (there)
		clear(m, there);
	i = new_inode(m, MODEL_DIR);
	i->is_opaque = was_whiteout;
	return new_node(m, parent, leaf, i);
}

static int add_dir(void *to, const char *path, const struct tree_meta *meta, struct err *e)
{
	struct model *m = to;
	struct model_node *n = get_directory(m, path, e);

	if (!n)
		return -1;
	set_meta(m, n->inode, meta);
	n->inode->mode &= ~(mode_t)LATER_BITS;
	set_xattrs(m, n->inode, meta);
	compare_owner(m, path, meta);
	set_later(m, path, meta);
	return fits(m, e);
}

/* ---- whiteouts ---- */

static int add_opaque(void *to, const char *path, struct err *e)
{
	struct model *m = to;
	struct model_node *n = get_dir(m, path, strlen(path), e);

	if (!n)
		return -1;
	n->inode->is_opaque = true;
	return 0;
}

static int add_whiteout(void *to, const char *path, struct err *e)
{
	struct model *m = to;
	const char *leaf;
	struct model_node *parent = parent_of(m, path, &leaf, e), *there = parent ? model_child(m, parent, leaf) : NULL;

	if (!parent)
		return -1;
	if (there)
		return there->inode->kind == MODEL_DIR ? add_opaque(m, path, e) : 0;
	new_node(m, parent, leaf, new_inode(m, MODEL_WHITEOUT));
	return fits(m, e);
}

/* ---- hard links ---- */

/* Return: 0 it is made, 1 the target is not there, -1 with @e */
static int link_now(struct model *m, const char *path, const char *target, struct err *e)
{
	const char *leaf, *name;
	struct model_node *parent = parent_of(m, path, &leaf, e), *dir = parent ? find_parent(m, target, &name) : NULL;
	struct model_node *is = dir ? model_child(m, dir, name) : NULL, *there;

	if (!parent)
		return -1;
	if (!is || is->inode->kind == MODEL_WHITEOUT)
		return 1;
	if (is->inode->kind == MODEL_DIR)
		return err_set(e, ERR_SPEC, "\"%.200s\" is a hard link to the directory \"%.200s\"", path, target);
	there = model_child(m, parent, leaf);
	if (there && there->inode == is->inode)
		return 0;
	if (there) {
		/* the target may be below what goes: its inode stays */
		struct model_inode *i = is->inode;

		i->links++;
		clear(m, there);
		new_node(m, parent, leaf, i);
		i->links--;
		return fits(m, e);
	}
	new_node(m, parent, leaf, is->inode);
	return fits(m, e);
}

static int add_hardlink(void *to, const char *path, const char *target, struct err *e)
{
	struct model *m = to;
	struct model_node *parent, *there;
	const char *leaf;
	int r = link_now(m, path, target, e);

	m->has_cleared = false;
	if (r <= 0)
		return r;
	parent = parent_of(m, path, &leaf, e);
	there = parent ? model_child(m, parent, leaf) : NULL;
	if (!parent)
		return -1;
	if (there)
		clear(m, there);
	if (!(m->n_links & (m->n_links - 1)))
		m->links = mem_grow(m->links, m->n_links ? m->n_links * 2 : 1, sizeof(*m->links));
	m->links[m->n_links++] = (struct tree_link){ str_dup(path), str_dup(target) };
	m->memory += sizeof(*m->links) + strlen(path) + strlen(target);
	return fits(m, e);
}

/* ---- the end ---- */

static int link_later(struct model *m, struct tree_link *l, struct err *e)
{
	const char *leaf;
	struct model_node *parent = find_parent(m, l->path, &leaf);
	int r = parent && !model_child(m, parent, leaf) ? link_now(m, l->path, l->target, e) : 0;

	if (r != 0)
		return r < 0 ? -1 : 0;
	auto_free(&l->path);
	return 1;
}

/* In the order of tree.c. */
static int make_links(struct model *m, bool has_left, struct err *e)
{
	size_t left = m->n_links, before = 0;

	for (unsigned pass = 0; left && left != before && pass < LINK_PASSES; pass++) {
		before = left;
		for (size_t i = 0; i < m->n_links; i++) {
			struct tree_link *l = &m->links[pass % 2 ? m->n_links - 1 - i : i];
			int r = l->path ? link_later(m, l, e) : 0;

			if (r < 0)
				return -1;
			left -= (size_t)r;
		}
		if (left == before && pass % 2 == 0)
			before = 0;
	}
	return left && !has_left ? err_set(e, ERR_SPEC, "the layer has hard links to what it does not have") : 0;
}

static void finish_dir(const struct model *m, const struct tree_dir *d)
{
	const char *leaf;
	const struct model_node *parent = *d->path ? find_parent(m, d->path, &leaf) : NULL;
	const struct model_node *n = !*d->path ? m->root : parent ? model_child(m, parent, leaf) : NULL;

	if (!n || n->inode->kind != MODEL_DIR)
		return;
	if (d->sets_mode)
		n->inode->mode = d->mode;
	n->inode->mtime = d->times[1];
	n->inode->has_times = true;
}

static int finish(void *to, bool has_left, struct err *e)
{
	struct model *m = to;
	struct stat st;

	if (make_links(m, has_left, e) < 0)
		return -1;
	for (size_t i = 0; i < m->n_dirs; i++)
		finish_dir(m, &m->dirs[i]);
	if (m->owners >= 0 && (fstat(m->owners, &st) < 0 || (uint64_t)st.st_size != m->n_owners))
		m->differs_in_owners = true;
	return 0;
}

const struct layer_to MODEL_TO = {
	.file = add_file, .write = add_block, .extend = add_end, .file_end = end_file, .make_dir = add_dir, .symlink = add_symlink,
	.fifo = add_fifo, .hardlink = add_hardlink, .whiteout = add_whiteout, .opaque = add_opaque, .finish = finish,
};

void model_init(struct model *m, bool is_single, int owners, uint64_t max_memory)
{
	*m = (struct model){ .is_single = is_single, .owners = owners, .max_memory = max_memory };
	grow_table(m);
	m->root = new_node(m, NULL, "", new_inode(m, MODEL_DIR));
}

void model_fini(struct model *m)
{
	digest_fini(&m->digest);
	drop(m, m->root);
	free(m->table);
	for (size_t i = 0; i < m->n_dirs; i++)
		free(m->dirs[i].path);
	for (size_t i = 0; i < m->n_links; i++) {
		free(m->links[i].path);
		free(m->links[i].target);
	}
	free(m->dirs);
	free(m->links);
	*m = (struct model){ 0 };
}
