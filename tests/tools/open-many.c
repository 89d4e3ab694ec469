/* SPDX-License-Identifier: Apache-2.0 */
/* tests/tools/open-many.c - opens FILE up to N times at once; prints how often that went, and what the last refusal was
 *
 *	open-many N FILE
 *
 * Each one is read, too. All are closed in the end.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rlimit r;
	long n = argc == 3 ? strtol(argv[1], NULL, 10) : 0, opened = 0;
	int refused = 0;

	if (n <= 0) {
		fprintf(stderr, "usage: open-many N FILE\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	for (long i = 0; i < n; i++) {
		char text[64];
		int fd = open(argv[2], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			refused = errno;
		else if (read(fd, text, sizeof(text)) > 0)
			opened++;
	}
	printf("%ld %s\n", opened, refused ? strerror(refused) : "-");
	return 0;
}
