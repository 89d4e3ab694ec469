/* SPDX-License-Identifier: Apache-2.0 */
/* spec/image.c - what an image says about a start, as defaults of the spec */

#include "spec/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/path.h"

/* Of the OCI image specification, conversion.md. */
#define NOTE_PREFIX "org.opencontainers.image."

void image_fini(struct image *im)
{
	struct strv *const lists[] = {
		&im->names,  &im->env,		 &im->entrypoint, &im->cmd,	    &im->shell,	      &im->volumes,
		&im->labels, &im->exposed_ports, &im->annotations, &im->healthcheck, &im->onbuild,
	};
	char *const texts[] = {
		im->architecture, im->os,   im->variant,     im->created,
		im->author,	  im->user, im->working_dir, im->stop_signal,
	};

	for (size_t i = 0; i < N_ELEMS(lists); i++)
		strv_fini(lists[i]);
	for (size_t i = 0; i < N_ELEMS(texts); i++)
		free(texts[i]);
	for (size_t i = 0; i < im->n_history; i++) {
		free(im->history[i].created);
		free(im->history[i].created_by);
		free(im->history[i].comment);
	}
	free(im->history);
	free(im->layers);
	*im = (struct image){ 0 };
}

bool image_is_complete(const struct image *im)
{
	for (size_t i = 0; i < im->n_layers; i++)
		if (!im->layers[i].diff_id[0] || !im->layers[i].digest[0])
			return false;
	return im->id[0] && im->manifest[0];
}

/* ---- the command ---- */

static void add_all(struct strv *out, const struct strv *words)
{
	for (size_t i = 0; i < words->n; i++)
		strv_add(out, words->v[i]);
}

/* docker's way to write "none": one word, which is empty. */
static bool is_none(const struct strv *words)
{
	return !words->n || (words->n == 1 && !words->v[0][0]);
}

static int apply_command(struct spec *s, const struct image *im, const struct strv *args, struct err *e)
{
	struct strv *out = &s->process.args;
	const bool is_given = out->n; /* --entrypoint, which makes the image's Cmd void */

	if (is_given && is_none(out))
		strv_fini(out);
	if (!is_given && !is_none(&im->entrypoint))
		add_all(out, &im->entrypoint);
	if (args->n)
		add_all(out, args);
	else if (!is_given && !is_none(&im->cmd))
		add_all(out, &im->cmd);
	if (out->n)
		return 0;
	err_set(e, ERR_SPEC, is_given ? "there is no command: --entrypoint takes the place of the image's"
				      : "there is no command, and the image names none (Entrypoint, Cmd)");
	return err_hint(e, "give one behind the image's name, as in: lichen run IMAGE /bin/sh");
}

/* ---- environment ---- */

/* Replaces what is a default so far; what options set or forbid stays. */
static void apply_env(struct spec_process *p, const struct strv *env)
{
	for (size_t i = 0; !p->no_image_env && i < env->n; i++) {
		size_t len = strcspn(env->v[i], "="), at = 0;
		AUTO_FREE char *name = str_dupn(env->v[i], len);

		if (strv_has(&p->own_env, name) || strv_has(&p->unset_env, name))
			continue;
		while (at < p->env.n && strncmp(p->env.v[at], env->v[i], len + 1) != 0)
			at++;
		if (at < p->env.n)
			str_set(&p->env.v[at], env->v[i]);
		else
			strv_add(&p->env, env->v[i]);
	}
}

/* ---- volumes ---- */

/* What the sandbox mounts itself, and no image may take away. */
static bool is_systems(const char *path)
{
	return path_is_within(path, "/proc") || path_is_within(path, "/sys") || path_is_within(path, "/dev");
}

/* Whether something that the caller asked for is there: on the very place, or a tree of this machine above it, where
 * nothing is made for an image. */
static bool is_taken(const struct spec *s, const char *path)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		AUTO_FREE char *at = path_clean(m->destination);

		if (str_eq(at, path) || (!str_eq(m->type, "tmpfs") && path_is_within(path, at)))
			return true;
	}
	for (size_t i = 0; i < s->n_paths; i++)
		if (str_eq(s->paths[i].path, path))
			return true;
	return false;
}

static void apply_volumes(struct spec *s, const struct image *im)
{
	for (size_t i = 0; i < im->volumes.n; i++) {
		AUTO_FREE char *path = path_clean(im->volumes.v[i]);

		if (!str_eq(path, "/") && !is_systems(path) && !is_taken(s, path))
			spec_add_anonymous(s, path);
	}
}

/* ---- annotations ---- */

/* @entry: KEY=VALUE. Whoever was first stays. Ours are not for images: they would be obeyed. */
static void add_note(struct strv *notes, const char *entry)
{
	size_t len = strcspn(entry, "=") + 1;

	if (str_starts(entry, SPEC_ANNOTATION))
		return;
	for (size_t i = 0; i < notes->n; i++)
		if (strncmp(notes->v[i], entry, len) == 0)
			return;
	strv_add(notes, entry);
}

static void add_implicit(struct strv *notes, const char *key, const char *value)
{
	AUTO_FREE char *entry = str_fmt(NOTE_PREFIX "%s=%s", key, value ? value : "");

	if (value && *value)
		add_note(notes, entry);
}

static void apply_annotations(struct strv *notes, const struct image *im)
{
	AUTO_BUF struct buf ports = { 0 };

	for (size_t i = 0; i < im->exposed_ports.n; i++)
		buf_addf(&ports, "%s%s", i ? "," : "", im->exposed_ports.v[i]);
	for (size_t i = 0; i < im->labels.n; i++)
		add_note(notes, im->labels.v[i]);
	add_implicit(notes, "os", im->os);
	add_implicit(notes, "architecture", im->architecture);
	add_implicit(notes, "variant", im->variant);
	add_implicit(notes, "author", im->author);
	add_implicit(notes, "created", im->created);
	add_implicit(notes, "stopSignal", im->stop_signal);
	add_implicit(notes, "exposedPorts", ports.s);
}

/* ---- all of it ---- */

int image_apply(struct spec *s, const struct image *im, const struct strv *args, struct err *e)
{
	struct spec_process *p = &s->process;

	if (image_check(im, e) < 0)
		return err_wrap(e, "the image");
	if (apply_command(s, im, args, e) < 0)
		return -1;
	apply_env(p, &im->env);
	/* with keep-id the caller is who it is outside, as podman has it */
	if (!p->user && im->user && !(s->userns && str_starts(s->userns, "keep-id")))
		p->user = str_dup(im->user);
	if (!p->cwd && im->working_dir)
		p->cwd = path_clean(im->working_dir);
	if (!s->stop_signal && im->stop_signal)
		s->stop_signal = str_dup(signal_name(signal_from_name(im->stop_signal)));
	apply_volumes(s, im);
	apply_annotations(&s->annotations, im);
	return 0;
}
