#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root
# shellcheck disable=SC2089,SC2090 # a name is to have quotes
# An image comes and runs whatever the store's directory is called, and without a home, a standard input or a terminal; where
# there is no room and no right to write, the error says where.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox cmd:sha256sum
[ -x "$top_builddir/helpers/lichen-image" ] || skip_all no-lichen-image
busybox_image "$T/i.tar" busybox:1 '"Volumes":{"/data":{}}' file

# ---- names that mean something to mount options, to shells and to terminals ----

if have user; then
	for name in 'a space' 'new
line' 'ünï' 'a:colon' 'a,comma' 'back\slash' 'quo"te' '$x`y'; do
		XDG_DATA_HOME=$T/$name
		export XDG_DATA_HOME
		mkdir "$XDG_DATA_HOME"
		shown=$(printf '%s' "$name" | tr '\n' ' ')
		run_lichen load -q "$T/i.tar"
		is "$status:$out" '0:Loaded image: busybox:1' "a store in '$shown': load"
		for overlay in kernel fuse; do
			type=overlay
			if [ $overlay = fuse ]; then
				have fuse || { skip "$tap_why" "a store in '$shown': fuse"; continue; }
				type=fuse
			fi
			run_lichen run --overlay=$overlay -v kept:/kept busybox:1 sh -c 'echo new >/text; cat /text; echo kept >>/kept/file; echo x >/data/file
				sed -n "s,.* / / .* - \([^ ]*\) .*,\1,p" /proc/self/mountinfo'
			is "$status:$out" "0:new
$type" "a store in '$shown': run, $overlay"
		done
		run_lichen run -v kept:/kept busybox:1 cat /text /kept/file
		like "$out" '^file$' "a store in '$shown': the image is as it was"
		like "$out" '^kept$' "a store in '$shown': and the volume as it was left"
		run_lichen rmi busybox:1
		is "$status" 0 "a store in '$shown': rmi"
	done
	XDG_DATA_HOME=$T/data

	# ---- no home ----

	run_as_is env -u HOME "$LICHEN" load -q "$T/i.tar"
	is "$status" 0 'without HOME, with XDG_DATA_HOME: load'
	run_as_is env -u HOME "$LICHEN" run busybox:1 cat /text
	is "$status:$out" 0:file 'and run'
	run_as_is env -u XDG_DATA_HOME HOME="$T/home" "$LICHEN" run -q "$T/i.tar" cat /text
	is "$status:$out" 0:file 'without XDG_DATA_HOME: below the home directory'
	ok '[ -d "$T/home/.local/share/lichen/images/records" ]' 'which has the store then'
	run_as_is env XDG_DATA_HOME=relative/dir HOME="$T/home" "$LICHEN" run --dry-run "$T/i.tar" true
	is "$status" 0 'a relative XDG_DATA_HOME does not count: what was read below the home directory is found'
	ok '[ ! -e relative ]' 'and is not made'

	# ---- no room, no right ----

	mkdir "$T/full"
	run_as_is unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o size=1m,mode=0700 none "$1" || exit 99
		XDG_DATA_HOME=$1 "$2" load -q "$3"; status=$?
		find "$1/lichen/images/tmp" "$1/lichen/images/names" -mindepth 1 >"$T/left"
		exit $status' sh "$T/full" "$LICHEN" "$T/i.tar"
	is "$status:$out" 125: 'a full data directory: load'
	like "$err" 'full/lichen/images has|ENOSPC' 'names it'
	like "$err" 'hint: .*lichen image prune' 'and says what makes room'
	is "$(cat "$T/left")" '' 'nothing half made is left'
	mkdir "$T/closed"
	run_as_is unshare --user --map-root-user --mount sh -c '
		mount -t tmpfs -o ro none "$1" || exit 99
		unset XDG_DATA_HOME
		export HOME=$1
		"$2" load -q "$3" && exec "$2" run busybox:1 cat /text' sh "$T/closed" "$LICHEN" "$T/i.tar"
	is "$status:$out" '0:Loaded image: busybox:1
file' 'a home on a read-only file system: load and run'
	ok '[ -d "$TMPDIR/lichen-0/images/records" ]' 'the store is in TMPDIR then'
	remove_tree "$TMPDIR/lichen-0"
else
	skip is-root "stores of an ordinary user"
fi

# ---- what a start has not ----

run_lichen load -q "$T/i.tar"
"$LICHEN" run busybox:1 cat /text <&- >"$T/said" 2>&1
is "$?:$(cat "$T/said")" 0:file 'standard input is closed: run'
"$LICHEN" run busybox:1 cat /text >&- 2>"$T/said"
isnt "$?" 124 'standard output is closed: it ends'
"$LICHEN" load -q <&- >"$T/said" 2>&1
is "$?" 125 'standard input is closed: load reads nothing'
like "$(cat "$T/said")" 'standard input' 'and says what it would have read'
"$LICHEN" run -q "$T/i.tar" cat /text <&- >"$T/said" 2>&1
is "$?:$(cat "$T/said")" 0:file 'an archive, by a run without standard input'
if have expect; then
	# The terminal goes away under a run of an image.
	find_probe
	expect -c "log_user 0; spawn -noecho $LICHEN run -it -e MARK=$mark busybox:1 sh -c {echo ready; exec sleep 300}; expect ready; close; wait" >"$T/said" 2>&1
	is "$?" 0 'the terminal is closed'
	wait_for '[ -z "$(alive)" ]' 20
	ok $? 'what ran at it has ended'
fi
run_lichen rmi -f busybox:1
done_testing
