/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_volume.c - options of `lichen run` that name a volume, or want one without a name */

#include "base/auto.h"
#include "base/path.h"
#include "cli/run_mount.h"
#include "spec/spec.h"

struct spec_mount *volume_add(struct spec *s, const char *option, const char *text, const char *name, const char *dst, struct err *e)
{
	struct spec_mount *m;

	if (!str_is_name(name)) {
		err_set(e, ERR_USAGE, "%s %s: '%s' is neither a path nor the name of a volume", option, text, name);
		err_hint(e, "a directory is given as ./%s or by its absolute path; a volume's name is letters, digits and _ . -", name);
		return NULL;
	}
	m = spec_add_mount(s);
	m->type = str_dup("bind");
	m->volume = str_dup(name);
	m->source = str_dup("/"); /* run/volumes.c says where it lies */
	m->destination = path_clean(dst);
	strv_add(&m->options, "rbind");
	return m;
}

int volume_add_anonymous(struct spec *s, const char *option, const char *dst, struct err *e)
{
	AUTO_FREE char *path = path_clean(dst);

	if (str_eq(path, "/"))
		return err_set(e, ERR_USAGE, "%s %s: a volume there would hide the root file system", option, dst);
	spec_add_anonymous(s, path);
	return 0;
}
