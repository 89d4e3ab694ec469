/* SPDX-License-Identifier: Apache-2.0 */
/* spec/idwish.h - what is asked of the id maps, before anybody knows which ids there are
 *
 * The words are podman's. An id of the caller's is either a host id, "@100000", or an
 * intermediate one: 0 is the caller, 1 and up are the subordinate ids, one range after
 * the other. run/ids.c turns wishes into maps.
 */
#ifndef SPEC_IDWISH_H
#define SPEC_IDWISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct id_wish {		/* "CONTAINER:FROM[:SIZE]" */
	uint32_t inside, from, count;
	bool is_host;		/* "@FROM" */
};

struct id_wishes {
	struct id_wish *v;
	size_t n;
};

/* "0:0:1,1000:@100000:1"; @option names it in errors (ERR_USAGE). */
NODISCARD int id_wishes_parse(const char *option, const char *text, struct id_wishes *out, struct err *e);
void id_wishes_fini(struct id_wishes *w);

enum userns_wish { USERNS_PLAIN, USERNS_KEEP_ID, USERNS_NOMAP };

/* "keep-id[:uid=N,gid=N]", "nomap"; NULL is USERNS_PLAIN. @uid, @gid: -1 where not given. */
NODISCARD int userns_wish_parse(const char *text, enum userns_wish *kind, int64_t *uid, int64_t *gid, struct err *e);

#endif
