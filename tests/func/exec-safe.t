#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tags: root nosub
# Nobody inside gets at what joins, and what is put in its way leads nowhere (CVE-2016-9962, 2019-5736, 2024-21626, 2024-9676).
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
. "$top_srcdir/tests/lib/tap.sh"

need userns busybox
find_probe
root=$T/root
busybox_root "$root"
probe_into "$root"
name=exec-safe-$$
mkdir "$T/out"
chmod 0777 "$T/out"
: >"$T/secret"

# Looks at every process that it sees, for as long as it runs: what is opened and found is written down.
cat >"$root/snoop" <<'END'
echo ready
while :; do
	for p in /proc/[0-9]*; do
		[ "$p" = /proc/1 ] || [ "$p" = "/proc/$$" ] && continue
		case $(readlink "$p/exe" 2>/dev/null) in *lichen*) echo "exe $p" >>/out/found ;; esac
		case $(ls -l "$p/fd" 2>/dev/null) in *memfd*|*socket:*|*"ns:"*|*"[4"*) ls -l "$p/fd" >>/out/found ;; esac
		r=$(readlink "$p/cwd" 2>/dev/null); case $r in "" | / | /srv) ;; *) echo "cwd $r" >>/out/found ;; esac
	done
	echo . >>/out/rounds
done
END
start --name "$name" --cap-add SYS_PTRACE -v "$T/out:/out" "$root" sh /snoop
n=0
while [ "$n" -lt 100 ]; do
	"$LICHEN" exec "$name" true || break
	n=$((n + 1))
done
is "$n" 100 'a hundred commands under the eyes of one that looks'
ok '[ -s "$T/out/rounds" ]' 'it has looked'
ok '[ ! -e "$T/out/found" ]' 'it has seen nothing of lichen' || diag "$(head -n 5 "$T/out/found")"
kill -TERM "$pid"
finish

start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
# shellcheck disable=SC2016 # for the shell inside
run_lichen exec -i "$name" sh -c 'for n in 3 4 5 6 7 8 9 10 11 12 13 14 15 64 65 66 67; do [ ! -e "/proc/$$/fd/$n" ] || echo "$n"; done; echo .' 9<"$T/secret"
is "$out" . 'no descriptor but three'
run_lichen exec "$name" sh -c 'mkdir -p /d && ln -s /proc/self/fd/7 /d/up && ln -s /proc/1/cwd/../../.. /d/out'
wrong 'the working directory is a descriptor' 'links of /proc such as' -- exec -w /proc/self/fd/7 "$name" true
wrong 'or a link to one' 'links of /proc such as' -- exec -w /d/up "$name" true
wrong 'or leads through /proc' 'links of /proc such as' -- exec -w /d/out "$name" true
run_lichen exec "$name" sh -c 'rm -f /etc/passwd && mkfifo /etc/passwd'
run_lichen exec -u 0 "$name" echo well
is "$out" well 'a pipe in the place of /etc/passwd holds nobody up'
wrong 'and is no file of names' 'not a regular file' -- exec -u me "$name" true
run_lichen exec "$name" sh -c 'cat /proc/sys/kernel/random/uuid >/dev/null; echo 1 2>/dev/null >/proc/sys/kernel/sysrq || echo no'
is "$out" no 'read-only paths are read-only'
run_lichen exec "$name" sh -c 'wc -c </proc/keys'
is "$(echo "$out" | tr -d ' ')" 0 'masks hold'
# shellcheck disable=SC2016 # for the shell inside
run_lichen exec "$name" sh -c 'grep -E "^CapInh" /proc/self/status; awk "{ print \$6 == \$1 }" /proc/self/stat'
like "$out" 'CapInh:.*0000000000000000' 'nothing is inheritable'
kill -TERM "$pid"
finish

# a silent caller holds nobody up, and others' words are answered
start --name "$name" "$root" sh -c 'echo ready; exec sleep 300'
if have cmd:python3; then
	live=$(tap_runtime_dirs | while read -r dir; do grep -lsF "\"$name\"" "$dir"/*/state.json; done | head -n 1)
	cat >"$T/callers.py" <<'PY'
import os, socket, subprocess, sys
os.chdir(sys.argv[1])
silent = []
for _ in range(40):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("control")
    silent.append(s)
bad = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
bad.connect("control")
bad.settimeout(10)
bad.send(b"nonsense")
print("told" if b"does not know these words" in bad.recv(4096) else "not told")
print(subprocess.run([sys.argv[2], "exec", sys.argv[3], "echo", "well"], capture_output=True, text=True).stdout, end="")
PY
	run_as_is python3 "$T/callers.py" "${live%/*}" "$LICHEN" "$name"
	[ "$status" -eq 0 ] || diag "$err"
	is "$out" 'told
well' 'silent callers hold nobody up, and nonsense is answered'
else
	skip "$tap_why" 'silent callers'
fi
kill -TERM "$pid"
finish
done_testing
