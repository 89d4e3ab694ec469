#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# Groups in an ordinary login session: the user's systemd makes a scope, which a small process keeps.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

uid=$(id -u)
slice=/user.slice/user-$uid.slice/user@$uid.service/lichen.slice
scope=$slice/lichen-group-job.scope
at_exit 'systemctl --user stop lichen-group-job.scope lichen-group-two.scope 2>/dev/null'

# holders: how many processes keep scopes.
holders() {
	cat /proc/[0-9]*/comm 2>/dev/null | grep -cx lichen-holder
}

# ---- made, seen, limited ----

run_lichen cgroup create -m 24m --pids-limit 40 job
is "$status" 0 'create'
is "$err" '' 'without a word'
run_lichen cgroup ls
like "$out" "^job +cpu memory pids +0 +/sys/fs/cgroup$scope/box\$" 'ls has it, and nothing is in it'
run_lichen cgroup show job memory.max pids.max memory.oom.group
is "$out" 'memory.max: 25165824
memory.oom.group: 0
pids.max: 40' 'show has its limits'
is "$(holders)" 1 'one process keeps it'
pid=$(cat "/sys/fs/cgroup$scope/holder/cgroup.procs")
is "$(readlink "/proc/$pid/fd/0" "/proc/$pid/fd/1" "/proc/$pid/fd/2" | sort -u)" /dev/null 'with nothing of ours open'
is "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)" 3 'and nothing else'
run_lichen cgroup create job
is "$status" 125 'the same name again is refused'
like "$err" "'job' is there already" 'and said why'
run_lichen cgroup create -m 4g --pids-limit 40 two
is "$status" 125 'more memory than there is: refused'
ok '! [ -e "/sys/fs/cgroup$slice/lichen-group-two.scope" ]' 'and no group is made'
is "$(holders)" 1 'nor left a process'

# ---- entered from outside the delegated part ----

run_lichen cgroup exec job sh -c 'grep ^0:: /proc/self/cgroup; exit 7'
is "$out" "0::$scope/box" 'a command of the session runs in it'
is "$status" 7 'and its status is its own'
run_lichen cgroup exec job sh -c 'tail /dev/zero; echo "ended with $?"'
like "$out" 'ended with 137' 'the memory limit holds, for one process'
run_lichen cgroup set --pids-limit 30 job cpu.max='50000 100000'
is "$status" 0 'set'
run_lichen cgroup show job pids.max cpu.max
is "$out" 'cpu.max: 50000 100000
pids.max: 30' 'is in force'
run_lichen cgroup set -m 32m job pids.max=nonsense
is "$status" 125 'a wrong one is refused'
run_lichen cgroup show job memory.max pids.max
is "$out" 'memory.max: 25165824
pids.max: 30' 'and nothing is changed'

# ---- a group in it ----

run_lichen cgroup create -m 16m job/part
is "$status" 0 'a group in the group'
run_lichen cgroup exec job true
is "$status" 125 'the upper one takes no processes then'
like "$err" 'lichen cgroup exec job/part' 'and a lower one is named'
run_lichen cgroup exec job/part sh -c 'grep ^0:: /proc/self/cgroup'
is "$out" "0::$scope/box/part" 'that one does'
run_lichen cgroup tree
like "$out" '^[`|]- job  \(0 processes, .* of 24MiB, 0.5 cpus\)' 'tree: the upper one'
like "$out" '^   `- part  \(0 processes, .* of 16MiB\)' 'tree: the lower one'

# ---- removed ----

"$LICHEN" cgroup exec job/part sleep 300 &
sleeper=$!
wait_for 'grep -q . "/sys/fs/cgroup$scope/box/part/cgroup.procs"'
run_lichen cgroup rm -r job
is "$status" 125 'rm: refused with a process in it'
like "$err" '1 process is in it' 'and told'
run_lichen cgroup rm -rf job
is "$status" 0 'rm -rf'
wait "$sleeper"
is "$?" 137 'the process is ended'
ok '! [ -e "/sys/fs/cgroup$scope" ]' 'the scope is gone'
is "$(holders)" 0 'and who kept it'

# ---- for one command ----

run_lichen cgroup exec -m 24m two sh -c 'grep ^0:: /proc/self/cgroup; cat "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)/memory.max"; exit 9'
is "$out" "0::$slice/lichen-group-two.scope/box
25165824" 'made for the command'
is "$status" 9 'with its status'
run_lichen cgroup exec -m 24m two sh -c 'tail /dev/zero'
is "$status" 137 'a memory hog is ended'
like "$err" 'memory limit ended it: 24MiB \(--memory\) were reached' 'and told of'
wait_for '! [ -e "/sys/fs/cgroup$slice/lichen-group-two.scope" ]'
ok $? 'nothing of it is left'
run_lichen cgroup ls -q
is "$out" '' 'no group is left'
# A slice without units stays with systemd, as it is its own.
systemctl --user stop lichen.slice

done_testing
