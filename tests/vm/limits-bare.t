#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: bare
# A user without a session and without a systemd of his own: nothing is delegated, and nobody can be asked.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

run_lichen run --verbose host cat /proc/self/cgroup
is "$status" 0 'without limits it runs'
like "$err" 'cgroup: none of the sandbox' 'in the cgroup of its caller'
for limit in '-m 64m' '--cpus 1' '--pids-limit 10' '--proc-limits' '--cgroupns-rw'; do
	# shellcheck disable=SC2086 # two words
	run_lichen run $limit host true
	is "$status" 125 "$limit cannot be had"
	like "$err" 'was not delegated to us, and no systemd of ours answers' 'why'
	like "$err" 'loginctl enable-linger bare' 'and what to do'
done
run_lichen run --cgroup-manager=systemd host true
is "$status" 125 'a pinned systemd that does not answer is an error'
run_lichen run --cgroup-manager=none -m 64m host true
is "$status" 125 'limits and no cgroup at all exclude each other'
run_lichen doctor --json
like "$out" '"id": *"cgroup-delegation"[^}]*"missing"|"cgroup-delegation".*missing' 'doctor says so, too'
done_testing
