/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_spec.h - the parts of `lichen run`'s way from options to a spec
 *
 * Each takes its options from @a into @s, and answers a wrong one with ERR_USAGE: the
 * option as typed, what was expected, the nearest right word. Order: the root first, as
 * the defaults depend on it.
 */
#ifndef CLI_RUN_SPEC_H
#define CLI_RUN_SPEC_H

#include <stdbool.h>

#include "base/err.h"
#include "base/path.h" /* is_path_word() */

struct args;
struct spec;

NODISCARD int take_namespaces(struct spec *s, const struct args *a, struct err *e);	/* cli/run_ns.c */
NODISCARD int take_mounts(struct spec *s, const struct args *a, struct err *e);	/* cli/run_mounts.c */
NODISCARD int take_security(struct spec *s, const struct args *a, struct err *e);	/* cli/run_security.c */
NODISCARD int take_limits(struct spec *s, const struct args *a, struct err *e);	/* cli/run_limits.c */
NODISCARD int take_hosts(struct spec *s, const struct args *a, struct err *e);	/* cli/run_hosts.c */
NODISCARD int take_process(struct spec *s, const struct args *a, struct err *e);	/* cli/run_process.c */
/* The same of lichen exec: what is asked for, and nothing else. */
NODISCARD int take_exec(struct spec *s, const struct args *a, struct err *e);

/* cli/run_image.c, when all options are taken: the image that s->root.image means, which is brought where it must be, for the ids
 * of this run; and what it says of the start */
struct image;
NODISCARD int take_image(struct spec *s, const struct args *a, struct image *im, struct err *e);
NODISCARD int apply_image(struct spec *s, const struct args *a, struct image *im, struct err *e);

/* cli/run_bins.c: --rootfs-from instead of the root; the command where it is given; and
 * the directories of its programs behind those of $PATH in @env. */
struct strv;
NODISCARD int take_bins(struct spec *s, const struct args *a, struct err *e);
void take_bins_command(struct spec *s, const struct args *a);
void take_bins_path(const struct spec *s, struct strv *env);

/* cli/verb_run.c: how it ended, where that is worth a line; as JSON on standard error */
struct run_end;
NODISCARD int say_end(const struct run_end *end, bool json, struct err *e);

/* Absolute, real path of this machine; "~/" is the caller's home. Owned, or NULL with @e.
 * @what names it in the error. */
char *host_path(const char *word, const char *what, struct err *e);

#endif
