/* SPDX-License-Identifier: Apache-2.0 */
/* host/elf.c - what a program or library says of itself: its loader, the libraries it needs */

#include "host/elf.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"

/* One program header, of either class. */
struct segment {
	uint32_t type;
	uint64_t offset, vaddr, filesz;
};

struct reader {
	const struct elf_file *f;
	struct elf *out;
	struct segment *v;	/* owned */
	size_t n;
	uint64_t strtab, strsz;	/* file offset and size of the string table */
};

/* All of @n bytes at @at, or an error: what lies beyond the end is no file of ours. */
static int read_at(const struct elf_file *f, void *out, size_t n, uint64_t at, const char *what, struct err *e)
{
	size_t got = 0;

	if (at > f->size || n > f->size - at)
		return err_set(e, ERR_SPEC, "broken ELF file: its %s would lie beyond the end (at %" PRIu64 " of %" PRIu64 " bytes)",
			       what, at, f->size);
	if (f->data) {
		memcpy(out, f->data + at, n);
		return 0;
	}
	while (got < n) {
		ssize_t r = pread(f->fd, (char *)out + got, n - got, (off_t)(at + got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_sys(e, "pread", what, "reading an ELF file");
		if (r == 0)
			return err_set(e, ERR_SPEC, "the file became shorter while it was read");
		got += (size_t)r;
	}
	return 0;
}

/* A number of @n bytes in the file's byte order. */
static uint64_t number(const struct reader *r, const unsigned char *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x = x << 8 | p[r->out->abi.is_big ? i : n - 1 - i];
	return x;
}

/* The member of one of elf.h's structures, by class: @p is where the structure begins. */
#define FIELD(r, p, kind, member)                                                                  \
	((r)->out->abi.bits == 64                                                                  \
		 ? number(r, (p) + offsetof(Elf64_##kind, member), sizeof(((Elf64_##kind *)0)->member)) \
		 : number(r, (p) + offsetof(Elf32_##kind, member), sizeof(((Elf32_##kind *)0)->member)))
#define SIZE(r, kind) ((r)->out->abi.bits == 64 ? sizeof(Elf64_##kind) : sizeof(Elf32_##kind))

/* ---- the first bytes ---- */

/* e_machine stands at the same place in both classes. */
enum { FIRST = offsetof(Elf64_Ehdr, e_machine) + 2 };

bool elf_abi_of(const struct elf_file *f, struct elf_abi *out)
{
	unsigned char b[FIRST];
	struct err ignored;

	if (read_at(f, b, sizeof(b), 0, "header", &ignored) < 0 || memcmp(b, ELFMAG, SELFMAG) != 0)
		return false;
	if ((b[EI_CLASS] != ELFCLASS32 && b[EI_CLASS] != ELFCLASS64) ||
	    (b[EI_DATA] != ELFDATA2LSB && b[EI_DATA] != ELFDATA2MSB))
		return false;
	out->bits = b[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	out->is_big = b[EI_DATA] == ELFDATA2MSB;
	out->machine = (uint16_t)(out->is_big ? b[FIRST - 2] << 8 | b[FIRST - 1] : b[FIRST - 1] << 8 | b[FIRST - 2]);
	return true;
}

bool elf_is_one(const struct elf_file *f)
{
	unsigned char b[SELFMAG];
	struct err ignored;

	return read_at(f, b, sizeof(b), 0, "header", &ignored) == 0 && memcmp(b, ELFMAG, SELFMAG) == 0;
}

bool elf_abi_eq(const struct elf_abi *a, const struct elf_abi *b)
{
	return a->bits == b->bits && a->is_big == b->is_big && a->machine == b->machine;
}

/* ---- segments ---- */

static int read_segments(struct reader *r, struct err *e)
{
	unsigned char head[sizeof(Elf64_Ehdr)] = { 0 };
	AUTO_FREE unsigned char *raw = NULL;
	uint64_t at, size;
	size_t n;

	if (read_at(r->f, head, SIZE(r, Ehdr), 0, "header", e) < 0)
		return -1;
	r->out->type = (uint16_t)FIELD(r, head, Ehdr, e_type);
	at = FIELD(r, head, Ehdr, e_phoff);
	size = FIELD(r, head, Ehdr, e_phentsize);
	n = FIELD(r, head, Ehdr, e_phnum);
	if (!n)
		return 0;
	if (n > ELF_HEADERS_MAX || size != SIZE(r, Phdr))
		return err_set(e, ERR_SPEC, "broken ELF file: %zu program headers of %" PRIu64 " bytes each", n, size);
	raw = mem_alloc(n * size);
	if (read_at(r->f, raw, n * size, at, "program headers", e) < 0)
		return -1;
	r->v = mem_alloc(n * sizeof(*r->v));
	r->n = n;
	for (size_t i = 0; i < n; i++) {
		const unsigned char *p = raw + i * size;

		r->v[i] = (struct segment){ .type = (uint32_t)FIELD(r, p, Phdr, p_type),
					    .offset = FIELD(r, p, Phdr, p_offset),
					    .vaddr = FIELD(r, p, Phdr, p_vaddr),
					    .filesz = FIELD(r, p, Phdr, p_filesz) };
	}
	return 0;
}

static const struct segment *find_segment(const struct reader *r, uint32_t type)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].type == type)
			return &r->v[i];
	return NULL;
}

static int read_interp(struct reader *r, struct err *e)
{
	const struct segment *s = find_segment(r, PT_INTERP);
	char text[ELF_STRING_MAX];

	if (!s)
		return 0;
	if (s->filesz < 2 || s->filesz > sizeof(text))
		return err_set(e, ERR_SPEC, "broken ELF file: the name of its loader has %" PRIu64 " bytes", s->filesz);
	if (read_at(r->f, text, s->filesz, s->offset, "loader's name", e) < 0)
		return -1;
	if (text[s->filesz - 1] || text[0] != '/')
		return err_set(e, ERR_SPEC, "broken ELF file: the name of its loader is not an absolute path");
	r->out->interp = str_dup(text);
	return 0;
}

/* ---- the dynamic section ---- */

/* From an address in memory to the place in the file, by the loaded segment that holds it. */
static bool file_offset(const struct reader *r, uint64_t vaddr, uint64_t *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct segment *s = &r->v[i];

		if (s->type != PT_LOAD || vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		if (s->offset > UINT64_MAX - (vaddr - s->vaddr))
			return false;
		*out = s->offset + (vaddr - s->vaddr);
		return true;
	}
	return false;
}

/* The string at @at of the string table; owned in *@out. */
static int read_string(const struct reader *r, uint64_t at, char **out, struct err *e)
{
	char text[ELF_STRING_MAX];
	uint64_t room;
	size_t n;

	if (at >= r->strsz)
		return err_set(e, ERR_SPEC, "broken ELF file: a name lies outside its string table");
	room = r->strsz - at;
	n = room < sizeof(text) ? (size_t)room : sizeof(text);
	if (r->strtab > UINT64_MAX - at)
		return err_set(e, ERR_SPEC, "broken ELF file: its string table lies nowhere");
	/* a table that says it is longer than the file may still have this one */
	if (r->strtab + at < r->f->size && n > r->f->size - (r->strtab + at))
		n = (size_t)(r->f->size - (r->strtab + at));
	if (read_at(r->f, text, n, r->strtab + at, "string table", e) < 0)
		return -1;
	if (strnlen(text, n) == n)
		return err_set(e, ERR_SPEC, "broken ELF file: a name in its string table has no end, or more than %d bytes",
			       ELF_STRING_MAX - 1);
	free(*out);
	*out = str_dup(text);
	return 0;
}

static int take_strings(struct reader *r, const unsigned char *raw, size_t n, size_t size, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char *p = raw + i * size;
		uint64_t tag = FIELD(r, p, Dyn, d_tag), value = FIELD(r, p, Dyn, d_un.d_val);
		AUTO_FREE char *name = NULL;
		int rc = 0;

		if (tag == DT_SONAME)
			rc = read_string(r, value, &r->out->soname, e);
		else if (tag == DT_RPATH)
			rc = read_string(r, value, &r->out->rpath, e);
		else if (tag == DT_RUNPATH)
			rc = read_string(r, value, &r->out->runpath, e);
		else if (tag == DT_FLAGS_1)
			r->out->no_default_dirs = (value & DF_1_NODEFLIB) != 0;
		else if (tag == DT_NEEDED)
			rc = read_string(r, value, &name, e);
		if (rc < 0)
			return -1;
		if (tag != DT_NEEDED)
			continue;
		if (!*name)
			return err_set(e, ERR_SPEC, "broken ELF file: it needs a library without a name");
		if (r->out->needed.n == ELF_NEEDED_MAX)
			return err_set(e, ERR_SPEC, "broken ELF file: it needs more than %d libraries", ELF_NEEDED_MAX);
		strv_add_take(&r->out->needed, ptr_take(&name));
	}
	return 0;
}

static int read_dynamic(struct reader *r, struct err *e)
{
	const struct segment *s = find_segment(r, PT_DYNAMIC);
	const size_t size = SIZE(r, Dyn);
	AUTO_FREE unsigned char *raw = NULL;
	uint64_t strtab = 0;
	bool has_strings = false, wants_strings = false;
	size_t n, used = 0;

	if (!s || !s->filesz)
		return 0;
	if (s->filesz / size > ELF_DYNAMIC_MAX)
		return err_set(e, ERR_SPEC, "broken ELF file: its dynamic section has %" PRIu64 " entries", s->filesz / size);
	n = (size_t)(s->filesz / size);
	raw = mem_alloc(n * size + 1);
	if (read_at(r->f, raw, n * size, s->offset, "dynamic section", e) < 0)
		return -1;
	for (; used < n; used++) {
		const unsigned char *p = raw + used * size;
		uint64_t tag = FIELD(r, p, Dyn, d_tag), value = FIELD(r, p, Dyn, d_un.d_val);

		if (tag == DT_NULL)
			break;
		if (tag == DT_STRTAB)
			strtab = value, has_strings = true;
		else if (tag == DT_STRSZ)
			r->strsz = value;
		else if (tag == DT_NEEDED || tag == DT_SONAME || tag == DT_RPATH || tag == DT_RUNPATH)
			wants_strings = true;
	}
	if (!wants_strings)
		return take_strings(r, raw, used, size, e);
	if (!has_strings || !file_offset(r, strtab, &r->strtab))
		return err_set(e, ERR_SPEC, "broken ELF file: its string table lies in no segment");
	return take_strings(r, raw, used, size, e);
}

int elf_read(const struct elf_file *f, struct elf *out, struct err *e)
{
	struct reader r = { .f = f, .out = out };
	int rc = -1;

	*out = (struct elf){ 0 };
	if (!elf_abi_of(f, &out->abi))
		return elf_is_one(f) ? err_set(e, ERR_SPEC, "broken ELF file: its first bytes name no class or byte order")
				     : err_set(e, ERR_SPEC, "not an ELF file");
	if (read_segments(&r, e) == 0 && read_interp(&r, e) == 0 && read_dynamic(&r, e) == 0)
		rc = 0;
	free(r.v);
	return rc;
}

void elf_fini(struct elf *elf)
{
	free(elf->interp);
	free(elf->soname);
	free(elf->rpath);
	free(elf->runpath);
	strv_fini(&elf->needed);
	*elf = (struct elf){ 0 };
}
