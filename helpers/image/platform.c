/* SPDX-License-Identifier: Apache-2.0 */
/* image/platform.c - which of an index's images runs here */

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "manifest.h"

/* What Go, and so every registry, calls what the kernel calls otherwise. */
static const struct {
	const char *name, *arch, *variant;
} NAMES[] = {
	{ "x86_64", "amd64", "" },   { "x86-64", "amd64", "" },	 { "aarch64", "arm64", "" },   { "aarch64_be", "arm64be", "" },
	{ "armv8l", "arm", "v7" },   { "armv7l", "arm", "v7" },	 { "armv6l", "arm", "v6" },    { "armv5tel", "arm", "v5" },
	{ "armhf", "arm", "v7" },    { "armel", "arm", "v6" },	 { "i386", "386", "" },	       { "i486", "386", "" },
	{ "i586", "386", "" },	     { "i686", "386", "" },	 { "loongarch64", "loong64", "" }, { "ppc64el", "ppc64le", "" },
};

static void normalize(struct platform *p)
{
	for (size_t i = 0; i < N_ELEMS(NAMES); i++) {
		if (!str_eq(p->arch, NAMES[i].name))
			continue;
		str_copy(p->arch, sizeof(p->arch), NAMES[i].arch);
		if (!p->variant[0])
			str_copy(p->variant, sizeof(p->variant), NAMES[i].variant);
		break;
	}
	/* it has no other */
	if (str_eq(p->arch, "arm64") && str_eq(p->variant, "v8"))
		p->variant[0] = '\0';
}

static int wrong(const char *text, struct err *e)
{
	return err_set(e, ERR_USAGE, "--platform %s: it is written OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, as in linux/arm64", text);
}

int platform_parse(const char *text, struct platform *p, struct err *e)
{
	char *const parts[] = { p->os, p->arch, p->variant };
	const char *at = text;
	struct utsname host;

	*p = (struct platform){ 0 };
	if (!text) {
		if (uname(&host) < 0)
			return err_sys(e, "uname", NULL, "asking for this machine's architecture");
		str_copy(p->os, sizeof(p->os), "linux");
		str_copy(p->arch, sizeof(p->arch), host.machine);
		normalize(p);
		return 0;
	}
	for (size_t i = 0; i < N_ELEMS(parts); i++) {
		size_t n = strcspn(at, "/");

		if (n == 0 || n >= sizeof(p->os))
			return wrong(text, e);
		memcpy(parts[i], at, n);
		parts[i][n] = '\0';
		if (!str_is_name(parts[i]))
			return wrong(text, e);
		at += n;
		if (!*at)
			break;
		at++;
		if (i == 2)
			return wrong(text, e);
	}
	if (!p->arch[0])
		return wrong(text, e);
	normalize(p);
	return 0;
}

/* "v7" is 7; what is not said, or is no number: 0 */
static unsigned level(const char *variant)
{
	return variant[0] == 'v' && variant[1] >= '0' && variant[1] <= '9' && !variant[2] ? (unsigned)(variant[1] - '0') : 0;
}

unsigned platform_fits(const struct platform *have, const struct platform *want)
{
	struct platform h = *have, w = *want;
	unsigned has, wants;

	if (!h.os[0] && !h.arch[0])
		return 1;	/* it does not say */
	normalize(&h);
	normalize(&w);
	if (!str_eq(h.os, w.os) || !str_eq(h.arch, w.arch))
		return 0;
	if (str_eq(h.variant, w.variant))
		return 1000;
	has = level(h.variant);
	wants = level(w.variant);
	if (wants && has && has <= wants)
		return 100 + has;	/* an older one of the same kind: arm/v6 on v7, amd64/v2 on v3 */
	if (!h.variant[0])
		return 50;
	/* this machine's variant is not known: the one that asks the least */
	return !w.variant[0] && has ? 40 - has : 0;
}

static void add_platform(struct buf *b, const struct platform *p)
{
	buf_addf(b, "%s%s/%s%s%s", b->len ? ", " : "", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
}

int index_choose(const struct manifest *index, const struct platform *want, size_t *at, struct err *e)
{
	AUTO_BUF struct buf offered = { 0 }, wanted = { 0 };
	unsigned best = 0;

	for (size_t i = 0; i < index->n_entries; i++) {
		const struct index_entry *ie = &index->entries[i];
		unsigned fits = ie->is_aside ? 0 : platform_fits(&ie->platform, want);

		if (fits > best) {
			best = fits;
			*at = i;
		}
		if (!ie->is_aside && offered.len < 256)
			add_platform(&offered, &ie->platform);
	}
	if (best > 0)
		return 0;
	add_platform(&wanted, want);
	err_set(e, ERR_STATE, "there is no image for %s", wanted.s);
	return err_hint(e, "there is %s; --platform chooses another", offered.len ? offered.s : "none at all");
}
