/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_cgroup.c - doctor: cgroups by version, delegation and controller; the user manager */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/cgroup.h"
#include "run/doctor_try.h"

void try_cgroup(struct attempt *a)
{
	AUTO_CGROUPS struct cgroups g;

	cgroups_read(&g);
	switch (g.kind) {
	case CGROUPS_V2:
		works(a, "v2 on %s", g.mount);
		break;
	case CGROUPS_HYBRID:
		lacks(a, "cgroup-v1", "hybrid: %s is v2, but v1 has %s", g.mount, g.v1);
		break;
	case CGROUPS_V1:
		lacks(a, "cgroup-v1", "v1: %s", g.v1);
		break;
	default:
		lacks(a, "cgroup-none", "none is mounted on /sys/fs/cgroup");
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

void try_delegation(struct attempt *a)
{
	AUTO_CGROUPS struct cgroups g;
	AUTO_FREE char *dir = NULL, *manager = NULL;

	cgroups_read(&g);
	if (!g.mount || !g.own) {
		lacks(a, g.kind == CGROUPS_NONE ? "cgroup-none" : "cgroup-v1", "only v2 can be delegated");
		return;
	}
	dir = str_fmt("%s%s", g.mount, g.own);
	manager = cgroup_manager_of(&g, a->f.uid, false);
	if (may_use(a, dir))
		works(a, "%s is ours", g.own);
	else if (manager)
		works(a, "%s is not ours, but the user's systemd can delegate below %s", g.own, manager);
	else
		lacks(a, "cgroup-not-delegated", "%s is not ours to write: we sit there", dir);
}

/* ---- controllers, level by level ---- */

static const char *const CONTROLLERS[] = { "cpu", "memory", "pids", "io", "cpuset" };

void try_controllers(struct attempt *a)
{
	AUTO_BUF struct buf has = { 0 }, lack = { 0 };
	AUTO_CGROUPS struct cgroups g;
	AUTO_FREE char *own = NULL, *manager = NULL;
	const char *path;

	cgroups_read(&g);
	if (!g.mount || !g.own) {
		lacks(a, g.kind == CGROUPS_NONE ? "cgroup-none" : "cgroup-v1", "there is no v2 tree");
		return;
	}
	own = str_fmt("%s%s", g.mount, g.own);
	manager = cgroup_manager_of(&g, a->f.uid, false);
	path = manager && !may_use(a, own) ? manager : g.own;
	for (size_t i = 0; i < N_ELEMS(CONTROLLERS); i++) {
		AUTO_FREE char *level = cgroup_lacking_level(&g, path, CONTROLLERS[i]);

		if (level)
			buf_addf(&lack, "%s%s (from %s on)", lack.len ? ", " : "; not ", CONTROLLERS[i], level);
		else
			buf_addf(&has, "%s%s", has.len ? ", " : "", CONTROLLERS[i]);
	}
	if (!lack.len)
		works(a, "%s at %s", has.s, path);
	else
		lacks(a, g.kind == CGROUPS_V2 ? "cgroup-controllers" : "cgroup-v1", "%s at %s%s", has.len ? has.s : "none", path, lack.s);
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
