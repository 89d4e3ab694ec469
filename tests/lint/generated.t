#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# tests/lint/generated.t - git keeps no file that a build makes
#
# Also looks at files that are neither kept nor ignored: the next "git add ." would take them.
# (Tagged root because the ordinary user's tests may run in a copy, where there is no git.)
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
cd "$top_srcdir" || exit 99

# safe.directory: the tree may belong to somebody else.
git() {
	command git -c safe.directory='*' "$@"
}
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
	echo '1..0 # SKIP not-a-git-tree'
	exit 0
fi

# One extended regular expression per line, of whole paths, with the reason where it is not plain.
patterns=$(grep -v '^#' <<'END'
configure
configure~
(.*/)?Makefile
(.*/)?Makefile\.in
aclocal\.m4
autom4te\.cache/.*
config\.(h|h\.in|h\.in~|log|status|guess|sub)
stamp-h1
m4/.*\.m4
# our own copy of the driver stays, so that one can see which it is
build-aux/(ar-lib|compile|config\.guess|config\.sub|depcomp|install-sh|missing|test-driver|ltmain\.sh)~?
.*\.(o|a|so|lo|la|gcda|gcno|log|trs|rej|orig|swp)
(.*/)?\.(deps|libs)/.*
(.*/)?\.dirstamp
lichen
(.*/)?lichen-(net|image|init|seccomp)
lichen-[0-9].*
# made from the option and verb tables
completions/(lichen|lichen\.bash|lichen\.fish|_lichen)
# made by scdoc
doc/.*\.[1578]
debian/(files|lichen|tmp|\.debhelper)(/.*)?
debian/.*\.(substvars|debhelper\.log)
core(\.[0-9]+)?
END
)

list=$(git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
	[ ! -e "$file" ] || printf '%s\n' "$file"
done)
found=$(printf '%s\n' "$list" | grep -xE -e "$patterns")

if [ -z "$found" ]; then
	echo 'ok 1 - no generated file is in git, or about to be'
else
	echo 'not ok 1 - no generated file is in git, or about to be'
	printf '%s\n' "$found" | sed 's/^/# /'
fi

# A program has no business in git either, whatever its name; what is fed to the reader of
# ELF files is none, as small as it is.
programs=$(printf '%s\n' "$list" | while IFS= read -r file; do
	case $file in tests/fuzz/corpus/elf/*) [ "$(wc -c <"$file")" -ge 1024 ] || continue ;; esac
	[ "$(head -c 4 "$file" 2>/dev/null | tr -d '\000')" = "$(printf '\177ELF')" ] && printf '%s\n' "$file"
done)
if [ -z "$programs" ]; then
	echo 'ok 2 - no compiled program is in git, or about to be'
else
	echo 'not ok 2 - no compiled program is in git, or about to be'
	printf '%s\n' "$programs" | sed 's/^/# /'
fi
echo '1..2'
[ -z "$found$programs" ]
