/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pull_view.h - what is shown while images come or go
 *
 * On a terminal a block that is drawn anew: a line for all, then one a layer, with a bar, the rate and the time that
 * is left. Elsewhere a line where a layer begins and ends. With --json an object a line on standard output. All but that is
 * on standard error, as standard output has the result.
 */
#ifndef CLI_PULL_VIEW_H
#define CLI_PULL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "cli/live.h"
#include "run/imager.h"

struct args;

/* ---- pure ---- */

/* Bytes per second, smoothed over about three seconds. */
struct rate {
	uint64_t at_ms, bytes;	/* of the last reading; 0: none yet */
	double per_s;
	bool is_known;
};

void rate_add(struct rate *r, uint64_t now_ms, uint64_t bytes);
/* How long @left bytes take; UINT64_MAX: not known. */
uint64_t rate_left_ms(const struct rate *r, uint64_t left);
/* "[====>     ]", @width characters; @total 0: not known, "[          ]" */
void bar_add(struct buf *out, size_t width, uint64_t done, uint64_t total);

struct pull_layer {
	char *label;		/* owned */
	uint64_t size;		/* of the blob; 0: not known */
	uint64_t done, total;	/* of what goes on */
	uint64_t got;		/* of the blob, the most that was heard of */
	const char *what;	/* static: "waiting" "downloading" "reading" "unpacking" "done" "already there" */
	uint64_t said_ms;	/* --json: the last word on it */
	struct rate rate;
};

struct pull_layers {
	struct pull_layer *v;
	size_t n;
};

/* The layer @index, made where it is new. */
struct pull_layer *pull_layers_get(struct pull_layers *l, uint32_t index);
bool pull_layer_is_over(const struct pull_layer *l);
void pull_layers_fini(struct pull_layers *l);

/**
 * pull_render() - The block for a window
 * @title:	the image's name
 * @height:	lines that there are; where they are too few, those that are over are left out
 */
void pull_render(const struct pull_layers *l, const char *title, const struct rate *all, size_t width, size_t height, struct buf *out);

/* ---- on the screen ---- */

enum pull_mode { PULL_QUIET, PULL_PLAIN, PULL_DRAWN, PULL_JSON };

struct pull_view {
	struct imager_view view;	/* to be given to run/imager.h */
	enum pull_mode mode;
	const char *title;		/* borrowed */
	struct pull_layers layers;
	struct rate all;
	struct live live;
	struct strv warnings;		/* said when the block is gone */
	bool is_quiet;			/* of one that is opened later */
};

/* @title: what comes; borrowed until pull_view_close(). */
NODISCARD int pull_view_open(struct pull_view *v, const struct args *a, const char *title, struct err *e);
/* One that opens itself when there is something to be shown, and closes itself again: for run_foreground(). */
void pull_view_later(struct pull_view *v, bool is_quiet, const char *title);
/* The block stays; the warnings follow it. */
void pull_view_close(struct pull_view *v);

#define AUTO_PULL_VIEW __attribute__((cleanup(pull_view_close)))

#endif
