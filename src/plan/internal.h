/* SPDX-License-Identifier: Apache-2.0 */
/* plan/internal.h - what the files of this room share */
#ifndef PLAN_INTERNAL_H
#define PLAN_INTERNAL_H

#include "plan/plan.h"

struct build {
	struct plan *plan;
	const struct spec *spec;
	const struct plan_input *in;
	short bins_slot;	/* of the first file that plan_open_bins() took */
};

/* plan/append.c. A step is appended with one nameless rung; the pointer is good until the next append. */
struct step *plan_add(struct build *b, enum step_kind kind, enum place place, const char *object);
struct step *plan_add_meet(struct build *b, enum hs_point point);
void plan_add_clone(struct build *b, uint64_t flags);
struct step *plan_add_tree(struct build *b, enum step_kind kind, enum place place, const char *source, short slot,
			   uint64_t attrs);
/* @target: NULL: left detached in @slot */
struct step *plan_add_newfs(struct build *b, const char *fstype, const char *target, short slot, const char *data,
			    uint64_t attrs);
void plan_add_open_dir(struct build *b, const char *path, short slot);
/* Gives the text to the plan and returns it. */
const char *plan_text_take(struct build *b, char *text);
/* A path in the run's state directory; the plan's. */
const char *plan_state_path(struct build *b, const char *leaf);
/* Whether the spec mounts something right there. */
bool plan_is_replaced(const struct build *b, const char *target);

/* plan/root.c: in this order; the host's is closed after all that is mounted in it */
void plan_open_root(struct build *b);
void plan_attach_lower(struct build *b);
void plan_layer_in_memory(struct build *b);
void plan_root_dir(struct build *b);
void plan_root_host(struct build *b);
void plan_root_host_close(struct build *b);
/* plan/defaults.c */
void plan_default_mounts(struct build *b);
/* plan/files.c */
void plan_etc_files(struct build *b);
void plan_masks(struct build *b);
/* plan/mounts.c: sources are opened before ids change, those that receive mounts of this machine before all */
void plan_add_early_sources(struct build *b);
void plan_add_source(struct build *b, size_t mount_index);
void plan_add_device_sources(struct build *b);
void plan_add_layer_sources(struct build *b, size_t mount_index);
void plan_user_mounts(struct build *b);
/* How many slots a mount of the spec needs. */
short plan_mount_slots(const struct spec_mount *m);
/* plan/bins.c: a root of programs; before ids change, after that, after the default mounts, at the end */
void plan_open_bins(struct build *b);
void plan_root_bins(struct build *b);
void plan_bins(struct build *b);
void plan_root_bins_close(struct build *b);
/* plan/process.c */
void plan_process(struct build *b);
void plan_init_load(struct build *b);

#endif
