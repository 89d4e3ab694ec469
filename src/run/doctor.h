/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor.h - what this host lets lichen do, each found out by doing it */
#ifndef RUN_DOCTOR_H
#define RUN_DOCTOR_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct cause;

enum doctor_level {
	DOCTOR_WORKS,
	DOCTOR_MISSING,	/* `run` works without it */
	DOCTOR_BROKEN,	/* `run` does not */
};

struct doctor_row {
	enum doctor_level level;
	const char *id, *what, *gives;	/* static: of the trial; gives may be NULL */
	char *detail;			/* owned */
	const struct cause *cause;	/* host/hint.h; NULL: works, or nobody knows */
	char *remedy;			/* owned, the cause's text for this user; may be NULL */
};

struct doctor {
	struct doctor_row *v;
	size_t n;
	char *user;	/* owned: login name, or the number */
	unsigned uid;
};

/* Runs every trial; nothing of it is left behind. What fails is a row, no error. */
void doctor_run(struct doctor *d);
void doctor_fini(struct doctor *d);

bool doctor_fails(const struct doctor *d);	/* something that `run` needs */

/* @width: columns of the terminal, 0: lines are not broken; @colours: with escapes */
void doctor_print_text(const struct doctor *d, unsigned width, bool colours, struct buf *out);
void doctor_print_json(const struct doctor *d, struct buf *out);

/* A script for the administrator that mends what can be mended: sh, idempotent. */
void doctor_print_fix(const struct doctor *d, struct buf *out);

#define AUTO_DOCTOR __attribute__((cleanup(doctor_fini)))

#endif
