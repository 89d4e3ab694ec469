#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# While a sandbox runs, its directory says what it is; afterwards there is none.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
# Prints the config.json of every run of this test that is on disk; root's are shared by all.
root=$T/root
busybox_root "$root"
mkfifo "$T/go"
exec 9<>"$T/go"
states() {
	tap_runtime_dirs | while read -r dir; do grep -lsF "$1" "$dir"/*/state.json; done
}

"$LICHEN" run -i --name "n-$mark" -e SET=value -h box --cap-drop mknod "$root" sh -c 'echo up; read -r line' <&9 >"$T/said" 2>"$T/said.err" &
pid=$!
wait_for '[ -s "$T/said" ] || ! kill -0 "$pid" 2>/dev/null' 30
is "$(cat "$T/said")" up 'it runs' || diag "$(cat "$T/said.err")"

config=$(configs)
is "$(printf '%s\n' "$config" | grep -c .)" 1 'there is one config.json'
"$probe" json "$config"
ok $? 'it is JSON'
text=$(tr -d '\n\t' <"$config")
like "$text" '"ociVersion": ?"1\.' "of the OCI runtime specification's form"
like "$text" "\"path\": ?\"$root\"" 'it names the root file system'
like "$text" '"hostname": ?"box"' 'the host name'
like "$text" '"SET=value"' 'the environment'
like "$text" '"noNewPrivileges": ?true' 'no new privileges'
unlike "$text" 'CAP_MKNOD' 'the capabilities without the dropped one'
like "$text" 'CAP_CHOWN' 'and with the others'
for ns in user mount pid network ipc uts cgroup; do
	like "$text" "\"type\": ?\"$ns\"" "a $ns namespace"
done
like "$text" '"maskedPaths": ?\[ *"' 'masked paths'
dir=${config%/config.json}
is "$(stat -c '%a %u' "$dir")" "700 $(id -u)" 'the directory is closed to others'
id=${dir##*/}
like "$id" '^[0-9a-f]{64}$' 'its name is the id'

state=$(states "$id")
is "$(printf '%s\n' "$state" | grep -c .)" 1 'there is one state.json'
"$probe" json "$state"
ok $? 'it is JSON'
text=$(tr -d '\n\t' <"$state")
like "$text" '"status": ?"running"' 'it says that it runs'
like "$text" "\"supervisor\": ?${pid}[,}]" 'who supervises it'
like "$text" '"(ids|idmap)=(range|single)"' 'which ids were taken'
like "$text" '"overlay=(kernel|copy)"' 'and which overlay'
inner=$(printf '%s\n' "$text" | sed 's/.*"pid": *\([0-9]*\).*/\1/')
like "$(readlink "/proc/$inner/ns/pid_for_children" "/proc/$inner/ns/pid" 2>/dev/null)" 'pid:' 'the pid is that of a process'
isnt "$(readlink "/proc/$inner/ns/pid" 2>/dev/null)" "$(readlink /proc/self/ns/pid)" 'in the sandbox'
like "$(sed 's/.*) //' "/proc/$inner/stat" | cut -d' ' -f20)" "^$(printf '%s\n' "$text" | sed 's/.*"pidStart": *\([0-9]*\).*/\1/')\$" 'with its start time'
if tap_runtime_dirs | grep -q .; then
	is "$(stat -c %a "${state%/*}")" 700 'the live directory is closed to others'
fi

echo end >&9
wait "$pid"
is $? 0 'it ends'
exec 9>&-
is "$(configs)" '' 'there is no config.json any more'
is "$(states "$id")" '' 'and no state.json'
ok '[ ! -e "$dir" ] && [ ! -e "${state%/*}" ]' 'nor the directories'

done_testing
