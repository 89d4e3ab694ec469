/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_words.c - the small languages inside of values: --mount's commas, a profile's line, layers
 *
 * The first byte chooses. What is taken has words without a separator that nobody wrote; what is
 * written back as an overlay's option is read as the same.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/profile.h"
#include "cli/run_mount.h"
#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static size_t bytes_of(const struct strv *sv)
{
	size_t n = 0;

	for (size_t i = 0; i < sv->n; i++)
		n += strlen(sv->v[i]);
	return n;
}

/* An option without a file or descriptor behind it: nothing outside of the process is touched. */
static void try_mount(const char *text)
{
	struct err e = { 0 };
	struct spec s;

	spec_init(&s);
	if (!strstr(text, "lower") && (strstr(text, "type=tmpfs") || strstr(text, "type=mqueue"))) {
		if (mount_parse(&s, text, &e) < 0)
			must(e.kind == ERR_USAGE && e.what[0]);
		else
			must(s.n_mounts == 1 && s.mounts[0].destination[0] == '/' && !s.mounts[0].n_fds);
	}
	spec_fini(&s);
}

static void try_layers(const char *text)
{
	struct spec s;
	struct spec_mount *m;
	struct spec_layers l;

	spec_init(&s);
	m = spec_add_mount(&s);
	m->type = str_dup("overlay");
	strv_addf(&m->options, "lowerdir=%s", text);
	spec_layers(m, &l);
	must(l.lower.n >= 1 && bytes_of(&l.lower) <= strlen(text));
	must(spec_has_scratch(&s));
	spec_layers_fini(&l);
	spec_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	int rc = 0;

	if (size == 0)
		return 0;
	text = str_dupn((const char *)data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		rc = csv_split(&words, text, &e);
		must(rc < 0 || words.n >= 1);
		break;
	case 1:
		rc = profile_words(&words, text, &e);
		break;
	case 2:
		try_mount(text);
		break;
	default:
		try_layers(text);
		break;
	}
	must(rc == 0 || (e.kind == ERR_USAGE && e.what[0]));
	must(bytes_of(&words) <= strlen(text));
	return 0;
}
