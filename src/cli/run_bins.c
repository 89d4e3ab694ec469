/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_bins.c - `lichen run --rootfs-from`: from words to programs, and what the command is then */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/near.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "host/libs.h"
#include "spec/spec.h"

static const char *own_path(void)
{
	const char *path = getenv("PATH");

	return path ? path : "/usr/local/bin:/usr/bin:/bin";
}

/* Absolute, but the links in it stay: they are the names by which the program is called.
 * Only what stands before a ".." is resolved, as it need not exist inside. */
static char *absolute(const char *word, struct err *e)
{
	AUTO_FREE char *cwd = NULL, *full = NULL, *dir = NULL;
	const char *slash;

	if (str_starts(word, "~/")) {
		full = str_fmt("%s%s", getenv("HOME") ? getenv("HOME") : "", word + 1);
	} else if (word[0] == '/') {
		full = str_dup(word);
	} else {
		cwd = path_real(".");
		if (!cwd) {
			err_sys(e, "realpath", ".", "--rootfs-from %s", word);
			return NULL;
		}
		full = str_fmt("%s/%s", cwd, word);
	}
	if (!strstr(full, "/../") || !(slash = strrchr(full, '/')))
		return path_clean(full);
	dir = str_dupn(full, (size_t)(slash - full));
	free(cwd);
	cwd = path_real(dir);
	if (!cwd) {
		err_sys(e, "realpath", dir, "--rootfs-from %s", word);
		return NULL;
	}
	return str_fmt("%s%s", str_eq(cwd, "/") ? "" : cwd, slash);
}

static int add_bin(struct spec *s, const char *word, struct err *e)
{
	AUTO_FREE char *found = NULL, *near = NULL;

	if (!strchr(word, '/')) {
		found = libs_in_path(word, own_path());
		if (!found) {
			err_set(e, ERR_USAGE, "--rootfs-from %s: there is no program of this name in $PATH", word);
			if (access(word, F_OK) == 0)
				return err_hint(e, "did you mean ./%s ?", word);
			near = near_program(word, own_path());
			return near ? err_hint(e, "did you mean %s ?", near)
				    : err_hint(e, "a program elsewhere is given by its path");
		}
	} else {
		found = absolute(word, e);
		if (!found)
			return -1;
		if (access(found, F_OK) < 0) {
			err_sys(e, "access", found, "--rootfs-from %s", word);
			return errno == ENOENT ? err_hint(e, "there is no such program on this machine") : -1;
		}
	}
	strv_add_take(&s->root.bins, ptr_take(&found));
	return 0;
}

int take_bins(struct spec *s, const struct args *a, struct err *e)
{
	s->root.kind = ROOT_BINS;
	if (a->overlay)
		return err_set(e, ERR_USAGE, "--overlay with --rootfs-from: the root lies in memory, there is no layer");
	for (size_t i = 0; i < a->rootfs_from.n; i++)
		if (add_bin(s, a->rootfs_from.v[i], e) < 0)
			return -1;
	return 0;
}

void take_bins_command(struct spec *s, const struct args *a)
{
	for (int i = 0; i < a->n_operands; i++) {
		const char *word = a->operands[i];

		/* a program by the very word that named it, wherever it lies */
		for (size_t k = 0; i == 0 && k < a->rootfs_from.n; k++)
			if (str_eq(word, a->rootfs_from.v[k]))
				word = s->root.bins.v[k];
		strv_add(&s->process.args, word);
	}
	if (!s->process.args.n)
		strv_add(&s->process.args, s->root.bins.v[0]);
}

void take_bins_path(const struct spec *s, struct strv *env)
{
	AUTO_STRV struct strv dirs = { 0 };
	size_t at = 0;

	while (at < env->n && !str_starts(env->v[at], "PATH="))
		at++;
	if (at == env->n)
		return;
	strv_split(&dirs, env->v[at] + strlen("PATH="), ':');
	for (size_t i = 0; i < s->root.bins.n; i++) {
		const char *bin = s->root.bins.v[i];
		AUTO_FREE char *dir = str_dupn(bin, (size_t)(strrchr(bin, '/') - bin)), *longer = NULL;

		if (!*dir || strchr(dir, ':') || strv_has(&dirs, dir))
			continue;
		strv_add(&dirs, dir);
		longer = str_fmt("%s:%s", env->v[at], dir);
		str_set(&env->v[at], longer);
	}
}
