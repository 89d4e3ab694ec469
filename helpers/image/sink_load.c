/* SPDX-License-Identifier: Apache-2.0 */
/* image/sink_load.c - the record of an image that is sent, for who writes it and who pushes it */

#include <string.h>

#include "base/auto.h"
#include "base/fd.h"
#include "base/str.h"
#include "sink.h"

int sink_load(int images, const char *id, struct image *im, struct err *e)
{
	AUTO_FREE char *path = str_fmt("records/%s", id + strlen("sha256:"));
	AUTO_FREE char *text = NULL;
	size_t len;

	if (fd_read_file(images, path, IMAGE_RECORD_MAX, &text, &len) < 0)
		return err_sys(e, "openat", path, "reading the record of an image");
	if (image_read(text, len, im, e) < 0)
		return -1;
	return image_is_complete(im) ? 0 : err_set(e, ERR_STATE, "the record of %s is not complete", id);
}
