#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub vm
# --sysctl sets what a namespace of the sandbox owns, and refuses everything else before the start.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
root=$T/root
busybox_root "$root"

# value KEY: as the sandbox sees it, in the last run's output.
run_lichen run --sysctl net.ipv4.ip_unprivileged_port_start=80 --sysctl net/ipv4/conf/lo/forwarding=1 "$root" \
	sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/conf/lo/forwarding'
is "$status" 0 'network parameters' || diag "$err"
is "$out" '80
1' 'have the values, by either separator'
isnt "$(cat /proc/sys/net/ipv4/conf/lo/forwarding)$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 180 'the machine keeps its own'
run_lichen run --sysctl 'net.ipv4.ip_local_port_range=2000 3000' "$root" cat /proc/sys/net/ipv4/ip_local_port_range
is "$out" "2000	3000" 'several numbers'
run_lichen run --sysctl net.ipv4.ip_unprivileged_port_start=80 host cat /proc/sys/net/ipv4/ip_unprivileged_port_start
is "$out" 80 'with host'
run_lichen run --read-only --sysctl net.ipv4.ip_unprivileged_port_start=81 "$root" sh -c 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; (echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start) 2>&1'
like "$out" '^81$' 'with a read-only root'
like "$out" 'Read-only' 'the command itself cannot change it'
run_lichen run --sysctl kernel.domainname=example.org "$root" cat /proc/sys/kernel/domainname
is "$out" example.org 'kernel.domainname'
run_lichen run --domainname two.example "$root" cat /proc/sys/kernel/domainname
is "$out" two.example '--domainname'
isnt "$(cat /proc/sys/kernel/domainname)" example.org "not the machine's"

# ipc: of the namespace since Linux 6.9
run_lichen run --sysctl kernel.shmmax=12345 --sysctl 'kernel.sem=250 32000 100 129' --sysctl fs.mqueue.msg_max=17 "$root" \
	cat /proc/sys/kernel/shmmax /proc/sys/fs/mqueue/msg_max /proc/sys/kernel/sem
if [ "$status" -eq 0 ]; then
	is "$(printf '%s\n' "$out" | head -n 2)" '12345
17' 'parameters of ipc'
	isnt "$(cat /proc/sys/kernel/shmmax)" 12345 "not the machine's"
else
	like "$err" 'Linux 6\.9' 'parameters of ipc, on an older kernel: it is said which one has them'
	is "$status" 125 'with 125'
fi

wrong_option "the machine's" 'vm.swappiness' 'whole machine' -- --sysctl vm.swappiness=1
wrong_option "another of the machine's" 'kernel.core_pattern' 'whole machine' -- --sysctl 'kernel.core_pattern=|/x'
wrong_option 'the host name' 'kernel.hostname' '-h NAME' -- --sysctl kernel.hostname=x
wrong_option 'no value' 'KEY=VALUE' -- --sysctl net.ipv4.ip_forward
wrong_option 'no key' 'KEY=VALUE' -- --sysctl =1
wrong_option 'a path that climbs' 'no name of a sysctl' -- --sysctl net/../kernel/core_pattern=x
wrong_option 'one that the kernel has not' 'net.ipv4.ip_forwrd' 'net.ipv4.ip_forward' -- --sysctl net.ipv4.ip_forwrd=1
wrong_option 'a value that the kernel does not take' 'net.ipv4.ip_forward=many' 'EINVAL' -- --sysctl net.ipv4.ip_forward=many
mkdir -p "$T/proc" "$root/proc/sys/net/ipv4"
echo 0 >"$root/proc/sys/net/ipv4/ip_forward"
chmod -R a+rwX "$root/proc"
run_lichen run --sysctl net.ipv4.ip_forward=1 -v "$T/proc:/proc" "$root" true
is "$status" 125 "where another option covers /proc, no file of the root's own is taken for a parameter: 125"
like "$err" '/proc.*no procfs' 'and that is said'

done_testing
