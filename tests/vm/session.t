#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: vm
# vm: session
# In a login session of a distribution with systemd, lichen runs the machine's own system and a directory,
# and doctor sees what the session has.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns subids busybox
uid=$(id -u)
manager=/user.slice/user-$uid.slice/user@$uid.service
session=$(sed -n 's/^0:://p' /proc/self/cgroup)

# ---- it is what the others rely on ----

like "$session" "^/user.slice/user-$uid.slice/session-[0-9c]+.scope\$" 'the test is in a session'
is "$(stat -c %U "/sys/fs/cgroup$session")" root 'the group of which is not its own'
is "${XDG_RUNTIME_DIR:-}" "/run/user/$uid" 'with a runtime directory'
ok '[ -S "$XDG_RUNTIME_DIR/bus" ]' 'and the bus of the user'
is "$(cat "/sys/fs/cgroup$manager/cgroup.controllers")" 'cpu memory pids' \
	'the user manager has the controllers that Debian gives it'

# ---- sandboxes ----

run_lichen run host sh -c 'id -u'
is "$out" "$uid" 'lichen run host: as the user'
root=$T/root
busybox_root "$root"
run_lichen run "$root" sh -c 'echo "$(id -u)"; cat /proc/self/uid_map; touch /etc/mine; chown 33:33 /etc/mine; stat -c %u:%g /etc/mine'
is "$(printf '%s\n' "$out" | sed -n 1p)" 0 'a directory: root inside'
is "$(printf '%s\n' "$out" | sed -n '2,3p' | tr -s ' ')" " 0 $uid 1
 1 200000 65536" 'who is the user, with the whole range of subordinate ids'
is "$(printf '%s\n' "$out" | sed -n 4p)" 33:33 'which are given to files'
ok '[ ! -e "$root/etc/mine" ]' 'and nothing of it is in the directory'

# ---- doctor ----

run_lichen doctor --json
is "$status" 0 'doctor: a sandbox runs'
doctor=$out
finding() { printf '%s\n' "$doctor" | grep -F "\"id\": \"$1\""; }
out=
like "$(finding cgroup)" '"works".*v2 on /sys/fs/cgroup' 'cgroup v2'
like "$(finding cgroup-delegation)" "\"works\".*$session is not ours.*below $manager" \
	'the session is not delegated, and the user manager can delegate'
like "$(finding cgroup-controllers)" "\"missing\".*cpu, memory, pids at $manager; not io .*cpuset.*Delegate=cpu cpuset io memory pids" \
	'the controllers that the user manager has, those that it has not, and how to have them'
like "$(finding user-manager)" "\"works\".*answers on /run/user/$uid/" 'the user manager answers'
like "$(finding linger)" '"missing".*enable-linger tester' 'the user does not linger'
like "$(finding runtime-dir)" "\"works\".*/run/user/$uid/lichen" "lichen's own runtime directory is in the user's"

done_testing
