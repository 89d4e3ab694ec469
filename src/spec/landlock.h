/* SPDX-License-Identifier: Apache-2.0 */
/* spec/landlock.h - the words of --landlock: what a rule allows
 *
 *	ro:PATH rx:PATH rw:PATH rwx:PATH x:PATH		files, below PATH inside the sandbox
 *	tcp-bind:PORT tcp-connect:PORT (or "none")	ports
 *	scope scope:signals scope:abstract		what may be reached outside of the domain
 *
 * A rule closes its kind: with one path every path that no rule names is denied, with one
 * port of tcp-bind every other one is, and so on.
 */
#ifndef SPEC_LANDLOCK_H
#define SPEC_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum landlock_kind { LANDLOCK_PATH, LANDLOCK_BIND, LANDLOCK_CONNECT, LANDLOCK_SCOPE };

enum { LANDLOCK_READ = 1, LANDLOCK_WRITE = 2, LANDLOCK_EXEC = 4 };	/* of a path */
enum { LANDLOCK_SIGNALS = 1, LANDLOCK_ABSTRACT = 2 };			/* of a scope */

/* The version that the kernel answers with, and what came with it. */
enum { LANDLOCK_ABI_REFER = 2, LANDLOCK_ABI_TRUNCATE = 3, LANDLOCK_ABI_PORTS = 4, LANDLOCK_ABI_IOCTL = 5, LANDLOCK_ABI_SCOPES = 6 };

struct landlock_rule {
	enum landlock_kind kind;
	unsigned bits;		/* of the path or the scope */
	const char *path;	/* borrowed from the text */
	bool has_port;		/* false: "none", which allows no port */
	uint16_t port;
};

/* Errors: ERR_USAGE, with the nearest right word. */
NODISCARD int landlock_parse(const char *text, struct landlock_rule *out, struct err *e);

/* Whether one of the rules (all parsed before) is of this kind. */
bool landlock_has(const struct strv *rules, enum landlock_kind kind);

/* Bits of all scope rules together. */
unsigned landlock_scopes(const struct strv *rules);

#endif
