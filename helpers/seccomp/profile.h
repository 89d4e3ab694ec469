/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/profile.h - a seccomp profile as docker and podman write it, read from JSON
 *
 * The text may come from a stranger: size, depth and counts are capped, unknown
 * keys and wrong types are errors that name the place, as in
 * "syscalls[3].args[0].op: ...".
 *
 * What the format leaves open is settled so (doc/decisions/002-seccomp-default.md):
 * rules with conditions are asked before rules without, the strictest action first;
 * two conditions on one argument are alternatives, those on several must all hold.
 */
#ifndef SECCOMP_PROFILE_H
#define SECCOMP_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum cmp { CMP_NE, CMP_LT, CMP_LE, CMP_EQ, CMP_GE, CMP_GT, CMP_MASKED_EQ, CMPS };

struct cond {
	unsigned index;		/* of the argument, 0..5 */
	enum cmp op;
	uint64_t value;		/* with CMP_MASKED_EQ: the mask */
	uint64_t value_two;	/* with CMP_MASKED_EQ: what must be left under the mask */
};

/* includes (all must hold) or excludes (one is enough) */
struct when {
	uint64_t caps;		/* bit n is capability n */
	struct strv arches;	/* docker's words: "amd64", "arm64" */
	unsigned min_kernel;	/* major << 8 | minor; 0: any */
};

struct rule {
	struct strv names;
	uint32_t ret;		/* SECCOMP_RET_* with its data */
	struct cond conds[6];	/* at most one for each argument */
	size_t n_conds;
	struct when includes, excludes;
};

struct profile {
	uint32_t default_ret;
	/* Words of libseccomp, small: "x86_64" -> "x86", "x32". */
	struct {
		char *arch;
		struct strv subs;
	} archs[32];
	size_t n_archs;
	bool has_list;		/* "architectures": these beside the machine's own, whatever archs says */
	struct strv listed;
	struct rule *rules;
	size_t n_rules;
};

#define PROFILE_BYTES_MAX (1024 * 1024)

/**
 * profile_parse() - Read a profile
 * @text:	@len bytes of JSON, borrowed
 * @p:		owned by the caller, released by profile_fini() after failure too
 *
 * Errors:	SPEC, with the JSON path or the line
 * Return: 0, or -1 with @e
 */
NODISCARD int profile_parse(const char *text, size_t len, struct profile *p, struct err *e);
void profile_fini(struct profile *p);

/* The capabilities that any rule mentions. */
uint64_t profile_caps(const struct profile *p);

/* "4.8" -> 0x408; -1 where it is none */
int kernel_parse(const char *s);

#endif
