#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# Limits in an ordinary login session: nothing there is delegated, so the user's systemd makes a scope.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

run_lichen run --verbose -m 64m --cpus 0.5 --pids-limit 50 host sh -c '
	cd /sys/fs/cgroup && cat memory.max memory.swap.max memory.oom.group cpu.max pids.max; cat /proc/self/cgroup
	(echo 1g >memory.max) 2>/dev/null && echo written'
is "$status" 0 'a command with limits runs'
like "$err" 'systemd' 'over systemd'
is "$out" '67108864
67108864
1
50000 100000
50
0::/' 'its limits are what it sees, and the cgroup is the top'
done_testing
