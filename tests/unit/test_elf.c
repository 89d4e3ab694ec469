/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/test_elf.c - programs are read, broken ones too; libraries are found in the loader's order */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "host/elf.h"
#include "host/libs.h"

/* ---- files made by hand ---- */

struct want {
	unsigned char bits;
	bool is_big;
	uint16_t machine;
	const char *interp, *soname, *rpath, *runpath;
	const char *needed[8];
	bool no_default_dirs;
};

struct image {
	unsigned char b[4096];
	size_t n;
	struct want w;
	size_t phdrs, dynamic, strings;	/* where they begin */
};

static void put(struct image *m, size_t at, size_t n, uint64_t x)
{
	for (size_t i = 0; i < n; i++)
		m->b[at + (m->w.is_big ? n - 1 - i : i)] = (unsigned char)(x >> 8 * i);
	if (at + n > m->n)
		m->n = at + n;
}

#define PUT(m, base, kind, member, x)                                                             \
	((m)->w.bits == 64 ? put(m, (base) + offsetof(Elf64_##kind, member), sizeof(((Elf64_##kind *)0)->member), x) \
			   : put(m, (base) + offsetof(Elf32_##kind, member), sizeof(((Elf32_##kind *)0)->member), x))
#define SIZE(m, kind) ((m)->w.bits == 64 ? sizeof(Elf64_##kind) : sizeof(Elf32_##kind))

enum { VADDR = 0x400000, N_PHDRS = 3 };

static void put_phdr(struct image *m, size_t i, uint32_t type, uint64_t offset, uint64_t size)
{
	size_t at = m->phdrs + i * SIZE(m, Phdr);

	PUT(m, at, Phdr, p_type, type);
	PUT(m, at, Phdr, p_offset, offset);
	PUT(m, at, Phdr, p_vaddr, VADDR + offset);
	PUT(m, at, Phdr, p_filesz, size);
}

static size_t put_text(struct image *m, const char *s)
{
	size_t at = m->n;

	memcpy(m->b + at, s, strlen(s) + 1);
	m->n += strlen(s) + 1;
	return at;
}

static size_t put_dyn(struct image *m, size_t at, uint64_t tag, uint64_t value)
{
	PUT(m, at, Dyn, d_tag, tag);
	PUT(m, at, Dyn, d_un.d_val, value);
	return at + SIZE(m, Dyn);
}

static void make(struct image *m, const struct want *w)
{
	size_t interp = 0, at, end, names[8] = { 0 }, soname = 0, rpath = 0, runpath = 0;

	*m = (struct image){ .w = *w };
	memcpy(m->b, ELFMAG, SELFMAG);
	m->b[EI_CLASS] = w->bits == 64 ? ELFCLASS64 : ELFCLASS32;
	m->b[EI_DATA] = w->is_big ? ELFDATA2MSB : ELFDATA2LSB;
	PUT(m, 0, Ehdr, e_type, ET_DYN);
	PUT(m, 0, Ehdr, e_machine, w->machine);
	m->phdrs = SIZE(m, Ehdr);
	PUT(m, 0, Ehdr, e_phoff, m->phdrs);
	PUT(m, 0, Ehdr, e_phentsize, SIZE(m, Phdr));
	PUT(m, 0, Ehdr, e_phnum, N_PHDRS);
	m->n = m->phdrs + N_PHDRS * SIZE(m, Phdr);
	if (w->interp)
		interp = put_text(m, w->interp);
	m->strings = put_text(m, "");
	soname = w->soname ? put_text(m, w->soname) : 0;
	rpath = w->rpath ? put_text(m, w->rpath) : 0;
	runpath = w->runpath ? put_text(m, w->runpath) : 0;
	for (size_t i = 0; i < 8 && w->needed[i]; i++)
		names[i] = put_text(m, w->needed[i]);
	end = m->n;
	m->dynamic = at = (m->n + 7) & ~(size_t)7;
	at = put_dyn(m, at, DT_STRTAB, VADDR + m->strings);
	at = put_dyn(m, at, DT_STRSZ, end - m->strings);
	if (w->soname)
		at = put_dyn(m, at, DT_SONAME, soname - m->strings);
	if (w->rpath)
		at = put_dyn(m, at, DT_RPATH, rpath - m->strings);
	if (w->runpath)
		at = put_dyn(m, at, DT_RUNPATH, runpath - m->strings);
	if (w->no_default_dirs)
		at = put_dyn(m, at, DT_FLAGS_1, DF_1_NODEFLIB);
	for (size_t i = 0; i < 8 && w->needed[i]; i++)
		at = put_dyn(m, at, DT_NEEDED, names[i] - m->strings);
	at = put_dyn(m, at, DT_NULL, 0);
	put_phdr(m, 0, PT_LOAD, 0, m->n);
	put_phdr(m, 1, PT_DYNAMIC, m->dynamic, at - m->dynamic);
	put_phdr(m, 2, w->interp ? PT_INTERP : PT_NULL, interp, w->interp ? strlen(w->interp) + 1 : 0);
}

static int read_image(const struct image *m, size_t n, struct elf *out, struct err *e)
{
	struct elf_file f = { .data = m->b, .fd = -1, .size = n };

	return elf_read(&f, out, e);
}

static const struct want PROGRAM = {
	.bits = 64, .machine = EM_X86_64, .interp = "/lib64/ld-linux-x86-64.so.2", .soname = "self.so",
	.rpath = "/r:$ORIGIN", .runpath = "$ORIGIN/../lib", .needed = { "libm.so.6", "libc.so.6" },
	.no_default_dirs = true,
};

/* ---- reading ---- */

static void every_field_is_read(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		AUTO_ELF struct elf elf = { 0 };
		struct want w = PROGRAM;
		struct image m;
		struct err e = { 0 };

		w.bits = i & 1 ? 32 : 64;
		w.is_big = i & 2;
		make(&m, &w);
		if (read_image(&m, m.n, &elf, &e) < 0)
			fail_msg("%s", e.what);
		assert_int_equal(elf.abi.bits, w.bits);
		assert_int_equal(elf.abi.is_big, w.is_big);
		assert_int_equal(elf.abi.machine, EM_X86_64);
		assert_int_equal(elf.type, ET_DYN);
		assert_string_equal(elf.interp, PROGRAM.interp);
		assert_string_equal(elf.soname, PROGRAM.soname);
		assert_string_equal(elf.rpath, PROGRAM.rpath);
		assert_string_equal(elf.runpath, PROGRAM.runpath);
		assert_int_equal(elf.needed.n, 2);
		assert_string_equal(elf.needed.v[0], "libm.so.6");
		assert_string_equal(elf.needed.v[1], "libc.so.6");
		assert_true(elf.no_default_dirs);
	}
}

static void a_real_program_is_read(void **state)
{
	AUTO_CLOSE int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO_ELF struct elf elf = { 0 };
	struct elf_file f = { .fd = fd };
	struct stat st;
	struct err e = { 0 };
	bool has_libc = false;

	(void)state;
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	f.size = (uint64_t)st.st_size;
	if (elf_read(&f, &elf, &e) < 0)
		fail_msg("%s", e.what);
	assert_non_null(elf.interp);
	for (size_t i = 0; i < elf.needed.n; i++)
		has_libc = has_libc || str_starts(elf.needed.v[i], "libc.");
	assert_true(has_libc);
}

/* Cut anywhere, a file is an error or the whole of what is asked for: never a crash. */
static void a_cut_file_is_an_error(void **state)
{
	struct image m;
	size_t ok = 0;

	(void)state;
	make(&m, &PROGRAM);
	for (size_t n = 0; n < m.n; n++) {
		AUTO_ELF struct elf elf = { 0 };
		struct err e = { 0 };
		/* a copy of just that length: the sanitizer sees what lies behind it */
		AUTO_FREE unsigned char *copy = mem_alloc(n + 1);
		struct elf_file f = { .data = memcpy(copy, m.b, n), .fd = -1, .size = n };

		if (elf_read(&f, &elf, &e) == 0) {
			ok++;
			continue;
		}
		assert_int_equal(e.kind, ERR_SPEC);
		assert_true(e.what[0]);
	}
	assert_int_equal(ok, 0);
}

/* Any one byte altered: whatever comes out, it comes out. */
static void an_altered_file_is_survived(void **state)
{
	static const unsigned char bytes[] = { 0, 1, 0x7f, 0x80, 0xff };
	struct image m;

	(void)state;
	make(&m, &PROGRAM);
	for (size_t i = 0; i < m.n; i++)
		for (size_t k = 0; k < sizeof(bytes); k++) {
			AUTO_ELF struct elf elf = { 0 };
			struct image t = m;
			struct err e = { 0 };

			t.b[i] = bytes[k];
			if (read_image(&t, t.n, &elf, &e) < 0)
				assert_true(e.kind == ERR_SPEC && e.what[0]);
			else
				assert_true(elf.needed.n <= ELF_NEEDED_MAX);
		}
}

static void must_fail(const struct image *m, const char *says)
{
	AUTO_ELF struct elf elf = { 0 };
	struct err e = { 0 };

	assert_int_equal(read_image(m, m->n, &elf, &e), -1);
	if (!strstr(e.what, says))
		fail_msg("expected '%s', got '%s'", says, e.what);
}

static void lies_are_named(void **state)
{
	const size_t strtab = offsetof(Elf64_Dyn, d_un), strsz = sizeof(Elf64_Dyn) + strtab;
	struct image m;

	(void)state;
	make(&m, &PROGRAM);
	put(&m, offsetof(Elf64_Ehdr, e_phnum), 2, 0xffff);
	must_fail(&m, "65535 program headers");
	make(&m, &PROGRAM);
	put(&m, offsetof(Elf64_Ehdr, e_phentsize), 2, 1);
	must_fail(&m, "of 1 bytes each");
	make(&m, &PROGRAM);
	put(&m, offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX);
	must_fail(&m, "program headers would lie beyond the end");
	make(&m, &PROGRAM);
	put_phdr(&m, 1, PT_DYNAMIC, m.dynamic, UINT64_C(1) << 40);
	must_fail(&m, "entries");
	make(&m, &PROGRAM);
	put_phdr(&m, 1, PT_DYNAMIC, UINT64_MAX - 64, 64);
	must_fail(&m, "dynamic section would lie beyond the end");
	make(&m, &PROGRAM);
	put_phdr(&m, 2, PT_INTERP, m.strings, 5000);
	must_fail(&m, "the name of its loader has 5000 bytes");
	make(&m, &PROGRAM);
	put_phdr(&m, 2, PT_INTERP, m.strings + 1, 8);
	must_fail(&m, "not an absolute path");
	make(&m, &PROGRAM);
	put(&m, m.dynamic + strtab, 8, 17);
	must_fail(&m, "lies in no segment");
	make(&m, &PROGRAM);
	put(&m, m.dynamic + strsz, 8, 1);
	must_fail(&m, "outside its string table");
	make(&m, &PROGRAM);	/* a segment that wraps round the address space */
	put_phdr(&m, 0, PT_LOAD, UINT64_MAX - 4, m.n);
	must_fail(&m, "ELF file");
	make(&m, &PROGRAM);
	m.b[EI_CLASS] = 3;
	must_fail(&m, "no class or byte order");
	make(&m, &PROGRAM);
	m.b[0] = 'x';
	must_fail(&m, "not an ELF file");
}

static void bounds_are_kept(void **state)
{
	static unsigned char big[1 << 20];
	struct elf_file f = { .data = big, .fd = -1, .size = sizeof(big) };
	AUTO_ELF struct elf elf = { 0 };
	struct image m;
	struct err e = { 0 };
	size_t at = 8192;

	(void)state;
	make(&m, &PROGRAM); /* more libraries than anybody needs, and no end of them */
	put_phdr(&m, 0, PT_LOAD, 0, sizeof(big));
	put_phdr(&m, 1, PT_DYNAMIC, at, sizeof(Elf64_Dyn) * 3000);
	memcpy(big, m.b, m.n);
	memcpy(big + at, m.b + m.dynamic, 2 * sizeof(Elf64_Dyn));
	for (size_t i = 2; i < 3000; i++) {
		Elf64_Dyn d = { .d_tag = DT_NEEDED, .d_un.d_val = 1 };

		memcpy(big + at + i * sizeof(d), &d, sizeof(d));
	}
	assert_int_equal(elf_read(&f, &elf, &e), -1);
	assert_non_null(strstr(e.what, "more than 1024 libraries"));
	elf_fini(&elf);
	/* a name without an end */
	memset(big + m.strings, 'a', 5000);
	put(&m, m.dynamic + sizeof(Elf64_Dyn) + offsetof(Elf64_Dyn, d_un), 8, 100000);
	memcpy(big + at, m.b + m.dynamic, 2 * sizeof(Elf64_Dyn));
	assert_int_equal(elf_read(&f, &elf, &e), -1);
	assert_non_null(strstr(e.what, "has no end"));
}

/* ---- finding ---- */

static char dir[64];
static int at_dir;

static void write_file(const char *path, const void *data, size_t n, mode_t mode)
{
	AUTO_CLOSE int fd = openat(at_dir, path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void write_elf(const char *path, const struct want *w)
{
	struct image m;
	struct want full = *w;

	if (!full.bits)
		full.bits = 64, full.machine = EM_X86_64;
	make(&m, &full);
	write_file(path, m.b, m.n, 0755);
}

static int set_up(void **state)
{
	static const char *const dirs[] = { "bin", "lib", "lib/a", "lib/b", "lib/c", "conf", "conf/d" };

	(void)state;
	str_copy(dir, sizeof(dir), "/tmp/lichen-test-elf-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	at_dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < N_ELEMS(dirs); i++)
		if (mkdirat(at_dir, dirs[i], 0755) < 0)
			return -1;
	return 0;
}

static int tear_down(void **state)
{
	AUTO_FREE char *rm = str_fmt("rm -rf '%s'", dir);

	(void)state;
	close(at_dir);
	return system(rm);
}

static int find(const char *bin, const char *library_path, struct libs *out, struct err *e)
{
	AUTO_STRV struct strv bins = { 0 };
	AUTO_FREE char *conf = str_fmt("%s/conf/ld.so.conf", dir), *path = str_fmt("%s/bin", dir);
	struct libs_request q = { .bins = &bins, .path = path, .library_path = library_path, .conf = conf };

	strv_addf(&bins, "%s/%s", dir, bin);
	return libs_find(&q, out, e);
}

static bool has(const struct libs *l, const char *leaf)
{
	AUTO_FREE char *path = str_fmt("%s/%s", dir, leaf);

	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].path, path))
			return true;
	return false;
}

/* Each of the places alone, and then which one comes first. */
static void the_loaders_order(void **state)
{
	AUTO_FREE char *a = str_fmt("%s/lib/a", dir), *b = str_fmt("%s/lib/b", dir), *conf = str_fmt("%s/lib/c\n", dir);
	const struct want lib = { 0 };
	struct err e = { 0 };
	struct libs l;
	const struct {
		struct want w;
		const char *library_path, *found;
	} cases[] = {
		{ { .needed = { "libx.so" } }, NULL, "lib/c/libx.so" },
		{ { .needed = { "libx.so" } }, b, "lib/b/libx.so" },
		{ { .needed = { "libx.so" }, .rpath = a }, NULL, "lib/a/libx.so" },
		{ { .needed = { "libx.so" }, .rpath = a }, b, "lib/a/libx.so" },
		{ { .needed = { "libx.so" }, .runpath = a }, NULL, "lib/a/libx.so" },
		{ { .needed = { "libx.so" }, .runpath = a }, b, "lib/b/libx.so" },
		{ { .needed = { "libx.so" }, .runpath = "/nowhere", .rpath = a }, NULL, "lib/c/libx.so" },
		{ { .needed = { "libx.so" }, .rpath = "$ORIGIN/../lib/a" }, NULL, "lib/a/libx.so" },
		{ { .needed = { "libx.so" }, .rpath = "${ORIGIN}/../$LIB/a" }, NULL, "lib/a/libx.so" },
		{ { .needed = { "libx.so" }, .rpath = "::relative:$NOTHING" }, NULL, "lib/c/libx.so" },
		{ { .needed = { "$ORIGIN/../lib/b/libx.so" } }, NULL, "lib/b/libx.so" },
	};

	(void)state;
	write_file("conf/ld.so.conf", conf, strlen(conf), 0644);
	write_elf("lib/a/libx.so", &lib);
	write_elf("lib/b/libx.so", &lib);
	write_elf("lib/c/libx.so", &lib);
	for (size_t i = 0; i < N_ELEMS(cases); i++) {
		write_elf("bin/p", &cases[i].w);
		if (find("bin/p", cases[i].library_path, &l, &e) < 0)
			fail_msg("case %zu: %s", i, e.what);
		if (!has(&l, cases[i].found))
			fail_msg("case %zu: not %s", i, cases[i].found);
		assert_int_equal(has(&l, "lib/a/libx.so") + has(&l, "lib/b/libx.so") + has(&l, "lib/c/libx.so"), 1);
		assert_true(has(&l, "bin/p"));
		libs_fini(&l);
	}
}

/* DT_RPATH counts for what the libraries need in their turn; DT_RUNPATH does not. */
static void search_paths_are_inherited(void **state)
{
	AUTO_FREE char *a = str_fmt("%s/lib/a", dir);
	struct err e = { 0 };
	struct libs l;

	(void)state;
	write_elf("lib/a/libone.so", &(struct want){ .needed = { "libtwo.so" } });
	write_elf("lib/a/libtwo.so", &(struct want){ .needed = { "libone.so" } });	/* a circle */
	write_elf("bin/p", &(struct want){ .needed = { "libone.so" }, .rpath = a });
	assert_int_equal(find("bin/p", NULL, &l, &e), 0);
	assert_true(has(&l, "lib/a/libtwo.so"));
	libs_fini(&l);
	write_elf("bin/p", &(struct want){ .needed = { "libone.so" }, .runpath = a });
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_non_null(strstr(e.what, "libtwo.so, which "));
	assert_non_null(strstr(e.what, "/lib/a/libone.so needs"));
	assert_non_null(strstr(e.hint, "/usr/lib"));
	libs_fini(&l);
}

static void other_machines_are_passed_over(void **state)
{
	AUTO_FREE char *both = str_fmt("%s/lib/a:%s/lib/b", dir, dir);
	const struct want w = { .needed = { "liby.so" }, .rpath = both };
	struct err e = { 0 };
	struct libs l;

	(void)state;
	write_elf("bin/p", &w);
	write_elf("lib/a/liby.so", &(struct want){ .bits = 32, .machine = EM_386 });
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_non_null(strstr(e.hint, "/lib/a/liby.so is for another kind of machine"));
	libs_fini(&l);
	write_elf("lib/b/liby.so", &(struct want){ 0 });
	assert_int_equal(find("bin/p", NULL, &l, &e), 0);
	assert_true(has(&l, "lib/b/liby.so") && !has(&l, "lib/a/liby.so"));
	libs_fini(&l);
}

static void links_are_made_anew(void **state)
{
	struct err e = { 0 };
	struct libs l;
	bool found = false;

	(void)state;
	write_elf("bin/real", &(struct want){ 0 });
	assert_int_equal(symlinkat("real", at_dir, "bin/two"), 0);
	assert_int_equal(symlinkat("../bin/./two", at_dir, "lib/one"), 0);
	assert_int_equal(symlinkat("round", at_dir, "bin/round"), 0);
	assert_int_equal(find("lib/one", NULL, &l, &e), 0);
	assert_true(has(&l, "lib/one") && has(&l, "bin/two") && has(&l, "bin/real"));
	for (size_t i = 0; i < l.n; i++)
		found = found || str_eq(l.v[i].link, "../bin/./two");
	assert_true(found);
	libs_fini(&l);
	assert_int_equal(find("bin/round", NULL, &l, &e), -1);
	assert_int_equal(e.errnum, ELOOP);
	libs_fini(&l);
}

static void scripts_bring_their_interpreters(void **state)
{
	AUTO_FREE char *direct = str_fmt("#! %s/bin/interp -x\n", dir), *env = str_fmt("#!%s/bin/env -S A=b name -x\n", dir);
	AUTO_FREE char *self = str_fmt("#!%s/bin/self\n", dir), *none = str_fmt("#!%s/bin/env nobody\n", dir);
	const struct {
		const char *file, *text, *needs, *says;
	} cases[] = {
		{ "bin/s1", direct, "bin/interp", NULL },
		{ "bin/s2", env, "bin/name", NULL },
		{ "bin/s3", none, NULL, "nobody, the interpreter of the script" },
		{ "bin/s4", "#!relative\n", NULL, "no absolute path" },
		{ "bin/s5", "#!\n", NULL, "no absolute path" },
		{ "bin/s6", "echo\n", NULL, "neither an ELF program nor a script" },
		{ "bin/s7", "", NULL, "neither an ELF program nor a script" },
		{ "bin/self", self, "bin/self", NULL },
	};

	(void)state;
	write_elf("bin/interp", &(struct want){ 0 });
	write_elf("bin/name", &(struct want){ 0 });
	write_elf("bin/env", &(struct want){ 0 });
	for (size_t i = 0; i < N_ELEMS(cases); i++) {
		struct err e = { 0 };
		struct libs l;
		int rc;

		write_file(cases[i].file, cases[i].text, strlen(cases[i].text), 0755);
		rc = find(cases[i].file, NULL, &l, &e);
		assert_int_equal(rc, cases[i].says ? -1 : 0);
		if (cases[i].says && !strstr(e.what, cases[i].says))
			fail_msg("%s: %s", cases[i].file, e.what);
		if (cases[i].needs)
			assert_true(has(&l, cases[i].needs));
		libs_fini(&l);
	}
}

/* musl's loader is libc itself, asks every search path of every asker, and knows no ld.so.conf. */
static void musl_has_rules_of_its_own(void **state)
{
	AUTO_FREE char *loader = str_fmt("%s/lib/ld-musl-%s.so.1", dir, "nomachine"), *a = str_fmt("%s/lib/a", dir);
	AUTO_FREE char *conf = str_fmt("%s/lib/c\n", dir);
	struct err e = { 0 };
	struct libs l;

	(void)state;
	write_file("conf/ld.so.conf", conf, strlen(conf), 0644);
	write_elf("lib/ld-musl-nomachine.so.1", &(struct want){ .soname = "libc.so" });
	write_elf("lib/a/libone.so", &(struct want){ .needed = { "libtwo.so", "libm.so", "libc.musl-nomachine.so.1" } });
	write_elf("lib/a/libtwo.so", &(struct want){ .needed = { "libpthread.so" } });
	write_elf("bin/p", &(struct want){ .bits = 64, .machine = EM_X86_64, .interp = loader, .runpath = a,
					   .needed = { "libone.so", "libc.so" } });
	if (find("bin/p", NULL, &l, &e) < 0)
		fail_msg("%s", e.what);
	assert_true(has(&l, "lib/a/libtwo.so") && has(&l, "lib/ld-musl-nomachine.so.1"));
	libs_fini(&l);
	write_elf("lib/c/libthree.so", &(struct want){ 0 });
	write_elf("bin/p", &(struct want){ .bits = 64, .machine = EM_X86_64, .interp = loader, .needed = { "libthree.so" } });
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_non_null(strstr(e.hint, "/lib, /usr/local/lib, /usr/lib"));
	libs_fini(&l);
	/* a loader that is not there, or for another kind of machine */
	write_elf("lib/ld-musl-nomachine.so.1", &(struct want){ .bits = 32, .machine = EM_386 });
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_non_null(strstr(e.what, "which is for another kind of machine"));
	libs_fini(&l);
	assert_int_equal(unlinkat(at_dir, "lib/ld-musl-nomachine.so.1", 0), 0);
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_non_null(strstr(e.what, "the loader that"));
	libs_fini(&l);
}

static void conf_files_are_read(void **state)
{
	AUTO_FREE char *file = str_fmt("%s/conf/ld.so.conf", dir);
	AUTO_STRV struct strv dirs = { 0 };
	static const char top[] = "# comment\n/one/  # more\n  /two=libc6\ninclude d/*.conf\nrelative\n/one\ninclude ld.so.conf\n"
				  "hwcap 1 x\ninclude nowhere/*/x.conf";

	(void)state;
	write_file("conf/ld.so.conf", top, strlen(top), 0644);
	write_file("conf/d/b.conf", "/four\n", 6, 0644);
	write_file("conf/d/a.conf", "/three\n", 7, 0644);
	write_file("conf/d/.hidden.conf", "/never\n", 7, 0644);
	libs_conf_dirs(file, &dirs);
	assert_int_equal(dirs.n, 4);
	assert_string_equal(dirs.v[0], "/one");
	assert_string_equal(dirs.v[1], "/two");
	assert_string_equal(dirs.v[2], "/three");
	assert_string_equal(dirs.v[3], "/four");
}

/* Hundreds of libraries with long search paths: the search ends. */
static void a_hostile_search_ends(void **state)
{
	AUTO_BUF struct buf path = { 0 };
	struct err e = { 0 };
	struct libs l;

	(void)state;
	for (int i = 0; i < 250; i++)
		buf_addf(&path, "/%d:", i);
	for (int i = 0; i < 300; i++) {
		AUTO_FREE char *self = str_fmt("lib/a/l%d", i), *next = str_fmt("$ORIGIN/l%d", i + 1);

		write_elf(self, &(struct want){ .needed = { next, "libmissing.so" }, .rpath = path.s });
	}
	write_elf("bin/p", &(struct want){ .needed = { "$ORIGIN/../lib/a/l0" } });
	assert_int_equal(find("bin/p", NULL, &l, &e), -1);
	assert_true(e.kind == ERR_SPEC && strstr(e.what, "libmissing.so"));
	libs_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_read),
		cmocka_unit_test(a_real_program_is_read),
		cmocka_unit_test(a_cut_file_is_an_error),
		cmocka_unit_test(an_altered_file_is_survived),
		cmocka_unit_test(lies_are_named),
		cmocka_unit_test(bounds_are_kept),
		cmocka_unit_test_setup_teardown(the_loaders_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(search_paths_are_inherited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_machines_are_passed_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_are_made_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(scripts_bring_their_interpreters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(musl_has_rules_of_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conf_files_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hostile_search_ends, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
