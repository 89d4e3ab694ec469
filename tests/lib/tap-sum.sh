#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/lib/tap-sum.sh - what one log of "make check" (or distcheck) says
#
#	tap-sum.sh LOG		prints "PASSED FAILED SKIPPED"
#	tap-sum.sh -s LOG	prints "FILE REASON" for each skip
#	tap-sum.sh -f LOG	prints the lines of what failed
set -u

case $1 in
-s)
	# "SKIP: FILE 2 - what # SKIP reason", or "SKIP: FILE - reason" for a whole file.
	sed -nE -e 's/^SKIP: ([^ ]+) .*# SKIP:? *(.*)$/\1 \2/p; t' -e 's/^SKIP: ([^ ]+) (- )?(.*)$/\1 \3/p' "$2"
	;;
-f)
	grep -E '^(FAIL|XPASS|ERROR): ' "$2"
	;;
*)
	# A file with a failed assertion exits non-zero too, which the driver reports as an error of
	# its own: counted once. (A file that only exits non-zero is a failure.)
	awk '
	/^# (PASS|XFAIL):/ { passed += $3 }
	/^# SKIP:/ { skipped += $3 }
	/^(FAIL|XPASS): / { failed++; known[$2] = 1 }
	/^ERROR: / { if ($0 ~ / - exited with status [0-9]+/ && known[$2]) next; failed++; known[$2] = 1 }
	END { print passed + 0, failed + 0, skipped + 0 }' "$1"
	;;
esac
