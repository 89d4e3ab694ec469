#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: delegated
# Limits in a cgroup that was delegated to the user, without any systemd of his: lichen makes the subtree itself.
# Here the test's own shell sits in that cgroup, so controllers cannot be enabled in it at first.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

own=$(sed -n 's/^0:://p' /proc/self/cgroup)
dir=/sys/fs/cgroup$own

run_lichen run --verbose host cat /proc/self/cgroup /sys/fs/cgroup/cgroup.procs
is "$status" 0 'without limits it runs'
like "$err" 'cgroup lichen-[0-9a-f]*: cgroupfs' 'in a cgroup of its own, which costs nothing there'
is "$(find "$dir" -mindepth 1 -type d)" '' 'and nothing of it is left'

run_lichen run -m 64m host true
is "$status" 125 'where others sit in the delegated cgroup, controllers cannot be enabled'
like "$err" "in our cgroup $own, where [0-9]+ other processes sit, which lichen does not move" 'they are not moved, and the error says so'
like "$err" 'systemd-run --user --scope -p Delegate=yes' 'and what to do'
is "$(cat "$dir/cgroup.subtree_control")" '' 'nothing was enabled'

# ---- alone in a delegated cgroup: lichen moves itself to a leaf, and everything back ----

mkdir "$dir/tests" "$dir/alone"
echo $$ >"$dir/tests/cgroup.procs"
move_all() { while read -r pid; do echo "$pid" >"$2/cgroup.procs"; done <"$1/cgroup.procs" 2>/dev/null; }
move_all "$dir" "$dir/tests"
echo '+memory +pids +cpu' >"$dir/cgroup.subtree_control"
ok "[ -z \"\$(cat $dir/cgroup.procs)\" ]" 'the test has put its shell into a leaf'
# shellcheck disable=SC2016 # for the shell that moves
sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$dir/alone" "$LICHEN" run --verbose -m 32m host \
	sh -c 'cat /sys/fs/cgroup/memory.max' >"$T/out" 2>"$T/err"
is "$?" 0 'alone in a delegated cgroup it has limits'
is "$(cat "$T/out")" 33554432 'those asked for'
like "$(cat "$T/err")" 'cgroup lichen-[0-9a-f]* memory: cgroupfs' 'by itself'
is "$(find "$dir/alone" -mindepth 1 -type d)$(cat "$dir/alone/cgroup.subtree_control" "$dir/alone/cgroup.procs")" '' \
	'afterwards the cgroup is as it was: no group, no controller, no process'

# ---- the controllers are enabled above, where nobody sits: siblings ----

run_lichen run --verbose -m 32m --pids-limit 9 host sh -c 'cat /sys/fs/cgroup/pids.max'
is "$status" 0 'beside the shell, below the level that has the controllers, limits are to be had'
is "$out" 9 'as asked for'
is "$(find "$dir" -name '*lichen*')" '' 'and nothing is left'
echo 24m >"$dir/alone/memory.max"
run_lichen run --cgroup-parent "$own/alone" -m 32m host true
like "$err" "the level above allows less: --memory 33554432: $dir/alone has memory.max 25165824" 'a limit beyond the level above is refused'
run_lichen run --cgroup-parent "$own/alone" -m 16m host cat /sys/fs/cgroup/memory.max
is "$out" 16777216 'within it, --cgroup-parent takes that cgroup'

# ---- handed on: a sandbox inside has limits of its own, and cannot lift ours ----

run_lichen run --cgroupns-rw -m 48m host sh -c '
	cat /proc/self/cgroup; cd /sys/fs/cgroup && mkdir sub && echo 8m >sub/memory.max && cat sub/memory.max
	cat memory.max'
is "$out" '0::/payload
8388608
50331648' 'with --cgroupns-rw it makes groups of its own'
run_lichen run --cgroupns-rw -m 40m --memory-swap 40m host sh -c '
	echo max >/sys/fs/cgroup/memory.max || :; dd if=/dev/zero of=/tmp/hog bs=1M count=200 2>/dev/null; echo still here'
is "$status" 137 'and what it lifts inside does not lift the limit'
like "$err" 'the memory limit ended it: 40MiB' 'which still ends it'
run_lichen run --privileged -m 40m host sh -c 'mkdir /tmp/c && mount -t cgroup2 c /tmp/c && echo max >/tmp/c/memory.max
	ls -d /tmp/c/../c; cat /proc/self/cgroup'
like "$out" '0::/' 'a mount of its own shows no level above'
run_lichen run --cgroupns-rw --security-opt nested -m 200m -v /usr:/usr:ro host "$LICHEN" run -m 20m host cat /sys/fs/cgroup/memory.max
is "$status" 0 'lichen runs in lichen, with limits within the limits'
is "$out" 20971520 'its own'

# ---- another's cgroup namespace, from which ours cannot be seen ----

mkfifo "$T/up" "$T/go"
"$LICHEN" run --name first -v "$T:/t" host sh -c 'echo up >/t/up; read -r _ </t/go' &
first=$!
read -r _ <"$T/up"
run_lichen run --cgroupns=container:first host cat /proc/self/cgroup
is "$status" 0 'joined without limits: no cgroup of its own is made'
run_lichen run --cgroupns=container:first -m 32m host true
is "$status" 125 'joined with limits: refused'
like "$err" 'limits need a cgroup namespace of the sandbox.s own, .* another.s is joined' 'and why'
echo >"$T/go"
wait "$first"

# ---- fifty at once ----

i=0
while [ $i -lt 50 ]; do
	"$LICHEN" run -m 32m --pids-limit 20 host cat /sys/fs/cgroup/memory.max >"$T/out.$i" 2>"$T/err.$i" &
	i=$((i + 1))
done
wait
is "$(cat "$T"/out.* | sort | uniq -c | tr -s ' ')" ' 50 33554432' 'fifty at once have their limits' ||
	diag "$(cat "$T"/err.* | sort | uniq -c | sort -rn | head -n 5)"
is "$(find "$dir" -name '*lichen*')" '' 'and nothing of them is left'

# ---- a killed launcher leaves nothing: the keeper ends the box and puts everything back ----

mkfifo "$T/ready"
"$LICHEN" run -m 32m -v "$T:/t" host sh -c 'echo up >/t/ready; exec sleep 1000' &
pid=$!
read -r _ <"$T/ready"
ok '[ -n "$(find "$dir" -name "lichen-*")" ]' 'a running sandbox has its cgroup'
kill -KILL $pid
wait $pid 2>/dev/null
wait_for '[ -z "$(find "$dir" -name "lichen-*")" ]'
ok '[ -z "$(find "$dir" -name "lichen-*")" ]' 'after SIGKILL it is removed'

echo '-memory -pids -cpu' >"$dir/cgroup.subtree_control"
rmdir "$dir/alone"
move_all "$dir/tests" "$dir"
rmdir "$dir/tests"
done_testing
