/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor.c - what this host lets lichen do, each found out by doing it
 *
 * Whatever changes the process is done in a forked child, which sends its struct err
 * through a pipe. The one thing on disk is the overlay's directory, removed at once.
 */

#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "host/facts.h"
#include "host/hint.h"
#include "store/store.h"

static void add(struct doctor *d, enum doctor_level level, const char *what, char *detail, const char *remedy)
{
	d->v = mem_grow(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct doctor_row){ level, what, detail, str_dup(remedy) };
}

static char *err_text(const struct err *e)
{
	if (!e->errnum)
		return str_dup(e->what);
	return str_fmt("%s: %s%s%s: %s (%s)", e->what, e->op, e->path[0] ? " " : "", e->path,
		       strerror(e->errnum), err_errno_name(e->errnum));
}

static void add_err(struct doctor *d, enum doctor_level level, const char *what, const struct err *e)
{
	add(d, level, what, err_text(e), e->hint[0] ? e->hint : hint_for(e));
}

/* ---- children ---- */

typedef int probe_fn(const void *arg, struct err *e);

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* Calls @fn in a child of its own; -1 with its error. */
static int probe(probe_fn *fn, const void *arg, struct err *e)
{
	AUTO_CLOSE int r = -1, w = -1;
	ssize_t n;
	pid_t pid;
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe2", NULL, "starting a check");
	r = p[0];
	w = p[1];
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork", NULL, "starting a check");
	if (!pid) {
		struct err mine = { 0 };

		if (fn(arg, &mine) == 0)
			err_clear(&mine);
		_exit(fd_write_all(w, (const char *)&mine, sizeof(mine)) < 0);
	}
	auto_close(&w);
	do
		n = read(r, e, sizeof(*e));
	while (n < 0 && errno == EINTR);
	if (wait_for(pid) < 0 || n != (ssize_t)sizeof(*e))
		return err_set(e, ERR_PEER, "the check's process died");
	return e->kind == ERR_NONE ? 0 : -1;
}

/* A user namespace with one id and @flags, from inside. */
static int enter(unsigned flags, struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	AUTO_FREE char *u = str_fmt("0 %u 1", uid), *g = str_fmt("0 %u 1", gid);

	if (unshare((int)(CLONE_NEWUSER | flags)) < 0)
		return err_sys(e, "unshare", NULL, "making namespaces");
	if (fd_burn(AT_FDCWD, "/proc/self/uid_map", u) < 0)
		return err_sys(e, "write", "/proc/self/uid_map", "mapping one id");
	if (fd_burn(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    fd_burn(AT_FDCWD, "/proc/self/gid_map", g) < 0)
		return err_sys(e, "write", "/proc/self/gid_map", "mapping one id");
	return 0;
}

static int probe_enter(const void *arg, struct err *e)
{
	return enter(*(const unsigned *)arg, e);
}

/* ---- namespaces ---- */

static const struct {
	const char *name;
	unsigned flag;
} NAMESPACES[] = {
	{ "mount", CLONE_NEWNS },     { "pid", CLONE_NEWPID },	     { "network", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC },
	{ "uts", CLONE_NEWUTS },      { "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME },
};

/* Whether user namespaces can be made: most of the rest hangs on it. */
static bool check_namespaces(struct doctor *d)
{
	AUTO_BUF struct buf missing = { 0 };
	unsigned all = 0;
	struct err e, last = { 0 };

	if (probe(probe_enter, &all, &e) < 0) {
		add_err(d, DOCTOR_FAIL, "user namespaces", &e);
		return false;
	}
	add(d, DOCTOR_OK, "user namespaces", str_dup("made, one id mapped"), NULL);
	for (size_t i = 0; i < N_ELEMS(NAMESPACES); i++) {
		all |= NAMESPACES[i].flag;
		if (probe(probe_enter, &NAMESPACES[i].flag, &e) < 0) {
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", NAMESPACES[i].name);
			last = e;
		}
	}
	if (missing.len) {
		AUTO_FREE char *text = err_text(&last);

		add(d, DOCTOR_FAIL, "all eight namespaces", str_fmt("not %s: %s", missing.s, text), hint_for(&last));
	} else if (probe(probe_enter, &all, &e) < 0) {
		add_err(d, DOCTOR_FAIL, "all eight namespaces", &e);
	} else {
		add(d, DOCTOR_OK, "all eight namespaces", str_dup("user, mount, pid, network, ipc, uts, cgroup, time"),
		    NULL);
	}
	return true;
}

/* ---- ids ---- */

static void check_subids(struct doctor *d, const struct facts *f)
{
	const char *user = f->user ? f->user : "USER";
	AUTO_FREE char *remedy = str_fmt("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s "
					 "(a range that nobody else has); without it only one id is mapped", user);

	if (f->subuids.n && f->subgids.n)
		add(d, subid_total(&f->subuids) >= 65536 && subid_total(&f->subgids) >= 65536 ? DOCTOR_OK : DOCTOR_WARN,
		    "subordinate ids",
		    str_fmt("%llu uids from %u, %llu gids from %u", (unsigned long long)subid_total(&f->subuids),
			    f->subuids.v[0].first, (unsigned long long)subid_total(&f->subgids), f->subgids.v[0].first),
		    NULL);
	else if (f->is_root)
		add(d, DOCTOR_OK, "subordinate ids", str_dup("none given to root: a free range is taken"), NULL);
	else if (f->subid_elsewhere)
		add(d, DOCTOR_WARN, "subordinate ids", str_dup("not in the files: /etc/nsswitch.conf names another source"),
		    "see `getsubids`");
	else
		add(d, DOCTOR_WARN, "subordinate ids",
		    str_fmt("no line for %s in %s%s%s", user, f->subuids.n ? "" : "/etc/subuid",
			    !f->subuids.n && !f->subgids.n ? " and " : "", f->subgids.n ? "" : "/etc/subgid"),
		    remedy);
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
static int try_tools(const struct facts *f, struct err *e)
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
	(void)wait_for(pid);
	return rc;
}

static void check_tools(struct doctor *d, const struct facts *f, bool has_userns)
{
	static const char what[] = "newuidmap, newgidmap";
	struct err e = { 0 };

	if (f->is_root) {
		add(d, DOCTOR_OK, what, str_dup("not needed: root writes the map itself"), NULL);
	} else if (!f->newuidmap || !f->newgidmap) {
		add(d, DOCTOR_WARN, what, str_fmt("%s is not installed", f->newuidmap ? "newgidmap" : "newuidmap"),
		    "install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora)");
	} else if (!has_privilege(f->newuidmap) || !has_privilege(f->newgidmap)) {
		AUTO_FREE char *remedy = str_fmt("as root: chmod u+s %s %s", f->newuidmap, f->newgidmap);

		add(d, DOCTOR_WARN, what, str_dup("without setuid bit or file capabilities"), remedy);
	} else if (!has_userns || !f->subuids.n || !f->subgids.n) {
		add(d, DOCTOR_OK, what, str_fmt("%s, not tried", f->newuidmap), NULL);
	} else if (try_tools(f, &e) < 0) {
		add_err(d, DOCTOR_WARN, what, &e);
	} else {
		add(d, DOCTOR_OK, what, str_dup("mapped the whole range"), NULL);
	}
}

/* ---- directories ---- */

struct dirs {
	char *data, *run;	/* owned */
};

static void find_dirs(struct dirs *dirs, const struct facts *f)
{
	const char *xdg = getenv("XDG_DATA_HOME");
	AUTO_FREE char *user_run = str_fmt("/run/user/%u", f->uid);
	AUTO_FREE char *note = NULL, *recorded = NULL;
	struct stat st;

	if (f->uid == 0) {
		dirs->data = str_dup("/var/lib/lichen");
		dirs->run = str_dup("/run/lichen");
		return;
	}
	dirs->data = xdg && xdg[0] == '/' ? str_fmt("%s/lichen", xdg)
					  : str_fmt("%s/.local/share/lichen", f->home ? f->home : "");
	note = str_fmt("%s/runtime-dir", dirs->data);
	if (lstat(user_run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == f->uid && !(st.st_mode & 077)) {
		dirs->run = str_fmt("%s/lichen", user_run);
		return;
	}
	recorded = path_real(note); /* a link to it */
	if (recorded) {
		if (recorded[0] == '/' && lstat(recorded, &st) == 0 && st.st_uid == f->uid) {
			dirs->run = ptr_take(&recorded);
			return;
		}
	}
	dirs->run = str_fmt("/dev/shm/lichen-%u", f->uid);
}

/* @path or the nearest directory above it that exists. Owned. */
static char *existing(const char *path)
{
	char *p = str_dup(path), *slash;
	struct stat st;

	while (stat(p, &st) < 0 && (slash = strrchr(p, '/')))
		slash[slash == p] = '\0';
	return p;
}

static void check_dir(struct doctor *d, const char *what, const char *path, uid_t uid, const char *remedy)
{
	AUTO_FREE char *there = existing(path);
	struct stat st;

	if (str_eq(there, path) && lstat(path, &st) == 0 && (!S_ISDIR(st.st_mode) || st.st_uid != uid))
		add(d, DOCTOR_FAIL, what, str_fmt("%s is not a directory of yours", path), remedy);
	else if (access(there, W_OK | X_OK) < 0)
		add(d, DOCTOR_FAIL, what, str_fmt("%s: %s may not be written: %s", path, there, strerror(errno)), remedy);
	else
		add(d, DOCTOR_OK, what, str_fmt("%s%s", path, str_eq(there, path) ? "" : " (can be made)"), NULL);
}

/* ---- mounts ---- */

static int set_layer(int fs, const char *key, const char *base, const char *name)
{
	AUTO_FREE char *path = str_fmt("%s/%s", base, name);

	return sys_fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0);
}

/* In a child: mounts the overlay, makes a file and removes one of the lower layer. */
static int probe_overlay(const void *arg, struct err *e)
{
	const char *base = arg;
	AUTO_CLOSE int fs = -1, mnt = -1, file = -1;

	if (enter(CLONE_NEWNS, e) < 0)
		return -1;
	fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_sys(e, "fsopen", "overlay", "the kernel's overlay");
	if (set_layer(fs, "lowerdir", base, "lower") < 0 || set_layer(fs, "upperdir", base, "upper") < 0 ||
	    set_layer(fs, "workdir", base, "work") < 0 || sys_fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "fsconfig", "overlay", "the kernel's overlay");
	mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return err_sys(e, "fsmount", "overlay", "the kernel's overlay");
	file = openat(mnt, "new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return err_sys(e, "openat", "overlay", "a file in the kernel's overlay");
	if (unlinkat(mnt, "old", 0) < 0)
		return err_sys(e, "unlinkat", "overlay", "a whiteout in the kernel's overlay");
	return 0;
}

static int fill_layers(const char *base, struct err *e)
{
	AUTO_CLOSE int fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || mkdirat(fd, "lower", 0700) < 0 || mkdirat(fd, "upper", 0700) < 0 || mkdirat(fd, "work", 0700) < 0 ||
	    fd_write_file(fd, "lower/old", "", 0) < 0)
		return err_sys(e, "mkdirat", base, "the overlay's directories");
	return 0;
}

static void check_overlay(struct doctor *d, const char *data)
{
	static const char what[] = "kernel overlay";
	AUTO_FREE char *there = existing(data), *base = str_fmt("%s/.lichen-doctor-XXXXXX", there);
	AUTO_FREE char *work = NULL;
	struct err e = { 0 }, e2 = { 0 };
	sigset_t stop, old;
	int rc;

	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGHUP);
	sigprocmask(SIG_BLOCK, &stop, &old);	/* nothing is left behind */
	if (!mkdtemp(base)) {
		err_sys(&e, "mkdtemp", there, "the overlay's directories");
		add_err(d, DOCTOR_WARN, what, &e);
	} else {
		rc = fill_layers(base, &e);
		if (rc == 0)
			rc = probe(probe_overlay, base, &e);
		work = str_fmt("%s/work/work", base);	/* the kernel's, of mode 0: not to be opened */
		(void)rmdir(work);
		if (store_remove_tree(base, &e2) < 0)
			add_err(d, DOCTOR_WARN, "cleaning up", &e2);
		if (rc < 0)
			add_err(d, DOCTOR_WARN, what, &e);
		else
			add(d, DOCTOR_OK, what, str_fmt("works on the file system of %s", there), NULL);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
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

static int probe_proc(const void *arg, struct err *e)
{
	if (enter(CLONE_NEWNS | CLONE_NEWPID, e) < 0)
		return -1;
	return probe(mount_proc, arg, e);	/* the next child is in the pid namespace */
}

/* ---- the rest ---- */

static void check_kernel(struct doctor *d, const struct err *refused)
{
	struct utsname u;

	if (refused->kind != ERR_NONE)
		add_err(d, DOCTOR_FAIL, "kernel and caller", refused);
	else if (uname(&u) == 0)
		add(d, DOCTOR_OK, "kernel", str_fmt("Linux %s %s", u.release, u.machine), NULL);
	if (host_in_chroot())
		add(d, DOCTOR_FAIL, "root directory", str_dup("is a chroot, in which nobody may make a user namespace"),
		    "enter the tree with `unshare -m`, a bind mount of it on itself and pivot_root instead of chroot");
	else
		add(d, DOCTOR_OK, "root directory", str_dup("is no chroot"), NULL);
}

static void check_process(struct doctor *d)
{
	uint32_t action = SECCOMP_RET_ERRNO;
	struct err e;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		add(d, DOCTOR_WARN, "no_new_privs", str_dup("is set on this process: newuidmap cannot work"),
		    "start lichen outside whatever set it (a sandbox, systemd's NoNewPrivileges=), or use --ids=single");
	else
		add(d, DOCTOR_OK, "no_new_privs", str_dup("is not set"), NULL);
	if (sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0) {
		err_sys(&e, "seccomp", NULL, "system call filters");
		err_hint(&e, "the kernel needs CONFIG_SECCOMP_FILTER");
		add_err(d, DOCTOR_FAIL, "seccomp", &e);
	} else {
		add(d, DOCTOR_OK, "seccomp",
		    str_dup(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 ? "filters can be loaded; one is on this process"
								   : "filters can be loaded"),
		    NULL);
	}
}

static void check_fuse(struct doctor *d)
{
	AUTO_CLOSE int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct err e;

	if (fd >= 0) {
		add(d, DOCTOR_OK, "/dev/fuse", str_dup("can be opened"), NULL);
		return;
	}
	err_sys(&e, "open", "/dev/fuse", "needed by fuse-overlayfs only");
	add_err(d, DOCTOR_WARN, "/dev/fuse", &e);
}

void doctor_run(struct doctor *d)
{
	struct facts f;
	struct err e = { 0 };
	struct dirs dirs = { 0 };
	bool has_userns;

	if (facts_read(&f, true, &e) == 0)
		err_clear(&e);
	check_kernel(d, &e);
	has_userns = check_namespaces(d);
	check_subids(d, &f);
	check_tools(d, &f, has_userns);
	check_process(d);
	find_dirs(&dirs, &f);
	check_dir(d, "data directory", dirs.data, f.uid, "set XDG_DATA_HOME to a directory that you can write");
	check_dir(d, "runtime directory", dirs.run, f.uid,
		  "log in by a session that makes /run/user/UID (pam_systemd), or remove what is in the way");
	if (has_userns) {
		check_overlay(d, dirs.data);
		if (probe(probe_proc, NULL, &e) < 0)
			add_err(d, DOCTOR_FAIL, "fresh /proc", &e);
		else
			add(d, DOCTOR_OK, "fresh /proc", str_dup("can be mounted"), NULL);
	}
	check_fuse(d);
	free(dirs.data);
	free(dirs.run);
	facts_fini(&f);
}

void doctor_fini(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].detail);
		free(d->v[i].remedy);
	}
	free(d->v);
	*d = (struct doctor){ 0 };
}

/* ---- output ---- */

bool doctor_fails(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].level == DOCTOR_FAIL)
			return true;
	return false;
}

static const char *const LEVELS[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "FAIL" };

void doctor_print_text(const struct doctor *d, struct buf *out)
{
	size_t width = 0;

	for (size_t i = 0; i < d->n; i++)
		if (strlen(d->v[i].what) > width)
			width = strlen(d->v[i].what);
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_row *r = &d->v[i];

		buf_addf(out, "%-4s  %-*s  ", LEVELS[r->level], (int)width, r->what);
		buf_add_safe(out, r->detail);
		buf_add(out, "\n");
		if (r->remedy) {
			buf_addf(out, "%*s", (int)width + 8, "");
			buf_add_safe(out, r->remedy);
			buf_add(out, "\n");
		}
	}
}

void doctor_print_json(const struct doctor *d, struct buf *out)
{
	static const char *const words[] = { [DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn", [DOCTOR_FAIL] = "fail" };

	buf_add(out, "[");
	for (size_t i = 0; i < d->n; i++) {
		buf_addf(out, "%s\n  {\"level\": \"%s\", \"what\": ", i ? "," : "", words[d->v[i].level]);
		buf_add_json(out, d->v[i].what);
		buf_add(out, ", \"detail\": ");
		buf_add_json(out, d->v[i].detail);
		buf_add(out, ", \"remedy\": ");
		if (d->v[i].remedy)
			buf_add_json(out, d->v[i].remedy);
		else
			buf_add(out, "null");
		buf_add(out, "}");
	}
	buf_add(out, "\n]\n");
}
