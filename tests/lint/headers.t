#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lint/headers.t - each header compiles alone: it includes what it uses
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${CC:=cc}"
cd "$top_srcdir" || exit 99

libs=$(pkg-config --cflags jansson libcap-ng libseccomp 2>/dev/null)
# one helper is left out where its library is missing
if pkg-config --exists libsystemd 2>/dev/null; then
	libs="$libs $(pkg-config --cflags libsystemd)"
	absent=
else
	absent='systemd/|"bus\.h"'
fi
test=0
failed=0
for header in $(find src helpers -name '*.h' | sort); do
	test=$((test + 1))
	if [ -n "$absent" ] && grep -qE "$absent" "$header"; then
		printf 'ok %d - %s # SKIP no-libsystemd\n' "$test" "$header"
		continue
	fi
	# The file itself is empty, so that what is seen is the header and nothing else; CC may be words.
	# shellcheck disable=SC2086
	if complaint=$($CC -std=c17 -D_GNU_SOURCE -Isrc -I"$top_builddir/src" -I"$top_builddir" \
		-I"$(dirname "$header")" $libs -Wall -Wextra -Werror -fsyntax-only \
		-x c -include "$header" /dev/null 2>&1); then
		printf 'ok %d - %s\n' "$test" "$header"
	else
		printf 'not ok %d - %s\n' "$test" "$header"
		printf '%s\n' "$complaint" | sed 's/^/# /' | head -n 20
		failed=1
	fi
done
printf '1..%d\n' "$test"
exit "$failed"
