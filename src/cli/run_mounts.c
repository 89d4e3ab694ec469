/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_mounts.c - options of `lichen run` that mount something: -v, --tmpfs */

#include <string.h>

#include "base/auto.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/mountopts.h"
#include "spec/spec.h"

/* Splits at ':' but for "\:", which stands for a colon in a name. */
static void split_colons(struct strv *out, const char *s)
{
	struct buf b = { 0 };

	for (;; s++) {
		if (s[0] == '\\' && s[1] == ':') {
			buf_add(&b, ":");
			s++;
		} else if (!*s || *s == ':') {
			strv_add_take(out, buf_take(&b));
			if (!*s)
				return;
		} else {
			buf_addn(&b, s, 1);
		}
	}
}

static int check_destination(const char *option, const char *dst, struct err *e)
{
	if (dst[0] == '/')
		return 0;
	return err_set(e, ERR_USAGE, "%s: the destination '%s' must be an absolute path inside", option, dst);
}

static int add_volume(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	struct spec_mount *m;
	AUTO_FREE char *source = NULL;

	split_colons(&parts, text);
	if (parts.n < 2 || parts.n > 3 || !parts.v[0][0] || !parts.v[1][0]) {
		err_set(e, ERR_USAGE, "-v %s: expected SRC:DST[:OPTIONS]", text);
		return err_hint(e, "for example -v .:/src or -v ./data:/data:ro; a colon in a name is written \\:");
	}
	if (!is_path_word(parts.v[0])) {
		err_set(e, ERR_USAGE, "-v %s: named volumes are not part of this version", text);
		return err_hint(e, "a directory is given as ./%s or by its absolute path", parts.v[0]);
	}
	if (check_destination("-v", parts.v[1], e) < 0)
		return -1;
	source = host_path(parts.v[0], "the source of a volume", e);
	if (!source)
		return err_wrap(e, "-v %s", text);
	m = spec_add_mount(s);
	m->type = str_dup("bind");
	m->source = ptr_take(&source);
	m->destination = path_clean(parts.v[1]);
	strv_add(&m->options, "rbind");
	if (parts.n == 3) {
		AUTO_STRV struct strv words = { 0 };

		strv_split(&words, parts.v[2], ',');
		for (size_t i = 0; i < words.n; i++) {
			const struct mountopt *o;

			if (mountopt_find(words.v[i], &o) < 0) {
				const char *near = mountopt_nearest(words.v[i]);

				err_set(e, ERR_USAGE, "-v %s: '%s' is not an option of a volume", text, words.v[i]);
				return near ? err_hint(e, "did you mean %s ?", near)
					    : err_hint(e, "the usual ones are ro, rw, nosuid, nodev, noexec");
			}
			if (o->refused)
				return err_set(e, ERR_USAGE, "-v %s: '%s': %s", text, words.v[i], o->refused);
			strv_add(&m->options, words.v[i]);
		}
	}
	return 0;
}

static int add_tmpfs(struct spec *s, const char *text, struct err *e)
{
	AUTO_STRV struct strv parts = { 0 };
	struct spec_mount *m;

	split_colons(&parts, text);
	if (parts.n > 2 || !parts.v[0][0])
		return err_set(e, ERR_USAGE, "--tmpfs %s: expected DST[:OPTIONS]", text);
	if (check_destination("--tmpfs", parts.v[0], e) < 0)
		return -1;
	m = spec_add_mount(s);
	m->type = str_dup("tmpfs");
	m->source = str_dup("tmpfs");
	m->destination = path_clean(parts.v[0]);
	if (parts.n == 2)
		strv_split(&m->options, parts.v[1], ',');
	return 0;
}

int take_mounts(struct spec *s, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->volumes.n; i++)
		if (add_volume(s, a->volumes.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->tmpfs.n; i++)
		if (add_tmpfs(s, a->tmpfs.v[i], e) < 0)
			return -1;
	return 0;
}
