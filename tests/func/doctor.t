#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# lichen doctor: says what it tried, as text, as JSON and as a script; and leaves nothing behind.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns
run_lichen run host true
is "$status" 0 'lichen runs here'

run_lichen doctor
is "$status" 0 'so doctor exits with 0'
unlike "$out" '^broken' 'and nothing is broken'
like "$out" '^works +lichen run host true +runs$' 'it has tried a whole run'
is "$(printf '%s\n' "$out" | cut -c1-7 | sort -u | grep -vxE 'works  |missing|       ')" '' 'each line begins with its level, or goes on'
is "$(printf '%s\n' "$out" | grep -E '^(works|missing|broken)' | cut -c8-9 | sort -u)" '  ' 'in columns'
unlike "$out" "$(printf '\033')" 'without colours in a file'
printf '%s\n' "$out" >"$T/text"

run_lichen doctor --json
is "$status" 0 '--json: the same status'
like "$out" '^\{"version": 1, "run": true, "findings": \[$' 'its head'
findings=$(printf '%s\n' "$out" | grep -c '^  {"id": "[a-z0-9-]*", "level": "\(works\|missing\)", "what": ".*", "detail": ".*", "cause": .*, "gives": .*, "remedy": .*},\{0,1\}$')
is "$findings" "$(grep -cE '^(works|missing|broken)' "$T/text")" 'each finding is there, with all its members'
if have cmd:python3; then
	printf '%s' "$out" | python3 -c 'import json,sys; d = json.load(sys.stdin); assert d["run"] is True; assert len({f["id"] for f in d["findings"]}) == len(d["findings"])'
	ok $? 'it is JSON, and no name comes twice'
fi
lacking=
for id in $(printf '%s\n' "$out" | sed -n 's/^  {"id": "\([^"]*\)".*/\1/p'); do
	grep -qF "*$id*" "$top_srcdir/doc/man/lichen-doctor.1.scd.in" || lacking="$lacking $id"
done
is "$lacking" '' 'the manual names each finding'

# Hints and remedies come from one table: what doctor names is there.
grep -ohE 'lacks\(a, "[a-z0-9-]+"' "$top_srcdir"/src/run/doctor_*.c | sed 's/.*"\(.*\)"/\1/' | sort -u >"$T/causes"
lacking=$(while read -r id; do
	grep -qF "\"$id\"," "$top_srcdir/src/host/hint.c" || echo "$id"
done <"$T/causes")
is "$lacking" '' 'each cause that doctor names stands in the table of hints'

lacking=$(while read -r id; do
	grep -qE "(missing|broken) $id( |\$)" "$top_srcdir/tests/func/doctor-causes.t" "$top_srcdir/tests/func/doctor-root.t" || echo "$id"
done <"$T/causes")
is "$lacking" '' 'and a test provokes it'

run_lichen doctor --fix
is "$status" 0 '--fix: the same status'
like "$out" '^#!/bin/sh$' 'prints a script'
printf '%s\n' "$out" >"$T/fix.sh"
sh -n "$T/fix.sh"
ok $? 'that sh understands'
if have cmd:shellcheck; then
	complaint=$(shellcheck "$T/fix.sh" 2>&1)
	is "$complaint" '' 'and shellcheck, too'
fi
if grep -q 'this is for root' "$T/fix.sh" && [ "$(id -u)" -ne 0 ]; then
	run_as_is sh "$T/fix.sh"
	is "$status" 1 'it does nothing for others than root'
	like "$err" 'for root' 'and says so'
fi

run_lichen doctor --fix --json
is "$status" 125 '--fix and --json: one of them'
like "$err" 'one of them' 'it says'
run_lichen doctor now
is "$status" 125 'an operand is too much'

if have cmd:script; then
	script -qec "stty cols 100; '$LICHEN' doctor" /dev/null </dev/null >"$T/tty" 2>&1
	like "$(tr -d '\r' <"$T/tty")" "^$(printf '\033')\\[32mworks" 'colours on a terminal'
	# What is longer is one long word, which is not cut.
	is "$(tr -d '\r' <"$T/tty" | sed "s/$(printf '\033')\[[0-9]*m//g" | awk 'length > 100' |
		sed -E 's/^ *//; s/^(to do|gives): //; s/^(works|missing|broken) .*  //' | grep ' ' | head -n 3)" '' 'and lines that fit'
	NO_COLOR=1 script -qec "'$LICHEN' doctor" /dev/null </dev/null >"$T/tty" 2>&1
	unlike "$(cat "$T/tty")" "$(printf '\033')\\[3" 'NO_COLOR: none'
fi
is "$(find /var/tmp "$TMPDIR" "$XDG_DATA_HOME" -maxdepth 3 -name '.lichen-doctor-*' -user "$(id -un)" 2>/dev/null)" '' 'the directories of the overlays are gone'

done_testing
