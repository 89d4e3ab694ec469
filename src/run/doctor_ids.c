/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_ids.c - doctor: subordinate ids, the tools that map them, no_new_privs */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/doctor_try.h"

/* What `getsubids USER` prints: "0: USER 100000 65536". Ids of the first range, 0: none. */
static unsigned long ask_nss(const char *user, bool groups)
{
	AUTO_FREE char *tool = child_find("getsubids");
	const char *argv[] = { tool, groups ? "-g" : user, groups ? user : NULL, NULL };
	AUTO_FREE char *text = NULL;
	const char *last;
	struct child c;
	struct err ignored;

	if (!tool || child_spawn(&c, argv, true, &ignored) < 0 || child_wait(&c, &text, &ignored) < 0 || !text)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	last = strrchr(text, ' ');
	return last ? strtoul(last, NULL, 10) : 0;
}

static void subids_elsewhere(struct attempt *a)
{
	AUTO_FREE char *tool = child_find("getsubids");
	unsigned long uids = tool ? ask_nss(a->d->user, false) : 0, gids = tool ? ask_nss(a->d->user, true) : 0;

	if (!tool)
		lacks(a, "getsubids-missing", "/etc/nsswitch.conf names another source than files, and getsubids is not installed");
	else if (!uids || !gids)
		lacks(a, "subids-nss", "/etc/nsswitch.conf names another source than files, which has none for %s", a->d->user);
	else
		works(a, "%lu uids and %lu gids, from the source that /etc/nsswitch.conf names", uids, gids);
}

void try_subids(struct attempt *a)
{
	const struct facts *f = &a->f;
	uint64_t uids = subid_total(&f->subuids), gids = subid_total(&f->subgids);

	if (f->writes_maps && uids + 1 >= 65536 && gids + 1 >= 65536)	/* its own is not among them */
		works(a, "root maps the %llu uids and %llu gids of this user namespace", (unsigned long long)uids + 1,
		      (unsigned long long)gids + 1);
	else if (f->writes_maps || host_has_few_ids())
		lacks(a, "nested-few-ids", "this user namespace has too few ids to give away, whatever is in /etc/subuid");
	else if (uids >= 65536 && gids >= 65536)
		works(a, "%llu uids from %u, %llu gids from %u", (unsigned long long)uids, f->subuids.v[0].first,
		      (unsigned long long)gids, f->subgids.v[0].first);
	else if (uids && gids)
		lacks(a, "subids-none", "only %llu uids and %llu gids: images use up to 65536", (unsigned long long)uids,
		      (unsigned long long)gids);
	else if (f->is_root)
		works(a, "none given to root: a free range is taken");
	else if (f->subid_elsewhere)
		subids_elsewhere(a);
	else
		lacks(a, "subids-none", "no line for %s in %s%s%s", a->d->user, uids ? "" : "/etc/subuid",
		      !uids && !gids ? " and " : "", gids ? "" : "/etc/subgid");
}

static bool has_privilege(const char *tool)
{
	struct stat st;

	return stat(tool, &st) == 0 && ((st.st_mode & S_ISUID && st.st_uid == 0) ||
					getxattr(tool, "security.capability", NULL, 0) > 0);
}

static int run_tool(const char *tool, pid_t pid, uint32_t own, const struct subids *s, struct err *e)
{
	AUTO_FREE char *p = str_fmt("%d", (int)pid), *id = str_fmt("%u", own);
	AUTO_FREE char *first = str_fmt("%u", s->v[0].first), *count = str_fmt("%u", s->v[0].count);
	const char *argv[] = { tool, p, "0", id, "1", "1", first, count, NULL };
	struct child c;

	if (child_spawn(&c, argv, false, e) < 0)
		return -1;
	return child_wait(&c, NULL, e) < 0 ? -1 : 0;
}

/* A child waits in a new user namespace while the tools map it. */
static int map_range(const struct facts *f, struct err *e)
{
	AUTO_CLOSE int up_r = -1, up_w = -1, down_r = -1, down_w = -1;
	int p[2], rc = -1;
	char byte = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting a check");
	up_r = p[0];
	up_w = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting a check");
	down_r = p[0];
	down_w = p[1];
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork", NULL, "starting a check");
	if (!pid) {
		close(down_w);
		if (unshare(CLONE_NEWUSER) < 0 || fd_write_all(up_w, "r", 1) < 0)
			_exit(1);
		while (read(down_r, &byte, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	auto_close(&up_w);
	if (read(up_r, &byte, 1) != 1)
		err_set(e, ERR_PEER, "the check's process died");
	else if (run_tool(f->newuidmap, pid, f->uid, &f->subuids, e) == 0)
		rc = run_tool(f->newgidmap, pid, f->gid, &f->subgids, e);
	auto_close(&down_w);
	return probe_wait(pid) < 0 && rc == 0 ? err_set(e, ERR_PEER, "the check's process died") : rc;
}

static bool is_nosuid(const char *tool)
{
	struct statvfs st;

	return statvfs(tool, &st) == 0 && (st.f_flag & ST_NOSUID);
}

void try_tools(struct attempt *a)
{
	const struct facts *f = &a->f;
	struct err e = { 0 };

	if (f->is_root)
		works(a, "not needed: root writes the map itself");
	else if (f->writes_maps && !host_has_few_ids())
		works(a, "not needed: root of this user namespace writes the map itself");
	else if (host_has_few_ids())
		lacks(a, "nested-few-ids", "cannot work: this user namespace has no range of ids");
	else if (!f->newuidmap || !f->newgidmap)
		lacks(a, "newuidmap-missing", "%s is not installed", f->newuidmap ? "newgidmap" : "newuidmap");
	else if (host_is_setuid_void(f->newuidmap) || host_is_setuid_void(f->newgidmap))
		lacks(a, "newuidmap-nested", "%s is setuid to an id of the outer machine",
		      host_is_setuid_void(f->newuidmap) ? f->newuidmap : f->newgidmap);
	else if (!has_privilege(f->newuidmap) || !has_privilege(f->newgidmap))
		lacks(a, "newuidmap-privilege", "%s has neither setuid bit nor file capabilities",
		      has_privilege(f->newuidmap) ? f->newgidmap : f->newuidmap);
	else if (is_nosuid(f->newuidmap) || is_nosuid(f->newgidmap))
		lacks(a, "newuidmap-nosuid", "%s lies on a mount with nosuid", is_nosuid(f->newuidmap) ? f->newuidmap : f->newgidmap);
	else if (!a->has_userns || !f->subuids.n || !f->subgids.n)
		works(a, "%s, not tried", f->newuidmap);
	else if (map_range(f, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "mapped the whole range");
}

void try_no_new_privs(struct attempt *a)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		lacks(a, "no-new-privs", "is set on this process: newuidmap cannot work");
	else
		works(a, "is not set");
}
