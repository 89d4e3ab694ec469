/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/main.c - lichen-seccomp: compiles seccomp profiles
 *
 * Runs while lichen is built, to make src/steps/filters.c out of the default profile,
 * and again at run time, started by src/steps/seccomp.c, for capability classes that
 * were not built in. A process of its own: the launcher neither links jansson's and
 * libseccomp's tables nor reads a stranger's JSON.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "bpf.h"
#include "names.h"
#include "profile.h"

#define CAP_BIT(n) (UINT64_C(1) << (n))
enum { SYS_CHROOT = 18, SYS_PTRACE = 19, SYS_ADMIN = 21, SYS_BOOT = 22, SYS_NICE = 23 };

/* Capabilities on which the built-in profile may make rules depend: those that change
 * something inside a user namespace. A rule on another one would never hold there. */
#define CLASS_CAPS_MAX                                                                                     \
	(CAP_BIT(SYS_CHROOT) | CAP_BIT(SYS_PTRACE) | CAP_BIT(SYS_ADMIN) | CAP_BIT(SYS_BOOT) | CAP_BIT(SYS_NICE))

/* The classes that are built in; the others are compiled when they are first met. */
static const struct {
	const char *name, *means;
	uint64_t caps;
} VARIANTS[] = {
	{ "none", "no capabilities: host, try", 0 },
	{ "default", "docker's default set", CAP_BIT(SYS_CHROOT) },
	{ "ptrace", "and SYS_PTRACE", CAP_BIT(SYS_CHROOT) | CAP_BIT(SYS_PTRACE) },
	{ "admin", "and SYS_ADMIN", CAP_BIT(SYS_CHROOT) | CAP_BIT(SYS_ADMIN) },
	{ "all", "every capability", CLASS_CAPS_MAX },
};

/* What is left where the profile is off, x32 included: its ioctl has a number of its own. */
static const char TERMINAL[] =
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":["
	"{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]},"
	"{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]}],\"syscalls\":["
	"{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,\"args\":["
	"{\"index\":1,\"value\":4294967295,\"valueTwo\":21522,\"op\":\"SCMP_CMP_MASKED_EQ\"},"
	"{\"index\":1,\"value\":4294967295,\"valueTwo\":21532,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}";

/* No kernel older than this can run lichen (overlay in a user namespace), whatever the
 * build machine runs. */
#define KERNEL_MIN 0x050b

struct request {
	const char *emit_c, *compile;	/* the profile; one of them */
	const char *name;		/* or the number of a system call, whose name is asked for */
	const char *output;		/* NULL or "-": standard output */
	const char *sha256;
	struct target target;
	bool is_verbose;
};

static int file_read(const char *path, struct buf *out, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open", path, "the profile");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_addn(out, chunk, (size_t)n);
		if (out->len > PROFILE_BYTES_MAX)
			return err_set(e, ERR_SPEC, "%s: larger than %d bytes", path, PROFILE_BYTES_MAX);
	}
	if (n < 0)
		return err_sys(e, "read", path, "the profile");
	return 0;
}

static int file_write(const char *path, const void *data, size_t len, struct err *e)
{
	AUTO_CLOSE int opened = -1;
	const char *rest = data;
	int fd = STDOUT_FILENO;

	if (path && !str_eq(path, "-")) {
		fd = opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
		if (fd < 0)
			return err_sys(e, "open", path, "the output");
	}
	while (len) {
		ssize_t n = write(fd, rest, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write", path ? path : "-", "the output");
		rest += n;
		len -= (size_t)n;
	}
	return 0;
}

static void notes_print(const struct strv *unknown)
{
	for (size_t i = 0; i < unknown->n; i++) {
		AUTO_BUF struct buf line = { 0 };

		buf_add_safe(&line, unknown->v[i]);
		fprintf(stderr, "lichen-seccomp: note: no number for '%s', left to the default action\n", line.s);
	}
}

/* ---- --compile ---- */

static int compile(const struct request *rq, const struct profile *p, struct err *e)
{
	AUTO_FREE struct filter *f = mem_alloc(sizeof(*f));
	AUTO_STRV struct strv unknown = { 0 };

	if (bpf_build(p, &rq->target, f, &unknown, e))
		return -1;
	if (rq->is_verbose)
		notes_print(&unknown);
	return file_write(rq->output, f->insns, f->n * sizeof(f->insns[0]), e);
}

/* ---- --emit-c ---- */

static void c_array(struct buf *out, const char *name, const struct filter *f)
{
	buf_addf(out, "static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < f->n; i++)
		buf_addf(out, "\t{ 0x%02x, %u, %u, 0x%08" PRIx32 " },\n", f->insns[i].code, f->insns[i].jt,
			 f->insns[i].jf, f->insns[i].k);
	buf_add(out, "};\n\n");
}

static int c_terminal(const struct request *rq, struct filter *f, struct err *e)
{
	struct profile p;
	int r = profile_parse(TERMINAL, sizeof(TERMINAL) - 1, &p, e);

	if (!r)
		r = bpf_build(&p, &rq->target, f, NULL, e);
	profile_fini(&p);
	return r;
}

static int emit_c(const struct request *rq, const struct profile *p, struct err *e)
{
	AUTO_FREE struct filter *f = mem_alloc(sizeof(*f));
	AUTO_BUF struct buf out = { 0 }, table = { 0 };
	AUTO_STRV struct strv unknown = { 0 };
	uint64_t class_caps = profile_caps(p);

	if (!rq->sha256 || strlen(rq->sha256) != 64 || strspn(rq->sha256, "0123456789abcdef") != 64)
		return err_set(e, ERR_USAGE, "--emit-c needs --sha256 with the 64 hex digits of the profile");
	for (unsigned n = 0; n < 64; n++)
		if (class_caps & ~CLASS_CAPS_MAX & CAP_BIT(n))
			return err_set(e, ERR_SPEC, "a rule depends on CAP_%s, which no class has", cap_word(n));

	buf_addf(&out,
		 "/* Generated by lichen-seccomp for %s; do not edit. */\n\n"
		 "#include \"steps/filters.h\"\n\n",
		 arch_name(rq->target.arch));
	for (size_t i = 0; i < N_ELEMS(VARIANTS); i++) {
		AUTO_FREE char *name = str_fmt("FILTER_%zu", i);
		struct target t = rq->target;

		t.caps = VARIANTS[i].caps & class_caps;
		if (bpf_build(p, &t, f, &unknown, e))
			return err_wrap(e, "class '%s'", VARIANTS[i].name);
		buf_addf(&out, "/* %s: %s */\n", VARIANTS[i].name, VARIANTS[i].means);
		c_array(&out, name, f);
		buf_addf(&table, "\t{ \"%s\", UINT64_C(0x%" PRIx64 "), %s, %u },\n", VARIANTS[i].name, t.caps,
			 name, f->n);
	}
	if (c_terminal(rq, f, e))
		return err_wrap(e, "the filter of terminals");
	c_array(&out, "FILTER_TERMINAL", f);
	buf_addf(&out,
		 "const struct seccomp_variant SECCOMP_VARIANTS[] = {\n%s};\n"
		 "const size_t SECCOMP_N_VARIANTS = %zu;\n"
		 "const struct seccomp_variant SECCOMP_TERMINAL = { \"terminal\", 0, FILTER_TERMINAL, %u };\n"
		 "const char SECCOMP_PROFILE_SHA256[] = \"%s\";\n"
		 "const uint64_t SECCOMP_CLASS_CAPS = UINT64_C(0x%" PRIx64 ");\n",
		 table.s, N_ELEMS(VARIANTS), f->n, rq->sha256, class_caps);
	if (rq->is_verbose)
		notes_print(&unknown);
	return file_write(rq->output, out.s, out.len, e);
}

/* ---- --name ---- */

static int name_print(const struct request *rq, struct err *e)
{
	char *name, *end;
	long nr;

	errno = 0;
	nr = strtol(rq->name, &end, 10);
	if (errno || end == rq->name || *end || nr < 0 || nr > INT_MAX)
		return err_set(e, ERR_USAGE, "--name: '%s' is no number of a system call", rq->name);
	name = seccomp_syscall_resolve_num_arch(rq->target.arch, (int)nr);
	if (!name)
		return err_set(e, ERR_SPEC, "system call %ld has no name that is known", nr);
	printf("%s\n", name);
	free(name);
	return 0;
}

/* ---- the command line ---- */

static const char USAGE[] =
	"usage: lichen-seccomp --compile PROFILE.json --caps 0xMASK [--output FILE]\n"
	"       lichen-seccomp --emit-c PROFILE.json --sha256 HEX [--output FILE]\n"
	"       lichen-seccomp --name NUMBER [--arch ARCH]\n"
	"\n"
	"Compiles a seccomp profile (JSON as docker and podman read it) to the\n"
	"instructions of a filter, or the built-in classes to C source; or says the name\n"
	"of a system call.\n"
	"\n"
	"  --caps 0xMASK   bit n is capability n; rules with \"caps\" ask it\n"
	"  --output FILE   default: standard output\n"
	"  --arch NAME     x86_64, aarch64 ... (default: this machine's), or the kernel's number of it\n"
	"  --kernel X.Y    the oldest kernel to be served, for \"minKernel\" (default: 5.11)\n"
	"  --verbose       name the system calls that have no known number\n";

static int mask_parse(const char *s, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	return errno || end == s || *end || *s == '-' ? -1 : 0;
}

/* Return: 0, 1 where there is nothing more to do, -1 with @e */
static int args_parse(int argc, char **argv, struct request *rq, struct err *e)
{
	static const struct option OPTIONS[] = {
		{ "arch", required_argument, NULL, 'a' },   { "caps", required_argument, NULL, 'c' },
		{ "compile", required_argument, NULL, 'C' }, { "emit-c", required_argument, NULL, 'E' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },	    { "kernel", required_argument, NULL, 'k' },
		{ "output", required_argument, NULL, 'o' }, { "sha256", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },	    { NULL, 0, NULL, 0 },
	};
	bool has_caps = false;
	int c, kernel = KERNEL_MIN;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		switch (c) {
		case 'a':
			rq->target.arch = str_starts(optarg, "0x") ? (uint32_t)strtoul(optarg, NULL, 16) : arch_token(optarg);
			if (!rq->target.arch || rq->target.arch == arch_token("x32"))
				return err_set(e, ERR_USAGE, "--arch: '%s' is no architecture we serve", optarg);
			break;
		case 'c':
			if (mask_parse(optarg, &rq->target.caps))
				return err_set(e, ERR_USAGE, "--caps: '%s' is no mask", optarg);
			has_caps = true;
			break;
		case 'C':
			rq->compile = optarg;
			break;
		case 'E':
			rq->emit_c = optarg;
			break;
		case 'h':
			fputs(USAGE, stdout);
			return 1;
		case 'k':
			kernel = kernel_parse(optarg);
			if (kernel < 0)
				return err_set(e, ERR_USAGE, "--kernel: '%s' is not like '5.11'", optarg);
			break;
		case 'n':
			rq->name = optarg;
			break;
		case 'o':
			rq->output = optarg;
			break;
		case 's':
			rq->sha256 = optarg;
			break;
		case 'v':
			rq->is_verbose = true;
			break;
		default:
			return err_set(e, ERR_USAGE, "'%s': unknown, or its value is missing; see --help",
				       argv[optind - 1]);
		}
	}
	rq->target.kernel = (unsigned)kernel;
	if (rq->name && optind == argc && !rq->compile && !rq->emit_c)
		return 0;
	if (optind < argc || rq->name || !rq->compile == !rq->emit_c || (rq->compile && !has_caps))
		return err_set(e, ERR_USAGE, "--compile with --caps or --emit-c is needed; see --help");
	if (!arch_name(rq->target.arch))
		return err_set(e, ERR_HOST, "no filters can be made for this machine's architecture");
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	struct request rq = { .target.arch = arch_native() };
	AUTO_BUF struct buf text = { 0 };
	struct profile p = { 0 };
	const char *path;
	int r = args_parse(argc, argv, &rq, e);

	if (r)
		return r < 0 ? -1 : 0;
	if (rq.name)
		return name_print(&rq, e);
	path = rq.emit_c ? rq.emit_c : rq.compile;
	if (file_read(path, &text, e))
		return -1;
	if (profile_parse(text.s ? text.s : "", text.len, &p, e) ||
	    (rq.emit_c ? emit_c(&rq, &p, e) : compile(&rq, &p, e)))
		r = e->kind == ERR_SPEC ? err_wrap(e, "%s", path) : -1;
	profile_fini(&p);
	return r;
}

int main(int argc, char **argv)
{
	AUTO_BUF struct buf line = { 0 };
	struct err e = { 0 };

	if (!run(argc, argv, &e))
		return 0;
	err_print_line(&e, &line);
	fprintf(stderr, "lichen-seccomp: %s\n", line.s);
	return 1;
}
