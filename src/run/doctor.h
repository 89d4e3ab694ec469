/* SPDX-License-Identifier: Apache-2.0 */
/* run/doctor.h - what this host lets lichen do, each found out by doing it */
#ifndef RUN_DOCTOR_H
#define RUN_DOCTOR_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_row {
	enum doctor_level level;
	const char *what;	/* static */
	char *detail, *remedy;	/* owned; remedy may be NULL */
};

struct doctor {
	struct doctor_row *v;
	size_t n;
};

/* Runs every check; nothing of it is left behind. A check that fails is a row, no error. */
void doctor_run(struct doctor *d);
void doctor_fini(struct doctor *d);

bool doctor_fails(const struct doctor *d);	/* something that `run` needs */
void doctor_print_text(const struct doctor *d, struct buf *out);
void doctor_print_json(const struct doctor *d, struct buf *out);

#define AUTO_DOCTOR __attribute__((cleanup(doctor_fini)))

#endif
