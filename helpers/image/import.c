/* SPDX-License-Identifier: Apache-2.0 */
/* image/import.c - the draft of a root file system that is no image yet */

#include <string.h>

#include "base/auto.h"
#include "local.h"

/* What the request says about a start; else nothing but the platform. */
static int read_wishes(struct source *s, struct image *im, struct err *e)
{
	json_t *j = json_object_get(s->talk->request, "config");
	AUTO_FREE char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	if (text && image_read(text, strlen(text), im, e) < 0)
		return -1;
	if (im->n_layers || im->id[0] || im->manifest[0])
		return err_set(e, ERR_PEER, "the request's config is that of a finished image");
	if (!im->os)
		str_set(&im->os, s->platform.os);
	if (!im->architecture) {
		str_set(&im->architecture, s->platform.arch);
		str_set(&im->variant, s->platform.variant[0] ? s->platform.variant : NULL);
	}
	return 0;
}

int import_list(struct source *s, enum compression c, uint64_t size, struct err *e)
{
	AUTO_SOURCE_IMAGE struct source_image one = { 0 };

	if (read_wishes(s, &one.im, e) < 0)
		return -1;
	one.im.layers = mem_grow(one.im.layers, 1, sizeof(*one.im.layers));
	memset(one.im.layers, 0, sizeof(*one.im.layers));
	one.im.n_layers = 1;
	one.im.layers[0].size = size;
	local_media_type(c, one.im.layers[0].media_type);
	return source_add(s, &one, NULL, e);
}
