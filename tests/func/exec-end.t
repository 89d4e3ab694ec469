#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# What lichen exec runs ends with whoever asked for it and with the sandbox, and nothing is left of it.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
name=exec-end-$$
said=$T/exec.said

# ask ARGS...: lichen exec in the background, until its command has said something. Sets $client.
ask() {
	: >"$said"
	"$probe" plain "$LICHEN" exec "$@" </dev/null >"$said" 2>"$said.err" &
	client=$!
	wait_for '[ -s "$said" ] || ! kill -0 "$client" 2>/dev/null' 20 && [ -s "$said" ]
	ok $? "asked: $*" || diag "$(cat "$said.err")"
}
ended() {
	wait "$client"
	status=$?
}
inside() { "$LICHEN" exec "$name" sh -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" " "'; }
gone() {
	wait_for '! inside | grep -q "sleep 4$1"' 10
	ok $? "$2: the command has ended"
}
helpers() { grep -lsaF __exec /proc/[0-9]*/cmdline | wc -l; }

start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
ask "$name" sh -c 'echo ready; exec sleep 41'
kill -KILL "$client"
ended
gone 1 'the client is killed'
ask "$name" sh -c 'trap "" HUP; echo ready; sleep 42; sleep 42'
kill -KILL "$client"
ended
gone 2 'and takes no notice of the hangup'
ask "$name" sh -c 'trap "echo got; exit 5" TERM; echo ready; while :; do sleep 0.1; done'
kill -TERM "$client"
ended
is "$status" 5 'a signal arrives, and the status comes back'
is "$(tail -n 1 "$said")" got 'and what it wrote'
ask "$name" sh -c 'echo ready; exec sleep 43'
# shellcheck disable=SC2013 # paths of /proc
for each in $(grep -lsaF __exec /proc/[0-9]*/cmdline); do
	each=${each#/proc/}
	[ "$(awk '{ sub(/.*\) /, ""); print $2 }' "/proc/${each%/cmdline}/stat" 2>/dev/null)" != "$pid" ] || kill -KILL "${each%/cmdline}"
done
ended
is "$status" 137 'whoever waits for it is killed: 137'
gone 3 'and with it'
ask "$name" sh -c 'echo ready; exec sleep 44'
"$LICHEN" exec -d "$name" sleep 45
kill -TERM "$pid"
finish
ended
is "$status" 137 'the sandbox ends: 137'
wrong 'ended' 'no running sandbox' -- exec "$name" true

start --name "$name" --init "$root" sh -c 'echo ready; exec sleep 300'
ask "$name" sh -c 'echo ready; exec sleep 46'
kill -KILL "$pid"
finish
ended
is "$status" 137 'the supervisor is killed: 137'

start --name "$name" --pid=host "$root" sh -c 'echo ready; exec sleep 300'
ask "$name" sh -c 'echo ready; exec sleep 47'
kill -TERM "$pid"
finish
ended
is "$status" 137 'without a pid namespace it ends with the sandbox, too'

# at random
for n in 1 2 3 4 5 6 7 8; do
	start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
	"$LICHEN" exec "$name" sh -c 'sleep 48' >/dev/null 2>&1 &
	client=$!
	usleep "$((n * 700))" 2>/dev/null || :
	case $((n % 2)) in
	0) kill -KILL "$client" ;;
	*) kill -KILL "$pid" ;;
	esac
	kill -TERM "$pid" 2>/dev/null
	finish
	wait "$client"
done
done_testing
