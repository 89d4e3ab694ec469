/* SPDX-License-Identifier: Apache-2.0 */
/* host/elf.h - what a program or library says of itself: its loader, the libraries it needs
 *
 * The file is read, never run and never mapped. It may be anybody's: every offset is
 * checked against the file's size, every count and length has a bound, and nothing is
 * followed that could lead in a circle.
 */
#ifndef HOST_ELF_H
#define HOST_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum {
	ELF_HEADERS_MAX = 1024,		/* program headers; the kernel takes 64 KiB of them */
	ELF_DYNAMIC_MAX = 65536,	/* entries of the dynamic section that are looked at */
	ELF_NEEDED_MAX = 1024,		/* libraries that one file may ask for */
	ELF_STRING_MAX = 4096,		/* a name or a search path, as PATH_MAX */
};

/* Where the bytes come from: memory where @data is not NULL, else @fd by pread(2). */
struct elf_file {
	const unsigned char *data;
	int fd;
	uint64_t size;
};

/* What must agree for a library to fit a program. */
struct elf_abi {
	unsigned char bits;	/* 32 or 64 */
	bool is_big;		/* big-endian */
	uint16_t machine;	/* EM_* of elf(5) */
};

struct elf {
	struct elf_abi abi;
	uint16_t type;		/* ET_EXEC, ET_DYN ... */
	char *interp;		/* PT_INTERP: the loader; NULL: the program needs none */
	char *soname;		/* DT_SONAME or NULL */
	char *rpath, *runpath;	/* as they stand in the file: colons, $ORIGIN; or NULL */
	struct strv needed;	/* DT_NEEDED in their order */
	bool no_default_dirs;	/* DF_1_NODEFLIB */
};

/* Whether the file begins as every ELF file does. False also for what cannot be read. */
bool elf_is_one(const struct elf_file *f);

/* The ABI alone, from the first bytes; false where they are not those of an ELF file. */
bool elf_abi_of(const struct elf_file *f, struct elf_abi *out);
bool elf_abi_eq(const struct elf_abi *a, const struct elf_abi *b);

/**
 * elf_read() - Read the headers and the dynamic section
 * @out:	released by elf_fini(), also after a failure
 * Errors:	ERR_SPEC: says what is wrong in the file, not which file (the caller wraps)
 */
NODISCARD int elf_read(const struct elf_file *f, struct elf *out, struct err *e);
void elf_fini(struct elf *elf);

#define AUTO_ELF __attribute__((cleanup(elf_fini)))

#endif
