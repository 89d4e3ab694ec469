/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/replay.c - a fuzz target over the files named on the command line, without libFuzzer */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n = f ? fread(data, 1, sizeof(data), f) : 0;

		if (!f || LLVMFuzzerTestOneInput(data, n) != 0) {
			printf("not ok %d - %s\n", i, argv[i]);
			return 1;
		}
		fclose(f);
		printf("ok %d - %s\n", i, argv[i]);
	}
	return 0;
}
