/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/bpf.h - from a profile to the instructions of a filter */
#ifndef SECCOMP_BPF_H
#define SECCOMP_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "profile.h"

/* For whom a filter is made. */
struct target {
	uint32_t arch;		/* SCMP_ARCH_* of the machine; its sub-architectures come from the profile */
	uint64_t caps;		/* bit n is capability n */
	unsigned kernel;	/* the oldest that must be served: major << 8 | minor */
};

struct filter {
	struct sock_filter insns[BPF_MAXINSNS];
	unsigned short n;
};

/**
 * bpf_build() - Make the filter of a profile
 * @p:		borrowed
 * @f:		filled in
 * @unknown:	names that no table of ours knows are appended; NULL: not wanted
 *
 * The same input gives the same instructions on every machine.
 * Errors:	SPEC where the filter has more than BPF_MAXINSNS instructions
 * Return: 0, or -1 with @e
 */
NODISCARD int bpf_build(const struct profile *p, const struct target *t, struct filter *f,
			struct strv *unknown, struct err *e);

#endif
