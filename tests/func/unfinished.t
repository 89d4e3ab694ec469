#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a killed command left half made in the store, the next command clears away: one that changes the store, or a sandbox beside which it is done.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need user userns busybox cmd:sha256sum
store=$XDG_DATA_HOME/lichen
busybox_root "$T/root"
busybox_image "$T/i.tar" busybox:1
run_lichen load -q "$T/i.tar"
mkfifo "$T/pipe"

left() {
	find "$store/images/tmp" "$store/volumes/.tmp" -mindepth 1 -maxdepth 1 2>/dev/null
}

# killed: a load that hangs in the middle of its archive, and dies there
killed() {
	"$LICHEN" load -q <"$T/pipe" >"$T/said" 2>&1 &
	pid=$!
	exec 9>"$T/pipe"
	head -c 100000 "$T/i.tar" >&9
	wait_for '[ -n "$(left)" ]' 20
	kill -KILL "$pid"
	exec 9>&-
	wait "$pid" 2>/dev/null
	isnt "$(left)" '' 'a killed load leaves something'
}

for verb in 'tag busybox:1 other' 'rmi other' "load -q $T/i.tar" 'image prune -f' 'system prune -f'; do
	killed
	# shellcheck disable=SC2086 # words
	run_lichen $verb
	is "$status:$err" 0: "${verb%% *}" || diag "$err"
	is "$(left)" '' "${verb%% *} clears it away"
done

killed
run_lichen run --network=none "$T/root" true
is "$status:$err" 0: 'a sandbox that has nothing to do with images'
wait_for '[ -z "$(left)" ]' 20
ok $? 'what is left is cleared away beside it'
killed
run_lichen run busybox:1 cat /text
is "$status:$out:$err" 0:text: 'a sandbox of an image'
wait_for '[ -z "$(left)" ]' 20
ok $? 'the same'

# as one who died while a volume was made leaves it
run_lichen volume create v
mkdir -p "$store/volumes/.tmp/0-0/data"
run_lichen run "$T/root" true
wait_for '[ -z "$(left)" ]' 20
ok $? 'a volume that was not finished'

done_testing
