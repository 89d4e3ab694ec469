/* SPDX-License-Identifier: Apache-2.0 */
/* spec/names.c - vocabularies: namespaces, capabilities, signals, resource limits */

#include <ctype.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "spec/spec.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* ---- namespaces ---- */

static const struct {
	const char *name, *alias;	/* OCI's word, and docker's or the kernel's */
	int flag;
} NS[NS_TYPES] = {
	[NS_USER] = { "user", "userns", CLONE_NEWUSER },
	[NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS },
	[NS_PID] = { "pid", NULL, CLONE_NEWPID },
	[NS_NETWORK] = { "network", "net", CLONE_NEWNET },
	[NS_IPC] = { "ipc", NULL, CLONE_NEWIPC },
	[NS_UTS] = { "uts", NULL, CLONE_NEWUTS },
	[NS_CGROUP] = { "cgroup", "cgroupns", CLONE_NEWCGROUP },
	[NS_TIME] = { "time", NULL, CLONE_NEWTIME },
};

const char *ns_name(enum ns_type t)
{
	return t < NS_TYPES ? NS[t].name : "?";
}

int ns_clone_flag(enum ns_type t)
{
	return t < NS_TYPES ? NS[t].flag : 0;
}

int ns_from_name(const char *name)
{
	for (int t = 0; t < NS_TYPES; t++)
		if (str_eq(name, NS[t].name) || (NS[t].alias && str_eq(name, NS[t].alias)))
			return t;
	return -1;
}

/* ---- capabilities ---- */

#define CAP_PREFIX_LEN 4 /* "CAP_" */

static const char *const CAPS[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
_Static_assert(N_ELEMS(CAPS) == 41, "capabilities(7) of Linux 5.9 and later has 41");

#define BIT(n) (UINT64_C(1) << (n))

const uint64_t CAPS_DOCKER =
	BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_KILL) |
	BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
	BIT(CAP_NET_RAW) | BIT(CAP_SYS_CHROOT) | BIT(CAP_MKNOD) | BIT(CAP_AUDIT_WRITE) |
	BIT(CAP_SETFCAP);

const char *cap_name(unsigned n)
{
	return n < N_ELEMS(CAPS) ? CAPS[n] : NULL;
}

unsigned cap_count(void)
{
	return N_ELEMS(CAPS);
}

/* Behind @prefix, where @name begins with it in any case. */
static const char *skip_prefix(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncasecmp(name, prefix, n) == 0 ? name + n : name;
}

int cap_from_name(const char *name)
{
	const char *rest = skip_prefix(name, "CAP_");

	for (size_t i = 0; i < N_ELEMS(CAPS); i++)
		if (strcasecmp(rest, CAPS[i] + CAP_PREFIX_LEN) == 0)
			return (int)i;
	return -1;
}

const char *cap_nearest(const char *name)
{
	const char *rest = skip_prefix(name, "CAP_"), *words[N_ELEMS(CAPS)], *found;
	char upper[64];
	size_t i;

	for (i = 0; rest[i] && i < sizeof(upper) - 1; i++)
		upper[i] = (char)toupper((unsigned char)rest[i]);
	upper[i] = '\0';
	for (i = 0; i < N_ELEMS(CAPS); i++)
		words[i] = CAPS[i] + CAP_PREFIX_LEN;
	found = str_nearest(upper, words, N_ELEMS(words));
	return found ? found - CAP_PREFIX_LEN : NULL;
}

/* ---- signals ---- */

/* The first name of a number is its name; later ones are only understood. */
static const struct {
	const char *name;
	int sig;
} SIGNALS[] = {
	{ "SIGHUP", SIGHUP },	    { "SIGINT", SIGINT },     { "SIGQUIT", SIGQUIT },
	{ "SIGILL", SIGILL },	    { "SIGTRAP", SIGTRAP },   { "SIGABRT", SIGABRT },
	{ "SIGBUS", SIGBUS },	    { "SIGFPE", SIGFPE },     { "SIGKILL", SIGKILL },
	{ "SIGUSR1", SIGUSR1 },	    { "SIGSEGV", SIGSEGV },   { "SIGUSR2", SIGUSR2 },
	{ "SIGPIPE", SIGPIPE },	    { "SIGALRM", SIGALRM },   { "SIGTERM", SIGTERM },
#ifdef SIGSTKFLT /* not on every architecture */
	{ "SIGSTKFLT", SIGSTKFLT },
#endif
	{ "SIGCHLD", SIGCHLD },	    { "SIGCONT", SIGCONT },   { "SIGSTOP", SIGSTOP },
	{ "SIGTSTP", SIGTSTP },	    { "SIGTTIN", SIGTTIN },   { "SIGTTOU", SIGTTOU },
	{ "SIGURG", SIGURG },	    { "SIGXCPU", SIGXCPU },   { "SIGXFSZ", SIGXFSZ },
	{ "SIGVTALRM", SIGVTALRM }, { "SIGPROF", SIGPROF },   { "SIGWINCH", SIGWINCH },
	{ "SIGIO", SIGIO },	    { "SIGPWR", SIGPWR },     { "SIGSYS", SIGSYS },
	{ "SIGIOT", SIGIOT },	    { "SIGPOLL", SIGPOLL },   { "SIGCLD", SIGCHLD },
};

static const char *const SIGNALS_RT[] = {
	"SIGRTMIN",    "SIGRTMIN+1",  "SIGRTMIN+2",  "SIGRTMIN+3",  "SIGRTMIN+4",  "SIGRTMIN+5",
	"SIGRTMIN+6",  "SIGRTMIN+7",  "SIGRTMIN+8",  "SIGRTMIN+9",  "SIGRTMIN+10", "SIGRTMIN+11",
	"SIGRTMIN+12", "SIGRTMIN+13", "SIGRTMIN+14", "SIGRTMIN+15", "SIGRTMIN+16", "SIGRTMIN+17",
	"SIGRTMIN+18", "SIGRTMIN+19", "SIGRTMIN+20", "SIGRTMIN+21", "SIGRTMIN+22", "SIGRTMIN+23",
	"SIGRTMIN+24", "SIGRTMIN+25", "SIGRTMIN+26", "SIGRTMIN+27", "SIGRTMIN+28", "SIGRTMIN+29",
	"SIGRTMIN+30",
};

/* One or two digits and nothing else; -1 otherwise. */
static int small_number(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 2 || strspn(s, "0123456789") != n)
		return -1;
	return n == 1 ? s[0] - '0' : (s[0] - '0') * 10 + (s[1] - '0');
}

/* "RTMIN", "RTMIN+3", "RTMAX-1" */
static int signal_rt(const char *s)
{
	bool from_min = strncasecmp(s, "RTMIN", 5) == 0;
	int n, sig;

	if (!from_min && strncasecmp(s, "RTMAX", 5) != 0)
		return -1;
	if (!s[5])
		return from_min ? SIGRTMIN : SIGRTMAX;
	if (s[5] != (from_min ? '+' : '-'))
		return -1;
	n = small_number(s + 6);
	if (n < 0)
		return -1;
	sig = from_min ? SIGRTMIN + n : SIGRTMAX - n;
	return sig >= SIGRTMIN && sig <= SIGRTMAX ? sig : -1;
}

int signal_from_name(const char *name)
{
	const char *rest = skip_prefix(name, "SIG");
	int n = small_number(name);

	if (n >= 0)
		return n >= 1 && n <= SIGRTMAX ? n : -1;
	for (size_t i = 0; i < N_ELEMS(SIGNALS); i++)
		if (strcasecmp(rest, SIGNALS[i].name + 3) == 0)
			return SIGNALS[i].sig;
	return signal_rt(rest);
}

const char *signal_nearest(const char *name)
{
	const char *words[N_ELEMS(SIGNALS)];
	char full[32] = "SIG";

	for (size_t i = 0; i < N_ELEMS(SIGNALS); i++)
		words[i] = SIGNALS[i].name;
	str_copy(full + 3, sizeof(full) - 3, skip_prefix(name, "SIG"));
	for (char *p = full; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return str_nearest(full, words, N_ELEMS(words));
}

const char *signal_name(int sig)
{
	for (size_t i = 0; i < N_ELEMS(SIGNALS); i++)
		if (SIGNALS[i].sig == sig)
			return SIGNALS[i].name;
	if (sig >= SIGRTMIN && sig <= SIGRTMAX && (size_t)(sig - SIGRTMIN) < N_ELEMS(SIGNALS_RT))
		return SIGNALS_RT[sig - SIGRTMIN];
	return "?";
}

/* ---- resource limits ---- */

#define RLIMIT_PREFIX_LEN 7 /* "RLIMIT_" */

static const char *const RLIMITS[] = {
	[RLIMIT_AS] = "RLIMIT_AS",
	[RLIMIT_CORE] = "RLIMIT_CORE",
	[RLIMIT_CPU] = "RLIMIT_CPU",
	[RLIMIT_DATA] = "RLIMIT_DATA",
	[RLIMIT_FSIZE] = "RLIMIT_FSIZE",
	[RLIMIT_LOCKS] = "RLIMIT_LOCKS",
	[RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",
	[RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE",
	[RLIMIT_NICE] = "RLIMIT_NICE",
	[RLIMIT_NOFILE] = "RLIMIT_NOFILE",
	[RLIMIT_NPROC] = "RLIMIT_NPROC",
	[RLIMIT_RSS] = "RLIMIT_RSS",
	[RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",
	[RLIMIT_RTTIME] = "RLIMIT_RTTIME",
	[RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
	[RLIMIT_STACK] = "RLIMIT_STACK",
};
_Static_assert(N_ELEMS(RLIMITS) == 16, "getrlimit(2) has 16");

int rlimit_from_name(const char *name)
{
	const char *rest = skip_prefix(name, "RLIMIT_");

	for (size_t i = 0; i < N_ELEMS(RLIMITS); i++)
		if (strcasecmp(rest, RLIMITS[i] + RLIMIT_PREFIX_LEN) == 0)
			return (int)i;
	return -1;
}

const char *rlimit_nearest(const char *name)
{
	static const char *words[N_ELEMS(RLIMITS)];
	char lower[32];
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMS(RLIMITS); i++) {
		static char names[N_ELEMS(RLIMITS)][16];

		str_copy(names[i], sizeof(names[i]), RLIMITS[i] + RLIMIT_PREFIX_LEN);
		for (char *p = names[i]; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		words[n++] = names[i];
	}
	str_copy(lower, sizeof(lower), skip_prefix(name, "RLIMIT_"));
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return str_nearest(lower, words, n);
}

const char *rlimit_name(int n)
{
	return n >= 0 && (size_t)n < N_ELEMS(RLIMITS) ? RLIMITS[n] : NULL;
}
