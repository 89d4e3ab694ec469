/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_auth.c - WWW-Authenticate of any text: within bounds, and nothing in it that could end a line
 *
 * The input is headers, one a line.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_be_one_line(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF struct buf text = { 0 };
	AUTO_STRV struct strv lines = { 0 };
	struct challenge c = { 0 };

	buf_addn(&text, (const char *)data, size);
	if (text.s)
		strv_split(&lines, text.s, '\n');
	for (size_t i = 0; i < lines.n; i++)
		challenge_add(&c, lines.v[i]);
	if (c.wants_bearer != (c.realm != NULL) || (!c.realm && (c.service || c.scope || c.error)))
		abort();
	must_be_one_line(c.realm);
	must_be_one_line(c.service);
	must_be_one_line(c.scope);
	must_be_one_line(c.error);
	challenge_fini(&c);
	return 0;
}
