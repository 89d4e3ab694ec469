/* SPDX-License-Identifier: Apache-2.0 */
/* plan/defaults.c - what is mounted in every root: /proc, /dev, /sys and below; and what is there where a namespace is shared */

#include <errno.h>
#include <linux/capability.h>

#include "base/sys.h"
#include "plan/internal.h"

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

	plan_add_newfs(b, "tmpfs", row->target, SLOT_NONE, "mode=0755,size=64k", row->attrs & ~(uint64_t)MOUNT_ATTR_RDONLY);
	for (size_t i = 0; i < N_ELEMS(PARTS); i++) {
		const struct default_mount part = { .target = PARTS[i].path, .attrs = row->attrs };

		if (plan_is_replaced(b, part.target))
			continue;
		add_shared(b, &part);
		b->plan->v[b->plan->n - 1].optional = !PARTS[i].is_everywhere;
	}
}

/* The place is in the sysfs that is mounted before. */
static bool wants_cgroup(const struct build *b)
{
	return b->in->cgroup.is_used && !plan_is_replaced(b, "/sys") && !plan_is_replaced(b, "/sys/fs") &&
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

		if (plan_is_replaced(b, row->target) || form == FORM_NONE)
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
		s = plan_add_newfs(b, row->fstype, row->target, row->slot, row->data, row->attrs);
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
