/* SPDX-License-Identifier: Apache-2.0 */
/* spec/spec.c - defaults, release, id maps */

#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

#include "spec/internal.h"

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
}

void spec_fini(struct spec *s)
{
	struct spec_unknown *u = s->unknown;

	free(s->id);
	free(s->name);
	free(s->root.path);
	process_fini(&s->process);
	free(s->hostname);
	for (size_t t = 0; t < NS_TYPES; t++)
		free(s->ns[t].path), free(s->ns[t].container);
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_fini(&s->mounts[i]);
	free(s->mounts);
	free(s->userns);
	free(s->uidmap);
	free(s->gidmap);
	free(s->subuidname);
	free(s->subgidname);
	id_map_fini(&s->uids);
	id_map_fini(&s->gids);
	strv_fini(&s->masked_paths);
	strv_fini(&s->readonly_paths);
	strv_fini(&s->annotations);
	if (u)
		u->release(u);
	*s = (struct spec){ 0 };
}

struct spec_mount *spec_add_mount(struct spec *s)
{
	struct spec_mount *m;

	s->mounts = mem_grow(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
	m = &s->mounts[s->n_mounts++];
	*m = (struct spec_mount){ 0 };
	return m;
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
