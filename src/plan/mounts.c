/* SPDX-License-Identifier: Apache-2.0 */
/* plan/mounts.c - the mounts that the spec asks for: opened before ids change, attached when the root is there */

#include <string.h>

#include "base/sys.h"
#include "plan/internal.h"
#include "spec/mountopts.h"

struct parsed {
	uint64_t attrs, rest, clear;	/* of the mount, and of those below it */
	unsigned long propagation;
	bool propagates_all, is_nonrecursive;
	struct buf data;
};

static void parse_options(const struct spec_mount *m, struct parsed *out)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const struct mountopt *o;

		if (mountopt_find(m->options.v[i], &o) < 0) {
			buf_addf(&out->data, "%s%s", out->data.len ? "," : "", m->options.v[i]);
			continue;
		}
		out->attrs = (out->attrs & ~o->clear) | o->set;
		if (o->recursive)
			out->rest = (out->rest & ~o->clear) | o->set;
		out->clear |= o->clear & MOUNT_ATTR__ATIME;
		if (o->is_bind)
			out->is_nonrecursive = !o->recursive;
		if (o->propagation) {
			out->propagation = o->propagation;
			out->propagates_all = o->recursive;
		}
	}
}

/* Mounts made on this machine appear inside, so the tree must be taken while its mounts are
 * still bound to those that they were copied from. */
static bool receives(const struct parsed *p)
{
	return p->propagation == MS_SLAVE || p->propagation == MS_SHARED;
}

static void add_bind_source(struct build *b, size_t i, bool is_early)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	/* a device node or setuid file in a volume means nothing inside unless it is asked for */
	struct parsed p = { .attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .rest = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	bool is_root = b->in->is_root;
	struct step *s;

	parse_options(m, &p);
	buf_fini(&p.data);
	/* written first, by STEP_FILL, which makes it read-only then */
	if (m->is_fresh)
		p.attrs &= ~(uint64_t)MOUNT_ATTR_RDONLY, p.rest &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	/* real root's trees come from the host's own namespace, which nothing has cut off yet */
	if (is_early != (receives(&p) && !is_root))
		return;
	s = plan_add_tree(b, is_root ? STEP_IDTREE : STEP_TREE, is_root ? AT_SUPERVISOR : AT_CHILD, m->source,
			  b->plan->source_slots[i], p.attrs);
	s->u.mount.rest = p.rest;
	s->u.mount.clear = p.clear;
	s->u.mount.recursive = !p.is_nonrecursive;
	s->u.mount.propagation = receives(&p) ? MS_SLAVE : 0;
	s->u.mount.checked = m->n_fds ? &m->fds[0] : NULL;
}

void plan_add_source(struct build *b, size_t i)
{
	add_bind_source(b, i, false);
}

void plan_add_early_sources(struct build *b)
{
	for (size_t i = 0; i < b->spec->n_mounts; i++)
		if (str_eq(b->spec->mounts[i].type, "bind"))
			add_bind_source(b, i, true);
}

void plan_add_device_sources(struct build *b)
{
	for (size_t i = 0; i < b->spec->n_devices; i++) {
		const struct spec_device *d = &b->spec->devices[i];
		/* not NODEV: it is the one thing that this mount is for */
		struct step *s = plan_add_tree(b, STEP_TREE, AT_CHILD, d->source, b->plan->device_slots[i],
					       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

		s->u.mount.recursive = false;
		s->u.mount.checked = &d->fd;
	}
}

/* An overlay's directories, as the caller: root inside may not be able to reach them. */
void plan_add_layer_sources(struct build *b, size_t i)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	struct spec_layers l;
	size_t n;

	spec_layers(m, &l);
	n = l.lower.n + 2;
	for (size_t k = 0; k < n; k++) {
		const char *name = k < l.lower.n ? l.lower.v[k] : k == l.lower.n ? l.upper : l.work;
		bool is_ours = !name;

		if (is_ours)
			name = plan_state_path(b, plan_text_take(b, str_fmt("mount.%zu.%s", i, k == l.lower.n ? "upper" : "work")));
		else
			name = plan_text_take(b, str_dup(name));
		plan_add_open_dir(b, name, (short)(b->plan->source_slots[i] + (short)k));
		if (k < m->n_fds && !is_ours)
			b->plan->v[b->plan->n - 1].u.mount.checked = &m->fds[k];
	}
	spec_layers_fini(&l);
}

short plan_mount_slots(const struct spec_mount *m)
{
	struct spec_layers l;
	short n;

	if (!str_eq(m->type, "overlay"))
		return 1;
	spec_layers(m, &l);
	n = (short)(l.lower.n + 2);
	spec_layers_fini(&l);
	return n;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += path[0] == '/' && path[1] && path[1] != '/';
	return n;
}

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void add_layers(struct build *b, size_t i)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	struct parsed p = { .attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	struct step *s = plan_add(b, STEP_LAYERS, AT_CHILD, m->destination);
	short n = plan_mount_slots(m);
	struct spec_layers l;

	spec_layers(m, &l);
	parse_options(m, &p);
	buf_fini(&p.data);
	s->u.mount.target = m->destination;
	s->u.mount.attrs = p.attrs;
	s->u.mount.is_dir = true;
	s->u.mount.is_scratch = !l.upper;
	s->reads[0] = SLOT_ROOT;
	for (short k = 0; k < n && k + 2 < STEP_READS; k++)
		s->reads[k + 1] = (short)(b->plan->source_slots[i] + k);
	spec_layers_fini(&l);
}

/* docker's rule: the first use of a volume copies what the image has there. */
static void add_fill(struct build *b, size_t i, uint64_t attrs)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	struct step *s = plan_add(b, STEP_FILL, AT_CHILD, m->destination);

	s->u.mount.source = m->volume;
	s->u.mount.target = m->destination;
	s->u.mount.attrs = attrs & MOUNT_ATTR_RDONLY;
	s->u.mount.copy = &m->volume_copy;
	/* a mount point that lichen has added to a read-only root is none of the root's */
	s->u.mount.copies = !m->nocopy && spec_has_tree(b->spec) && !strv_has(&b->in->skeleton_dirs, m->destination);
	s->reads[0] = SLOT_ROOT;
	s->reads[1] = b->plan->source_slots[i];
}

/* A tmpfs that begins with what the root has at its place. */
static void add_copied_tmpfs(struct build *b, size_t i, const char *data, uint64_t attrs)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	struct step *s = plan_add_newfs(b, m->type, NULL, b->plan->source_slots[i], data, attrs & ~(uint64_t)MOUNT_ATTR_RDONLY);

	s->object = m->destination;
	s->rungs[0].data = s->u.mount.data;
	s = plan_add(b, STEP_FILL, AT_CHILD, m->destination);
	s->u.mount.source = m->destination;
	s->u.mount.target = m->destination;
	s->u.mount.attrs = attrs & MOUNT_ATTR_RDONLY;
	s->u.mount.copies = !strv_has(&b->in->skeleton_dirs, m->destination);
	s->reads[0] = SLOT_ROOT;
	s->reads[1] = b->plan->source_slots[i];
	s = plan_add(b, STEP_MOUNT, AT_CHILD, m->destination);
	s->u.mount.target = m->destination;
	s->u.mount.is_dir = true;
	s->reads[0] = SLOT_ROOT;
	s->reads[1] = b->plan->source_slots[i];
}

static void add_user_mount(struct build *b, size_t i)
{
	const struct spec_mount *m = &b->spec->mounts[i];
	struct parsed p = { .attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
	struct step *s;

	if (str_eq(m->type, "overlay")) {
		add_layers(b, i);
		return;
	}
	parse_options(m, &p);
	if (str_eq(m->type, "bind")) {
		buf_fini(&p.data);
		if (m->is_fresh)
			add_fill(b, i, p.attrs);
		s = plan_add(b, STEP_MOUNT, AT_CHILD, m->destination);
		s->u.mount.target = m->destination;
		s->u.mount.is_dir = b->in->source_is_dir[i];
		s->u.mount.propagation = p.propagation == MS_SLAVE || p.propagation == MS_PRIVATE ? 0 : p.propagation;
		s->u.mount.propagates_all = p.propagates_all;
		s->reads[0] = SLOT_ROOT;
		s->reads[1] = b->plan->source_slots[i];
		return;
	}
	if (str_eq(m->type, "devpts")) { /* the kernel's word for: not the host's terminals */
		p.attrs &= ~(uint64_t)MOUNT_ATTR_NODEV;
		buf_addf(&p.data, "%snewinstance", p.data.len ? "," : "");
		if (!strstr(p.data.s, "ptmxmode="))
			buf_add(&p.data, ",ptmxmode=0666");
	}
	if (!p.data.len && str_eq(m->type, "tmpfs"))
		buf_add(&p.data, "mode=1777");
	if (str_eq(m->type, "tmpfs") && strv_has(&m->options, SPEC_COPY_UP) && spec_has_tree(b->spec)) {
		add_copied_tmpfs(b, i, plan_text_take(b, buf_take(&p.data)), p.attrs);
		return;
	}
	s = plan_add_newfs(b, m->type, m->destination,
			   str_eq(m->type, "devpts") && str_eq(m->destination, "/dev/pts") ? SLOT_PTS : SLOT_NONE,
			   plan_text_take(b, buf_take(&p.data)), p.attrs);
	s->rungs[0].data = s->u.mount.data;
}

static void add_path(struct build *b, const struct spec_path *p)
{
	struct step *s = plan_add(b, p->kind == PATH_DIR ? STEP_DIR : STEP_SYMLINK, AT_CHILD, p->path);

	s->u.mount.source = p->target;
	s->u.mount.target = p->path;
	s->u.mount.mode = (mode_t)p->mode;
	s->reads[0] = SLOT_ROOT;
}

static void add_device(struct build *b, size_t i)
{
	struct step *s = plan_add(b, STEP_MOUNT, AT_CHILD, b->spec->devices[i].path);

	s->u.mount.target = b->spec->devices[i].path;
	s->reads[0] = SLOT_ROOT;
	s->reads[1] = b->plan->device_slots[i];
}

/* Shallow destinations first, so that /x/y lies on /x whatever the order of the options. */
void plan_user_mounts(struct build *b)
{
	const struct spec *spec = b->spec;
	size_t deepest = 0;

	for (size_t i = 0; i < spec->n_mounts; i++)
		deepest = max(deepest, depth(spec->mounts[i].destination));
	for (size_t i = 0; i < spec->n_paths; i++)
		deepest = max(deepest, depth(spec->paths[i].path));
	for (size_t i = 0; i < spec->n_devices; i++)
		deepest = max(deepest, depth(spec->devices[i].path));
	for (size_t d = 0; d <= deepest; d++) {
		for (size_t i = 0; i < spec->n_paths; i++)
			if (depth(spec->paths[i].path) == d)
				add_path(b, &spec->paths[i]);
		for (size_t i = 0; i < spec->n_mounts; i++)
			if (depth(spec->mounts[i].destination) == d)
				add_user_mount(b, i);
		for (size_t i = 0; i < spec->n_devices; i++)
			if (depth(spec->devices[i].path) == d)
				add_device(b, i);
	}
}
