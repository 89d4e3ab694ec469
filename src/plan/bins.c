/* SPDX-License-Identifier: Apache-2.0 */
/* plan/bins.c - a root of nothing but some programs of this machine and what they need
 *
 * A new tmpfs, into which each file is bound read-only at the path that it has outside;
 * the links on the way to it are made anew.
 */

#include "base/sys.h"
#include "plan/internal.h"

/* What a program of the machine may be inside. */
enum { FILE_ATTRS = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

/* Where ids change, the files are taken before that: the caller may be the only one who
 * can reach them. */
static bool takes_early(const struct build *b)
{
	return b->in->how != IDMAP_SELF;
}

void plan_open_bins(struct build *b)
{
	b->bins_slot = b->plan->n_slots;
	for (size_t i = 0; takes_early(b) && i < b->in->n_rows; i++)
		if (!b->in->rows[i].link)
			plan_add_tree(b, STEP_TREE, AT_CHILD, b->in->rows[i].path, b->plan->n_slots++, FILE_ATTRS);
}

static struct step *add_tmpfs(struct build *b, const char *target, const char *data)
{
	struct step *s = plan_add(b, STEP_NEWFS, AT_CHILD, target ? target : "root");

	s->u.mount.fstype = "tmpfs";
	s->u.mount.target = target;
	s->u.mount.data = s->rungs[0].data = data;
	s->u.mount.attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	s->u.mount.is_dir = true;
	s->reads[0] = target ? SLOT_ROOT : SLOT_NONE;
	return s;
}

static bool is_replaced(const struct build *b, const char *target)
{
	for (size_t i = 0; i < b->spec->n_mounts; i++)
		if (str_eq(b->spec->mounts[i].destination, target))
			return true;
	return false;
}

void plan_root_bins(struct build *b)
{
	struct step *s;

	add_tmpfs(b, NULL, "mode=0755")->writes[0] = SLOT_ROOT;
	s = plan_add(b, STEP_ATTACH, AT_CHILD, "/");
	s->reads[0] = SLOT_ROOT;
	s->u.mount.source = "/";
	s->why = "mounts go only onto what is attached";
	if (!is_replaced(b, "/tmp"))
		add_tmpfs(b, "/tmp", "mode=1777");
	if (b->in->home && !is_replaced(b, b->in->home))
		add_tmpfs(b, b->in->home, b->in->home_data);
}

/* Behind the default mounts: a program may lie below /tmp or /dev/shm. */
void plan_bins(struct build *b)
{
	const struct plan_input *in = b->in;
	const struct {
		const char *path, *text;
	} files[] = {
		{ "/etc/passwd", in->etc_passwd },
		{ "/etc/group", in->etc_group },
		{ "/etc/nsswitch.conf", in->etc_nsswitch },
	};
	short slot = b->bins_slot;
	struct step *s;

	for (size_t i = 0; i < in->n_rows; i++) {
		const struct host_row *row = &in->rows[i];

		if (row->link) {
			s = plan_add(b, STEP_SYMLINK, AT_CHILD, row->path);
			s->u.mount.source = row->link;
		} else if (takes_early(b)) {
			s = plan_add(b, STEP_MOUNT, AT_CHILD, row->path);
			s->reads[1] = slot++;
		} else {
			s = plan_add_tree(b, STEP_TREE, AT_CHILD, row->path, SLOT_NONE, FILE_ATTRS);
		}
		s->u.mount.target = row->path;
		s->reads[0] = SLOT_ROOT;
	}
	for (size_t i = 0; !is_replaced(b, "/etc") && i < N_ELEMS(files); i++) {
		if (!files[i].text || is_replaced(b, files[i].path))
			continue;
		s = plan_add(b, STEP_FILE, AT_CHILD, files[i].path);
		s->u.file.path = files[i].path;
		s->u.file.text = files[i].text;
		s->reads[0] = SLOT_ROOT;
	}
}

void plan_root_bins_close(struct build *b)
{
	struct step *s;

	if (!b->spec->root.readonly)
		return;
	s = plan_add(b, STEP_SETATTR, AT_CHILD, "/");
	s->u.mount.attrs = MOUNT_ATTR_RDONLY;
	s->reads[0] = SLOT_ROOT;
	s->why = "what is writable is a mount of its own";
}
