/* SPDX-License-Identifier: Apache-2.0 */
/* image/image_config.c - the config of an image: what a stranger's JSON says becomes struct image, and the reverse */

#include "image_config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "jsonin.h"

enum { WORD_MAX = 255, HISTORY_MAX = 2000 };

/* ---- reading ---- */

/* A text of one line, which people read and programs compare. */
static int read_word(const json_t *o, const char *key, size_t max, char **out, struct err *e)
{
	if (jin_str(o, key, max, out, e) < 0)
		return -1;
	for (const char *s = *out; s && *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return err_set(e, ERR_STATE, "\"%s\" has a control character", key);
	return 0;
}

/* "" is what docker writes for none. */
static int read_setting(const json_t *o, const char *key, size_t max, char **out, struct err *e)
{
	if (read_word(o, key, max, out, e) < 0)
		return -1;
	if (*out && !**out)
		str_set(out, NULL);
	return 0;
}

static int read_list(const json_t *o, const char *key, struct strv *out, struct err *e)
{
	return jin_list(o, key, IMAGE_LIST_MAX, IMAGE_STRING_MAX - 1, out, e);
}

static int read_health(const json_t *o, struct image *im, struct err *e)
{
	uint64_t retries = 0;
	const json_t *j;

	if (jin_object(o, "Healthcheck", &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_list(j, "Test", &im->healthcheck, e) < 0 || jin_u64(j, "Interval", INT64_MAX, &im->health_interval_ns, e) < 0 ||
	    jin_u64(j, "Timeout", INT64_MAX, &im->health_timeout_ns, e) < 0 ||
	    jin_u64(j, "StartPeriod", INT64_MAX, &im->health_start_ns, e) < 0 || jin_u64(j, "Retries", INT32_MAX, &retries, e) < 0)
		return err_wrap(e, "Healthcheck");
	im->health_retries = (uint32_t)retries;
	return 0;
}

/* Of texts that stand next to each other one stays. */
static void drop_twins(struct strv *sv)
{
	size_t n = 0;

	for (size_t i = 0; i < sv->n; i++) {
		if (n > 0 && str_eq(sv->v[n - 1], sv->v[i]))
			free(sv->v[i]);
		else
			sv->v[n++] = sv->v[i];
	}
	sv->n = n;
	if (n > 0)
		sv->v[n] = NULL;
}

/* As docker means them: a variable without a value is none, a volume is below the root. */
static void mend(struct image *im)
{
	size_t n = 0;

	for (size_t i = 0; i < im->env.n; i++) {
		char *s = im->env.v[i];

		im->env.v[i] = NULL;
		if (strchr(s, '=') && *s != '=')
			im->env.v[n++] = s;
		else
			free(s);
	}
	im->env.n = n;
	if (n == 0)
		strv_fini(&im->env);
	for (size_t i = 0; i < im->volumes.n; i++) {
		AUTO_FREE char *s = im->volumes.v[i];

		im->volumes.v[i] = str_fmt("%s%s", s[0] == '/' ? "" : "/", s);
	}
	strv_sort(&im->volumes);
	drop_twins(&im->volumes);
}

static int read_start(const json_t *o, struct image *im, struct err *e)
{
	const json_t *j;

	if (jin_object(o, "config", &j, e) < 0)
		return -1;
	if (!j)
		return 0;
	if (read_list(j, "Env", &im->env, e) < 0 || read_list(j, "Entrypoint", &im->entrypoint, e) < 0 ||
	    read_list(j, "Cmd", &im->cmd, e) < 0 || read_list(j, "Shell", &im->shell, e) < 0 || read_list(j, "OnBuild", &im->onbuild, e) < 0)
		return -1;
	if (jin_keys(j, "Volumes", IMAGE_LIST_MAX, IMAGE_STRING_MAX - 1, &im->volumes, e) < 0 ||
	    jin_keys(j, "ExposedPorts", IMAGE_LIST_MAX, WORD_MAX, &im->exposed_ports, e) < 0 ||
	    jin_map(j, "Labels", IMAGE_LIST_MAX, IMAGE_STRING_MAX - 1, &im->labels, e) < 0)
		return -1;
	if (read_setting(j, "User", WORD_MAX, &im->user, e) < 0 || read_setting(j, "WorkingDir", 4095, &im->working_dir, e) < 0 ||
	    read_setting(j, "StopSignal", WORD_MAX, &im->stop_signal, e) < 0)
		return -1;
	mend(im);
	return read_health(j, im, e);
}

static int read_diff_ids(const json_t *o, struct image *im, struct err *e)
{
	AUTO_STRV struct strv ids = { 0 };
	AUTO_FREE char *type = NULL;
	const json_t *j;

	if (jin_object(o, "rootfs", &j, e) < 0)
		return -1;
	if (!j)
		return err_set(e, ERR_STATE, "\"rootfs\" is missing: it says which layers there are");
	if (jin_str(j, "type", WORD_MAX, &type, e) < 0 || jin_list(j, "diff_ids", IMAGE_LAYERS_MAX, DIGEST_MAX - 1, &ids, e) < 0)
		return -1;
	if (type && !str_eq(type, "layers"))
		return err_set(e, ERR_STATE, "\"rootfs\" is of the type \"%s\"; only \"layers\" is known", type);
	im->layers = mem_alloc((ids.n + 1) * sizeof(*im->layers));
	im->n_layers = ids.n;
	for (size_t i = 0; i < ids.n; i++) {
		if (!digest_is_valid(ids.v[i]))
			return err_set(e, ERR_STATE, "\"diff_ids\": \"%s\" is no digest", ids.v[i]);
		str_copy(im->layers[i].diff_id, sizeof(im->layers[i].diff_id), ids.v[i]);
	}
	return 0;
}

/* What made the layers is for people: it need not agree with their number, and often does not. */
static int read_history(const json_t *o, struct image *im, struct err *e)
{
	const json_t *list, *item;
	size_t i;

	if (jin_array(o, "history", HISTORY_MAX, &list, e) < 0)
		return -1;
	im->history = mem_alloc((json_array_size(list) + 1) * sizeof(*im->history));
	json_array_foreach(list, i, item) {
		struct image_history *h = &im->history[im->n_history++];

		if (!json_is_object(item))
			return err_set(e, ERR_STATE, "\"history\" has what is no object");
		if (read_word(item, "created", WORD_MAX, &h->created, e) < 0 ||
		    jin_str(item, "created_by", IMAGE_STRING_MAX - 1, &h->created_by, e) < 0 ||
		    jin_str(item, "comment", IMAGE_STRING_MAX - 1, &h->comment, e) < 0 ||
		    jin_bool(item, "empty_layer", &h->is_empty, e) < 0)
			return err_wrap(e, "history");
	}
	return 0;
}

static int read_all(const json_t *j, struct image *im, struct err *e)
{
	if (read_word(j, "architecture", WORD_MAX, &im->architecture, e) < 0 || read_word(j, "os", WORD_MAX, &im->os, e) < 0 ||
	    read_word(j, "variant", WORD_MAX, &im->variant, e) < 0 || read_word(j, "created", WORD_MAX, &im->created, e) < 0 ||
	    jin_str(j, "author", IMAGE_STRING_MAX - 1, &im->author, e) < 0)
		return -1;
	if (read_start(j, im, e) < 0 || read_diff_ids(j, im, e) < 0 || read_history(j, im, e) < 0)
		return -1;
	return image_check(im, e);
}

int config_read(const char *json, size_t len, struct image *im, struct err *e)
{
	AUTO_JSON json_t *j = jin_load(json, len, CONFIG_BYTES_MAX, e);

	*im = (struct image){ 0 };
	if (j && read_all(j, im, e) == 0)
		return 0;
	image_fini(im);
	err_wrap(e, "the image's config");
	e->kind = ERR_STATE;
	return -1;
}
int config_layers(struct image *im, const struct manifest *m, struct err *e)
{
	if (m->n_layers != im->n_layers)
		return err_set(e, ERR_STATE, "the image's manifest has %zu layers, its config has %zu", m->n_layers, im->n_layers);
	for (size_t i = 0; i < m->n_layers; i++) {
		struct image_layer *l = &im->layers[i];

		str_copy(l->digest, sizeof(l->digest), m->layers[i].digest);
		str_copy(l->media_type, sizeof(l->media_type), m->layers[i].media_type);
		l->size = m->layers[i].size;
	}
	str_copy(im->id, sizeof(im->id), m->config.digest);
	strv_copy(&im->annotations, &m->annotations);
	return 0;
}

/* ---- making ---- */

static void add_key(struct buf *out, const char *key)
{
	char last = out->s[out->len - 1];

	buf_addf(out, "%s\"%s\":", last == '{' ? "" : ",", key);
}

static void add_text(struct buf *out, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	add_key(out, key);
	buf_add_json(out, text);
}

static void add_list(struct buf *out, const char *key, const struct strv *sv)
{
	if (sv->n == 0)
		return;
	add_key(out, key);
	for (size_t i = 0; i < sv->n; i++) {
		buf_add(out, i ? "," : "[");
		buf_add_json(out, sv->v[i]);
	}
	buf_add(out, "]");
}

/* {"KEY":{}}, or with @has_values KEY=VALUE as {"KEY":"VALUE"} */
static void add_map(struct buf *out, const char *key, const struct strv *sv, bool has_values)
{
	if (sv->n == 0)
		return;
	add_key(out, key);
	for (size_t i = 0; i < sv->n; i++) {
		const char *value = has_values ? strchr(sv->v[i], '=') : NULL;
		AUTO_FREE char *name = value ? str_dupn(sv->v[i], (size_t)(value - sv->v[i])) : str_dup(sv->v[i]);

		buf_add(out, i ? "," : "{");
		buf_add_json(out, name);
		buf_add(out, ":");
		if (has_values)
			buf_add_json(out, value ? value + 1 : "");
		else
			buf_add(out, "{}");
	}
	buf_add(out, "}");
}

static void add_number(struct buf *out, const char *key, uint64_t n)
{
	if (n == 0)
		return;
	add_key(out, key);
	buf_addf(out, "%" PRIu64, n);
}

static void add_health(struct buf *out, const struct image *im)
{
	if (im->healthcheck.n == 0)
		return;
	add_key(out, "Healthcheck");
	buf_add(out, "{");
	add_list(out, "Test", &im->healthcheck);
	add_number(out, "Interval", im->health_interval_ns);
	add_number(out, "Timeout", im->health_timeout_ns);
	add_number(out, "StartPeriod", im->health_start_ns);
	add_number(out, "Retries", im->health_retries);
	buf_add(out, "}");
}

static void add_start(struct buf *out, const struct image *im)
{
	add_key(out, "config");
	buf_add(out, "{");
	add_text(out, "User", im->user);
	add_map(out, "ExposedPorts", &im->exposed_ports, false);
	add_list(out, "Env", &im->env);
	add_list(out, "Entrypoint", &im->entrypoint);
	add_list(out, "Cmd", &im->cmd);
	add_map(out, "Volumes", &im->volumes, false);
	add_text(out, "WorkingDir", im->working_dir);
	add_map(out, "Labels", &im->labels, true);
	add_text(out, "StopSignal", im->stop_signal);
	add_health(out, im);
	add_list(out, "Shell", &im->shell);
	add_list(out, "OnBuild", &im->onbuild);
	buf_add(out, "}");
}

static void add_history(struct buf *out, const struct image *im)
{
	if (im->n_history == 0)
		return;
	add_key(out, "history");
	for (size_t i = 0; i < im->n_history; i++) {
		const struct image_history *h = &im->history[i];

		buf_add(out, i ? ",{" : "[{");
		add_text(out, "created", h->created);
		add_text(out, "created_by", h->created_by);
		add_text(out, "comment", h->comment);
		if (h->is_empty) {
			add_key(out, "empty_layer");
			buf_add(out, "true");
		}
		buf_add(out, "}");
	}
	buf_add(out, "]");
}

void config_make(const struct image *im, struct buf *out)
{
	buf_add(out, "{");
	add_text(out, "created", im->created);
	add_text(out, "author", im->author);
	add_text(out, "architecture", im->architecture);
	add_text(out, "variant", im->variant);
	add_text(out, "os", im->os);
	add_start(out, im);
	add_key(out, "rootfs");
	buf_add(out, "{\"type\":\"layers\",\"diff_ids\":[");
	for (size_t i = 0; i < im->n_layers; i++) {
		buf_add(out, i ? "," : "");
		buf_add_json(out, im->layers[i].diff_id);
	}
	buf_add(out, "]}");
	add_history(out, im);
	buf_add(out, "}");
}
