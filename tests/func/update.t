#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# lichen update changes the limits of sandboxes that run, in the cgroup and in what lichen keeps, all or nothing.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
name=update-$$

# ---- the command line ----

wrong 'no sandbox' 'CONTAINER\.\.\. is missing' -- update -m 100m
wrong 'no limit' 'no limit is given' 'for example: lichen update .* web' -- update web
wrong 'no size' '--memory much: expected a size' -- update -m much web
wrong 'no such sandbox' 'cannot change the limits of nosuch' 'no running sandbox has the name or id "nosuch"' -- update -m 100m nosuch
run_lichen update --json -m 100m nosuch
like "$err" '^\{"error":\{"kind":"state",' 'with --json an error is JSON'

# ---- without a cgroup of its own ----

start --name "$name" --cgroup-manager none "$root" sh -c 'echo ready; exec sleep 300'
wrong 'no cgroup of its own' 'no cgroup of its own' '--memory, or with --cgroup-manager=systemd' -- update -m 100m "$name"
wrong 'update by the beginning of a name' 'no running sandbox' "did you mean $name" -- update -m 100m "${name%?}"
kill -TERM "$pid"
finish

# Real root may make a cgroup anywhere; for others the virtual machine has the test (tests/vm/update.t).
if ! have root; then
	skip not-root 'update in a cgroup'
	done_testing
fi

tree=/sys/fs/cgroup
[ -e "$tree/cgroup.controllers" ] || tree=$tree/unified
if [ ! -e "$tree/cgroup.controllers" ]; then
	skip no-cgroup2 'update in a cgroup'
	done_testing
fi

# The directory of what start() started under $name: it is recorded there.
look() {
	id=$(readlink "/run/lichen/names/$name")
	box=$(readlink "/run/lichen/$id/cgroup")/box
	config=/var/lib/lichen/containers/$id/config.json
	[ -e "$config" ] || config=/run/lichen/$id/config.json
}
# Files of the core, which need no controller.
file() { cat "$box/cgroup.max.$1"; }

# ---- with one ----

start --name "$name" --cgroup-conf cgroup.max.depth=5 --hostname before "$root" sh -c 'echo ready; exec sleep 300'
look
is "$(file depth)" 5 'the limit that it started with'
cp "$config" "$T/before"
run_lichen update --cgroup-conf cgroup.max.depth=7 --cgroup-conf cgroup.max.descendants=9 "$name"
is "$status" 0 'update'
is "$out" "$name" 'prints the name'
is "$(file depth) $(file descendants)" '7 9' 'both are in the cgroup'
like "$(cat "$config")" '"cgroup.max.depth": "7"' 'and in config.json'
like "$(cat "$config")" '"cgroup.max.descendants": "9"' 'both of them'
is "$(diff "$T/before" "$config" | grep '^[<>]' | grep -v 'cgroup\.max\.')" '' 'where nothing else has changed'
ok '"$probe" json "$config"' 'and which is JSON'
run_lichen update --json --cgroup-conf cgroup.max.depth=8 "$(printf %.9s "$id")"
is "$out" "{\"container\":\"$(printf %.9s "$id")\",\"id\":\"$id\",\"limits\":{\"cgroup.max.depth\":\"8\"}}" \
	'by the beginning of the id, with --json'
is "$(file depth) $(file descendants)" '8 9' 'the other limit stays'

# ---- all or nothing ----

wrong 'a file that does not exist' 'cannot change the limits' '--cgroup-conf' 'cgroup.nosuch' -- \
	update --cgroup-conf cgroup.max.depth=3 --cgroup-conf cgroup.nosuch=1 "$name"
is "$(file depth)" 8 'what was written before it is taken back'
wrong 'a value that the kernel does not take' 'cgroup.max.depth' EINVAL -- \
	update --cgroup-conf cgroup.max.descendants=4 --cgroup-conf cgroup.max.depth=deep "$name"
is "$(file depth) $(file descendants)" '8 9' 'nothing has changed'
like "$(cat "$config")" '"cgroup.max.depth": "8"' 'nor in config.json'
wrong 'what is no limit' 'cgroup.freeze is no limit' -- update --cgroup-conf cgroup.freeze=1 "$name"
wrong 'what breaks a rule' 'memory-swap: it is memory and swap together' 'in one call' -- update --memory-swap 1g "$name"
wrong 'more processors than there are' 'this machine has' -- update --cpus 8000 "$name"
lacking=$(for c in memory pids cpu hugetlb; do grep -qw "$c" "${box%/box}/cgroup.controllers" || { echo "$c"; break; }; done)
if [ -n "$lacking" ]; then
	wrong "a controller that is not enabled" "controller $lacking" "$tree" -- \
		update --cgroup-conf cgroup.max.depth=3 --cgroup-conf "$lacking.x=1" "$name"
	is "$(file depth)" 8 'and nothing has changed'
fi
mkdir "${config%/*}/.config.json.new"
wrong 'config.json cannot be written' 'cannot write config.json' -- update --cgroup-conf cgroup.max.depth=3 "$name"
rmdir "${config%/*}/.config.json.new"
is "$(file depth)" 8 'config.json cannot be written: the cgroup is as before'

# ---- several ----

run_lichen update --cgroup-conf cgroup.max.depth=6 nosuch "$name" nosuch2
is "$status" 125 'several, of which some fail: 125'
is "$out" "$name" 'those that worked are printed'
like "$err" 'nosuch: no running sandbox' 'each that failed is named'
like "$err" 'nosuch2: no running sandbox' 'also the last one'
is "$(file depth)" 6 'a failure keeps no other from being changed'

# ---- two at once ----

lost=
for i in 11 12 13 14 15 16; do
	"$LICHEN" update --cgroup-conf cgroup.max.depth=$i "$name" >/dev/null &
	one=$!
	"$LICHEN" update --cgroup-conf cgroup.max.descendants=$i "$name" >/dev/null || lost="$lost failed"
	wait "$one" || lost="$lost failed"
	[ "$(grep -c "\"$i\"" "$config")" -eq 2 ] || lost="$lost $i"
done
is "$lost" '' 'of two updates at once none is lost'
is "$(file depth) $(file descendants)" '16 16' 'in the cgroup'
# A process holds it: in a pid namespace the kernel does not show locks of those that have ended, nor who waits for them.
mkfifo "$T/holds" "$T/go"
flock "/run/lichen/$id" sh -c 'echo >"$1/holds"; read -r _ <"$1/go"' sh "$T" &
holder=$!
read -r _ <"$T/holds"
"$LICHEN" update --cgroup-conf cgroup.max.depth=2 "$name" >"$T/second" 2>&1 &
second=$!
wait_for 'grep -q -- "-> FLOCK .* $second " /proc/locks'
ok $? 'an update waits for whoever changes the sandbox'
is "$(file depth)" 16 'and changes nothing meanwhile'
kill -TERM "$pid"
finish
echo >"$T/go"
wait "$holder"
wait "$second"
is "$?" 125 'the sandbox ends meanwhile: 125'
like "$(cat "$T/second")" 'has ended' 'and it says so'
ok '[ ! -e "${box%/box}" ]' 'its cgroup is gone'

# ---- with a group of its own inside, where the limits are repeated ----

start --name "$name" --cgroup-conf cgroup.max.depth=5 --cgroupns-rw "$root" sh -c 'echo ready; exec sleep 300'
look
run_lichen update --cgroup-conf cgroup.max.depth=4 "$name"
is "$(file depth) $(cat "$box/inner/cgroup.max.depth")" '4 4' 'they change inside, too'
wrong 'a later file fails' 'cgroup.nosuch' -- update --cgroup-conf cgroup.max.depth=3 --cgroup-conf cgroup.nosuch=1 "$name"
is "$(file depth) $(cat "$box/inner/cgroup.max.depth")" '4 4' 'they are taken back inside, too'
kill -TERM "$pid"
finish

done_testing
