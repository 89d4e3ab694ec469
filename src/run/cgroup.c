/* SPDX-License-Identifier: Apache-2.0 */
/* run/cgroup.c - which cgroup a sandbox gets, and whether it can have the limits that are asked for */

#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "host/cgroup.h"
#include "host/hint.h"
#include "run/internal.h"

#define SLICE "lichen.slice"

/* ---- limits that cannot be had ---- */

static int beyond(struct err *e, const char *option, const char *wanted, const char *whose, const char *has)
{
	err_set(e, ERR_SPEC, "%s %s: %s has %s", option, wanted, whose, has);
	return err_hint(e, "ask for no more than that");
}

static int check_machine(const struct spec_limits *l, struct err *e)
{
	const bool has_quota = l->cpu_quota && l->cpu_quota != LIMIT_MAX, has_pids = l->pids && l->pids != LIMIT_MAX;
	const long cpus = has_quota ? sysconf(_SC_NPROCESSORS_ONLN) : 0;
	const uint64_t period = l->cpu_period ? l->cpu_period : 100000;
	AUTO_FREE char *online = l->cpuset_cpus ? cgroup_read_line("/sys/devices/system/cpu", "online") : NULL;
	AUTO_FREE char *nodes = l->cpuset_mems ? cgroup_read_line("/sys/devices/system/node", "online") : NULL;
	AUTO_FREE char *pids = has_pids ? cgroup_read_line("/proc/sys/kernel", "pid_max") : NULL;
	struct sysinfo si = { 0 };
	char wanted[32], has[64];

	if (l->memory && l->memory != LIMIT_MAX && sysinfo(&si) == 0 && l->memory > (uint64_t)si.totalram * si.mem_unit) {
		snprintf(wanted, sizeof(wanted), "%" PRIu64, l->memory);
		snprintf(has, sizeof(has), "%" PRIu64 " bytes of memory", (uint64_t)si.totalram * si.mem_unit);
		return beyond(e, "--memory", wanted, "this machine", has);
	}
	if (has_quota && cpus > 0 && l->cpu_quota > (uint64_t)cpus * period) {
		snprintf(wanted, sizeof(wanted), "%.2f", (double)l->cpu_quota / (double)period);
		snprintf(has, sizeof(has), "%ld processors", cpus);
		return beyond(e, "--cpus", wanted, "this machine", has);
	}
	if (online && !limits_list_within(l->cpuset_cpus, online))
		return beyond(e, "--cpuset-cpus", l->cpuset_cpus, "this machine", online);
	if (nodes && !limits_list_within(l->cpuset_mems, nodes))
		return beyond(e, "--cpuset-mems", l->cpuset_mems, "this machine", nodes);
	if (pids && l->pids > strtoull(pids, NULL, 10)) {
		snprintf(wanted, sizeof(wanted), "%" PRIu64, l->pids);
		return beyond(e, "--pids-limit", wanted, "this machine's kernel.pid_max", pids);
	}
	return 0;
}

/* A number of a level's file; LIMIT_MAX where there is no bound or no such file. */
static uint64_t bound(const char *dir, const char *file)
{
	AUTO_FREE char *text = cgroup_read_line(dir, file);

	return !text || text[0] < '0' || text[0] > '9' ? LIMIT_MAX : strtoull(text, NULL, 10);
}

static int check_number(const char *option, uint64_t wanted, const char *dir, const char *file, struct err *e)
{
	const uint64_t most = wanted ? bound(dir, file) : LIMIT_MAX;
	char text[32], has[64];

	if (most == LIMIT_MAX || wanted == LIMIT_MAX || wanted <= most)
		return 0;
	snprintf(text, sizeof(text), "%" PRIu64, wanted);
	snprintf(has, sizeof(has), "%s %" PRIu64, file, most);
	return beyond(e, option, text, dir, has);
}

static int check_level(const struct spec_limits *l, const char *dir, struct err *e)
{
	AUTO_FREE char *cpus = l->cpuset_cpus ? cgroup_read_line(dir, "cpuset.cpus.effective") : NULL;
	AUTO_FREE char *quota = l->cpu_quota ? cgroup_read_line(dir, "cpu.max") : NULL;
	const uint64_t period = l->cpu_period ? l->cpu_period : 100000;
	unsigned long long q, p;
	char wanted[32];

	if (check_number("--memory", l->memory, dir, "memory.max", e) < 0 ||
	    check_number("--pids-limit", l->pids, dir, "pids.max", e) < 0)
		return -1;
	if (cpus && *cpus && !limits_list_within(l->cpuset_cpus, cpus))
		return beyond(e, "--cpuset-cpus", l->cpuset_cpus, dir, cpus);
	if (!quota || l->cpu_quota == LIMIT_MAX || sscanf(quota, "%llu %llu", &q, &p) != 2 || !p ||
	    (double)l->cpu_quota / (double)period <= (double)q / (double)p)
		return 0;
	snprintf(wanted, sizeof(wanted), "%.2f", (double)l->cpu_quota / (double)period);
	return beyond(e, "--cpus", wanted, dir, quota);
}

int limits_check_host(const struct spec_limits *l, const char *mount, const char *dir, struct err *e)
{
	AUTO_FREE char *level = str_dup(dir);

	if (check_machine(l, e) < 0)
		return -1;
	while (level && str_starts(level, mount)) {
		if (check_level(l, level, e) < 0)
			return err_wrap(e, "the level above allows less");
		if (str_eq(level, mount))
			break;
		*strrchr(level, '/') = '\0';
	}
	return 0;
}

/* ---- whether there has to be one ---- */

bool cgroup_is_wanted(const struct spec *s)
{
	return limits_any(&s->limits) || s->cgroup_writable || s->proc_limits || s->cgroup_parent ||
	       (s->cgroup_manager != CGROUP_AUTO && s->cgroup_manager != CGROUP_OFF);
}

/* ---- who makes it ---- */

int cgroup_no_tree(const struct cgroups *g, const char *what, struct err *e)
{
	if (g->kind == CGROUPS_NONE)
		err_set(e, ERR_HOST, "%s need cgroups, and none are mounted on /sys/fs/cgroup", what);
	else
		err_set(e, ERR_HOST, "%s need cgroup v2, and this machine has v1 for %s", what, g->v1 && *g->v1 ? g->v1 : "all of them");
	return err_hint(e, "%s", cause_get(g->kind == CGROUPS_NONE ? "cgroup-none" : "cgroup-v1")->text);
}

static int hint_cause(struct err *e, const char *id)
{
	AUTO_FREE char *text = cause_text(cause_get(id), NULL, geteuid());

	return err_hint(e, "%s", text);
}

static int lacks_controller(const struct cgroups *g, const char *controller, const char *level, struct err *e)
{
	err_set(e, ERR_HOST, "the controller %s is missing in our part of the cgroup tree, from %s on", controller, level);
	/* bound to v1: nobody can give it */
	if (g->kind == CGROUPS_HYBRID && str_eq(level, "/"))
		return hint_cause(e, "cgroup-v1");
	return hint_cause(e, "cgroup-controllers");
}

static bool is_slice(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && str_eq(name + n - 6, ".slice") && !strchr(name, '/');
}

/* Why neither way is there for @what. @lack: the controller that the user's systemd has not, from @level on. */
static int explain(const struct cgroups *g, const struct cgroup_place *p, const struct spec *s, const char *what, const char *lack,
		   const char *level, struct err *e)
{
	const bool has_systemd = access("/run/systemd/system", F_OK) == 0;

	if (p->fault == PLACE_NO_TREE)
		return cgroup_no_tree(g, what, e);
	if (lack)
		return lacks_controller(g, lack, level, e);
	if (p->fault == PLACE_LACKS)
		return lacks_controller(g, p->controller, p->level, e);
	if (p->fault == PLACE_BUSY) {
		err_set(e, ERR_HOST, "controllers must be enabled in our cgroup %s, where %zu other processes sit, which lichen does not move",
			g->own, p->others);
		return err_hint(e, "start lichen alone in a cgroup: systemd-run --user --scope -p Delegate=yes lichen run ...; or move the "
				   "others to a cgroup below it (their shell, by its pid into .../cgroup.procs)");
	}
	if (s->cgroup_parent && !is_slice(s->cgroup_parent)) {
		err_set(e, ERR_HOST, "--cgroup-parent %s: that cgroup was not delegated to us", s->cgroup_parent);
		return hint_cause(e, "cgroup-not-delegated");
	}
	err_set(e, ERR_HOST, s->cgroup_manager == CGROUP_CGROUPFS ? "%s need a cgroup that is ours, and %s was not delegated to us"
			     : "%s need a cgroup that is ours: %s was not delegated to us, and no systemd of ours answers",
		what, g->own);
	return hint_cause(e, s->cgroup_manager == CGROUP_CGROUPFS ? "cgroup-not-delegated" : has_systemd ? "user-manager" : "no-systemd");
}

/* Whether root inside could come to write the files of the group it is in: by a mount of its own. */
static bool needs_inner(const struct spec *s)
{
	return s->cgroup_writable || s->privileged || s->nested || s->seccomp != SECCOMP_DEFAULT ||
	       (s->process.caps.bounding >> CAP_SYS_ADMIN & 1);
}

static void name_it(struct plan_cgroup *out, const struct spec *s)
{
	out->name = store_cgroup_name(s->id ? s->id : "000000000000");
	out->unit = str_fmt("%s.scope", out->name);
	out->slice = str_dup(s->cgroup_parent ? s->cgroup_parent : SLICE);
	out->description = s->name ? str_fmt("lichen sandbox %s", s->name)
				   : str_fmt("lichen sandbox %s (%s)", out->name + strlen("lichen-"), s->process.args.n ? s->process.args.v[0] : "");
}

/* Whether systemd is a rung: fills in the directory under which its scopes lie, and what it lacks. */
static bool may_ask(const struct plan_cgroup *p, const struct cgroups *g, const struct spec *s, const struct facts *f,
		    char **dir, const char **lack, char **level)
{
	AUTO_FREE char *manager = cgroup_manager_of(g, f->uid, f->is_root);

	if (s->cgroup_manager == CGROUP_CGROUPFS || !manager || !cgroup_manager_answers(f->uid, f->is_root))
		return false;
	if (s->cgroup_parent && !is_slice(s->cgroup_parent))
		return false;
	for (size_t i = 0; i < p->controllers.n; i++) {
		*level = cgroup_lacking_level(g, manager, p->controllers.v[i]);
		*lack = *level ? p->controllers.v[i] : NULL;
		if (*lack)
			return false;
	}
	*dir = cgroup_dir(g, manager);
	return true;
}

/* Where all is found out: which rungs there are. 0: none. @what: who wants one, for the error; NULL: nobody. */
static int choose_rungs(struct plan_cgroup *out, const struct cgroups *g, const struct spec *s, const struct facts *f,
			const char *what, struct err *e)
{
	AUTO_FREE char *level = NULL, *dir = NULL;
	struct cgroup_place place = { .fault = PLACE_NOT_OURS };
	const char *lack = NULL;
	int rc = 1;

	if (s->cgroup_manager != CGROUP_SYSTEMD && !(s->cgroup_parent && is_slice(s->cgroup_parent)))
		cgroup_find_place(g, &out->controllers, s->cgroup_parent, f->is_root, &place);
	else if (!g->mount)
		place.fault = PLACE_NO_TREE;
	if (place.fault == PLACE_FOUND) {
		out->place = cgroup_dir(g, place.path);
		out->moves = place.moves;
		out->enables = place.enables;
	}
	out->may_systemd = what && may_ask(out, g, s, f, &dir, &lack, &level);
	if (!out->place && !out->may_systemd)
		rc = what ? explain(g, &place, s, what, lack, level, e) : 0;
	else if (limits_any(&s->limits))
		rc = limits_check_host(&s->limits, g->mount, out->place ? out->place : dir, e) < 0 ? -1 : 1;
	cgroup_place_fini(&place);
	return rc;
}

/* Without the helper, systemd is no rung. */
static int find_helper(struct plan_cgroup *out, const char *helper, struct err *e)
{
	out->helper = str_dup(helper);
	if (!out->may_systemd || access(helper, X_OK) == 0)
		return 0;
	out->may_systemd = false;
	if (out->place)
		return 0;
	err_sys(e, "access", helper, "the helper that asks systemd for a cgroup");
	return err_hint(e, "it comes with lichen where that was built with libsystemd (package libsystemd-dev)");
}

int cgroup_ways(struct plan_cgroup *out, const struct cgroups *g, const struct spec *s, const struct facts *f, const char *helper,
		const char *what, struct err *e)
{
	int rc;

	limits_files(&s->limits, &out->limits);
	limits_controllers(&out->limits, &out->controllers);
	rc = choose_rungs(out, g, s, f, what, e);
	return rc > 0 && find_helper(out, helper, e) < 0 ? -1 : rc;
}

int cgroup_choose(struct plan_cgroup *out, const struct spec *s, const struct facts *f, const char *helper, struct err *e)
{
	const bool is_wanted = cgroup_is_wanted(s);
	AUTO_CGROUPS struct cgroups g = { 0 };
	int rc;

	/* real root may write everywhere: nothing is made in the machine's own tree that nobody asked for */
	if (s->cgroup_manager == CGROUP_OFF || (f->is_root && !is_wanted))
		return 0;
	/* seen from another sandbox's cgroup namespace ours does not exist, and nobody could be born in it */
	if (s->ns[NS_CGROUP].mode == NS_PATH) {
		if (!is_wanted)
			return 0;
		err_set(e, ERR_SPEC, "limits need a cgroup namespace of the sandbox's own, or this machine's, and another's is joined");
		return err_hint(e, "leave out --cgroupns; or start it in a group with limits: lichen cgroup exec -m ... GROUP lichen run ...");
	}
	cgroups_read(&g);
	rc = cgroup_ways(out, &g, s, f, helper, is_wanted ? "limits" : NULL, e);
	if (rc < 0)
		return err_wrap(e, "the sandbox's limits");
	if (rc == 0) {
		log_info("cgroup: none of the sandbox's own (%s)", g.mount ? "ours is not delegated to us" : "there is no cgroup v2");
		return 0;
	}
	out->is_used = true;
	out->is_writable = s->cgroup_writable;
	out->has_inner = needs_inner(s);
	name_it(out, s);
	return 0;
}
