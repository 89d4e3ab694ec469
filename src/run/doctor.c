/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor.c - doctor: the table of what is tried, and how it is told
 *
 * Whatever changes the process is done in a forked child, which sends its struct err
 * through a pipe. The one thing on disk is the overlays' directories, removed at once.
 */

#include "run/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "host/hint.h"
#include "run/doctor_try.h"

static const struct trial TRIALS[] = {
	{ "kernel", "kernel", try_kernel, true, false, NULL },
	{ "openat2", "openat2", try_openat2, true, false, NULL },
	{ "chroot", "root directory", try_chroot, true, false, NULL },
	{ "nested", "ids of this namespace", try_nested, false, false, "a range of ids inside" },
	{ "userns", "user namespaces", try_userns, true, false, NULL },
	{ "namespaces", "all eight namespaces", try_namespaces, true, true, NULL },
	{ "limits", "limits of namespaces", try_limits, false, false, "many sandboxes at once" },
	{ "proc", "fresh /proc", try_proc, true, true, NULL },
	{ "seccomp", "seccomp filters", try_seccomp, true, false, NULL },
	{ "data-dir", "data directory", try_data_dir, true, false, NULL },
	{ "runtime-dir", "runtime directory", try_run_dir, true, false, NULL },
	{ "subids", "subordinate ids", try_subids, false, false, "more than one id inside, so chown and package managers" },
	{ "newuidmap", "newuidmap, newgidmap", try_tools, false, false, "more than one id inside" },
	{ "no-new-privs", "no_new_privs", try_no_new_privs, false, false, "more than one id inside, as newuidmap needs its setuid bit" },
	{ "overlay-data", "overlay: data directory", try_overlay_data, false, true, "writable trees without a copy" },
	{ "overlay-tmpdir", "overlay: $TMPDIR", try_overlay_tmp, false, true, "a second place for writable layers" },
	{ "overlay-var-tmp", "overlay: /var/tmp", try_overlay_var_tmp, false, true, "a third place for writable layers" },
	{ "fuse", "/dev/fuse", try_fuse, false, true, "writable trees where the kernel's overlay refuses" },
	{ "fuse-overlayfs", "fuse-overlayfs", try_fuse_overlayfs, false, true, "writable trees where the kernel's overlay refuses" },
	{ "tun", "/dev/net/tun", try_tun, false, true, "a network without root (tap)" },
	{ "cgroup", "cgroup version", try_cgroup, false, false, "limits of memory, cpu and processes" },
	{ "cgroup-delegation", "cgroup delegation", try_delegation, false, false, "limits of memory, cpu and processes" },
	{ "cgroup-controllers", "cgroup controllers", try_controllers, false, false, "limits by each controller" },
	{ "user-manager", "user manager", try_user_manager, false, false, "limits where our own cgroup is not delegated" },
	{ "linger", "linger", try_linger, false, false, "sandboxes that run on after the last logout" },
	{ "seccomp-notify", "seccomp notification", try_seccomp_notify, false, false, "answering system calls for a sandbox" },
	{ "landlock", "Landlock", try_landlock, false, false, "--landlock, and --no-userns" },
	{ "ping", "ping sockets", try_ping, false, false, "ping through the sandbox's network" },
	{ "low-ports", "low ports", try_low_ports, false, false, "publishing ports 80 and 443" },
	{ "memfd", "executable memfd", try_memfd, false, false, "lichen-init from sealed memory; else from a read-only mount" },
	{ "keyring", "session keyring", try_keyring, false, false, "an own keyring for each sandbox" },
	{ "run", "lichen run host true", try_run, true, false, NULL },
};

/* ---- answers ---- */

static void answer(struct attempt *a, enum doctor_level level, const struct cause *c, const char *hint, char *detail)
{
	struct doctor *d = a->d;
	char *remedy = c ? cause_text(c, d->user, d->uid) : hint && hint[0] ? str_dup(hint) : NULL;

	d->v = mem_grow(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = (struct doctor_row){ .level = level, .id = a->t->id, .what = a->t->what, .gives = a->t->gives,
					    .detail = detail, .cause = c, .remedy = remedy };
}

static enum doctor_level fault(const struct attempt *a)
{
	return a->t->is_needed ? DOCTOR_BROKEN : DOCTOR_MISSING;
}

static __attribute__((format(printf, 1, 0))) char *format(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	return str_dup(text);
}

void works(struct attempt *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(a, DOCTOR_WORKS, NULL, NULL, format(fmt, ap));
	va_end(ap);
}

void lacks(struct attempt *a, const char *cause, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	answer(a, fault(a), cause_get(cause), NULL, format(fmt, ap));
	va_end(ap);
}

void lacks_err(struct attempt *a, const struct err *e)
{
	const struct cause *c = cause_find(e);
	char *text = e->errnum ? str_fmt("%s: %s%s%s: %s (%s)", e->what, e->op, e->path[0] ? " " : "", e->path,
					 strerror(e->errnum), err_errno_name(e->errnum))
			       : str_dup(e->what);

	/* what the failing place knows is more than what the errno tells, unless a fix comes with it */
	if (e->hint[0] && !(c && c->fix))
		c = NULL;
	answer(a, fault(a), c, e->hint, text);
}

/* ---- children ---- */

int probe_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

int probe(probe_fn *fn, const void *arg, struct err *e)
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
	if (probe_wait(pid) < 0 || n != (ssize_t)sizeof(*e))
		return err_set(e, ERR_PEER, "the check's process died");
	return e->kind == ERR_NONE ? 0 : -1;
}

int probe_enter(unsigned flags, struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	AUTO_FREE char *u = str_fmt("0 %u 1", uid), *g = str_fmt("0 %u 1", gid);

	if (unshare((int)(CLONE_NEWUSER | flags)) < 0)
		return err_sys(e, "unshare", NULL, "making namespaces");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);	/* as in run/child.c: our own map is to be ours where lichen's file cannot be read */
	if (fd_burn(AT_FDCWD, "/proc/self/uid_map", u) < 0)
		return err_sys(e, "write", "/proc/self/uid_map", "mapping one id");
	if (fd_burn(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    fd_burn(AT_FDCWD, "/proc/self/gid_map", g) < 0)
		return err_sys(e, "write", "/proc/self/gid_map", "mapping one id");
	return 0;
}

char *read_line(const char *path)
{
	char *text = NULL;

	if (fd_read_file(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	for (char *s = text; *s; s++)
		if (*s == '\t')
			*s = ' ';
	return text;
}

/* ---- the run through the table ---- */

/* @path or the nearest directory above it that exists. Owned. */
char *existing(const char *path)
{
	char *p = str_dup(path), *slash;
	struct stat st;

	while (stat(p, &st) < 0 && (slash = strrchr(p, '/')))
		slash[slash == p] = '\0';
	return p;
}


static void find_dirs(struct attempt *a)
{
	const struct facts *f = &a->f;
	const char *xdg = getenv("XDG_DATA_HOME");
	AUTO_FREE char *user_run = str_fmt("/run/user/%u", f->uid);
	AUTO_FREE char *note = NULL, *recorded = NULL;
	struct stat st;

	if (f->uid == 0) {
		a->data = str_dup("/var/lib/lichen");
		a->run = str_dup("/run/lichen");
		return;
	}
	a->data = xdg && xdg[0] == '/' ? str_fmt("%s/lichen", xdg)
					  : str_fmt("%s/.local/share/lichen", f->home ? f->home : "");
	note = str_fmt("%s/runtime-dir", a->data);
	if (lstat(user_run, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == f->uid && !(st.st_mode & 077)) {
		a->run = str_fmt("%s/lichen", user_run);
		return;
	}
	recorded = path_real(note); /* a link to it */
	if (recorded) {
		if (recorded[0] == '/' && lstat(recorded, &st) == 0 && st.st_uid == f->uid) {
			a->run = ptr_take(&recorded);
			return;
		}
	}
	a->run = str_fmt("/dev/shm/lichen-%u", f->uid);
}

void doctor_run(struct doctor *d)
{
	struct attempt a = { .d = d };

	if (facts_read(&a.f, true, &a.facts_err) == 0)
		err_clear(&a.facts_err);
	d->uid = a.f.uid;
	d->user = a.f.user ? str_dup(a.f.user) : str_fmt("%u", a.f.uid);
	find_dirs(&a);
	for (size_t i = 0; i < N_ELEMS(TRIALS); i++) {
		a.t = &TRIALS[i];
		if (a.has_userns || !a.t->needs_userns)
			a.t->fn(&a);
	}
	free(a.data);
	free(a.run);
	facts_fini(&a.f);
}

void doctor_fini(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].detail);
		free(d->v[i].remedy);
	}
	free(d->v);
	free(d->user);
	*d = (struct doctor){ 0 };
}

/* ---- output ---- */

bool doctor_fails(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].level == DOCTOR_BROKEN)
			return true;
	return false;
}

static const char *const LEVELS[] = { [DOCTOR_WORKS] = "works", [DOCTOR_MISSING] = "missing", [DOCTOR_BROKEN] = "broken" };
static const char *const COLOURS[] = { [DOCTOR_WORKS] = "\033[32m", [DOCTOR_MISSING] = "\033[33m", [DOCTOR_BROKEN] = "\033[31m" };

enum { LEVEL_WIDTH = 7, ROOM_MIN = 30 };

/* @text in lines of @width columns, all but the first indented by @indent; 0: one line. */
static void add_wrapped(struct buf *out, const char *text, size_t indent, size_t width)
{
	size_t room = width > indent + ROOM_MIN ? width - indent : width ? ROOM_MIN : 0, col = 0;

	for (const char *s = text; *s;) {
		size_t n = strcspn(s, " ");
		AUTO_FREE char *word = str_dupn(s, n);

		if (col && room && col + 1 + n > room) {
			buf_addf(out, "\n%*s", (int)indent, "");
			col = 0;
		} else if (col) {
			buf_add(out, " ");
			col++;
		}
		buf_add_safe(out, word);
		col += n;
		s += n;
		s += strspn(s, " ");
	}
	buf_add(out, "\n");
}

void doctor_print_text(const struct doctor *d, unsigned width, bool colours, struct buf *out)
{
	size_t what = 0, indent;

	for (size_t i = 0; i < d->n; i++)
		if (strlen(d->v[i].what) > what)
			what = strlen(d->v[i].what);
	indent = LEVEL_WIDTH + 2 + what + 2;
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_row *r = &d->v[i];

		buf_addf(out, "%s%-*s%s  %-*s  ", colours ? COLOURS[r->level] : "", LEVEL_WIDTH, LEVELS[r->level],
			 colours ? "\033[0m" : "", (int)what, r->what);
		add_wrapped(out, r->detail, indent, width);
		if (r->level == DOCTOR_MISSING && r->gives) {
			buf_addf(out, "%*sgives: ", (int)indent, "");
			add_wrapped(out, r->gives, indent + 7, width);
		}
		if (r->remedy) {
			buf_addf(out, "%*sto do: ", (int)indent, "");
			add_wrapped(out, r->remedy, indent + 7, width);
		}
	}
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, ", \"%s\": ", name);
	if (value)
		buf_add_json(out, value);
	else
		buf_add(out, "null");
}

void doctor_print_json(const struct doctor *d, struct buf *out)
{
	buf_addf(out, "{\"version\": 1, \"run\": %s, \"findings\": [", doctor_fails(d) ? "false" : "true");
	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_row *r = &d->v[i];

		buf_addf(out, "%s\n  {\"id\": \"%s\", \"level\": \"%s\"", i ? "," : "", r->id, LEVELS[r->level]);
		add_member(out, "what", r->what);
		add_member(out, "detail", r->detail);
		add_member(out, "cause", r->cause ? r->cause->id : NULL);
		add_member(out, "gives", r->level == DOCTOR_MISSING ? r->gives : NULL);
		add_member(out, "remedy", r->remedy);
		buf_add(out, "}");
	}
	buf_add(out, "\n]}\n");
}
