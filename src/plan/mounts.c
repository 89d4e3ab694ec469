/* SPDX-License-Identifier: Apache-2.0 */
/* plan/mounts.c - the steps of the root file system and of everything mounted in it */

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/sys.h"
#include "plan/host_table.h"
#include "plan/internal.h"
#include "spec/mountopts.h"

/* What takes the place of a default mount whose file system the kernel lets nobody mount
 * but the owner of that kind of namespace. */
enum shared_form {
	FORM_NEW,	/* it needs no namespace: mounted as ever */
	FORM_BIND,	/* the host's own is shown, recursively */
	FORM_NONE,	/* left out: the host's would be that of another namespace */
};

#define CGROUP_TARGET "/sys/fs/cgroup"

/* The default mounts: one row each. A mount of the caller's on the same destination
 * replaces its row. */
static const struct default_mount {
	const char *target, *fstype, *data, *data2;	/* data2: the second rung's, where gid 5 is not mapped */
	uint64_t attrs;
	short slot;
	enum ns_type of;		/* the namespace that it shows; NS_TYPES: none */
	enum shared_form host;		/* that namespace is the host's */
	enum shared_form joined;	/* it is another's, whose user namespace we do not stand in */
} DEFAULT_MOUNTS[] = {
	{ "/proc", "proc", NULL, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, SLOT_NONE,
	  NS_PID, FORM_BIND, FORM_NONE },
	{ "/dev", "tmpfs", "mode=0755,size=65536k", NULL, MOUNT_ATTR_NOSUID, SLOT_DEV, NS_TYPES, FORM_NEW, FORM_NEW },
	{ "/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", "newinstance,ptmxmode=0666,mode=0620",
	  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, SLOT_PTS, NS_TYPES, FORM_NEW, FORM_NEW },
	/* POSIX shared memory belongs to ipc for whoever shares it */
	{ "/dev/shm", "tmpfs", "mode=1777,size=65536k", NULL,
	  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, SLOT_NONE, NS_IPC, FORM_BIND, FORM_NEW },
	{ "/dev/mqueue", "mqueue", NULL, NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, SLOT_NONE,
	  NS_IPC, FORM_BIND, FORM_NONE },
	{ "/sys", "sysfs", NULL, NULL,
	  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, SLOT_NONE,
	  NS_NETWORK, FORM_BIND, FORM_BIND },
	/* with a cgroup of the sandbox's own only; another's tree is nobody's business */
	{ CGROUP_TARGET, "cgroup2", NULL, NULL,
	  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, SLOT_NONE,
	  NS_CGROUP, FORM_NONE, FORM_NONE },
};

const char *plan_shared_path(size_t n)
{
	for (size_t i = 0; i < N_ELEMS(DEFAULT_MOUNTS); i++)
		if (DEFAULT_MOUNTS[i].host == FORM_BIND && n-- == 0)
			return DEFAULT_MOUNTS[i].target;
	return NULL;
}

struct step *plan_add_tree(struct build *b, enum step_kind kind, enum place place, const char *source, short slot,
			   uint64_t attrs)
{
	struct step *s = plan_add(b, kind, place, source);

	s->u.mount.source = source;
	s->u.mount.attrs = s->u.mount.rest = attrs;
	s->u.mount.recursive = true;
	s->writes[0] = slot;
	if (kind == STEP_IDTREE)
		s->reads[0] = SLOT_USERNS;
	return s;
}

static bool is_replaced(const struct build *b, const char *target)
{
	for (size_t i = 0; i < b->spec->n_mounts; i++)
		if (str_eq(b->spec->mounts[i].destination, target))
			return true;
	return false;
}

static struct step *add_newfs(struct build *b, const char *fstype, const char *target, short slot, const char *data,
			      uint64_t attrs)
{
	struct step *s = plan_add(b, STEP_NEWFS, AT_CHILD, target ? target : fstype);

	s->u.mount.fstype = fstype;
	s->u.mount.target = target;
	s->u.mount.data = data;
	s->u.mount.attrs = attrs;
	s->u.mount.is_dir = true;
	if (target)
		s->reads[0] = SLOT_ROOT;
	s->writes[0] = slot;
	return s;
}

/* ---- a directory or an image as root ---- */

static const char *state_path(struct build *b, const char *leaf)
{
	return plan_text_take(b, str_fmt("%s/%s", b->in->state_dir, leaf));
}

static const char *layer_path(struct build *b, const char *leaf)
{
	return plan_text_take(b, str_fmt("%s/%s", b->in->layer_dir, leaf));
}

static void add_open_dir(struct build *b, const char *path, short slot)
{
	struct step *s = plan_add(b, STEP_OPEN, AT_CHILD, path);

	s->u.mount.source = path;
	s->u.mount.is_dir = true;
	s->writes[0] = slot;
}

static void open_layer(struct build *b)
{
	add_open_dir(b, layer_path(b, "upper"), SLOT_UPPER);
	add_open_dir(b, layer_path(b, "work"), SLOT_WORK);
}

/* A tmpfs takes files only of ids that are mapped, so not before; and as the caller, who
 * reaches the place. */
void plan_layer_in_memory(struct build *b)
{
	struct step *s;

	if (!b->in->layer_in_memory || b->in->takes_copy)
		return;
	s = plan_add(b, STEP_LAYER, AT_CHILD, b->in->layer_dir);
	s->u.mount.source = b->in->layer_dir;
	s->why = "no file system here can hold it";
	open_layer(b);
}

/* Before ids change. Real root's idmapped tree comes from the supervisor instead. */
void plan_open_root(struct build *b)
{
	const struct plan_input *in = b->in;
	bool is_copied = in->takes_copy;
	bool has_skeleton = in->skeleton_dirs.n || in->skeleton_files.n;

	if (!b->spec->root.readonly && !is_copied && !in->layer_in_memory)
		open_layer(b);
	if (b->spec->root.cow)
		return;
	if (has_skeleton)
		add_open_dir(b, state_path(b, "skeleton"), SLOT_SKELETON);
	if (is_copied) {
		add_open_dir(b, state_path(b, "owners"), SLOT_OWNERS);
		b->plan->v[b->plan->n - 1].u.mount.is_dir = false;
	}
	if (is_copied && in->is_root) {
		return; /* idmapped by the supervisor, as the tree itself would be */
	} else if (is_copied) {
		plan_add_tree(b, STEP_TREE, AT_CHILD, state_path(b, "copy"), SLOT_ROOT, MOUNT_ATTR_NODEV);
	} else if (b->spec->root.kind == ROOT_IMAGE) {
		struct step *s = plan_add(b, STEP_LOWERS, AT_CHILD, b->spec->root.image);

		s->u.paths = &b->spec->root.lowers;
		s->writes_all = b->plan->lowers;
	} else if (in->owner != OWNER_ROOT_IDMAP) {
		if (b->spec->root.readonly && !has_skeleton)
			plan_add_tree(b, STEP_TREE, AT_CHILD, b->spec->root.path, SLOT_ROOT, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
		else
			add_open_dir(b, b->spec->root.path, SLOT_LOWER);
	}
}

static void add_attach_root(struct build *b)
{
	struct step *s = plan_add(b, STEP_ATTACH, AT_CHILD, "/");

	s->reads[0] = SLOT_ROOT;
	s->u.mount.source = "/";
	s->why = "mounts go only onto what is attached";
}

/* Overlay takes only layers that are mounted in its own namespace; and the place is
 * reached as the caller, so before ids change. */
void plan_attach_lower(struct build *b)
{
	bool is_bare = b->spec->root.readonly && !b->in->skeleton_dirs.n && !b->in->skeleton_files.n;
	struct step *s;

	if (b->in->owner != OWNER_ROOT_IDMAP || b->in->takes_copy || is_bare || b->spec->root.kind == ROOT_HOST)
		return;
	s = plan_add(b, STEP_ATTACH, AT_CHILD, state_path(b, "lower"));
	s->u.mount.source = s->object;
	s->reads[0] = SLOT_LOWER;
}

/* What the kernel's overlay answers where it cannot do a tree that fuse-overlayfs can:
 * something is mounted below it, or the upper's file system lacks what an overlay needs. */
static const int KERNEL_CANNOT[ERRNOS_MAX] = { EINVAL, EPERM, ENODEV, EOPNOTSUPP, EXDEV, ELOOP };

static struct step *add_overlay(struct build *b, const char *object)
{
	const struct plan_input *in = b->in;
	bool is_readonly = b->spec->root.readonly;
	struct step *s = plan_add(b, STEP_OVERLAY, AT_CHILD, object);
	struct rung fuse = { .name = "fuse", .is_fuse = true, .data = in->squash };
	size_t n = 0;

	s->rungs[0].name = "kernel";
	if (in->takes_fuse) {
		s->rungs[0] = fuse;
	} else if (in->may_fuse) {
		memcpy(s->rungs[0].next_on, KERNEL_CANNOT, sizeof(KERNEL_CANNOT));
		s->rungs[1] = fuse;
		s->n_rungs = 2;
	}
	if (b->spec->root.kind == ROOT_IMAGE)
		s->reads_all = b->plan->lowers;
	else
		s->reads[n++] = SLOT_LOWER;
	s->reads[n++] = is_readonly ? SLOT_SKELETON : SLOT_UPPER;
	s->reads[n] = is_readonly ? SLOT_NONE : SLOT_WORK;
	s->writes[0] = SLOT_ROOT;
	s->u.mount.attrs = is_readonly ? MOUNT_ATTR_RDONLY : 0;
	return s;
}

void plan_root_dir(struct build *b)
{
	const struct plan_input *in = b->in;
	bool is_readonly = b->spec->root.readonly;
	struct step *s;

	if (in->takes_copy) {
		add_attach_root(b);
		s = plan_add(b, STEP_COPY_FIX, AT_CHILD, state_path(b, "owners"));
		s->reads[0] = SLOT_ROOT;
		s->reads[1] = SLOT_OWNERS;
		return;
	}
	if (is_readonly && !in->skeleton_dirs.n && !in->skeleton_files.n) {
		add_attach_root(b);
		return;
	}
	if (!is_readonly && in->how != IDMAP_SELF && in->owner != OWNER_CALLER) {
		s = plan_add(b, STEP_OWN, AT_CHILD, "upper");
		s->reads[0] = SLOT_UPPER;
		s->reads[1] = SLOT_WORK;
	}
	s = add_overlay(b, spec_tree_name(b->spec));
	s->u.mount.source = in->owner == OWNER_ROOT_IDMAP ? state_path(b, "lower") : b->spec->root.path;
	add_attach_root(b);
}

/* ---- this machine's own system as root ---- */

/* Where the system is assembled that a writable layer is put over: a directory of the old
 * root that everybody reaches and nothing is taken from any more. It must have a path, by
 * which fuse-overlayfs finds it in a mount namespace of its own, with what is mounted below. */
static const char COW_LOWER[] = "/sys";

static void add_host_rows(struct build *b)
{
	const struct plan_input *in = b->in;

	for (size_t i = 0; i < in->n_rows; i++) {
		struct step *s;

		const struct host_row *row = &in->rows[i];

		if (row->link) {
			s = plan_add(b, STEP_SYMLINK, AT_CHILD, row->path);
			s->u.mount.source = row->link;
			s->u.mount.target = row->path;
		} else {
			s = plan_add_tree(b, STEP_TREE, AT_CHILD, row->path, SLOT_NONE,
					  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
			s->u.mount.target = row->path;
			s->u.mount.is_dir = true;
		}
		s->reads[0] = SLOT_ROOT;
	}
}

void plan_root_host(struct build *b)
{
	const struct plan_input *in = b->in;
	struct step *s;

	add_newfs(b, "tmpfs", NULL, SLOT_ROOT, "mode=0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)->object = "root";
	add_attach_root(b);
	if (b->spec->root.cow)
		b->plan->v[b->plan->n - 1].u.mount.source = b->plan->v[b->plan->n - 1].object = COW_LOWER;
	add_host_rows(b);
	if (b->spec->root.cow) {
		s = add_overlay(b, "host");
		s->reads[0] = SLOT_ROOT;
		s->u.mount.source = COW_LOWER;
		add_attach_root(b);
	}
	for (size_t i = 0; i < N_ELEMS(HOST_SCRATCH) + 1; i++) {
		bool is_home = i == N_ELEMS(HOST_SCRATCH);
		const char *path = is_home ? in->home : HOST_SCRATCH[i].path;

		if (is_home && str_eq(path, "/tmp"))
			continue; /* there is no other */
		if (path && !is_replaced(b, path))
			add_newfs(b, "tmpfs", path, SLOT_NONE, is_home ? "mode=0700" : HOST_SCRATCH[i].data,
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	}
}

void plan_root_host_close(struct build *b)
{
	struct step *s = plan_add(b, STEP_SETATTR, AT_CHILD, "/");

	s->u.mount.attrs = MOUNT_ATTR_RDONLY;
	s->reads[0] = SLOT_ROOT;
	s->why = "the system is read-only; what is writable is a mount of its own";
}

/* ---- what is mounted in either ---- */

static enum shared_form form_of(const struct build *b, const struct default_mount *row)
{
	const struct spec_ns *ns = b->spec->ns;
	enum shared_form form = FORM_NEW;

	if (row->of == NS_TYPES || ns[row->of].mode == NS_PRIVATE)
		return FORM_NEW;
	if (ns[row->of].mode == NS_HOST)
		form = row->host;
	else if (ns[NS_USER].mode != NS_PATH) /* else we stand in the owner's */
		form = row->joined;
	if (form == FORM_BIND && strv_has(&b->in->host_lacks, row->target))
		form = str_eq(row->fstype, "tmpfs") ? FORM_NEW : FORM_NONE;
	return form;
}

static void add_shared(struct build *b, const struct default_mount *row)
{
	struct step *s = plan_add_tree(b, STEP_TREE, AT_CHILD, row->target, SLOT_NONE, row->attrs);

	s->u.mount.target = row->target;
	s->u.mount.is_dir = true;
	s->reads[0] = SLOT_ROOT;
	s->why = "a new one needs a namespace of the sandbox's own";
}

static bool may_mount(const struct spec *s)
{
	return s->privileged || (s->process.caps.bounding >> CAP_SYS_ADMIN & 1);
}

/* Whoever may mount could make the host's cgroups below /sys writable again, or take away what covers
 * them, and lift limits or end what is the user's there. A mount that came with the rest of a tree
 * cannot be left out or taken away, so /sys is put together from what has none of them below. */
static void add_sys_parts(struct build *b, const struct default_mount *row)
{
	static const struct {
		const char *path;
		bool is_everywhere;
	} PARTS[] = {
		{ "/sys/block", false }, { "/sys/bus", true },	      { "/sys/class", true },	{ "/sys/dev", true },
		{ "/sys/devices", true }, { "/sys/firmware", false }, { "/sys/kernel", true }, { "/sys/module", false },
		{ "/sys/power", false },
	};

	add_newfs(b, "tmpfs", row->target, SLOT_NONE, "mode=0755,size=64k", row->attrs & ~(uint64_t)MOUNT_ATTR_RDONLY);
	for (size_t i = 0; i < N_ELEMS(PARTS); i++) {
		const struct default_mount part = { .target = PARTS[i].path, .attrs = row->attrs };

		if (is_replaced(b, part.target))
			continue;
		add_shared(b, &part);
		b->plan->v[b->plan->n - 1].optional = !PARTS[i].is_everywhere;
	}
}

/* The place is in the sysfs that is mounted before. */
static bool wants_cgroup(const struct build *b)
{
	return b->in->cgroup.is_used && !is_replaced(b, "/sys") && !is_replaced(b, "/sys/fs") &&
	       !(b->spec->ns[NS_NETWORK].mode != NS_PRIVATE && strv_has(&b->in->host_lacks, "/sys"));
}

static void finish_cgroup(const struct build *b, struct step *s)
{
	if (b->in->cgroup.is_writable)
		s->u.mount.attrs &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	else
		s->optional = true;	/* a convenience: the limits hold without being seen */
}

void plan_default_mounts(struct build *b)
{
	for (size_t i = 0; i < N_ELEMS(DEFAULT_MOUNTS); i++) {
		const struct default_mount *row = &DEFAULT_MOUNTS[i];
		struct step *s;

		enum shared_form form = form_of(b, row);

		if (is_replaced(b, row->target) || form == FORM_NONE)
			continue;
		if (str_eq(row->target, CGROUP_TARGET) && !wants_cgroup(b))
			continue;
		if (form == FORM_BIND) {
			if (str_eq(row->target, "/sys") && may_mount(b->spec))
				add_sys_parts(b, row);
			else
				add_shared(b, row);
			continue;
		}
		s = add_newfs(b, row->fstype, row->target, row->slot, row->data, row->attrs);
		s->rungs[0].data = row->data;
		if (str_eq(row->target, CGROUP_TARGET))
			finish_cgroup(b, s);
		if (row->data2) {
			s->rungs[0].name = "tty group";
			s->rungs[0].next_on[0] = EINVAL;
			s->rungs[1] = (struct rung){ .name = "no tty group", .data = row->data2 };
			s->n_rungs = 2;
			if (!b->in->maps_tty_gid) {
				s->rungs[0] = s->rungs[1];
				s->n_rungs = 1;
			}
		}
		if (str_eq(row->target, "/dev")) {
			s = plan_add(b, STEP_DEVICES, AT_CHILD, "/dev");
			s->reads[0] = SLOT_ROOT;
			s->reads[1] = SLOT_DEV;
			s->writes[0] = SLOT_TEXTS;
		}
	}
}

void plan_etc_files(struct build *b)
{
	const struct plan_input *in = b->in;
	const struct {
		const char *path, *text;
		bool is_asked;	/* by an option: then a failure is not passed over */
	} files[] = {
		{ "/etc/hosts", in->etc_hosts, b->spec->add_hosts.n },
		{ "/etc/hostname", in->etc_hostname, false },
		{ "/etc/resolv.conf", in->etc_resolv,
		  b->spec->dns.n || b->spec->dns_search.n || b->spec->dns_options.n },
	};

	if (is_replaced(b, "/etc"))
		return;
	for (size_t i = 0; i < N_ELEMS(files); i++) {
		bool is_host = b->spec->root.kind == ROOT_HOST;
		/* a layer that is kept holds what the command did, and not this */
		bool binds = (b->spec->root.readonly && spec_has_tree(b->spec)) || is_host || b->spec->root.layer;
		struct step *s;

		/* what is bound lies in lichen's own /dev; spec_check() refuses what is asked for then */
		if (!files[i].text || is_replaced(b, files[i].path) || (binds && is_replaced(b, "/dev")))
			continue;
		s = plan_add(b, STEP_FILE, AT_CHILD, files[i].path);
		s->u.file.path = files[i].path;
		s->u.file.text = files[i].text;
		s->u.file.bind = binds;
		s->u.file.makes = is_host;
		s->u.file.readonly = b->spec->root.readonly || (is_host && !b->spec->root.cow);
		s->reads[0] = SLOT_ROOT;
		if (binds)
			s->reads[1] = SLOT_TEXTS;
		s->optional = !files[i].is_asked;
	}
}

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
			name = state_path(b, plan_text_take(b, str_fmt("mount.%zu.%s", i, k == l.lower.n ? "upper" : "work")));
		else
			name = plan_text_take(b, str_dup(name));
		add_open_dir(b, name, (short)(b->plan->source_slots[i] + (short)k));
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
	s = add_newfs(b, m->type, m->destination,
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

void plan_masks(struct build *b)
{
	const struct {
		const struct strv *paths;
		const char *object;
	} lists[] = {
		{ &b->spec->masked_paths, "masked paths" },
		{ &b->in->host_masks, "secrets of the host" },
		{ &b->in->own_masks, "lichen's own files" },
	};
	struct step *s;

	for (size_t i = 0; i < N_ELEMS(lists); i++) {
		if (!lists[i].paths->n)
			continue;
		s = plan_add(b, STEP_MASK, AT_CHILD, lists[i].object);
		s->u.paths = lists[i].paths;
		s->reads[0] = SLOT_ROOT;
	}
	if (b->spec->readonly_paths.n) {
		s = plan_add(b, STEP_READONLY, AT_CHILD, "read-only paths");
		s->u.paths = &b->spec->readonly_paths;
		s->reads[0] = SLOT_ROOT;
	}
}
