/* SPDX-License-Identifier: Apache-2.0 */
/* host/libs.c - which files of this machine a program needs to run
 *
 * Theory of operation. Each program is the first object of a list; every object's
 * DT_NEEDED are searched and appended, until the end of the list is reached: no recursion,
 * and a circle of libraries ends because a name is loaded once. Whatever is found is walked
 * to name by name (add_path), so that each symbolic link on the way is noted: inside, the
 * same names lead to the same file.
 */

#include "host/libs.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/path.h"
#include "host/internal.h"

enum { LINKS_MAX = 40, SCRIPT_LINE = 256 };

void libs_fini(struct libs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].path);
		free(l->v[i].link);
	}
	free(l->v);
	*l = (struct libs){ 0 };
}

/* ---- paths and the links on the way ---- */

static int add_file(struct finder *f, const char *path, const char *link, struct err *e)
{
	static const char *const own[] = { "/proc/", "/sys/" };

	for (size_t i = 0; i < f->out->n; i++)
		if (str_eq(f->out->v[i].path, path))
			return 0;
	for (size_t i = 0; i < N_ELEMS(own); i++)
		if (str_starts(path, own[i]))
			return err_set(e, ERR_SPEC, "%s lies below %s, which is the sandbox's own inside", path, own[i]);
	if (f->out->n == LIBS_FILES_MAX)
		return err_set(e, ERR_SPEC, "more than %d files are needed; the next one is %s", LIBS_FILES_MAX, path);
	f->out->v = mem_grow(f->out->v, f->out->n + 1, sizeof(*f->out->v));
	f->out->v[f->out->n++] = (struct libs_file){ str_dup(path), str_dup(link) };
	return 0;
}

int libs_add_path(struct finder *f, const char *path, char **real, struct err *e)
{
	AUTO_FREE char *done = str_dup(""), *rest = str_dup(path);
	const char *at = rest;
	unsigned links = 0;

	while (*(at += strspn(at, "/"))) {
		size_t len = strcspn(at, "/");
		AUTO_FREE char *next = str_fmt("%s/%.*s", done, (int)len, at);
		char link[PATH_MAX];
		ssize_t n;

		at += len;
		if (len == 1 && at[-1] == '.')
			continue;
		if (len == 2 && at[-1] == '.' && at[-2] == '.') {
			if (strrchr(done, '/'))
				*strrchr(done, '/') = '\0';
			continue;
		}
		n = readlink(next, link, sizeof(link) - 1);
		if (n < 0 && errno != EINVAL)
			return err_sys(e, "readlink", next, "looking for %s", path);
		if (n < 0) {
			free(done);
			done = ptr_take(&next);
			continue;
		}
		link[n] = '\0';
		if (++links > LINKS_MAX) {
			errno = ELOOP;
			return err_sys(e, "readlink", path, "following its links");
		}
		if (add_file(f, next, link, e) < 0)
			return -1;
		free(next);
		next = str_fmt("%s%s", link, at);
		if (link[0] == '/')
			done[0] = '\0';
		free(rest);
		at = rest = ptr_take(&next);
	}
	if (!*done)
		return err_set(e, ERR_SPEC, "%s is a directory", path);
	if (add_file(f, done, NULL, e) < 0)
		return -1;
	*real = ptr_take(&done);
	return 0;
}

/* /bin, /lib and the like are links to /usr on most machines; the names are everywhere. */
static int add_top_links(struct finder *f, struct err *e)
{
	static const char *const tops[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32" };

	for (size_t i = 0; i < N_ELEMS(tops); i++) {
		AUTO_FREE char *real = path_real(tops[i]);
		char link[PATH_MAX];
		ssize_t n = readlink(tops[i], link, sizeof(link) - 1);
		size_t len = real ? strlen(real) : 0;
		bool is_used = false;

		if (n < 0 || !real)
			continue;
		link[n] = '\0';
		for (size_t k = 0; k < f->out->n; k++)
			is_used = is_used || (str_starts(f->out->v[k].path, real) && f->out->v[k].path[len] == '/');
		if (is_used && add_file(f, tops[i], link, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the objects of one program ---- */

static void object_fini(struct object *o)
{
	free(o->name);
	free(o->path);
	free(o->origin);
	elf_fini(&o->elf);
}

static void forget_objects(struct finder *f)
{
	for (size_t i = 0; i < f->n; i++)
		object_fini(&f->v[i]);
	f->n = 0;
	free(ptr_take(&f->musl_arch));
}

/* Reads @path and appends it. @origin is where $ORIGIN leads from. */
static int add_object(struct finder *f, const char *name, const char *path, const char *origin, size_t loader, struct err *e)
{
	struct elf_file file;
	AUTO_CLOSE int fd = libs_open(path, &file);
	struct object o = { .loader = loader };

	if (fd < 0)
		return err_sys(e, "open", path, "reading a library");
	if (f->n == LIBS_OBJECTS_MAX)
		return err_set(e, ERR_SPEC, "%s needs more than %d libraries", f->v[0].path, LIBS_OBJECTS_MAX);
	if (elf_read(&file, &o.elf, e) < 0) {
		elf_fini(&o.elf);
		return err_wrap(e, "%s", path);
	}
	o.name = str_dup(name);
	o.path = str_dup(path);
	o.origin = strrchr(origin, '/') == origin ? str_dup("/") : str_dupn(origin, (size_t)(strrchr(origin, '/') - origin));
	f->v = mem_grow(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = o;
	return 0;
}

static bool is_loaded(const struct finder *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (str_eq(f->v[i].name, name) || str_eq(f->v[i].elf.soname, name))
			return true;
	return false;
}

/* musl's loader is all of these itself. */
static bool is_musl_itself(const char *name)
{
	static const char *const words[] = { "c", "pthread", "rt", "m", "dl", "util", "xnet", "c.musl-" };

	for (size_t i = 0; str_starts(name, "lib") && i < N_ELEMS(words); i++) {
		size_t len = strlen(words[i]);

		if (str_starts(name + 3, words[i]) && (words[i][len - 1] == '-' || name[3 + len] == '.'))
			return true;
	}
	return false;
}

/* Finds what the object @asker calls @name, and appends it. */
static int add_needed(struct finder *f, size_t asker, const char *name, struct err *e)
{
	AUTO_FREE char *found = NULL, *real = NULL;

	if (is_loaded(f, name) || (f->musl_arch && is_musl_itself(name)))
		return 0;
	if (libs_search(f, asker, name, &found, e) < 0 || libs_add_path(f, found, &real, e) < 0)
		return -1;
	return add_object(f, name, found, found, asker, e);
}

static int add_loader(struct finder *f, struct err *e)
{
	AUTO_FREE char *interp = str_dup(f->v[0].elf.interp), *real = NULL;
	const char *base = strrchr(interp, '/') + 1;
	struct elf_abi abi = f->v[0].elf.abi;

	if (access(interp, F_OK) < 0) {
		err_sys(e, "access", interp, "the loader that %s asks for", f->v[0].path);
		return err_hint(e, "install the C library that the program was built for, or use a static one");
	}
	if (str_starts(base, "ld-musl-")) {
		f->musl_arch = str_dup(base + strlen("ld-musl-"));
		f->musl_arch[strcspn(f->musl_arch, ".")] = '\0';
	}
	if (libs_add_path(f, interp, &real, e) < 0 || add_object(f, base, interp, interp, 0, e) < 0)
		return -1;
	if (!elf_abi_eq(&abi, &f->v[1].elf.abi))
		return err_set(e, ERR_SPEC, "%s asks for the loader %s, which is for another kind of machine", f->v[0].path, interp);
	return 0;
}

/* Before 2.34 glibc loaded this one by itself, to read /etc/passwd. */
static int add_nss(struct finder *f, struct err *e)
{
	for (size_t i = 1; i < f->n; i++) {
		AUTO_FREE char *path = NULL, *real = NULL;

		if (!str_eq(f->v[i].name, "libc.so.6"))
			continue;
		path = str_fmt("%s/libnss_files.so.2", str_eq(f->v[i].origin, "/") ? "" : f->v[i].origin);
		if (access(path, R_OK) < 0)
			return 0;
		return libs_add_path(f, path, &real, e) < 0 ? -1 : add_object(f, "libnss_files.so.2", path, path, i, e);
	}
	return 0;
}

static int add_elf(struct finder *f, const char *path, const char *real, struct err *e)
{
	bool has_nss = false;
	int rc;

	forget_objects(f);
	rc = add_object(f, path, path, real, 0, e);
	if (rc == 0 && f->v[0].elf.type != ET_EXEC && f->v[0].elf.type != ET_DYN)
		return err_set(e, ERR_SPEC, "%s is an ELF file, but neither a program nor a library", path);
	if (rc == 0 && f->v[0].elf.interp)
		rc = add_loader(f, e);
	for (size_t i = 0; rc == 0 && i < f->n; i++) {
		for (size_t k = 0; rc == 0 && k < f->v[i].elf.needed.n; k++) {
			AUTO_FREE char *name = str_dup(f->v[i].elf.needed.v[k]);

			rc = add_needed(f, i, name, e);
		}
		if (rc == 0 && i + 1 == f->n && !has_nss) {
			has_nss = true;
			rc = add_nss(f, e);
		}
	}
	return rc;
}

/* ---- programs ---- */

static int add_program(struct finder *f, const char *path, int depth, struct err *e);

/* `#!/usr/bin/env [-S] [KEY=VALUE...] NAME`: NAME is needed too. */
static int add_env_name(struct finder *f, const char *script, const char *args, int depth, struct err *e)
{
	AUTO_STRV struct strv words = { 0 };
	AUTO_FREE char *found = NULL;
	const char *name = NULL;

	strv_split(&words, args, ' ');
	for (size_t i = 0; i < words.n && !name; i++) {
		const char *w = words.v[i];

		if (str_starts(w, "-S"))
			w += 2;
		if (*w && *w != '-' && !strchr(w, '='))
			name = w;
	}
	if (!name)
		return 0;
	if (name[0] == '/')
		return add_program(f, name, depth + 1, e);
	found = libs_in_path(name, f->q->path);
	if (!found) {
		err_set(e, ERR_SPEC, "%s, the interpreter of the script %s, is not there", name, script);
		return err_hint(e, "env looks for it in %s; name it too: --rootfs-from /PATH/TO/%s", f->q->path ? f->q->path : "no directory", name);
	}
	return add_program(f, found, depth + 1, e);
}

/* @line: what stands behind "#!", up to SCRIPT_LINE bytes, as the kernel reads it. */
static int add_script(struct finder *f, const char *path, char *line, int depth, struct err *e)
{
	char *interp, *args;

	line[strcspn(line, "\n")] = '\0';
	for (char *s = line; *s; s++)
		if (*s == '\t')
			*s = ' ';
	interp = line + strspn(line, " ");
	args = interp + strcspn(interp, " ");
	if (*args)
		*args++ = '\0';
	if (interp[0] != '/')
		return err_set(e, ERR_SPEC, "%s: the interpreter behind #! is '%.64s', which is no absolute path", path, interp);
	if (depth >= LIBS_SCRIPTS_MAX)
		return err_set(e, ERR_SPEC, "%s: interpreters that are scripts go on for more than %d levels", path, LIBS_SCRIPTS_MAX);
	if (add_program(f, interp, depth + 1, e) < 0)
		return err_wrap(e, "the interpreter of the script %s", path);
	if (str_eq(strrchr(interp, '/'), "/env"))
		return add_env_name(f, path, args, depth, e);
	return 0;
}

/* Its bytes decide what it is. @fd: open for reading. */
static int add_by_content(struct finder *f, const char *path, const char *real, const struct elf_file *file, int depth,
			  struct err *e)
{
	char line[SCRIPT_LINE + 1] = { 0 };
	ssize_t n;

	if (elf_is_one(file))
		return add_elf(f, path, real, e);
	n = pread(file->fd, line, SCRIPT_LINE, 0);
	if (n >= 2 && line[0] == '#' && line[1] == '!')
		return add_script(f, path, line + 2, depth, e);
	err_set(e, ERR_SPEC, "%s is neither an ELF program nor a script with #!", path);
	return err_hint(e, "other files are shown with -v %s:%s:ro", path, path);
}

static int add_program(struct finder *f, const char *path, int depth, struct err *e)
{
	AUTO_FREE char *real = NULL;
	AUTO_CLOSE int fd = -1;
	struct elf_file file;

	if (libs_add_path(f, path, &real, e) < 0)
		return -1;
	if (strv_has(&f->programs, real))
		return 0;
	strv_add(&f->programs, real);
	fd = libs_open(real, &file);
	if (fd < 0 && errno == EINVAL)
		return err_set(e, ERR_SPEC, "%s is not a regular file", path);
	if (fd < 0) {
		err_sys(e, "open", path, "reading the program");
		return errno == EACCES ? err_hint(e, "what a program needs is read from its file, which you may not read") : -1;
	}
	if (faccessat(AT_FDCWD, real, X_OK, AT_EACCESS) < 0) {
		err_set(e, ERR_SPEC, "%s is not executable for you", path);
		return err_hint(e, "chmod +x, or show it with -v %s:%s:ro", path, path);
	}
	return add_by_content(f, path, real, &file, depth, e);
}

int libs_find(const struct libs_request *q, struct libs *out, struct err *e)
{
	struct finder f = { .q = q, .out = out };
	int rc = 0;

	*out = (struct libs){ 0 };
	for (size_t i = 0; rc == 0 && i < q->bins->n; i++)
		rc = add_program(&f, q->bins->v[i], 0, e);
	if (rc == 0)
		rc = add_top_links(&f, e);
	forget_objects(&f);
	free(f.v);
	strv_fini(&f.programs);
	strv_fini(&f.conf_dirs);
	return rc;
}
