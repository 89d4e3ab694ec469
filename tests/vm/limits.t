#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# Limits in an ordinary login session, where nothing is delegated: the user's systemd makes a scope. What
# becomes of the processes that run into them.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

# Memory that is really written: a file on a tmpfs of the sandbox, whose pages are the group's.
# shellcheck disable=SC2016 # for the sandbox
HOG='dd if=/dev/zero of=/tmp/hog bs=1M count=200 2>/dev/null; echo still here'

# ---- what is asked for is there ----

run_lichen run --verbose --name box -m 64m --memory-reservation 16m --memory-high 60m --cpus 0.5 -c 512 --pids-limit 50 host sh -c '
	cd /sys/fs/cgroup
	cat memory.max memory.swap.max memory.low memory.high memory.oom.group cpu.max cpu.weight pids.max /proc/self/cgroup
	echo 1g >memory.max || :'
is "$status" 0 'a command with limits runs'
like "$err" 'cgroup lichen-[0-9a-f]* memory cpu pids: systemd' 'in a scope of the user'"'"'s systemd'
is "$out" '67108864
67108864
16777216
62914560
1
50000 100000
20
50
0::/' 'the limits are what is asked for, and what it sees; its cgroup is the top'
like "$err" 'memory.max: Read-only' 'and it cannot change them'

# ---- memory: the hog is killed, and the rest of the sandbox with it; lichen is left to tell ----

run_lichen run -m 32m --memory-swap 32m host sh -c "sleep 1000 & $HOG"
is "$status" 137 'a command that goes beyond its memory ends by SIGKILL'
unlike "$out" 'still here' 'and all of the sandbox with it'
like "$err" 'the memory limit ended it: 32MiB \(--memory\) were reached, and the kernel killed [0-9]+ of its processes' 'which lichen says'
run_lichen run --json -m 32m --memory-swap 32m host sh -c "$HOG"
like "$err" '"oomKilled":true,"by":"memory"' 'also as JSON'

# ---- nobody inside lifts them: the host's cgroups are not below the host's /sys ----

# shellcheck disable=SC2016 # for the sandbox
run_lichen run -u 0 --privileged --network=host -m 40m host sh -c '
	ls -d /sys/class/net/lo; mount -o remount,rw,bind /sys/fs/cgroup; umount -l /sys/fs/cgroup; find /sys/ -xdev -path "*cgroup/*"
	mount -o remount,rw,bind /sys 2>/dev/null; find /sys/ -path "*/box/memory.max"'
is "$out" '/sys/class/net/lo' 'privileged and with the host'"'"'s network it finds no group of the host'"'"'s, nor its own limits'
run_lichen run --cgroupns-rw -u 0 -m 64m host sh -c '
	cd /sys/fs/cgroup && mkdir s && echo 8m >s/memory.max && (echo 0 >s/cgroup.procs; dd if=/dev/zero of=/tmp/hog bs=1M count=20 2>/dev/null); exit 3'
is "$status" 3 'a group of its own that runs out of memory'
unlike "$err" 'the memory limit ended it' 'is not the sandbox'"'"'s limit'

# ---- processes ----

# shellcheck disable=SC2016 # for the sandbox
run_lichen run --pids-limit 12 host sh -c '
	i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i + 1)); done 2>/dev/null
	cat /sys/fs/cgroup/pids.current; exit 3'
# shellcheck disable=SC2016 # for ok; a shell that cannot fork may end by it
ok '[ "${out:-0}" -le 12 ]' 'no more processes than the limit'
like "$err" 'hit its limit of processes [0-9]+ times: no more than 12 \(--pids-limit\)' 'and lichen says what fork failed by'

run_lichen run --cgroupns-rw --pids-limit 12 host sh -c '
	i=0; while [ $i -lt 40 ]; do sleep 100 & i=$((i + 1)); done 2>/dev/null; exit 3'
like "$err" 'hit its limit of processes' 'also from the level that is handed on'

# ---- processors, by the kernel's own count ----

run_lichen run --timeout 6 --cpus 0.2 host sh -c '
	while :; do :; done & wait'
is "$status" 124 'the time limit of a busy command ends it'
like "$err" 'held it back in [0-9]+ % of the periods \(cpu.max 20000 100000' 'which was throttled by --cpus'

# ---- what cannot be had is said before anything starts ----

run_lichen run --cpuset-cpus 0 host true
is "$status" 125 'a controller that the user manager does not have is an error'
like "$err" 'the controller cpuset is missing in our part of the cgroup tree, from /user.slice(/user-1000.slice(/user@1000.service)?)? on' 'which names the controller and the level'
like "$err" 'user@.service.d/lichen.conf .*Delegate=cpu cpuset io memory pids' 'and the drop-in that grants it'
run_lichen run -m 900g host true
like "$err" '--memory 966367641600: this machine has [0-9]+ bytes' 'more than the machine has is refused'
run_lichen run --cpus 64 host true
like "$err" '--cpus 64.00: this machine has [0-9]+ processors' 'processors, too'
run_lichen run --pids-limit 99999999 host true
like "$err" 'kernel.pid_max' 'and processes'
run_lichen run --cgroup-manager=cgroupfs -m 64m host true
is "$status" 125 'a pinned way that is not there is an error'
like "$err" 'was not delegated to us' 'which says why'
run_lichen run --cgroup-parent "/user.slice/user-$(id -u).slice/user@$(id -u).service/app.slice" -m 64m host true
is "$status" 125 'a slice that systemd arranges is not ours to make cgroups in'
like "$err" 'was not delegated to us' 'and said to be'
run_lichen run --cgroup-conf memory.nonsense=1 host true
is "$status" 125 'a file that the kernel does not have is an error'
like "$err" 'memory.nonsense: No such file' 'with its name'

# ---- without limits nobody is asked ----

run_lichen run --verbose host cat /proc/self/cgroup
is "$status" 0 'without limits it runs all the same'
like "$err" 'cgroup: none of the sandbox' 'in the cgroup of its caller'

done_testing
