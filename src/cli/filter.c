/* SPDX-License-Identifier: Apache-2.0 */
/* cli/filter.c - what --filter of several verbs has in common */

#include "cli/filter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "cli/age.h"

int filter_split(const char *text, const char *const *keys, size_t n, const char **value, struct err *e)
{
	AUTO_FREE char *key = str_dupn(text, strcspn(text, "="));
	const char *eq = strchr(text, '='), *near;
	AUTO_BUF struct buf list = { 0 };

	for (size_t i = 0; i < n; i++) {
		buf_addf(&list, "%s%s=", i ? ", " : "", keys[i]);
		if (eq && eq[1] && str_eq(key, keys[i])) {
			*value = eq + 1;
			return (int)i;
		}
	}
	near = str_nearest(key, keys, n);
	err_set(e, ERR_USAGE, "--filter %s: expected KEY=VALUE, with the key %s", text, list.s);
	return near && !str_eq(near, key) ? err_hint(e, "did you mean %s= ?", near) : -1;
}

int filter_bool(const char *text, const char *value, bool *out, struct err *e)
{
	*out = str_eq(value, "true") || str_eq(value, "1");
	if (*out || str_eq(value, "false") || str_eq(value, "0"))
		return 0;
	return err_set(e, ERR_USAGE, "--filter %s: expected true or false", text);
}

/* "1h30m": at least one number, each with its unit. */
static bool read_duration(const char *s, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} UNITS[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	int64_t sum = 0;

	do {
		char *end;
		double n = strtod(s, &end);
		size_t i = 0;

		while (i < N_ELEMS(UNITS) && UNITS[i].unit != *end)
			i++;
		if (end == s || i == N_ELEMS(UNITS) || !(n >= 0 && n < 1e9))
			return false;
		sum += (int64_t)(n * (double)UNITS[i].seconds);
		s = end + 1;
	} while (*s);
	*out = sum;
	return true;
}

/* In this machine's time. */
static bool read_local(const char *s, int64_t *out)
{
	static const char *const FORMS[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S" };

	for (size_t i = 0; i < N_ELEMS(FORMS); i++) {
		struct tm t = { .tm_isdst = -1 };
		const char *rest = strptime(s, FORMS[i], &t);

		if (rest && !*rest) {
			*out = (int64_t)mktime(&t);
			return true;
		}
	}
	return false;
}

int filter_time(const char *text, const char *value, int64_t now, int64_t *out, struct err *e)
{
	int64_t ago;

	if (read_duration(value, &ago)) {
		*out = now - ago;
		return 0;
	}
	*out = time_of_text(value);
	if (*out != INT64_MIN || read_local(value, out))
		return 0;
	err_set(e, ERR_USAGE, "--filter %s: '%s' is no time", text, value);
	return err_hint(e, "expected a duration such as 24h or 1h30m, or a time such as 2026-05-01 or 2026-05-01T12:00:00Z");
}

bool has_label(const struct strv *labels, const char *wanted)
{
	const size_t n = strlen(wanted);
	const bool has_value = strchr(wanted, '=') != NULL;

	for (size_t i = 0; i < labels->n; i++)
		if (has_value ? str_eq(labels->v[i], wanted) : str_starts(labels->v[i], wanted) && labels->v[i][n] == '=')
			return true;
	return false;
}
