/* SPDX-License-Identifier: Apache-2.0 */
/* proc/numbers.c - numbers and sets of processors out of the kernel's texts; no system calls */

#include "numbers.h"

#include <string.h>

uint64_t num_add(uint64_t a, uint64_t b)
{
	return a > NUM_MAX - b || b > NUM_MAX ? NUM_MAX : a + b;
}

uint64_t num_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

uint64_t num_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Moves *@s behind the number. */
static uint64_t take(const char **s)
{
	uint64_t n = 0;

	if (!is_digit(**s))
		return NUM_NONE;
	for (; is_digit(**s); (*s)++) {
		uint64_t digit = (uint64_t)(**s - '0');

		n = n > (NUM_MAX - digit) / 10 ? NUM_MAX : n * 10 + digit;
	}
	return n;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

uint64_t num_read(const char *text)
{
	const char *s = text ? skip_blanks(text) : "";

	return take(&s);
}

uint64_t num_of_key(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL)
		if (strncmp(s, key, n) == 0 && (s[n] == ' ' || s[n] == '\t'))
			return num_read(s + n);
	return NUM_NONE;
}

uint64_t num_pressure(const char *text)
{
	static const char key[] = " total=";
	const char *line = text && strncmp(text, "some ", 5) == 0 ? text : NULL;
	const char *end = line ? line + strcspn(line, "\n") : NULL;
	const char *at = line ? strstr(line, key) : NULL;

	return at && at < end ? num_read(at + sizeof(key) - 1) : NUM_NONE;
}

uint64_t num_quota_cpus(const char *text)
{
	const char *s = text ? skip_blanks(text) : "";
	uint64_t quota = take(&s), period = num_read(s);

	if (period == NUM_NONE)
		period = 100000;	/* the kernel's own */
	if (quota == NUM_NONE || quota == 0 || period == 0)
		return NUM_NONE;
	return quota / period + (quota % period != 0);
}

uint64_t num_lines(const char *text)
{
	uint64_t n = 0;

	for (const char *s = text; s && (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

/* ---- sets ---- */

bool cpuset_has(const struct cpuset *set, uint64_t cpu)
{
	return cpu < CPUS_MAX && (set->bits[cpu / 64] >> cpu % 64 & 1U);
}

static size_t add_range(struct cpuset *set, uint64_t first, uint64_t last)
{
	size_t n = 0;

	for (uint64_t cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++) {
		n += !cpuset_has(set, cpu);
		set->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
	}
	return n;
}

size_t cpuset_read(struct cpuset *set, const char *text)
{
	size_t n = 0;

	*set = (struct cpuset){ 0 };
	for (const char *s = text; s && *s;) {
		uint64_t first = take(&s), last = first;

		if (*s == '-') {
			s++;
			last = take(&s);
		}
		if (first != NUM_NONE && last != NUM_NONE)
			n += add_range(set, first, last);
		s += strcspn(s, ",");
		s += *s == ',';
	}
	return n;
}
