/* SPDX-License-Identifier: Apache-2.0 */
/* plan/root.c - the steps of the root file system: a tree or an image, its writable layer, this machine's own system */

#include <errno.h>
#include <string.h>

#include "base/sys.h"
#include "plan/host_table.h"
#include "plan/internal.h"

/* ---- a directory or an image as root ---- */

static const char *layer_path(struct build *b, const char *leaf)
{
	return plan_text_take(b, str_fmt("%s/%s", b->in->layer_dir, leaf));
}

static void open_layer(struct build *b)
{
	plan_add_open_dir(b, layer_path(b, "upper"), SLOT_UPPER);
	plan_add_open_dir(b, layer_path(b, "work"), SLOT_WORK);
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
		plan_add_open_dir(b, plan_state_path(b, "skeleton"), SLOT_SKELETON);
	if (is_copied) {
		plan_add_open_dir(b, plan_state_path(b, "owners"), SLOT_OWNERS);
		b->plan->v[b->plan->n - 1].u.mount.is_dir = false;
	}
	if (is_copied && in->is_root) {
		return; /* idmapped by the supervisor, as the tree itself would be */
	} else if (is_copied) {
		plan_add_tree(b, STEP_TREE, AT_CHILD, plan_state_path(b, "copy"), SLOT_ROOT, MOUNT_ATTR_NODEV);
	} else if (b->spec->root.kind == ROOT_IMAGE) {
		struct step *s = plan_add(b, STEP_LOWERS, AT_CHILD, b->spec->root.image);

		s->u.paths = &b->spec->root.lowers;
		s->writes_all = b->plan->lowers;
	} else if (in->owner != OWNER_ROOT_IDMAP) {
		if (b->spec->root.readonly && !has_skeleton)
			plan_add_tree(b, STEP_TREE, AT_CHILD, b->spec->root.path, SLOT_ROOT, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
		else
			plan_add_open_dir(b, b->spec->root.path, SLOT_LOWER);
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
	s = plan_add(b, STEP_ATTACH, AT_CHILD, plan_state_path(b, "lower"));
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
		s = plan_add(b, STEP_COPY_FIX, AT_CHILD, plan_state_path(b, "owners"));
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
	s->u.mount.source = in->owner == OWNER_ROOT_IDMAP ? plan_state_path(b, "lower") : b->spec->root.path;
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

	plan_add_newfs(b, "tmpfs", NULL, SLOT_ROOT, "mode=0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)->object = "root";
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
		if (path && !plan_is_replaced(b, path))
			plan_add_newfs(b, "tmpfs", path, SLOT_NONE, is_home ? "mode=0700" : HOST_SCRATCH[i].data,
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
