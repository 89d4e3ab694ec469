#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# lichen pause and unpause in a login session, where the user's systemd made the sandbox's cgroup.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

find_probe
name=pause-$$
mkdir "$T/out"
# shellcheck disable=SC2016 # for the sandbox
count='while :; do printf . >>/out/$0; sleep 0.01; done'
at() { stat -c %s "$T/out/$1"; }
"$probe" plain "$LICHEN" run -v "$T/out:/out" host bash -c "$count" clock </dev/null >"$T/clock.log" 2>&1 &
clock=$!
at_exit "kill -TERM $clock 2>/dev/null; wait $clock"

# shellcheck disable=SC2016 # for the sandbox
start -v "$T/out:/out" --name "$name" --pids-limit 100 --cgroupns-rw --init -u 0 host bash -c '
	trap "echo got-term; exit 7" TERM
	mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs && echo ready
	while :; do printf . >>/out/nested; sleep 0.01; done'
wait_for '[ -s "$T/out/nested" ] && [ -s "$T/out/clock" ]'
run_lichen pause "$name"
is "$status,$out" "0,$name" 'pause' || diag "$err"
was=$(at nested)
# shellcheck disable=SC2034 # for wait_for
now=$(at clock)
wait_for '[ "$(at clock)" -gt $((now + 20)) ]'
is "$(at nested)" "$was" 'a process in a group of its own inside stands while others go on'
wrong 'paused twice' 'already paused' -- pause "$name"
kill -TERM "$pid"
wait_for 'grep -q "lichen unpause $name" "$T/said.err"'
ok $? 'SIGTERM is answered by what to do'
run_lichen unpause "$name"
is "$status,$out" "0,$name" 'unpause' || diag "$err"
finish
is "$status" 7 'the signal arrives then'

start --name "$name" --pids-limit 100 host sh -c 'echo ready; exec sleep 300'
run_lichen pause "$name"
kill -KILL "$pid"
finish
wait_for '! pgrep -u "$(id -u)" -x sleep'
ok $? 'what is paused does not outlive a SIGKILL of lichen'
run_lichen run host true

start --name "$name" --cgroup-manager none host sh -c 'echo ready; exec sleep 300'
wrong 'without a cgroup' 'no cgroup of its own' '--cgroup-manager=systemd' -- pause "$name"
kill -TERM "$pid"
finish
kill -TERM "$clock"
wait "$clock"
done_testing
