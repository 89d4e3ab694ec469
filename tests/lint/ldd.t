#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The launcher's start must not pay for loading libraries: it is static, or links a named few.
: "${top_srcdir:?}" "${top_builddir:?}"
bin=${LICHEN:-$top_builddir/lichen}
echo 1..1
if grep -q 'fsanitize' "$top_builddir/Makefile" && ldd "$bin" 2>/dev/null | grep -Eq 'lib(a|ub|t)san'; then
	echo 'ok 1 - what the launcher links # SKIP sanitizer-build'
	exit 0
fi
libs=$(ldd "$bin" 2>/dev/null | awk '$2 == "=>" { print $1 }' | grep -Ev '^(libc\.so\.6|linux-vdso|libpthread\.so\.0)' || true)
if [ -z "$libs" ]; then echo 'ok 1 - the launcher links nothing but the C library'
else echo "# $libs" | tr '\n' ' '; echo; echo 'not ok 1 - the launcher links nothing but the C library'; fi
