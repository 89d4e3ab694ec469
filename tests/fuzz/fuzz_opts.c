/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_opts.c - opts_parse() of any words
 *
 * The first byte chooses the verb; the rest are the words, ended by newlines or zeros.
 * An error is one of usage and ends by naming the help; operands are the tail of argv.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/args.h"
#include "cli/opts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Every word, behind which a zero stands, so that the sanitizer sees a read too far. */
static void split(struct strv *words, const char *s, size_t len)
{
	while (len > 0) {
		size_t n = 0;

		while (n < len && s[n] != '\n' && s[n] != '\0')
			n++;
		strv_add_take(words, str_dupn(s, n));
		if (n < len)
			n++;
		s += n;
		len -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_ARGS struct args a = { 0 };
	const struct verb *v = verb_global();
	struct err e = { 0 };
	int taken;

	if (size == 0)
		return 0;
	for (unsigned i = data[0] % VERB_COUNT; i > 0; i--)
		v = verbs_next(v) ? verbs_next(v) : verb_global();
	split(&words, (const char *)data + 1, size - 1);
	if (opts_parse(v, (int)words.n, words.v, &a, &e)) {
		must(e.kind == ERR_USAGE && e.what[0]);
		must(strstr(e.hint, "--help'") != NULL);
		return 0;
	}
	must(a.n_operands >= 0 && (size_t)a.n_operands <= words.n);
	must(a.operands + a.n_operands == words.v + words.n);
	if (opts_check_operands(v, &a, &e))
		must(e.kind == ERR_USAGE && e.what[0]);
	if (a.n_operands > 0 && !verb_of_words(a.operands, a.n_operands, &taken, &e))
		must(e.kind == ERR_USAGE && e.what[0] && strstr(e.hint, "--help'") != NULL);
	return 0;
}
