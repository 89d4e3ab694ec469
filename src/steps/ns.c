/* SPDX-License-Identifier: Apache-2.0 */
/* steps/ns.c - id maps, loopback, host name, and the change of roots */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/sys.h"
#include "steps/ctx.h"
#include "steps/idmap.h"

static char *map_text(const struct id_map *m)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < m->n; i++)
		buf_addf(&b, "%u %u %u\n", m->v[i].inside, m->v[i].outside, m->v[i].count);
	return buf_take(&b);
}

/* The machine's root is in no map: who has it can write /proc/sys. The caller's own group may
 * be 0, as in docker run --user: that is nothing it does not have. */
static int refuse_root(const struct id_map *uids, const struct id_map *gids, struct err *e)
{
	bool has_root = false;

	for (size_t i = 0; i < uids->n; i++)
		has_root = has_root || uids->v[i].outside == 0;
	for (size_t i = 0; i < gids->n; i++)
		has_root = has_root || (gids->v[i].outside == 0 && (gids->v[i].count > 1 || geteuid() == 0));
	if (!has_root || !host_is_initial_userns())
		return 0;
	err_set(e, ERR_HOST, "the id map contains id 0 of this machine");
	return err_hint(e, "no sandbox gets the ids of the machine's root: run lichen as an ordinary user, or map other ids");
}

/* @who: "self" or a pid in our pid namespace. */
int idmap_write(const char *who, const struct id_map *uids, const struct id_map *gids, bool denies_setgroups,
		struct err *e)
{
	AUTO_FREE char *u = map_text(uids), *g = map_text(gids);
	char path[64];

	if (!str_eq(who, "self") && refuse_root(uids, gids, e) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%s/uid_map", who);
	if (fd_burn(AT_FDCWD, path, u) < 0)
		return err_sys(e, "write", path, "mapping user ids");
	if (denies_setgroups) { /* user_namespaces(7): CVE-2014-8989 */
		snprintf(path, sizeof(path), "/proc/%s/setgroups", who);
		if (fd_burn(AT_FDCWD, path, "deny") < 0)
			return err_sys(e, "write", path, "giving up setgroups");
	}
	snprintf(path, sizeof(path), "/proc/%s/gid_map", who);
	if (fd_burn(AT_FDCWD, path, g) < 0)
		return err_sys(e, "write", path, "mapping group ids");
	return 0;
}

static void tool_args(struct strv *argv, const char *tool, pid_t pid, const struct id_map *m)
{
	strv_add(argv, tool);
	strv_addf(argv, "%d", pid);
	for (size_t i = 0; i < m->n; i++) {
		strv_addf(argv, "%u", m->v[i].inside);
		strv_addf(argv, "%u", m->v[i].outside);
		strv_addf(argv, "%u", m->v[i].count);
	}
}

/* Both at once: each takes about a millisecond, most of it in starting. */
int idmap_tools(pid_t pid, const struct id_map *uids, const struct id_map *gids,
		int (*beside)(void *arg, struct err *e), void *beside_arg, struct err *e)
{
	AUTO_FREE char *newuidmap = child_find("newuidmap"), *newgidmap = child_find("newgidmap");
	AUTO_STRV struct strv u = { 0 };
	AUTO_STRV struct strv g = { 0 };
	struct child cu, cg;
	struct err second;
	int rc, rc_u, rc_g;

	if (refuse_root(uids, gids, e) < 0)
		return -1;
	if (!newuidmap || !newgidmap) {
		err_set(e, ERR_HOST, "%s is not installed", newuidmap ? "newgidmap" : "newuidmap");
		return err_hint(e, "install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora, Arch)");
	}
	tool_args(&u, newuidmap, pid, uids);
	tool_args(&g, newgidmap, pid, gids);
	if (child_spawn(&cu, (const char *const *)u.v, false, e) < 0)
		return -1;
	if (child_spawn(&cg, (const char *const *)g.v, false, e) < 0) {
		rc_u = child_wait(&cu, NULL, &second);
		return -1;
	}
	rc = beside ? beside(beside_arg, e) : 0;
	rc_u = child_wait(&cu, NULL, rc < 0 ? &second : e);
	if (rc < 0)
		e = &second;
	rc_g = child_wait(&cg, NULL, rc_u < 0 ? &second : e);
	return rc < 0 || rc_u < 0 || rc_g < 0 ? -1 : 0;
}

struct beside {
	struct ctx *c;
	bool has_failed;
};

static int do_beside(void *arg, struct err *e)
{
	struct beside *b = arg;

	b->has_failed = b->c->beside && b->c->beside(b->c->beside_arg, e) < 0;
	return b->has_failed ? -1 : 0;
}

/* Whether a map was written, which can be done only once. */
static bool has_map(pid_t pid, const char *file)
{
	AUTO_FREE char *path = str_fmt("/proc/%d/%s", pid, file), *text = NULL;

	return fd_read_file(AT_FDCWD, path, 1 << 20, &text, NULL) == 0 && text[0];
}

static int by_tools(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct rung *r = &s->rungs[rung];
	struct beside b = { .c = c };

	if (idmap_tools(c->child_pid, r->uids, r->gids, do_beside, &b, e) == 0)
		return 0;
	if (b.has_failed) {
		c->is_final = true;
		return -1;
	}
	c->is_final = has_map(c->child_pid, "uid_map") || has_map(c->child_pid, "gid_map");
	if ((c->is_final && rung + 1 < s->n_rungs) || c->in->may_single) {
		str_copy(e->op, sizeof(e->op), "idmap"); /* run_foreground() begins anew */
		return err_hint(e, "--ids=single does without the tools");
	}
	return -1;
}

int step_idmap(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct rung *r = &s->rungs[rung];
	char pid[16];

	switch (r->how) {
	case IDMAP_TOOLS:
		return by_tools(c, s, rung, e);
	case IDMAP_SUPERVISOR:
		snprintf(pid, sizeof(pid), "%d", c->child_pid);
		return idmap_write(pid, r->uids, r->gids, !c->in->is_root, e);
	default:
		return idmap_write("self", r->uids, r->gids, true, e);
	}
}

int step_root_id(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)s, (void)rung;
	/* whoever asked to keep the caller's groups gets no others either: setgroups sets all */
	c->groups_settable = c->spec->groups != GROUPS_KEEP && setgroups(0, NULL) == 0;
	if (c->spec->groups == GROUPS_DROP && !c->groups_settable)
		return err_sys(e, "setgroups", NULL, "dropping the caller's groups");
	if (c->in->stays_caller)
		return 0;
	if (setresgid(0, 0, 0) < 0)
		return err_sys(e, "setresgid", "0", "becoming root inside");
	if (setresuid(0, 0, 0) < 0)
		return err_sys(e, "setresuid", "0", "becoming root inside");
	return 0;
}

int step_loopback(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	(void)c, (void)rung;
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(e, "ioctl", s->object, "bringing the loopback interface up");
	return 0;
}

int step_hostname(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)c, (void)rung;
	if (sethostname(s->object, strlen(s->object)) < 0)
		return err_sys(e, "sethostname", s->object, "setting the host name");
	return 0;
}

/* pivot_root(".", ".") stacks the old root below the new one, and the detach takes it away
 * (pivot_root(2), NOTES). */
int step_pivot(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)s, (void)rung;
	if (fchdir(ctx_fd(c, SLOT_ROOT)) < 0)
		return err_sys(e, "fchdir", "/", "entering the new root");
	if (sys_pivot_root(".", ".") < 0)
		return err_sys(e, "pivot_root", "/", "making the new root \"/\"");
	if (sys_umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "umount", "/", "letting go of the old root");
	if (chdir("/") < 0)
		return err_sys(e, "chdir", "/", "entering the new root");
	return 0;
}
