/* SPDX-License-Identifier: Apache-2.0 */
/* steps/owners.c - STEP_COPY_FIX: gives a copied tree the owners and modes of the one it was made of */

#include "steps/owners.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "steps/copy.h"
#include "steps/ctx.h"

enum { CAPS_MAX = 32, RECORD_MAX = PATH_MAX + 64 + 2 * CAPS_MAX };

/* security.capability, as in the record. */
struct file_caps {
	unsigned char v[CAPS_MAX];
	size_t n;	/* 0: none */
};

/* What could not be kept. */
struct lost {
	uint64_t owners;	/* without a number inside */
	uint64_t caps;
};

/* The next record without its NUL. 1: got one, 0: end of file, -1: too long or cut off. */
static int next_record(FILE *fp, char buf[RECORD_MAX])
{
	size_t n = 0;
	int ch;

	while ((ch = getc_unlocked(fp)) != EOF) {
		if (n == RECORD_MAX)
			return -1;
		buf[n++] = (char)ch;
		if (!ch)
			return 1;
	}
	return n || ferror(fp) ? -1 : 0;
}

/* Digits of @base and one space; no sign, nothing above @max. */
static bool take_number(char **s, unsigned base, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	char *p = *s;

	for (; *p >= '0' && *p < (char)('0' + base); p++) {
		v = v * base + (unsigned)(*p - '0');
		if (v > max)
			return false;
	}
	if (p == *s || *p != ' ')
		return false;
	*s = p + 1;
	*out = (uint32_t)v;
	return true;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_caps(char **s, struct file_caps *caps)
{
	char *p = *s;

	*caps = (struct file_caps){ 0 };
	if (str_starts(p, OWNERS_NO_CAPS " ")) {
		*s += strlen(OWNERS_NO_CAPS " ");
		return true;
	}
	for (; *p != ' '; p += 2) {
		int high = digit(p[0]), low = high < 0 ? -1 : digit(p[1]);

		if (low < 0 || caps->n == CAPS_MAX)
			return false;
		caps->v[caps->n++] = (unsigned char)(high << 4 | low);
	}
	*s = p + 1;
	return caps->n > 0;
}

/* Absolute, no ".." and no empty part: what copy_tree() writes. */
static bool is_inner_path(const char *p)
{
	if (strcmp(p, "/") == 0)
		return true;
	if (*p != '/' || strlen(p) > PATH_BYTES_MAX)
		return false;
	while (*p) {
		size_t n = strcspn(++p, "/");

		if (!n || (n <= 2 && strncmp(p, "..", n) == 0))
			return false;
		p += n;
	}
	return true;
}

/* Ids without a number inside become 0. 1: so it was. */
static int chown_entry(int dirfd, const char *leaf, uid_t uid, gid_t gid, mode_t *mode)
{
	const uid_t keep_uid = (uid_t)-1;
	const gid_t keep_gid = (gid_t)-1;

	if (fchownat(dirfd, leaf, uid, gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	/* nobody's setuid file must not become root's */
	if (fchownat(dirfd, leaf, uid, keep_gid, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != EINVAL || fchownat(dirfd, leaf, 0, keep_gid, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		*mode &= ~(mode_t)S_ISUID;
	}
	if (fchownat(dirfd, leaf, keep_uid, gid, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != EINVAL || fchownat(dirfd, leaf, keep_uid, 0, AT_SYMLINK_NOFOLLOW) < 0)
			return -1;
		if (!S_ISDIR(*mode))
			*mode &= ~(mode_t)S_ISGID;
	}
	return 1;
}

/* Those of the user namespace's root are given anew, by which they are this one's. */
static int set_caps(int dirfd, const char *leaf, const struct file_caps *caps)
{
	AUTO_CLOSE int fd = openat(dirfd, leaf, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -1 : fsetxattr(fd, OWNERS_CAPS_XATTR, caps->v, caps->n, 0);
}

static int fix_entry(int root_fd, const char *path, uid_t uid, gid_t gid, mode_t mode, const struct file_caps *caps, struct lost *lost,
		     struct err *e)
{
	AUTO_CLOSE int parent = -1;
	const char *leaf = ".";
	int dirfd = root_fd, rc;
	struct stat st;

	if (strcmp(path, "/") != 0) {
		parent = path_parent_in(root_fd, path, false, &leaf);
		if (parent < 0)
			return err_sys(e, "openat2", path, "owners of the copied tree");
		dirfd = parent;
	}
	if (fstatat(dirfd, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "fstatat", path, "owners of the copied tree");
	if ((st.st_mode & S_IFMT) != (mode & S_IFMT))
		return err_set(e, ERR_STATE, "%s of the copied tree is not what was copied", path);
	rc = chown_entry(dirfd, leaf, uid, gid, &mode);
	if (rc < 0)
		return err_sys(e, "fchownat", path, "owners of the copied tree");
	lost->owners += (uint64_t)rc;
	if (S_ISLNK(mode))
		return 0;
	if (fchmodat(dirfd, leaf, mode & 07777, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "fchmodat", path, "modes of the copied tree");
	/* after the owner, whose change takes them away; not for a file that was nobody's inside */
	if (caps->n && (rc || !S_ISREG(mode) || set_caps(dirfd, leaf, caps) < 0))
		lost->caps++;
	return 0;
}

/* The number inside for a host id. A tree of ours goes through the map; in a stranger's the
 * owner of the top directory becomes root and every other id keeps its number. */
static uint32_t translate(const struct id_map *m, uint32_t id, uint32_t top)
{
	int64_t inside;

	if (!m)
		return id == top ? 0 : id;
	inside = id_map_inside(m, id);
	return inside < 0 ? id : (uint32_t)inside;
}

/* The capabilities of a file count for the root of one user namespace. In the tree's they are root's of this machine, or of the
 * id that is behind; inside they are to be root's there. false: they are another one's. */
static bool translate_caps(struct file_caps *caps, const struct plan_input *in, bool is_ours)
{
	struct vfs_ns_cap_data data;
	uint32_t root;

	if (caps->n != XATTR_CAPS_SZ_3)
		return caps->n == XATTR_CAPS_SZ_2;
	memcpy(&data, caps->v, sizeof(data));
	root = le32toh(data.rootid);
	if (in)
		root = is_ours ? (uint32_t)id_map_inside(&in->uids, root) : root == in->top_uid ? 0 : root;
	if (root)
		return false;
	data.magic_etc = htole32((le32toh(data.magic_etc) & ~(uint32_t)VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
	memcpy(caps->v, &data, XATTR_CAPS_SZ_2);
	caps->n = XATTR_CAPS_SZ_2;
	return true;
}

static void say_lost_caps(uint64_t n)
{
	if (n)
		log_warn("%llu copied files have lost their capabilities (as of getcap), which belong to another user namespace or cannot be set here",
			 (unsigned long long)n);
}

static int fix_all(int root_fd, FILE *fp, const char *name, const struct plan_input *in, uint64_t *unmapped,
		   struct err *e)
{
	struct lost lost = { 0 };
	bool is_ours = in && (in->owner == OWNER_CALLER || in->owner == OWNER_SUBID);
	char rec[RECORD_MAX];
	int rc;

	*unmapped = 0;
	if (next_record(fp, rec) != 1 || strcmp(rec, OWNERS_MAGIC) != 0)
		return err_set(e, ERR_STATE, "%s is not a list of owners", name);
	while ((rc = next_record(fp, rec)) == 1) {
		uint32_t uid, gid, mode;
		struct file_caps caps;
		char *s = rec;

		if (strcmp(rec, OWNERS_END) == 0) {
			say_lost_caps(lost.caps);
			*unmapped = lost.owners;
			return 0;
		}
		if (!take_number(&s, 10, UINT32_MAX - 1, &uid) || !take_number(&s, 10, UINT32_MAX - 1, &gid) ||
		    !take_number(&s, 8, 0177777, &mode) || !take_caps(&s, &caps) || !is_inner_path(s))
			return err_set(e, ERR_STATE, "%s has a line that is none of ours", name);
		if (in) {
			uid = translate(is_ours ? &in->uids : NULL, uid, in->top_uid);
			gid = translate(is_ours ? &in->gids : NULL, gid, in->top_gid);
		}
		if (caps.n && !translate_caps(&caps, in, is_ours)) {
			caps.n = 0;
			lost.caps++;
		}
		if (fix_entry(root_fd, s, uid, gid, mode, &caps, &lost, e) < 0)
			return -1;
	}
	return err_set(e, ERR_STATE, "%s is cut short", name);
}

int copy_fix(int root_fd, const char *owners_path, uint64_t *unmapped, struct err *e)
{
	AUTO_FCLOSE FILE *fp = fopen(owners_path, "re");

	if (!fp)
		return err_sys(e, "open", owners_path, "reading the owners of the copied tree");
	return fix_all(root_fd, fp, owners_path, NULL, unmapped, e);
}

int step_copy_fix(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	/* opened before ids changed: real root's child could not open it any more */
	int fd = fcntl(ctx_fd(c, SLOT_OWNERS), F_DUPFD_CLOEXEC, 3);
	AUTO_FCLOSE FILE *fp = fd >= 0 ? fdopen(fd, "r") : NULL;
	uint64_t unmapped;

	(void)rung;
	if (!fp)
		return err_sys(e, "fdopen", s->object, "reading the owners of the copied tree");
	if (fix_all(ctx_fd(c, s->reads[0]), fp, s->object, c->in, &unmapped, e) < 0)
		return -1;
	if (unmapped)
		log_info("%llu copied files have owners without a number inside and belong to root",
			 (unsigned long long)unmapped);
	return 0;
}
