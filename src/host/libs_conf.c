/* SPDX-License-Identifier: Apache-2.0 */
/* host/libs_conf.c - the directories that ld.so.conf names, and programs by $PATH */

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/libs.h"

enum { CONF_DEPTH = 8, CONF_FILES = 256, CONF_DIRS = 512, CONF_SIZE = 1 << 20, PATTERN_DEPTH = 32 };

/* ---- patterns ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What glob(3) does, which a static program cannot have without the user database.
 * @prefix: "" or a directory that exists; @rest: "/etc/ld.so.conf.d/x*.conf" */
static void expand(const char *prefix, const char *rest, int depth, struct strv *out)
{
	AUTO_FREE char *word = NULL;
	AUTO_STRV struct strv names = { 0 };
	AUTO_DIR DIR *d = NULL;
	struct dirent *de;
	size_t len;

	rest += strspn(rest, "/");
	len = strcspn(rest, "/");
	if (!*rest || depth > PATTERN_DEPTH || out->n >= CONF_FILES) {
		if (!*rest && *prefix)
			strv_add(out, prefix);
		return;
	}
	word = str_dupn(rest, len);
	if (!strpbrk(word, "*?[")) {
		AUTO_FREE char *next = str_fmt("%s/%s", prefix, word);

		if (access(next, F_OK) == 0)
			expand(next, rest + len, depth + 1, out);
		return;
	}
	d = opendir(*prefix ? prefix : "/");
	while (d && (de = readdir(d)) && names.n < CONF_FILES)
		if (fnmatch(word, de->d_name, FNM_PERIOD) == 0)
			strv_add(&names, de->d_name);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++) {
		AUTO_FREE char *next = str_fmt("%s/%s", prefix, names.v[i]);

		expand(next, rest + len, depth + 1, out);
	}
}

/* ---- ld.so.conf ---- */

static void read_conf(const char *file, int depth, size_t *n_files, struct strv *out);

/* The words behind "include": relative ones to the file's own directory. */
static void include(const char *file, const char *words, int depth, size_t *n_files, struct strv *out)
{
	AUTO_STRV struct strv files = { 0 };

	while (*(words += strspn(words, " \t"))) {
		size_t len = strcspn(words, " \t");
		AUTO_FREE char *word = str_dupn(words, len);
		AUTO_FREE char *dir = str_dupn(file, (size_t)(strrchr(file, '/') - file));
		AUTO_FREE char *full = word[0] == '/' ? str_dup(word) : str_fmt("%s/%s", dir, word);

		expand("", full, 0, &files);
		words += len;
	}
	for (size_t i = 0; i < files.n; i++)
		read_conf(files.v[i], depth + 1, n_files, out);
}

static void add_dir(char *line, struct strv *out)
{
	size_t n;

	line[strcspn(line, "=")] = '\0'; /* DIR=TYPE of old */
	n = strlen(line);
	while (n > 1 && strchr(" \t\r/", line[n - 1]))
		line[--n] = '\0';
	if (line[0] == '/' && out->n < CONF_DIRS && !strv_has(out, line))
		strv_add(out, line);
}

static void read_conf(const char *file, int depth, size_t *n_files, struct strv *out)
{
	AUTO_FREE char *text = NULL;
	AUTO_STRV struct strv lines = { 0 };

	if (depth > CONF_DEPTH || ++*n_files > CONF_FILES || fd_read_file(AT_FDCWD, file, CONF_SIZE, &text, NULL) < 0)
		return;
	strv_split(&lines, text, '\n');
	for (size_t i = 0; i < lines.n; i++) {
		char *line = lines.v[i] + strspn(lines.v[i], " \t");

		line[strcspn(line, "#")] = '\0';
		if (str_starts(line, "include") && (line[7] == ' ' || line[7] == '\t'))
			include(file, line + 8, depth, n_files, out);
		else
			add_dir(line, out);
	}
}

void libs_conf_dirs(const char *file, struct strv *out)
{
	size_t n_files = 0;

	if (file[0] == '/')
		read_conf(file, 0, &n_files, out);
}

/* ---- $PATH ---- */

char *libs_in_path(const char *name, const char *path)
{
	AUTO_STRV struct strv dirs = { 0 };

	if (path && *name)
		strv_split(&dirs, path, ':');
	for (size_t i = 0; i < dirs.n; i++) {
		AUTO_FREE char *full = str_fmt("%s/%s", str_eq(dirs.v[i], "/") ? "" : dirs.v[i], name);
		struct stat st;

		if (full[0] == '/' && stat(full, &st) == 0 && S_ISREG(st.st_mode) &&
		    faccessat(AT_FDCWD, full, X_OK, AT_EACCESS) == 0)
			return ptr_take(&full);
	}
	return NULL;
}
