/* SPDX-License-Identifier: Apache-2.0 */
/* image/jsonin.h - fields of a stranger's JSON: checked, capped, and named where they are wrong. Pure.
 *
 * A field that is missing or null is no error: *out stays NULL, 0 or empty. All errors are STATE.
 */
#ifndef IMAGE_JSONIN_H
#define IMAGE_JSONIN_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* An object without duplicate keys, NULs and bad UTF-8; NULL with @e. The caller's reference. */
json_t *jin_load(const char *json, size_t len, size_t max, struct err *e);

/* A member of the type, borrowed; *out is NULL where there is none. */
NODISCARD int jin_object(const json_t *o, const char *key, const json_t **out, struct err *e);
NODISCARD int jin_array(const json_t *o, const char *key, size_t max, const json_t **out, struct err *e);

/* Into a buffer: a text that is too long for it is an error. */
NODISCARD int jin_text(const json_t *o, const char *key, char *out, size_t size, struct err *e);
NODISCARD int jin_str(const json_t *o, const char *key, size_t max, char **out, struct err *e);
NODISCARD int jin_u64(const json_t *o, const char *key, uint64_t max, uint64_t *out, struct err *e);
NODISCARD int jin_bool(const json_t *o, const char *key, bool *out, struct err *e);
/* A list of texts. */
NODISCARD int jin_list(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e);
/* The keys of an object whose values mean nothing; and KEY=VALUE of one whose values are texts. Sorted. */
NODISCARD int jin_keys(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e);
NODISCARD int jin_map(const json_t *o, const char *key, size_t max_n, size_t max_len, struct strv *out, struct err *e);

static inline void auto_json(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}
#define AUTO_JSON __attribute__((cleanup(auto_json)))

#endif
