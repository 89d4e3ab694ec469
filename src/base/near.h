/* SPDX-License-Identifier: Apache-2.0 */
/* base/near.h - "did you mean": the nearest name there is, of files and programs
 *
 * For errors, after the fact: they read directories, keep errno, and find nothing sooner than
 * too much. Results are owned; NULL: nothing is near.
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/err.h"

/* @path, in which one component is missing, with the nearest one that exists in its place. */
char *near_path(const char *path);

/* The nearest name in the directories of @search, which is written as PATH is. */
char *near_program(const char *name, const char *search);

/* After ENOENT for @path: the hint is the nearest path, else @otherwise. -1. */
int near_hint(const char *path, const char *otherwise, struct err *e);

#endif
