#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: nosub
# Killed at any point, or with the disk full: nothing runs on, the store is sound, the next command clears what was half made.
# shellcheck disable=SC2016 # expanded by others
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"
. "$top_srcdir/tests/lib/fake-image.sh"

need user userns
fake_image
find_probe
make_layer one 'echo one >file'
make_layer two 'i=0; while [ $i -lt 200 ]; do echo $i >$i; i=$((i + 1)); done'
head -c 5000 "$T/two.tar" >"$T/two.head"
tail -c +5001 "$T/two.tar" >"$T/two.tail"
record layers one two >"$T/draft"
record complete one two >"$T/image"

# The processes of lichen-image, fake or real, of this test.
helpers() {
	find /proc/[0-9]*/exe -lname "$T/bin/*" 2>/dev/null
}
at_exit 'helpers | cut -d/ -f3 | xargs -r kill -KILL 2>/dev/null'

# The whole work, with a place to hang at before line $1 of the source's script.
work() {
	cat >"$T/work" <<S
draft 0 1 $T/draft
await
put $T/one.config $(config one)
blob 0 $(size one) $T/one.tar
blob 1 $(size two) $T/two.head
whole 0 $(digest one) $(size one)
more 1 $T/two.tail
whole 1 $(digest two) $(size two)
put $T/one.manifest $(manifest one)
image 0 $T/image
done
S
	sed "$1i\\
note $T/here\\
hang" "$T/work" | script source
}

# begin: until it hangs; $pid is lichen's
begin() {
	rm -f "$T/here"
	"$probe" plain "$T/bin/imager" bring docker-archive:"$T/draft" localhost/killed >"$T/said" 2>&1 &
	pid=$!
	wait_for '[ -e "$T/here" ]' 20
	ok $? "$1: begun" || diag "$(cat "$T/said")"
}

over() {
	finish 2>/dev/null
	wait_for '[ -z "$(helpers)" ]' 10
	ok $? "$1: nothing runs on" || diag "$(helpers | while read -r exe; do tr '\0' ' ' <"${exe%/exe}/cmdline"; done)"
	is "$(ls "$images/names")" '' "$1: there is no image"
}

recover() {
	script source <"$T/work"
	imager bring docker-archive:"$T/draft"
	is "$status" 0 "$1: the next command works" || diag "$err"
	is "$(ls "$images/tmp")" '' "$1: and has cleared what was left"
	imager use "$(config one)"
	is "$(cat "$(printf '%s\n' "$out" | tail -1)/file")" one "$1: the image is whole"
	is "$(find "$(printf '%s\n' "$out" | head -1)" -type f | wc -l)" 200 "$1: all of it"
	rm -rf "$XDG_DATA_HOME/lichen"
}

# child NAME: the process of lichen's whose task that is; a tool that starts it may stand between
child() {
	for exe in $(helpers); do
		{ tr '\0' ' ' <"${exe%/exe}/cmdline"; } 2>/dev/null | grep -q "lichen-image $1\|real $1" && echo "$exe" | cut -d/ -f3
	done
}

# Line 1: before the draft ... 11: all is said but that it is done.
for line in 1 2 3 5 6 7 8 10 11; do
	work "$line"
	begin "lichen, line $line"
	kill -KILL "$pid"
	over "lichen killed at line $line"
	is "$status" 137 'it was killed'
	recover "lichen killed at line $line"
done

for line in 2 5 8 11; do
	work "$line"
	begin "the source, line $line"
	kill -KILL "$(child source)"
	over "the source killed at line $line"
	is "$status" 125 'lichen has an error'
	like "$(cat "$T/said")" 'which brings the image, was killed by signal 9' 'which says so'
	is "$(ls "$images/tmp")" '' 'nothing is left'
	recover "the source killed at line $line"
done

# The worker of the layer that waits for the rest of its blob; that of the other one may just be ending.
waiting() {
	for worker in $(child unpack); do
		[ -z "$(find "/proc/$worker/fd" -lname '*/blob-1' 2>/dev/null)" ] || echo "$worker"
	done
}

work 7
begin 'a worker'
wait_for '[ -n "$(waiting)" ]' 10
kill -KILL "$(waiting)"
over 'a worker killed'
is "$status" 125 'lichen has an error'
like "$(cat "$T/said")" 'which unpacks a layer, was killed by signal 9' 'which says so'
is "$(ls "$images/tmp")" '' 'nothing is left'
recover 'a worker killed'

for row in INT:130 TERM:143; do
	sig=${row%:*}
	work 7
	begin "SIG$sig"
	kill -"$sig" "$pid"
	over "SIG$sig"
	is "$status" "${row#*:}" 'it ends as by the signal'
	like "$(cat "$T/said")" "ended by SIG$sig while" 'and says why'
	is "$(ls "$images/tmp")" '' 'nothing is left'
	recover "SIG$sig"
done

# ---- a full disk: the store on a small file system of our own ----

full() {
	script unpack
	run_as_is unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o size=256k,mode=0700 none "$1" && shift
		"$@"; status=$?
		rm -rf "$T/left"; find "$XDG_DATA_HOME/lichen/images/tmp" -mindepth 1 >"$T/left"
		exit $status' sh "$XDG_DATA_HOME" "$T/bin/imager" bring docker-archive:"$T/draft"
	is "$status" 125 "$1" || diag "$err"
	is "$(cat "$T/left")" '' "$1: nothing half made is left"
}
record layers one >"$T/draft"
script source <<S
draft 0 1 $T/draft
await
blob 0 $(size one) $T/one.tar
whole 0 $(digest one) $(size one)
hang
S
full 'the disk is full while a layer is unpacked' <<S
made big 1000000
S
like "$err" 'layer.*ENOSPC' 'it is said what failed'
like "$err" 'no room is left.*data/lichen/images' 'and where'
like "$err" 'hint: .*B are free.*lichen image prune' 'and what to do'
sed -i "s/\"size\":[0-9]*/\"size\":999999999/" "$T/draft"
full 'an image that cannot fit' <<S
S
like "$err" 'needs more than 953.7MiB, and the file system that has .* has .*KiB free' 'is refused before it comes'

done_testing
