/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_inspect.c - lichen inspect: all that is known of something, in docker's words */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/args.h"
#include "cli/each.h"
#include "cli/help.h"
#include "cli/image_place.h"
#include "cli/template.h"
#include "cli/verbs.h"

/* ---- images ---- */

static json_t *list_of(const struct strv *sv)
{
	json_t *out = json_array();

	for (size_t i = 0; i < sv->n; i++)
		json_array_append_new(out, json_string(sv->v[i]));
	return out;
}

/* docker says null for a list that is not there. */
static json_t *list_or_null(const struct strv *sv)
{
	return sv->n ? list_of(sv) : json_null();
}

/* "/data" as "/data": {} */
static json_t *set_of(const struct strv *sv)
{
	json_t *out = json_object();

	for (size_t i = 0; i < sv->n; i++)
		json_object_set_new(out, sv->v[i], json_object());
	return out;
}

static json_t *pairs_of(const struct strv *sv)
{
	json_t *out = json_object();

	for (size_t i = 0; i < sv->n; i++) {
		AUTO_FREE char *key = str_dupn(sv->v[i], strcspn(sv->v[i], "="));
		const char *value = sv->v[i] + strlen(key);

		json_object_set_new(out, key, json_string(*value ? value + 1 : ""));
	}
	return out;
}

static json_t *text(const char *s)
{
	return json_string(s ? s : "");
}

static json_t *config_of(const struct image *im)
{
	json_t *out = json_object();

	json_object_set_new(out, "User", text(im->user));
	json_object_set_new(out, "ExposedPorts", set_of(&im->exposed_ports));
	json_object_set_new(out, "Env", list_of(&im->env));
	json_object_set_new(out, "Cmd", list_or_null(&im->cmd));
	json_object_set_new(out, "Entrypoint", list_or_null(&im->entrypoint));
	json_object_set_new(out, "Volumes", set_of(&im->volumes));
	json_object_set_new(out, "WorkingDir", text(im->working_dir));
	json_object_set_new(out, "Labels", pairs_of(&im->labels));
	json_object_set_new(out, "StopSignal", text(im->stop_signal));
	json_object_set_new(out, "Shell", list_or_null(&im->shell));
	json_object_set_new(out, "OnBuild", list_or_null(&im->onbuild));
	if (im->healthcheck.n)
		json_object_set_new(out, "Healthcheck",
				    json_pack("{s:o,s:I,s:I,s:I,s:i}", "Test", list_of(&im->healthcheck), "Interval",
					      (json_int_t)im->health_interval_ns, "Timeout", (json_int_t)im->health_timeout_ns, "StartPeriod",
					      (json_int_t)im->health_start_ns, "Retries", (int)im->health_retries));
	return out;
}

static json_t *layers_of(const struct image *im)
{
	json_t *out = json_array();

	for (size_t i = 0; i < im->n_layers; i++)
		json_array_append_new(out, json_string(im->layers[i].diff_id));
	return json_pack("{s:s,s:o}", "Type", "layers", "Layers", out);
}

static json_t *history_of(const struct image *im)
{
	json_t *out = json_array();

	for (size_t i = 0; i < im->n_history; i++) {
		const struct image_history *h = &im->history[i];
		json_t *step = json_object();

		if (h->created)
			json_object_set_new(step, "created", json_string(h->created));
		if (h->created_by)
			json_object_set_new(step, "created_by", json_string(h->created_by));
		if (h->comment)
			json_object_set_new(step, "comment", json_string(h->comment));
		if (h->is_empty)
			json_object_set_new(step, "empty_layer", json_true());
		json_array_append_new(out, step);
	}
	return out;
}

/* The names of the image, as people say them. */
static void add_names(json_t *out, struct image_place *p, const char *id)
{
	AUTO_STRV struct strv tags = { 0 }, digests = { 0 };
	struct image_list list = { 0 };
	struct err ignored = { 0 };

	if (place_list(p, &list, &ignored) == 0)
		for (size_t i = 0; i < list.n; i++) {
			if (!str_eq(list.v[i].id, id))
				continue;
			for (size_t k = 0; k < list.v[i].names.n; k++)
				strv_add_take(&tags, familiar_name(list.v[i].names.v[k]));
			for (size_t k = 0; k < list.v[i].digests.n; k++)
				strv_add_take(&digests, familiar_name(list.v[i].digests.v[k]));
		}
	image_list_fini(&list);
	json_object_set_new(out, "RepoTags", list_of(&tags));
	json_object_set_new(out, "RepoDigests", list_of(&digests));
}

static json_t *image_json(struct image_place *p, const char *id, const struct image *im)
{
	json_t *out = json_object();

	json_object_set_new(out, "Id", json_string(id));
	add_names(out, p, id);
	json_object_set_new(out, "Digest", text(im->manifest));
	json_object_set_new(out, "Created", text(im->created));
	json_object_set_new(out, "Author", text(im->author));
	json_object_set_new(out, "Architecture", text(im->architecture));
	json_object_set_new(out, "Variant", text(im->variant));
	json_object_set_new(out, "Os", text(im->os));
	json_object_set_new(out, "Size", json_integer((json_int_t)place_size(p, im)));
	json_object_set_new(out, "Config", config_of(im));
	json_object_set_new(out, "RootFS", layers_of(im));
	json_object_set_new(out, "Annotations", pairs_of(&im->annotations));
	json_object_set_new(out, "History", history_of(im));
	return out;
}

static int inspect_image(struct image_place *p, const char *word, json_t **out, struct err *e)
{
	AUTO_FREE char *id = NULL;
	struct image im = { 0 };
	int rc = place_find(p, word, &id, NULL, e);

	if (rc <= 0)
		return rc;
	if (images_load(&p->images, id, &im, NULL, e) < 0)
		return -1;
	*out = image_json(p, id, &im);
	image_fini(&im);
	return 1;
}

/* ---- all types ---- */

/* Each looks for @word among its own: 1 and *@out, a new reference; 0: there is none; -1 with @e. */
static const struct type {
	const char *name;
	int (*find)(struct image_place *p, const char *word, json_t **out, struct err *e);
	int (*missing)(struct image_place *p, const char *word, struct err *e);
} TYPES[] = {
	{ "image", inspect_image, place_missing },
};

struct inspection {
	const struct args *a;
	struct image_place place;
	const struct type *only;	/* of --type; NULL: any */
	json_t *found;
};

static int find_type(struct inspection *in, struct err *e)
{
	const char *names[N_ELEMS(TYPES)], *near;
	AUTO_BUF struct buf known = { 0 };

	for (size_t i = 0; i < N_ELEMS(TYPES); i++) {
		names[i] = TYPES[i].name;
		buf_addf(&known, "%s%s", i ? ", " : "", TYPES[i].name);
		if (str_eq(in->a->type, TYPES[i].name))
			in->only = &TYPES[i];
	}
	if (in->only || !in->a->type)
		return 0;
	near = str_nearest(in->a->type, names, N_ELEMS(TYPES));
	err_set(e, ERR_USAGE, "--type %s: expected %s", in->a->type, known.s);
	return near ? err_hint(e, "did you mean %s ?", near) : -1;
}

static int inspect_one(const char *word, void *arg, struct err *e)
{
	struct inspection *in = arg;
	json_t *v = NULL;

	for (size_t i = 0; i < N_ELEMS(TYPES); i++) {
		int rc = in->only && in->only != &TYPES[i] ? 0 : TYPES[i].find(&in->place, word, &v, e);

		if (rc < 0)
			return -1;
		if (rc > 0) {
			json_array_append_new(in->found, v);
			return 0;
		}
	}
	return TYPES[0].missing(&in->place, word, e);
}

static int print(const struct inspection *in, struct err *e)
{
	AUTO_BUF struct buf out = { 0 };

	if (in->a->format && !str_eq(in->a->format, "json"))
		return template_rows(in->a->format, in->found, in->found, &out, e) < 0 ? -1 : help_print(&out, e);
	template_json(in->found, in->a->format ? JSON_COMPACT : JSON_INDENT(4), &out);
	buf_add(&out, "\n");
	return help_print(&out, e);
}

int verb_inspect(const struct args *a, int *status, struct err *e)
{
	struct inspection in = { .a = a, .place = PLACE_CLOSED, .found = json_array() };
	struct err printing = { 0 };
	int rc = find_type(&in, e);

	*status = 0;
	if (rc == 0)
		rc = place_open(&in.place, false, e);
	if (rc == 0) {
		rc = each_word(a, 0, inspect_one, &in, e);
		/* as docker: what was found is printed, whatever failed */
		if (print(&in, &printing) < 0 && rc == 0) {
			*e = printing;
			rc = -1;
		}
	}
	place_close(&in.place);
	json_decref(in.found);
	return rc;
}
