/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_seccomp.c - the built-in filters, interpreted and loaded; the compiler and its cache
 *
 * Most of it runs the instructions in an interpreter of its own, so it needs no
 * privilege and can ask about any architecture. The compiler is found through
 * $LICHEN_SECCOMP, else as helpers/lichen-seccomp below the working directory; the
 * tests that need it are skipped where it is missing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/str.h"
#include "steps/seccomp.h"
#include "base/sha256.h"

#define CAP_BIT(n) (UINT64_C(1) << (n))
enum { SYS_CHROOT = 18, SYS_PTRACE = 19, SYS_ADMIN = 21, SYS_NICE = 23 };

#define ALLOW SECCOMP_RET_ALLOW
#define KILL  SECCOMP_RET_KILL_PROCESS
#define E(n)  (SECCOMP_RET_ERRNO | (uint32_t)(n))
#define HIGH  UINT64_C(0xdead00000000)	/* what a 32-bit comparison must not see */

/* ---- the interpreter ---- */

/* What a filter answers. Fails the test on an instruction that leaves the program. */
static uint32_t verdict(const struct sock_filter *v, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &v[pc];
		bool yes;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(i->k % 4 == 0 && i->k < sizeof(*d));
			memcpy(&a, (const char *)d + i->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			fail_msg("instruction %zu has code 0x%x", pc, i->code);
			return 0;
		}
		pc += yes ? i->jt : i->jf;
	}
	fail_msg("ran off the end");
	return 0;
}

static const struct seccomp_variant *variant(const char *name)
{
	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		if (str_eq(SECCOMP_VARIANTS[i].name, name))
			return &SECCOMP_VARIANTS[i];
	return str_eq(name, "terminal") ? &SECCOMP_TERMINAL : NULL;
}

struct row {
	const char *what, *variant;
	uint32_t arch;
	uint32_t nr;
	uint64_t args[3];
	uint32_t expect;
};

static void rows_check(const struct row *rows, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		const struct seccomp_variant *v = variant(r->variant);
		struct seccomp_data d = { .arch = r->arch, .nr = (int)r->nr };
		uint32_t got;

		assert_non_null(v);
		memcpy(d.args, r->args, sizeof(r->args));
		got = verdict(v->insns, v->n_insns, &d);
		if (got == r->expect)
			continue;
		print_error("%s under '%s': 0x%08x, not 0x%08x\n", r->what, r->variant, got, r->expect);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* ---- the built-in filters ---- */

#ifdef __x86_64__
#define X64 AUDIT_ARCH_X86_64
#define X86 AUDIT_ARCH_I386
#define X32 0x40000000u

static void test_table(void **state)
{
	static const struct row ROWS[] = {
		/* x86_64 */
		{ "read", "none", X64, SYS_read, { 0 }, ALLOW },
		{ "execve", "none", X64, SYS_execve, { 0 }, ALLOW },
		{ "exit_group", "none", X64, SYS_exit_group, { 0 }, ALLOW },
		{ "landlock_create_ruleset", "none", X64, 444, { 0 }, ALLOW },
		{ "cachestat, unknown to old libseccomps", "none", X64, 451, { 0 }, ALLOW },
		{ "mseal", "none", X64, 462, { 0 }, ALLOW },
		{ "uretprobe", "none", X64, 335, { 0 }, ALLOW },
		{ "number 9999", "default", X64, 9999, { 0 }, E(ENOSYS) },
		{ "number 9999", "all", X64, 9999, { 0 }, E(ENOSYS) },
		{ "number -1", "default", X64, UINT32_MAX, { 0 }, E(ENOSYS) },
		{ "a number nobody has", "default", X64, 400, { 0 }, E(ENOSYS) },
		{ "x32 read", "default", X64, X32 | 0, { 0 }, E(ENOSYS) },
		{ "x32 ioctl", "all", X64, X32 | 514, { 0 }, E(ENOSYS) },
		{ "x32 number without its bit", "all", X64, 520, { 0 }, E(ENOSYS) },
		{ "another machine's call", "all", AUDIT_ARCH_PPC64, SYS_read, { 0 }, KILL },
		{ "another machine's call", "none", AUDIT_ARCH_AARCH64, SYS_read, { 0 }, KILL },

		{ "ioctl TCGETS", "none", X64, SYS_ioctl, { 0, 0x5401 }, ALLOW },
		{ "TIOCSTI", "none", X64, SYS_ioctl, { 0, 0x5412 }, E(EPERM) },
		{ "TIOCSTI", "all", X64, SYS_ioctl, { 0, 0x5412 }, E(EPERM) },
		{ "TIOCSTI, high bits", "all", X64, SYS_ioctl, { 0, HIGH | 0x5412 }, E(EPERM) },
		{ "TIOCLINUX", "default", X64, SYS_ioctl, { 0, 0x541c }, E(EPERM) },
		{ "TIOCLINUX, high bits", "admin", X64, SYS_ioctl, { 0, HIGH | 0x541c }, E(EPERM) },
		{ "TIOCSTI in another argument", "all", X64, SYS_ioctl, { 0x5412, 0x5401, 0x5412 }, ALLOW },
		{ "TIOCSTI", "terminal", X64, SYS_ioctl, { 0, HIGH | 0x5412 }, E(EPERM) },
		{ "TIOCLINUX", "terminal", X64, SYS_ioctl, { 0, 0x541c }, E(EPERM) },
		{ "ioctl TCGETS", "terminal", X64, SYS_ioctl, { 0, 0x5401 }, ALLOW },
		{ "x32 TIOCSTI", "terminal", X64, X32 | 514, { 0, 0x5412 }, E(EPERM) },
		{ "x32 TCGETS", "terminal", X64, X32 | 514, { 0, 0x5401 }, ALLOW },
		{ "keyctl", "terminal", X64, SYS_keyctl, { 0 }, ALLOW },
		{ "number 9999", "terminal", X64, 9999, { 0 }, ALLOW },

		{ "AF_UNIX", "none", X64, SYS_socket, { AF_UNIX }, ALLOW },
		{ "AF_INET", "none", X64, SYS_socket, { AF_INET, SOCK_STREAM }, ALLOW },
		{ "AF_INET, high bits", "none", X64, SYS_socket, { HIGH | AF_INET }, ALLOW },
		{ "AF_INET6", "none", X64, SYS_socket, { AF_INET6 }, ALLOW },
		{ "AF_NETLINK", "none", X64, SYS_socket, { AF_NETLINK }, ALLOW },
		{ "AF_PACKET", "none", X64, SYS_socket, { AF_PACKET }, ALLOW },
		{ "AF_VSOCK", "all", X64, SYS_socket, { AF_VSOCK }, E(EAFNOSUPPORT) },
		{ "AF_VSOCK, high bits", "all", X64, SYS_socket, { HIGH | AF_VSOCK }, E(EAFNOSUPPORT) },
		{ "AF_ALG", "default", X64, SYS_socket, { AF_ALG }, E(EAFNOSUPPORT) },
		{ "AF_XDP", "default", X64, SYS_socket, { AF_XDP }, E(EAFNOSUPPORT) },
		{ "a family to come", "default", X64, SYS_socket, { 60 }, E(EAFNOSUPPORT) },
		{ "socketpair AF_UNIX", "none", X64, SYS_socketpair, { AF_UNIX }, ALLOW },
		{ "socketpair AF_VSOCK", "all", X64, SYS_socketpair, { AF_VSOCK }, E(EAFNOSUPPORT) },

		{ "fork by clone", "none", X64, SYS_clone, { SIGCHLD }, ALLOW },
		{ "pthread_create", "none", X64, SYS_clone, { 0x3d0f00 }, ALLOW },
		{ "clone NEWUSER", "default", X64, SYS_clone, { CLONE_NEWUSER | SIGCHLD }, E(EPERM) },
		{ "clone NEWUSER, high bits", "none", X64, SYS_clone, { HIGH | CLONE_NEWUSER }, E(EPERM) },
		{ "clone NEWNS", "ptrace", X64, SYS_clone, { CLONE_NEWNS }, E(EPERM) },
		{ "clone NEWNET", "none", X64, SYS_clone, { CLONE_NEWNET }, E(EPERM) },
		{ "clone NEWUSER", "admin", X64, SYS_clone, { CLONE_NEWUSER }, ALLOW },
		{ "clone3", "default", X64, 435, { 0 }, E(ENOSYS) },
		{ "clone3", "admin", X64, 435, { 0 }, ALLOW },
		{ "unshare FILES", "none", X64, SYS_unshare, { CLONE_FILES }, ALLOW },
		{ "unshare NEWUSER", "default", X64, SYS_unshare, { CLONE_NEWUSER }, E(EPERM) },
		{ "unshare NEWTIME", "default", X64, SYS_unshare, { 0x80 }, E(EPERM) },
		{ "unshare NEWUSER", "all", X64, SYS_unshare, { CLONE_NEWUSER }, ALLOW },
		{ "setns", "default", X64, SYS_setns, { 0 }, E(EPERM) },
		{ "mount", "none", X64, SYS_mount, { 0 }, E(EPERM) },
		{ "mount", "default", X64, SYS_mount, { 0 }, E(EPERM) },
		{ "mount", "admin", X64, SYS_mount, { 0 }, ALLOW },
		{ "umount2", "default", X64, SYS_umount2, { 0 }, E(EPERM) },
		{ "fsopen", "default", X64, 430, { 0 }, E(EPERM) },
		{ "open_tree", "default", X64, 428, { 0 }, E(EPERM) },
		{ "mount_setattr", "default", X64, 442, { 0 }, E(EPERM) },
		{ "open_tree_attr", "default", X64, 467, { 0 }, E(EPERM) },
		{ "mount_setattr", "admin", X64, 442, { 0 }, ALLOW },
		{ "pivot_root", "default", X64, SYS_pivot_root, { 0 }, E(EPERM) },
		{ "sethostname", "default", X64, SYS_sethostname, { 0 }, E(EPERM) },
		{ "chroot", "none", X64, SYS_chroot, { 0 }, E(EPERM) },
		{ "chroot", "default", X64, SYS_chroot, { 0 }, ALLOW },
		{ "ptrace", "none", X64, SYS_ptrace, { 0 }, ALLOW },
		{ "process_vm_readv", "default", X64, SYS_process_vm_readv, { 0 }, E(EPERM) },
		{ "process_vm_readv", "ptrace", X64, SYS_process_vm_readv, { 0 }, ALLOW },
		{ "pidfd_getfd", "default", X64, 438, { 0 }, E(EPERM) },
		{ "mbind", "default", X64, SYS_mbind, { 0 }, E(EPERM) },
		{ "mbind", "all", X64, SYS_mbind, { 0 }, ALLOW },
		{ "reboot", "admin", X64, SYS_reboot, { 0 }, E(EPERM) },
		{ "reboot", "all", X64, SYS_reboot, { 0 }, ALLOW },
		{ "keyctl", "all", X64, SYS_keyctl, { 0 }, E(EPERM) },
		{ "add_key", "all", X64, SYS_add_key, { 0 }, E(EPERM) },
		{ "io_uring_setup", "all", X64, 425, { 0 }, E(EPERM) },
		{ "bpf", "all", X64, SYS_bpf, { 0 }, E(EPERM) },
		{ "perf_event_open", "all", X64, SYS_perf_event_open, { 0 }, E(EPERM) },
		{ "userfaultfd", "all", X64, SYS_userfaultfd, { 0 }, E(EPERM) },
		{ "open_by_handle_at", "all", X64, SYS_open_by_handle_at, { 0 }, E(EPERM) },
		{ "init_module", "all", X64, SYS_init_module, { 0 }, E(EPERM) },
		{ "kexec_load", "all", X64, SYS_kexec_load, { 0 }, E(EPERM) },
		{ "personality 0", "none", X64, SYS_personality, { 0 }, ALLOW },
		{ "personality -1 as int", "none", X64, SYS_personality, { 0xffffffff }, ALLOW },
		{ "personality -1 as long", "none", X64, SYS_personality, { UINT64_MAX }, ALLOW },
		{ "personality, no ASLR", "none", X64, SYS_personality, { 0x40000 }, ALLOW },
		{ "personality READ_IMPLIES_EXEC", "all", X64, SYS_personality, { 0x400000 }, E(EPERM) },

		/* i386: other numbers, the same rules */
		{ "i386 exit", "none", X86, 1, { 0 }, ALLOW },
		{ "i386 mmap2", "none", X86, 192, { 0 }, ALLOW },
		{ "i386 set_thread_area", "none", X86, 243, { 0 }, ALLOW },
		{ "i386 clock_gettime64", "none", X86, 403, { 0 }, ALLOW },
		{ "i386 TIOCSTI", "all", X86, 54, { 0, 0x5412 }, E(EPERM) },
		{ "i386 TIOCSTI", "terminal", X86, 54, { 0, 0x5412 }, E(EPERM) },
		{ "i386 TCGETS", "none", X86, 54, { 0, 0x5401 }, ALLOW },
		{ "i386 mount", "default", X86, 21, { 0 }, E(EPERM) },
		{ "i386 umount", "default", X86, 22, { 0 }, E(EPERM) },
		{ "i386 mount", "admin", X86, 21, { 0 }, ALLOW },
		{ "i386 clone NEWUSER", "none", X86, 120, { CLONE_NEWUSER }, E(EPERM) },
		{ "i386 clone3", "default", X86, 435, { 0 }, E(ENOSYS) },
		{ "i386 socket AF_INET", "none", X86, 359, { AF_INET }, ALLOW },
		{ "i386 socket AF_VSOCK", "all", X86, 359, { AF_VSOCK }, E(EAFNOSUPPORT) },
		{ "i386 socketcall SOCKET", "all", X86, 102, { 1 }, E(EPERM) },
		{ "i386 socketcall CONNECT", "none", X86, 102, { 3 }, ALLOW },
		{ "i386 connect", "none", X86, 362, { 0 }, ALLOW },
		{ "i386 recvmmsg", "none", X86, 337, { 0 }, ALLOW },
		{ "i386 sendmmsg", "none", X86, 345, { 0 }, ALLOW },
		{ "i386 semget", "none", X86, 393, { 0 }, ALLOW },
		{ "i386 msgctl", "none", X86, 402, { 0 }, ALLOW },
		{ "i386 keyctl", "all", X86, 288, { 0 }, E(EPERM) },
		{ "i386 vm86", "all", X86, 166, { 0 }, E(EPERM) },
		{ "i386 number 9999", "all", X86, 9999, { 0 }, E(ENOSYS) },
		{ "i386 io_uring_setup", "all", X86, 425, { 0 }, E(EPERM) },
	};

	(void)state;
	rows_check(ROWS, N_ELEMS(ROWS));
}

/* x32 looks absent, whatever the number; nothing is killed by it. */
static void test_x32_is_absent(void **state)
{
	(void)state;
	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		for (uint32_t nr = 0; nr < 1100; nr++) {
			struct seccomp_data d = { .arch = X64, .nr = (int)(X32 | nr) };
			const struct seccomp_variant *v = &SECCOMP_VARIANTS[i];

			assert_int_equal(verdict(v->insns, v->n_insns, &d), E(ENOSYS));
		}
}
#endif

/* More capabilities never lose a call, and every answer is one that the profile knows. */
static void test_classes_grow(void **state)
{
	static const uint32_t ARCHS[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM };

	(void)state;
	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		for (size_t k = 0; k < N_ELEMS(ARCHS) * 1100; k++) {
			const struct seccomp_variant *v = &SECCOMP_VARIANTS[i], *all = variant("all");
			struct seccomp_data d = { .arch = ARCHS[k / 1100], .nr = (int)(k % 1100) };
			uint32_t got = verdict(v->insns, v->n_insns, &d);
			uint32_t most = verdict(all->insns, all->n_insns, &d);

			assert_true(got == ALLOW || got == KILL || got == E(EPERM) || got == E(ENOSYS) ||
				    got == E(EAFNOSUPPORT));
			if (got == ALLOW)
				assert_int_equal(most, ALLOW);
			if (got == KILL)
				assert_int_equal(most, KILL);
		}
}

static void test_shape(void **state)
{
	(void)state;
	assert_true(SECCOMP_CLASS_CAPS & CAP_BIT(SYS_ADMIN));
	assert_int_equal(variant("none")->caps, 0);
	assert_int_equal(variant("default")->caps, CAP_BIT(SYS_CHROOT));
	assert_int_equal(variant("all")->caps, SECCOMP_CLASS_CAPS);
	assert_int_equal(strlen(SECCOMP_PROFILE_SHA256), SHA256_HEX);
	/* It is loaded at every start: libseccomp's would have 1008. */
	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		assert_in_range(SECCOMP_VARIANTS[i].n_insns, 50, 300);
	assert_in_range(SECCOMP_TERMINAL.n_insns, 5, 30);
}

static void test_pick(void **state)
{
	const uint64_t docker = UINT64_C(0xa80425fb);	/* with SYS_CHROOT, of the class's */

	(void)state;
	assert_string_equal(seccomp_pick(0)->name, "none");
	assert_string_equal(seccomp_pick(docker)->name, "default");
	assert_string_equal(seccomp_pick(docker | CAP_BIT(SYS_PTRACE))->name, "ptrace");
	assert_string_equal(seccomp_pick(docker | CAP_BIT(SYS_ADMIN))->name, "admin");
	assert_string_equal(seccomp_pick(UINT64_MAX)->name, "all");
	assert_null(seccomp_pick(docker | CAP_BIT(SYS_NICE)));
	assert_null(seccomp_pick(CAP_BIT(SYS_ADMIN)));
}

static void test_sha256(void **state)
{
	static const struct {
		size_t n;	/* of the letter 'a' */
		const char *digest;
	} ROWS[] = {
		{ 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ 1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" },
		{ 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318" },
		{ 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a" },
		{ 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb" },
		{ 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3" },
	};
	char text[1000], got[SHA256_HEX + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		sha256_hex(text, ROWS[i].n, got);
		assert_string_equal(got, ROWS[i].digest);
	}
}

/* ---- the kernel ---- */

/* Runs @fn in a child; its exit status, or 1000 + the signal. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int load(const char *name)
{
	const struct seccomp_variant *v = variant(name);
	struct err e = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return seccomp_install(v->insns, v->n_insns, &e);
}

/* 1 where the call did not fail with @errnum. */
#define REFUSED(errnum, ...) (errno = 0, syscall(__VA_ARGS__) != -1 || errno != (errnum))

static int child_default(void)
{
	int fds[2];

	if (load("default"))
		return 100;
	if (getpid() < 2 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) || write(fds[0], "x", 1) != 1)
		return 101;
	if (REFUSED(ENOSYS, 9999) || REFUSED(ENOSYS, 435, NULL, 0))
		return 102;
	if (REFUSED(EPERM, SYS_unshare, CLONE_NEWUSER) || REFUSED(EPERM, SYS_mount, "a", "b", "c", 0, NULL))
		return 103;
	if (REFUSED(EPERM, SYS_ioctl, 0, (long)(HIGH | 0x5412), "x") || REFUSED(EPERM, SYS_keyctl, 0, 0, 0))
		return 104;
	if (REFUSED(EAFNOSUPPORT, SYS_socket, AF_VSOCK, SOCK_STREAM, 0))
		return 105;
	return 0;
}

static int child_terminal(void)
{
	if (load("terminal"))
		return 100;
	if (REFUSED(EPERM, SYS_ioctl, 0, 0x5412L, "x"))
		return 101;
	return syscall(SYS_unshare, CLONE_FILES) ? 102 : 0;
}

static int child_unprivileged(void)
{
	const struct seccomp_variant *v = variant("default");
	struct err e = { 0 };

	if (!geteuid() && setresuid(65534, 65534, 65534))
		return 77;
	if (seccomp_install(v->insns, v->n_insns, &e) != -1)
		return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 77 : 100;
	return e.kind == ERR_SYS && e.errnum == EACCES && strstr(e.hint, "no_new_privs") ? 0 : 101;
}

static void test_load(void **state)
{
	(void)state;
	assert_int_equal(in_child(child_default), 0);
	assert_int_equal(in_child(child_terminal), 0);
}

static void test_load_needs_no_new_privs(void **state)
{
	int r = in_child(child_unprivileged);

	(void)state;
	if (r == 77)
		skip();
	assert_int_equal(r, 0);
}

#ifdef __x86_64__
static long call_i386(long nr, long a, long b)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "0"(nr), "b"(a), "c"(b), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static int child_i386(void)
{
	if (call_i386(20, 0, 0) != getpid())
		return 77;	/* a kernel without i386 */
	if (load("default"))
		return 100;
	if (call_i386(20, 0, 0) != getpid())
		return 101;
	if (call_i386(102, 1, 0) != -EPERM || call_i386(21, 0, 0) != -EPERM)
		return 102;
	if (call_i386(359, AF_VSOCK, SOCK_STREAM) != -EAFNOSUPPORT || call_i386(435, 0, 0) != -ENOSYS)
		return 103;
	return call_i386(359, AF_UNIX, SOCK_STREAM) < 0 ? 104 : 0;
}

static void test_load_i386(void **state)
{
	int r = in_child(child_i386);

	(void)state;
	if (r == 77 || r == 1000 + SIGSEGV)
		skip();
	assert_int_equal(r, 0);
}
#endif

/* ---- the compiler ---- */

struct fixture {
	char dir[32];		/* a cache */
	char *helper, *profile;	/* the built-in one */
	char *text;		/* path of a profile in dir */
};

static int set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	const char *helper = getenv("LICHEN_SECCOMP"), *srcdir = getenv("srcdir");

	strcpy(f->dir, "/tmp/test-seccomp-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->helper = realpath(helper ? helper : "helpers/lichen-seccomp", NULL);
	f->profile = str_fmt("%s/data/seccomp-default.json", srcdir ? srcdir : ".");
	f->text = str_fmt("%s/profile.json", f->dir);
	*state = f;
	return 0;
}

/* How many entries of @dir begin with @prefix; with @wipe they go. */
static size_t entries(const char *dir, const char *prefix, bool wipe)
{
	AUTO_DIR DIR *d = opendir(dir);
	const struct dirent *de;
	size_t n = 0;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (str_starts(de->d_name, prefix) && !str_eq(de->d_name, ".") && !str_eq(de->d_name, "..")) {
			n++;
			if (wipe)
				unlinkat(dirfd(d), de->d_name, 0);
		}
	return n;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	entries(f->dir, "", true);
	rmdir(f->dir);
	free(f->helper);
	free(f->profile);
	free(f->text);
	free(f);
	return 0;
}

static struct seccomp_request request(const struct fixture *f, uint64_t caps)
{
	if (!f->helper || access(f->profile, R_OK)) {
		print_message("lichen-seccomp or the profile is missing (LICHEN_SECCOMP, srcdir)\n");
		skip();
	}
	return (struct seccomp_request){ .caps = caps, .helper = f->helper, .profile = f->profile, .cache_dir = f->dir };
}

static void text_write(const struct fixture *f, const char *json)
{
	AUTO_FCLOSE FILE *out = fopen(f->text, "w");

	assert_non_null(out);
	assert_true(fputs(json, out) >= 0);
}

/* The only compiled filter in the cache; owned. */
static char *cached(const struct fixture *f)
{
	AUTO_DIR DIR *d = opendir(f->dir);
	const struct dirent *de;

	assert_non_null(d);
	while ((de = readdir(d)))
		if (str_starts(de->d_name, "seccomp-"))
			return str_fmt("%s/%s", f->dir, de->d_name);
	return NULL;
}

/* Compiling at run time gives what was built in: one compiler, one profile. */
static void test_compile_is_the_built_in(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++) {
		const struct seccomp_variant *v = &SECCOMP_VARIANTS[i];
		struct seccomp_request rq = request(f, v->caps | CAP_BIT(0));
		AUTO_FREE struct sock_filter *insns = NULL;
		struct err e = { 0 };
		unsigned short n = 0;

		assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), 0);
		assert_int_equal(n, v->n_insns);
		assert_memory_equal(insns, v->insns, n * sizeof(*insns));
	}
	assert_int_equal(entries(f->dir, "seccomp-", false), SECCOMP_N_VARIANTS);
	assert_int_equal(entries(f->dir, ".seccomp-", false), 0);
}

static void test_cache(void **state)
{
	const struct fixture *f = *state;
	struct seccomp_request rq = request(f, CAP_BIT(SYS_NICE));
	AUTO_FREE char *path = NULL, *other = str_fmt("%s/other", f->dir);
	struct sock_filter *insns = NULL;
	struct err e = { 0 };
	unsigned short n = 0;
	struct stat st;

	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), 0);
	free(ptr_take(&insns));
	path = cached(f);
	assert_non_null(path);
	assert_non_null(strstr(path, "-800000-"));
	{
		char start[] = "seccomp-0123456789abcdef";

		memcpy(start + 8, SECCOMP_PROFILE_SHA256, 16);	/* sha256sum's, against ours */
		assert_non_null(strstr(path, start));
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	rq.helper = "/nonexistent/lichen-seccomp";	/* whoever needs it now fails */
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), 0);
	free(ptr_take(&insns));

	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(chmod(path, 0600), 0);

	assert_int_equal(link(path, other), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), 0);
	free(ptr_take(&insns));

	assert_int_equal(truncate(path, st.st_size - 1), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(truncate(path, st.st_size), 0);	/* zeros: what a crash leaves */
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_int_equal(truncate(path, 8 * (BPF_MAXINSNS + 1)), 0);
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), -1);
	assert_null(insns);

	rq.helper = f->helper;	/* what is broken is made anew */
	assert_int_equal(seccomp_compile(&rq, &insns, &n, &e), 0);
	free(ptr_take(&insns));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, n * 8);
	assert_int_equal(entries(f->dir, ".seccomp-", false), 0);
}

static void test_compile_at_once(void **state)
{
	enum { CHILDREN = 8 };
	const struct fixture *f = *state;
	struct seccomp_request rq = request(f, CAP_BIT(SYS_NICE) | CAP_BIT(SYS_ADMIN));
	pid_t pids[CHILDREN];

	for (size_t i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i]) {
			struct sock_filter *insns = NULL;
			struct err e = { 0 };
			unsigned short n = 0;

			_exit(seccomp_compile(&rq, &insns, &n, &e) || n < 50);
		}
	}
	for (size_t i = 0; i < CHILDREN; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(entries(f->dir, "seccomp-", false), 1);
	assert_int_equal(entries(f->dir, ".seccomp-", false), 0);
}

/* Compiles @json, wherever it is valid; *n stays 0 where it is not. */
static void text_compile(const struct fixture *f, const char *json, struct sock_filter **insns, unsigned short *n,
			 struct err *e)
{
	struct seccomp_request rq = request(f, 0);

	rq.profile = f->text;
	*n = 0;
	*e = (struct err){ 0 };
	text_write(f, json);
	if (seccomp_compile(&rq, insns, n, e))
		assert_null(*insns);
}

static bool holds(const char *op, uint64_t a, uint64_t value, uint64_t two)
{
	return str_eq(op, "NE")	  ? a != value
	       : str_eq(op, "LT") ? a < value
	       : str_eq(op, "LE") ? a <= value
	       : str_eq(op, "EQ") ? a == value
	       : str_eq(op, "GE") ? a >= value
	       : str_eq(op, "GT") ? a > value
				  : (a & value) == two;
}

/* Every comparison, on both sides of both halves of a 64-bit argument. */
static void test_comparisons(void **state)
{
	static const char *const OPS[] = { "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ" };
	static const uint64_t VALUES[] = { 0,	       1,	    5,		 UINT64_C(0x100000000),
					   0xffffffff, UINT64_C(0x100000005), UINT64_C(0x7fffffffffffffff) };
	static const uint64_t MORE[] = { 4, 6, UINT64_C(0x100000004), UINT64_C(0x200000005), UINT64_MAX, 0xfffffffe };
	const struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMS(OPS) * N_ELEMS(VALUES); i++) {
		const char *op = OPS[i / N_ELEMS(VALUES)];
		uint64_t value = VALUES[i % N_ELEMS(VALUES)], two = value & UINT64_C(0x500000005);
		AUTO_FREE char *json = str_fmt(
			"{\"defaultAction\":\"SCMP_ACT_TRAP\",\"syscalls\":[{\"names\":[\"close\"],\"action\":\"SCMP_ACT_ALLOW\","
			"\"args\":[{\"index\":1,\"value\":%llu,\"valueTwo\":%llu,\"op\":\"SCMP_CMP_%s\"}]}]}",
			(unsigned long long)value, (unsigned long long)two, op);
		AUTO_FREE struct sock_filter *insns = NULL;
		unsigned short n;
		struct err e;

		text_compile(f, json, &insns, &n, &e);
		assert_string_equal(e.what, "");
		for (size_t k = 0; k < N_ELEMS(VALUES) + N_ELEMS(MORE); k++) {
			uint64_t a = k < N_ELEMS(VALUES) ? VALUES[k] : MORE[k - N_ELEMS(VALUES)];
			struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .nr = SYS_close, .args = { a, a, ~a } };
			uint32_t expect = holds(op, a, value, two) ? ALLOW : SECCOMP_RET_TRAP;

#ifdef __aarch64__
			d.arch = AUDIT_ARCH_AARCH64;
#endif
			d.args[0] = ~a;	/* the wrong argument */
			if (verdict(insns, n, &d) != expect)
				fail_msg("%llx %s %llx: not 0x%08x", (unsigned long long)a, op,
					 (unsigned long long)value, expect);
		}
		entries(f->dir, "seccomp-", true);
	}
}

#ifdef __x86_64__
/* Several rules on one call: what the format leaves open, as profile.h settles it. */
static void test_rules_meet(void **state)
{
	static const char JSON[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		/* two conditions on two arguments: both; on one: either */
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":11,\"args\":["
		"{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"},{\"index\":2,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":12,\"args\":["
		"{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_EQ\"}]},"
		/* with conditions before without; the strictest first */
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_GE\"}]},"
		"{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"}]},"
		/* words of two arguments: the second must be loaded */
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
		"{\"index\":1,\"value\":4294967295,\"valueTwo\":7,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
		"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"args\":["
		"{\"index\":2,\"value\":4294967295,\"valueTwo\":8,\"op\":\"SCMP_CMP_MASKED_EQ\"}]},"
		"{\"names\":[\"close\"],\"action\":\"SCMP_ACT_LOG\"},{\"names\":[\"close\"],\"action\":\"SCMP_ACT_TRAP\"},"
		/* other conditions: capabilities we do not have, a kernel of the past, of the future */
		"{\"names\":[\"stat\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
		"{\"names\":[\"fstat\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"minKernel\":\"4.8\"}},"
		"{\"names\":[\"lstat\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"minKernel\":\"99.1\"}},"
		"{\"names\":[\"poll\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"arches\":[\"arm64\"]}},"
		"{\"names\":[\"lseek\"],\"action\":\"SCMP_ACT_TRAP\",\"includes\":{\"arches\":[\"amd64\"]}},"
		"{\"names\":[\"no_such_call\"],\"action\":\"SCMP_ACT_TRAP\"}]}";
	static const struct {
		uint32_t nr;
		uint64_t args[3];
		uint32_t expect;
	} ROWS[] = {
		{ SYS_read, { 7, 0, 9 }, E(11) },  { SYS_read, { 7, 0, 8 }, ALLOW },
		{ SYS_read, { 8, 0, 9 }, ALLOW },  { SYS_write, { 7 }, E(12) },
		{ SYS_write, { 9 }, E(12) },	   { SYS_write, { 8 }, ALLOW },
		{ SYS_open, { 0 }, KILL },	   { SYS_open, { 1 }, ALLOW },
		{ SYS_open, { 7 }, E(EPERM) },	   { SYS_close, { 0 }, SECCOMP_RET_TRAP },
		{ SYS_stat, { 0 }, ALLOW },	   { SYS_fstat, { 0 }, SECCOMP_RET_TRAP },
		{ SYS_lstat, { 0 }, ALLOW },	   { SYS_poll, { 0 }, ALLOW },
		{ SYS_lseek, { 0 }, SECCOMP_RET_TRAP }, { SYS_ioctl, { 0, 7, 0 }, E(EPERM) },
		{ SYS_ioctl, { 0, 0, 8 }, E(EPERM) },	{ SYS_ioctl, { 0, 8, 7 }, ALLOW },
	};
	const struct fixture *f = *state;
	AUTO_FREE struct sock_filter *insns = NULL;
	unsigned short n;
	struct err e;

	text_compile(f, JSON, &insns, &n, &e);
	assert_string_equal(e.what, "");
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct seccomp_data d = { .arch = X64, .nr = (int)ROWS[i].nr };

		memcpy(d.args, ROWS[i].args, sizeof(ROWS[i].args));
		if (verdict(insns, n, &d) != ROWS[i].expect)
			fail_msg("row %zu: not 0x%08x", i, ROWS[i].expect);
	}
}
#endif

/* A filter so long that jumps need bridges, and one that is too long. */
static void test_long(void **state)
{
	const struct fixture *f = *state;

	/* Every length about that at which a jump is just too short. */
	for (unsigned rules = 30; rules <= 1500; rules += rules < 120 ? 1 : 690) {
		AUTO_BUF struct buf json = { 0 };
		AUTO_FREE struct sock_filter *insns = NULL;
		unsigned short n;
		struct err e;

		buf_add(&json, "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[");
		for (unsigned k = 0; k < rules; k++)
			buf_addf(&json,
				 "%s{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%u,\"args\":["
				 "{\"index\":0,\"value\":%u,\"op\":\"SCMP_CMP_EQ\"}]}",
				 k ? "," : "", k % 2 ? "read" : "close", k % 4000 + 1, k);
		buf_add(&json, "]}");
		text_compile(f, json.s, &insns, &n, &e);
		if (rules > 1000) {
			assert_non_null(strstr(e.what, "more than 4096 instructions"));
			continue;
		}
		assert_string_equal(e.what, "");
		for (unsigned k = 0; k < rules + 5; k++) {
			struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .nr = k % 2 ? SYS_read : SYS_close, .args = { k } };

#ifdef __aarch64__
			d.arch = AUDIT_ARCH_AARCH64;
#endif
			assert_int_equal(verdict(insns, n, &d), k < rules ? E(k % 4000 + 1) : ALLOW);
		}
		entries(f->dir, "seccomp-", true);
	}
}

/* The filter of another architecture, made here. */
static void test_aarch64(void **state)
{
	static const struct {
		uint32_t arch, nr;
		uint64_t args[3];
		uint32_t expect;
	} ROWS[] = {
		{ AUDIT_ARCH_AARCH64, 63, { 0 }, ALLOW },			/* read */
		{ AUDIT_ARCH_AARCH64, 29, { 0, HIGH | 0x5412 }, E(EPERM) },	/* TIOCSTI */
		{ AUDIT_ARCH_AARCH64, 220, { CLONE_NEWUSER }, E(EPERM) },	/* clone */
		{ AUDIT_ARCH_AARCH64, 220, { SIGCHLD }, ALLOW },
		{ AUDIT_ARCH_AARCH64, 435, { 0 }, E(ENOSYS) },			/* clone3 */
		{ AUDIT_ARCH_AARCH64, 40, { 0 }, E(EPERM) },			/* mount */
		{ AUDIT_ARCH_AARCH64, 198, { AF_VSOCK }, E(EAFNOSUPPORT) },	/* socket */
		{ AUDIT_ARCH_AARCH64, 9999, { 0 }, E(ENOSYS) },
		{ AUDIT_ARCH_ARM, 3, { 0 }, ALLOW },				/* read */
		{ AUDIT_ARCH_ARM, 983045, { 0 }, ALLOW },			/* set_tls */
		{ AUDIT_ARCH_ARM, 281, { AF_INET }, ALLOW },			/* socket */
		{ AUDIT_ARCH_ARM, 21, { 0 }, E(EPERM) },			/* mount */
		{ AUDIT_ARCH_X86_64, 0, { 0 }, KILL },
	};
	const struct fixture *f = *state;
	struct seccomp_request rq = request(f, 0);
	AUTO_FREE char *path = str_fmt("%s/aarch64", f->dir);
	const char *argv[] = { rq.helper, "--compile", rq.profile, "--caps",   "0x40000",
			       "--arch",  "aarch64",   "--output", path, NULL };
	static struct sock_filter insns[BPF_MAXINSNS];
	AUTO_CLOSE int fd = -1;
	struct err e = { 0 };
	struct child c;
	ssize_t n;

	assert_int_equal(child_spawn(&c, argv, false, &e), 0);
	assert_int_equal(child_wait(&c, NULL, &e), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, insns, sizeof(insns));
	assert_true(n > 0);
	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		struct seccomp_data d = { .arch = ROWS[i].arch, .nr = (int)ROWS[i].nr };

		memcpy(d.args, ROWS[i].args, sizeof(ROWS[i].args));
		if (verdict(insns, (size_t)n / 8, &d) != ROWS[i].expect)
			fail_msg("row %zu: not 0x%08x", i, ROWS[i].expect);
	}
}

static void test_bad_profiles(void **state)
{
#define RULE(body) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" body "]}"
	static const struct {
		const char *json, *says;
	} ROWS[] = {
		{ "", "line 1" },
		{ "{", "line 1" },
		{ "[]", "profile: an object is needed" },
		{ "{}", "profile.defaultAction is missing" },
		{ "{\"defaultAction\":7}", "profile.defaultAction: a string" },
		{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "'SCMP_ACT_NOTIFY' is no action" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}", "from 0 to 4095" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENOWAY\"}", "'ENOWAY' is no errno" },
		{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "duplicate" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"exra\":1}", "profile: unknown key 'exra'" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":\"AMD\"}]}",
		  "archMap[0].architecture" },
		{ RULE("7"), "syscalls[0]: an object is needed" },
		{ RULE("{\"action\":\"SCMP_ACT_ALLOW\"}"), "syscalls[0].names is missing" },
		{ RULE("{\"names\":[\"read\",5],\"action\":\"SCMP_ACT_ALLOW\"}"), "syscalls[0].names[1]: a string" },
		{ RULE("{\"names\":[\"read\"]}"), "syscalls[0].action is missing" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"exludes\":{}}"),
		  "syscalls[0]: unknown key 'exludes'" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,\"value\":1,\"op\":"
		       "\"SCMP_CMP_EQ\"}]}"),
		  "syscalls[0].args[0].index: a whole number from 0 to 5" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":-1,\"op\":"
		       "\"SCMP_CMP_EQ\"}]}"),
		  "syscalls[0].args[0].value" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1.5,\"op\":"
		       "\"SCMP_CMP_EQ\"}]}"),
		  "syscalls[0].args[0].value" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1}]}"),
		  "syscalls[0].args[0].op" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_FLY\"]}}"),
		  "syscalls[0].includes.caps[0]: 'CAP_FLY'" },
		{ RULE("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"minKernel\":\"new\"}}"),
		  "syscalls[0].excludes.minKernel" },
		{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "brackets inside each other" },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < N_ELEMS(ROWS); i++) {
		AUTO_FREE struct sock_filter *insns = NULL;
		unsigned short n;
		struct err e;

		text_compile(f, ROWS[i].json, &insns, &n, &e);
		if (!strstr(e.what, "failed with status 1") || !strstr(e.what, ROWS[i].says))
			fail_msg("'%s' says '%s', not '%s'", ROWS[i].json, e.what, ROWS[i].says);
	}
	assert_int_equal(entries(f->dir, "seccomp-", false), 0);
	assert_int_equal(entries(f->dir, ".seccomp-", false), 0);
}

int main(void)
{
	static const struct CMUnitTest TESTS[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_x32_is_absent),
		cmocka_unit_test(test_load_i386),
		cmocka_unit_test_setup_teardown(test_rules_meet, set_up, tear_down),
#endif
		cmocka_unit_test(test_classes_grow),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_pick),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_needs_no_new_privs),
		cmocka_unit_test_setup_teardown(test_compile_is_the_built_in, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cache, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_compile_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comparisons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_aarch64, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_profiles, set_up, tear_down),
	};

	return cmocka_run_group_tests(TESTS, NULL, NULL);
}
