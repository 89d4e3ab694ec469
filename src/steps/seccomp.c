/* SPDX-License-Identifier: Apache-2.0 */
/* steps/seccomp.c - choosing, compiling and loading the filter of system calls */

#include "steps/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/child.h"
#include "base/str.h"
#include "base/sha256.h"

/* Part of the cache's names; to be raised when lichen-seccomp makes other instructions
 * out of the same profile. */
#define FORMAT 1

#define PROFILE_BYTES_MAX (1024 * 1024)

const struct seccomp_variant *seccomp_pick(uint64_t bounding)
{
	for (size_t i = 0; i < SECCOMP_N_VARIANTS; i++)
		if (SECCOMP_VARIANTS[i].caps == (bounding & SECCOMP_CLASS_CAPS))
			return &SECCOMP_VARIANTS[i];
	return NULL;
}

int seccomp_install(const struct sock_filter *insns, unsigned short n, struct err *e)
{
	struct sock_fprog prog = { .len = n, .filter = (struct sock_filter *)(uintptr_t)insns };

	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		return 0;
	err_sys(e, "seccomp", NULL, "loading a filter of %u instructions", n);
	if (e->errnum == EACCES)
		return err_hint(e, "a filter needs no_new_privs, or CAP_SYS_ADMIN in the user namespace");
	return -1;	/* the rest is in host/hint.c */
}

/* ---- the cache ---- */

/* What a filter must look like on the outside; the kernel checks the rest. A file that
 * a crash has left full of zeros does not end in a return. */
static bool is_filter(const struct sock_filter *insns, size_t bytes)
{
	return bytes && bytes % sizeof(*insns) == 0 && bytes / sizeof(*insns) <= BPF_MAXINSNS &&
	       BPF_CLASS(insns[bytes / sizeof(*insns) - 1].code) == BPF_RET;
}

/* Reads at most @max bytes; *out is owned. */
static int file_read(int fd, size_t max, char **out, size_t *len)
{
	AUTO_FREE char *data = mem_alloc(max);
	ssize_t n = 1;

	*len = 0;
	while (*len < max && n) {
		n = read(fd, data + *len, max - *len);
		if (n < 0 && errno != EINTR)
			return -1;
		*len += n > 0 ? (size_t)n : 0;
	}
	*out = ptr_take(&data);
	return 0;
}

/* Return: 0, or -1 where the file is not there or is not to be trusted. */
static int cache_read(const char *path, struct sock_filter **out, unsigned short *n)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	AUTO_FREE struct sock_filter *insns = NULL;
	AUTO_FREE char *data = NULL;
	struct stat st;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	/* A second name would let somebody lend us another file of our own. */
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)) ||
	    st.st_nlink != 1 || st.st_size > BPF_MAXINSNS * (off_t)sizeof(*insns))
		return -1;
	if (file_read(fd, (BPF_MAXINSNS + 1) * sizeof(*insns), &data, &len))
		return -1;
	insns = (void *)ptr_take(&data);	/* malloc's, so aligned for anything */
	if (!is_filter(insns, len))
		return -1;
	*n = (unsigned short)(len / sizeof(*insns));
	*out = ptr_take(&insns);
	return 0;
}

/* Fills rq->digest. */
static int profile_digest(struct seccomp_request *rq, struct err *e)
{
	AUTO_CLOSE int fd = open(rq->profile, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	AUTO_FREE char *text = NULL;
	size_t len;

	_Static_assert(sizeof(rq->digest) == SHA256_HEX + 1, "a SHA-256 in hex");
	if (fd < 0)
		return err_sys(e, "open", rq->profile, "the seccomp profile");
	if (file_read(fd, PROFILE_BYTES_MAX + 1, &text, &len))
		return err_sys(e, "read", rq->profile, "the seccomp profile");
	if (len > PROFILE_BYTES_MAX)
		return err_set(e, ERR_SPEC, "the seccomp profile %s is larger than %d bytes", rq->profile,
			       PROFILE_BYTES_MAX);
	sha256_hex(text, len, rq->digest);
	return 0;
}

static uint64_t class_caps(const struct seccomp_request *rq)
{
	return rq->is_foreign ? rq->caps : rq->caps & SECCOMP_CLASS_CAPS;
}

/* "6.18" of "6.18.3-cloud-amd64"; owned. */
static char *kernel_version(const struct utsname *machine)
{
	const char *end = machine->release + strspn(machine->release, "0123456789");

	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	return str_dupn(machine->release, (size_t)(end - machine->release));
}

/* The name of the compiled profile in the cache, and the kernel to serve (NULL: the oldest); owned. */
static int cache_path(const struct seccomp_request *rq, char **out, char **kernel, struct err *e)
{
	struct utsname machine;

	if (uname(&machine) < 0)
		return err_sys(e, "uname", NULL, "naming a compiled seccomp profile");
	if (rq->is_foreign) {
		*kernel = kernel_version(&machine);
		*out = str_fmt("%s/seccomp-%s-%" PRIx64 "-%s-%s.%d.bpf", rq->cache_dir, rq->digest, class_caps(rq),
			       machine.machine, *kernel, FORMAT);
	} else {
		*out = str_fmt("%s/seccomp-%.16s-%" PRIx64 "-%s.%d.bpf", rq->cache_dir, rq->digest, class_caps(rq),
			       machine.machine, FORMAT);
	}
	return 0;
}

/* Runs the helper; its output is at @path afterwards. */
static int helper_run(const struct seccomp_request *rq, const char *path, const char *kernel, struct err *e)
{
	AUTO_FREE char *caps = str_fmt("0x%" PRIx64, class_caps(rq));
	const char *argv[] = { rq->helper, "--compile", rq->profile, "--caps", caps, "--output", path,
			       kernel ? "--kernel" : NULL, kernel, NULL };
	struct child c;

	if (child_spawn(&c, argv, false, e))
		return -1;
	return child_wait(&c, NULL, e) < 0 ? -1 : 0;
}

/* It is compiled by its name: was that still the text whose digest we know? */
static int check_unchanged(const struct seccomp_request *rq, struct err *e)
{
	struct seccomp_request again = *rq;

	if (profile_digest(&again, e))
		return -1;
	if (str_eq(again.digest, rq->digest))
		return 0;
	return err_set(e, ERR_SPEC, "the seccomp profile %s changed while it was read", rq->profile);
}

static int compile(const struct seccomp_request *rq, const char *path, const char *kernel, struct sock_filter **out,
		   unsigned short *n, struct err *e)
{
	AUTO_FREE char *tmp = str_fmt("%s/.seccomp-XXXXXX", rq->cache_dir);
	AUTO_CLOSE int fd = mkostemp(tmp, O_CLOEXEC);	/* 0600, whatever the umask */

	if (fd < 0)
		return err_sys(e, "mkostemp", tmp, "compiling the seccomp profile");
	if (helper_run(rq, tmp, kernel, e)) {
		unlink(tmp);
		return err_wrap(e, "compiling the seccomp profile");
	}
	if (check_unchanged(rq, e)) {
		unlink(tmp);
		return -1;
	}
	if (cache_read(tmp, out, n)) {
		unlink(tmp);
		return err_set(e, ERR_BUG, "%s made no filter of %s", rq->helper, rq->profile);
	}
	if (rename(tmp, path) < 0) {
		err_sys(e, "rename", path, "keeping the compiled seccomp profile");
		unlink(tmp);
		free(ptr_take(out));
		return -1;
	}
	return 0;
}

int seccomp_compile(struct seccomp_request *rq, struct sock_filter **out, unsigned short *n, struct err *e)
{
	AUTO_FREE char *path = NULL, *kernel = NULL;
	bool is_changed;

	if (profile_digest(rq, e))
		return -1;
	is_changed = rq->sha256 && !str_eq(rq->sha256, rq->digest);
	if (is_changed) /* what is compiled already is the old one all the same */
		str_copy(rq->digest, sizeof(rq->digest), rq->sha256);
	if (cache_path(rq, &path, &kernel, e))
		return -1;
	if (!cache_read(path, out, n))
		return 0;
	if (!is_changed)
		return compile(rq, path, kernel, out, n, e);
	err_set(e, ERR_SPEC, "the seccomp profile %s is not what it was when this sandbox was made", rq->profile);
	return err_hint(e, "make it anew, or put the old file back (SHA-256 %.16s...)", rq->sha256);
}
