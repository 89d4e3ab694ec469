/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_cgroup.c - doctor: cgroups by version, delegation and controller; the user manager */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "run/doctor_try.h"

#define CGROUPS "/sys/fs/cgroup"

enum cg_kind { CG_NONE, CG_V1, CG_HYBRID, CG_V2 };

struct cg {
	enum cg_kind kind;
	const char *mount;	/* of the v2 tree; NULL where there is none */
	char *own;		/* our cgroup in it; owned; NULL */
	char *v1;		/* controllers bound to v1; owned */
};

static bool is_cgroup2(const char *path)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

static void cg_read(struct cg *g)
{
	AUTO_BUF struct buf v1 = { 0 };
	AUTO_FREE char *text = NULL;
	char *save = NULL;

	*g = (struct cg){ 0 };
	if (fd_read_file(AT_FDCWD, "/proc/self/cgroup", 1 << 16, &text, NULL) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*names++ = *path++ = '\0';
		if (str_eq(line, "0"))
			str_set(&g->own, path);
		else if (*names && !str_starts(names, "name="))
			buf_addf(&v1, "%s%s", v1.len ? ", " : "", names);
	}
	g->v1 = str_dup(v1.s ? v1.s : "");
	if (is_cgroup2(CGROUPS))
		g->mount = CGROUPS;
	else if (is_cgroup2(CGROUPS "/unified"))
		g->mount = CGROUPS "/unified";
	g->kind = g->mount ? *g->v1 ? CG_HYBRID : CG_V2 : *g->v1 ? CG_V1 : CG_NONE;
}

static void cg_fini(struct cg *g)
{
	free(g->own);
	free(g->v1);
}

#define AUTO_CG __attribute__((cleanup(cg_fini)))

void try_cgroup(struct attempt *a)
{
	AUTO_CG struct cg g;

	cg_read(&g);
	switch (g.kind) {
	case CG_V2:
		works(a, "v2 on %s", g.mount);
		break;
	case CG_HYBRID:
		lacks(a, "cgroup-v1", "hybrid: %s is v2, but v1 has %s", g.mount, g.v1);
		break;
	case CG_V1:
		lacks(a, "cgroup-v1", "v1: %s", g.v1);
		break;
	default:
		lacks(a, "cgroup-none", "none is mounted on " CGROUPS);
	}
}

/* ---- delegation ---- */

/* Whether we may make cgroups below @dir and move processes there: by making one. */
static bool may_use(const struct attempt *a, const char *dir)
{
	AUTO_FREE char *child = str_fmt("%s/lichen-doctor.%d", dir, getpid());
	AUTO_FREE char *procs = str_fmt("%s/cgroup.procs", dir), *control = str_fmt("%s/cgroup.subtree_control", dir);

	if (access(procs, W_OK) < 0 || access(control, W_OK) < 0)
		return false;
	if (a->f.is_root)
		return true;	/* of course, and nothing is made in the machine's own tree */
	if (mkdir(child, 0755) < 0)
		return false;
	return rmdir(child) == 0;
}

/* The cgroup of the user's systemd, where it is there and its own. Owned, or NULL. */
static char *manager_cgroup(const struct attempt *a, const struct cg *g)
{
	AUTO_FREE char *path = str_fmt("/user.slice/user-%u.slice/user@%u.service", a->f.uid, a->f.uid);
	AUTO_FREE char *dir = str_fmt("%s%s", g->mount, path);
	struct stat st;

	return stat(dir, &st) == 0 && st.st_uid == a->f.uid ? ptr_take(&path) : NULL;
}

void try_delegation(struct attempt *a)
{
	AUTO_CG struct cg g;
	AUTO_FREE char *dir = NULL, *manager = NULL;

	cg_read(&g);
	if (!g.mount || !g.own) {
		lacks(a, g.kind == CG_NONE ? "cgroup-none" : "cgroup-v1", "only v2 can be delegated");
		return;
	}
	dir = str_fmt("%s%s", g.mount, g.own);
	manager = manager_cgroup(a, &g);
	if (may_use(a, dir))
		works(a, "%s is ours", g.own);
	else if (manager)
		works(a, "%s is not ours, but the user's systemd can delegate below %s", g.own, manager);
	else
		lacks(a, "cgroup-not-delegated", "%s is not ours to write: we sit there", dir);
}

/* ---- controllers, level by level ---- */

static const char *const CONTROLLERS[] = { "cpu", "memory", "pids", "io", "cpuset" };

/* Whether the words of the file @dir/@name have @word. */
static bool has_word(const char *dir, const char *name, const char *word)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, name), *text = read_line(path);
	AUTO_STRV struct strv words = { 0 };

	if (!text)
		return false;
	strv_split(&words, text, ' ');
	return strv_has(&words, word);
}

/* The first level from the top down to @path that does not have @controller: owned; NULL: all have it. */
static char *lacking_level(const struct cg *g, const char *path, const char *controller)
{
	for (size_t at = 0;;) {
		AUTO_FREE char *level = str_dupn(path, at), *dir = str_fmt("%s%s", g->mount, level);

		if (!has_word(dir, "cgroup.controllers", controller))
			return str_dup(*level ? level : "/");
		if (!path[at] || str_eq(path + at, "/"))
			return NULL;
		at += 1 + strcspn(path + at + 1, "/");
	}
}

void try_controllers(struct attempt *a)
{
	AUTO_BUF struct buf has = { 0 }, lack = { 0 };
	AUTO_CG struct cg g;
	AUTO_FREE char *own = NULL, *manager = NULL;
	const char *path;

	cg_read(&g);
	if (!g.mount || !g.own) {
		lacks(a, g.kind == CG_NONE ? "cgroup-none" : "cgroup-v1", "there is no v2 tree");
		return;
	}
	own = str_fmt("%s%s", g.mount, g.own);
	manager = manager_cgroup(a, &g);
	path = manager && !may_use(a, own) ? manager : g.own;
	for (size_t i = 0; i < N_ELEMS(CONTROLLERS); i++) {
		AUTO_FREE char *level = lacking_level(&g, path, CONTROLLERS[i]);

		if (level)
			buf_addf(&lack, "%s%s (from %s on)", lack.len ? ", " : "; not ", CONTROLLERS[i], level);
		else
			buf_addf(&has, "%s%s", has.len ? ", " : "", CONTROLLERS[i]);
	}
	if (!lack.len)
		works(a, "%s at %s", has.s, path);
	else
		lacks(a, g.kind == CG_V2 ? "cgroup-controllers" : "cgroup-v1", "%s at %s%s", has.len ? has.s : "none", path, lack.s);
}

/* ---- systemd ---- */

static bool has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

static int connect_to(const char *path)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	str_copy(sun.sun_path, sizeof(sun.sun_path), path);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&sun, sizeof(sun));
}

void try_user_manager(struct attempt *a)
{
	static const char *const sockets[] = { "systemd/private", "bus" };
	AUTO_BUF struct buf why = { 0 };

	for (size_t i = 0; i < N_ELEMS(sockets); i++) {
		AUTO_FREE char *path = str_fmt("/run/user/%u/%s", a->f.uid, sockets[i]);

		if (connect_to(path) == 0) {
			works(a, "answers on %s", path);
			return;
		}
		buf_addf(&why, "%s%s: %s", why.len ? "; " : "", path, strerror(errno));
	}
	if (has_systemd())
		lacks(a, "user-manager", "%s", why.s);
	else
		lacks(a, "no-systemd", "systemd does not run here");
}

void try_linger(struct attempt *a)
{
	AUTO_FREE char *path = str_fmt("/var/lib/systemd/linger/%s", a->d->user);

	if (access(path, F_OK) == 0)
		works(a, "is on");
	else if (!has_systemd())
		works(a, "not needed: no systemd ends what runs at the last logout");
	else
		lacks(a, "linger", "%s is not there", path);
}
