/* SPDX-License-Identifier: Apache-2.0 */
/* run/devices.c - devices of this machine that are to be bound inside: what they are, and who may open them
 *
 * A user namespace gives no right to a device. What the payload may open is decided by the
 * node's owner, group and mode, and by the ids and groups that the payload has outside.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "run/internal.h"

enum { GROUP_FILE_MAX = 4 << 20 };

/* The name of a group of this machine and whether @user is listed as a member; owned, never
 * NULL. Without NSS: the launcher is static. */
static char *group_name(gid_t gid, const char *user, bool *is_member)
{
	AUTO_FREE char *text = NULL;
	AUTO_STRV struct strv lines = { 0 };

	*is_member = false;
	if (fd_read_file(AT_FDCWD, "/etc/group", GROUP_FILE_MAX, &text, NULL) == 0)
		strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		AUTO_STRV struct strv fields = { 0 }, members = { 0 };
		AUTO_FREE char *number = str_fmt("%u", (unsigned)gid);

		strv_split(&fields, lines.v[i], ':');
		if (fields.n < 4 || !str_eq(fields.v[2], number))
			continue;
		strv_split(&members, fields.v[3], ',');
		*is_member = user && strv_has(&members, user);
		return str_dup(fields.v[0]);
	}
	return str_fmt("%u", (unsigned)gid);
}

static bool in_groups(const struct facts *f, gid_t gid)
{
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i] == gid)
			return true;
	return gid == f->gid;
}

/* Names who may open it instead, and what makes the caller one of them. */
static int not_yours(const struct spec_device *d, const struct stat *st, const struct facts *f, struct err *e)
{
	const char *user = f->user ? f->user : "USER";
	AUTO_FREE char *group = NULL;
	bool is_member;

	group = group_name(st->st_gid, f->user, &is_member);
	if (!(st->st_mode & 0060) || st->st_gid == 0) {
		err_set(e, ERR_HOST, "--device %s: you may not open it: it belongs to user %u and group %s, mode %04o", d->source,
			(unsigned)st->st_uid, group, (unsigned)st->st_mode & 07777);
		return err_hint(e, "an administrator opens it to a group with a rule of udev(7), for example in "
				   "/etc/udev/rules.d/90-lichen.rules: KERNEL==\"%s\", GROUP=\"%s\", MODE=\"0660\"",
				strrchr(d->source, '/') + 1, f->user ? f->user : "users");
	}
	if (is_member) {
		err_set(e, ERR_HOST, "--device %s: it belongs to group %s, of which you are a member since this session began",
			d->source, group);
		return err_hint(e, "log in again, or start from: newgrp %s", group);
	}
	err_set(e, ERR_HOST, "--device %s: it belongs to group %s, of which you are no member", d->source, group);
	return err_hint(e, "usermod -aG %s %s (as root), and log in again", group, user);
}

/* The ids inside may have less than the caller has: without its supplementary groups, or as
 * real root's subordinate ids. */
static void warn_lost(const struct plan_input *in, const struct spec_device *d, const struct stat *st, const struct facts *f)
{
	AUTO_FREE char *group = NULL;
	bool is_member;

	if (st->st_mode & 0006)
		return;
	if (in->is_root) {
		log_warn("--device %s: its mode, %04o, opens it to its owner and group only, and as root of the sandbox the "
			 "command is neither", d->source, (unsigned)st->st_mode & 07777);
		return;
	}
	if (in->how == IDMAP_SELF || st->st_uid == f->uid || st->st_gid == f->gid || !in_groups(f, st->st_gid))
		return;
	group = group_name(st->st_gid, f->user, &is_member);
	log_warn("--device %s: it opens to group %s, but a sandbox with a range of ids has none of your groups; --ids=single "
		 "keeps them", d->source, group);
}

static int look(const struct plan_input *in, struct spec_device *d, const struct facts *f, struct err *e)
{
	char path[FD_PATH_MAX];
	struct stat st;

	if (d->fd < 0) {
		d->fd = open(d->source, O_PATH | O_CLOEXEC);
		if (d->fd < 0)
			return err_sys(e, "open", d->source, "a device of this machine");
	}
	if (fstat(d->fd, &st) < 0)
		return err_sys(e, "fstat", d->source, "a device of this machine");
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_HOST, "%s is no device", d->source);
	if ((S_ISBLK(st.st_mode) ? 'b' : 'c') != d->type || major(st.st_rdev) != d->major || minor(st.st_rdev) != d->minor)
		return err_set(e, ERR_HOST, "%s is the device %c %u:%u on this machine, not %c %u:%u", d->source,
			       S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev), minor(st.st_rdev), d->type, d->major, d->minor);
	/* asked of the kernel, which knows of access lists, too */
	fd_path(d->fd, path);
	if (!f->is_root && faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) < 0 && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) < 0)
		return not_yours(d, &st, f, e);
	warn_lost(in, d, &st, f);
	return 0;
}

int devices_look(const struct plan_input *in, struct spec *s, const struct facts *f, struct err *e)
{
	for (size_t i = 0; i < s->n_devices; i++)
		if (look(in, &s->devices[i], f, e) < 0)
			return -1;
	return 0;
}
