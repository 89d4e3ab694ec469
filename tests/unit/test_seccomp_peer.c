/* SPDX-License-Identifier: Apache-2.0 */
/* unit/test_seccomp_peer.c - a profile's filter answers as libseccomp's own filter of the same rules
 *
 * The same table is written as JSON for lichen-seccomp and told to libseccomp; both programs
 * are interpreted for every number, on the architectures of the table and on another one.
 * What lichen means to do otherwise is settled in doc/decisions/002-seccomp-default.md and
 * not asked here: socketcall(2) of i386, two conditions on one argument, the upper halves of
 * x32's arguments (we look at them, as on x86_64; i386 has none).
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/str.h"

enum { ARGS_MAX = 3, RULES_MAX = 6, INSNS_MAX = 4096 };

struct rule {
	const char *name, *action;	/* "ERRNO" with errnum, "ALLOW", "KILL_PROCESS", "TRAP", "LOG" */
	unsigned errnum;
	struct {
		unsigned index;
		const char *op;		/* NULL: no more */
		uint64_t value, two;
	} args[ARGS_MAX];
};

static const struct profile {
	const char *what, *default_action;
	unsigned default_errnum;
	const char *archs;		/* "X86 X32", beside the machine's own */
	struct rule rules[RULES_MAX];
} PROFILES[] = {
	{ "one call is refused", "ALLOW", 0, "", { { "getppid", "ERRNO", 1, { { 0 } } } } },
	{ "with an errno of its own", "ALLOW", 0, "X86 X32",
	  { { "getppid", "ERRNO", 13, { { 0 } } }, { "getuid", "ERRNO", 95, { { 0 } } } } },
	{ "a list of what is allowed", "ERRNO", 38, "X86",
	  { { "read", "ALLOW", 0, { { 0 } } }, { "write", "ALLOW", 0, { { 0 } } }, { "exit_group", "ALLOW", 0, { { 0 } } },
	    { "kill", "KILL_PROCESS", 0, { { 0 } } }, { "mmap", "LOG", 0, { { 0 } } } } },
	{ "by an argument", "ALLOW", 0, "X86 X32",
	  { { "personality", "ERRNO", 1, { { 0, "EQ", 8, 0 } } }, { "ptrace", "TRAP", 0, { { 0, "GE", 16, 0 } } },
	    { "fcntl", "ERRNO", 22, { { 1, "MASKED_EQ", 0xf0, 0x30 } } } } },
	{ "by several arguments", "ERRNO", 1, "",
	  { { "close", "ALLOW", 0, { { 0, "LT", 100, 0 }, { 1, "NE", 7, 0 } } },
	    { "lseek", "ALLOW", 0, { { 0, "LE", 5, 0 }, { 1, "GT", UINT64_C(0x100000000), 0 }, { 2, "EQ", 2, 0 } } } } },
	{ "nothing but the default", "TRAP", 0, "X32", { { NULL, NULL, 0, { { 0 } } } } },
};

/* ---- the interpreter: as much as either program uses ---- */

static uint32_t verdict(const struct sock_filter *v, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &v[pc];
		bool yes = false;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)d + i->k, sizeof(a));
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = a & i->k;
			break;
		default:
			fail_msg("an instruction that is not known: 0x%x", i->code);
		}
		pc += yes ? i->jt : i->jf;
	}
	fail_msg("the filter ends without a verdict");
	return 0;
}

/* ---- the two ways ---- */

static size_t program_read(const char *path, struct sock_filter *out)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, INSNS_MAX * sizeof(*out));
	assert_true(n > 0 && (size_t)n % sizeof(*out) == 0);
	return (size_t)n / sizeof(*out);
}

static uint32_t action_of(const char *word, unsigned errnum)
{
	return str_eq(word, "ALLOW")	      ? SCMP_ACT_ALLOW
	       : str_eq(word, "ERRNO")	      ? SCMP_ACT_ERRNO(errnum)
	       : str_eq(word, "TRAP")	      ? SCMP_ACT_TRAP
	       : str_eq(word, "LOG")	      ? SCMP_ACT_LOG
					      : SCMP_ACT_KILL_PROCESS;
}

static enum scmp_compare compare_of(const char *op)
{
	return str_eq(op, "NE")	  ? SCMP_CMP_NE
	       : str_eq(op, "LT") ? SCMP_CMP_LT
	       : str_eq(op, "LE") ? SCMP_CMP_LE
	       : str_eq(op, "EQ") ? SCMP_CMP_EQ
	       : str_eq(op, "GE") ? SCMP_CMP_GE
	       : str_eq(op, "GT") ? SCMP_CMP_GT
				  : SCMP_CMP_MASKED_EQ;
}

static size_t by_libseccomp(const struct profile *p, const char *dir, struct sock_filter *out)
{
	AUTO_FREE char *path = str_fmt("%s/peer.bpf", dir);
	AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	scmp_filter_ctx ctx = seccomp_init(action_of(p->default_action, p->default_errnum));

	assert_true(fd >= 0 && ctx);
	if (strstr(p->archs, "X86"))
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X86), 0);
	if (strstr(p->archs, "X32"))
		assert_int_equal(seccomp_arch_add(ctx, SCMP_ARCH_X32), 0);
	for (size_t i = 0; i < RULES_MAX && p->rules[i].name; i++) {
		const struct rule *r = &p->rules[i];
		struct scmp_arg_cmp args[ARGS_MAX];
		unsigned n = 0;

		for (; n < ARGS_MAX && r->args[n].op; n++)
			args[n] = (struct scmp_arg_cmp){ r->args[n].index, compare_of(r->args[n].op), r->args[n].value,
							 r->args[n].two };
		assert_int_equal(seccomp_rule_add_array(ctx, action_of(r->action, r->errnum),
							seccomp_syscall_resolve_name(r->name), n, args), 0);
	}
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	return program_read(path, out);
}

static char *as_json(const struct profile *p)
{
	struct buf b = { 0 };

	buf_addf(&b, "{\"defaultAction\":\"SCMP_ACT_%s\"", p->default_action);
	if (p->default_errnum)
		buf_addf(&b, ",\"defaultErrnoRet\":%u", p->default_errnum);
	buf_add(&b, ",\"architectures\":[\"SCMP_ARCH_X86_64\"");
	if (strstr(p->archs, "X86"))
		buf_add(&b, ",\"SCMP_ARCH_X86\"");
	if (strstr(p->archs, "X32"))
		buf_add(&b, ",\"SCMP_ARCH_X32\"");
	buf_add(&b, "],\"flags\":[\"SECCOMP_FILTER_FLAG_TSYNC\"],\"syscalls\":[");
	for (size_t i = 0; i < RULES_MAX && p->rules[i].name; i++) {
		const struct rule *r = &p->rules[i];

		buf_addf(&b, "%s{\"names\":[\"%s\"],\"action\":\"SCMP_ACT_%s\"", i ? "," : "", r->name, r->action);
		if (r->errnum)
			buf_addf(&b, ",\"errnoRet\":%u", r->errnum);
		buf_add(&b, ",\"args\":[");
		for (size_t k = 0; k < ARGS_MAX && r->args[k].op; k++)
			buf_addf(&b, "%s{\"index\":%u,\"op\":\"SCMP_CMP_%s\",\"value\":%llu,\"valueTwo\":%llu}", k ? "," : "",
				 r->args[k].index, r->args[k].op, (unsigned long long)r->args[k].value,
				 (unsigned long long)r->args[k].two);
		buf_add(&b, "]}");
	}
	buf_add(&b, "]}");
	return buf_take(&b);
}

static size_t by_us(const struct profile *p, const char *dir, struct sock_filter *out)
{
	const char *env = getenv("LICHEN_SECCOMP"), *helper = env ? env : "helpers/lichen-seccomp";
	AUTO_FREE char *json = as_json(p), *profile = str_fmt("%s/p.json", dir), *bpf = str_fmt("%s/ours.bpf", dir);
	AUTO_FREE char *absolute = realpath(helper, NULL);
	const char *argv[] = { absolute, "--compile", profile, "--caps", "0x0", "--output", bpf, NULL };
	FILE *f = fopen(profile, "we");
	struct child c;
	struct err e = { 0 };

	assert_non_null(f);
	assert_non_null(absolute);
	fputs(json, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(child_spawn(&c, argv, false, &e), 0);
	if (child_wait(&c, NULL, &e) < 0)
		fail_msg("%s: %s", p->what, e.what);
	return program_read(bpf, out);
}

/* Killing a thread or the process: libseccomp's answer to a foreign architecture is the former. */
static uint32_t normal(uint32_t ret)
{
	return ret == SECCOMP_RET_KILL_THREAD ? SECCOMP_RET_KILL_PROCESS : ret;
}

static void compare(const struct profile *p, const struct sock_filter *a, size_t na, const struct sock_filter *b, size_t nb)
{
	static const uint32_t ARCHS[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64 };
	static const uint64_t ARGS[][3] = {
		{ 0, 0, 0 }, { 8, 0x30, 2 }, { 16, 7, 0 }, { 99, 0x130, 2 }, { 100, 8, 2 }, { 5, UINT64_C(0x100000001), 2 },
		{ UINT64_C(0x100000008), UINT64_C(0xff00000037), UINT64_C(0x200000002) }, { UINT64_MAX, UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < N_ELEMS(ARCHS) * N_ELEMS(ARGS); i++)
		for (uint32_t nr = 0; nr < 2 * 512 + 2; nr++) {
			const uint64_t *args = ARGS[i % N_ELEMS(ARGS)];
			struct seccomp_data d = { .arch = ARCHS[i / N_ELEMS(ARGS)], .args = { args[0], args[1], args[2] } };

			d.nr = (int)(nr < 512 ? nr : nr < 1024 ? 0x40000000 + nr - 512 : nr == 1024 ? UINT32_MAX : 0x7fffffff);
			if (d.arch == AUDIT_ARCH_I386 && (d.nr == 102 || (d.nr & 0x40000000)))
				continue;
			for (size_t k = 0; k < 3 && (d.arch == AUDIT_ARCH_I386 || (d.nr & 0x40000000)); k++)
				d.args[k] &= UINT32_MAX;
			if (normal(verdict(a, na, &d)) != normal(verdict(b, nb, &d)))
				fail_msg("%s: arch %08x, call %x(%llx, %llx, %llx): libseccomp %08x, we %08x", p->what, d.arch,
					 (unsigned)d.nr, (unsigned long long)args[0], (unsigned long long)args[1],
					 (unsigned long long)args[2], verdict(a, na, &d), verdict(b, nb, &d));
		}
}

static void test_as_libseccomp(void **state)
{
	AUTO_FREE struct sock_filter *a = mem_alloc(INSNS_MAX * sizeof(*a)), *b = mem_alloc(INSNS_MAX * sizeof(*b));
	char dir[] = "/tmp/test-seccomp-peer-XXXXXX";
	static const char *const FILES[] = { "peer.bpf", "ours.bpf", "p.json" };

	(void)state;
	if (seccomp_arch_native() != SCMP_ARCH_X86_64)
		skip();
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < N_ELEMS(PROFILES); i++) {
		size_t na = by_libseccomp(&PROFILES[i], dir, a), nb = by_us(&PROFILES[i], dir, b);

		compare(&PROFILES[i], a, na, b, nb);
	}
	for (size_t i = 0; i < N_ELEMS(FILES); i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dir, FILES[i]);

		unlink(path);
	}
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest TESTS[] = {
		cmocka_unit_test(test_as_libseccomp),
	};

	return cmocka_run_group_tests_name("seccomp_peer", TESTS, NULL, NULL);
}
