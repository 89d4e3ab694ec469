/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor_kernel.c - doctor: seccomp, Landlock, sockets, memory files, keys */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/doctor_try.h"
#include "spec/landlock.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

/* ---- seccomp ---- */

/* In a child: a filter that allows everything. @arg: its flags. */
static int load_filter(const void *arg, struct err *e)
{
	struct sock_filter allow[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog prog = { .len = N_ELEMS(allow), .filter = allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0)
		return err_sys(e, "prctl", NULL, "setting no_new_privs");
	if (sys_seccomp(SECCOMP_SET_MODE_FILTER, *(const unsigned *)arg, &prog) < 0)
		return err_sys(e, "seccomp", NULL, "loading a filter%s", *(const unsigned *)arg ? " with a listener" : "");
	return 0;
}

void try_seccomp(struct attempt *a)
{
	const unsigned none = 0;
	struct err e;

	if (probe(load_filter, &none, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "can be loaded%s", prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 2 ? "; one is on this process" : "");
}

void try_seccomp_notify(struct attempt *a)
{
	const unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	struct err e;

	if (probe(load_filter, &flags, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "a listener can be had");
}

/* ---- Landlock ---- */

static int enter_domain(const void *arg, struct err *e)
{
	const struct sys_landlock_ruleset attr = { .access_fs = LANDLOCK_FS_EXECUTE };
	AUTO_CLOSE int fd = sys_landlock_create(&attr, sizeof(attr.access_fs));

	(void)arg;
	if (fd < 0)
		return err_sys(e, "landlock_create_ruleset", NULL, "no Landlock");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || sys_landlock_restrict_self(fd) < 0)
		return err_sys(e, "landlock_restrict_self", NULL, "entering a Landlock domain");
	return 0;
}

void try_landlock(struct attempt *a)
{
	int abi = sys_landlock_abi();
	struct err e;

	if (probe(enter_domain, NULL, &e) < 0)
		lacks_err(a, &e);
	else
		works(a, "ABI %d: files%s%s%s%s", abi, abi >= LANDLOCK_ABI_TRUNCATE ? ", truncate" : "",
		      abi >= LANDLOCK_ABI_PORTS ? ", TCP ports" : "", abi >= LANDLOCK_ABI_SCOPES ? ", scopes" : "",
		      a->has_userns ? "" : "; `lichen run --no-userns --landlock RULE host` works without user namespaces");
}

/* ---- sockets ---- */

void try_ping(struct attempt *a)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	AUTO_FREE char *range = read_line("/proc/sys/net/ipv4/ping_group_range");

	if (fd >= 0)
		works(a, "can be opened");
	else
		lacks(a, "ping-range", "%s (net.ipv4.ping_group_range is %s)", strerror(errno), range ? range : "not there");
}

void try_low_ports(struct attempt *a)
{
	AUTO_FREE char *start = read_line("/proc/sys/net/ipv4/ip_unprivileged_port_start");
	unsigned long first = start ? strtoul(start, NULL, 10) : 1024;

	if (first <= 80 || a->f.is_root)
		works(a, "ports from %lu on", a->f.is_root ? 1 : first);
	else
		lacks(a, "low-ports", "ports below %lu are root's (net.ipv4.ip_unprivileged_port_start)", first);
}

/* ---- memory files ---- */

void try_memfd(struct attempt *a)
{
	AUTO_CLOSE int fd = memfd_create("lichen-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	AUTO_FREE char *noexec = NULL;
	int why;

	if (fd < 0 && errno == EINVAL)	/* before Linux 6.3 all are executable */
		fd = memfd_create("lichen-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	why = errno;
	noexec = read_line("/proc/sys/vm/memfd_noexec");
	if (fd >= 0 && !(noexec && strcmp(noexec, "2") == 0))
		works(a, "can be made");
	else
		lacks(a, "memfd-noexec", "%s%s%s", fd < 0 ? strerror(why) : "not allowed", noexec ? ", vm.memfd_noexec is " : "",
		      noexec ? noexec : "");
}

/* ---- keys ---- */

static int join_keyring(const void *arg, struct err *e)
{
	(void)arg;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0
		       ? err_sys(e, "keyctl", NULL, "a session keyring of one's own") : 0;
}

/* /proc/key-users: "UID: usage keys/instantiated ours/MAX bytes/MAX" */
static void read_keys(uid_t uid, unsigned *used, unsigned *max)
{
	AUTO_FREE char *text = NULL;
	unsigned id, n, m;

	*used = *max = 0;
	if (fd_read_file(AT_FDCWD, "/proc/key-users", 1 << 20, &text, NULL) < 0)
		return;
	for (const char *s = text; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL)
		if (sscanf(s, " %u: %*u %*u/%*u %u/%u", &id, &n, &m) == 3 && id == uid) {
			*used = n;
			*max = m;
		}
}

void try_keyring(struct attempt *a)
{
	unsigned used, max;
	struct err e;

	read_keys(a->f.uid, &used, &max);
	if (probe(join_keyring, NULL, &e) < 0)
		lacks_err(a, &e);
	else if (max)
		works(a, "can be made; %u of %u keys are in use", used, max);
	else
		works(a, "can be made");
}
