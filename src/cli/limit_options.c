/* SPDX-License-Identifier: Apache-2.0 */
/* cli/limit_options.c - the options of limits, as `run`, `update` and `cgroup` have them */

#include "cli/limit_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/near.h"
#include "base/size.h"
#include "cli/args.h"

enum { PERIOD_US = 100000 };

static bool number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* ---- sizes ---- */

static int take_size(const char *option, const char *text, bool may_be_endless, uint64_t *out, struct err *e)
{
	if (!text)
		return 0;
	if (may_be_endless && (str_eq(text, "-1") || str_eq(text, "max"))) {
		*out = LIMIT_MAX;
		return 0;
	}
	if (size_parse(option, text, out, e) < 0)
		return may_be_endless ? err_hint(e, "the units are b, k, m, g and t; -1 means no bound") : -1;
	return 0;	/* 0, as docker has it: nothing is asked for */
}

static int take_memory(struct spec_limits *l, const struct args *a, struct err *e)
{
	uint64_t high = 0;

	if (take_size("--memory", a->memory, true, &l->memory, e) < 0 ||
	    take_size("--memory-reservation", a->memory_reservation, false, &l->memory_reservation, e) < 0 ||
	    take_size("--memory-swap", a->memory_swap, true, &l->memory_swap, e) < 0 ||
	    take_size("--memory-high", a->memory_high, true, &high, e) < 0)
		return -1;
	if (high) {
		AUTO_FREE char *text = high == LIMIT_MAX ? str_dup("max") : str_fmt("%" PRIu64, high);

		limits_set_unified(l, "memory.high", text);
	}
	return 0;
}

/* ---- processors ---- */

static int take_cpus(struct spec_limits *l, const char *text, struct err *e)
{
	char *end;
	double n;

	if (!text)
		return 0;
	n = strtod(text, &end);
	/* strtod() takes "inf", "0x1p3" and signs, too */
	if (!*text || *end || strspn(text, "0123456789.") != strlen(text) || (n > 0 && n < 0.01) || n > 8192) {
		err_set(e, ERR_USAGE, "--cpus %s: expected a number of processors from 0.01 on", text);
		return err_hint(e, "for example --cpus 0.5 or --cpus 2");
	}
	l->cpu_quota = (uint64_t)(n * PERIOD_US + 0.5);
	l->cpu_period = l->cpu_quota ? PERIOD_US : 0;
	return 0;
}

static int take_number(const char *option, const char *text, const char *expected, uint64_t *out, struct err *e)
{
	if (!text)
		return 0;
	return number(text, out) ? 0 : err_set(e, ERR_USAGE, "%s %s: expected %s", option, text, expected);
}

static int take_cpu(struct spec_limits *l, const struct args *a, struct err *e)
{
	if (a->cpus && (a->cpu_quota || a->cpu_period)) {
		err_set(e, ERR_USAGE, "--cpus and %s say the same in two ways", a->cpu_quota ? "--cpu-quota" : "--cpu-period");
		return err_hint(e, "--cpus 1.5 is --cpu-quota 150000 --cpu-period 100000");
	}
	if (a->cpu_quota && str_eq(a->cpu_quota, "-1"))
		l->cpu_quota = LIMIT_MAX;
	else if (take_number("--cpu-quota", a->cpu_quota, "microseconds, or -1 for no bound", &l->cpu_quota, e) < 0)
		return -1;
	if (take_number("--cpu-period", a->cpu_period, "microseconds, from 1000 to 1000000", &l->cpu_period, e) < 0 ||
	    take_cpus(l, a->cpus, e) < 0 ||
	    take_number("--cpu-shares", a->cpu_shares, "a number from 2 to 262144, usually 1024", &l->cpu_shares, e) < 0)
		return -1;
	str_set(&l->cpuset_cpus, a->cpuset_cpus);
	str_set(&l->cpuset_mems, a->cpuset_mems);
	return 0;
}

/* ---- devices ---- */

static int take_throttle(struct spec_limits *l, enum throttle_kind kind, const char *text, struct err *e)
{
	const bool is_bytes = kind == THROTTLE_READ_BPS || kind == THROTTLE_WRITE_BPS;
	const char *colon = strrchr(text, ':'), *option = throttle_option(kind);
	AUTO_FREE char *path = colon ? str_dupn(text, (size_t)(colon - text)) : NULL;
	struct spec_throttle t = { .kind = kind };
	struct stat st;

	if (!colon || path[0] != '/' || !(is_bytes ? size_parse(option, colon + 1, &t.rate, e) == 0 : number(colon + 1, &t.rate)) || !t.rate) {
		err_set(e, ERR_USAGE, "%s %s: expected DEVICE:%s", option, text, is_bytes ? "SIZE" : "NUMBER");
		return err_hint(e, "for example %s /dev/sda:%s", option, is_bytes ? "10m" : "100");
	}
	if (stat(path, &st) < 0) {
		err_sys(e, "stat", path, "%s", option);
		return e->errnum == ENOENT ? near_hint(path, "lsblk shows the disks of this machine", e) : -1;
	}
	if (!S_ISBLK(st.st_mode)) {
		err_set(e, ERR_USAGE, "%s %s: that is no block device", option, text);
		return err_hint(e, "lsblk shows the disks of this machine");
	}
	t.major = major(st.st_rdev);
	t.minor = minor(st.st_rdev);
	limits_add_throttle(l, &t);
	return 0;
}

static int take_io(struct spec_limits *l, const struct args *a, struct err *e)
{
	const struct strv *const lists[THROTTLE_KINDS] = { [THROTTLE_READ_BPS] = &a->read_bps, [THROTTLE_WRITE_BPS] = &a->write_bps,
							   [THROTTLE_READ_IOPS] = &a->read_iops,
							   [THROTTLE_WRITE_IOPS] = &a->write_iops };

	for (unsigned k = 0; k < THROTTLE_KINDS; k++)
		for (size_t i = 0; i < lists[k]->n; i++)
			if (take_throttle(l, (enum throttle_kind)k, lists[k]->v[i], e) < 0)
				return -1;
	return take_number("--blkio-weight", a->blkio_weight, "a number from 10 to 1000", &l->blkio_weight, e);
}

/* ---- the rest ---- */

int limit_add_conf(struct spec_limits *l, const char *option, const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");
	AUTO_FREE char *key = str_dupn(text, n);

	if (!n || !text[n] || !text[n + 1]) {
		err_set(e, ERR_USAGE, "%s%s%s: expected KEY=VALUE", option, *option ? " " : "", text);
		return err_hint(e, "a file of cgroup v2, for example memory.zswap.max=0");
	}
	limits_set_unified(l, key, text + n + 1);
	return 0;
}

static int take_pids(struct spec_limits *l, const char *text, struct err *e)
{
	if (text && (str_eq(text, "-1") || str_eq(text, "0") || str_eq(text, "max"))) {
		l->pids = LIMIT_MAX;
		return 0;
	}
	return take_number("--pids-limit", text, "a number of processes and threads; -1 or 0 for no bound", &l->pids, e);
}

int limit_options(struct spec_limits *l, const struct args *a, struct err *e)
{
	if (take_memory(l, a, e) < 0 || take_cpu(l, a, e) < 0 || take_pids(l, a->pids_limit, e) < 0 || take_io(l, a, e) < 0)
		return -1;
	for (size_t i = 0; i < a->cgroup_conf.n; i++)
		if (limit_add_conf(l, "--cgroup-conf", a->cgroup_conf.v[i], e) < 0)
			return -1;
	return 0;
}

int limit_check(const struct spec_limits *l, struct err *e)
{
	AUTO_STRV struct strv faults = { 0 };
	AUTO_BUF struct buf b = { 0 };

	limits_check(l, &faults);
	for (size_t i = 0; i < faults.n; i++)
		buf_addf(&b, "%s--%s", i ? "; " : "", faults.v[i]);
	return faults.n ? err_set(e, ERR_USAGE, "%s", b.s) : 0;
}

int take_cgroup(struct spec *s, const struct args *a, struct err *e)
{
	if (limit_options(&s->limits, a, e) < 0 || limit_check(&s->limits, e) < 0)
		return -1;
	s->cgroup_manager = (enum cgroup_manager)a->cgroup_manager;
	str_set(&s->cgroup_parent, a->cgroup_parent);
	s->cgroup_writable = a->cgroupns_rw;
	s->proc_limits = a->proc_limits;
	return 0;
}
