/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_volume.c - `lichen volume create|ls|inspect|rm|prune` */

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/auto.h"
#include "base/size.h"
#include "cli/age.h"
#include "cli/args.h"
#include "cli/confirm.h"
#include "cli/each.h"
#include "cli/filter.h"
#include "cli/help.h"
#include "cli/table.h"
#include "cli/template.h"
#include "cli/verbs.h"
#include "host/facts.h"
#include "run/inmap.h"
#include "run/volumes.h"

/* ---- the store ---- */

struct place {
	const struct args *a;
	struct store store;
	struct volumes volumes;
	bool is_empty;		/* nobody has made a volume yet */
	json_t *array;		/* of inspect */
};

static int place_open_volumes(struct place *p, const struct args *a, bool makes, struct err *e)
{
	struct facts f = { 0 };
	int rc;

	*p = (struct place){ .a = a, .store = { .data_fd = -1, .run_fd = -1 }, .volumes = { .fd = -1 } };
	rc = facts_read(&f, false, e);
	if (rc == 0)
		rc = store_open(&p->store, f.uid, f.home, e);
	facts_fini(&f);
	if (rc == 0 && volumes_open(&p->store, makes, &p->volumes, e) < 0) {
		p->is_empty = !makes && e->kind == ERR_STATE && e->errnum == ENOENT;
		rc = p->is_empty ? 0 : -1;
	}
	if (rc == 0 && !p->is_empty)
		volumes_sweep(&p->volumes, in_map);
	return rc;
}

static void place_fini(struct place *p)
{
	volumes_close(&p->volumes);
	store_close(&p->store);
	json_decref(p->array);
}

#define AUTO_VOLUMES __attribute__((cleanup(place_fini)))

static int missing(const struct place *p, const char *name, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	struct err ignored;
	const char *near;

	err_set(e, ERR_STATE, "there is no volume %.200s", name);
	if (p->is_empty || volumes_list(&p->volumes, &names, &ignored) < 0)
		return err_hint(e, "there is none at all");
	near = str_nearest(name, (const char *const *)names.v, names.n);
	return near ? err_hint(e, "did you mean %s ?", near) : err_hint(e, "'lichen volume ls' lists those that are there");
}

/* ---- create ---- */

enum { RANDOM_BYTES = 32 };

/* As docker's: 64 digits. */
static char *random_name(struct err *e)
{
	unsigned char bytes[RANDOM_BYTES];
	struct buf b = { 0 };

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		err_sys(e, "getrandom", NULL, "making a name for the volume");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf_addf(&b, "%02x", bytes[i]);
	return buf_take(&b);
}

int verb_volume_create(const struct args *a, int *status, struct err *e)
{
	AUTO_FREE char *name = a->n_operands ? str_dup(a->operands[0]) : random_name(e);
	AUTO_STRV struct strv labels = { 0 };
	AUTO_BUF struct buf out = { 0 };
	AUTO_VOLUMES struct place p;
	int rc = place_open_volumes(&p, a, true, e);

	*status = 0;
	if (rc < 0 || !name)
		return -1;
	for (size_t i = 0; i < a->labels.n; i++) {
		const char *l = a->labels.v[i];

		if (l[0] == '=' || !l[0])
			return err_set(e, ERR_USAGE, "--label %s: expected KEY[=VALUE]", l);
		strv_addf(&labels, "%s%s", l, strchr(l, '=') ? "" : "=");
	}
	if (volume_create(&p.volumes, name, &labels, NULL, NULL, in_map, e) < 0)
		return -1;
	buf_addf(&out, "%s\n", name);
	return help_print(&out, e);
}

/* ---- which ---- */

struct wanted {
	struct strv names;	/* parts of names; one must fit; none: all fit */
	struct strv labels;	/* all must fit */
	int dangling;		/* not used by a sandbox; -1: either */
};

static void wanted_fini(struct wanted *w)
{
	strv_fini(&w->names);
	strv_fini(&w->labels);
}

static int wanted_make(struct wanted *w, const struct args *a, bool is_prune, struct err *e)
{
	static const char *const KEYS[] = { "label", "name", "dangling" };

	*w = (struct wanted){ .dangling = -1 };
	for (size_t i = 0; i < a->filters.n; i++) {
		const char *text = a->filters.v[i], *value;
		bool yes;

		switch (filter_split(text, KEYS, is_prune ? 1 : N_ELEMS(KEYS), &value, e)) {
		case 0:
			strv_add(&w->labels, value);
			break;
		case 1:
			strv_add(&w->names, value);
			break;
		case 2:
			if (filter_bool(text, value, &yes, e) < 0)
				return -1;
			w->dangling = yes;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

static bool has_labels(const struct volume *v, const void *arg)
{
	const struct wanted *w = arg;

	for (size_t i = 0; i < w->labels.n; i++)
		if (!has_label(&v->labels, w->labels.v[i]))
			return false;
	return true;
}

static bool is_wanted(const struct wanted *w, const struct volume *v, bool is_used)
{
	bool fits = !w->names.n;

	for (size_t i = 0; i < w->names.n; i++)
		fits = fits || strstr(v->name, w->names.v[i]);
	return fits && has_labels(v, w) && (w->dangling < 0 || w->dangling == !is_used);
}

/* ---- ls and inspect ---- */

static const struct column COLUMNS[] = {
	{ "NAME", "name", COLUMN_LEFT },   { "CREATED", "created", COLUMN_LEFT }, { "IN USE", "inUse", COLUMN_LEFT },
	{ "SIZE", "size", COLUMN_RIGHT },  { NULL, "mountpoint", COLUMN_LEFT },   { NULL, "labels", COLUMN_LEFT },
};
enum { SIZE_COLUMN = 3, TIME_TEXT = 32 };

static void time_text(int64_t t, char out[TIME_TEXT])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || !strftime(out, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		str_copy(out, TIME_TEXT, "");
}

/* "a=1,b=2" */
static char *labels_text(const struct volume *v)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < v->labels.n; i++)
		buf_addf(&b, "%s%s", i ? "," : "", v->labels.v[i]);
	return buf_take(&b);
}

/* docker's names of fields. */
static json_t *volume_object(const struct volume *v)
{
	json_t *labels = json_object();
	char created[TIME_TEXT];

	time_text(v->created, created);
	for (size_t i = 0; i < v->labels.n; i++) {
		const char *eq = strchr(v->labels.v[i], '=');
		AUTO_FREE char *key = str_dupn(v->labels.v[i], eq ? (size_t)(eq - v->labels.v[i]) : strlen(v->labels.v[i]));

		json_object_set_new(labels, key, json_string(eq ? eq + 1 : ""));
	}
	return json_pack("{s:s,s:s,s:o,s:s,s:s,s:{},s:s}", "CreatedAt", created, "Driver", "local", "Labels", labels, "Mountpoint", v->path,
			 "Name", v->name, "Options", "Scope", "local");
}

struct listing {
	struct table table;
	json_t *rows;	/* of --format */
};

/* @size: NULL: nobody has asked for it */
static void add_row(struct listing *l, const struct volume *v, bool is_used, const uint64_t *size)
{
	AUTO_FREE char *labels = labels_text(v);
	char age[AGE_TEXT], created[TIME_TEXT], shown[SIZE_TEXT];

	time_text(v->created, created);
	table_text(&l->table, v->name);
	table_text_as(&l->table, created, age_format(v->created, time(NULL), age));
	table_bool(&l->table, is_used, NULL);
	if (size)
		table_int(&l->table, (int64_t)*size, size_format(*size, shown));
	else
		table_null(&l->table, NULL);
	table_text(&l->table, v->path);
	table_text(&l->table, labels);
	json_array_append_new(l->rows, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Name", v->name, "Driver", "local", "Scope", "local", "Mountpoint",
						 v->path, "Labels", labels, "CreatedAt", created, "Size", size ? shown : "N/A"));
}

static int fill(struct listing *l, const struct place *p, const struct wanted *w, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	int rc = p->is_empty ? 0 : volumes_list(&p->volumes, &names, e);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		const bool is_used = volume_is_used(&p->volumes, names.v[i]);
		uint64_t size = 0;
		struct volume v;

		rc = volume_find(&p->volumes, names.v[i], &v, e);
		if (rc <= 0)
			continue;
		rc = 0;
		if (is_wanted(w, &v, is_used)) {
			if (p->a->sizes)
				rc = volume_measure(&p->volumes, v.name, in_map, &size, e);
			if (rc == 0)
				add_row(l, &v, is_used, p->a->sizes ? &size : NULL);
		}
		volume_fini(&v);
	}
	return rc;
}

static int print(struct listing *l, const struct args *a, struct err *e)
{
	struct column columns[N_ELEMS(COLUMNS)];

	if (a->quiet)
		return table_print_column(&l->table, "name", e);
	if (a->format && !str_eq(a->format, "table")) {
		json_t *titles = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "Name", "VOLUME NAME", "Driver", "DRIVER", "Scope", "SCOPE",
					   "Mountpoint", "MOUNTPOINT", "Labels", "LABELS", "CreatedAt", "CREATED AT", "Size", "SIZE");
		AUTO_BUF struct buf out = { 0 };
		int rc = template_rows(a->format, titles, l->rows, &out, e);

		json_decref(titles);
		return rc < 0 ? -1 : help_print(&out, e);
	}
	memcpy(columns, COLUMNS, sizeof(columns));
	if (!a->sizes)
		columns[SIZE_COLUMN].title = columns[SIZE_COLUMN].key = NULL;
	l->table.columns = columns;
	return a->json ? table_print_json(&l->table, e) : table_print(&l->table, e);
}

int verb_volume_ls(const struct args *a, int *status, struct err *e)
{
	struct listing l = { .table = { .columns = COLUMNS, .n_columns = N_ELEMS(COLUMNS) } };
	AUTO_VOLUMES struct place p;
	struct wanted w = { 0 };
	int rc = place_open_volumes(&p, a, false, e);

	*status = 0;
	if (rc == 0 && a->quiet + a->json + (a->format != NULL) > 1)
		rc = err_set(e, ERR_USAGE, "--quiet, --format and --json each say what is printed: give one of them");
	l.rows = json_array();
	if (rc == 0)
		rc = wanted_make(&w, a, false, e);
	if (rc == 0)
		rc = fill(&l, &p, &w, e);
	if (rc == 0)
		rc = print(&l, a, e);
	wanted_fini(&w);
	json_decref(l.rows);
	table_fini(&l.table);
	return rc;
}

static int inspect_one(const char *name, void *arg, struct err *e)
{
	struct place *p = arg;
	struct volume v;
	int rc = p->is_empty ? 0 : volume_find(&p->volumes, name, &v, e);

	if (rc == 0)
		return missing(p, name, e);
	if (rc < 0)
		return -1;
	json_array_append_new(p->array, volume_object(&v));
	volume_fini(&v);
	return 0;
}

int verb_volume_inspect(const struct args *a, int *status, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };
	AUTO_VOLUMES struct place p;
	struct err late = { 0 };
	int rc = place_open_volumes(&p, a, false, e);

	*status = 0;
	if (rc < 0)
		return -1;
	p.array = json_array();
	rc = each_word(a, 0, inspect_one, &p, e);
	if (rc < 0 && !json_array_size(p.array))
		return -1;
	if (a->format) {
		for (size_t i = 0; i < json_array_size(p.array); i++) {
			if (template_render(a->format, json_array_get(p.array, i), &out, rc < 0 ? &late : e) < 0)
				return -1;
			buf_add(&out, "\n");
		}
	} else {
		template_json(p.array, JSON_INDENT(4), &out);
		buf_add(&out, "\n");
	}
	return help_print(&out, rc < 0 ? &late : e) < 0 ? -1 : rc;
}

/* ---- rm and prune ---- */

static int remove_one(const char *name, void *arg, struct err *e)
{
	struct place *p = arg;
	AUTO_BUF struct buf out = { 0 };

	if (p->is_empty || (volume_remove_unused(&p->store, &p->volumes, name, e) < 0 && e->errnum == ENOENT))
		return p->a->force ? (err_clear(e), 0) : missing(p, name, e);
	if (e->kind)
		return -1;
	buf_addf(&out, "%s\n", name);
	return help_print(&out, e);
}

int verb_volume_rm(const struct args *a, int *status, struct err *e)
{
	AUTO_VOLUMES struct place p;

	*status = 0;
	return place_open_volumes(&p, a, false, e) < 0 ? -1 : each_word(a, 0, remove_one, &p, e);
}

static int print_gone(const struct args *a, const struct strv *gone, uint64_t bytes, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };
	char shown[SIZE_TEXT];

	buf_add(&out, a->json ? "{\"volumes\":[" : "");
	for (size_t i = 0; i < gone->n; i++) {
		buf_add(&out, a->json && i ? "," : "");
		if (a->json)
			buf_add_json(&out, gone->v[i]);
		else
			buf_addf(&out, "Deleted: %s\n", gone->v[i]);
	}
	if (a->json)
		buf_addf(&out, "],\"bytes\":%llu}\n", (unsigned long long)bytes);
	else
		buf_addf(&out, "Freed: %s\n", size_format(bytes, shown));
	return help_print(&out, e);
}

int verb_volume_prune(const struct args *a, int *status, struct err *e)
{
	AUTO_STRV struct strv gone = { 0 };
	AUTO_VOLUMES struct place p;
	struct wanted w = { 0 };
	struct err late = { 0 };
	uint64_t bytes = 0;
	int rc = place_open_volumes(&p, a, false, e), yes = 0;

	*status = 0;
	if (rc == 0)
		rc = wanted_make(&w, a, true, e);
	if (rc == 0)
		rc = yes = confirm(w.labels.n ? "This removes the volumes that no sandbox uses and that have these labels, with all that is in them"
					      : "This removes all volumes that no sandbox uses, with all that is in them", a->force, e);
	if (yes > 0) {
		rc = p.is_empty ? 0 : volumes_prune(&p.volumes, has_labels, &w, in_map, &gone, &bytes, e);
		if (print_gone(a, &gone, bytes, rc < 0 ? &late : e) < 0)
			rc = -1;
	}
	wanted_fini(&w);
	return rc;
}
