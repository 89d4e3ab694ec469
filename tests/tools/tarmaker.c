/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/tarmaker.c - writes tars that no honest program writes: a script on standard input, the tar on standard output
 *
 *	file NAME [KEY=VALUE...]	dir symlink hard char block fifo, and "type X" with the type's letter
 *	pax KEY=VALUE			for the next entry; again for another one
 *	global KEY=VALUE		a global header at once
 *	longname TEXT, longlink TEXT	GNU's, for the next entry; size=N after it is what is announced
 *	bytes TEXT, zeros N		as they are, without a header
 *	pad				zeros to the next block
 *	end				the two empty blocks
 *	repeat N LINE			where # is the number, from 0
 *
 * KEY: mode (octal) uid gid mtime size (what is announced) major minor: a number, @NUMBER is written in base 256; data link
 * magic, sum (octal). Words end at a space; \s is a space, \n a newline, \xHH a byte, {TEXT*N} is TEXT N times.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { BLOCK = 512, WORDS = 32 };

static struct buf pax;
static uint64_t written;

static void die(const char *why, const char *what)
{
	fprintf(stderr, "tarmaker: %s: %s\n", why, what);
	exit(2);
}

static void put(const void *data, size_t n)
{
	if (n && fwrite(data, 1, n, stdout) != n)
		die("write", "standard output");
	written += n;
}

static void pad(void)
{
	static const char zeros[BLOCK];

	put(zeros, (BLOCK - written % BLOCK) % BLOCK);
}

static void expand(const char *s, size_t len, struct buf *out)
{
	for (const char *end = s + len; s < end; s++) {
		const char *star = *s == '{' ? memchr(s, '*', (size_t)(end - s)) : NULL;

		if (star) {
			char *rest;
			unsigned long n = strtoul(star + 1, &rest, 10);

			if (*rest != '}')
				die("no end of {", s);
			while (n--)
				expand(s + 1, (size_t)(star - s - 1), out);
			s = rest;
		} else if (*s == '\\' && s + 1 < end) {
			s++;
			if (*s == 'x') {
				char hex[3] = { s[1], s[2], 0 }, c = (char)strtoul(hex, NULL, 16);

				buf_addn(out, &c, 1);
				s += 2;
			} else {
				buf_addn(out, *s == 's' ? " " : *s == 'n' ? "\n" : s, 1);
			}
		} else {
			buf_addn(out, s, 1);
		}
	}
}

static void field(char *at, size_t size, const char *value, int base)
{
	if (value[0] == '@') {
		uint64_t n = (uint64_t)strtoll(value + 1, NULL, 0);

		memset(at, value[1] == '-' ? 0xff : 0, size);
		for (size_t i = 0; i < 8 && i < size; i++)
			at[size - 1 - i] = (char)(n >> 8 * i);
		at[0] = (char)((unsigned char)at[0] | 0x80);
		return;
	}
	snprintf(at, size, "%0*llo", (int)size - 1, (unsigned long long)strtoull(value, NULL, base));
}

static void sum(char h[BLOCK], const char *wrong)
{
	unsigned n = 0;

	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		n += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", wrong ? (unsigned)strtoul(wrong, NULL, 8) : n);
}

static const char *value_of(struct buf *words, size_t n, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (words[i].s && strncmp(words[i].s, key, len) == 0 && words[i].s[len] == '=')
			return words[i].s + len + 1;
	return NULL;
}

static void entry(char type, const char *name, const char *data, size_t data_len, struct buf *words, size_t n)
{
	static const struct {
		const char *key;
		size_t at, size;
		const char *standard;
	} FIELDS[] = {
		{ "mode", 100, 8, "644" }, { "uid", 108, 8, "0" }, { "gid", 116, 8, "0" }, { "mtime", 136, 12, "1000000000" },
		{ "major", 329, 8, "0" }, { "minor", 337, 8, "0" },
	};
	const char *link = value_of(words, n, "link"), *size = value_of(words, n, "size"), *magic = value_of(words, n, "magic");
	char h[BLOCK] = { 0 }, digits[32];

	memcpy(h, name, strlen(name) < 100 ? strlen(name) : 100);
	for (size_t i = 0; i < N_ELEMS(FIELDS); i++) {
		const char *v = value_of(words, n, FIELDS[i].key);

		field(h + FIELDS[i].at, FIELDS[i].size, v ? v : type == '5' && i == 0 ? "755" : FIELDS[i].standard, i ? 10 : 8);
	}
	snprintf(digits, sizeof(digits), "%zu", data_len);
	field(h + 124, 12, size ? size : digits, 10);
	h[156] = type;
	if (link)
		memcpy(h + 157, link, strlen(link) < 100 ? strlen(link) : 100);
	memcpy(h + 257, magic ? magic : "ustar\00000", magic && strlen(magic) < 8 ? strlen(magic) : 8);
	sum(h, value_of(words, n, "sum"));
	put(h, BLOCK);
	put(data, data_len);
	pad();
}

static void flush_pax(void)
{
	if (pax.len)
		entry('x', "pax", pax.s, pax.len, NULL, 0);
	pax.len = 0;
}

static void add_record(struct buf *b, const struct buf *text)
{
	size_t len = text->len + 2, digits = 1;

	/* the number counts itself */
	for (size_t n = 10; n <= len + digits; n *= 10)
		digits++;
	buf_addf(b, "%zu ", len + digits);
	buf_addn(b, text->s, text->len);
	buf_add(b, "\n");
}

static void make_entry(char type, struct buf *words, size_t n)
{
	const char *data = NULL;
	size_t len = 0;

	if (n < 1)
		die("no name", "");
	for (size_t i = 1; i < n; i++)
		if (words[i].s && str_starts(words[i].s, "data=")) {
			data = words[i].s + 5;
			len = words[i].len - 5; /* with its zeros */
		}
	flush_pax();
	entry(type, words[0].s ? words[0].s : "", data, len, words + 1, n - 1);
}

static void run(const char *line);

static void repeat(const char *rest)
{
	char *line;
	unsigned long n = strtoul(rest, &line, 10);

	for (unsigned long i = 0; i < n; i++) {
		AUTO_BUF struct buf b = { 0 };

		for (const char *s = line + 1; *s; s++) {
			if (*s == '#')
				buf_addf(&b, "%lu", i);
			else
				buf_addn(&b, s, 1);
		}
		run(b.s);
	}
}

static void run_words(const char *what, struct buf *words, size_t n)
{
	static const struct {
		const char *name;
		char type;
	} TYPES[] = { { "file", '0' }, { "hard", '1' }, { "symlink", '2' }, { "char", '3' }, { "block", '4' }, { "dir", '5' }, { "fifo", '6' } };
	const char *first = n && words[0].s ? words[0].s : "";

	for (size_t i = 0; i < N_ELEMS(TYPES); i++)
		if (str_eq(what, TYPES[i].name)) {
			make_entry(TYPES[i].type, words, n);
			return;
		}
	if (str_eq(what, "type") && n > 1) {
		make_entry(first[0], words + 1, n - 1);
	} else if (str_eq(what, "pax") && n) {
		add_record(&pax, words);
	} else if (str_eq(what, "global") && n) {
		AUTO_BUF struct buf b = { 0 };

		add_record(&b, words);
		entry('g', "global", b.s, b.len, NULL, 0);
	} else if (str_eq(what, "longname") || str_eq(what, "longlink")) {
		entry(what[4] == 'n' ? 'L' : 'K', "././@LongLink", first, strlen(first) + 1, words, n);
	} else if (str_eq(what, "bytes")) {
		put(first, n ? words[0].len : 0);
	} else if (str_eq(what, "zeros")) {
		for (unsigned long k = strtoul(first, NULL, 10); k; k--)
			put("", 1);
	} else if (str_eq(what, "pad")) {
		pad();
	} else if (str_eq(what, "end")) {
		for (int k = 0; k < 2 * BLOCK; k++)
			put("", 1);
	} else {
		die("what is this", what);
	}
}

static void run(const char *line)
{
	struct buf words[WORDS] = { 0 };
	size_t n = 0;

	if (str_starts(line, "repeat ")) {
		repeat(line + 7);
		return;
	}
	for (const char *s = line; *s && n < WORDS; n++) {
		size_t len = strcspn(s, " ");

		expand(s, len, &words[n]);
		s += len + strspn(s + len, " ");
	}
	if (n && words[0].s && words[0].s[0] != '#')
		run_words(words[0].s, words + 1, n - 1);
	for (size_t i = 0; i < n; i++)
		buf_fini(&words[i]);
}

int main(void)
{
	static char line[1 << 16];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run(line);
	}
	flush_pax();
	buf_fini(&pax);
	return fflush(stdout) ? 2 : 0;
}
