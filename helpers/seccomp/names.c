/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/names.c - numbers of system calls, capabilities and architectures */

#include "names.h"

#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define X32_BIT 0x40000000

/* Since 5.0 a new call has one number on all architectures that we serve; the
 * calls of one processor say which. Sorted by number. */
static const struct {
	const char *name;
	int nr;
	uint32_t arch;	/* 0: all */
} NEWER[] = {
	{ "riscv_hwprobe", 258, SCMP_ARCH_RISCV64 },	/* 6.4 */
	{ "uretprobe", 335, SCMP_ARCH_X86_64 },		/* 6.11 */
	{ "uprobe", 336, SCMP_ARCH_X86_64 },		/* 6.18 */
	{ "set_mempolicy_home_node", 450, 0 },		/* 5.17 */
	{ "cachestat", 451, 0 },			/* 6.5 */
	{ "fchmodat2", 452, 0 },			/* 6.6 */
	{ "map_shadow_stack", 453, 0 },
	{ "futex_wake", 454, 0 },			/* 6.7 */
	{ "futex_wait", 455, 0 },
	{ "futex_requeue", 456, 0 },
	{ "statmount", 457, 0 },			/* 6.8 */
	{ "listmount", 458, 0 },
	{ "lsm_get_self_attr", 459, 0 },
	{ "lsm_set_self_attr", 460, 0 },
	{ "lsm_list_modules", 461, 0 },
	{ "mseal", 462, 0 },				/* 6.10 */
	{ "setxattrat", 463, 0 },			/* 6.13 */
	{ "getxattrat", 464, 0 },
	{ "listxattrat", 465, 0 },
	{ "removexattrat", 466, 0 },
	{ "open_tree_attr", 467, 0 },			/* 6.15 */
	{ "file_getattr", 468, 0 },			/* 6.17 */
	{ "file_setattr", 469, 0 },
	{ "listns", 470, 0 },				/* 6.19 */
	{ "rseq_slice_yield", 471, 0 },
};

static const struct {
	uint32_t arch;
	const char *name, *docker;
} ARCHS[] = {
	{ SCMP_ARCH_X86_64, "x86_64", "amd64" },    { SCMP_ARCH_X86, "x86", "x86" },
	{ SCMP_ARCH_X32, "x32", "x32" },	    { SCMP_ARCH_AARCH64, "aarch64", "arm64" },
	{ SCMP_ARCH_ARM, "arm", "arm" },	    { SCMP_ARCH_RISCV64, "riscv64", "riscv64" },
	{ SCMP_ARCH_PPC64LE, "ppc64le", "ppc64le" },
};

/* Indexed by number; capabilities(7). */
static const char *const CAPS[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
	"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
};

/* On i386 libseccomp answers socket(2), semget(2) ... with a number of its own below
 * zero, for it would write a rule for socketcall(2) or ipc(2) as well. We want the
 * call's own number: recvmmsg 337, sendmmsg 345, 359-373 (since 4.3), 393-402 (since 5.1). */
static int64_t demultiplex(uint32_t arch, const char *name)
{
	for (int nr = 337; nr <= 402; nr++) {
		char *found = seccomp_syscall_resolve_num_arch(arch, nr);
		bool equal = str_eq(found, name);

		free(found);
		if (equal)
			return nr;
	}
	return NR_ABSENT;
}

int64_t syscall_number(uint32_t arch, const char *name)
{
	uint32_t base = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch;
	int nr;

	for (size_t i = 0; i < N_ELEMS(NEWER); i++) {
		if (!str_eq(NEWER[i].name, name))
			continue;
		if (NEWER[i].arch && NEWER[i].arch != base)
			return NR_ABSENT;
		return NEWER[i].nr | (arch == SCMP_ARCH_X32 ? X32_BIT : 0);
	}
	nr = seccomp_syscall_resolve_name_arch(arch, name);
	if (nr >= 0)
		return nr;
	if (nr == __NR_SCMP_ERROR)
		return NR_UNKNOWN;
	if (nr > -1000 && (arch == SCMP_ARCH_X86 || arch == SCMP_ARCH_PPC64LE))
		return demultiplex(arch, name);
	return NR_ABSENT;
}

int cap_number(const char *name)
{
	if (str_starts(name, "CAP_"))
		for (size_t i = 0; i < N_ELEMS(CAPS); i++)
			if (str_eq(name + 4, CAPS[i]))
				return (int)i;
	return -1;
}

const char *cap_word(unsigned n)
{
	return n < N_ELEMS(CAPS) ? CAPS[n] : NULL;
}

uint32_t arch_native(void)
{
	return seccomp_arch_native();
}

uint32_t arch_token(const char *name)
{
	for (size_t i = 0; i < N_ELEMS(ARCHS); i++)
		if (str_eq(name, ARCHS[i].name))
			return ARCHS[i].arch;
	return 0;
}

const char *arch_name(uint32_t arch)
{
	for (size_t i = 0; i < N_ELEMS(ARCHS); i++)
		if (ARCHS[i].arch == arch)
			return ARCHS[i].name;
	return NULL;
}

const char *arch_docker_name(uint32_t arch)
{
	for (size_t i = 0; i < N_ELEMS(ARCHS); i++)
		if (ARCHS[i].arch == arch)
			return ARCHS[i].docker;
	return NULL;
}
