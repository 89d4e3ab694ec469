/* SPDX-License-Identifier: Apache-2.0 */
/* cli/gen.h - what the files of cli-gen share: printers of what stands for a mark */
#ifndef CLI_GEN_H
#define CLI_GEN_H

#include "base/str.h"
#include "cli/opts.h"

/* What a mark names behind its colon; one of the two, or none. */
struct subject {
	const struct verb *v;
	const struct verb_group *g;
};

typedef void gen_print_fn(struct buf *out, const struct subject *of);

gen_print_fn bash_verbs, bash_seconds, bash_options, bash_operands;
gen_print_fn zsh_verbs, zsh_seconds, zsh_options;
gen_print_fn fish_verbs, fish_groups, fish_options, fish_values, fish_operands;
gen_print_fn man_verbs, man_synopses, man_verb, man_options;

/* "run", "cgroup tree"; "global" before the verb. */
const char *verb_word(const struct verb *v);

/* @s with @before in front of each of the characters @special. */
void gen_escape(struct buf *out, const char *s, const char *special, const char *before);

#endif
