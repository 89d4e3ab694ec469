/* SPDX-License-Identifier: Apache-2.0 */
/* shared/confined.c - what every confined helper gives up in the same way */

#include "confined.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

int confined_stdio(struct err *e)
{
	AUTO_CLOSE int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return err_sys(e, "open", "/dev/null", "leaving standard input and output");
	return 0;
}

int confined_caps(uint64_t caps, struct err *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
		{ .effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32) },
	};

	if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0UL, 0UL, 0UL) < 0 ||
	    syscall(SYS_capset, &header, data) < 0)
		return err_sys(e, "capset", NULL, "dropping capabilities");
	return 0;
}

int confined_landlock(struct sys_landlock_ruleset *all, bool connects)
{
	static const uint64_t FS_ALL[] = { 0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff };	/* by ABI: linux/landlock.h */
	int abi = sys_landlock_abi();

	*all = (struct sys_landlock_ruleset){ 0 };
	if (abi < 1)
		return abi;
	all->access_fs = FS_ALL[abi < (int)N_ELEMS(FS_ALL) ? (size_t)abi : N_ELEMS(FS_ALL) - 1];
	if (abi >= 4)
		all->access_net = connects ? LANDLOCK_NET_BIND_TCP : LANDLOCK_NET_BIND_TCP | LANDLOCK_NET_CONNECT_TCP;
	if (abi >= 6)
		all->scoped = LANDLOCK_SCOPE_SIGNALS | LANDLOCK_SCOPE_ABSTRACT;
	return abi;
}

scmp_filter_ctx confined_filter(void)
{
	return seccomp_init(SCMP_ACT_ERRNO(EPERM));
}

int confined_allow(scmp_filter_ctx filter, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

int confined_load(scmp_filter_ctx filter, int r, struct err *e)
{
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	if (r == 0)
		return 0;
	errno = -r;
	return err_sys(e, "seccomp", NULL, "confining this process");
}
