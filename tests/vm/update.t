#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session-all
# lichen update in a login session: limits of memory, processors and processes are changed, obeyed, and put back.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

find_probe
name=update-$$
mkdir "$T/out"
# What the sandbox is asked to do, and what it answers.
# shellcheck disable=SC2016 # for the sandbox
ANSWER='echo ready; while read -r n; do
	case $n in
	fill*) dd if=/dev/zero of=/tmp/hog bs=1M count=${n#fill } 2>/dev/null; echo filled ;;
	drop) rm /tmp/hog; echo dropped ;;
	fork*) i=0; while [ $i -lt ${n#fork } ]; do sleep 100 & i=$((i + 1)); done; echo forked; kill $(jobs -p); wait; echo reaped ;;
	see) cd /sys/fs/cgroup && cat memory.max cpu.max pids.max && echo seen ;;
	end) exit 3 ;;
	esac
done </out/ask'
mkfifo "$T/out/ask"
start -v "$T/out:/out" --name "$name" -m 40m --memory-swap 40m --pids-limit 30 host bash -c "$ANSWER"
exec 8>"$T/out/ask"
# ask WHAT ANSWER: and waits for the answer; false where there is none, or the sandbox has ended.
ask() {
	: >"$T/said"
	echo "$1" >&8
	wait_for "grep -q $2 \"\$T/said\" || ! kill -0 $pid 2>/dev/null" 30 && grep -q "$2" "$T/said"
}
box=$(sed -n 's/.*"cgroup": "\(.*\)".*/\1/p' "/run/user/$(id -u)/lichen/$(readlink "/run/user/$(id -u)/lichen/names/$name")/state.json")
file() { cat "$box/$1"; }

ok 'ask "fill 20" filled' 'what fits into 40m'
wrong 'less memory than is in use' '--memory 16MiB: the sandbox uses [0-9.]+MiB now' '--memory-high' '--force' -- \
	update -m 16m --memory-swap 16m "$name"
is "$(file memory.max) $(file memory.swap.max)" '41943040 0' 'nothing has changed'
wrong 'more swap than its rule has' 'memory-swap: .* less than --memory' 'in one call' -- update -m 100m "$name"
run_lichen update -m 100m --memory-swap 100m --pids-limit 60 --cpus 0.5 "$name"
is "$status,$out" "0,$name" 'memory, processors and processes are raised' || diag "$err"
is "$(file memory.max) $(file memory.swap.max) $(file pids.max) $(file cpu.max)" '104857600 0 60 50000 100000' 'in the cgroup'
ok 'ask "fill 70" filled' 'and 70m fit now'
ok 'ask see seen' 'it looks at its own cgroup'
is "$(head -n 3 "$T/said" | tr '\n' ' ')" '104857600 50000 100000 60 ' 'and sees the new limits'
ok 'ask drop dropped' 'it gives them back'
run_lichen update -m 48m --memory-swap 48m --pids-limit 10 --cpus 0.2 --cpuset-cpus 0 "$name"
is "$status" 0 'all are lowered, and a processor is chosen' || diag "$err"
is "$(file memory.max) $(file pids.max) $(file cpu.max) $(file cpuset.cpus.effective)" '50331648 10 20000 100000 0' 'in the cgroup'
: >"$T/said.err"
echo 'fork 20' >&8
wait_for 'grep -q "fork: " "$T/said.err"' 20
ok $? 'the limit of processes is obeyed'
kill -KILL "$pid"
finish
exec 8>&-

# ---- more than the level above, and what must be there from the start ----

start --name "$name" --cgroup-manager systemd host sh -c 'echo ready; exec sleep 300'
box=$(sed -n 's/.*"cgroup": "\(.*\)".*/\1/p' "/run/user/$(id -u)/lichen/$(readlink "/run/user/$(id -u)/lichen/names/$name")/state.json")
run_lichen update -m 64m "$name"
is "$status,$(file memory.max)" '0,67108864' 'a sandbox without limits gets one' || diag "$err"
systemctl --user set-property --runtime "${box%/box}" MemoryMax=200M 2>/dev/null ||
	systemctl --user set-property --runtime "$(basename "${box%/box}")" MemoryMax=200M
wrong 'more than the level above' 'the level above allows less' '--memory 314572800' 'memory.max 209715200' -- update -m 300m "$name"
wrong 'more than the machine' '--memory .* this machine has' -- update -m 900g "$name"
is "$(file memory.max)" 67108864 'nothing has changed'
wrong 'a controller that is not there' 'hugetlb' 'cgroup' -- update -m 80m --cgroup-conf hugetlb.2MB.max=0 "$name"
is "$(file memory.max)" 67108864 'nor then'

# ---- two at once ----

lost=
for i in 101 102 103 104; do
	"$LICHEN" update --pids-limit "$i" "$name" >/dev/null &
	one=$!
	"$LICHEN" update -m "${i}m" "$name" >/dev/null || lost="$lost failed"
	wait "$one" || lost="$lost failed"
	[ "$(file pids.max)" = "$i" ] && [ "$(file memory.max)" = $((i << 20)) ] || lost="$lost $i"
done
is "$lost" '' 'of two updates at once none is lost'
run_lichen update --cpus 0.5 "$name"
is "$(file pids.max)" 104 'nor afterwards, in what lichen keeps'
run_lichen update --force -m 6m --memory-swap 6m "$name"
is "$status" 0 '--force' || diag "$err"
kill -TERM "$pid"
finish
is "$status" 143 'the sandbox ends as ever'

done_testing
