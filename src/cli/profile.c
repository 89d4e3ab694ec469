/* SPDX-License-Identifier: Apache-2.0 */
/* cli/profile.c - options from files: --profile FILE|NAME (doc/decisions: profiles) */

#include "cli/profile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/path.h"
#include "cli/args.h"
#include "cli/opts.h"

enum { PROFILE_MAX = 64 << 10 };

/* ---- a line ---- */

/* A word from @s on; returns what stands behind it, or NULL with @e. */
static const char *take_word(struct buf *b, const char *s, struct err *e)
{
	char quote = 0;

	for (; *s; s++) {
		if (quote != '\'' && *s == '\\') {
			if (!*++s) {
				err_set(e, ERR_USAGE, "there is nothing behind the backslash at the end");
				return NULL;
			}
			buf_addn(b, s, 1);
		} else if (*s == quote) {
			quote = 0;
		} else if (!quote && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (!quote && (*s == ' ' || *s == '\t')) {
			break;
		} else {
			buf_addn(b, s, 1);
		}
	}
	if (!quote)
		return s;
	err_set(e, ERR_USAGE, "a %s quote is not closed on its line", quote == '"' ? "double" : "single");
	return NULL;
}

int profile_words(struct strv *out, const char *line, struct err *e)
{
	const char *s = line + strspn(line, " \t");

	while (*s && *s != '#') {
		AUTO_BUF struct buf b = { 0 };

		s = take_word(&b, s, e);
		if (!s)
			return -1;
		strv_add_take(out, buf_take(&b));
		s += strspn(s, " \t");
	}
	return 0;
}

/* What the words may not be: more than options. */
static int check_line(const struct strv *words, const struct args *a, struct err *e)
{
	if (words->v[0][0] != '-' || str_eq(words->v[0], "--") || a->n_operands) {
		const char *extra = words->v[0][0] == '-' && a->n_operands ? a->operands[0] : words->v[0];

		err_set(e, ERR_USAGE, "'%.64s' is no option", extra);
		return err_hint(e, "a profile has one option a line, as in '--volume .:/src'; the root file system and the command "
				   "stand on the command line, and a value with blanks in quotes");
	}
	if (a->profiles.n)
		return err_set(e, ERR_USAGE, "a profile cannot name another one");
	if (a->help)
		return err_set(e, ERR_USAGE, "'--help' is nothing for a profile");
	return 0;
}

static int read_line(const struct verb *v, const char *line, struct args *a, struct err *e)
{
	size_t before = a->profile_words.n;
	struct strv words;
	int rc;

	/* @a points into the words from now on, so they live as long as it does */
	if (profile_words(&a->profile_words, line, e) < 0)
		return -1;
	if (a->profile_words.n == before)
		return 0;
	words = (struct strv){ a->profile_words.v + before, a->profile_words.n - before };
	if (words.v[0][0] == '-' && opts_parse(v, (int)words.n, words.v, a, e) < 0)
		return -1;
	rc = check_line(&words, a, e);
	a->operands = NULL; /* in a vector that will move */
	a->n_operands = 0;
	return rc;
}

/* ---- a file ---- */

/* The places of named profiles, best first. */
static void profile_dirs(struct strv *out)
{
	char *own = path_user_config("profiles"), *built = path_built("data/profiles");

	if (own)
		strv_add_take(out, own);
	if (built)
		strv_add_take(out, built);
	strv_add(out, LICHEN_DATADIR "/profiles");
}

static int no_profile(const char *name, const struct strv *dirs, struct err *e)
{
	AUTO_STRV struct strv names = { 0 };
	AUTO_BUF struct buf list = { 0 };
	const char *near;

	for (size_t i = 0; i < dirs->n; i++) {
		AUTO_DIR DIR *d = opendir(dirs->v[i]);
		struct dirent *de;

		while (d && (de = readdir(d)))
			if (str_is_name(de->d_name) && !strv_has(&names, de->d_name))
				strv_add(&names, de->d_name);
	}
	for (size_t i = 0; i < names.n && i < 16; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", names.v[i]);
	err_set(e, ERR_USAGE, "--profile: there is no profile '%s'; there are: %s", name, list.len ? list.s : "none");
	if (access(name, F_OK) == 0)
		return err_hint(e, "a file is given with a slash: did you mean ./%s ?", name);
	near = str_nearest(name, (const char *const *)names.v, names.n);
	return near ? err_hint(e, "did you mean %s ?", near) : err_hint(e, "a file is given with a slash: ./FILE");
}

/* The file's name, owned; NULL with @e. */
static char *find_profile(const char *word, struct err *e)
{
	AUTO_STRV struct strv dirs = { 0 };

	if (word[0] == '~' && word[1] == '/' && getenv("HOME"))
		return str_fmt("%s%s", getenv("HOME"), word + 1);
	if (strchr(word, '/'))
		return str_dup(word);
	profile_dirs(&dirs);
	for (size_t i = 0; i < dirs.n && str_is_name(word); i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dirs.v[i], word);

		if (access(path, F_OK) == 0)
			return ptr_take(&path);
	}
	no_profile(word, &dirs, e);
	return NULL;
}

int profile_read(const struct verb *v, const char *word, struct args *a, struct err *e)
{
	AUTO_FREE char *path = find_profile(word, e), *text = NULL;
	AUTO_STRV struct strv lines = { 0 };
	size_t len;

	if (!path)
		return -1;
	if (fd_read_any(path, PROFILE_MAX, &text, &len) < 0)
		return err_sys(e, "read", path, "--profile");
	if (strlen(text) != len)
		return err_set(e, ERR_USAGE, "--profile %s: there is a NUL byte in it", path);
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		size_t n = strlen(lines.v[i]);

		if (n && lines.v[i][n - 1] == '\r')
			lines.v[i][n - 1] = '\0';
		if (read_line(v, lines.v[i], a, e) < 0)
			return err_wrap(e, "%s:%zu", path, i + 1);
	}
	return 0;
}
