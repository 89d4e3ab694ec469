/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pull_view.c - what is shown while images come or go */

#include "cli/pull_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/size.h"
#include "cli/args.h"

enum {
	MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000,
	READING_MS = 200,	/* rates are told from readings as far apart */
	SMOOTH_MS = 3000,
	JSON_MS = 500,		/* between two words on a layer */
	BAR_MIN = 10, BAR_MAX = 40,
	LABEL_WIDTH = 12, WHAT_WIDTH = 13, AMOUNT_WIDTH = 19,
};

static const char DONE[] = "done", THERE[] = "already there", WAITING[] = "waiting";

/* ---- rates ---- */

void rate_add(struct rate *r, uint64_t now_ms, uint64_t bytes)
{
	const uint64_t past = now_ms - r->at_ms;
	double now;

	if (!r->at_ms || bytes < r->bytes) {
		*r = (struct rate){ .at_ms = now_ms, .bytes = bytes };
		return;
	}
	if (past < READING_MS)
		return;
	now = (double)(bytes - r->bytes) * MSEC_PER_SEC / (double)past;
	r->per_s = r->is_known ? r->per_s + (now - r->per_s) * (double)past / (double)(past + SMOOTH_MS) : now;
	r->is_known = true;
	r->at_ms = now_ms;
	r->bytes = bytes;
}

uint64_t rate_left_ms(const struct rate *r, uint64_t left)
{
	enum { DAYS_100_S = 100 * 24 * 3600 };

	if (!left)
		return 0;
	if (!r->is_known || r->per_s < 1 || (double)left / r->per_s > DAYS_100_S)
		return UINT64_MAX;
	return (uint64_t)((double)left * MSEC_PER_SEC / r->per_s);
}

void bar_add(struct buf *out, size_t width, uint64_t done, uint64_t total)
{
	const size_t inside = width > 2 ? width - 2 : 0;
	const double part = total ? (double)(done < total ? done : total) / (double)total : 0;
	const size_t full = (size_t)(part * (double)inside);

	buf_add(out, "[");
	for (size_t i = 0; i < inside; i++)
		buf_add(out, i < full ? "=" : i == full && total && done ? ">" : " ");
	buf_add(out, "]");
}

/* ---- layers ---- */

struct pull_layer *pull_layers_get(struct pull_layers *l, uint32_t index)
{
	if (index >= l->n) {
		l->v = mem_grow(l->v, (size_t)index + 1, sizeof(*l->v));
		memset(l->v + l->n, 0, (index + 1 - l->n) * sizeof(*l->v));
		for (size_t i = l->n; i <= index; i++)
			l->v[i].what = WAITING;
		l->n = (size_t)index + 1;
	}
	return &l->v[index];
}

bool pull_layer_is_over(const struct pull_layer *l)
{
	return l->what == DONE || l->what == THERE;
}

void pull_layers_fini(struct pull_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].label);
	free(l->v);
	*l = (struct pull_layers){ 0 };
}

/* What goes on, as one of our own words. */
static const char *word_of(const char *what)
{
	static const char *const WORDS[] = { "downloading", "uploading", "reading", "writing", "unpacking" };

	for (size_t i = 0; i < N_ELEMS(WORDS); i++)
		if (str_eq(what, WORDS[i]))
			return WORDS[i];
	return str_eq(what, DONE) ? DONE : str_eq(what, THERE) ? THERE : WAITING;
}

static void take_progress(struct pull_layer *l, const char *what, uint64_t done, uint64_t total, uint64_t now_ms)
{
	const char *word = word_of(what);

	if (word != l->what)
		l->rate = (struct rate){ 0 };
	l->what = word;
	l->done = done;
	l->total = total;
	if (word != DONE)
		rate_add(&l->rate, now_ms, done);
	if (done > l->got)
		l->got = done;
	if (word == DONE && l->size > l->got)
		l->got = l->size;
}

static void sums(const struct pull_layers *l, uint64_t *got, uint64_t *size, size_t *over, bool *is_known)
{
	*got = *size = 0;
	*over = 0;
	*is_known = true;
	for (size_t i = 0; i < l->n; i++) {
		const struct pull_layer *x = &l->v[i];

		*over += pull_layer_is_over(x);
		if (x->what == THERE)
			continue;
		*got += x->size && x->got > x->size ? x->size : x->got;
		*size += x->size;
		*is_known = *is_known && x->size;
	}
}

/* ---- text ---- */

static void pad(struct buf *out, size_t from, size_t width)
{
	while (out->len - from < width)
		buf_add(out, " ");
}

/* "  3.2MiB/s  1m05s" */
static void add_rate(struct buf *out, const struct rate *r, uint64_t left)
{
	const uint64_t ms = rate_left_ms(r, left);
	char size[SIZE_TEXT], time[DURATION_TEXT];

	if (!r->is_known)
		return;
	buf_addf(out, "  %s/s", size_format((uint64_t)r->per_s, size));
	if (ms != UINT64_MAX && left)
		buf_addf(out, "  %s", duration_format(ms < MSEC_PER_SEC ? MSEC_PER_SEC : ms, time));
}

static void add_layer(const struct pull_layer *l, size_t width, struct buf *out)
{
	const size_t start = out->len, fixed = LABEL_WIDTH + 1 + WHAT_WIDTH + 1 + AMOUNT_WIDTH + 20;
	const uint64_t total = l->total ? l->total : l->size;
	char done_text[SIZE_TEXT], total_text[SIZE_TEXT];
	size_t at;

	buf_add_safe(out, l->label ? l->label : "");
	pad(out, start, LABEL_WIDTH + 1);
	buf_add(out, l->what);
	if (l->what == WAITING || pull_layer_is_over(l)) {
		if (l->size && l->what != THERE) {
			pad(out, start, LABEL_WIDTH + 1 + WHAT_WIDTH + 1);
			buf_addf(out, "%s", size_format(l->size, total_text));
		}
		buf_add(out, "\n");
		return;
	}
	pad(out, start, LABEL_WIDTH + 1 + WHAT_WIDTH + 1);
	if (width >= fixed + BAR_MIN) {
		bar_add(out, width - fixed < BAR_MAX ? width - fixed : BAR_MAX, l->done, total);
		buf_add(out, " ");
	}
	at = out->len;
	buf_add(out, size_format(l->done, done_text));
	if (total)
		buf_addf(out, "/%s", size_format(total, total_text));
	pad(out, at, AMOUNT_WIDTH);
	add_rate(out, &l->rate, total > l->done ? total - l->done : 0);
	while (out->s[out->len - 1] == ' ')
		out->s[--out->len] = '\0';
	buf_add(out, "\n");
}

static void add_all(const struct pull_layers *l, const char *title, const struct rate *all, struct buf *out)
{
	char got_text[SIZE_TEXT], size_text[SIZE_TEXT];
	uint64_t got, size;
	size_t over;
	bool is_known;

	sums(l, &got, &size, &over, &is_known);
	buf_add_safe(out, title);
	if (l->n)
		buf_addf(out, ": %zu of %zu layers", over, l->n);
	if (got || size)
		buf_addf(out, ", %s", size_format(got, got_text));
	if (size && is_known)
		buf_addf(out, " of %s", size_format(size, size_text));
	if (over < l->n)
		add_rate(out, all, is_known && size > got ? size - got : 0);
	buf_add(out, "\n");
}

void pull_render(const struct pull_layers *l, const char *title, const struct rate *all, size_t width, size_t height, struct buf *out)
{
	const bool is_tight = height && l->n + 1 > height;

	add_all(l, title, all, out);
	for (size_t i = 0; i < l->n; i++)
		if (!is_tight || !pull_layer_is_over(&l->v[i]))
			add_layer(&l->v[i], width, out);
}

/* ---- on the screen ---- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * MSEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_MSEC;
}

static void print(int fd, const struct buf *out)
{
	/* what cannot be shown keeps no image from coming */
	if (out->len)
		(void)!fd_write_all(fd, out->s, out->len);
}

static void json_layer(const struct pull_view *v, uint32_t index, const struct pull_layer *l)
{
	AUTO_BUF struct buf out = { 0 };

	buf_add(&out, "{\"event\":\"layer\",\"image\":");
	buf_add_json(&out, v->title);
	buf_addf(&out, ",\"index\":%" PRIu32 ",\"layer\":", index);
	buf_add_json(&out, l->label ? l->label : "");
	buf_addf(&out, ",\"status\":\"%s\",\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}\n", l->what, l->done, l->total ? l->total : l->size);
	print(STDOUT_FILENO, &out);
}

static void json_text(const char *event, const char *text)
{
	AUTO_BUF struct buf out = { 0 };

	buf_addf(&out, "{\"event\":\"%s\",\"text\":", event);
	buf_add_json(&out, text);
	buf_add(&out, "}\n");
	print(STDOUT_FILENO, &out);
}

static void plain_layer(const struct pull_layer *l)
{
	AUTO_BUF struct buf out = { 0 };
	char size[SIZE_TEXT];

	buf_add_safe(&out, l->label ? l->label : "");
	buf_addf(&out, ": %s", l->what);
	if (l->size && !pull_layer_is_over(l))
		buf_addf(&out, " (%s)", size_format(l->size, size));
	buf_add(&out, "\n");
	print(STDERR_FILENO, &out);
}

static void on_step(void *arg, const char *text)
{
	const struct pull_view *v = arg;
	AUTO_BUF struct buf out = { 0 };

	if (v->mode == PULL_JSON) {
		json_text("step", text);
	} else if (v->mode == PULL_PLAIN || (v->view.end && !v->layers.n)) { /* for whom a run unpacks is said on a terminal, too */
		buf_add_safe(&out, text);
		buf_add(&out, "\n");
		print(STDERR_FILENO, &out);
	}
}

static void on_layer(void *arg, uint32_t index, const char *label, uint64_t size, bool is_there)
{
	struct pull_view *v = arg;
	struct pull_layer *l = pull_layers_get(&v->layers, index);

	free(l->label);
	/* of a root file system nothing is known before it is read */
	l->label = *label ? str_dup(label) : str_fmt("layer %" PRIu32, index + 1);
	l->size = size;
	l->what = is_there ? THERE : WAITING;
	if (v->mode == PULL_JSON)
		json_layer(v, index, l);
	else if (v->mode == PULL_PLAIN && is_there)
		plain_layer(l);
}

static void on_progress(void *arg, uint32_t index, const char *what, uint64_t done, uint64_t total)
{
	struct pull_view *v = arg;
	struct pull_layer *l = pull_layers_get(&v->layers, index);
	const char *before = l->what;
	const uint64_t ms = now();
	uint64_t got, size;
	size_t over;
	bool is_known;

	take_progress(l, what, done, total, ms);
	sums(&v->layers, &got, &size, &over, &is_known);
	rate_add(&v->all, ms, got);
	if (v->mode == PULL_JSON && (l->what != before || ms - l->said_ms >= JSON_MS)) {
		l->said_ms = ms;
		json_layer(v, index, l);
	} else if (v->mode == PULL_PLAIN && l->what != before && l->what != WAITING && l->label) {
		plain_layer(l);
	}
}

static void on_warn(void *arg, const char *text)
{
	struct pull_view *v = arg;

	if (v->mode == PULL_JSON)
		json_text("warning", text);
	else if (v->mode == PULL_DRAWN)
		strv_add(&v->warnings, text);
	else
		log_warn("%s", text);
}

static void draw(struct pull_view *v)
{
	struct err ignored = { 0 };
	AUTO_BUF struct buf out = { 0 };

	pull_render(&v->layers, v->title, &v->all, v->live.width, v->live.height, &out);
	(void)!live_draw(&v->live, out.s, &ignored);
}

static int on_tick(void *arg)
{
	struct pull_view *v = arg;

	(void)live_wait(&v->live, 0, -1);
	if (v->layers.n)
		draw(v);
	/* a signal that is heard here is pending for nobody else */
	return live_status(&v->live) ? live_status(&v->live) - EXIT_SIGNAL : 0;
}

int pull_view_open(struct pull_view *v, const struct args *a, const char *title, struct err *e)
{
	*v = (struct pull_view){ .mode = a->json ? PULL_JSON : a->quiet ? PULL_QUIET : PULL_PLAIN, .title = title,
				 .live = { .fd = STDERR_FILENO, .signals = -1, .keys = -1 } };
	v->view = (struct imager_view){ .arg = v, .warn = on_warn };
	if (v->mode == PULL_QUIET)
		return 0;
	v->view.step = on_step;
	v->view.layer = on_layer;
	v->view.progress = on_progress;
	if (v->mode == PULL_JSON)
		return 0;
	if (live_open_beside(&v->live, STDERR_FILENO, e) < 0)
		return -1;
	if (v->live.is_terminal) {
		v->mode = PULL_DRAWN;
		v->view.tick = on_tick;
	}
	return 0;
}

void pull_view_close(struct pull_view *v)
{
	if (v->mode == PULL_DRAWN && v->layers.n)
		draw(v);
	live_close(&v->live);
	for (size_t i = 0; i < v->warnings.n; i++)
		log_warn("%s", v->warnings.v[i]);
	strv_fini(&v->warnings);
	pull_layers_fini(&v->layers);
	v->mode = PULL_QUIET;
}

/* ---- later ---- */

static void end_later(void *arg)
{
	struct pull_view *v = arg;

	pull_view_close(v);
	pull_view_later(v, v->is_quiet, v->title);
}

static int begin_later(void *arg, struct err *e)
{
	struct pull_view *v = arg;
	const bool is_quiet = v->is_quiet;

	if (pull_view_open(v, &(const struct args){ .quiet = is_quiet }, v->title, e) < 0)
		return -1;
	v->is_quiet = is_quiet;
	v->view.end = end_later;
	return 0;
}

void pull_view_later(struct pull_view *v, bool is_quiet, const char *title)
{
	*v = (struct pull_view){ .is_quiet = is_quiet, .title = title, .live = { .fd = STDERR_FILENO, .signals = -1, .keys = -1 } };
	v->view = (struct imager_view){ .arg = v, .begin = begin_later };
}
