/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_oci.c - oci_read() of anything, and what it took must survive oci_write()
 *
 * What was read, as a stranger's or as ours, is written, read again as ours and written
 * again: that must work, and give the same bytes.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spec/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void read_and_write(const char *text, size_t len, enum oci_trust trust)
{
	AUTO_STRV struct strv warnings = { 0 };
	AUTO_BUF struct buf first = { 0 }, second = { 0 };
	struct spec s, back;
	struct err e = { 0 };

	spec_init(&s);
	if (oci_read(text, len, trust, &s, &warnings, &e) < 0) {
		must(e.kind == ERR_SPEC && e.what[0]);
		spec_fini(&s);
		return;
	}
	must(trust == OCI_TRUSTED || (!s.privileged && s.root.kind == ROOT_DIR && !s.name && !s.id &&
				      s.seccomp == SECCOMP_DEFAULT));
	if (spec_check(&s, &e) < 0)
		must(e.kind == ERR_SPEC && e.what[0]);
	oci_write(&s, &first);
	spec_init(&back);
	must(oci_read(first.s, first.len, OCI_TRUSTED, &back, NULL, &e) == 0);
	must(back.privileged == s.privileged && back.root.kind == s.root.kind && back.root.bins.n == s.root.bins.n);
	must(back.n_mounts == s.n_mounts && back.process.args.n == s.process.args.n);
	oci_write(&back, &second);
	must(first.len == second.len && memcmp(first.s, second.s, first.len) == 0);
	spec_fini(&back);
	spec_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_and_write(text, size, OCI_STRANGER);
	read_and_write(text, size, OCI_TRUSTED);
	return 0;
}
