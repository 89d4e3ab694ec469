/* SPDX-License-Identifier: Apache-2.0 */
/* base/base64.c - RFC 4648, with padding */

#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		const size_t n = len - i < 3 ? len - i : 3;
		uint32_t three = 0;
		char four[] = "====";

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (k < n ? (unsigned char)bytes[i + k] : 0);
		for (size_t k = 0; k <= n; k++)
			four[k] = DIGITS[three >> (18 - 6 * k) & 63];
		buf_addn(out, four, 4);
	}
}

char *base64_decode(const char *text, size_t *len)
{
	const size_t n = strlen(text);
	struct buf out = { 0 };

	if (n % 4)
		return NULL;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t three = 0;
		size_t given = 4;
		char bytes[3];

		while (given > 2 && i + 4 == n && text[i + given - 1] == '=')
			given--;
		for (size_t k = 0; k < 4; k++) {
			const char *digit = k < given ? strchr(DIGITS, text[i + k]) : DIGITS;

			if (!digit) {
				buf_fini(&out);
				return NULL;
			}
			three = three << 6 | (uint32_t)(digit - DIGITS);
		}
		for (size_t k = 0; k < 3; k++)
			bytes[k] = (char)(three >> (16 - 8 * k) & 0xff);
		buf_addn(&out, bytes, given - 1);
	}
	*len = out.len;
	return buf_take(&out);
}
