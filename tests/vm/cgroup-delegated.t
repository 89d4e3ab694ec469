#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: delegated
# Groups where the shell's own cgroup is delegated: lichen makes them itself, and limits need a level without processes.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

own=/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)

run_lichen cgroup create plain
is "$status" 0 'a group without limits'
run_lichen cgroup exec plain sh -c 'grep ^0:: /proc/self/cgroup'
is "$out" "0::${own#/sys/fs/cgroup}/lichen.plain" 'takes a command'
run_lichen cgroup create -m 24m job
is "$status" 125 'limits need controllers, which cannot be enabled above the shell'
like "$err" "controllers must be enabled in our cgroup .*, where [0-9]+ other processes sit" 'which is said'
run_lichen cgroup rm plain
is "$status" 0 'rm'

# As the hint says: the shell goes to a cgroup below.
mkdir "$own/shell"
at_exit 'for p in $(cat "$own/shell/cgroup.procs"); do echo "$p" >"$own/cgroup.procs"; done 2>/dev/null; rmdir "$own/shell"'
at_exit 'for c in $(cat "$own/cgroup.subtree_control"); do echo "-$c" >"$own/cgroup.subtree_control"; done'
cp "$own/cgroup.procs" "$T/procs"
while read -r pid; do
	echo "$pid" >"$own/shell/cgroup.procs" 2>/dev/null
done <"$T/procs"
run_lichen cgroup create -m 24m --cpus 0.5 job
is "$status" 0 'with the shell out of the way: limits'
is "$(cat "$own/lichen.job/memory.max" "$own/lichen.job/cpu.max")" '25165824
50000 100000' 'they are set'
run_lichen cgroup exec job sh -c 'grep ^0:: /proc/self/cgroup; tail /dev/zero; echo "ended with $?"'
is "$out" "0::${own#/sys/fs/cgroup}/lichen.job
ended with 137" 'and hold'
run_lichen cgroup create -p -m 16m up/down
is "$status" 0 'a group in a group'
is "$(cat "$own/lichen.up/memory.max" "$own/lichen.up/down/memory.max")" 'max
16777216' 'the limit is the lower one'\''s'
run_lichen cgroup exec -m 24m once sh -c 'tail /dev/zero'
is "$status" 137 'a memory hog is ended'
like "$err" 'memory limit ended it' 'and told of'
run_lichen cgroup exec --pids-limit 5 once sh -c 'for i in 1 2 3 4 5 6 7; do sleep 5 & done; wait; exit 1'
like "$err" 'limit of processes' 'so is one with too many processes'
run_lichen cgroup rm -r job up
is "$status" 0 'rm of two'
is "$(ls -d "$own"/lichen* 2>/dev/null)" '' 'nothing is left'

done_testing
