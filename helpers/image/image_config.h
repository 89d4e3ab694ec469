/* SPDX-License-Identifier: Apache-2.0 */
/* image/image_config.h - the config of an image: what a stranger's JSON says becomes struct image, and the reverse. Pure. */
#ifndef IMAGE_IMAGE_CONFIG_H
#define IMAGE_IMAGE_CONFIG_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "manifest.h"
#include "spec/image.h"

enum { CONFIG_BYTES_MAX = 4 << 20 };

/**
 * config_read() - Take an image's config apart, OCI's or docker's
 * @im:		empty; its layers get their diff ids, and nothing else
 * Errors:	STATE, names the field: a wrong type, too many, too long, a text with a NUL, duplicate keys, a diff id that
 *		is none
 */
NODISCARD int config_read(const char *json, size_t len, struct image *im, struct err *e);
/* A config for what has none (an imported root). The same image gives the same bytes. */
void config_make(const struct image *im, struct buf *out);
/**
 * config_layers() - The layers' descriptors from the manifest, beside their diff ids
 * Errors:	STATE: another count
 */
NODISCARD int config_layers(struct image *im, const struct manifest *m, struct err *e);

#endif
