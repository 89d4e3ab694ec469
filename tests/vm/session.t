#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# In a login session of a distribution with systemd, lichen runs the machine's own system and a directory.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns subids busybox
uid=$(id -u)

# ---- it is what the others rely on ----

like "$(cat /proc/self/cgroup)" "^0::/user.slice/user-$uid.slice/session-[0-9c]+.scope\$" 'the test is in a session'
is "${XDG_RUNTIME_DIR:-}" "/run/user/$uid" 'with a runtime directory'
ok '[ -S "$XDG_RUNTIME_DIR/bus" ]' 'and the bus of the user'
is "$(cat "/sys/fs/cgroup/user.slice/user-$uid.slice/user@$uid.service/cgroup.controllers")" 'cpu memory pids' \
	'the user manager has the controllers that Debian gives it'

# ---- the machine's own system ----

run_lichen run host id -u
is "$status" 0 'lichen run host'
is "$out" "$uid" 'as the user'

done_testing
