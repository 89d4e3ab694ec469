/* SPDX-License-Identifier: Apache-2.0 */
/* cli/age.c - times as images have them, and how long ago that is */

#include "cli/age.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR, WEEK = 7 * DAY, MONTH = 30 * DAY, YEAR = 365 * DAY };

int64_t time_of_text(const char *text)
{
	struct tm t = { 0 };
	const char *rest;
	int hours = 0, minutes = 0;
	int64_t shift = 0;

	rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &t) : NULL;
	if (!rest)
		return INT64_MIN;
	if (*rest == '.')
		for (rest++; isdigit((unsigned char)*rest);)
			rest++;
	if ((*rest == '+' || *rest == '-') && sscanf(rest + 1, "%2d:%2d", &hours, &minutes) == 2)
		shift = (*rest == '-' ? 1 : -1) * (hours * HOUR + minutes * MINUTE);
	else if (!str_eq(rest, "Z"))
		return INT64_MIN;
	return (int64_t)timegm(&t) + shift;
}

static char *said(char out[AGE_TEXT], const char *text)
{
	str_copy(out, AGE_TEXT, text);
	return out;
}

char *age_format(int64_t then, int64_t now, char out[AGE_TEXT])
{
	/* docker's, of go-units */
	static const struct {
		int64_t below, unit;
		const char *word;
	} STEPS[] = {
		{ 46 * MINUTE, MINUTE, "minutes" }, { 48 * HOUR, HOUR, "hours" }, { 2 * WEEK, DAY, "days" },
		{ 2 * MONTH, WEEK, "weeks" },	    { 2 * YEAR, MONTH, "months" }, { INT64_MAX, YEAR, "years" },
	};
	const int64_t age = then == INT64_MIN || then > now ? 0 : now - then;
	size_t i = 0;

	if (then == INT64_MIN || then == 0)
		return said(out, "N/A");
	if (age < 1)
		return said(out, "Less than a second ago");
	if (age < MINUTE) {
		snprintf(out, AGE_TEXT, "%" PRId64 " second%s ago", age, age == 1 ? "" : "s");
		return out;
	}
	if (age < 2 * MINUTE)
		return said(out, "About a minute ago");
	if (age >= 46 * MINUTE && age < 2 * HOUR)
		return said(out, "About an hour ago");
	while (age >= STEPS[i].below)
		i++;
	snprintf(out, AGE_TEXT, "%" PRId64 " %s ago", age / STEPS[i].unit, STEPS[i].word);
	return out;
}
