/* SPDX-License-Identifier: Apache-2.0 */
/* steps/attrs.c - attributes of the process, and parameters of the sandbox's namespaces */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/near.h"
#include "base/path.h"
#include "steps/ctx.h"

/**
 * step_oom() - How soon the payload is ended when memory is short
 *
 * A value below the launcher's own was taken by the launcher and is inherited (run/attrs.c).
 *
 * Place:	child, while /proc is the host's and the file our own
 * Errors:	SYS write
 */
int step_oom(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)c, (void)rung;
	if (fd_burn(AT_FDCWD, "/proc/self/oom_score_adj", s->object) < 0)
		return err_sys(e, "write", "/proc/self/oom_score_adj", "--oom-score-adj %s", s->object);
	return 0;
}

int step_domainname(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)c, (void)rung;
	if (setdomainname(s->object, strlen(s->object)) < 0)
		return err_sys(e, "setdomainname", s->object, "setting the domain name");
	return 0;
}

int step_umask(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)s, (void)rung, (void)e;
	umask((mode_t)c->spec->process.umask);
	return 0;
}

/**
 * step_personality() - The execution domain, which exec and fork pass on
 *
 * Place:	child, before the filter
 * Errors:	SYS personality; SPEC: the kernel took another value
 */
int step_personality(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	uint32_t want = c->spec->process.personality, found;

	(void)rung;
	if (personality(want) < 0)
		return err_sys(e, "personality", s->object, "--personality %s", s->object);
	found = (uint32_t)personality(UINT32_MAX);
	if (found != want)
		return err_set(e, ERR_HOST, "--personality %s: the kernel set %x and not %x", s->object, found, want);
	return 0;
}

/* ---- sysctls ---- */

/* Word by word, as the kernel prints tabs where blanks were written; numbers by value. */
static bool same_value(const char *a, const char *b)
{
	static const char space[] = " \t\n";

	for (;;) {
		size_t n, m;
		char *end_a, *end_b;
		long long x, y;

		a += strspn(a, space);
		b += strspn(b, space);
		n = strcspn(a, space);
		m = strcspn(b, space);
		if (!n || !m)
			return n == m;
		x = strtoll(a, &end_a, 0);
		y = strtoll(b, &end_b, 0);
		if (!(n == m && strncmp(a, b, n) == 0) && !(end_a == a + n && end_b == b + m && x == y))
			return false;
		a += n;
		b += m;
	}
}

static int fail_sysctl(const char *key, const char *value, struct err *e)
{
	bool is_ipc = !str_starts(key, "net.") && !str_starts(key, "user.");
	AUTO_FREE char *path = NULL, *full = NULL, *near = NULL;

	err_sys(e, "write", key, "--sysctl %s=%s", key, value);
	switch (e->errnum) {
	case ENOENT:
		/* of this machine's, which are the same ones */
		path = sysctl_path(key);
		full = str_fmt("/proc/sys/%s", path);
		near = near_path(full);
		for (char *c = near ? near : full; (c = strchr(c, '/'));)
			*c = '.';
		return near ? err_hint(e, "did you mean %s ?", near + strlen("/proc/sys/"))
			    : err_hint(e, "this kernel has no such parameter, or not one for each namespace");
	case EACCES:
	case EPERM:
		return err_hint(e, is_ipc ? "it is the namespace's own only since Linux 6.9, and only for root inside (-u 0 with host)"
					  : "the kernel keeps this one for root of the machine");
	case EINVAL:
	case ERANGE:
		return err_hint(e, "the kernel does not take this value");
	case EROFS:
		return err_hint(e, "/proc is read-only: another option mounts it");
	default:
		return -1;
	}
}

static int write_sysctl(int sys, const char *key, const char *value, struct err *e)
{
	AUTO_FREE char *path = sysctl_path(key);
	AUTO_CLOSE int fd = path_open_in(sys, path, O_WRONLY | O_CLOEXEC, 0);
	AUTO_CLOSE int in = -1;
	struct statfs fs;
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return fail_sysctl(key, value, e);
	/* a root file system may have files of its own below /proc (CVE-2019-16884) */
	if (fstatfs(fd, &fs) < 0)
		return err_sys(e, "fstatfs", key, "--sysctl %s=%s", key, value);
	if (fs.f_type != PROC_SUPER_MAGIC) {
		err_set(e, ERR_SPEC, "--sysctl %s=%s: what lies at /proc of the sandbox is no procfs", key, value);
		return err_hint(e, "another option mounts something there");
	}
	if (write(fd, value, strlen(value)) < 0)
		return fail_sysctl(key, value, e);
	in = path_open_in(sys, path, O_RDONLY | O_CLOEXEC, 0);
	if (in < 0)
		return errno == EACCES || errno == EPERM ? 0 : fail_sysctl(key, value, e); /* some are only written */
	n = read(in, text, sizeof(text) - 1);
	if (n < 0)
		return fail_sysctl(key, value, e);
	text[n] = '\0';
	if (same_value(text, value))
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, ERR_SPEC, "--sysctl %s=%s: the kernel made it '%.80s'", key, value, text);
}

/**
 * step_sysctl() - Write the parameters, and read them back
 *
 * Place:	child, in its namespaces, with every capability in them, before /proc/sys is
 *		read-only
 * Needs:	SLOT_ROOT with the sandbox's own /proc
 * Errors:	SYS write, read; SPEC: another value is in force
 */
int step_sysctl(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	AUTO_CLOSE int sys = path_open_in(ctx_fd(c, SLOT_ROOT), "/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	(void)rung;
	if (sys < 0)
		return err_sys(e, "open", "/proc/sys", "setting kernel parameters");
	for (size_t i = 0; i < s->u.paths->n; i++) {
		const char *text = s->u.paths->v[i];
		size_t n = strcspn(text, "=");
		AUTO_FREE char *key = str_dupn(text, n);

		if (write_sysctl(sys, key, text + n + !!text[n], e) < 0)
			return -1;
	}
	return 0;
}
