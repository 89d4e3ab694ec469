/* SPDX-License-Identifier: Apache-2.0 */
/* steps/process.c - the process itself: directory, limits, session, the last look, exec */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/near.h"
#include "base/path.h"
#include "base/sys.h"
#include "steps/ctx.h"
#include "steps/process.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Whether the root is there and in use: of a bare sandbox, and of one that a command more is run in. */
static bool stays_as_it_is(const struct ctx *c)
{
	return spec_is_bare(c->spec) || c->in->is_exec;
}

/**
 * step_cwd() - Enter the working directory; make it, with its parents, where missing
 *
 * Magic links are not followed and the result must lie below "/", so that no descriptor
 * of the host can become the directory (CVE-2024-21626).
 *
 * Place:	child, after the pivot
 * Errors:	SYS open, mkdir, chdir; SPEC: outside of the root
 */
int step_cwd(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const char *path = c->spec->process.cwd && *c->spec->process.cwd ? c->spec->process.cwd : "/";
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int dir = -1;
	AUTO_FREE char *now = NULL;

	(void)s;
	(void)rung;
	if (root < 0)
		return err_sys(e, "open", "/", "entering the working directory %s", path);
	/* the machine's own root, and in a sandbox that runs already, as docker has it: nothing is made there */
	dir = stays_as_it_is(c) ? path_open_in(root, path, O_PATH | O_DIRECTORY, 0) : path_mkdir_in(root, path, 0755);
	if (dir < 0) {
		err_sys(e, stays_as_it_is(c) ? "open" : "mkdir", path, "the working directory %s cannot be opened%s", path,
			stays_as_it_is(c) ? "" : " or made");
		if (e->errnum == ENOENT && c->in->is_exec)
			return err_hint(e, "it is not there in the sandbox, and exec makes none: -w names another one");
		if (e->errnum == EROFS)
			return err_hint(e, "it is missing, and cannot be made on a file system that is read-only");
		if (e->errnum == ENOTDIR)
			return err_hint(e, "something that is not a directory is in the way");
		if (e->errnum == ELOOP)
			return err_hint(e, "links of /proc such as /proc/self/fd are not followed");
		return -1;
	}
	if (fchdir(dir) < 0)
		return err_sys(e, "chdir", path, "entering the working directory %s", path);
	now = getcwd(NULL, 0);
	if (!now || now[0] != '/') {
		err_set(e, ERR_SPEC, "the working directory %s lies outside of the sandbox's root", path);
		return -1;
	}
	return 0;
}

/**
 * step_rlimits() - The spec's resource limits
 *
 * Place:	child
 * Errors:	SYS prlimit; SPEC: an unknown name
 */
int step_rlimits(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct spec_process *p = &c->spec->process;

	(void)s;
	(void)rung;
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *r = &p->rlimits[i];
		const struct rlimit want = { .rlim_cur = r->soft, .rlim_max = r->hard };
		struct rlimit old = { 0 };
		int n = rlimit_from_name(r->type);

		if (n < 0)
			return err_set(e, ERR_SPEC, "unknown resource limit %s", r->type);
		if (prlimit(0, (__rlimit_resource_t)n, &want, &old) == 0)
			continue;
		err_sys(e, "prlimit", NULL, "setting %s to %" PRIu64 ":%" PRIu64, r->type, r->soft, r->hard);
		if (e->errnum != EPERM || getrlimit((__rlimit_resource_t)n, &old) < 0)
			return -1;
		if (old.rlim_max >= r->hard)
			return err_hint(e, "the system's own ceiling is lower (for RLIMIT_NOFILE: fs.nr_open)");
		return err_hint(e, "the hard limit is %" PRIu64 " where lichen was started; only root of the host "
				   "may raise it (limits.conf(5), systemd's Limit...=)",
				(uint64_t)old.rlim_max);
	}
	return 0;
}

/* ---- standard streams ---- */

/* The payload's user is to open /dev/stdin and its like anew: they are its own. Only pipes
 * without a name and the pty: nothing that others know. Not where we may not. */
static void own_stdio(const struct ctx *c)
{
	for (int i = 0; i < 3; i++) {
		struct statfs fs;
		struct stat st;

		if (fstat(i, &st) < 0 || st.st_uid == c->user.uid || !(S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) ||
		    fstatfs(i, &fs) < 0)
			continue;
		if ((fs.f_type == PIPEFS_MAGIC || fs.f_type == DEVPTS_SUPER_MAGIC) && fchown(i, c->user.uid, (gid_t)-1) < 0)
			log_debug("descriptor %d cannot be given to the user: %s", i, strerror(errno));
	}
}

static int open_console(const struct ctx *c, int fds[3], struct err *e)
{
	AUTO_CLOSE int tty = stays_as_it_is(c) ? fcntl(c->console, F_DUPFD_CLOEXEC, 3)
						   : open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (tty < 0)
		return err_sys(e, "open", "/dev/console", "opening the sandbox's terminal");
	/* below an init the command leads the session, not pid 1 */
	if (!c->spec->process.init && ioctl(tty, TIOCSCTTY, 0) < 0)
		return err_sys(e, "TIOCSCTTY", "/dev/console", "making the pty the controlling terminal");
	for (int i = 0; i < 3; i++) {
		fds[i] = fcntl(tty, F_DUPFD_CLOEXEC, 3);
		if (fds[i] < 0)
			return err_sys(e, "dup", "/dev/console", "opening the sandbox's terminal");
	}
	return 0;
}

/* Where the filter lets keyctl through, the caller's keys must not be the payload's.
 * EDQUOT: 200 keyrings a user; then there is none at all. */
static void own_keyring(const struct ctx *c)
{
	if ((c->spec->privileged || c->spec->seccomp != SECCOMP_DEFAULT) && !spec_is_bare(c->spec) &&
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		log_warn("no session keyring of its own: %s", strerror(errno));
}

/**
 * step_stdio() - A session of its own, fds 0 to 2, and everything else closes at exec
 *
 * Place:	child, after the pivot
 * Needs:	SLOT_USER; with a terminal /dev/console; else c->stdio, which may overlap with 0 to 2
 *		process.preserve_fds descriptors from 3 on, which stay open
 * Errors:	SYS setsid, open, TIOCSCTTY, dup, dup2, close_range
 */
int step_stdio(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	int high[3] = { -1, -1, -1 };

	(void)s;
	(void)rung;
	/* EPERM: we lead our group already, which is well where it is our session, too */
	if (setsid() < 0 && getsid(0) != getpid())
		return err_sys(e, "setsid", NULL, "starting a session");
	own_keyring(c);
	if (c->spec->process.terminal) {
		if (open_console(c, high, e) < 0)
			return -1;
	} else {
		/* all out of the way first: one may stand where another one goes to */
		for (int i = 0; i < 3; i++) {
			high[i] = fcntl(c->stdio[i], F_DUPFD_CLOEXEC, 3);
			if (high[i] < 0)
				return err_sys(e, "dup", NULL, "taking descriptor %d for stdio %d", c->stdio[i], i);
		}
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(high[i], i) < 0)
			return err_sys(e, "dup2", NULL, "setting up descriptor %d", i);
		close(high[i]);
	}
	own_stdio(c);
	if (sys_close_range(3 + (unsigned)c->spec->process.preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(e, "close_range", NULL, "marking descriptors to be closed");
	return 0;
}

/**
 * step_no_new_privs() - No set-user-ID program gains anything from now on
 *
 * Place:	child
 * Errors:	SYS prctl
 */
int step_no_new_privs(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)s;
	(void)rung;
	if (c->spec->process.no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting no_new_privs");
	return 0;
}

/**
 * step_deathsig() - Die with the supervisor, or, where the keeper ends all, no longer
 *
 * A supervisor that died before this is found before exec (run/child.c).
 *
 * Place:	child
 * Mustn't:	come before STEP_SET_USER: a change of ids clears it
 * Errors:	SYS prctl
 */
int step_deathsig(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	(void)c;
	(void)rung;
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)s->u.signal, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting the parent-death signal");
	return 0;
}

/* ---- the last look ---- */

static int verify_ids(const struct ctx *c, struct err *e)
{
	const struct ctx_user *u = &c->user;
	gid_t *groups = NULL, rg, eg, sg;
	AUTO_FREE void *owner = NULL;
	uid_t ru, eu, su;
	int n;

	if (getresuid(&ru, &eu, &su) < 0 || getresgid(&rg, &eg, &sg) < 0)
		return err_sys(e, "getresuid", NULL, "reading the ids back");
	if (ru != u->uid || eu != u->uid || su != u->uid)
		return err_set(e, ERR_BUG, "expected uid %u, found %u, %u and %u", u->uid, ru, eu, su);
	if (rg != u->gid || eg != u->gid || sg != u->gid)
		return err_set(e, ERR_BUG, "expected gid %u, found %u, %u and %u", u->gid, rg, eg, sg);
	if (!c->groups_settable)
		return 0;
	n = getgroups(0, NULL);
	if (n < 0 || (size_t)n != u->n_groups)
		return err_set(e, ERR_BUG, "expected %zu supplementary groups, found %d", u->n_groups, n);
	owner = groups = mem_alloc((size_t)(n ? n : 1) * sizeof(*groups));
	if (getgroups(n, groups) != n)
		return err_sys(e, "getgroups", NULL, "reading the groups back");
	for (int i = 0; i < n; i++) {	/* the kernel sorts them */
		size_t k = 0;

		while (k < u->n_groups && u->groups[k] != groups[i])
			k++;
		if (k == u->n_groups)
			return err_set(e, ERR_BUG, "expected no supplementary group %u, found it", groups[i]);
	}
	return 0;
}

static int verify_caps(const struct ctx *c, struct err *e)
{
	const struct spec_caps *want = &c->spec->process.caps;
	const uint64_t permitted = c->user.uid ? want->ambient : want->permitted;
	const uint64_t effective = c->user.uid ? want->ambient : want->effective;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t p, f, i;

	/* not by libcap-ng, which has set them */
	if (syscall(SYS_capget, &head, data) < 0)
		return err_sys(e, "capget", NULL, "reading the capabilities back");
	p = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	f = (uint64_t)data[1].effective << 32 | data[0].effective;
	i = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
	if (p & ~permitted)
		return err_set(e, ERR_BUG, "expected permitted capabilities %" PRIx64 ", found %" PRIx64, permitted, p);
	if (f & ~effective)
		return err_set(e, ERR_BUG, "expected effective capabilities %" PRIx64 ", found %" PRIx64, effective, f);
	if (i & ~want->inheritable)
		return err_set(e, ERR_BUG, "expected inheritable capabilities %" PRIx64 ", found %" PRIx64,
			       want->inheritable, i);
	for (unsigned n = 0; n < 64; n++) {
		int has = prctl(PR_CAPBSET_READ, (unsigned long)n, 0UL, 0UL, 0UL);

		if (has < 0)
			break;
		if (has && !c->keeps_bound && !(want->bounding >> n & 1U))
			return err_set(e, ERR_BUG, "expected no capability %u in the bounding set, found it", n);
		/* the kernel keeps the ambient set within permitted and inheritable */
		if (!((p & i & ~want->ambient) >> n & 1U))
			continue;
		if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_IS_SET, (unsigned long)n, 0UL, 0UL) > 0)
			return err_set(e, ERR_BUG, "expected no ambient capability %u, found it", n);
	}
	return 0;
}

/**
 * step_verify() - Read back what keeps the payload in, and refuse to go on without it
 *
 * no_new_privs and a filter that lichen itself was started under stay, asked for or not.
 *
 * Place:	child, right before exec
 * Errors:	BUG: expected and found; SYS for what cannot be read
 */
int step_verify(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	int found;

	(void)s;
	(void)rung;
	if (verify_ids(c, e) < 0 || verify_caps(c, e) < 0)
		return -1;
	found = prctl(PR_GET_NO_NEW_PRIVS, 0UL, 0UL, 0UL, 0UL);
	if (c->spec->process.no_new_privs && found != 1)
		return err_set(e, ERR_BUG, "expected no_new_privs 1, found %d", found);
	found = prctl(PR_GET_SECCOMP, 0UL, 0UL, 0UL, 0UL);
	if (c->filter && found != 2)
		return err_set(e, ERR_BUG, "expected seccomp mode 2, found %d", found);
	return 0;
}

/* ---- exec: what is wrong with a program ---- */

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_X86_64:
		return "x86_64";
	case EM_ARM:
		return "arm";
	case EM_AARCH64:
		return "aarch64";
	case EM_RISCV:
		return "riscv";
	case EM_PPC64:
		return "ppc64";
	case EM_S390:
		return "s390";
	case EM_MIPS:
		return "mips";
	case EM_LOONGARCH:
		return "loongarch";
	default:
		return NULL;
	}
}

struct program {
	enum { PROGRAM_OTHER, PROGRAM_EMPTY, PROGRAM_ELF, PROGRAM_SCRIPT } kind;
	unsigned machine;		/* of an ELF */
	char interpreter[256];		/* of either; empty: none, or not to be found out */
};

static void read_interp(int fd, const unsigned char *head, struct program *p)
{
	uint64_t phoff, at, size;
	size_t entsize, n;

	if (head[EI_CLASS] == ELFCLASS64) {
		Elf64_Ehdr h;

		memcpy(&h, head, sizeof(h));
		phoff = h.e_phoff;
		entsize = sizeof(Elf64_Phdr);
		n = h.e_phnum;
	} else {
		Elf32_Ehdr h;

		memcpy(&h, head, sizeof(h));
		phoff = h.e_phoff;
		entsize = sizeof(Elf32_Phdr);
		n = h.e_phnum;
	}
	for (size_t i = 0; i < n && i < 64 && phoff < INT32_MAX; i++) {
		union {
			Elf32_Phdr h32;
			Elf64_Phdr h64;
		} h = { 0 };

		if (pread(fd, &h, entsize, (off_t)(phoff + i * entsize)) != (ssize_t)entsize)
			return;
		if (h.h32.p_type != PT_INTERP)	/* first in both */
			continue;
		at = entsize == sizeof(h.h64) ? h.h64.p_offset : h.h32.p_offset;
		size = entsize == sizeof(h.h64) ? h.h64.p_filesz : h.h32.p_filesz;
		if (size >= sizeof(p->interpreter) || at > INT32_MAX ||
		    pread(fd, p->interpreter, (size_t)size, (off_t)at) != (ssize_t)size)
			p->interpreter[0] = '\0';
		p->interpreter[sizeof(p->interpreter) - 1] = '\0';
		return;
	}
}

/* Looks at the beginning of the file; for hints only, so nothing here is an error. */
static void look_at(const char *path, struct program *p)
{
	static const uint16_t one = 1;
	const unsigned char native = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char head[256] = { 0 };
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head) - 1, 0);

	*p = (struct program){ .kind = PROGRAM_OTHER };
	if (n == 0)
		p->kind = PROGRAM_EMPTY;
	if (n >= (ssize_t)sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG)) {
		p->kind = PROGRAM_ELF;
		p->machine = head[EI_DATA] == ELFDATA2MSB ? (unsigned)head[18] << 8 | head[19]
							  : (unsigned)head[19] << 8 | head[18];
		if (head[EI_DATA] == native)
			read_interp(fd, head, p);
	} else if (n > 2 && head[0] == '#' && head[1] == '!') {
		const char *s = (const char *)head + 2;

		p->kind = PROGRAM_SCRIPT;
		s += strspn(s, " \t");
		str_copy(p->interpreter, sizeof(p->interpreter), s);
		p->interpreter[strcspn(p->interpreter, " \t\n")] = '\0';
	}
}

static int hint_missing(const struct program *p, const struct exec_where *w, struct err *e)
{
	size_t n = strlen(p->interpreter);

	if (!n)
		return err_hint(e, "the file exists; what it needs to be run (its interpreter) does not");
	if (p->interpreter[n - 1] == '\r')
		return err_hint(e, "its first line ends in a carriage return (line ends of DOS), so the interpreter "
				   "\"%.*s\" is not found", (int)(n - 1), p->interpreter);
	if (p->kind == PROGRAM_SCRIPT)
		return err_hint(e, "the file exists; its interpreter %s (the #! line) is missing in %s",
				p->interpreter, w->root);
	return err_hint(e, "the file exists; its dynamic loader %s is missing in %s: a program for another "
			   "C library or architecture", p->interpreter, w->root);
}

static int hint_format(const struct program *p, struct err *e)
{
	const char *machine = machine_name(p->machine);
	struct utsname uts;

	if (p->kind == PROGRAM_EMPTY)
		return err_hint(e, "the file is empty");
	if (p->kind == PROGRAM_ELF && machine && uname(&uts) == 0)
		return err_hint(e, "the program is for %s, this machine is %s", machine, uts.machine);
	if (p->kind == PROGRAM_ELF)
		return err_hint(e, "the program is for another architecture (ELF machine %u)", p->machine);
	return err_hint(e, "neither a program nor a script with a #! line; a shell may run it: sh FILE");
}

static int hint_access(const char *path, const struct stat *st, const struct program *p, const struct exec_where *w, struct err *e)
{
	struct statvfs vfs;

	if (S_ISDIR(st->st_mode))
		return err_hint(e, "it is a directory");
	if (!S_ISREG(st->st_mode))
		return err_hint(e, "it is not a regular file");
	if (!(st->st_mode & 0111))
		return err_hint(e, "it is not executable; chmod +x makes it so");
	if (statvfs(path, &vfs) == 0 && (vfs.f_flag & ST_NOEXEC))
		return err_hint(e, "it lies on a mount with noexec");
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return err_hint(e, "its mode (%o) does not let %s execute it",
				(unsigned)st->st_mode & 07777, w->user);
	if (p->interpreter[0] && access(p->interpreter, X_OK) < 0)
		return err_hint(e, "its interpreter %s may not be executed", p->interpreter);
	if (w->has_rules)
		return err_hint(e, "no Landlock rule lets the file, its interpreter or its libraries be executed: "
				   "--landlock rx:DIR for where they lie");
	return p->interpreter[0] ? err_hint(e, "its interpreter %s may not be executed", p->interpreter) : -1;
}

/* Says why execve() of @path failed; errno is execve's. */
static int explain(const char *path, const struct exec_where *w, struct err *e)
{
	struct program p;
	struct stat st;

	err_sys(e, "execve", path, "%s cannot be executed", path);
	e->kind = e->errnum == ENOENT || e->errnum == ENOTDIR ? ERR_NOTFOUND : ERR_NOEXEC;
	if (stat(path, &st) < 0) {
		if (e->kind != ERR_NOTFOUND)
			return err_hint(e, "a directory on the way may not be searched by %s", w->user);
		e->what[0] = '\0';
		err_wrap(e, "%s: not found in %s", path, w->root);
		return near_hint(path, NULL, e);
	}
	look_at(path, &p);
	switch (e->errnum) {
	case ENOENT:
	case ENOTDIR:
		return hint_missing(&p, w, e);
	case ENOEXEC:
	case ELIBBAD:
		return hint_format(&p, e);
	case EACCES:
	case EISDIR:
	case EPERM:
		return hint_access(path, &st, &p, w, e);
	case E2BIG:
		return err_hint(e, "arguments and environment are too long together");
	case ETXTBSY:
		return err_hint(e, "the file is open for writing");
	default:
		return -1;
	}
}

/* ---- exec: the search ---- */

static const char *env_get(const struct strv *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (str_starts(env->v[i], name) && env->v[i][n] == '=')
			return env->v[i] + n + 1;
	return NULL;
}

/* Finds @name in @path; the first file that may not be executed where no other is found.
 * An empty part is not the working directory. Owned; NULL: nowhere. */
static char *search(const char *name, const char *path)
{
	AUTO_FREE char *second_best = NULL;
	AUTO_STRV struct strv dirs = { 0 };

	strv_split(&dirs, path, ':');
	for (size_t i = 0; i < dirs.n; i++) {
		AUTO_FREE char *file = dirs.v[i][0] ? str_fmt("%s/%s", dirs.v[i], name) : NULL;
		struct stat st;

		if (!file || stat(file, &st) < 0 || S_ISDIR(st.st_mode))
			continue;
		if (S_ISREG(st.st_mode) && faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) == 0)
			return ptr_take(&file);
		if (!second_best)
			second_best = ptr_take(&file);
	}
	return ptr_take(&second_best);
}

/* What nohup(1) and a shell's "&" have set before us holds for the payload, too. */
static bool stays_ignored(int sig)
{
	struct sigaction old;

	return (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT || sig == SIGTERM) && sigaction(sig, NULL, &old) == 0 &&
	       old.sa_handler == SIG_IGN;
}

/* What is ignored or blocked would stay so across exec. */
int signals_reset(bool unblocks, struct err *e)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig >= SIGRTMIN) && !stays_ignored(sig) &&
		    sigaction(sig, &dfl, NULL) < 0)
			return err_sys(e, "sigaction", NULL, "resetting signal %d", sig);
	sigemptyset(&none);
	if (unblocks && sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return err_sys(e, "sigprocmask", NULL, "resetting the signal mask");
	return 0;
}

int exec_program(const struct strv *args, const char *argv0, char *const *env, const char *path, const struct exec_where *w,
		 struct err *e)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_FREE char *file = NULL, *near = NULL;

	if (!path || !*path)
		path = PATH_DEFAULT;
	if (strchr(args->v[0], '/'))
		file = str_dup(args->v[0]);
	else if (args->v[0][0])
		file = search(args->v[0], path);
	if (!file) {
		errno = ENOENT;
		if (args->v[0][0])
			err_sys(e, "execve", args->v[0], "%s: not found in PATH %s", args->v[0], path);
		else
			err_sys(e, "execve", "''", "the command is empty");
		e->kind = ERR_NOTFOUND;
		near = near_program(args->v[0], path);
		return near ? err_hint(e, "did you mean %s ?", near) : -1;
	}
	strv_copy(&words, args);
	if (argv0)
		str_set(&words.v[0], argv0);
	execve(file, words.v, env);
	return explain(file, w, e);
}

/**
 * step_exec() - Become the payload
 *
 * Place:	child, the last step of all
 * Needs:	SLOT_USER
 * Errors:	NOTFOUND (127), NOEXEC (126), with execve's errno; SYS sigaction
 * Return: -1 with @e; does not return where all is well
 */
int step_exec(struct ctx *c, const struct step *s, size_t rung, struct err *e)
{
	const struct exec_where inside = { .root = "the root", .user = "the sandbox's user", .has_rules = c->spec->landlock.n > 0 };
	const struct spec_process *p = &c->spec->process;
	AUTO_STRV struct strv env = { 0 };
	char *const none[] = { NULL };

	(void)s;
	(void)rung;
	if (!p->args.n)
		return err_set(e, ERR_SPEC, "no command was given");
	if (signals_reset(true, e) < 0)
		return -1;
	strv_copy(&env, &p->env);
	if (!env_get(&env, "HOME") && !strv_has(&p->unset_env, "HOME"))
		strv_addf(&env, "HOME=%s", c->user.home[0] ? c->user.home : "/");
	return exec_program(&p->args, p->argv0, env.v ? env.v : none, env_get(&env, "PATH"), &inside, e);
}
