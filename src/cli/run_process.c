/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_process.c - options of `lichen run` about the process: environment, user, directory */

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/near.h"
#include "cli/args.h"
#include "cli/run_spec.h"
#include "spec/spec.h"

/* ---- environment ---- */

static void set_env(struct strv *env, const char *entry)
{
	size_t len = strcspn(entry, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], entry, len) == 0) {
			str_set(&env->v[i], entry);
			return;
		}
	strv_add(env, entry);
}

static void drop_env(struct strv *env, const char *name)
{
	size_t len = strlen(name), kept = 0;

	for (size_t i = 0; i < env->n; i++) {
		if (str_starts(env->v[i], name) && env->v[i][len] == '=')
			free(env->v[i]);
		else
			env->v[kept++] = env->v[i];
	}
	if (env->n)
		env->v[kept] = NULL;
	env->n = kept;
}

/* What is asked for stays above what an image says. */
static void note_own(struct spec *s, const char *entry)
{
	AUTO_FREE char *name = str_dupn(entry, strcspn(entry, "="));

	if (!strv_has(&s->process.own_env, name))
		strv_add_take(&s->process.own_env, ptr_take(&name));
}

/* KEY=VALUE, or KEY with the value that the caller's environment has for it: none, and there is no default either. */
static int add_env(struct spec *s, const char *entry, const char *where, struct err *e)
{
	struct strv *env = &s->process.env;
	const char *value;

	if (entry[0] == '=' || !entry[0])
		return err_set(e, ERR_USAGE, "%s '%s': expected KEY or KEY=VALUE", where, entry);
	strv_add_take(&s->process.own_env, str_dupn(entry, strcspn(entry, "=")));
	if (strchr(entry, '=')) {
		set_env(env, entry);
		note_own(s, entry);
		return 0;
	}
	value = getenv(entry);
	if (value) {
		AUTO_FREE char *full = str_fmt("%s=%s", entry, value);

		set_env(env, full);
		note_own(s, full);
	} else {
		drop_env(env, entry);
		strv_add(&s->process.unset_env, entry);
	}
	return 0;
}

static const char BYTE_ORDER_MARK[] = "\xef\xbb\xbf";

static int add_env_file(struct spec *s, const char *file, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_STRV struct strv lines = { 0 };
	const char *start;
	size_t len;

	if (fd_read_any(file, 1 << 20, &text, &len) < 0)
{
		err_sys(e, "read", file, "--env-file %s", file);
		return e->errnum == ENOENT ? near_hint(file, "a file with lines KEY=VALUE", e) : -1;
	}
	start = text + (str_starts(text, BYTE_ORDER_MARK) ? strlen(BYTE_ORDER_MARK) : 0);
	if (strlen(text) != len)
		return err_set(e, ERR_USAGE, "--env-file %s: there is a NUL byte in it", file);
	strv_split(&lines, start, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		size_t n = strlen(line);

		if (n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (*line && *line != '#' && strcspn(line, " \t") < strcspn(line, "=")) {
			err_set(e, ERR_USAGE, "%s:%zu: the name of a variable has a blank in it: '%.40s'", file, i + 1, line);
			return err_hint(e, "expected KEY=VALUE or KEY, without quotes, 'export' or blanks around the =");
		}
		if (*line && *line != '#' && add_env(s, line, "--env-file: line", e) < 0)
			return err_wrap(e, "%s:%zu", file, i + 1);
	}
	return 0;
}

/* HOME and HOSTNAME get their values later (steps/process.c, run/prepare.c), so that their
 * names are kept. */
static int unset_env(struct spec *s, const struct args *a, struct err *e)
{
	struct strv *names = &s->process.unset_env;

	for (size_t i = 0; i < a->unsetenv.n; i++) {
		const char *name = a->unsetenv.v[i];

		if (strchr(name, '=')) {
			err_set(e, ERR_USAGE, "--unsetenv %s: expected the name of a variable", name);
			return err_hint(e, "a value is set with -e %s", name);
		}
		drop_env(&s->process.env, name);
		strv_add(names, name);
	}
	if (!a->unsetenv_all)
		return 0;
	s->process.no_image_env = true;
	strv_fini(&s->process.env);
	s->process.no_image_env = true;
	strv_add(names, "HOME");
	strv_add(names, "HOSTNAME");
	return 0;
}

static int add_given_env(struct spec *s, const struct args *a, struct err *e)
{
	for (size_t i = 0; i < a->env_files.n; i++)
		if (add_env_file(s, a->env_files.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->env.n; i++)
		if (add_env(s, a->env.v[i], "-e", e) < 0)
			return -1;
	return 0;
}

static int make_env(struct spec *s, const struct args *a, struct err *e)
{
	struct strv *env = &s->process.env;

	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (s->process.terminal)
		strv_addf(env, "TERM=%s", getenv("TERM") ? getenv("TERM") : "xterm");
	if (s->root.kind == ROOT_BINS)
		take_bins_path(s, env);
	if (s->root.kind == ROOT_HOST) {
		for (char **p = environ; *p; p++)
			if (str_starts(*p, "TERM=") || str_starts(*p, "LANG=") || str_starts(*p, "LC_"))
				set_env(env, *p);
	}
	if (a->env_host)
		for (char **p = environ; *p; p++)
			if (strchr(*p, '=') && **p != '=')
				set_env(env, *p);
	return unset_env(s, a, e) < 0 ? -1 : add_given_env(s, a, e);
}

/* ---- the rest ---- */

/* One word, or the JSON array of words that podman takes. */
static int take_entrypoint(struct strv *args, const char *text, struct err *e)
{
	json_t *array = text[0] == '[' ? json_loads(text, 0, NULL) : NULL, *v;
	size_t i;
	int rc = 0;

	if (!array) {
		strv_add(args, text);
		return 0;
	}
	json_array_foreach(array, i, v) {
		if (!json_is_string(v))
			rc = err_set(e, ERR_USAGE, "--entrypoint %s: element %zu is not a string", text, i);
		else
			strv_add(args, json_string_value(v));
	}
	if (rc == 0 && !args->n)
		rc = err_set(e, ERR_USAGE, "--entrypoint %s: there is no word in it", text);
	json_decref(array);
	return rc;
}

int take_process(struct spec *s, const struct args *a, struct err *e)
{
	s->process.terminal = a->terminal;
	s->process.interactive = a->interactive;
	s->process.user = str_dup(a->user);
	s->process.cwd = str_dup(a->workdir);
	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, ERR_USAGE, "-w %s: expected an absolute path inside", a->workdir);
	s->process.init_by_default = a->init == TRI_UNSET;
	s->process.init = a->init == TRI_UNSET ? s->root.kind == ROOT_HOST && !a->no_userns : a->init == TRI_TRUE;
	s->process.argv0 = str_dup(a->argv0);
	s->die_with_parent = a->die_with_parent;
	if (a->entrypoint && *a->entrypoint && take_entrypoint(&s->process.args, a->entrypoint, e) < 0)
		return -1;
	if (s->root.kind == ROOT_BINS)
		take_bins_command(s, a);
	/* an image says what is run, and what the operands are then (apply_image()) */
	if (s->root.kind == ROOT_IMAGE && a->entrypoint && !*a->entrypoint)
		strv_add(&s->process.args, "");
	for (int i = 1; s->root.kind != ROOT_BINS && s->root.kind != ROOT_IMAGE && i < a->n_operands; i++)
		strv_add(&s->process.args, a->operands[i]);
	if (!s->process.args.n && s->root.kind != ROOT_IMAGE)
		strv_add(&s->process.args, "/bin/sh");
	return make_env(s, a, e);
}

int take_exec(struct spec *s, const struct args *a, struct err *e)
{
	const char *term = getenv("TERM");

	s->process.terminal = a->terminal;
	s->process.interactive = a->interactive;
	s->process.user = str_dup(a->user);
	s->process.cwd = str_dup(a->workdir ? a->workdir : "");
	s->privileged = a->privileged;
	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, ERR_USAGE, "-w %s: expected an absolute path inside", a->workdir);
	for (int i = 1; i < a->n_operands; i++)
		strv_add(&s->process.args, a->operands[i]);
	if (a->terminal)
		strv_addf(&s->process.env, "TERM=%s", term ? term : "xterm");
	return add_given_env(s, a, e);
}
