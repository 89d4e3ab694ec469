/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_record.c - image_read() of anything; what it took is written as the same, and gives a spec that can be saved
 *
 * Nothing that a record says may become an annotation of lichen's own, or a mount of this machine.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "spec/image.h"
#include "spec/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void try_apply(const struct image *im, bool readonly)
{
	const struct strv none = { 0 };
	AUTO_BUF struct buf config = { 0 };
	struct spec s, back;
	struct err e = { 0 };

	spec_init(&s);
	s.root.path = str_dup("/root");
	s.root.readonly = readonly;
	if (image_apply(&s, im, &none, &e) < 0) {
		must(e.kind == ERR_SPEC && e.what[0]);
		spec_fini(&s);
		return;
	}
	must(s.process.args.n >= 1 && !s.privileged && s.root.kind == ROOT_DIR);
	for (size_t i = 0; i < s.n_mounts; i++)
		must(readonly && str_eq(s.mounts[i].type, "tmpfs") && !path_has_dotdot(s.mounts[i].destination));
	for (size_t i = 0; i < s.annotations.n; i++)
		must(!str_starts(s.annotations.v[i], SPEC_ANNOTATION));
	must(spec_check(&s, &e) == 0);
	oci_write(&s, &config);
	spec_init(&back);
	must(oci_read(config.s, config.len, OCI_TRUSTED, &back, NULL, &e) == 0 && !back.privileged);
	spec_fini(&back);
	spec_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf first = { 0 }, second = { 0 };
	struct image im, back;
	struct err e = { 0 };

	if (image_read((const char *)data, size, &im, &e) < 0) {
		must(e.kind == ERR_STATE && e.what[0]);
		return 0;
	}
	must(image_check(&im, &e) == 0);
	image_write(&im, &first);
	must(image_read(first.s, first.len, &back, &e) == 0);
	image_write(&back, &second);
	must(first.len == second.len && memcmp(first.s, second.s, first.len) == 0);
	try_apply(&im, false);
	try_apply(&im, true);
	image_fini(&back);
	image_fini(&im);
	return 0;
}
