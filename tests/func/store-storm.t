#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several load, rmi -f, prune, save and verify at once, some of them killed, leave a store that verify finds whole and whose sums are true.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum cmd:timeout
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
for n in 1 2 3; do busybox_image "$T/$n.tar" "storm:$n" "\"Labels\":{\"n\":\"$n\"}" "text $n"; done
run_lichen load -q "$T/1.tar"
is "$status" 0 'load'

# worker NAME ROUNDS KILLS COMMAND...: again and again; with KILLS each is killed after 3 to 99 thousandths of a second.
worker() {
	local name=$1 rounds=$2 kills=$3 n
	shift 3
	for ((n = 1; n <= rounds; n++)); do
		if [ "$kills" = kills ]; then
			timeout -s KILL "0.$(printf '%03d' $((n * 7 % 97 + 3)))" "$@" >>"$T/$name.out" 2>>"$T/$name.err"
		else
			timeout -s KILL 60 "$@" >>"$T/$name.out" 2>>"$T/$name.err"
		fi
		echo "$?" >>"$T/$name.status"
	done
}

workers=()
start() {
	worker "$@" &
	workers+=("$!")
}
start load1 40 '' "$LICHEN" load -q "$T/1.tar"
start load2 40 '' "$LICHEN" load -q "$T/2.tar"
start killed 60 kills "$LICHEN" load -q "$T/3.tar"
start rmi 60 '' "$LICHEN" rmi -f storm:1 storm:2
start pruned 40 '' "$LICHEN" image prune -f
start prune-all 40 kills "$LICHEN" image prune -a -f
start saved 40 '' "$LICHEN" save -o "$T/saved.tar" storm:1
start save-killed 40 kills "$LICHEN" save -o "$T/killed.tar" storm:2
start verified 15 '' "$LICHEN" system verify
wait "${workers[@]}" 2>/dev/null

# What fails beside the others fails for what they did, and nobody hangs.
for name in load1 load2 rmi pruned; do
	is "$(sort -u "$T/$name.status" | tr '\n' ' ')" '0 ' "$name: none has failed" || diag "$(tail -n 5 "$T/$name.err")"
done
is "$(grep -c '^\(137\|124\)$' "$T/saved.status" "$T/verified.status" | grep -vc ':0$')" 0 'save and verify end by themselves'
ok 'grep -q "^137$" "$T/killed.status"' 'and some were killed'
unlike "$(cat "$T"/*.err)" 'bug|Assertion|EBADF' 'nothing else was said'

run_lichen load -q "$T/1.tar"
is "$status" 0 'afterwards: load'
run_lichen system verify
is "$status:$err" 0: 'verify finds nothing' || diag "$out"
run_lichen run storm:1 cat /text
is "$out" 'text 1' 'and it runs'
run_lichen image prune -a -f
is "$status" 0 'what nobody uses goes'
run_lichen system df --json
store=$XDG_DATA_HOME/lichen/images
is "$(find "$store/tmp" -mindepth 1)" '' 'nothing half made is left'
is "$(find "$store/blobs" "$store/records" "$store/names" -type f)" '' 'no blob, record or name is left'
is "$(find "$store/layers" -mindepth 2 -maxdepth 2 -type d)" '' 'and no layer'
like "$out" '"type": ?"images", ?"total": ?0, .*"size": ?0' 'df says so'
done_testing
