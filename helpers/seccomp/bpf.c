/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp/bpf.c - from a profile to the instructions of a filter
 *
 * Theory of operation
 *
 * For each architecture (told by seccomp_data.arch) every number has an *outcome*:
 * an action, or a chain of conditions that ends in an action. Neighbouring numbers of
 * one outcome are a *range*; the ranges cover all numbers from 0 to 2^32-1, so what is
 * not named, x32 included, lies in a range with the default action. A binary search
 * over the ranges leads to the outcome: six to eight comparisons for any call.
 *
 * Why not libseccomp's own output: it cannot say "allowed unless the low 32 bits are
 * TIOCSTI", on i386 it opens socketcall(2) for every socket(2) it lets through, and
 * it tests each number by itself, which makes the filter several times longer and
 * slower to load (figures in doc/decisions/002-seccomp-default.md).
 *
 * Instructions are produced from the last to the first, because BPF only jumps
 * forward: whatever a jump leads to exists already. A *position* is an index into this
 * reversed program. Conditional jumps reach 255 instructions; near() bridges more.
 */

#include "bpf.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "names.h"

/* ---- the reversed program ---- */

enum {
	REACH = 250,	/* below 255: two bridges may come between the look and the jump */
	HOLES_MAX = 4,	/* in one leaf */
};

struct prog {
	struct sock_filter v[BPF_MAXINSNS];
	size_t n;
	bool is_full;
};

static size_t put(struct prog *p, unsigned code, uint32_t k, size_t jt, size_t jf)
{
	if (p->n == BPF_MAXINSNS || jt > UINT8_MAX || jf > UINT8_MAX) {
		p->is_full = true;
		return p->n ? p->n - 1 : 0;
	}
	p->v[p->n] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	return p->n++;
}

/* How many instructions a jump that is put next skips to get to @pos. */
static size_t skip(const struct prog *p, size_t pos)
{
	return p->n - pos - 1;
}

static size_t put_ret(struct prog *p, uint32_t ret)
{
	for (size_t i = p->n; i > 0 && p->n - i < REACH; i--)
		if (p->v[i - 1].code == (BPF_RET | BPF_K) && p->v[i - 1].k == ret)
			return i - 1;
	return put(p, BPF_RET | BPF_K, ret, 0, 0);
}

/* A position within reach that has the effect of @pos. */
static size_t near(struct prog *p, size_t pos)
{
	if (p->is_full || skip(p, pos) <= REACH)
		return pos;
	if (p->v[pos].code == (BPF_RET | BPF_K))
		return put_ret(p, p->v[pos].k);
	return put(p, BPF_JMP | BPF_JA, (uint32_t)skip(p, pos), 0, 0);
}

/* Makes what is put next (before it, in the order of execution) run on into @pos. */
static size_t join(struct prog *p, size_t pos)
{
	return pos + 1 == p->n ? pos : put(p, BPF_JMP | BPF_JA, (uint32_t)skip(p, pos), 0, 0);
}

/* The position of a comparison, or of what it would lead to either way. */
static size_t put_jump(struct prog *p, unsigned op, uint32_t k, size_t yes, size_t no)
{
	yes = near(p, yes);
	no = near(p, no);
	if (yes == no)
		return yes;
	return put(p, BPF_JMP | op | BPF_K, k, skip(p, yes), skip(p, no));
}

static size_t put_load(struct prog *p, size_t offset)
{
	return put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* ---- conditions ---- */

/* An argument has 64 bits, BPF looks at 32 at a time. */
static size_t low_half(unsigned arg)
{
	return offsetof(struct seccomp_data, args) + 8 * arg + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
}

static size_t high_half(unsigned arg)
{
	return offsetof(struct seccomp_data, args) + 8 * arg + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 0 : 4);
}

/* Looks at the low half only and compares all of it. */
static bool is_word(const struct cond *c)
{
	return c->op == CMP_MASKED_EQ && c->value == UINT32_MAX && c->value_two <= UINT32_MAX;
}

static size_t put_half(struct prog *p, size_t offset, uint32_t mask, uint32_t value, size_t yes, size_t no)
{
	join(p, put_jump(p, BPF_JEQ, value, yes, no));
	if (mask != UINT32_MAX)
		put(p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	return put_load(p, offset);
}

static size_t put_equal(struct prog *p, unsigned arg, uint64_t mask, uint64_t value, size_t yes, size_t no)
{
	if (value & ~mask)
		return no;
	if (yes == no)
		return yes;
	if ((uint32_t)mask)
		yes = put_half(p, low_half(arg), (uint32_t)mask, (uint32_t)value, yes, no);
	if (mask >> 32)
		yes = put_half(p, high_half(arg), (uint32_t)(mask >> 32), (uint32_t)(value >> 32), yes, no);
	return yes;
}

/* @op is BPF_JGT or BPF_JGE: what the low halves need where the high ones are equal. */
static size_t put_greater(struct prog *p, unsigned arg, unsigned op, uint64_t value, size_t yes, size_t no)
{
	size_t low, equal;

	if (yes == no)
		return yes;
	join(p, put_jump(p, op, (uint32_t)value, yes, no));
	low = put_load(p, low_half(arg));
	equal = put_jump(p, BPF_JEQ, (uint32_t)(value >> 32), low, no);
	join(p, put_jump(p, BPF_JGT, (uint32_t)(value >> 32), yes, equal));
	return put_load(p, high_half(arg));
}

static size_t put_cond(struct prog *p, const struct cond *c, size_t yes, size_t no)
{
	switch (c->op) {
	case CMP_EQ:
		return put_equal(p, c->index, UINT64_MAX, c->value, yes, no);
	case CMP_NE:
		return put_equal(p, c->index, UINT64_MAX, c->value, no, yes);
	case CMP_MASKED_EQ:
		return put_equal(p, c->index, c->value, c->value_two, yes, no);
	case CMP_GT:
		return put_greater(p, c->index, BPF_JGT, c->value, yes, no);
	case CMP_GE:
		return put_greater(p, c->index, BPF_JGE, c->value, yes, no);
	case CMP_LT:
		return put_greater(p, c->index, BPF_JGE, c->value, no, yes);
	case CMP_LE:
		return put_greater(p, c->index, BPF_JGT, c->value, no, yes);
	case CMPS:
		break;
	}
	return no;
}

/* ---- outcomes ---- */

/* One rule about one number. */
struct entry {
	uint32_t nr;
	const struct rule *rule;
};

/* What becomes of a number: the rules with conditions in the order in which they are
 * asked, then @ret. The rules are those of @entries [@first, @first + @n). */
struct outcome {
	size_t first, n;
	uint32_t ret;
	size_t pos;	/* in the program, with @n; 0: not there yet */
};

struct range {
	uint32_t start;	/* up to the next one's start */
	size_t outcome;
};

/* Where the search ends: a range, or several of one outcome with @n_holes single
 * numbers of other outcomes between them. A hole costs one comparison, two borders
 * would cost two. The ranges are [@first, @first + 2 * @n_holes]. */
struct leaf {
	size_t first, n_holes;
};

/* Entries and outcomes of all architectures, so that these share the code of a chain;
 * ranges and leaves of the one that is being put. */
struct table {
	struct entry *entries;
	size_t n_entries;
	struct outcome *outcomes;
	size_t n_outcomes;
	struct range *ranges;
	size_t n_ranges;
	struct leaf *leaves;
	size_t n_leaves;
};

static void table_fini(struct table *t)
{
	free(t->entries);
	free(t->outcomes);
	free(t->ranges);
	free(t->leaves);
	*t = (struct table){ 0 };
}
#define AUTO_TABLE __attribute__((cleanup(table_fini)))

static bool rule_applies(const struct rule *r, const struct target *t)
{
	const char *arch = arch_docker_name(t->arch);

	if ((r->includes.caps & ~t->caps) || (r->excludes.caps & t->caps))
		return false;
	if (r->includes.min_kernel > t->kernel ||
	    (r->excludes.min_kernel && r->excludes.min_kernel <= t->kernel))
		return false;
	if (r->includes.arches.n && !(arch && strv_has(&r->includes.arches, arch)))
		return false;
	return !(arch && strv_has(&r->excludes.arches, arch));
}

/* The kernel's own order of strictness: as a signed number, the smaller the stricter. */
static int32_t looseness(uint32_t ret)
{
	return (int32_t)(ret & SECCOMP_RET_ACTION_FULL);
}

/* By number; rules with conditions first; the strictest first; else as in the file. */
static int entry_cmp(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int32_t la = looseness(a->rule->ret), lb = looseness(b->rule->ret);

	if (a->nr != b->nr)
		return a->nr < b->nr ? -1 : 1;
	if (!a->rule->n_conds != !b->rule->n_conds)
		return a->rule->n_conds ? -1 : 1;
	if (la != lb)
		return la < lb ? -1 : 1;
	return (a->rule > b->rule) - (a->rule < b->rule);
}

static void entries_add(struct table *tb, const struct profile *p, const struct target *t, uint32_t arch,
			struct strv *unknown)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct rule *r = &p->rules[i];

		if (!rule_applies(r, t))
			continue;
		for (size_t k = 0; k < r->names.n; k++) {
			int64_t nr = syscall_number(arch, r->names.v[k]);

			if (nr >= 0) {
				if ((tb->n_entries & (tb->n_entries + 1)) == 0)
					tb->entries = mem_grow(tb->entries, 2 * (tb->n_entries + 1),
							       sizeof(*tb->entries));
				tb->entries[tb->n_entries++] = (struct entry){ (uint32_t)nr, r };
			} else if (nr == NR_UNKNOWN && unknown && !strv_has(unknown, r->names.v[k])) {
				strv_add(unknown, r->names.v[k]);
			}
		}
	}
}

static bool outcome_eq(const struct table *tb, const struct outcome *a, const struct outcome *b)
{
	if (a->ret != b->ret || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (tb->entries[a->first + i].rule != tb->entries[b->first + i].rule)
			return false;
	return true;
}

/* The index of an outcome like @o. */
static size_t outcome_add(struct table *tb, struct outcome o)
{
	for (size_t i = 0; i < tb->n_outcomes; i++)
		if (outcome_eq(tb, &tb->outcomes[i], &o))
			return i;
	tb->outcomes = mem_grow(tb->outcomes, tb->n_outcomes + 1, sizeof(*tb->outcomes));
	tb->outcomes[tb->n_outcomes] = o;
	return tb->n_outcomes++;
}

/* Numbers from @start on have this outcome, until told otherwise. */
static void range_add(struct table *tb, uint32_t start, size_t outcome)
{
	if (tb->n_ranges && tb->ranges[tb->n_ranges - 1].start == start)
		tb->n_ranges--;
	if (tb->n_ranges && tb->ranges[tb->n_ranges - 1].outcome == outcome)
		return;
	tb->ranges = mem_grow(tb->ranges, tb->n_ranges + 1, sizeof(*tb->ranges));
	tb->ranges[tb->n_ranges++] = (struct range){ start, outcome };
}

static void leaves_build(struct table *tb)
{
	const struct range *r = tb->ranges;

	tb->n_leaves = 0;
	tb->leaves = mem_grow(tb->leaves, tb->n_ranges, sizeof(*tb->leaves));
	for (size_t i = 0; i < tb->n_ranges; i += 2 * tb->leaves[tb->n_leaves++].n_holes + 1) {
		size_t n = 0;

		while (n < HOLES_MAX && i + 2 * n + 2 < tb->n_ranges &&
		       r[i + 2 * n + 2].outcome == r[i].outcome &&
		       r[i + 2 * n + 2].start == r[i + 2 * n + 1].start + 1)
			n++;
		tb->leaves[tb->n_leaves] = (struct leaf){ i, n };
	}
}

/* The numbers of x32, on an x86_64 whose profile does not list it: an architecture of its own
 * that nobody allowed, or a profile that allows all but a few would allow those few there. */
enum { X32_FIRST = 0x40000000 };

/* From the entries, those from @from on, to outcomes, ranges and leaves. */
static void table_build(struct table *tb, size_t from, uint32_t default_ret, bool kills_x32)
{
	size_t otherwise = outcome_add(tb, (struct outcome){ .ret = default_ret });

	if (tb->n_entries > from)
		qsort(tb->entries + from, tb->n_entries - from, sizeof(*tb->entries), entry_cmp);
	tb->n_ranges = 0;
	range_add(tb, 0, otherwise);
	for (size_t i = from, next; i < tb->n_entries; i = next) {
		struct outcome o = { .first = i, .ret = default_ret };
		uint32_t nr = tb->entries[i].nr;

		for (next = i; next < tb->n_entries && tb->entries[next].nr == nr; next++)
			;
		while (i + o.n < next && tb->entries[i + o.n].rule->n_conds)
			o.n++;
		if (i + o.n < next)	/* the strictest of those without conditions */
			o.ret = tb->entries[i + o.n].rule->ret;
		range_add(tb, nr, outcome_add(tb, o));
		range_add(tb, nr + 1, otherwise);
	}
	if (kills_x32) {
		range_add(tb, X32_FIRST, outcome_add(tb, (struct outcome){ .ret = SECCOMP_RET_KILL_PROCESS }));
		range_add(tb, UINT32_MAX, otherwise); /* -1: a tracer has skipped the call */
	}
	leaves_build(tb);
}

/* ---- a table as instructions ---- */

static size_t put_outcome(struct prog *p, struct table *tb, size_t index)
{
	struct outcome *o = &tb->outcomes[index];
	size_t pos;

	if (!o->n)
		return put_ret(p, o->ret);
	if (o->pos)
		return o->pos;
	pos = put_ret(p, o->ret);
	for (size_t i = o->n; i > 0; i--) {
		const struct rule *r = tb->entries[o->first + i - 1].rule;
		const struct rule *before = i > 1 ? tb->entries[o->first + i - 2].rule : NULL;
		size_t yes = put_ret(p, r->ret);

		/* The word that the rule before has looked at is loaded still. */
		if (before && before->n_conds == 1 && r->n_conds == 1 && is_word(&before->conds[0]) &&
		    is_word(&r->conds[0]) && before->conds[0].index == r->conds[0].index) {
			pos = put_jump(p, BPF_JEQ, (uint32_t)r->conds[0].value_two, yes, pos);
			continue;
		}
		for (size_t k = r->n_conds; k > 0; k--)
			yes = put_cond(p, &r->conds[k - 1], yes, pos);
		pos = yes;
	}
	o->pos = pos;
	return pos;
}

static size_t put_leaf(struct prog *p, struct table *tb, const struct leaf *l)
{
	size_t pos = put_outcome(p, tb, tb->ranges[l->first].outcome);

	for (size_t i = l->n_holes; i > 0; i--) {
		const struct range *hole = &tb->ranges[l->first + 2 * i - 1];
		size_t yes = put_outcome(p, tb, hole->outcome);

		pos = put_jump(p, BPF_JEQ, hole->start, yes, pos);
	}
	return pos;
}

/* The search over the leaves [@lo, @hi), at least one. */
static size_t put_search(struct prog *p, struct table *tb, size_t lo, size_t hi)
{
	size_t mid = lo + (hi - lo) / 2, above, below;

	if (p->is_full)
		return 0;
	if (hi - lo == 1)
		return put_leaf(p, tb, &tb->leaves[lo]);
	above = put_search(p, tb, mid, hi);
	below = put_search(p, tb, lo, mid);
	return put_jump(p, BPF_JGE, tb->ranges[tb->leaves[mid].first].start, above, below);
}

/* lichen's own profile names its architectures by a map, and answers x32 gently, as it does
 * all that is not on its list. */
static bool kills_x32(const struct profile *p)
{
	return p->has_list || !p->n_archs || p->default_ret == SECCOMP_RET_ALLOW || p->default_ret == SECCOMP_RET_LOG;
}

/* Code that runs with the architecture loaded: ours, or on to @other. */
static size_t put_arch(struct prog *p, struct table *tb, const struct profile *prof, const struct target *t,
		       uint32_t arch, bool with_x32, struct strv *unknown, size_t other)
{
	size_t from = tb->n_entries, here;

	entries_add(tb, prof, t, arch, unknown);
	if (with_x32)
		entries_add(tb, prof, t, SCMP_ARCH_X32, unknown);
	table_build(tb, from, prof->default_ret, arch == SCMP_ARCH_X86_64 && !with_x32 && kills_x32(prof));
	join(p, put_search(p, tb, 0, tb->n_leaves));
	here = put_load(p, offsetof(struct seccomp_data, nr));
	return put_jump(p, BPF_JEQ, arch, here, other);	/* SCMP_ARCH_* are AUDIT_ARCH_* */
}

int bpf_build(const struct profile *prof, const struct target *t, struct filter *f, struct strv *unknown,
	      struct err *e)
{
	AUTO_FREE struct prog *p = mem_alloc(sizeof(*p));
	AUTO_TABLE struct table tb = { 0 };
	const struct strv *subs = NULL;
	size_t pos;

	for (size_t i = 0; i < prof->n_archs; i++)
		if (str_eq(prof->archs[i].arch, arch_name(t->arch)))
			subs = &prof->archs[i].subs;
	if (prof->has_list)
		subs = &prof->listed;
	/* An architecture that the machine does not have: cannot happen, so nothing gentle. */
	pos = put_ret(p, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = subs ? subs->n : 0; i > 0; i--) {
		uint32_t arch = arch_token(subs->v[i - 1]);

		if (arch && arch != SCMP_ARCH_X32 && arch != t->arch)
			pos = put_arch(p, &tb, prof, t, arch, false, unknown, pos);
	}
	pos = put_arch(p, &tb, prof, t, t->arch, subs && strv_has(subs, "x32"), unknown, pos);
	join(p, pos);
	put_load(p, offsetof(struct seccomp_data, arch));
	if (p->is_full)
		return err_set(e, ERR_SPEC, "the filter has more than %d instructions", BPF_MAXINSNS);
	f->n = (unsigned short)p->n;
	for (size_t i = 0; i < p->n; i++)
		f->insns[i] = p->v[p->n - 1 - i];
	return 0;
}
