/* SPDX-License-Identifier: Apache-2.0 */
/* host/libs_search.c - where a dynamic loader looks for a library, in its order (ld.so(8)) */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/internal.h"

#define LD_SO_CACHE "/etc/ld.so.cache"

struct search {
	struct finder *f;
	const char *name;
	const struct elf_abi *abi;
	struct strv tried;	/* directories, for the error */
	char *other;		/* a file of this name that is for another machine */
	char *found;
};

/* ---- what an ABI calls its directories ---- */

static const struct abi_names {
	uint16_t machine;
	unsigned char bits;
	signed char big;	/* -1: both */
	const char *triplet, *lib, *platform;
} ABIS[] = {
	{ EM_X86_64, 64, 0, "x86_64-linux-gnu", "lib64", "x86_64" },
	{ EM_X86_64, 32, 0, "x86_64-linux-gnux32", "libx32", "x86_64" },
	{ EM_386, 32, 0, "i386-linux-gnu", "lib32", "i686" },
	{ EM_AARCH64, 64, 0, "aarch64-linux-gnu", "lib64", "aarch64" },
	{ EM_ARM, 32, 0, "arm-linux-gnueabihf", "lib", "v7l" },
	{ EM_RISCV, 64, 0, "riscv64-linux-gnu", "lib64", "riscv64" },
	{ EM_PPC64, 64, 0, "powerpc64le-linux-gnu", "lib64", "power8" },
	{ EM_PPC64, 64, 1, "powerpc64-linux-gnu", "lib64", "power8" },
	{ EM_S390, 64, 1, "s390x-linux-gnu", "lib64", "z13" },
	{ EM_MIPS, 64, 0, "mips64el-linux-gnuabi64", "lib64", "mips" },
	{ EM_MIPS, 32, 0, "mipsel-linux-gnu", "lib", "mips" },
	{ 258 /* EM_LOONGARCH */, 64, 0, "loongarch64-linux-gnu", "lib64", "loongarch64" },
};

static const struct abi_names *abi_names(const struct elf_abi *abi)
{
	static const struct abi_names none = { 0, 0, -1, "lib", "lib", "" };

	for (size_t i = 0; i < N_ELEMS(ABIS); i++)
		if (ABIS[i].machine == abi->machine && ABIS[i].bits == abi->bits &&
		    (ABIS[i].big < 0 || ABIS[i].big == abi->is_big))
			return &ABIS[i];
	return &none;
}

static void default_dirs(const struct elf_abi *abi, struct strv *out)
{
	const struct abi_names *a = abi_names(abi);

	strv_addf(out, "/lib/%s", a->triplet);
	strv_addf(out, "/usr/lib/%s", a->triplet);
	strv_addf(out, "/%s", a->lib);
	strv_addf(out, "/usr/%s", a->lib);
	strv_add(out, "/lib");
	strv_add(out, "/usr/lib");
}

/* $ORIGIN, $LIB and $PLATFORM, with or without braces; @lib is one of the forms of $LIB. */
static char *substitute(const char *s, const struct object *o, const char *lib)
{
	const struct {
		const char *word, *value;
	} tokens[] = {
		{ "ORIGIN", o->origin }, { "LIB", lib }, { "PLATFORM", abi_names(&o->elf.abi)->platform },
	};
	struct buf b = { 0 };

	while (*s) {
		bool has_brace = s[0] == '$' && s[1] == '{';
		const char *word = s + 1 + has_brace;
		size_t i = 0, len = 0;

		for (; s[0] == '$' && i < N_ELEMS(tokens); i++) {
			len = strlen(tokens[i].word);
			if (str_starts(word, tokens[i].word) && (!has_brace || word[len] == '}'))
				break;
		}
		if (s[0] == '$' && i < N_ELEMS(tokens)) {
			buf_add(&b, tokens[i].value);
			s = word + len + has_brace;
		} else {
			buf_addn(&b, s++, 1);
		}
	}
	return buf_take(&b);
}

/* ---- one library ---- */

int libs_open(const char *path, struct elf_file *out)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	*out = (struct elf_file){ .fd = fd, .size = (uint64_t)st.st_size };
	return fd;
}

static bool try_file(struct search *s, const char *path)
{
	struct elf_file file;
	struct elf_abi abi;
	AUTO_CLOSE int fd = libs_open(path, &file);

	if (fd < 0)
		return false;
	if (!elf_abi_of(&file, &abi) || !elf_abi_eq(&abi, s->abi)) {
		if (!s->other)
			s->other = str_dup(path);
		return false;
	}
	s->found = str_dup(path);
	return true;
}

static bool try_dirs(struct search *s, const struct strv *dirs)
{
	for (size_t i = 0; i < dirs->n && !s->found; i++) {
		AUTO_FREE char *path = str_fmt("%s/%s", dirs->v[i], s->name);

		if (dirs->v[i][0] != '/' || strv_has(&s->tried, dirs->v[i]))
			continue; /* relative to wherever it is started: never the same place */
		/* search paths of a hostile file may be as long as they like */
		if (s->tried.n == DIRS_MAX || s->f->tries == LIBS_TRIES_MAX)
			return false;
		s->f->tries++;
		strv_add(&s->tried, dirs->v[i]);
		try_file(s, path);
	}
	return s->found;
}

/* A list with colons, of @o. */
static bool try_list(struct search *s, const char *list, const struct object *o)
{
	const struct abi_names *a = abi_names(s->abi);
	AUTO_FREE char *multiarch = str_fmt("lib/%s", a->triplet);
	const char *const libs[] = { multiarch, a->lib, "lib" };
	AUTO_STRV struct strv words = { 0 }, dirs = { 0 };

	if (!list)
		return false;
	strv_split(&words, list, ':');
	for (size_t i = 0; i < words.n; i++)
		for (size_t k = 0; k < (strstr(words.v[i], "LIB") ? N_ELEMS(libs) : 1); k++)
			strv_add_take(&dirs, substitute(words.v[i], o, libs[k]));
	return try_dirs(s, &dirs);
}

/* DT_RPATH of who asks, of who asked for that one, and so on to the program; one with a
 * DT_RUNPATH has no DT_RPATH (ld.so(8)). musl asks all of them, whatever it is called. */
static bool try_rpaths(struct search *s, size_t asker)
{
	bool is_musl = s->f->musl_arch;

	for (size_t i = asker;; i = s->f->v[i].loader) {
		const struct object *o = &s->f->v[i];

		if (is_musl ? try_list(s, o->elf.runpath ? o->elf.runpath : o->elf.rpath, o)
			    : !o->elf.runpath && try_list(s, o->elf.rpath, o))
			return true;
		if (i == 0)
			return false;
		if (!is_musl && i == asker && o->elf.runpath)
			return false;
	}
}

static int add_cache(struct finder *f, const char *path, struct err *e)
{
	AUTO_FREE char *real = NULL;

	return access(path, R_OK) == 0 ? libs_add_path(f, path, &real, e) : 0;
}

static int try_musl_dirs(struct search *s, struct err *e)
{
	AUTO_FREE char *conf = str_fmt("/etc/ld-musl-%s.path", s->f->musl_arch);
	AUTO_STRV struct strv lines = { 0 }, dirs = { 0 };

	libs_conf_dirs(conf, &lines);
	for (size_t i = 0; i < lines.n; i++) /* lines and colons part them */
		strv_split(&dirs, lines.v[i], ':');
	if (dirs.n)
		return try_dirs(s, &dirs) ? add_cache(s->f, conf, e) : 0;
	strv_split(&dirs, "/lib:/usr/local/lib:/usr/lib", ':');
	try_dirs(s, &dirs);
	return 0;
}

static int try_system_dirs(struct search *s, struct err *e)
{
	AUTO_STRV struct strv dirs = { 0 };
	struct finder *f = s->f;

	if (f->musl_arch)
		return try_musl_dirs(s, e);
	default_dirs(s->abi, &dirs);
	if (!f->has_conf)
		libs_conf_dirs(f->q->conf ? f->q->conf : "/etc/ld.so.conf", &f->conf_dirs);
	f->has_conf = true;
	if (try_dirs(s, &f->conf_dirs)) {
		AUTO_FREE char *dir = str_dupn(s->found, (size_t)(strrchr(s->found, '/') - s->found));

		/* inside, the loader knows these only by its cache */
		return strv_has(&dirs, dir) ? 0 : add_cache(f, LD_SO_CACHE, e);
	}
	try_dirs(s, &dirs);
	return 0;
}

static int missing(const struct search *s, size_t asker, struct err *e)
{
	const struct object *o = &s->f->v[asker], *program = &s->f->v[0];
	AUTO_BUF struct buf where = { 0 };

	for (size_t i = 0; i < s->tried.n; i++)
		buf_addf(&where, "%s%s", i ? ", " : "", s->tried.v[i]);
	if (asker)
		err_set(e, ERR_SPEC, "%s, which %s needs (for %s), is not there", s->name, o->path, program->path);
	else
		err_set(e, ERR_SPEC, "%s, which %s needs, is not there", s->name, o->path);
	if (s->other)
		return err_hint(e, "%s is for another kind of machine; looked in %s", s->other, where.s ? where.s : "no directory");
	return err_hint(e, "looked in %s; another directory is named by -e LD_LIBRARY_PATH=DIR", where.s ? where.s : "no directory");
}

int libs_search(struct finder *f, size_t asker, const char *name, char **found, struct err *e)
{
	const struct object *o = &f->v[asker];
	struct search s = { .f = f, .name = name, .abi = &f->v[0].elf.abi };
	AUTO_FREE char *direct = NULL;
	int rc = 0;

	if (strchr(name, '/')) {
		direct = substitute(name, o, abi_names(s.abi)->lib);
		if (direct[0] == '/')
			try_file(&s, direct);
	} else if (!try_rpaths(&s, asker) && !try_list(&s, f->q->library_path, o) &&
		   (f->musl_arch || !try_list(&s, o->elf.runpath, o)) && !o->elf.no_default_dirs) {
		rc = try_system_dirs(&s, e);
	}
	if (rc == 0 && !s.found)
		rc = missing(&s, asker, e);
	strv_fini(&s.tried);
	free(s.other);
	*found = s.found;
	return rc;
}
