/* SPDX-License-Identifier: Apache-2.0 */
/* cli/stats_rows.h - what sandboxes use, as rows of a table */
#ifndef CLI_STATS_ROWS_H
#define CLI_STATS_ROWS_H

#include <stdbool.h>

#include "cli/table.h"
#include "run/stats.h"

enum { STATS_COLUMNS = 32 };

struct stats_rows {
	struct table table;
	struct column columns[STATS_COLUMNS];	/* of the table; a title is NULL where a column is left out */
	char time[32];		/* of the sample, UTC */
	bool is_utf8;		/* of the terminal */
};

void stats_rows_init(struct stats_rows *r);
void stats_rows_fini(struct stats_rows *r);

/* One row for each sandbox that does not just end; what the table had is gone. */
void stats_rows_fill(struct stats_rows *r, const struct stats *s);

/* Leaves out what is least needed, until a line is no longer than @width; 0: all but the history is shown. */
void stats_rows_fit(struct stats_rows *r, size_t width);

/* The values as little columns, the newest last. Eight heights; the highest is 100 %, or the highest of
 * the values where that is more. A blank where nothing is known. */
void stats_spark(const double *values, size_t n, bool is_utf8, struct buf *out);

#endif
