#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Signals to lichen reach the command, and its end is lichen's.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"

start "$root" sh -c 'trap "echo got-term; exit 7" TERM; echo ready; sleep 300 & wait'
kill -TERM "$pid"
finish
is "$status" 7 "SIGTERM, with a handler: the command's own status"
like "$(cat "$T/said")" got-term 'the handler ran'

start "$root" sh -c 'echo ready; exec sleep 300'
kill -TERM "$pid"
finish
is "$status" 143 'SIGTERM, without a handler: 143, although process 1 ignores it'

start "$root" sh -c 'echo ready; exec sleep 300'
kill -INT "$pid"
finish
is "$status" 130 'SIGINT: 130'

for how in --init=false --init; do
	start $how "$root" sh -c 'echo ready; sleep 300; echo survived'
	kill -INT "$pid"
	finish
	is "$status" 130 "SIGINT, $how: for a shell and what it waits for, as from a keyboard"
	unlike "$(cat "$T/said")" survived 'both are gone'
	: >"$T/said"
	setsid "$probe" plain "$LICHEN" run $how "$root" sh -c 'echo ready; sleep 0.5; exit 7' </dev/null >"$T/said" 2>&1 &
	pid=$!
	wait_for '[ -s "$T/said" ]'
	kill -TSTP "$pid"
	finish
	is "$status" 7 'SIGTSTP where nobody could continue it is not heeded'
done

start "$root" sh -c 'echo ready; exec sleep 300'
kill -HUP "$pid"
finish
is "$status" 129 'SIGHUP: 129'

start "$root" sh -c 'echo ready; sleep 300; echo survived'
kill -TERM "$pid"
finish
is "$status" 143 'a shell with a child: 143'
unlike "$(cat "$T/said")" survived 'and both are gone'

start "$root" sh -c 'trap "echo got-usr1" USR1; trap "echo got-usr2; exit 5" USR2; echo ready; while :; do sleep 300 & wait; done'
kill -USR1 "$pid"
wait_for 'grep -q got-usr1 "$T/said"'
ok $? 'SIGUSR1 is passed on, and does not end a command that handles it'
kill -USR1 "$pid"
wait_for '[ "$(grep -c got-usr1 "$T/said")" -eq 2 ]'
ok $? 'a second time too'
kill -USR2 "$pid"
finish
is "$status" 5 'SIGUSR2 too'

start "$root" sh -c 'trap "" TERM; trap "exit 6" USR1; echo ready; while :; do sleep 300 & wait; done'
kill -TERM "$pid"
kill -USR1 "$pid"
finish
ok '[ "$status" -eq 6 ] || [ "$status" -eq 143 ]' 'a command that ignores SIGTERM ends one way or the other'

start "$root" sh -c 'echo ready; exec sleep 300'
kill -STOP "$pid"
kill -CONT "$pid"
kill -TERM "$pid"
finish
is "$status" 143 'stopped and continued before'

run_as_is "$probe" ignore 17 "$LICHEN" run "$root" sh -c 'exit 3'
is "$status" 3 'a parent that ignores SIGCHLD: the status comes back' || diag "$err"
run_as_is "$probe" ignore 17 "$LICHEN" doctor
unlike "$out$err" ECHILD 'and doctor can wait for what it tries'

# ---- what had no handler ended nothing ----
for name in PIPE PROF IO XCPU SYS; do
	start "$root" sh -c 'echo ready; exec sleep 300'
	kill -"$name" "$pid"
	finish
	ok '[ "$status" -gt 128 ] && [ "$status" -lt 160 ]' "SIG$name ends it: $status"
done

# ---- what is ignored from the start stays so ----
: >"$T/said"
"$probe" plain "$probe" ignore 1 "$LICHEN" run "$root" sh -c 'grep SigIgn /proc/self/status; exec sleep 300' </dev/null >"$T/said" 2>&1 &
pid=$!
wait_for '[ -s "$T/said" ]' 30
kill -HUP "$pid"
like "$(cat "$T/said")" 'SigIgn:.*[13579bdf]$' 'nohup: SIGHUP is ignored inside, too'
kill -TERM "$pid"
finish
is "$status" 143 'and by lichen, whom SIGTERM ends'

# ---- an interrupt is an interrupt for whoever waits ----
if have cmd:bash; then
	setsid "$probe" plain bash -c 'for i in 1 2 3; do "$LICHEN" run "$1" sh -c "echo ready; exec sleep 300"; echo "after=$?"; done' \
		bash "$root" </dev/null >"$T/said" 2>&1 &
	pid=$!
	wait_for 'grep -q ready "$T/said"' 30
	kill -INT "-$pid"
	finish
	is "$status" 130 'SIGINT for lichen and the shell that waits for it'
	unlike "$(cat "$T/said")" after= "stops the shell's loop"
else
	skip no-bash 'SIGINT for lichen and the shell that waits for it'
	skip no-bash "stops the shell's loop"
fi

run_lichen run "$root" grep -E '^Sig(Blk|Ign):' /proc/self/status
like "$out" '^SigBlk:.0*$' 'the command starts with no signal blocked'
run_lichen run "$root" sh -c 'sh -c "kill -TERM \$\$"; echo $?'
is "$out" 143 'signals inside work as ever'

done_testing
