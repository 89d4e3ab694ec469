#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/select.sh - which test files carry a tag
#
#	tests/lib/select.sh TAG [DIR]
#
# A test file has its tags in a comment near the top: "# tags: seam root".
#   root   also runs, and means something, as real root
#   nosub  also runs as a user without subordinate ids
#   seam   also runs with newer system calls denied
#   vm     runs in a virtual machine with systemd and cgroup v2 (make check-vm), in a login session there
#          or where its line "# vm: ENVIRONMENT" says; see tests/lib/vm/guest.sh
# Prints paths relative to DIR (default: the source tree), on one line, ready for
# make check TESTS="$(tests/lib/select.sh root)"
set -u

tag=${1:?usage: select.sh TAG [DIR]}
dir=${2:-$(dirname "$0")/../..}
cd "$dir" || exit 2

found=
for file in tests/*/*.t; do
	[ -f "$file" ] || continue
	if head -n 15 "$file" | grep -Eq "^# tags:(.*[[:space:]])?$tag([[:space:]]|\$)"; then
		found="$found${found:+ }$file"
	fi
done
printf '%s\n' "$found"
