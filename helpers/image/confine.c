/* SPDX-License-Identifier: Apache-2.0 */
/* image/confine.c - what a task of lichen-image gives up before it reads a stranger's bytes */

#include "confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/sys.h"
#include "shared/confined.h"
#include "spec/image_msg.h"

static bool is_kept(int fd, const int *keep, size_t n_keep)
{
	if (fd == IMAGE_TALK_FD)
		return true;
	for (size_t i = 0; i < n_keep; i++)
		if (keep[i] == fd)
			return true;
	return false;
}

static int close_others(const int *keep, size_t n_keep, struct err *e)
{
	int top = IMAGE_TALK_FD;

	for (size_t i = 0; i < n_keep; i++)
		top = keep[i] > top ? keep[i] : top;
	for (int fd = IMAGE_TALK_FD; fd <= top; fd++)
		if (!is_kept(fd, keep, n_keep))
			close(fd);
	return sys_close_range((unsigned)top + 1, ~0U, 0) < 0 ? err_sys(e, "close_range", NULL, "closing what the caller has open") : 0;
}

int confine_begin(const int *keep, size_t n_keep, struct err *e)
{
	const struct rlimit none = { 0, 0 };

	if (close_others(keep, n_keep, e) < 0 || confined_stdio(e) < 0)
		return -1;
	setsid(); /* fails for who leads a session of its own already */
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) < 0 || prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		return err_sys(e, "prctl", NULL, "confining this process");
	return 0;
}

/* ---- paths ---- */

enum { FS_FILE = LANDLOCK_FS_READ_FILE | LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_TRUNCATE };

int confine_paths(const struct confine_path *paths, size_t n, bool connects, struct err *e)
{
	struct sys_landlock_ruleset all;
	int abi = confined_landlock(&all, connects);
	AUTO_CLOSE int ruleset = -1;
	bool writes = false;

	for (size_t i = 0; i < n; i++)
		writes |= paths[i].writes;
	/* the first ABI lets nobody link or rename from one directory to another, whatever is granted */
	if (abi < 1 || (abi < 2 && writes))
		return 0;
	ruleset = sys_landlock_create(&all, sizeof(all));
	for (size_t i = 0; ruleset >= 0 && i < n; i++) {
		uint64_t access = LANDLOCK_FS_READ_FILE | LANDLOCK_FS_READ_DIR | LANDLOCK_FS_EXECUTE;

		if (paths[i].writes)
			access |= (uint64_t)LANDLOCK_FS_WRITE_FILE | LANDLOCK_FS_CHANGE_DIR | LANDLOCK_FS_REFER | LANDLOCK_FS_TRUNCATE;
		access &= all.access_fs;
		if (paths[i].fd < 0 || sys_landlock_add_path(ruleset, paths[i].fd, access) == 0)
			continue;
		/* a file has no entries; a pipe lies nowhere, and what is open stays open */
		if (errno == EINVAL && sys_landlock_add_path(ruleset, paths[i].fd, access & (FS_FILE | LANDLOCK_FS_EXECUTE)) == 0)
			continue;
		if (errno != EBADFD)
			return err_sys(e, "landlock", NULL, "confining this process");
	}
	if (ruleset < 0 || sys_landlock_restrict_self(ruleset) < 0)
		return err_sys(e, "landlock", NULL, "confining this process");
	return 0;
}

int confine_root(int tree, struct err *e)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0)
		return err_sys(e, "unshare", "mnt,net,ipc", "confining this process");
	if (fchdir(tree) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "chroot", NULL, "confining this process to the tree that it makes");
	return 0;
}

/* ---- calls ---- */

#define CALL(name) SCMP_SYS(name)

/* What the C library, its allocator and its threads call. */
static const int COMMON[] = {
	CALL(read), CALL(readv), CALL(write), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(lseek), CALL(_llseek), CALL(close),
	CALL(fstat), CALL(fstat64), CALL(newfstatat), CALL(fstatat64), CALL(statx), CALL(fstatfs), CALL(fstatfs64),
	CALL(brk), CALL(mmap), CALL(mmap2), CALL(munmap), CALL(mremap), CALL(mprotect), CALL(madvise), CALL(futex),
	CALL(futex_time64), CALL(clone), CALL(clone3), CALL(set_robust_list), CALL(rseq), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(exit), CALL(exit_group), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sigreturn),
	CALL(sigaltstack), CALL(restart_syscall), CALL(gettid), CALL(getpid), CALL(tgkill), CALL(clock_gettime), CALL(clock_gettime64),
	CALL(clock_nanosleep), CALL(clock_nanosleep_time64), CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(getrandom), CALL(poll), CALL(ppoll), CALL(ppoll_time64),
	CALL(pipe), CALL(pipe2), CALL(fcntl), CALL(fcntl64), CALL(dup), CALL(dup3), CALL(sendmsg), CALL(recvmsg), CALL(memfd_create), CALL(prlimit64), CALL(ugetrlimit),
	CALL(ftruncate), CALL(ftruncate64), CALL(copy_file_range), CALL(fallocate), CALL(fadvise64), CALL(fsync), CALL(fdatasync), CALL(uname), CALL(sysinfo),
	CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getuid32), CALL(geteuid32), CALL(getgid32), CALL(getegid32),
};

static const int FILES[] = {
	CALL(openat), CALL(openat2), CALL(open), CALL(getdents64), CALL(readlinkat), CALL(readlink), CALL(faccessat), CALL(faccessat2), CALL(access), CALL(stat), CALL(lstat),
	CALL(getcwd), CALL(fchdir), CALL(lgetxattr), CALL(fgetxattr), CALL(getxattr), CALL(llistxattr), CALL(flistxattr), CALL(listxattr),
};

static const int CHANGES[] = {
	CALL(renameat), CALL(renameat2), CALL(rename), CALL(linkat), CALL(unlinkat), CALL(unlink), CALL(mkdirat), CALL(mkdir), CALL(fchmod), CALL(flock),
};

static const int NET[] = {
	CALL(socket), CALL(connect), CALL(sendto), CALL(recvfrom), CALL(sendmmsg), CALL(recvmmsg), CALL(getsockopt), CALL(setsockopt), CALL(getsockname),
	CALL(getpeername), CALL(bind), CALL(socketpair), CALL(shutdown), CALL(ioctl), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait),
	CALL(eventfd2), CALL(select), CALL(pselect6), CALL(pselect6_time64),
};

static const int TREE[] = {
	CALL(mknodat), CALL(symlinkat), CALL(fchown), CALL(fchown32), CALL(fchownat), CALL(lchown), CALL(lchown32), CALL(fchmodat), CALL(utimensat), CALL(utimensat_time64),
	CALL(fsetxattr), CALL(lsetxattr), CALL(setxattr), CALL(fremovexattr), CALL(lremovexattr), CALL(removexattr), CALL(umask),
};

#define ALL_TASKS (1u << CONFINE_FILES | 1u << CONFINE_READ | 1u << CONFINE_NET | 1u << CONFINE_TREE)

static const struct {
	const int *calls;
	size_t n;
	unsigned of;	/* bits by enum confine_calls */
} GROUPS[] = {
	{ COMMON, N_ELEMS(COMMON), ALL_TASKS },
	{ FILES, N_ELEMS(FILES), ALL_TASKS },
	{ CHANGES, N_ELEMS(CHANGES), 1u << CONFINE_FILES | 1u << CONFINE_NET | 1u << CONFINE_TREE },
	{ NET, N_ELEMS(NET), 1u << CONFINE_NET },
	{ TREE, N_ELEMS(TREE), 1u << CONFINE_TREE },
};

static int filter_calls(enum confine_calls which, struct err *e)
{
	scmp_filter_ctx filter = confined_filter();
	int r = filter ? 0 : -ENOMEM;

	for (size_t g = 0; r == 0 && g < N_ELEMS(GROUPS); g++)
		if (GROUPS[g].of & 1u << which)
			r = confined_allow(filter, GROUPS[g].calls, GROUPS[g].n);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a binary tree: unpacking makes many calls */
	return confined_load(filter, r, e);
}

int confine_end(uint64_t caps, enum confine_calls calls, struct err *e)
{
	return confined_caps(caps, e) < 0 ? -1 : filter_calls(calls, e);
}
