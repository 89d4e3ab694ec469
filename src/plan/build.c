/* SPDX-License-Identifier: Apache-2.0 */
/* plan/build.c - the order of the whole start, and nothing else knows it
 *
 * plan_build() reads top to bottom as the life of a sandbox up to exec. Each function
 * that it calls appends the steps of one topic.
 */

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/sys.h"
#include "plan/internal.h"

/* ---- stages before the clone ---- */

/* "network container:web", "ipc /run/x" */
static const char *ns_object(struct build *b, enum ns_type t)
{
	const struct spec_ns *ns = &b->spec->ns[t];

	if (ns->container)
		return plan_text_take(b, str_fmt("%s container:%s", ns_name(t), ns->container));
	return plan_text_take(b, str_fmt("%s %s", ns_name(t), ns->path));
}

/* Offsets are frozen as soon as a process is in the time namespace, and only who owns it
 * may write them: so the stage makes it, and before it the user namespace. */
static void add_outer(struct build *b, uint64_t *flags)
{
	uint64_t early = *flags & (CLONE_NEWUSER | CLONE_NEWTIME);
	struct step *s;

	if (!b->spec->time.has_offsets)
		return;
	s = plan_add(b, STEP_OUTER, AT_STAGE, early & CLONE_NEWUSER ? "user,time with offsets" : "time with offsets");
	s->why = "frozen once a process is in the time namespace";
	s->u.clone_flags = early;
	*flags &= ~early;
}

/* ---- the cgroup, in which the child is born ---- */

static void add_cgroup(struct build *b)
{
	const struct plan_cgroup *g = &b->in->cgroup;
	AUTO_BUF struct buf words = { 0 };
	struct step *s;

	if (!g->is_used)
		return;
	buf_add(&words, g->name);
	for (size_t i = 0; i < g->controllers.n; i++)
		buf_addf(&words, " %s", g->controllers.v[i]);
	s = plan_add(b, STEP_CGROUP, AT_SUPERVISOR, plan_text_take(b, buf_take(&words)));
	s->writes[0] = SLOT_CGROUP;
	s->n_rungs = 0;
	if (g->place)
		s->rungs[s->n_rungs++] = (struct rung){ .name = "cgroupfs", .next_on = { -1 } };
	if (g->may_systemd || !g->place)
		s->rungs[s->n_rungs++] = (struct rung){ .name = "systemd" };
	for (size_t i = 0; i < g->limits.n; i++) {
		const struct limit_file *f = &g->limits.v[i];

		s = plan_add(b, STEP_LIMIT, AT_SUPERVISOR, plan_text_take(b, str_fmt("%s=%s", f->file, f->value)));
		s->u.limit = f;
		s->reads[0] = SLOT_CGROUP;
	}
}

static void add_stages(struct build *b)
{
	uint64_t flags = 0;

	/* to join a net, ipc or pid namespace one must stand in the user namespace that owns it */
	if (b->spec->ns[NS_USER].mode == NS_PATH) {
		struct step *s = plan_add(b, STEP_ENTER, AT_STAGE, ns_object(b, NS_USER));

		s->u.ns = NS_USER;
		s->why = "owns the namespaces that are joined";
	}
	for (enum ns_type t = NS_MOUNT; t < NS_TYPES; t++)
		if (b->spec->ns[t].mode == NS_PATH)
			plan_add(b, STEP_JOIN, AT_STAGE, ns_object(b, t))->u.ns = t;
	for (enum ns_type t = NS_USER; t < NS_TYPES; t++)
		if (b->spec->ns[t].mode == NS_PRIVATE)
			flags |= (uint64_t)(unsigned)ns_clone_flag(t);
	add_outer(b, &flags);
	plan_add_clone(b, flags);
}

/* ---- ids ---- */

static void add_idmap(struct build *b)
{
	const struct plan_input *in = b->in;
	struct step *s;

	s = plan_add(b, STEP_IDMAP, in->how == IDMAP_SELF ? AT_CHILD : AT_SUPERVISOR,
		     plan_text_take(b, id_map_format(&in->uids)));
	s->rungs[0] = (struct rung){ .name = in->uids.n == 1 && in->uids.v[0].count == 1 ? "single" : "range",
				     .uids = &in->uids, .gids = &in->gids, .how = in->how };
	if (in->single_uids.n) {
		/* -1: any failure, as newuidmap's exit status carries no errno */
		s->rungs[0].next_on[0] = -1;
		s->rungs[1] = (struct rung){ .name = "single", .uids = &in->single_uids, .gids = &in->single_gids,
					     .how = IDMAP_SUPERVISOR };
		s->n_rungs = 2;
	}
	if (in->how != IDMAP_SELF)
		s->reads[0] = SLOT_CHILD;
}

/* ---- what is opened as the caller, before ids change ---- */

static void add_open(struct build *b, const char *path, short slot, const char *why)
{
	struct step *s = plan_add(b, STEP_OPEN, AT_CHILD, path);

	s->u.mount.source = path;
	s->writes[0] = slot;
	s->why = why;
}

static void add_sources(struct build *b)
{
	const struct plan_input *in = b->in;
	bool is_host = b->spec->root.kind == ROOT_HOST;
	short carried[MOUNTS_MAX + 8];
	size_t n_carried = 0;

	if (in->is_root && !is_host && in->takes_copy) {
		plan_add_tree(b, STEP_IDTREE, AT_SUPERVISOR, plan_text_take(b, str_fmt("%s/copy", in->state_dir)),
			      SLOT_ROOT, MOUNT_ATTR_NODEV);
		carried[n_carried++] = SLOT_ROOT;
	} else if (in->is_root && !is_host && in->owner == OWNER_ROOT_IDMAP) {
		/* a read-only root without a skeleton is the tree itself */
		bool is_bare = b->spec->root.readonly && !in->skeleton_dirs.n && !in->skeleton_files.n;
		short slot = is_bare ? SLOT_ROOT : SLOT_LOWER;

		plan_add_tree(b, STEP_IDTREE, AT_SUPERVISOR, b->spec->root.path, slot,
			      MOUNT_ATTR_NODEV | (b->spec->root.readonly ? MOUNT_ATTR_RDONLY : 0));
		carried[n_carried++] = slot;
	}
	if (b->spec->n_devices)
		plan_add_device_sources(b);
	for (size_t i = 0; i < b->spec->n_mounts; i++) {
		if (str_eq(b->spec->mounts[i].type, "overlay"))
			plan_add_layer_sources(b, i);
		if (!str_eq(b->spec->mounts[i].type, "bind"))
			continue;
		plan_add_source(b, i);
		if (in->is_root)
			carried[n_carried++] = b->plan->source_slots[i];
	}
	if (in->is_root) {
		/* one meeting point a tree: few, and only as real root */
		for (size_t i = 0; i < n_carried; i++) {
			struct step *s = plan_add_meet(b, HS_TREES);

			s->reads[0] = carried[i];
			s->writes[0] = carried[i];
		}
	}
}

/* ---- the order ---- */

static void add_root_id(struct build *b)
{
	const struct plan_input *in = b->in;

	if (in->stays_caller) {
		plan_add(b, STEP_ROOT_ID, AT_CHILD, "groups")->why = "the caller keeps its own id";
		return;
	}
	if (in->how == IDMAP_SELF)
		return; /* the caller is who it is to be, with every capability in the new namespace */
	if (id_map_outside(&in->uids, 0) >= 0)
		plan_add(b, STEP_ROOT_ID, AT_CHILD, "0:0");
}

/* Without namespaces, and in a sandbox that runs: the child keeps the root that it is born in. */
static void add_in_place(struct build *b)
{
	const struct spec *spec = b->spec;
	struct step *s;

	add_open(b, "/", SLOT_ROOT, "there is no other root");
	b->plan->v[b->plan->n - 1].u.mount.is_dir = true;
	if (!spec_is_bare(spec))
		add_root_id(b);
	s = plan_add(b, STEP_USER, AT_CHILD, spec_is_bare(spec) ? "caller" : spec->process.user ? spec->process.user : "default");
	s->reads[0] = SLOT_ROOT;
	s->writes[0] = SLOT_USER;
	if (spec->process.terminal) {
		s = plan_add(b, STEP_CONSOLE, AT_CHILD, spec_is_bare(spec) ? "/dev/ptmx" : "/dev/pts/ptmx");
		s->writes[0] = SLOT_CONSOLE;
		if (!spec_is_bare(spec))
			s->reads[0] = SLOT_ROOT;
	}
	if (spec->process.terminal || b->in->is_created) {
		s = plan_add_meet(b, HS_ROOT_READY);
		if (spec->process.terminal)
			s->reads[0] = s->writes[0] = SLOT_CONSOLE;
	}
	plan_add(b, STEP_CWD, AT_CHILD, spec->process.cwd ? spec->process.cwd : "/");
	plan_add_meet(b, HS_GO);
	plan_process(b);
}

static void build_bare(struct build *b)
{
	add_cgroup(b);
	plan_add_clone(b, 0);
	add_in_place(b);
}

/* What a sandbox that runs is made of is there: it is joined, in the cgroup of its first process. */
static void build_exec(struct build *b)
{
	const struct spec *spec = b->spec;
	struct step *s;

	if (b->in->exec_cgroup) {
		s = plan_add(b, STEP_OPEN, AT_SUPERVISOR, b->in->exec_cgroup);
		s->u.mount.source = b->in->exec_cgroup;
		s->writes[0] = SLOT_CGROUP;
		s->why = "the stage is born in it, while it is in sight";
	}
	if (spec->process.has_oom_score_adj) {
		s = plan_add(b, STEP_OOM, AT_STAGE, plan_text_take(b, str_fmt("%d", spec->process.oom_score_adj)));
		s->why = "while /proc is the host's";
	}
	add_stages(b);
	add_in_place(b);
}

static void build_order(struct build *b)
{
	const struct plan_input *in = b->in;
	const struct spec *spec = b->spec;
	struct step *s;

	add_cgroup(b);
	add_stages(b);
	if (spec->ns[NS_USER].mode == NS_PRIVATE)
		add_idmap(b);
	plan_add_early_sources(b);
	plan_add(b, STEP_PRIVATE, AT_CHILD, "/")->why = "nothing propagates to the host";
	if (spec->process.has_oom_score_adj)
		plan_add(b, STEP_OOM, AT_CHILD, plan_text_take(b, str_fmt("%d", spec->process.oom_score_adj)));
	if (spec->ns[NS_PID].mode != NS_PRIVATE || spec->ns[NS_USER].mode == NS_PATH) {
		add_open(b, "/proc/self/ns/mnt", SLOT_MOUNTNS,
			 spec->ns[NS_PID].mode != NS_PRIVATE ? "in a pid namespace of others the run's processes are found by it"
							     : "a child that joined others is closed to the supervisor");
		s = plan_add_meet(b, HS_MOUNTNS);
		s->reads[0] = s->writes[0] = SLOT_MOUNTNS;
	}
	if (in->needs_userns_fd) {
		add_open(b, "/proc/self/ns/user", SLOT_USERNS, "trees are idmapped by it");
		s = plan_add_meet(b, HS_USERNS);
		s->reads[0] = s->writes[0] = SLOT_USERNS;
	}
	if (spec_has_tree(spec) || spec->root.cow)
		plan_open_root(b);
	else if (spec->root.kind == ROOT_BINS)
		plan_open_bins(b);
	add_sources(b);
	if (spec->process.init)
		plan_init_load(b);
	plan_attach_lower(b);
	if (in->how != IDMAP_SELF && spec->ns[NS_USER].mode == NS_PRIVATE)
		plan_add_meet(b, HS_IDS_MAPPED);
	plan_layer_in_memory(b);
	add_root_id(b);
	if (spec->root.kind == ROOT_HOST)
		plan_root_host(b);
	else if (spec->root.kind == ROOT_BINS)
		plan_root_bins(b);
	else
		plan_root_dir(b);
	plan_default_mounts(b);
	if (in->cgroup.is_writable) {
		s = plan_add(b, STEP_DELEGATE, AT_CHILD, "payload");
		s->reads[0] = SLOT_CGROUP;
		s->why = "controllers can be enabled only above groups without processes";
	}
	if (spec->proc_limits) {
		s = plan_add(b, STEP_PROC_LIMITS, AT_CHILD, "/proc");
		s->reads[0] = SLOT_ROOT;
		s->reads[1] = SLOT_TEXTS;
		s->why = "its files tell what the sandbox may use, and uses";
	}
	if (spec->root.kind == ROOT_BINS)
		plan_bins(b);
	if (spec->sysctls.n) {
		s = plan_add(b, STEP_SYSCTL, AT_CHILD, "/proc/sys");
		s->u.paths = &spec->sysctls;
		s->reads[0] = SLOT_ROOT;
		s->why = "before it is read-only";
	}
	plan_etc_files(b);
	plan_user_mounts(b);
	if (spec->masked_paths.n || in->host_masks.n || in->own_masks.n || spec->readonly_paths.n)
		plan_masks(b);
	if (spec->root.kind == ROOT_HOST && !spec->root.cow)
		plan_root_host_close(b);
	else if (spec->root.kind == ROOT_BINS)
		plan_root_bins_close(b);
	if (spec->ns[NS_NETWORK].mode == NS_PRIVATE)
		plan_add(b, STEP_LOOPBACK, AT_CHILD, "lo");
	if (spec->ns[NS_UTS].mode == NS_PRIVATE && in->hostname)
		plan_add(b, STEP_HOSTNAME, AT_CHILD, in->hostname);
	if (spec->domainname)
		plan_add(b, STEP_DOMAINNAME, AT_CHILD, spec->domainname);
	s = plan_add(b, STEP_USER, AT_CHILD, spec->process.user ? spec->process.user : "default");
	s->reads[0] = SLOT_ROOT;
	s->writes[0] = SLOT_USER;
	if (spec->process.terminal) {
		s = plan_add(b, STEP_CONSOLE, AT_CHILD, "/dev/console");
		s->reads[0] = SLOT_ROOT;
		s->reads[1] = SLOT_PTS;
		s->writes[0] = SLOT_CONSOLE;
	}
	/* nobody else waits for it: go is in the socket long before the child asks for it */
	if (spec->process.terminal || in->is_created) {
		s = plan_add_meet(b, HS_ROOT_READY);
		if (spec->process.terminal)
			s->reads[0] = s->writes[0] = SLOT_CONSOLE;
	}
	plan_add(b, STEP_PIVOT, AT_CHILD, "/")->reads[0] = SLOT_ROOT;
	plan_add(b, STEP_CWD, AT_CHILD, spec->process.cwd ? spec->process.cwd : "/");
	plan_add_meet(b, HS_GO);
	plan_process(b);
}

int plan_build(struct plan *p, const struct spec *spec, const struct plan_input *in, struct err *e)
{
	struct build b = { .plan = p, .spec = spec, .in = in };

	*p = (struct plan){ .n_slots = SLOT_FIRST_FREE };
	if (spec->n_mounts > MOUNTS_MAX)
		return err_set(e, ERR_SPEC, "%zu mounts asked for, at most %d are possible", spec->n_mounts, MOUNTS_MAX);
	p->source_slots = mem_alloc((spec->n_mounts + 1) * sizeof(*p->source_slots));
	for (size_t i = 0; i < spec->n_mounts; i++)
		p->source_slots[i] = p->n_slots, p->n_slots = (short)(p->n_slots + plan_mount_slots(&spec->mounts[i]));
	p->device_slots = mem_alloc((spec->n_devices + 1) * sizeof(*p->device_slots));
	for (size_t i = 0; i < spec->n_devices; i++)
		p->device_slots[i] = p->n_slots++;
	if (spec->root.kind == ROOT_IMAGE) {
		p->lowers = (struct slot_range){ p->n_slots, (short)spec->root.lowers.n };
		p->n_slots = (short)(p->n_slots + p->lowers.n);
		if (!p->lowers.n)
			return err_set(e, ERR_SPEC, "%s has no layers: there is nothing in it that could run", spec->root.image);
	}
	if (p->n_slots > SLOTS_MAX)
		return err_set(e, ERR_SPEC, "more sources, layers and devices than the %d that are possible", SLOTS_MAX);
	if (in->is_exec)
		build_exec(&b);
	else if (spec_is_bare(spec))
		build_bare(&b);
	else
		build_order(&b);
	if (p->n > STEPS_MAX)
		return err_set(e, ERR_SPEC, "%zu steps for what is asked, at most %d are possible", p->n, STEPS_MAX);
	return 0;
}

void plan_fini(struct plan *p)
{
	free(p->v);
	free(p->source_slots);
	free(p->device_slots);
	strv_fini(&p->texts);
	*p = (struct plan){ 0 };
}

static void cgroup_plan_fini(struct plan_cgroup *g)
{
	free(g->place);
	free(g->name);
	free(g->unit);
	free(g->slice);
	free(g->description);
	free(g->helper);
	strv_fini(&g->controllers);
	limit_files_fini(&g->limits);
}

void plan_input_fini(struct plan_input *in)
{
	id_map_fini(&in->uids);
	id_map_fini(&in->gids);
	id_map_fini(&in->single_uids);
	id_map_fini(&in->single_gids);
	free(in->state_dir);
	free(in->layer_dir);
	free(in->squash);
	free(in->hostname);
	free(in->exec_cgroup);
	free(in->etc_hosts);
	free(in->init_path);
	free(in->etc_hostname);
	free(in->etc_resolv);
	free(in->etc_passwd);
	free(in->etc_group);
	free(in->etc_nsswitch);
	free(in->home);
	free(in->home_data);
	for (size_t i = 0; i < in->n_rows; i++) {
		free(in->rows[i].path);
		free(in->rows[i].link);
	}
	free(in->rows);
	strv_fini(&in->host_masks);
	strv_fini(&in->own_masks);
	free(in->source_is_dir);
	for (size_t t = 0; in->has_joined && t < NS_TYPES; t++)
		auto_close(&in->joined[t]);
	cgroup_plan_fini(&in->cgroup);
	strv_fini(&in->host_lacks);
	strv_fini(&in->skeleton_dirs);
	strv_fini(&in->skeleton_files);
	*in = (struct plan_input){ 0 };
}
