/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/names.h - numbers of system calls, capabilities and architectures
 *
 * libseccomp's tables, and those calls that came after its oldest release we build
 * with, so that the filters do not change with the libseccomp of the build machine.
 */
#ifndef SECCOMP_NAMES_H
#define SECCOMP_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#define NR_ABSENT  (-1)		/* a call of other architectures */
#define NR_UNKNOWN (-2)		/* no call that we know */

/* @arch is one of SCMP_ARCH_*; with SCMP_ARCH_X32 the number carries the x32 bit. */
int64_t syscall_number(uint32_t arch, const char *name);

int cap_number(const char *name);	/* "CAP_SYS_ADMIN" -> 21; -1 */
const char *cap_word(unsigned n);	/* the reverse; NULL */

uint32_t arch_native(void);			/* SCMP_ARCH_* */
uint32_t arch_token(const char *name);		/* "x86_64" -> SCMP_ARCH_X86_64; 0 unknown */
const char *arch_name(uint32_t arch);		/* "x86_64"; NULL where we make no filters for it */
const char *arch_docker_name(uint32_t arch);	/* "amd64"; NULL */

#endif
