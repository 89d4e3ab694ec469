/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_reference.c - names of images, words that say where one is, and images.conf, of any text
 *
 * The first byte chooses. A name that is taken is printed and read as the same again, and can be a file's name in the store.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"
#include "host/short_names.h"
#include "spec/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_err(const struct err *e)
{
	must(e->kind == ERR_USAGE && e->what[0]);
}

static void sane(const struct image_ref *r)
{
	AUTO_FREE char *full = ref_format(r), *familiar = ref_familiar(r);
	AUTO_REF struct image_ref again = { 0 }, short_one = { 0 };
	struct err e = { 0 };

	must(strlen(full) <= 255 && !strchr(full, '%') && !path_has_dotdot(r->repository) && full[0] != '/' && full[0] != '.');
	must(!str_has_control(full) && !strchr(full, ' '));
	must(ref_parse(full, &again, &e) == 0);
	must(str_eq(again.registry, r->registry) && str_eq(again.repository, r->repository) && str_eq(again.digest, r->digest));
	must(ref_parse(familiar, &short_one, &e) == 0);
	if (!short_one.registry && r->registry)
		ref_set_registry(&short_one, "docker.io");
	must(str_eq(short_one.registry, r->registry) && str_eq(short_one.repository, r->repository));
}

static void try_name(const char *text)
{
	AUTO_REF struct image_ref r = { 0 };
	struct err e = { 0 };

	if (ref_parse(text, &r, &e) < 0)
		must_err(&e);
	else
		sane(&r);
}

static void try_source(const char *text)
{
	struct image_source s;
	struct err e = { 0 };

	if (source_parse(text, &s, &e) < 0) {
		must_err(&e);
		return;
	}
	must((s.kind == SOURCE_NAME) == !s.path);
	must((s.kind == SOURCE_PATH) == is_path_word(text));
	must(s.kind != SOURCE_NAME || s.ref.repository);
	must(s.number < 0 || s.kind == SOURCE_DOCKER_ARCHIVE);
	if (s.ref.repository)
		sane(&s.ref);
	source_fini(&s);
}

static void try_file(const char *text)
{
	AUTO_REF struct image_ref name = { 0 }, full = { 0 };
	AUTO_STRV struct strv out = { 0 };
	struct short_names sn = { 0 };
	struct err e = { 0 };

	must(ref_parse("a/b:c", &name, &e) == 0 && ref_parse("docker.io/a/b:c", &full, &e) == 0);
	if (short_names_read(&sn, "f", text, strlen(text), &e) < 0) {
		must_err(&e);
		must(str_starts(e.what, "f:"));
	} else if (short_names_complete(&sn, &name, &out, &e) < 0) {
		must(e.kind == ERR_SPEC || e.kind == ERR_USAGE);
	} else {
		must(out.n >= 1);
		short_names_mirrors(&sn, &full, &out);
	}
	for (size_t i = 0; i < out.n; i++) {
		AUTO_REF struct image_ref r = { 0 };

		must(ref_parse(out.v[i], &r, &e) == 0 && r.registry);
	}
	short_names_fini(&sn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = NULL;

	if (size == 0)
		return 0;
	text = str_dupn((const char *)data + 1, size - 1);
	switch (data[0] % 3) {
	case 0:
		try_name(text);
		break;
	case 1:
		try_source(text);
		break;
	default:
		try_file(text);
		break;
	}
	return 0;
}
