/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fuzz/fuzz_config.c - config_read() of anything: what it takes makes a record that is read again, and a config
 * of our own that says the same each time
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/image_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_record(const struct image *im)
{
	AUTO_BUF struct buf record = { 0 }, again = { 0 };
	struct image back;
	struct err e = { 0 };

	image_write(im, &record);
	if (record.len > IMAGE_RECORD_MAX)
		return;
	must(image_read(record.s, record.len, &back, &e) == 0);
	image_write(&back, &again);
	must(strcmp(record.s, again.s) == 0);
	image_fini(&back);
}

static void check_config(const struct image *im)
{
	AUTO_BUF struct buf first = { 0 }, second = { 0 };
	struct image made;
	struct err e = { 0 };

	config_make(im, &first);
	if (first.len > CONFIG_BYTES_MAX)
		return;
	must(config_read(first.s, first.len, &made, &e) == 0);
	config_make(&made, &second);
	must(strcmp(first.s, second.s) == 0);
	image_fini(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image im;
	struct err e = { 0 };

	if (config_read((const char *)data, size, &im, &e) < 0) {
		must(e.kind == ERR_STATE && e.what[0]);
		return 0;
	}
	check_record(&im);
	check_config(&im);
	image_fini(&im);
	return 0;
}
