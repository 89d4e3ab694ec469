/* SPDX-License-Identifier: Apache-2.0 */
/* spec/personality.c - execution domains and flags of personality(2), in setarch(8)'s words */

#include <sys/personality.h>

#include "spec/spec.h"

enum { DOMAIN = 0xff };		/* PER_MASK of the kernel */

static const struct persona_word {
	const char *word;
	uint32_t value;
	bool is_domain;
} WORDS[] = {
	/* first the one that personality_format() writes */
	{ "linux32", PER_LINUX32, true },
	{ "linux64", PER_LINUX, true },
	{ "linux", PER_LINUX, true },
	{ "LINUX32", PER_LINUX32, true },	/* podman's, which are OCI's */
	{ "LINUX", PER_LINUX, true },
	{ "32bit", ADDR_LIMIT_32BIT, false },
	{ "3gb", ADDR_LIMIT_3GB, false },
	{ "4gb", 0, false },	/* setarch's no-op for compatibility */
	{ "addr-compat-layout", ADDR_COMPAT_LAYOUT, false },
	{ "addr-no-randomize", ADDR_NO_RANDOMIZE, false },
	{ "fdpic-funcptrs", FDPIC_FUNCPTRS, false },
	{ "mmap-page-zero", MMAP_PAGE_ZERO, false },
	{ "read-implies-exec", READ_IMPLIES_EXEC, false },
	{ "short-inode", SHORT_INODE, false },
	{ "sticky-timeouts", STICKY_TIMEOUTS, false },
	{ "uname-2.6", UNAME26, false },
	{ "whole-seconds", WHOLE_SECONDS, false },
};

bool personality_add(uint32_t *persona, const char *word)
{
	for (size_t i = 0; i < N_ELEMS(WORDS); i++) {
		if (!str_eq(word, WORDS[i].word))
			continue;
		if (WORDS[i].is_domain)
			*persona &= ~(uint32_t)DOMAIN;
		*persona |= WORDS[i].value;
		return true;
	}
	return false;
}

const char *personality_nearest(const char *word)
{
	const char *words[N_ELEMS(WORDS)];

	for (size_t i = 0; i < N_ELEMS(WORDS); i++)
		words[i] = WORDS[i].word;
	return str_nearest(word, words, N_ELEMS(words));
}

char *personality_format(uint32_t persona)
{
	struct buf b = { 0 };

	buf_add(&b, (persona & DOMAIN) == PER_LINUX32 ? "linux32" : "linux");
	for (size_t i = 0; i < N_ELEMS(WORDS); i++)
		if (!WORDS[i].is_domain && WORDS[i].value && (persona & WORDS[i].value) == WORDS[i].value)
			buf_addf(&b, ",%s", WORDS[i].word);
	return buf_take(&b);
}
