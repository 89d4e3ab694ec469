#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session-all
# A systemd as process 1 of a sandbox, in the cgroup that is handed on to it, within the sandbox's limits.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

mkdir "$T/units"
cat >"$T/units/probe.target" <<END
[Unit]
DefaultDependencies=no
Requires=probe.service
After=probe.service
END
cat >"$T/units/probe.service" <<'END'
[Unit]
DefaultDependencies=no
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
MemoryMax=16M
ExecStart=/bin/sh -c 'exec >/t/out 2>&1; cat /proc/self/cgroup; cat /sys/fs/cgroup$$(sed -n s/^0:://p /proc/self/cgroup)/memory.max; cat /proc/1/comm'
END
run_lichen run --privileged --init=false -u 0 --cgroupns-rw -m 200m --pids-limit 100 -e container=lichen -v "$T:/t" \
	-v "$T/units:/run/systemd/system:ro" host /lib/systemd/systemd --system --unit=probe.target
diag "$status $err $(tail -n 20 "$T/out" 2>/dev/null)"
is "$(cat "$T/out" 2>/dev/null)" '0::/payload/system.slice/probe.service
16777216
systemd' 'a service of a systemd inside has a cgroup and a limit of its own'
done_testing
