/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_stats.c - lichen stats */

#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "cli/args.h"
#include "cli/live.h"
#include "cli/stats_rows.h"
#include "cli/verbs.h"
#include "store/store.h"

enum {
	INTERVAL_MS = 1000, FIRST_MS = 500, INTERVAL_MIN_MS = 100, INTERVAL_MAX_MS = 3600 * 1000,
	MSEC_PER_SEC = 1000, NSEC_PER_MSEC = 1000000,
};

struct view {
	const struct args *a;		/* borrowed */
	struct store store;
	struct stats stats;
	struct stats_rows rows;
	struct live live;
	int timer;
	bool has_titles, has_noted;	/* printed once */
};

static void view_fini(struct view *v)
{
	live_close(&v->live);
	stats_rows_fini(&v->rows);
	stats_fini(&v->stats);
	auto_close(&v->timer);
	store_close(&v->store);
}

#define AUTO_VIEW __attribute__((cleanup(view_fini)))

/* ---- what is asked for ---- */

static int parse_interval(const char *text, long *ms, struct err *e)
{
	char *end;
	double seconds = strtod(text, &end);

	/* written so that no number at all fails, too */
	if (text[strspn(text, "0123456789.")] || *end || end == text ||
	    !(seconds * MSEC_PER_SEC >= INTERVAL_MIN_MS && seconds * MSEC_PER_SEC <= INTERVAL_MAX_MS)) {
		err_set(e, ERR_USAGE, "--interval %s: expected seconds, from 0.1 to 3600", text);
		return err_hint(e, "for example --interval 5 or --interval 0.5");
	}
	*ms = (long)(seconds * MSEC_PER_SEC + 0.5);
	return 0;
}

/* The ids of the operands. Goes on past one that there is not, and says so. */
static int find_operands(struct view *v, int *status, struct err *e)
{
	for (int i = 0; i < v->a->n_operands; i++) {
		struct run_dir rd = { .lock_fd = -1, .data_fd = -1 };

		if (store_find(&v->store, v->a->operands[i], &rd, e) < 0) {
			if (v->a->n_operands == 1)
				return -1;
			log_err(e);
			*status = EXIT_LICHEN;
		} else if (!strv_has(&v->stats.ids, rd.id)) {
			strv_add(&v->stats.ids, rd.id);
		}
		run_dir_fini(&rd);
	}
	if (v->a->n_operands && !v->stats.ids.n)
		return err_set(e, ERR_STATE, "none of the %d sandboxes is running", v->a->n_operands);
	return 0;
}

/* The characters that the user's terminal shows. */
static bool has_utf8(void)
{
	static const char *const VARIABLES[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = NULL;

	for (size_t i = 0; i < N_ELEMS(VARIABLES) && !(value && *value); i++)
		value = getenv(VARIABLES[i]);
	return value && (strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "UTF8") || strstr(value, "utf-8"));
}

static int start_timer(struct view *v, long interval_ms, struct err *e)
{
	/* two readings before the first line: without them nothing is known of what goes on */
	const long first = v->a->interval && v->a->no_stream ? interval_ms : interval_ms < FIRST_MS ? interval_ms : FIRST_MS;
	const struct itimerspec t = {
		.it_value = { first / MSEC_PER_SEC, first % MSEC_PER_SEC * NSEC_PER_MSEC },
		.it_interval = { interval_ms / MSEC_PER_SEC, interval_ms % MSEC_PER_SEC * NSEC_PER_MSEC },
	};

	v->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (v->timer < 0 || timerfd_settime(v->timer, 0, &t, NULL) < 0)
		return err_sys(e, "timerfd_settime", NULL, "setting the interval");
	return 0;
}

/* ---- printing ---- */

static size_t count_without_cgroup(const struct stats *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += !s->v[i].dir;
	return n;
}

static void add_notes(const struct view *v, struct buf *out)
{
	const size_t n = count_without_cgroup(&v->stats);

	if (!v->stats.n)
		buf_add(out, "no sandbox is running\n");
	if (n)
		buf_addf(out, "%zu of %zu without a cgroup of its own: nothing is known of it.\n"
			      "Start it with a limit or --cgroup-manager=systemd;\nsee 'lichen doctor'\n", n, v->stats.n);
}

/* Where lines follow one another it is said once, and not between them. */
static void warn_without_cgroup(struct view *v)
{
	for (size_t i = 0; i < v->stats.n && !v->has_noted; i++) {
		const struct stat_box *b = &v->stats.v[i];

		if (b->dir)
			continue;
		log_warn("%.*s has no cgroup of its own, so that nothing is known of what it uses, and it need not be the only one; "
			 "start it with a limit or with --cgroup-manager=systemd, see 'lichen doctor'",
			 b->name ? -1 : RUN_ID_SHORT, b->name ? b->name : b->id);
		v->has_noted = true;
	}
}

static void add_text(struct view *v, struct buf *out)
{
	struct table_style style = table_style_here();
	AUTO_BUF struct buf text = { 0 };
	const char *rows;

	if (v->live.is_terminal)
		style.width = v->live.width;
	stats_rows_fit(&v->rows, style.width);
	table_render(&v->rows.table, &style, &text);
	rows = v->has_titles && !v->live.is_terminal ? strchr(text.s, '\n') + 1 : text.s;
	buf_add(out, rows);
	v->has_titles = true;
	if (v->live.is_terminal)
		add_notes(v, out);
}

/* What was read last. */
static int show(struct view *v, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	stats_rows_fill(&v->rows, &v->stats);
	if (v->a->json && v->a->no_stream)
		table_render_json(&v->rows.table, &out);
	else if (v->a->json)
		table_render_json_lines(&v->rows.table, &out);
	else
		add_text(v, &out);
	if (!v->live.is_terminal)
		warn_without_cgroup(v);
	return live_draw(&v->live, out.s ? out.s : "", e);
}

/* ---- the loop ---- */

static int look(struct view *v, struct err *e)
{
	if (stats_refresh(&v->stats, &v->store, e) < 0)
		return -1;
	stats_sample(&v->stats);
	return 0;
}

static bool is_over(const struct view *v)
{
	return v->a->no_stream || (v->stats.ids.n && !v->stats.n);
}

static int loop(struct view *v, struct err *e)
{
	for (;;) {
		const enum live_event event = live_wait(&v->live, -1, v->timer);
		const int key = event == LIVE_KEY ? live_key(&v->live) : -1;
		uint64_t times;

		if (event == LIVE_ENDED || key == 'q' || key == 'Q')
			return 0;
		if (event == LIVE_INPUT && read(v->timer, &times, sizeof(times)) == (ssize_t)sizeof(times)) {
			if (look(v, e) < 0 || show(v, e) < 0)
				return -1;
			if (is_over(v))
				return 0;
		} else if (event == LIVE_REDRAW && v->has_titles && show(v, e) < 0) {
			return -1;
		}
	}
}

int verb_stats(const struct args *a, int *status, struct err *e)
{
	AUTO_VIEW struct view v = { .a = a, .store = { .data_fd = -1, .run_fd = -1 },
				    .live = { .fd = STDOUT_FILENO, .signals = -1, .keys = -1 }, .timer = -1 };
	long interval_ms = INTERVAL_MS;

	stats_init(&v.stats);
	stats_rows_init(&v.rows);
	v.rows.is_utf8 = has_utf8();
	if (a->interval && parse_interval(a->interval, &interval_ms, e) < 0)
		return -1;
	if (store_open(&v.store, geteuid(), getenv("HOME"), e) < 0 || find_operands(&v, status, e) < 0)
		return -1;
	if (look(&v, e) < 0 || start_timer(&v, interval_ms, e) < 0)
		return -1;
	if (!a->no_stream && !a->json && live_open(&v.live, STDOUT_FILENO, e) < 0)
		return -1;
	live_take_keys(&v.live, STDIN_FILENO);
	if (loop(&v, e) < 0)
		return -1;
	if (live_status(&v.live))
		*status = live_status(&v.live);
	return 0;
}
