/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/deny.c - runs a command for which some system calls fail
 *
 *	deny [-e ERRNO] CALL[,CALL...] COMMAND [ARG...]
 *
 * CALL is a name of the table; "newuser" is unshare and clone with CLONE_NEWUSER and every clone3,
 * "newns:HEX" the same for other flags; "write:BYTES" a write of that length, as of an id map, which is known by
 * nothing else to a filter; "fsconfig:COMMAND" one command of that call, by number; "filter-state" hides that there
 * is a filter; "listener" denies nothing and gives the filter a listener, of which there can be one only. The filter
 * is installed without no_new_privs where the capabilities allow it (setuid programs go on working), else with it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	int nr;
} CALLS[] = {
	{ "unshare", SYS_unshare }, { "setns", SYS_setns }, { "clone3", SYS_clone3 }, { "mount", SYS_mount },
	{ "fsopen", SYS_fsopen }, { "fsconfig", SYS_fsconfig }, { "fsmount", SYS_fsmount },
	{ "open_tree", SYS_open_tree }, { "move_mount", SYS_move_mount }, { "seccomp", SYS_seccomp },
	{ "keyctl", SYS_keyctl }, { "memfd_create", SYS_memfd_create }, { "socket", SYS_socket },
	{ "landlock_create_ruleset", SYS_landlock_create_ruleset }, { "openat2", SYS_openat2 },
	{ "landlock_restrict_self", SYS_landlock_restrict_self }, { "pidfd_open", SYS_pidfd_open },
};

static const struct {
	const char *name;
	int value;
} ERRNOS[] = {
	{ "EPERM", EPERM }, { "EACCES", EACCES }, { "ENOSYS", ENOSYS }, { "ENOSPC", ENOSPC }, { "EINVAL", EINVAL },
	{ "EUSERS", EUSERS }, { "EOPNOTSUPP", EOPNOTSUPP }, { "ENODEV", ENODEV }, { "EDQUOT", EDQUOT },
	{ "EAGAIN", EAGAIN },
};

enum { INSNS_MAX = 256 };
static struct sock_filter prog[INSNS_MAX];
static unsigned short len;
static unsigned flags;	/* of the filter */

static void add(unsigned short code, unsigned char jt, unsigned char jf, unsigned k)
{
	if (len == INSNS_MAX)
		exit(2);
	prog[len++] = (struct sock_filter){ code, jt, jf, k };
}

static void load(size_t offset)
{
	add(BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned)offset);
}

static void deny_call(int nr, unsigned action)
{
	load(offsetof(struct seccomp_data, nr));
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)nr);
	add(BPF_RET | BPF_K, 0, 0, action);
}

/* The low half of the first argument has one of @flags. */
static void deny_flags(int nr, unsigned flags, unsigned action)
{
	load(offsetof(struct seccomp_data, nr));
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (unsigned)nr);
	load(offsetof(struct seccomp_data, args[0]));
	add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags);
	add(BPF_RET | BPF_K, 0, 0, action);
}

static void deny_new(unsigned flags, unsigned action)
{
	deny_flags(SYS_unshare, flags, action);
	deny_flags(SYS_clone, flags, action);
	deny_call(SYS_clone3, action);	/* its flags lie behind a pointer */
}

/* The low half of argument @arg is @value. */
static void deny_value(int nr, size_t arg, unsigned value, unsigned action)
{
	load(offsetof(struct seccomp_data, nr));
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, (unsigned)nr);
	load(offsetof(struct seccomp_data, args[0]) + arg * sizeof(__u64));
	add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	add(BPF_RET | BPF_K, 0, 0, action);
}

static int deny_word(const char *word, unsigned action)
{
	if (strcmp(word, "newuser") == 0) {
		deny_new(CLONE_NEWUSER, action);
		return 0;
	}
	if (strncmp(word, "newns:", 6) == 0) {
		deny_flags(SYS_unshare, (unsigned)strtoul(word + 6, NULL, 16), action);
		return 0;
	}
	if (strncmp(word, "write:", 6) == 0) {
		deny_value(SYS_write, 2, (unsigned)strtoul(word + 6, NULL, 10), action);
		return 0;
	}
	if (strncmp(word, "fsconfig:", 9) == 0) {
		deny_value(SYS_fsconfig, 1, (unsigned)strtoul(word + 9, NULL, 10), action);
		return 0;
	}
	if (strcmp(word, "filter-state") == 0) {
		deny_value(SYS_prctl, 0, PR_GET_SECCOMP, action);
		return 0;
	}
	if (strcmp(word, "listener") == 0) {
		flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
		return 0;
	}
	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++)
		if (strcmp(word, CALLS[i].name) == 0) {
			deny_call(CALLS[i].nr, action);
			return 0;
		}
	return -1;
}

static int load_filter(const struct sock_fprog *fprog)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, fprog);
}

int main(int argc, char **argv)
{
	struct sock_fprog fprog = { .filter = prog };
	unsigned errnum = EPERM;
	int at = 1, fd;
	char *save = NULL;

	if (argc > 3 && strcmp(argv[1], "-e") == 0) {
		for (size_t i = 0; i < sizeof(ERRNOS) / sizeof(ERRNOS[0]); i++)
			if (strcmp(argv[2], ERRNOS[i].name) == 0)
				errnum = (unsigned)ERRNOS[i].value;
		at = 3;
	}
	if (argc < at + 2) {
		fprintf(stderr, "usage: deny [-e ERRNO] CALL[,CALL...] COMMAND [ARG...]\n");
		return 2;
	}
	for (char *w = strtok_r(argv[at], ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (deny_word(w, SECCOMP_RET_ERRNO | errnum) < 0) {
			fprintf(stderr, "deny: unknown call %s\n", w);
			return 2;
		}
	add(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW);
	fprog.len = len;
	fd = load_filter(&fprog);
	if (fd < 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || (fd = load_filter(&fprog)) < 0)) {
		perror("deny: seccomp");
		return 2;
	}
	if (flags)
		fcntl(fd, F_SETFD, 0);	/* the listener is there as long as somebody has it */
	execvp(argv[at + 1], argv + at + 1);
	perror(argv[at + 1]);
	return 127;
}
