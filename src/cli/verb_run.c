/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_run.c - `lichen run`: from options to a spec */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/verbs.h"
#include "host/facts.h"
#include "run/run.h"
#include "spec/mountopts.h"

static bool is_path_word(const char *s)
{
	return s[0] == '/' || str_starts(s, "./") || str_starts(s, "../") || str_starts(s, "~/") || str_eq(s, ".") ||
	       str_eq(s, "..") || str_eq(s, "~");
}

/* Absolute, real; "~/" is the caller's home. Owned, or NULL with @e. */
static char *host_path(const char *word, const char *what, struct err *e)
{
	AUTO_FREE char *full = NULL;
	char *real;

	if (word[0] == '~') {
		const char *home = getenv("HOME");

		full = str_fmt("%s%s", home ? home : "", word + 1);
	}
	real = path_real(full ? full : word);
	if (!real) {
		err_sys(e, "open", full ? full : word, "%s", what);
		if (e->errnum == ENOENT)
			err_hint(e, "there is no such file or directory on this machine; nothing is made for you");
	}
	return real;
}

/* ---- the root file system ---- */

static int set_root(struct spec *s, const char *word, struct err *e)
{
	if (str_eq(word, "host")) {
		s->root.kind = ROOT_HOST;
		return 0;
	}
	if (!is_path_word(word)) {
		const char *const kinds[] = { "oci:", "oci-archive:", "docker-archive:", "docker://" };

		for (size_t i = 0; i < N_ELEMS(kinds); i++)
			if (str_starts(word, kinds[i])) {
				err_set(e, ERR_USAGE, "%s: images are not part of this version", word);
				return err_hint(e, "unpack it into a directory and run ./DIR");
			}
		err_set(e, ERR_USAGE, "'%s' is not a root file system: expected 'host' or a path that starts with / ./ ../ or ~/", word);
		if (access(word, F_OK) == 0)
			return err_hint(e, "did you mean ./%s ?", word);
		if (str_distance(word, "host") == 1)
			return err_hint(e, "did you mean host ?");
		return err_hint(e, "image names are not part of this version; a directory is given as ./NAME");
	}
	s->root.path = host_path(word, "the root file system", e);
	return s->root.path ? 0 : -1;
}

/* ---- mounts ---- */

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

/* KEY=VALUE, or KEY with the value that the caller's environment has for it. */
static int add_env(struct strv *env, const char *entry, const char *where, struct err *e)
{
	const char *value;

	if (entry[0] == '=' || !entry[0])
		return err_set(e, ERR_USAGE, "%s '%s': expected KEY or KEY=VALUE", where, entry);
	if (strchr(entry, '=')) {
		set_env(env, entry);
		return 0;
	}
	value = getenv(entry);
	if (value) {
		AUTO_FREE char *full = str_fmt("%s=%s", entry, value);

		set_env(env, full);
	}
	return 0;
}

static int add_env_file(struct strv *env, const char *file, struct err *e)
{
	AUTO_FREE char *text = NULL;
	AUTO_STRV struct strv lines = { 0 };
	size_t len;

	if (fd_read_file(AT_FDCWD, file, 1 << 20, &text, &len) < 0)
		return err_sys(e, "read", file, "--env-file");
	if (strlen(text) != len)
		return err_set(e, ERR_USAGE, "--env-file %s: there is a NUL byte in it", file);
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");
		size_t n = strlen(line);

		if (n && line[n - 1] == '\r')
			line[n - 1] = '\0';
		if (*line && *line != '#' && add_env(env, line, "--env-file: line", e) < 0)
			return err_wrap(e, "%s:%zu", file, i + 1);
	}
	return 0;
}

static int make_env(struct spec *s, const struct args *a, struct err *e)
{
	struct strv *env = &s->process.env;

	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	if (s->process.terminal)
		strv_addf(env, "TERM=%s", getenv("TERM") ? getenv("TERM") : "xterm");
	if (s->root.kind == ROOT_HOST) {
		for (char **p = environ; *p; p++)
			if (str_starts(*p, "TERM=") || str_starts(*p, "LANG=") || str_starts(*p, "LC_"))
				set_env(env, *p);
	}
	for (size_t i = 0; i < a->env_files.n; i++)
		if (add_env_file(env, a->env_files.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->env.n; i++)
		if (add_env(env, a->env.v[i], "-e", e) < 0)
			return -1;
	return 0;
}

/* ---- capabilities and security ---- */

static int change_caps(uint64_t *mask, const struct strv *words, bool adds, struct err *e)
{
	const char *option = adds ? "--cap-add" : "--cap-drop";

	for (size_t i = 0; i < words->n; i++) {
		int cap;

		if (strcasecmp(words->v[i], "all") == 0) {
			*mask = adds ? (UINT64_C(1) << cap_count()) - 1 : 0;
			continue;
		}
		cap = cap_from_name(words->v[i]);
		if (cap < 0) {
			const char *near = cap_nearest(words->v[i]);

			err_set(e, ERR_USAGE, "%s: '%s' is not a capability", option, words->v[i]);
			return near ? err_hint(e, "did you mean %s ?", near) : err_hint(e, "see capabilities(7), or ALL");
		}
		*mask = adds ? *mask | UINT64_C(1) << cap : *mask & ~(UINT64_C(1) << cap);
	}
	return 0;
}

static int set_security(struct spec *s, const struct args *a, struct err *e)
{
	static const char *const words[] = { "seccomp=unconfined", "no-new-privileges", "no-new-privileges=true",
					     "no-new-privileges=false", "seccomp=default" };
	uint64_t caps = s->root.kind == ROOT_HOST ? 0 : s->process.caps.bounding;

	if (a->privileged) {
		s->privileged = true;
		s->process.no_new_privs = false;
		strv_fini(&s->masked_paths);
		strv_fini(&s->readonly_paths);
		caps = (UINT64_C(1) << cap_count()) - 1;
	}
	/* ALL first, as docker: --cap-drop ALL --cap-add X is X, in whatever order */
	for (int pass = 0; pass < 2; pass++) {
		struct strv all = { 0 }, rest = { 0 };
		int rc = 0;

		for (size_t i = 0; i < a->cap_drop.n; i++)
			strv_add(strcasecmp(a->cap_drop.v[i], "all") == 0 ? &all : &rest, a->cap_drop.v[i]);
		if (pass == 0)
			rc = change_caps(&caps, &all, false, e);
		else
			rc = change_caps(&caps, &a->cap_add, true, e) < 0 ? -1 : change_caps(&caps, &rest, false, e);
		strv_fini(&all);
		strv_fini(&rest);
		if (rc < 0)
			return -1;
	}
	s->process.caps = (struct spec_caps){ .bounding = caps, .effective = caps, .permitted = caps };
	for (size_t i = 0; i < a->security_opts.n; i++) {
		const char *o = a->security_opts.v[i];

		if (str_eq(o, "seccomp=unconfined"))
			s->seccomp = SECCOMP_UNCONFINED;
		else if (str_eq(o, "seccomp=default"))
			s->seccomp = SECCOMP_DEFAULT;
		else if (str_eq(o, "no-new-privileges") || str_eq(o, "no-new-privileges=true") || str_eq(o, "no-new-privileges:true"))
			s->process.no_new_privs = true;
		else if (str_eq(o, "no-new-privileges=false") || str_eq(o, "no-new-privileges:false"))
			s->process.no_new_privs = false;
		else {
			const char *near = str_nearest(o, words, N_ELEMS(words));

			err_set(e, ERR_USAGE, "--security-opt %s: expected seccomp=unconfined or no-new-privileges[=true|false]", o);
			return near ? err_hint(e, "did you mean %s ?", near) : -1;
		}
	}
	return 0;
}

static int set_network(const char *word, struct err *e)
{
	static const char *const later[] = { "slirp", "slirp4netns", "pasta", "bridge", "host", "default" };
	const char *const words[] = { "none", "private" };

	if (!word) {
		log_info("network: none (there is no other in this version)");
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(words); i++)
		if (str_eq(word, words[i]))
			return 0;
	for (size_t i = 0; i < N_ELEMS(later); i++)
		if (str_eq(word, later[i])) {
			err_set(e, ERR_USAGE, "--network=%s is not part of this version", word);
			return err_hint(e, "the network is none: loopback only");
		}
	err_set(e, ERR_USAGE, "--network: '%s' is not a network; expected none", word);
	return err_hint(e, "did you mean none ?");
}

static int make_spec(struct spec *s, const struct args *a, struct err *e)
{
	if (set_root(s, a->operands[0], e) < 0 || set_network(a->network, e) < 0)
		return -1;
	s->root.readonly = a->readonly;
	s->process.terminal = a->terminal;
	s->process.interactive = a->interactive;
	s->ids = (enum ids_mode)a->ids;
	s->overlay = (enum overlay_mode)a->overlay;
	s->name = str_dup(a->name);
	s->hostname = str_dup(a->hostname);
	s->process.user = str_dup(a->user);
	s->process.cwd = str_dup(a->workdir);
	if (a->workdir && a->workdir[0] != '/')
		return err_set(e, ERR_USAGE, "-w %s: expected an absolute path inside", a->workdir);
	if (a->name && !str_is_name(a->name))
		return err_set(e, ERR_USAGE, "--name %s: expected [A-Za-z0-9][A-Za-z0-9_.-]*", a->name);
	for (int i = 1; i < a->n_operands; i++)
		strv_add(&s->process.args, a->operands[i]);
	if (!s->process.args.n)
		strv_add(&s->process.args, "/bin/sh");
	for (size_t i = 0; i < a->volumes.n; i++)
		if (add_volume(s, a->volumes.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < a->tmpfs.n; i++)
		if (add_tmpfs(s, a->tmpfs.v[i], e) < 0)
			return -1;
	return set_security(s, a, e) < 0 || make_env(s, a, e) < 0 ? -1 : 0;
}

int verb_run(const struct args *a, int *status, struct err *e)
{
	struct spec s;
	int rc;

	spec_init(&s);
	rc = make_spec(&s, a, e);
	if (rc == 0 && a->dry_run) {
		rc = run_dry(&s, a->json, e);
		*status = 0;
	} else if (rc == 0) {
		rc = run_foreground(&s, status, e);
	}
	spec_fini(&s);
	return rc;
}
