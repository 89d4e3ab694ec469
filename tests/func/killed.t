#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub vm
# After a SIGKILL of lichen nothing runs on, and the next command removes what it left.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
printf '%s\n' "$mark" >"$T/mark"
# Processes that have the mark among their arguments, wherever they are.
alive() { grep -lsaFf "$T/mark" /proc/[0-9]*/cmdline 2>/dev/null; }
# what a failure leaves would keep the log open
at_exit 'alive | sed "s,.*/\([0-9]*\)/.*,\1," | xargs -r kill -KILL'
# Prints the config.json of every run of this test that is on disk; root's are shared by all.
root=$T/root
busybox_root "$root"
probe_into "$root"
mkdir "$T/out"
chmod 0777 "$T/out"

# start ARGS...: returns when the command has written to $T/out/ready.
start() {
	rm -f "$T/out/ready"
	"$probe" plain "$LICHEN" run -v "$T/out:/out" "$@" </dev/null >"$T/said" 2>&1 &
	pid=$!
	wait_for '[ -s "$T/out/ready" ] || ! kill -0 "$pid" 2>/dev/null' 30 && [ -s "$T/out/ready" ]
	ok $? "started: $*" || diag "$(cat "$T/said")"
}

for mode in kernel copy; do
	start --overlay="$mode" "$root" probe hold /out/ready "$mark"
	ok '[ -n "$(alive)" ]' 'the command is seen from outside'
	ok '[ -n "$(configs)" ]' 'and so is what lichen keeps'
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	is $? 137 'lichen is killed'
	wait_for '[ -z "$(alive)" ]' 10
	ok $? "--overlay=$mode: a command that cleared its PDEATHSIG, left the session and ignores all signals dies"
	alive | while read -r path; do kill -KILL "$(echo "$path" | cut -d/ -f3)"; done
	run_lichen run "$root" true
	is "$status" 0 'the next command works'
	wait_for '[ -z "$(configs)" ]' 10
	ok $? 'and removes what was left'
done

if [ "$(id -u)" -eq 0 ] || have subids; then
	start --ids=range "$root" sh -c 'mkdir -m 0700 /d /d/e; touch /d/f /d/e/f; chown -R 33:33 /d; exec probe hold /out/ready "$1"' sh "$mark"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	wait_for '[ -z "$(alive)" ]' 10
	ok $? 'with a range of ids: it dies'
	run_lichen run "$root" true
	wait_for '[ -z "$(configs)" ]' 10
	ok $? 'closed directories of other ids are removed too'
else
	skip no-subids 'with a range of ids'
fi

# Killed at any time of the start: whatever there was, nothing may stay.
for n in 1 2 3 4 5 6 7 8 9 10; do
	"$probe" plain "$LICHEN" run "$root" probe hold /dev/null "$mark" </dev/null >/dev/null 2>&1 &
	pid=$!
	i=0
	while [ $i -lt $((n * n * 20)) ]; do i=$((i + 1)); done	# a time that differs
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
done
wait_for '[ -z "$(alive)" ]' 10
ok $? 'killed while it starts: nothing runs on'
run_lichen run "$root" true
is "$status" 0 'the next command works'
wait_for '[ -z "$(configs)" ]' 10
ok $? 'and nothing is left'

# A live one is not touched by another's sweep.
start "$root" probe hold /out/ready "$mark"
run_lichen run "$root" true
ok '[ -n "$(configs)" ] && [ -n "$(alive)" ]' 'the next command leaves alone what runs'
kill -TERM "$pid"
wait_for '! kill -0 "$pid" 2>/dev/null || [ -z "$(alive)" ]' 3 || kill -KILL "$pid"
wait "$pid" 2>/dev/null
run_lichen run "$root" true

# ---- without a pid namespace of its own nothing ends with pid 1 ----

# shellcheck disable=SC2016 # for sh inside
loop='while :; do sleep 0.2; done'
family='
	sh -c "$2" child "$1" &
	env -i /bin/sh -c "$2" cleared "$1" &
	(setsid sh -c "$2" orphan "$1" &)
	echo ready >"$3"
	eval "$4"'
mkfifo "$T/hold"
web=web-$$
"$probe" plain "$LICHEN" run -i --name "$web" "$root" cat <"$T/hold" >/dev/null 2>"$T/web" &
web_pid=$!
exec 8>"$T/hold"
wait_for '"$LICHEN" run --network=container:"$web" "$root" true 2>/dev/null'
for how in --pid=host '--pid=host --init=false' "--pid=container:$web" "--pid=container:$web --init=false"; do
	# shellcheck disable=SC2086 # words
	start $how "$root" sh -c "$family" sh "$mark" "$loop" /out/ready "$loop"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	wait_for '[ -z "$(alive)" ]' 10
	ok $? "$how: killed, and nothing runs on"
	# shellcheck disable=SC2086 # words
	run_lichen run $how -v "$T/out:/out" "$root" sh -c "$family" sh "$mark" "$loop" /out/ready true
	is "$status" 0 "$how: ended by itself"
	is "$(alive)" '' 'and nothing runs on'
done
# when the command has ended, and lichen not yet done what remains
mkfifo "$T/out/end"
start --pid=host --init=false "$root" sh -c "$family" sh "$mark" "$loop" /out/ready 'echo $$ >/out/number; cat /out/end'
kill -STOP "$pid"
echo >"$T/out/end"
wait_for 'grep -qs "^State:.Z" "/proc/$(cat "$T/out/number")/status"'
ok $? 'the command has ended'
ok '[ -n "$(alive)" ]' 'and something runs on'
kill -KILL "$pid"
wait "$pid" 2>/dev/null
wait_for '[ -z "$(alive)" ]' 10
ok $? 'until lichen is killed, too'
exec 8>&-
wait "$web_pid"
is $? 0 'the sandbox that was joined ran on, and ended by itself'
run_lichen run --pid=host --init=false "$root" sh -c 'for i in 1 2 3 4 5; do (sleep 0.1 &); done; sleep 1; grep -l "^State:.Z" /proc/[0-9]*/status | while read -r f; do grep -H "^PPid:.$PPID$" "$f"; done; :'
is "$out" '' '--pid=host: orphans that end are waited for'
if [ "$(id -u)" -ne 0 ] && "$LICHEN" run --no-userns --landlock rwx:/ host true 2>/dev/null; then
	# in this order: nobody has daemonized and cleared its environment
	bare='sh -c "$2" child "$1" & env -i /bin/sh -c "$2" cleared "$1" & echo ready >"$3"; eval "$4"'
	rm -f "$T/out/ready"
	"$probe" plain "$LICHEN" run --no-userns --landlock rwx:/ host sh -c "$bare" sh "$mark" "$loop" "$T/out/ready" "$loop" 2>/dev/null &
	pid=$!
	wait_for '[ -s "$T/out/ready" ]'
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	wait_for '[ -z "$(alive)" ]' 10
	ok $? '--no-userns: killed, and nothing runs on, with or without an environment'
	run_lichen run --no-userns --landlock rwx:/ host sh -c "$bare" sh "$mark" "$loop" "$T/out/ready" true
	is "$(alive)" '' '--no-userns: ended by itself, and nothing runs on'
else
	[ "$(id -u)" -eq 0 ] && why=is-root || why=no-landlock
	skip "$why" '--no-userns'
fi

# ---- what a dead one left is removed by a process that ends with no other run ----

start "$root" sh -c 'mkdir /many; i=0; while [ $i -lt 3000 ]; do : >/many/$i; i=$((i + 1)); done; exec probe hold /out/ready "$1"' sh "$mark"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
run_lichen run --pid=host "$root" true
wait_for '[ -z "$(configs)" ]' 20
ok $? 'all of it, beside a run with --pid=host'

done_testing
