/* SPDX-License-Identifier: Apache-2.0 */
/* plan/print.c - a plan as text and as JSON (--dry-run, golden files) */

#include <string.h>

#include "base/sys.h"
#include "plan/plan.h"

static const struct {
	uint64_t bit;
	const char *word;
} ATTRS[] = {
	{ MOUNT_ATTR_RDONLY, "ro" }, { MOUNT_ATTR_NOSUID, "nosuid" }, { MOUNT_ATTR_NODEV, "nodev" },
	{ MOUNT_ATTR_NOEXEC, "noexec" }, { MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow" },
};

/* What a line says beyond kind and object. */
static void add_detail(const struct step *s, struct buf *b)
{
	switch (s->kind) {
	case STEP_NEWFS:
		buf_addf(b, " %s", s->u.mount.fstype);
		if (s->n_rungs == 1 && s->rungs[0].data && s->rungs[0].data[0])
			buf_addf(b, " %s", s->rungs[0].data);
		break;
	case STEP_FILL:
		buf_addf(b, "%s", s->u.mount.copies ? "" : " with nothing");
		break;
	case STEP_SYMLINK:
		buf_addf(b, " -> %s", s->u.mount.source);
		break;
	case STEP_MEET:
		buf_add(b, hs_point_from_child(s->u.meet) ? " child -> supervisor" : " supervisor -> child");
		break;
	case STEP_LOWERS:
		buf_addf(b, ", %zu layer%s", s->u.paths->n, s->u.paths->n == 1 ? "" : "s");
		break;
	case STEP_SYSCTL:
	case STEP_MASK:
	case STEP_LANDLOCK:
	case STEP_READONLY:
		for (size_t i = 0; i < s->u.paths->n; i++) {
			buf_add(b, " ");
			buf_add_safe(b, s->u.paths->v[i]);
		}
		break;
	default:
		break;
	}
	if (s->kind == STEP_NEWFS || s->kind == STEP_TREE || s->kind == STEP_IDTREE || s->kind == STEP_SETATTR ||
	    s->kind == STEP_OVERLAY || s->kind == STEP_LAYERS || s->kind == STEP_FILL)
		for (size_t i = 0; i < N_ELEMS(ATTRS); i++)
			if (s->u.mount.attrs & ATTRS[i].bit)
				buf_addf(b, " %s", ATTRS[i].word);
}

/* "source.3-9" */
static void add_range(const struct slot_range *r, struct buf *b)
{
	char name[16];

	buf_add(b, slot_name(r->first, name));
	if (r->n > 1)
		buf_addf(b, "-%s", strchr(slot_name((short)(r->first + r->n - 1), name), '.') + 1);
}

/* ,"reads":["root","source.3-9"] */
static void add_slots(const char *key, const short *slots, size_t max, const struct slot_range *more, struct buf *out)
{
	char name[16];
	size_t n = 0;

	buf_addf(out, ",\"%s\":[", key);
	for (; n < max && slots[n]; n++)
		buf_addf(out, "%s\"%s\"", n ? "," : "", slot_name(slots[n], name));
	if (more->n) {
		buf_add(out, n ? ",\"" : "\"");
		add_range(more, out);
		buf_add(out, "\"");
	}
	buf_add(out, "]");
}

void plan_print_text(const struct plan *p, struct buf *out)
{
	char name[16];

	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->v[i];

		buf_addf(out, "%3zu %-10s %-12s ", i + 1, place_name(s->place), step_name(s->kind));
		buf_add_safe(out, s->object);
		add_detail(s, out);
		for (size_t r = 0; r < s->n_rungs && (s->n_rungs > 1 || s->rungs[0].name); r++)
			buf_addf(out, "%s%s", r ? " | " : "  rungs: ", s->rungs[r].name ? s->rungs[r].name : "");
		for (size_t k = 0; k < STEP_WRITES && s->writes[k]; k++)
			buf_addf(out, " => %s", slot_name(s->writes[k], name));
		if (s->writes_all.n) {
			buf_add(out, " => ");
			add_range(&s->writes_all, out);
		}
		if (s->why)
			buf_addf(out, "  (%s)", s->why);
		buf_add(out, "\n");
	}
}

void plan_print_json(const struct plan *p, struct buf *out)
{
	buf_add(out, "[");
	for (size_t i = 0; i < p->n; i++) {
		const struct step *s = &p->v[i];
		AUTO_BUF struct buf detail = { 0 };

		buf_addf(out, "%s\n {\"step\":%zu,\"place\":\"%s\",\"kind\":\"%s\",\"object\":", i ? "," : "", i + 1,
			 place_name(s->place), step_name(s->kind));
		buf_add_json(out, s->object);
		add_detail(s, &detail);
		if (detail.len) {
			buf_add(out, ",\"detail\":");
			buf_add_json(out, detail.s + 1);
		}
		add_slots("reads", s->reads, STEP_READS, &s->reads_all, out);
		add_slots("writes", s->writes, STEP_WRITES, &s->writes_all, out);
		buf_add(out, ",\"rungs\":[");
		for (size_t r = 0; r < s->n_rungs; r++)
			if (s->rungs[r].name)
				buf_addf(out, "%s\"%s\"", r ? "," : "", s->rungs[r].name);
		buf_add(out, "]");
		if (s->why) {
			buf_add(out, ",\"why\":");
			buf_add_json(out, s->why);
		}
		buf_add(out, "}");
	}
	buf_add(out, "\n]\n");
}
