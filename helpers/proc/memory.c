/* SPDX-License-Identifier: Apache-2.0 */
/* proc/memory.c - /proc/meminfo and /proc/swaps; no system calls
 *
 * What a line of meminfo is for a box stands in ROWS. A line that is not there is about the
 * machine (HugePages_Total, DirectMap4k, CommitLimit) and is passed as it is, as lxcfs does.
 */

#include "view.h"

#include <inttypes.h>
#include <string.h>

enum value { OF_STAT, TOTAL, FREE, AVAILABLE, SWAP_TOTAL, SWAP_FREE };

/* A line's value: some keys of memory.stat added, one taken away. No key: 0. */
struct row {
	const char *key;
	enum value value;
	const char *plus[2], *minus;
};

static const struct row ROWS[] = {
	{ "MemTotal", TOTAL, { 0 }, NULL },
	{ "MemFree", FREE, { 0 }, NULL },
	{ "MemAvailable", AVAILABLE, { 0 }, NULL },
	{ "Buffers", OF_STAT, { 0 }, NULL },	/* of block devices, which no cgroup is charged for apart from "file" */
	{ "Cached", OF_STAT, { "file" }, "swapcached" },
	{ "SwapCached", OF_STAT, { "swapcached" }, NULL },
	{ "Active", OF_STAT, { "active_anon", "active_file" }, NULL },
	{ "Inactive", OF_STAT, { "inactive_anon", "inactive_file" }, NULL },
	{ "Active(anon)", OF_STAT, { "active_anon" }, NULL },
	{ "Inactive(anon)", OF_STAT, { "inactive_anon" }, NULL },
	{ "Active(file)", OF_STAT, { "active_file" }, NULL },
	{ "Inactive(file)", OF_STAT, { "inactive_file" }, NULL },
	{ "Unevictable", OF_STAT, { "unevictable" }, NULL },
	{ "SwapTotal", SWAP_TOTAL, { 0 }, NULL },
	{ "SwapFree", SWAP_FREE, { 0 }, NULL },
	{ "Zswap", OF_STAT, { "zswap" }, NULL },
	{ "Zswapped", OF_STAT, { "zswapped" }, NULL },
	{ "Dirty", OF_STAT, { "file_dirty" }, NULL },
	{ "Writeback", OF_STAT, { "file_writeback" }, NULL },
	{ "AnonPages", OF_STAT, { "anon" }, NULL },
	{ "Mapped", OF_STAT, { "file_mapped" }, NULL },
	{ "Shmem", OF_STAT, { "shmem" }, NULL },
	{ "KReclaimable", OF_STAT, { "slab_reclaimable" }, NULL },
	{ "Slab", OF_STAT, { "slab_reclaimable", "slab_unreclaimable" }, NULL },
	{ "SReclaimable", OF_STAT, { "slab_reclaimable" }, NULL },
	{ "SUnreclaim", OF_STAT, { "slab_unreclaimable" }, NULL },
	{ "KernelStack", OF_STAT, { "kernel_stack" }, NULL },
	{ "PageTables", OF_STAT, { "pagetables" }, NULL },
	{ "SecPageTables", OF_STAT, { "sec_pagetables" }, NULL },
	{ "VmallocUsed", OF_STAT, { "vmalloc" }, NULL },
	{ "Percpu", OF_STAT, { "percpu" }, NULL },
	{ "AnonHugePages", OF_STAT, { "anon_thp" }, NULL },
	{ "ShmemHugePages", OF_STAT, { "shmem_thp" }, NULL },
	{ "FileHugePages", OF_STAT, { "file_thp" }, NULL },
};

static const struct row *find_row(const char *line)
{
	size_t n = strcspn(line, ":\n");

	for (size_t i = 0; line[n] == ':' && i < N_ELEMS(ROWS); i++)
		if (strlen(ROWS[i].key) == n && strncmp(line, ROWS[i].key, n) == 0)
			return &ROWS[i];
	return NULL;
}

/* In bytes; 0 where the host has no such line. */
static uint64_t of_host(const char *host, const char *key)
{
	uint64_t kib = num_of_key(host, key);

	return kib == NUM_NONE ? 0 : kib > NUM_MAX / 1024 ? NUM_MAX : kib * 1024;
}

static uint64_t of_stat(const char *stat, const char *key)
{
	uint64_t n = key ? num_of_key(stat, key) : 0;

	return n == NUM_NONE ? 0 : n;
}

/* Bytes that can be had back without a swap device. */
static uint64_t reclaimable(const char *stat)
{
	return num_add(num_add(of_stat(stat, "active_file"), of_stat(stat, "inactive_file")),
		       of_stat(stat, "slab_reclaimable"));
}

static uint64_t memory_total(const char *host, const struct level *levels, size_t n)
{
	uint64_t total = of_host(host, "MemTotal:");

	for (size_t i = 0; i < n; i++)
		total = num_min(total, levels[i].memory_max);
	return total;
}

/* What others in a cgroup above, or on the machine, have taken is not there for the box either.
 * The machine's MemFree is no bound: its page cache makes room. */
static uint64_t memory_free(const char *host, const struct level *levels, size_t n)
{
	uint64_t left = num_sub(memory_total(host, levels, n), levels[0].memory_used);

	for (size_t i = 1; i < n; i++)
		if (levels[i].memory_max != NUM_NONE && levels[i].memory_used != NUM_NONE)
			left = num_min(left, num_sub(levels[i].memory_max, levels[i].memory_used));
	return num_min(left, of_host(host, "MemAvailable:"));
}

static uint64_t memory_available(const char *host, const char *stat, const struct level *levels, size_t n)
{
	uint64_t most = num_min(memory_total(host, levels, n), of_host(host, "MemAvailable:"));

	return num_min(num_add(memory_free(host, levels, n), reclaimable(stat)), most);
}

/* No memory.swap.current: swapping is not accounted for, so not limited. */
static bool has_swap(const struct level *levels)
{
	return levels[0].swap_used != NUM_NONE;
}

static uint64_t swap_total(const char *host, const struct level *levels, size_t n)
{
	uint64_t total = of_host(host, "SwapTotal:");

	for (size_t i = 0; has_swap(levels) && i < n; i++)
		total = num_min(total, levels[i].swap_max);
	return total;
}

static uint64_t swap_free(const char *host, const struct level *levels, size_t n)
{
	uint64_t left = num_min(swap_total(host, levels, n), of_host(host, "SwapFree:"));

	if (has_swap(levels))
		left = num_min(left, num_sub(swap_total(host, levels, n), levels[0].swap_used));
	for (size_t i = 1; has_swap(levels) && i < n; i++)
		if (levels[i].swap_max != NUM_NONE && levels[i].swap_used != NUM_NONE)
			left = num_min(left, num_sub(levels[i].swap_max, levels[i].swap_used));
	return left;
}

static uint64_t row_value(const struct row *r, const char *host, const char *stat, const struct level *levels, size_t n)
{
	switch (r->value) {
	case TOTAL:
		return memory_total(host, levels, n);
	case FREE:
		return memory_free(host, levels, n);
	case AVAILABLE:
		return memory_available(host, stat, levels, n);
	case SWAP_TOTAL:
		return swap_total(host, levels, n);
	case SWAP_FREE:
		return swap_free(host, levels, n);
	case OF_STAT:
		break;
	}
	return num_sub(num_add(of_stat(stat, r->plus[0]), of_stat(stat, r->plus[1])), of_stat(stat, r->minus));
}

void view_meminfo(const char *host, const char *stat, const struct level *levels, size_t n_levels, struct buf *out)
{
	if (!stat || levels[0].memory_used == NUM_NONE) {
		buf_add(out, host);
		return;
	}
	for (const char *line = host; *line;) {
		size_t n = strcspn(line, "\n") + 1;
		const struct row *r = find_row(line);

		if (line[n - 1] == '\0')
			n--;
		if (r)
			buf_addf(out, "%s:%*s%8" PRIu64 " kB\n", r->key, (int)(15 - strlen(r->key)), "",
				 row_value(r, host, stat, levels, n_levels) / 1024);
		else
			buf_addn(out, line, n);
		line += n;
	}
}

void view_swaps(const char *swaps, const char *host, const struct level *levels, size_t n_levels, struct buf *out)
{
	uint64_t total = swap_total(host, levels, n_levels) / 1024;

	if (!has_swap(levels)) {
		buf_add(out, swaps);
		return;
	}
	buf_add(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	if (total)
		buf_addf(out, "%-40s%s\t\t%" PRIu64 "\t\t%" PRIu64 "\t\t%d\n", "none", "virtual", total,
			 num_sub(total, swap_free(host, levels, n_levels) / 1024), 0);
}
