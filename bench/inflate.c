/* SPDX-License-Identifier: Apache-2.0 */
/* bench/inflate.c - decompresses files, as lichen-image does, and does nothing else: the stage "inflate" of bench/images
 *
 *	inflate FILE...
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/auto.h"
#include "helpers/image/inflate.h"

enum { CHUNK = 256 << 10 };

static ssize_t next(void *arg, void *buf, size_t size, struct err *e)
{
	ssize_t n = read(*(const int *)arg, buf, size);

	return n < 0 ? err_sys(e, "read", NULL, "reading") : n;
}

int main(int argc, char **argv)
{
	static unsigned char out[CHUNK];

	for (int i = 1; i < argc; i++) {
		AUTO_CLOSE int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		struct inflate *s = inflate_begin(next, &fd, INFLATE_MEMORY);
		struct err e = { 0 };
		ssize_t n;

		do
			n = inflate_read(s, out, sizeof(out), &e);
		while (n > 0);
		inflate_end(s);
		if (n < 0) {
			fprintf(stderr, "inflate: %s: %s\n", argv[i], e.what);
			return 1;
		}
	}
	return 0;
}
