/* SPDX-License-Identifier: Apache-2.0 */
/* cli/age.h - times as images have them, and how long ago that is, in docker's words. Pure */
#ifndef CLI_AGE_H
#define CLI_AGE_H

#include <stdint.h>

/* Seconds since the epoch of "2024-05-01T12:00:00.5+02:00"; INT64_MIN: it is no time (NULL, too). */
int64_t time_of_text(const char *text);

enum { AGE_TEXT = 40 };

/* "3 weeks ago", "Less than a second ago"; "N/A" where @then is INT64_MIN or 0, which builds without a clock have.
 * Fills @out and returns it. */
char *age_format(int64_t then, int64_t now, char out[AGE_TEXT]);

#endif
