/* SPDX-License-Identifier: Apache-2.0 */
/* base/near.c - "did you mean": the nearest name there is, of files and programs */

#include "base/near.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"

enum { NAMES_MAX = 20000 };

static void add_names(struct strv *names, const char *dir)
{
	AUTO_DIR DIR *d = opendir(dir);

	for (const struct dirent *de; d && names->n < NAMES_MAX && (de = readdir(d));)
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			strv_add(names, de->d_name);
}

char *near_path(const char *path)
{
	const int saved = errno;
	AUTO_STRV struct strv names = { 0 };
	AUTO_FREE char *dir = NULL, *leaf = NULL, *found = NULL;
	const char *at = path, *near;
	size_t len = 0;

	/* the first component that is missing */
	for (; *at; at += len) {
		AUTO_FREE char *head = NULL;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		head = str_dupn(path, (size_t)(at - path) + len);
		if (!len || (access(head, F_OK) < 0 && errno == ENOENT))
			break;
	}
	leaf = str_dupn(at, len);
	dir = at == path ? str_dup("./") : str_dupn(path, (size_t)(at - path));
	if (*leaf)
		add_names(&names, dir);
	near = names.n ? str_nearest(leaf, (const char *const *)names.v, names.n) : NULL;
	if (near)
		found = str_fmt("%.*s%s%s", (int)(at - path), path, near, at + len);
	if (found && access(found, F_OK) < 0)
		free(ptr_take(&found));
	errno = saved;
	return ptr_take(&found);
}

char *near_program(const char *name, const char *search)
{
	const int saved = errno;
	AUTO_STRV struct strv dirs = { 0 }, names = { 0 };
	const char *near;

	strv_split(&dirs, search, ':');
	for (size_t i = 0; i < dirs.n; i++)
		add_names(&names, dirs.v[i]);
	near = names.n ? str_nearest(name, (const char *const *)names.v, names.n) : NULL;
	errno = saved;
	return near ? str_dup(near) : NULL;
}

int near_hint(const char *path, const char *otherwise, struct err *e)
{
	AUTO_FREE char *near = near_path(path);

	return near ? err_hint(e, "did you mean %s ?", near) : otherwise ? err_hint(e, "%s", otherwise) : -1;
}
