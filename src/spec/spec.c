/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec.c - defaults, release, id maps */

#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"
#include "spec/landlock.h"

/* As docker and containers-common have them. */
static const char *const MASKED_PATHS[] = {
	"/proc/acpi",	    "/proc/asound",	  "/proc/interrupts",
	"/proc/kcore",	    "/proc/keys",	  "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats",  "/proc/sched_debug",
	"/proc/scsi",	    "/sys/firmware",	  "/sys/devices/virtual/powercap",
};
static const char *const READONLY_PATHS[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void add_all(struct strv *sv, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strv_add(sv, v[i]);
}

void spec_init(struct spec *s)
{
	*s = (struct spec){
		.process = {
			.no_new_privs = true,
			.caps = {
				.bounding = CAPS_DOCKER,
				.effective = CAPS_DOCKER,
				.permitted = CAPS_DOCKER,
			},
		},
		.seccomp = SECCOMP_DEFAULT,
		.ephemeral = true,
	};
	for (size_t t = 0; t < NS_TYPES; t++)
		s->ns[t].mode = NS_PRIVATE;
	add_all(&s->masked_paths, MASKED_PATHS, N_ELEMS(MASKED_PATHS));
	add_all(&s->readonly_paths, READONLY_PATHS, N_ELEMS(READONLY_PATHS));
}

static void process_fini(struct spec_process *p)
{
	free(p->cwd);
	free(p->user);
	free(p->groups);
	strv_fini(&p->args);
	strv_fini(&p->env);
	free(p->argv0);
	strv_fini(&p->unset_env);
	strv_fini(&p->own_env);
	for (size_t i = 0; i < p->n_rlimits; i++)
		free(p->rlimits[i].type);
	free(p->rlimits);
}

static void mount_fini(struct spec_mount *m)
{
	free(m->destination);
	free(m->type);
	free(m->source);
	strv_fini(&m->options);
	for (size_t i = 0; i < m->n_fds; i++)
		auto_close(&m->fds[i]);
	free(m->fds);
	free(m->data.bytes);
	free(m->volume);
	auto_close(&m->volume_lock);
	auto_close(&m->volume_copy);
}

void spec_fini(struct spec *s)
{
	struct spec_unknown *u = s->unknown;

	free(s->id);
	free(s->name);
	free(s->root.path);
	free(s->root.image);
	free(s->root.image_id);
	strv_fini(&s->root.lowers);
	free(s->root.layer);
	strv_fini(&s->root.bins);
	process_fini(&s->process);
	free(s->hostname);
	for (size_t t = 0; t < NS_TYPES; t++)
		free(s->ns[t].path), free(s->ns[t].container);
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_fini(&s->mounts[i]);
	free(s->mounts);
	for (size_t i = 0; i < s->n_paths; i++) {
		free(s->paths[i].path);
		free(s->paths[i].target);
	}
	free(s->paths);
	for (size_t i = 0; i < s->n_devices; i++) {
		free(s->devices[i].path);
		free(s->devices[i].source);
		auto_close(&s->devices[i].fd);
	}
	free(s->devices);
	limits_fini(&s->limits);
	free(s->cgroup_parent);
	free(s->seccomp_profile);
	free(s->seccomp_sha256);
	free(s->userns);
	free(s->uidmap);
	free(s->gidmap);
	free(s->subuidname);
	free(s->subgidname);
	id_map_fini(&s->uids);
	id_map_fini(&s->gids);
	strv_fini(&s->masked_paths);
	strv_fini(&s->readonly_paths);
	strv_fini(&s->landlock);
	strv_fini(&s->annotations);
	free(s->domainname);
	free(s->stop_signal);
	strv_fini(&s->sysctls);
	strv_fini(&s->add_hosts);
	strv_fini(&s->dns);
	strv_fini(&s->dns_search);
	strv_fini(&s->dns_options);
	if (u)
		u->release(u);
	*s = (struct spec){ 0 };
}

struct spec_mount *spec_add_mount(struct spec *s)
{
	struct spec_mount *m;

	s->mounts = mem_grow(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
	m = &s->mounts[s->n_mounts++];
	*m = (struct spec_mount){ .volume_lock = -1, .volume_copy = -1 };
	return m;
}

void spec_mount_add_fd(struct spec_mount *m, int fd)
{
	m->fds = mem_grow(m->fds, m->n_fds + 1, sizeof(*m->fds));
	m->fds[m->n_fds++] = fd;
}

struct spec_path *spec_add_path(struct spec *s)
{
	s->paths = mem_grow(s->paths, s->n_paths + 1, sizeof(*s->paths));
	s->paths[s->n_paths] = (struct spec_path){ .mode = 0755 };
	return &s->paths[s->n_paths++];
}

void spec_add_anonymous(struct spec *s, const char *path)
{
	struct spec_mount *m;

	if (s->root.cow || (s->root.kind != ROOT_HOST && !s->root.readonly)) {
		struct spec_path *p = spec_add_path(s);

		p->kind = PATH_DIR;
		p->path = str_dup(path);
		return;
	}
	m = spec_add_mount(s);
	m->type = str_dup("tmpfs");
	m->source = str_dup("tmpfs");
	m->destination = str_dup(path);
	strv_add(&m->options, "nosuid");
	strv_add(&m->options, "nodev");
	strv_add(&m->options, SPEC_COPY_UP);
}

struct spec_device *spec_add_device(struct spec *s)
{
	s->devices = mem_grow(s->devices, s->n_devices + 1, sizeof(*s->devices));
	s->devices[s->n_devices] = (struct spec_device){ .fd = -1 };
	return &s->devices[s->n_devices++];
}

/* Splits at ':'; "\:" and "\\" stand for themselves, as overlayfs has it. */
static void split_layers(struct strv *out, const char *s)
{
	struct buf b = { 0 };

	for (;; s++) {
		if (s[0] == '\\' && (s[1] == ':' || s[1] == '\\')) {
			buf_addn(&b, ++s, 1);
		} else if (!*s || *s == ':') {
			strv_add_take(out, buf_take(&b));
			b = (struct buf){ 0 };
			if (!*s)
				return;
		} else {
			buf_addn(&b, s, 1);
		}
	}
}

void spec_layers(const struct spec_mount *m, struct spec_layers *out)
{
	*out = (struct spec_layers){ 0 };
	for (size_t i = 0; i < m->options.n; i++) {
		const char *word = m->options.v[i];

		if (str_starts(word, "lowerdir="))
			split_layers(&out->lower, word + strlen("lowerdir="));
		else if (str_starts(word, "upperdir="))
			str_set(&out->upper, word + strlen("upperdir="));
		else if (str_starts(word, "workdir="))
			str_set(&out->work, word + strlen("workdir="));
	}
}

void spec_layers_fini(struct spec_layers *l)
{
	strv_fini(&l->lower);
	free(l->upper);
	free(l->work);
	*l = (struct spec_layers){ 0 };
}

bool spec_has_tree(const struct spec *s)
{
	return s->root.kind == ROOT_DIR || s->root.kind == ROOT_IMAGE;
}

const char *spec_tree_name(const struct spec *s)
{
	const char *name = s->root.kind == ROOT_IMAGE ? s->root.image : s->root.path;

	return name ? name : "the root file system";
}

bool spec_has_scratch(const struct spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		bool has_upper = false;

		for (size_t k = 0; k < m->options.n; k++)
			has_upper = has_upper || str_starts(m->options.v[k], "upperdir=");
		if (str_eq(m->type, "overlay") && !has_upper)
			return true;
	}
	return false;
}

struct spec_rlimit *spec_add_rlimit(struct spec *s)
{
	struct spec_process *p = &s->process;
	struct spec_rlimit *l;

	p->rlimits = mem_grow(p->rlimits, p->n_rlimits + 1, sizeof(*p->rlimits));
	l = &p->rlimits[p->n_rlimits++];
	*l = (struct spec_rlimit){ 0 };
	return l;
}

/* ---- without namespaces ---- */

bool spec_is_bare(const struct spec *s)
{
	for (size_t t = 0; t < NS_TYPES; t++)
		if (s->ns[t].mode != NS_HOST)
			return false;
	return true;
}

void spec_not_isolated(const struct spec *s, int abi, struct strv *out)
{
	const struct strv *rules = &s->landlock;
	bool binds = landlock_has(rules, LANDLOCK_BIND), connects = landlock_has(rules, LANDLOCK_CONNECT);
	bool has_scopes = abi >= LANDLOCK_ABI_SCOPES;

	if (!landlock_has(rules, LANDLOCK_PATH))
		strv_add(out, "files: all of the caller's can be read and written");
	else
		strv_add(out, "file attributes: modes, owners, times and extended attributes of the caller's files can be "
			      "changed, and every path can be looked up");
	strv_addf(out, "processes: all of the machine's are seen%s",
		  has_scopes ? "" : ", and the caller's can be signalled (Linux 6.12 could forbid it)");
	strv_addf(out, "network: the machine's own%s",
		  binds && connects ? ", but for TCP ports that no rule names"
		  : binds	    ? "; TCP ports are bound only by rule"
		  : connects	    ? "; TCP ports are reached only by rule"
				    : "");
	if (!has_scopes)
		strv_add(out, "abstract unix sockets of the machine can be reached (Linux 6.12 could forbid it)");
	strv_add(out, "ipc: System V objects and POSIX queues are the machine's");
	strv_add(out, "users: the command runs under the caller's own id and groups");
	strv_add(out, "host name, time, cgroups and mounts are the machine's");
}

/* ---- id maps ---- */

void id_map_add(struct id_map *m, uint32_t inside, uint32_t outside, uint32_t count)
{
	m->v = mem_grow(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n++] = (struct id_extent){ inside, outside, count };
}

void id_map_copy(struct id_map *dst, const struct id_map *src)
{
	struct id_map out = { 0 };

	for (size_t i = 0; i < src->n; i++)
		id_map_add(&out, src->v[i].inside, src->v[i].outside, src->v[i].count);
	id_map_fini(dst);
	*dst = out;
}

void id_map_fini(struct id_map *m)
{
	free(m->v);
	*m = (struct id_map){ 0 };
}

int64_t id_map_outside(const struct id_map *m, uint32_t inside)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->v[i];

		if (inside >= x->inside && inside - x->inside < x->count)
			return (int64_t)x->outside + (inside - x->inside);
	}
	return -1;
}

int64_t id_map_inside(const struct id_map *m, uint32_t outside)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct id_extent *x = &m->v[i];

		if (outside >= x->outside && outside - x->outside < x->count)
			return (int64_t)x->inside + (outside - x->outside);
	}
	return -1;
}

char *id_map_format(const struct id_map *m)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < m->n; i++)
		buf_addf(&b, "%s%u:%u:%u", i ? "," : "", m->v[i].inside, m->v[i].outside,
			 m->v[i].count);
	return buf_take(&b);
}
