#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session-all
# Where the administrator gave the user all controllers: processors and disks. And what /proc tells.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

run_lichen run --cpuset-cpus 1 --cpuset-mems 0 host sh -c 'nproc; grep Cpus_allowed_list /proc/self/status; cat /sys/fs/cgroup/cpuset.cpus.effective'
is "$status" 0 'a set of processors'
is "$out" "1
Cpus_allowed_list:	1
1" 'is obeyed'
run_lichen run --cpuset-cpus 0-7 host true
like "$err" '--cpuset-cpus 0-7: this machine has 0-1' 'processors that the machine does not have are refused'

disk=$(lsblk -ndo PATH -e 7,11 2>/dev/null | head -n 1)
: "${disk:=/dev/vda}"
run_lichen run --device-write-bps "$disk:1m" --device-read-iops "$disk:50" -v "$T:/t" host sh -c '
	cat /sys/fs/cgroup/io.max
	dd if=/dev/zero of=/t/file bs=256k count=12 oflag=direct 2>/dev/null
	sed -n "s/some.*total=//p" /sys/fs/cgroup/io.pressure'
is "$status" 0 'disks are throttled where io is delegated'
like "$out" '^[0-9]*:[0-9]* rbps=max wbps=1048576 riops=50 wiops=max$' 'by the numbers asked for'
# 3 MiB at 1 MiB a second: more than a second of it is waiting, as the kernel counts
# shellcheck disable=SC2016 # for ok
ok '[ "$(printf "%s\n" "$out" | tail -n 1)" -gt 1000000 ]' 'and a writer waits'
run_lichen run --blkio-weight 100 host cat /sys/fs/cgroup/io.weight
if [ "$status" -eq 0 ]; then
	is "$out" 'default 910' 'the weight is translated'
else
	like "$err" 'io.weight: No such file' 'or the kernel has no weights, which is said'
fi

# ---- --proc-limits ----

run_lichen run -m 64m --memory-swap 64m --cpus 1 --cpuset-cpus 0 --proc-limits host sh -c '
	sed -n "s/^MemTotal: *//p; s/^SwapTotal: *//p" /proc/meminfo
	grep -c ^processor /proc/cpuinfo; cat /sys/devices/system/cpu/online
	free=$(sed -n "s/^MemFree: *\([0-9]*\).*/\1/p" /proc/meminfo)
	dd if=/dev/zero of=/tmp/file bs=1M count=20 2>/dev/null
	now=$(sed -n "s/^MemFree: *\([0-9]*\).*/\1/p" /proc/meminfo)
	[ $((free - now)) -gt 18000 ] && echo less free
	free -m | sed -n "s/^Mem: *\([0-9]*\) .*/\1/p"
	read -r up _ </proc/uptime; [ "${up%.*}" -lt 60 ] && echo young'
is "$status" 0 'with --proc-limits'
is "$out" '65536 kB
0 kB
1
0
less free
64
young' '/proc tells the limits of the sandbox and its use, which changes'

# ---- the whole of a limit that the level above has not ----

run_lichen run --cgroup-conf pids.max=7 --cgroup-conf cpu.uclamp.max=max host cat /sys/fs/cgroup/pids.max
if [ "$status" -eq 0 ]; then
	is "$out" 7 'any other key can be set'
else
	like "$err" 'cpu.uclamp.max: No such file' 'and a key that this kernel lacks is named'
fi
done_testing
