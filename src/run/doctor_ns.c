/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_ns.c - doctor: kernel, namespaces, their limits, nested use, and a whole run */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "base/sys.h"
#include "host/hint.h"
#include "run/doctor_try.h"
#include "run/run.h"

void try_kernel(struct attempt *a)
{
	struct utsname u;

	if (a->facts_err.kind != ERR_NONE)
		lacks(a, "kernel-old", "%s", a->facts_err.what);
	else if (uname(&u) == 0)
		works(a, "Linux %s %s", u.release, u.machine);
}

void try_openat2(struct attempt *a)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = root < 0 ? -1 : path_open_in(root, "/.", O_PATH, 0);

	a->has_openat2 = fd >= 0;
	if (fd < 0)
		lacks(a, "openat2", "paths cannot be resolved inside a root: %s", strerror(errno));
	else
		works(a, "resolves paths inside a root");
}

void try_chroot(struct attempt *a)
{
	if (host_in_chroot())
		lacks(a, "chroot", "is a chroot, in which nobody may make a user namespace");
	else
		works(a, "is no chroot");
}

/* ---- namespaces ---- */

static const struct {
	const char *name, *limit;
	unsigned flag;
} NAMESPACES[] = {
	{ "mount", "mnt", CLONE_NEWNS },  { "pid", "pid", CLONE_NEWPID }, { "network", "net", CLONE_NEWNET },
	{ "ipc", "ipc", CLONE_NEWIPC },	  { "uts", "uts", CLONE_NEWUTS }, { "cgroup", "cgroup", CLONE_NEWCGROUP },
	{ "time", "time", CLONE_NEWTIME }, { "user", "user", 0 },
};

static int enter(const void *arg, struct err *e)
{
	return probe_enter(*(const unsigned *)arg, e);
}

void try_userns(struct attempt *a)
{
	const unsigned none = 0;
	struct err e;

	a->has_userns = probe(enter, &none, &e) == 0;
	if (a->has_userns)
		works(a, "made, one id mapped");
	else
		lacks_err(a, &e);
}

void try_namespaces(struct attempt *a)
{
	AUTO_BUF struct buf missing = { 0 };
	struct err e, last = { 0 };
	unsigned all = 0;

	for (size_t i = 0; i < N_ELEMS(NAMESPACES); i++) {
		all |= NAMESPACES[i].flag;
		if (probe(enter, &NAMESPACES[i].flag, &e) < 0) {
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", NAMESPACES[i].name);
			last = e;
		}
	}
	if (missing.len) {
		err_wrap(&last, "not %s", missing.s);
		lacks_err(a, &last);
	} else if (probe(enter, &all, &e) < 0) {
		lacks_err(a, &e);
	} else {
		works(a, "user, mount, pid, network, ipc, uts, cgroup, time");
	}
}

void try_limits(struct attempt *a)
{
	enum { FEW = 128 };	/* a dozen sandboxes with something to spare */
	unsigned long least = ULONG_MAX;
	const char *name = "";

	for (size_t i = 0; i < N_ELEMS(NAMESPACES); i++) {
		AUTO_FREE char *path = str_fmt("/proc/sys/user/max_%s_namespaces", NAMESPACES[i].limit);
		AUTO_FREE char *text = read_line(path);
		unsigned long n = text ? strtoul(text, NULL, 10) : ULONG_MAX;

		if (n < least) {
			least = n;
			name = NAMESPACES[i].limit;
		}
	}
	if (least < FEW)
		lacks(a, "namespaces-few", "user.max_%s_namespaces is %lu", name, least);
	else if (least == ULONG_MAX)
		works(a, "none are set in /proc/sys/user");
	else
		works(a, "at least %lu of each kind", least);
}

/* ---- nested use ---- */

void try_nested(struct attempt *a)
{
	int64_t total = host_ids();

	if (total < 0)
		works(a, "not known: /proc/self/uid_map cannot be read");
	else if (total >= UINT32_MAX)
		works(a, "all: this is no sandbox");
	else if (host_has_few_ids())
		lacks(a, "nested-few-ids", "inside another user namespace with %" PRId64 " id%s", total, total == 1 ? "" : "s");
	else
		works(a, "inside another user namespace, with %" PRId64 " ids", total);
}

static int mount_proc(const void *arg, struct err *e)
{
	AUTO_CLOSE int fs = sys_fsopen("proc", FSOPEN_CLOEXEC), mnt = -1;

	(void)arg;
	if (fs < 0)
		return err_sys(e, "fsopen", "proc", "a fresh /proc");
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsconfig", "proc", "a fresh /proc");
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	return mnt < 0 ? err_sys(e, "fsmount", "proc", "a fresh /proc") : 0;
}

static int enter_proc(const void *arg, struct err *e)
{
	if (probe_enter(CLONE_NEWNS | CLONE_NEWPID, e) < 0)
		return -1;
	return probe(mount_proc, arg, e);	/* the next child is in the pid namespace */
}

void try_proc(struct attempt *a)
{
	struct err e;

	if (probe(enter_proc, NULL, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "can be mounted");
}

/* ---- the proof ---- */

static int run_true(const void *arg, struct err *e)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct run_end end = { 0 };
	struct spec s;
	int rc;

	(void)arg;
	for (int i = 0; i < 3 && null >= 0; i++)
		if (dup2(null, i) < 0)
			return err_sys(e, "dup2", "/dev/null", "starting a check");
	log_set_level(LOG_LEVEL_WARN);
	spec_init(&s);
	s.root.kind = ROOT_HOST;
	s.process.caps = (struct spec_caps){ 0 };
	strv_add(&s.process.args, "true");
	strv_add(&s.process.env, "PATH=/usr/local/bin:/usr/bin:/bin");
	rc = run_foreground(&s, NULL, &end, e);
	spec_fini(&s);
	return rc == 0 && end.status ? err_set(e, ERR_PEER, "`lichen run host true` ended with %d", end.status) : rc;
}

void try_run(struct attempt *a)
{
	struct err e;

	if (probe(run_true, NULL, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "runs");
}
