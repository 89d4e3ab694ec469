/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_elf.c - elf_read() of anything: an error that says something, or strings within bounds */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void short_enough(const char *s)
{
	must(!s || strlen(s) < ELF_STRING_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* never NULL, or the descriptor would be read */
	struct elf_file f = { .data = size ? data : (const unsigned char *)"", .fd = -1, .size = size };
	struct elf_abi abi;
	struct elf elf;
	struct err e = { 0 };

	if (elf_read(&f, &elf, &e) < 0) {
		must(e.kind == ERR_SPEC && e.what[0]);
	} else {
		must(elf_is_one(&f) && elf_abi_of(&f, &abi) && elf_abi_eq(&abi, &elf.abi));
		must(!elf.interp || elf.interp[0] == '/');
		short_enough(elf.interp);
		short_enough(elf.soname);
		short_enough(elf.rpath);
		short_enough(elf.runpath);
		must(elf.needed.n <= ELF_NEEDED_MAX);
		for (size_t i = 0; i < elf.needed.n; i++) {
			must(elf.needed.v[i][0]);
			short_enough(elf.needed.v[i]);
		}
	}
	elf_fini(&elf);
	return 0;
}
