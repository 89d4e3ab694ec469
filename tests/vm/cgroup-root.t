#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: root
# Groups of root: the machine's systemd makes the scope, and nothing is made in its tree by ourselves.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

scope=/lichen.slice/lichen-group-job.scope
at_exit 'systemctl stop lichen.slice 2>/dev/null'

run_lichen cgroup create -m 24m --cpuset-cpus 0 job
is "$status,$err" '0,' 'create'
run_lichen cgroup exec job sh -c 'grep ^0:: /proc/self/cgroup; cat /sys/fs/cgroup/lichen.slice/*.scope/box/memory.max; nproc; exit 7'
is "$out" "0::$scope/box
25165824
1" 'a command is in it, and limited'
is "$status" 7 'with its own status'
run_lichen cgroup rm job
is "$status" 0 'rm'
ok '! [ -e "/sys/fs/cgroup$scope" ]' 'the scope is gone'
systemctl stop lichen.slice

done_testing
