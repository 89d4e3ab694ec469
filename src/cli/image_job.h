/* SPDX-License-Identifier: Apache-2.0 */
/* cli/image_job.h - from options to work on images; what pull, load, import, push and run share */
#ifndef CLI_IMAGE_JOB_H
#define CLI_IMAGE_JOB_H

#include "base/err.h"
#include "cli/credentials.h"
#include "cli/image_place.h"
#include "cli/pull_view.h"
#include "run/imager.h"

struct args;

/* --platform, --max-...: what does not depend on the image. Errors: USAGE */
NODISCARD int job_options(struct imager_job *job, const struct args *a, struct err *e);

/* How to reach the registry of @ref, by --cacert, --tls-verify and images.conf; as nobody. @how borrows from @a */
NODISCARD int registry_access(struct image_place *p, const struct args *a, const struct image_ref *ref, struct imager_registry *how,
			      struct err *e);

/**
 * registry_options() - The same, as whom --creds or what is kept says
 * @how:	borrows from @c and @a
 * @c:		released by the caller
 */
NODISCARD int registry_options(struct image_place *p, const struct args *a, const struct image_ref *ref, struct credentials *c,
			       struct imager_registry *how, struct err *e);

/**
 * bring_name() - Ask registries for the image of a name
 * A short name is asked for at one registry after the other, each by its mirrors first.
 * @id:	owned by the caller
 * Errors:	of the last one; those before are warnings
 */
NODISCARD int bring_name(struct image_place *p, const struct args *a, const struct image_ref *ref, const struct pull_view *view, char **id,
			 struct err *e);

/* Brings what @source, which is no name, has. @ids: as imager_bring(). @all: as struct imager_job has it. */
NODISCARD int bring_source(struct image_place *p, const struct args *a, const struct image_source *source, bool all,
			   const struct pull_view *view, struct strv *ids, struct err *e);

/* Puts the file's name before an error that does not have it: lichen-image knows a descriptor only. -1 */
int name_file(const char *word, struct err *e);

/* One line of --json: what came. */
NODISCARD int print_image_event(const char *event, const char *word, const char *id, struct err *e);

#endif
