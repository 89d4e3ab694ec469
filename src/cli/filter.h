/* SPDX-License-Identifier: Apache-2.0 */
/* cli/filter.h - what --filter of several verbs has in common */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/**
 * filter_split() - KEY=VALUE of --filter
 * @keys:	the @n that there are
 * @value:	points into @text; not empty
 * Return: the index of the key, or -1 with @e (USAGE: names the keys, or the nearest one)
 */
NODISCARD int filter_split(const char *text, const char *const *keys, size_t n, const char **value, struct err *e);

/* true, 1, false or 0. */
NODISCARD int filter_bool(const char *text, const char *value, bool *out, struct err *e);

/* A duration, "24h", "1h30m", "90s" (so long before @now), or a time, "2026-05-01", "2026-05-01T12:00:00" with or without "Z" or
 * "+02:00" (without: here): seconds since the epoch. */
NODISCARD int filter_time(const char *text, const char *value, int64_t now, int64_t *out, struct err *e);

/* Whether one of @labels, KEY=VALUE, is the wanted KEY or KEY=VALUE. */
bool has_label(const struct strv *labels, const char *wanted);

#endif
