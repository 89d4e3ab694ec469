/* SPDX-License-Identifier: Apache-2.0 */
/* proc/confine.c - what this process gives up, because a payload writes its input
 *
 * It runs as the user who called lichen, outside of the sandbox: whoever takes it over must
 * find nothing in it. All files are open by now and are read again with pread.
 */

#include "confine.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "base/sys.h"
#include "shared/confined.h"

int confine_begin(const int keep[2], struct err *e)
{
	unsigned low = (unsigned)(keep[0] < keep[1] ? keep[0] : keep[1]);
	unsigned high = (unsigned)(keep[0] < keep[1] ? keep[1] : keep[0]);

	if ((low > 3 && sys_close_range(3, low - 1, 0) < 0) ||
	    (high > low + 1 && sys_close_range(low + 1, high - 1, 0) < 0) || sys_close_range(high + 1, ~0U, 0) < 0)
		return err_sys(e, "close_range", NULL, "closing what the caller has open");
	return 0;
}

static int drop_caps(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", "no_new_privs", "confining this process");
	return confined_caps(0, e);
}

/* Handles all that the kernel knows and allows nothing. A kernel without Landlock is none the worse: the
 * filter has no call with a path. */
static int close_paths(struct err *e)
{
	struct sys_landlock_ruleset all;
	AUTO_CLOSE int ruleset = -1;

	if (confined_landlock(&all, false) < 1)
		return 0;
	ruleset = sys_landlock_create(&all, sizeof(all));
	if (ruleset < 0 || sys_landlock_restrict_self(ruleset) < 0)
		return err_sys(e, "landlock", NULL, "confining this process");
	return 0;
}

static int limit_resources(struct err *e)
{
	static const struct {
		int what;
		rlim_t most;
	} LIMITS[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_FSIZE, 0 },
		{ RLIMIT_NOFILE, 2 },	/* which are there; poll(2) takes as many as this, too */
	};

	for (size_t i = 0; i < N_ELEMS(LIMITS); i++) {
		const struct rlimit r = { LIMITS[i].most, LIMITS[i].most };

		if (setrlimit((__rlimit_resource_t)LIMITS[i].what, &r) < 0)
			return err_sys(e, "setrlimit", NULL, "confining this process");
	}
	return 0;
}

/* ---- the filter ---- */

/* What the loop and malloc() call, on any architecture and with any C library. */
static const int CALLS[] = {
	SCMP_SYS(pread64), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(close), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(exit_group),
	SCMP_SYS(futex), SCMP_SYS(futex_time64),	/* of locks: refused, a library would try for ever */
#ifdef __SANITIZE_ADDRESS__
	SCMP_SYS(sigaltstack),	/* before each function that does not return */
#endif
};

static const int MMAPS[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2) };

/* Memory of one's own that is never code. */
static int allow_mmap(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_ELEMS(MMAPS); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, MMAPS[i], 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
				     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	return r;
}

static int allow_on(scmp_filter_ctx filter, int call, int fd)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)fd, 0));
}

static int filter_calls(int device, int timer, struct err *e)
{
	scmp_filter_ctx filter = confined_filter();
	int r = filter ? confined_allow(filter, CALLS, N_ELEMS(CALLS)) : -ENOMEM;

	if (r == 0)
		r = allow_mmap(filter);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(read), device);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(read), timer);
	if (r == 0)
		r = allow_on(filter, SCMP_SYS(writev), device);
	return confined_load(filter, r, e);
}

int confine(int device, int timer, struct err *e)
{
	setsid();	/* fails for who leads a session of its own already */
	if (chdir("/") < 0)
		return err_sys(e, "chdir", "/", "leaving the caller's directory");
	if (prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", "dumpable", "confining this process");
	if (confined_stdio(e) < 0 || drop_caps(e) < 0 || close_paths(e) < 0 || limit_resources(e) < 0 || filter_calls(device, timer, e) < 0)
		return -1;
	close(STDERR_FILENO);
	return 0;
}
