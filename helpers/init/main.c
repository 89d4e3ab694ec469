/* SPDX-License-Identifier: Apache-2.0 */
/* init/main.c - lichen-init: pid 1 of a sandbox that is asked for one (--init)
 *
 *	lichen-init PAYLOAD FD
 *
 * PAYLOAD is the pid of its only child, which leads a session and a process group of its
 * own and waits, not yet executed, until one byte arrives in FD (src/steps/init.c). From
 * then on init reaps whatever is orphaned, passes signals on, and ends with the payload's
 * status after it has killed what the payload left.
 *
 * It has the payload's ids, capabilities and filter, holds no descriptor at all, and cannot
 * be traced or looked into from inside. No C library where the architecture is one of those
 * below: a few KiB, so that copying it into a memfd costs nothing (helpers/local.mk).
 */

#include <asm/unistd.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#ifdef INIT_HAS_LIBC
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* ---- system calls ---- */

/* The kernel's own size of a signal set: 64 signals. */
typedef uint64_t kernel_sigset;

#ifdef INIT_HAS_LIBC

static long call(long n, long a, long b, long c, long d)
{
	long rc = syscall(n, a, b, c, d);

	return rc < 0 ? -errno : rc;
}

#elif defined(__x86_64__)

static long call(long n, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long rc;

	__asm__ volatile("syscall" : "=a"(rc) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
	return rc;
}

__asm__(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov %rsp,%rdi\n\tand $-16,%rsp\n\tcall init_start\n\thlt\n");

#elif defined(__aarch64__)

static long call(long n, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}

__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl init_start\n\tbrk #1\n");

#else
#error "no system calls without a C library on this architecture: build with -DINIT_HAS_LIBC -static"
#endif

enum { SIGNALS = 64, STATUS_LOST = 125 };

static bool is_pid1;

static void quit(int status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0);
}

static long kill_to(long pid, long sig)
{
	return call(__NR_kill, pid, sig, 0, 0);
}

/* ---- the end of the payload, and of all else ---- */

/* Reaps all that have ended. True with the payload's wait status where it is among them. */
static bool reap(long payload, int *status)
{
	bool is_over = false;

	for (;;) {
		int st = 0;
		long pid = call(__NR_wait4, -1, (long)(intptr_t)&st, WNOHANG | __WALL, 0);

		if (pid == payload) {
			*status = st;
			is_over = true;
		}
		if (pid <= 0 && pid != -EINTR)
			return is_over;
	}
}

/* The payload's group first, then everything that is left. In a pid namespace that is not our
 * own -1 would mean all of the caller's processes, so only the group is meant there. */
static void kill_rest(long payload)
{
	kill_to(-payload, SIGKILL);
	if (!is_pid1)
		return;
	kill_to(-1, SIGKILL);
	for (;;) {
		long pid = call(__NR_wait4, -1, 0, __WALL, 0);

		if (pid < 0 && pid != -EINTR)
			return;
	}
}

/* ---- signals ---- */

/* What a terminal sends goes to the whole foreground group there, and here too: a shell that
 * waits for its child does not end by itself. A stop must reach even those who handle SIGTSTP:
 * nobody is there who would continue an orphaned group. The rest is for the payload. */
static void pass_on(long payload, int sig)
{
	switch (sig) {
	case SIGTSTP:
		kill_to(-payload, SIGSTOP);
		return;
	case SIGINT:
	case SIGQUIT:
	case SIGCONT:
		if (kill_to(-payload, sig) < 0)
			kill_to(payload, sig);
		return;
	default:
		kill_to(payload, sig);
	}
}

static long number(const char *s)
{
	long n = 0;

	if (!s || !*s)
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > 100000000)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

static int run(long payload, long fd)
{
	kernel_sigset all = ~(kernel_sigset)0;
	char go = 1;
	int status = 0;

	is_pid1 = call(__NR_getpid, 0, 0, 0, 0) == 1;
	call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0);
	call(__NR_prctl, PR_SET_NAME, (long)(intptr_t)"lichen-init", 0, 0);
	if (!is_pid1)
		call(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
	/* blocked since the clone: what came in the meantime waits here */
	call(__NR_rt_sigprocmask, SIG_SETMASK, (long)(intptr_t)&all, 0, sizeof(all));
	/* a reader of the payload's output must not wait for us, so nothing stays open */
	if (call(__NR_write, fd, (long)(intptr_t)&go, 1, 0) != 1)
		return STATUS_LOST;
	call(__NR_close_range, 0, (long)~0U, 0, 0);
	for (;;) {
		int sig;

		if (reap(payload, &status))
			break;
		sig = (int)call(__NR_rt_sigtimedwait, (long)(intptr_t)&all, 0, 0, sizeof(all));
		if (sig > 0 && sig <= SIGNALS && sig != SIGCHLD)
			pass_on(payload, sig);
	}
	kill_rest(payload);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- start ---- */

#ifdef INIT_HAS_LIBC

int main(int argc, char **argv)
{
	long payload = argc == 3 ? number(argv[1]) : -1, fd = argc == 3 ? number(argv[2]) : -1;

	quit(payload > 1 && fd >= 0 ? run(payload, fd) : STATUS_LOST);
	return 0;
}

#else

/* @stack: argc, then argv, as the kernel leaves them (elf(5)). */
__attribute__((noreturn, used)) void init_start(const long *stack);
void init_start(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	long payload = stack[0] == 3 ? number(argv[1]) : -1, fd = stack[0] == 3 ? number(argv[2]) : -1;

	quit(payload > 1 && fd >= 0 ? run(payload, fd) : STATUS_LOST);
	__builtin_unreachable();
}

#endif
