#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# lichen-scope with a real systemd: a process of a login session gets a delegated cgroup of the
# user's, others are moved below it, and it is gone with its last process.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
# shellcheck source=tests/lib/tap.sh
. "$top_srcdir/tests/lib/tap.sh"

# in the machine lichen is installed
scope=${LICHEN%/bin/lichen}/libexec/lichen/lichen-scope
[ -x "$scope" ] || skip_all no-libsystemd
unit=lichen-$mark.scope
tree=/sys/fs/cgroup

# hold: a process that stays; sets $pid. Its end of the pipe is what it waits for.
mkfifo "$T/pipe"
exec 9<>"$T/pipe"
hold() {
	cat <"$T/pipe" >/dev/null 9>&- &
	pid=$!
}
cgroup_of() {
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}
# app.slice is there already: a slice of our own would stay until the user's manager ends.
start() {
	run_as_is env -i "$scope" start --unit "$unit" --slice app.slice --description 'a test' --pid "$1"
}

# ---- start: without anything in the environment, as the launcher has it

hold
first=$pid
like "$(cgroup_of "$first")" '/session-[^/]*\.scope$' 'the process is in the session at first'
start "$first"
is "$status" 0 'start: works' || diag "$err"
like "$out" "/user@$(id -u)\\.service/app\\.slice/$unit\$" 'start: below the manager of the user'
mine=$tree$out
is "$(cgroup_of "$first")" "$out" 'start: the process is there'
is "$(cat "$mine/cgroup.controllers")" 'cpu memory pids' 'start: with the controllers of the manager'
ok 'mkdir "$mine/own" "$mine/box"' 'start: groups can be made below it'
ok 'echo "$first" >"$mine/own/cgroup.procs"' 'start: and processes moved inside'
ok 'echo "+cpu +memory +pids" >"$mine/cgroup.subtree_control"' 'start: and controllers handed on'

run_as_is "$scope" show --unit "$unit"
is "$out" "ControlGroup=${mine#"$tree"}
ActiveState=active" 'show'
hold
second=$pid
start "$second"
is "$status" 1 'start: the name is taken'
like "$err" 'UnitExists.*is there already' 'start: and that is said'

# ---- attach: what the kernel does not let us do ourselves

ok '! { echo "$second" >"$mine/box/cgroup.procs"; } 2>/dev/null' 'a process of the session cannot be moved there by hand'
run_as_is "$scope" attach --unit "$unit" --subgroup /box --pid "$second"
is "$status" 0 'attach: works' || diag "$err"
is "$(cgroup_of "$second")" "${mine#"$tree"}/box" 'attach: it is there'
hold
run_as_is "$scope" attach --unit "$unit" --subgroup /none --pid "$pid"
is "$status" 1 'attach: a group that is not there'
like "$err" 'made before' 'attach: and that is said'

# ---- a kill for memory ends one process and not the scope

mkdir "$mine/hog"
echo 16M >"$mine/hog/memory.max"
mkfifo "$T/go"
kept=$pid
sh -c 'read -r go <"$1"; exec tail /dev/zero' sh "$T/go" 9>&- &
hog=$!
run_as_is "$scope" attach --unit "$unit" --subgroup /hog --pid "$hog"
is "$status" 0 'a process with a limit' || diag "$err"
echo >"$T/go"
wait "$hog" 2>/dev/null
is $? 137 'is killed by the kernel'
like "$(cat "$mine/memory.events")" '^oom_kill 1$' 'as the scope counts'
run_as_is "$scope" show --unit "$unit"
like "$out" '^ActiveState=active$' 'the scope goes on'
ok 'kill -0 "$first" && kill -0 "$second"' 'and so do its other processes'

# ---- the end

kill "$first" "$second" "$kept"
wait "$first" "$second" "$kept" 2>/dev/null
wait_for '[ ! -e "$mine" ]'
ok $? 'with its last process the scope is gone, and what was below it'
run_as_is "$scope" show --unit "$unit"
is "$status" 2 'show: no such unit'

hold
start "$pid"
is "$status" 0 'the name is free again'
run_as_is "$scope" stop --unit "$unit"
is "$status $err" '0 ' 'stop: works'
wait "$pid" 2>/dev/null
is $? 143 'stop: the process got SIGTERM'
run_as_is "$scope" stop --unit "$unit"
is "$status" 0 'stop: what is not there is no error'

# ---- processes that are not ours

start 1
is "$status" 1 'process 1 cannot be had'
like "$err" 'process 1 belongs to user 0' 'and that is said'
run_as_is "$scope" start --system --unit "$unit" --slice app.slice --description x --pid $$
is "$status" 1 '--system: not for an ordinary user'
like "$err" 'polkit|AccessDenied' '--system: and that is said'

exec 9>&-
done_testing
