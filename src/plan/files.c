/* SPDX-License-Identifier: Apache-2.0 */
/* plan/files.c - single files of the root: those of /etc that lichen writes, and what is covered or made read-only */

#include "plan/internal.h"

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

	if (plan_is_replaced(b, "/etc"))
		return;
	for (size_t i = 0; i < N_ELEMS(files); i++) {
		bool is_host = b->spec->root.kind == ROOT_HOST;
		/* a layer that is kept holds what the command did, and not this */
		bool binds = (b->spec->root.readonly && spec_has_tree(b->spec)) || is_host || b->spec->root.layer;
		struct step *s;

		/* what is bound lies in lichen's own /dev; spec_check() refuses what is asked for then */
		if (!files[i].text || plan_is_replaced(b, files[i].path) || (binds && plan_is_replaced(b, "/dev")))
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
