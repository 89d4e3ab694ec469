/* SPDX-License-Identifier: Apache-2.0 */
/* spec/limits.c - from docker's and OCI's words for limits to the files of cgroup v2 */

#include "spec/limits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

enum {
	CPUS_MAX = 8192,	/* NR_CPUS of the largest kernels */
	SHARES_MIN = 2, SHARES_MAX = 262144, WEIGHT_MIN = 1, WEIGHT_MAX = 10000,
	BLKIO_MIN = 10, BLKIO_MAX = 1000,
	PERIOD_DEFAULT = 100000, PERIOD_MIN = 1000, PERIOD_MAX = 1000000, QUOTA_MIN = 1000,
	KEY_MAX = 100, VALUE_MAX = 4000,
};
static const uint64_t MEMORY_MIN = UINT64_C(6) << 20;	/* docker's; below it a start may not come to its end */

/* ---- lists of numbers ---- */

/* Calls @fn for each range of "0-2,7"; false where that is no such list, or @fn says so. */
static bool each_range(const char *list, bool (*fn)(void *arg, unsigned first, unsigned last), void *arg)
{
	const char *p = list;

	while (p && *p) {
		char *end;
		unsigned long first, last;

		if (*p < '0' || *p > '9')
			return false;
		first = last = strtoul(p, &end, 10);
		if (*end == '-') {
			if (end[1] < '0' || end[1] > '9')
				return false;
			last = strtoul(end + 1, &end, 10);
		}
		if (last < first || last >= CPUS_MAX || (*end && (*end != ',' || !end[1])))
			return false;
		if (fn && !fn(arg, (unsigned)first, (unsigned)last))
			return false;
		p = *end ? end + 1 : end;
	}
	return list && *list;
}

static bool set_bits(void *arg, unsigned first, unsigned last)
{
	for (unsigned n = first; n <= last; n++)
		((unsigned char *)arg)[n / 8] |= (unsigned char)(1 << n % 8);
	return true;
}

static bool has_bit(const unsigned char *bits, unsigned n)
{
	return n < CPUS_MAX && bits[n / 8] >> n % 8 & 1;
}

bool limits_is_list(const char *list)
{
	return each_range(list, NULL, NULL);
}

static bool are_set(void *arg, unsigned first, unsigned last)
{
	while (first <= last && has_bit(arg, first))
		first++;
	return first > last;
}

bool limits_list_within(const char *list, const char *all)
{
	unsigned char bits[CPUS_MAX / 8] = { 0 };

	return each_range(all, set_bits, bits) && each_range(list, are_set, bits);
}

unsigned limits_list_count(const char *list)
{
	unsigned char bits[CPUS_MAX / 8] = { 0 };
	unsigned n = 0;

	if (!each_range(list, set_bits, bits))
		return 0;
	for (unsigned i = 0; i < CPUS_MAX; i++)
		n += has_bit(bits, i);
	return n;
}

void limits_list_normal(const char *list, struct buf *out)
{
	unsigned char bits[CPUS_MAX / 8] = { 0 };
	const char *comma = "";

	if (!each_range(list, set_bits, bits))
		return;
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		unsigned last = i;

		if (!has_bit(bits, i))
			continue;
		while (has_bit(bits, last + 1))
			last++;
		buf_addf(out, last > i ? "%s%u-%u" : "%s%u", comma, i, last);
		comma = ",";
		i = last;
	}
}

/* ---- throttles ---- */

static const struct {
	const char *key, *oci, *option;
} THROTTLES[THROTTLE_KINDS] = {
	[THROTTLE_READ_BPS] = { "rbps", "throttleReadBpsDevice", "--device-read-bps" },
	[THROTTLE_WRITE_BPS] = { "wbps", "throttleWriteBpsDevice", "--device-write-bps" },
	[THROTTLE_READ_IOPS] = { "riops", "throttleReadIOPSDevice", "--device-read-iops" },
	[THROTTLE_WRITE_IOPS] = { "wiops", "throttleWriteIOPSDevice", "--device-write-iops" },
};

const char *throttle_key(enum throttle_kind kind)
{
	return THROTTLES[kind].key;
}

const char *throttle_oci(enum throttle_kind kind)
{
	return THROTTLES[kind].oci;
}

const char *throttle_option(enum throttle_kind kind)
{
	return THROTTLES[kind].option;
}

void limits_add_throttle(struct spec_limits *l, const struct spec_throttle *t)
{
	for (size_t i = 0; i < l->n_throttles; i++)
		if (l->throttles[i].kind == t->kind && l->throttles[i].major == t->major && l->throttles[i].minor == t->minor) {
			l->throttles[i] = *t;
			return;
		}
	l->throttles = mem_grow(l->throttles, l->n_throttles + 1, sizeof(*l->throttles));
	l->throttles[l->n_throttles++] = *t;
}

/* ---- the struct ---- */

void limits_fini(struct spec_limits *l)
{
	free(l->cpuset_cpus);
	free(l->cpuset_mems);
	free(l->throttles);
	strv_fini(&l->unified);
	*l = (struct spec_limits){ 0 };
}

void limits_copy(struct spec_limits *dst, const struct spec_limits *src)
{
	struct spec_limits copy = { 0 };

	limits_merge(&copy, src);
	limits_fini(dst);
	*dst = copy;
}

bool limits_any(const struct spec_limits *l)
{
	return l->memory || l->memory_reservation || l->memory_swap || l->cpu_quota || l->cpu_period || l->cpu_shares ||
	       l->cpuset_cpus || l->cpuset_mems || l->pids || l->blkio_weight || l->n_throttles || l->unified.n;
}

static bool is_key(const char *entry, const char *key)
{
	size_t n = strlen(key);

	return strncmp(entry, key, n) == 0 && entry[n] == '=';
}

void limits_set_unified(struct spec_limits *l, const char *key, const char *value)
{
	for (size_t i = 0; i < l->unified.n; i++)
		if (is_key(l->unified.v[i], key)) {
			free(l->unified.v[i]);
			l->unified.v[i] = str_fmt("%s=%s", key, value);
			return;
		}
	strv_addf(&l->unified, "%s=%s", key, value);
}

const char *limits_unified(const struct spec_limits *l, const char *key)
{
	for (size_t i = 0; i < l->unified.n; i++)
		if (is_key(l->unified.v[i], key))
			return l->unified.v[i] + strlen(key) + 1;
	return NULL;
}

void limits_merge(struct spec_limits *l, const struct spec_limits *over)
{
	uint64_t *const to[] = { &l->memory, &l->memory_reservation, &l->memory_swap, &l->cpu_quota, &l->cpu_period,
				 &l->cpu_shares, &l->pids, &l->blkio_weight };
	const uint64_t from[] = { over->memory, over->memory_reservation, over->memory_swap, over->cpu_quota,
				  over->cpu_period, over->cpu_shares, over->pids, over->blkio_weight };

	for (size_t i = 0; i < N_ELEMS(to); i++)
		if (from[i])
			*to[i] = from[i];
	if (over->cpuset_cpus)
		str_set(&l->cpuset_cpus, over->cpuset_cpus);
	if (over->cpuset_mems)
		str_set(&l->cpuset_mems, over->cpuset_mems);
	for (size_t i = 0; i < over->n_throttles; i++)
		limits_add_throttle(l, &over->throttles[i]);
	for (size_t i = 0; i < over->unified.n; i++) {
		AUTO_FREE char *key = str_dupn(over->unified.v[i], strcspn(over->unified.v[i], "="));

		limits_set_unified(l, key, over->unified.v[i] + strlen(key) + 1);
	}
}

/* ---- the files ---- */

static struct limit_file *add(struct limit_files *out, const char *file, const char *option, enum limit_check check,
			      char *value)
{
	out->v = mem_grow(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n] = (struct limit_file){ .file = str_dup(file), .value = value, .option = option, .check = check };
	return &out->v[out->n++];
}

static char *number(uint64_t n)
{
	return n == LIMIT_MAX ? str_dup("max") : str_fmt("%" PRIu64, n);
}

/* As crun and runc translate: from docker's 2 to 262144 to 1 to 10000. */
static uint64_t weight_of_shares(uint64_t shares)
{
	return WEIGHT_MIN + (shares - SHARES_MIN) * (WEIGHT_MAX - WEIGHT_MIN) / (SHARES_MAX - SHARES_MIN);
}

static uint64_t weight_of_blkio(uint64_t weight)
{
	return WEIGHT_MIN + (weight - BLKIO_MIN) * (WEIGHT_MAX - WEIGHT_MIN) / (BLKIO_MAX - BLKIO_MIN);
}

/* docker counts memory and swap together, and gives as much swap as memory where nothing is said. */
static void add_swap(const struct spec_limits *l, struct limit_files *out)
{
	const uint64_t memory = l->memory, total = l->memory_swap;
	struct limit_file *f;

	if (limits_unified(l, "memory.swap.max") || (!total && (!memory || memory == LIMIT_MAX)))
		return;
	if (!total)
		f = add(out, "memory.swap.max", NULL, LIMIT_PAGES, number(memory));
	else
		f = add(out, "memory.swap.max", "--memory-swap", LIMIT_PAGES, number(total == LIMIT_MAX ? total : total - memory));
	/* without swap in the kernel there is none to be limited */
	f->may_lack = true;
}

static void add_memory(const struct spec_limits *l, struct limit_files *out)
{
	if (l->memory)
		add(out, "memory.max", "--memory", LIMIT_PAGES, number(l->memory));
	add_swap(l, out);
	if (l->memory_reservation)
		add(out, "memory.low", "--memory-reservation", LIMIT_PAGES, number(l->memory_reservation));
}

static void add_cpu(const struct spec_limits *l, struct limit_files *out)
{
	const uint64_t period = l->cpu_period ? l->cpu_period : PERIOD_DEFAULT;

	if (l->cpu_quota || l->cpu_period) {
		AUTO_FREE char *quota = number(l->cpu_quota ? l->cpu_quota : LIMIT_MAX);

		add(out, "cpu.max", "--cpus", LIMIT_EXACT, str_fmt("%s %" PRIu64, quota, period));
	}
	if (l->cpu_shares)
		add(out, "cpu.weight", "--cpu-shares", LIMIT_EXACT, number(weight_of_shares(l->cpu_shares)));
	if (l->cpuset_cpus)
		add(out, "cpuset.cpus", "--cpuset-cpus", LIMIT_LIST, str_dup(l->cpuset_cpus));
	if (l->cpuset_mems)
		add(out, "cpuset.mems", "--cpuset-mems", LIMIT_LIST, str_dup(l->cpuset_mems));
}

static void add_io(const struct spec_limits *l, struct limit_files *out)
{
	if (l->blkio_weight)
		add(out, "io.weight", "--blkio-weight", LIMIT_PART, str_fmt("default %" PRIu64, weight_of_blkio(l->blkio_weight)));
	for (size_t i = 0; i < l->n_throttles; i++) {
		const struct spec_throttle *t = &l->throttles[i];
		AUTO_FREE char *rate = number(t->rate);

		add(out, "io.max", THROTTLES[t->kind].option, LIMIT_TAKEN,
		    str_fmt("%" PRIu32 ":%" PRIu32 " %s=%s", t->major, t->minor, THROTTLES[t->kind].key, rate));
	}
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static void add_unified(const struct spec_limits *l, struct limit_files *out)
{
	for (size_t i = 0; i < l->unified.n; i++) {
		AUTO_FREE char *key = str_dupn(l->unified.v[i], strcspn(l->unified.v[i], "="));
		const char *value = l->unified.v[i] + strlen(key) + 1;
		bool is_bytes = str_starts(key, "memory.") && is_number(value);

		add(out, key, str_eq(key, "memory.high") ? "--memory-high" : "--cgroup-conf",
		    is_bytes ? LIMIT_PAGES : LIMIT_TAKEN, str_dup(value));
	}
}

void limits_files(const struct spec_limits *l, struct limit_files *out)
{
	AUTO_STRV struct strv controllers = { 0 };

	*out = (struct limit_files){ 0 };
	add_memory(l, out);
	add_cpu(l, out);
	if (l->pids)
		add(out, "pids.max", "--pids-limit", LIMIT_EXACT, number(l->pids));
	add_io(l, out);
	add_unified(l, out);
	limits_controllers(out, &controllers);
	/* a sandbox that has lost one of its processes is no use */
	if (strv_has(&controllers, "memory") && !limits_unified(l, "memory.oom.group"))
		add(out, "memory.oom.group", NULL, LIMIT_EXACT, str_dup("1"));
}

void limit_files_fini(struct limit_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].file);
		free(f->v[i].value);
	}
	free(f->v);
	*f = (struct limit_files){ 0 };
}

void limits_controllers(const struct limit_files *f, struct strv *out)
{
	for (size_t i = 0; i < f->n; i++) {
		AUTO_FREE char *name = str_dupn(f->v[i].file, strcspn(f->v[i].file, "."));

		/* the core's own files need none */
		if (!str_eq(name, "cgroup") && !strv_has(out, name))
			strv_add(out, name);
	}
}

/* ---- rules ---- */

static void check_memory(const struct spec_limits *l, struct strv *f)
{
	if (l->memory && l->memory < MEMORY_MIN)
		strv_addf(f, "memory: %" PRIu64 " bytes are too few to start anything, at least 6m are needed", l->memory);
	if (l->memory_swap && !l->memory)
		strv_addf(f, "memory-swap: it is memory and swap together, so --memory is needed as well");
	else if (l->memory_swap && l->memory_swap != LIMIT_MAX && l->memory_swap < l->memory)
		strv_addf(f, "memory-swap: %" PRIu64 " bytes are less than --memory: it is memory and swap together", l->memory_swap);
	if (l->memory && l->memory_reservation > l->memory)
		strv_addf(f, "memory-reservation: %" PRIu64 " bytes are more than --memory", l->memory_reservation);
}

static void check_cpu(const struct spec_limits *l, struct strv *f)
{
	if (l->cpu_quota && l->cpu_quota < QUOTA_MIN)
		strv_addf(f, "cpu-quota: %" PRIu64 " us are too few, at least %d are needed", l->cpu_quota, QUOTA_MIN);
	if (l->cpu_period && (l->cpu_period < PERIOD_MIN || l->cpu_period > PERIOD_MAX))
		strv_addf(f, "cpu-period: %" PRIu64 " us is not between %d and %d", l->cpu_period, PERIOD_MIN, PERIOD_MAX);
	if (l->cpu_shares && (l->cpu_shares < SHARES_MIN || l->cpu_shares > SHARES_MAX))
		strv_addf(f, "cpu-shares: %" PRIu64 " is not between %d and %d", l->cpu_shares, SHARES_MIN, SHARES_MAX);
	if (l->cpuset_cpus && !limits_is_list(l->cpuset_cpus))
		strv_addf(f, "cpuset-cpus: '%.80s' is no list of processors such as 0-3,5", l->cpuset_cpus);
	if (l->cpuset_mems && !limits_is_list(l->cpuset_mems))
		strv_addf(f, "cpuset-mems: '%.80s' is no list of memory nodes such as 0-1", l->cpuset_mems);
}

/* What is not a limit: it would move, stop or reshape what lichen itself looks after. */
static bool is_reserved(const char *key)
{
	static const char *const keys[] = { "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type",
					    "cgroup.subtree_control" };

	for (size_t i = 0; i < N_ELEMS(keys); i++)
		if (str_eq(key, keys[i]))
			return true;
	return false;
}

static void check_unified(const struct spec_limits *l, struct strv *f)
{
	for (size_t i = 0; i < l->unified.n; i++) {
		AUTO_FREE char *key = str_dupn(l->unified.v[i], strcspn(l->unified.v[i], "="));
		const char *value = l->unified.v[i] + strlen(key) + !!l->unified.v[i][strlen(key)];
		const char *dot = strchr(key, '.');

		if (!dot || dot == key || !dot[1] || strlen(key) > KEY_MAX || strstr(key, "..") ||
		    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != strlen(key))
			strv_addf(f, "cgroup-conf: '%.80s' is no file of a cgroup such as memory.high", key);
		else if (is_reserved(key))
			strv_addf(f, "cgroup-conf: %s is no limit, lichen itself writes there", key);
		if (!*value || strlen(value) > VALUE_MAX || strpbrk(value, "\n\r"))
			strv_addf(f, "cgroup-conf: %.80s: the value must be one line of 1 to %d bytes", key, VALUE_MAX);
	}
}

void limits_check(const struct spec_limits *l, struct strv *f)
{
	check_memory(l, f);
	check_cpu(l, f);
	if (l->blkio_weight && (l->blkio_weight < BLKIO_MIN || l->blkio_weight > BLKIO_MAX))
		strv_addf(f, "blkio-weight: %" PRIu64 " is not between %d and %d", l->blkio_weight, BLKIO_MIN, BLKIO_MAX);
	for (size_t i = 0; i < l->n_throttles; i++)
		if (!l->throttles[i].rate)
			strv_addf(f, "%s: the rate is 0", THROTTLES[l->throttles[i].kind].option + 2);
	check_unified(l, f);
}
