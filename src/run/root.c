/* SPDX-License-Identifier: Apache-2.0 */
/* run/root.c - looks at the root file system before the plan is made */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "plan/host_table.h"
#include "run/internal.h"
#include "steps/copy.h"
#include "steps/merged.h"

/* ---- host ---- */

static bool in_groups(const struct facts *f, gid_t gid)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i] == gid)
			return true;
	return false;
}

enum { SECRETS_DEPTH = 32, SECRETS_MAX = 512 };

/* Whether @st is kept from others, and opened to the caller by a group or an ACL only. */
static bool is_secret(const struct facts *f, const char *path, const struct stat *st)
{
	mode_t other = S_ISDIR(st->st_mode) ? S_IXOTH : S_IROTH;

	if (st->st_uid == f->uid || (st->st_mode & other) || !(st->st_mode & 0070))
		return false;
	return in_groups(f, st->st_gid) || lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

/* Files that only a supplementary group of the caller may read: such groups stay in a map
 * that we write ourselves (user_namespaces(7)), so what they open must be covered. */
static void find_secrets(const struct facts *f, int dirfd, const char *path, int depth, struct strv *out)
{
	AUTO_DIR DIR *d = NULL;
	struct dirent *de;
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd >= 0 ? fdopendir(fd) : NULL;
	while (d && (de = readdir(d)) && out->n < SECRETS_MAX) {
		AUTO_FREE char *child = NULL;
		AUTO_CLOSE int sub = -1;
		struct stat st;

		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(st.st_mode))
			continue;
		child = str_fmt("%s/%s", path, de->d_name);
		if (is_secret(f, child, &st)) {
			strv_add(out, child);
			continue;
		}
		if (!S_ISDIR(st.st_mode) || depth <= 0)
			continue;
		sub = openat(fd, de->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			find_secrets(f, sub, child, depth - 1, out);
	}
}

static int find_masks(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	for (size_t i = 0; i < N_ELEMS(HOST_MASKED); i++)
		if (faccessat(AT_FDCWD, HOST_MASKED[i], R_OK, AT_EACCESS) == 0 && !in->is_root)
			strv_add(&in->host_masks, HOST_MASKED[i]);
	for (size_t i = 0; s->groups == GROUPS_AUTO && f->n_groups && i < N_ELEMS(HOST_SECRET_PLACES); i++) {
		AUTO_CLOSE int fd = open(HOST_SECRET_PLACES[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0)
			find_secrets(f, fd, HOST_SECRET_PLACES[i], SECRETS_DEPTH, &in->host_masks);
	}
	if (in->host_masks.n < SECRETS_MAX)
		return 0;
	err_set(e, ERR_HOST, "more than %d files of this machine are open to you by a group only: they cannot all be covered",
		SECRETS_MAX);
	return err_hint(e, "--groups=drop leaves the groups outside; --groups=keep lets the sandbox read such files");
}

static void find_rows(struct plan_input *in)
{
	in->rows = mem_alloc(N_ELEMS(HOST_SHOWN) * sizeof(*in->rows));
	for (size_t i = 0; i < N_ELEMS(HOST_SHOWN); i++) {
		struct host_row *row = &in->rows[in->n_rows];
		char link[PATH_MAX];
		ssize_t n = readlink(HOST_SHOWN[i], link, sizeof(link) - 1);

		if (n < 0 && errno != EINVAL)
			continue; /* not on this machine */
		row->path = str_dup(HOST_SHOWN[i]);
		if (n >= 0)
			row->link = str_dupn(link, (size_t)n);
		in->n_rows++;
	}
}

/* ---- a directory ---- */

static const char *const DEFAULT_PLACES[] = { "/proc", "/dev", "/sys" };

static int look_at_dir(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	AUTO_CLOSE int fd = -1;
	struct stat st;

	if (stat(s->root.path, &st) < 0) {
		err_sys(e, "stat", s->root.path, "the root file system");
		if (errno == ENOENT)
			err_hint(e, "the first argument is a directory with a root file system, an archive, the name of an image, or the word 'host'");
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		err_set(e, ERR_SPEC, "%s is not a directory", s->root.path);
		return err_hint(e, "a root file system is a directory, an archive in a file, the name of an image, or the word 'host'");
	}
	if (str_eq(s->root.path, "/")) {
		err_set(e, ERR_SPEC, "'/' cannot be the root file system: things are mounted below it");
		return err_hint(e, "use the word 'host' for this machine's own system");
	}
	if (faccessat(AT_FDCWD, s->root.path, R_OK | X_OK, AT_EACCESS) < 0) {
		err_sys(e, "access", s->root.path, "the root file system");
		return err_hint(e, "its top directory must be readable and searchable for you: chmod u+rx");
	}
	fd = open(s->root.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && copy_is_kernel_fs(fd)) {
		err_set(e, ERR_SPEC, "%s is no root file system: what the kernel shows there are not files", s->root.path);
		return err_hint(e, "use the word 'host' for this machine's own system");
	}
	in->top_uid = st.st_uid;
	in->top_gid = st.st_gid;
	in->top_mode = (st.st_mode & 0777) | 0555; /* mktemp -d makes it 0700: others than root enter all the same */
	if (in->is_root) {
		uint32_t base = in->uids.v[0].outside;

		in->owner = st.st_uid >= base && st.st_uid - base < in->uids.v[0].count ? OWNER_SUBID : OWNER_ROOT_IDMAP;
	} else if (st.st_uid == f->uid) {
		in->owner = OWNER_CALLER;
	} else {
		in->owner = OWNER_FOREIGN;
		for (size_t i = 0; i < f->subuids.n; i++)
			if (st.st_uid == f->subuids.v[i].first)
				in->owner = OWNER_SUBID;
	}
	return 0;
}

int root_find(struct plan_input *in, const struct spec *s, const struct facts *f, struct err *e)
{
	if (s->root.kind == ROOT_DIR)
		return look_at_dir(in, s, f, e);
	in->owner = f->is_root && s->root.kind == ROOT_IMAGE ? OWNER_SUBID : OWNER_CALLER;
	in->top_mode = 0755;
	if (s->root.kind == ROOT_IMAGE)
		return 0;	/* its files follow the ids: image_look() */
	if (s->root.kind == ROOT_BINS)
		return bins_find(in, s, e);
	find_rows(in);
	return find_masks(in, s, f, e);
}

/* @path, which is missing, with the links resolved of what is there of it: the skeleton is a layer
 * above the root, where a directory "/lib" would hide the root's link of that name. Owned. */
static char *resolve_missing(int root, const char *path)
{
	char self[FD_PATH_MAX], top[PATH_MAX], there[PATH_MAX];
	ssize_t n_top = readlink(fd_path(root, self), top, sizeof(top));

	for (size_t len = strlen(path); n_top > 0 && len > 1; len--) {
		AUTO_FREE char *head = path[len] == '/' ? str_dupn(path, len) : NULL;
		AUTO_CLOSE int fd = head ? path_open_in(root, head, O_PATH | O_DIRECTORY, 0) : -1;
		ssize_t n = fd >= 0 ? readlink(fd_path(fd, self), there, sizeof(there)) : 0;

		if (n >= n_top && n < (ssize_t)sizeof(there) && strncmp(there, top, (size_t)n_top) == 0)
			return str_fmt("%.*s%s", (int)(n - n_top), there + n_top, path + len);
	}
	return str_dup(path);
}

/* Whether something else is mounted above @path, so that it is made there. */
static bool is_below_mount(const struct spec *s, const char *path)
{
	for (size_t i = 0; i < N_ELEMS(DEFAULT_PLACES) + s->n_mounts; i++) {
		const char *over = i < N_ELEMS(DEFAULT_PLACES) ? DEFAULT_PLACES[i]
							       : s->mounts[i - N_ELEMS(DEFAULT_PLACES)].destination;
		size_t len = strlen(over);

		if (strncmp(path, over, len) == 0 && path[len] == '/')
			return true;
	}
	return false;
}

static void add_lacking(struct plan_input *in, const struct spec *s, int root, const char *path, bool is_dir, bool is_default)
{
	AUTO_CLOSE int fd = -1;

	if (!is_default && is_below_mount(s, path))
		return;
	/* below an image's layers nothing can be in the way */
	if (s->root.kind == ROOT_IMAGE) {
		/* what a volume begins with has the image's owner and mode, which a directory above would hide */
		fd = is_default ? -1 : merged_open(&s->root.lowers, path, O_PATH);
		if (fd >= 0)
			return;
		strv_add_take(is_dir ? &in->skeleton_dirs : &in->skeleton_files, merged_resolve(&s->root.lowers, path));
		return;
	}
	fd = path_open_in(root, path, O_PATH, 0);
	if (fd < 0)
		strv_add_take(is_dir ? &in->skeleton_dirs : &in->skeleton_files, resolve_missing(root, path));
}

/* Which mount points a read-only root lacks. What lies below another mount is made there. */
int root_skeleton(struct plan_input *in, const struct spec *s, struct err *e)
{
	const struct {
		const char *path;
		bool is_asked, has_text;
	} files[] = {
		{ "/etc/hosts", s->add_hosts.n, in->etc_hosts },
		{ "/etc/hostname", false, in->etc_hostname },
		{ "/etc/resolv.conf", s->dns.n || s->dns_search.n || s->dns_options.n, in->etc_resolv },
	};
	const bool is_image = s->root.kind == ROOT_IMAGE;
	AUTO_CLOSE int root = is_image ? -1 : open(s->root.path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 && !is_image)
		return err_sys(e, "open", s->root.path, "the root file system");
	for (size_t i = 0; i < N_ELEMS(DEFAULT_PLACES); i++)
		add_lacking(in, s, root, DEFAULT_PLACES[i], true, true);
	for (size_t i = 0; i < s->n_mounts; i++)
		add_lacking(in, s, root, s->mounts[i].destination,
			    !str_eq(s->mounts[i].type, "bind") || in->source_is_dir[i], false);
	for (size_t i = 0; i < s->n_devices; i++)
		add_lacking(in, s, root, s->devices[i].path, false, false);
	/* the skeleton's directories have the usual mode: another one cannot be given there */
	for (size_t i = 0; i < s->n_paths; i++)
		if (s->paths[i].kind == PATH_DIR && s->paths[i].mode == 0755)
			add_lacking(in, s, root, s->paths[i].path, true, false);
	/* an image's working directory is made where it is missing, also where nothing can be made later */
	if (is_image && s->process.cwd && !str_eq(s->process.cwd, "/"))
		add_lacking(in, s, root, s->process.cwd, true, false);
	for (size_t i = 0; i < N_ELEMS(files); i++) {
		AUTO_CLOSE int fd = files[i].is_asked && !is_image ? path_open_in(root, files[i].path, O_PATH, 0) : -1;

		if (is_image && files[i].has_text)
			add_lacking(in, s, root, files[i].path, false, false);
		if (is_image)
			continue;
		if (files[i].is_asked && fd < 0)
			strv_add(&in->skeleton_files, files[i].path);
	}
	return 0;
}
